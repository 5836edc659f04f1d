"""Whether an exported model answers as its PyTorch form does: tokens, log-probabilities, BLEU.

    python benchmarks/parity.py runs/multi30k-en-fr test_2016_flickr.en test_2016_flickr.fr

Ends with 1 if it does not: at fp32 at most 2 sentences may differ, all of them ties, and no
log-probability by more than 1e-4; int8 may lose at most 0.3 BLEU.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

import regard
from regard.data.formats.lines import read_texts
from regard.evaluation import CONVENTIONS, measure
from regard.export.export import Precision, export
from regard.files import write_json
from regard.system import describe_system
from regard.translation import Translation
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
BEAMS = (1, 5)
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
MOST = 2
"""Sentences that may differ at fp32."""
TIE = 1e-4
"""Log-probabilities that are closer than this are alike."""
LOSS = 0.3
"""BLEU that int8 may lose."""


class Difference(NamedTuple):
    """Of two translations of one sentence, as PyTorch reads them."""

    sentence: int
    expected: str
    actual: str
    at_first: float
    """Between the log-probabilities of the first tokens that differ, behind the same beginning."""
    of_rank: float
    """Between log-probability / length**alpha, by which a beam ranks."""

    @property
    def is_tie(self) -> bool:
        return min(self.at_first, self.of_rank) < TIE


def differences(
    judge: Translator, expected: Sequence[Translation], actual: Sequence[Translation]
) -> list[Difference]:
    """The sentences whose tokens differ, and by how much, as `judge` reads both."""
    indices = [
        sentence
        for sentence, (one, other) in enumerate(zip(expected, actual, strict=True))
        if ids_of(one) != ids_of(other)
    ]
    return [difference(judge, index, expected[index], actual[index]) for index in indices]


def difference(
    judge: Translator, sentence: int, one: Translation, other: Translation
) -> Difference:
    source = one.sentences[0].source_ids
    written = [ids_of(each) for each in (one, other)]
    read = [forced.log_probs for forced in judge.engine.force([source, source], written)]
    first = next(
        (at for at, (a, b) in enumerate(zip(*written, strict=False)) if a != b),
        min(map(len, written)),
    )
    alpha = judge.options.length_penalty if judge.options.beam > 1 else 0.0
    ranks = [float(log_probs.sum()) / len(log_probs) ** alpha for log_probs in read]
    return Difference(
        sentence,
        one.text,
        other.text,
        abs(float(read[0][first] - read[1][first])),
        abs(ranks[0] - ranks[1]),
    )


def largest_gap(some: Translator, others: Translator, translations: Sequence[Translation]) -> float:
    """Between the log-probabilities that two engines give to each token of these translations."""
    sources = [one.sentences[0].source_ids if one.sentences else [] for one in translations]
    targets = [ids_of(one) for one in translations]
    gaps = [0.0]
    for begin in range(0, len(translations), 64):
        part = slice(begin, begin + 64)
        for one, other in zip(
            some.engine.force(sources[part], targets[part]),
            others.engine.force(sources[part], targets[part]),
            strict=True,
        ):
            gaps.append(float(np.abs(one.log_probs - other.log_probs).max()))
    return max(gaps)


def compare(
    exact: Translator, exported: dict[Precision, Translator], texts: list[str], beam: int
) -> dict[str, Any]:
    """What each writes, and how it differs from what PyTorch writes."""
    options = structs.replace(exact.options, beam=beam)
    judge = exact.with_options(options)
    expected = judge.translate_sentences(texts)
    result: dict[str, Any] = {"texts": {"PyTorch": [one.text for one in expected]}}
    for precision, translator in exported.items():
        translations = translator.with_options(options).translate_sentences(texts)
        differing = differences(judge, expected, translations)
        result["texts"][precision] = [one.text for one in translations]
        result[precision] = {
            "differing": len(differing),
            "of them ties": sum(one.is_tie for one in differing),
            "largest gap of log-probabilities": largest_gap(judge, translator, expected),
        }
        if precision == "fp32":
            result[precision]["they are"] = [one._asdict() for one in differing]
    return result


def broken(result: dict[str, Any]) -> list[str]:
    """The laws that do not hold."""
    failures = []
    for beam, each in result.items():
        fp32, bleu = each["fp32"], each["BLEU"]
        if fp32["differing"] > MOST or fp32["differing"] > fp32["of them ties"]:
            failures.append(f"{beam}: {fp32['differing']} sentences differ at fp32")
        if fp32["largest gap of log-probabilities"] > TIE:
            failures.append(f"{beam}: log-probabilities differ at fp32")
        if bleu["fp32"] - bleu["int8"] > LOSS:
            failures.append(f"{beam}: int8 loses {bleu['fp32'] - bleu['int8']:.2f} BLEU")
    return failures


def ids_of(translation: Translation) -> list[int]:
    """Of one sentence, without </s>."""
    return translation.sentences[0].ids if translation.sentences else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="a model folder, its training text beside it")
    parser.add_argument("source", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--convention", choices=tuple(CONVENTIONS), default="multi30k")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "parity.json")
    asked = parser.parse_args()
    texts, references = list(read_texts(asked.source)), list(read_texts(asked.reference))
    exact = regard.load(asked.model, device="cpu")
    exported: dict[Precision, Translator] = {}
    with tempfile.TemporaryDirectory(prefix="regard-parity-") as scratch:
        for precision in PRECISIONS:
            file = Path(scratch) / f"{precision}.regard"
            export(asked.model, file, precision, [])
            exported[precision] = regard.load(file)
        results: dict[str, Any] = {}
        for beam in BEAMS:
            each = compare(exact, exported, texts, beam)
            each["BLEU"] = {
                name: round(
                    measure(written, references, exact.languages[1], asked.convention)[0].value, 2
                )
                for name, written in each.pop("texts").items()
            }
            results[f"beam {beam}"] = each
    laws = broken(results)
    result = {
        "model": asked.model.name,
        "text": f"{asked.source.name}, {len(texts)} sentences",
        "convention": asked.convention,
        **results,
        "broken": laws,
        "system": describe_system(),
    }
    write_json(asked.out, result)
    print(json.dumps(result, indent=2, ensure_ascii=False))
    sys.exit(1 if laws else 0)


if __name__ == "__main__":
    main()
