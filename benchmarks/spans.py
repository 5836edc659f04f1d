"""Is every span copied exactly once, where does it stand, and what does it cost?

    python benchmarks/spans.py SOURCE REFERENCE [--model MODEL] [--lines 10000] [--torch-lines 1000]

Copied: random lines with 1 to 6 spans of all families (those of realtext.py), through both
engines, greedy and with beam 5, alone and in batches. PyTorch needs a model folder: --torch-model.
Placed: pairs that share a name or a number, which is protected on the source side; its
neighbours, and BLEU, are compared with those of the plain translation. Cost: the seconds for
these lines with the span and as plain text, in turns.
"""

import argparse
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import regard
from realtext import OTHER_SPANS, SPANS, Case, with_several_spans
from regard.config import SearchOptions
from regard.data.formats.lines import read_texts
from regard.evaluation import bleu
from regard.files import write_json
from regard.models import DEFAULT
from regard.system import describe_system
from regard.translation import Translation
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
SEED = 1
SPANS_IN_A_LINE = 1, 6
BEAMS = (1, 5)
PAIRS = 500
ROUNDS = 9
TIMED = 100
"""Pairs whose times are measured."""
FAMILIES = [*SPANS.values(), *OTHER_SPANS.values()]
TOKEN = re.compile(r"\w+(?:[-'’.,]\w+)*|[^\w\s]")
SHARED = re.compile(r"(?<!^)(?<![.!?\"'] )\b(?:[A-Z][a-z]+|\d{2,})\b")
"""A name within a sentence, or a number."""


class SharedPair(NamedTuple):
    """A sentence pair in which one name or number stands once on each side."""

    source: str
    reference: str
    shared: str


def wrong_lines(cases: Sequence[Case], translations: Iterable[str]) -> list[tuple[str, str]]:
    """The lines in whose translation a span is missing or is there twice."""
    return [
        (case.source, translation)
        for case, translation in zip(cases, translations, strict=True)
        if any(translation.count(span) != 1 for span in case.kept)
    ]


Translate = Callable[[Sequence[str]], Sequence[Translation]]


class Timed(NamedTuple):
    translate: Translate
    sources: Sequence[str]


def with_beam(translator: Translator, beam: int) -> Translator:
    return translator.with_options(SearchOptions(beam=beam))


def check_copies(translator: Translator, cases: Sequence[Case]) -> dict[str, Any]:
    """How many lines are wrong with each search."""
    results: dict[str, Any] = {}
    sources = [case.source for case in cases]
    for beam in BEAMS:
        search = with_beam(translator, beam)
        ways = {
            "in batches": (one.text for one in search.translate(sources)),
            "alone": (search.translate([source])[0].text for source in sources),
        }
        for way, texts in ways.items():
            wrong = wrong_lines(cases, texts)
            results[f"beam {beam}, {way}"] = {"wrong": len(wrong), "first_wrong": wrong[:3]}
            print(f"{len(wrong):6} of {len(cases)} wrong: beam {beam}, {way}", flush=True)
    return {"lines": len(cases), "spans": sum(len(case.kept) for case in cases), **results}


def shared_pairs(sources: Sequence[str], references: Sequence[str]) -> list[SharedPair]:
    pairs = []
    for source, reference in zip(sources, references, strict=True):
        both = TOKEN.findall(source), TOKEN.findall(reference)
        shared = [
            word
            for word in SHARED.findall(source)
            if all(side.count(word) == 1 for side in both)
            and source.count(word) == reference.count(word) == 1
        ]
        if shared:
            pairs.append(SharedPair(source, reference, shared[0]))
    return pairs[:: max(1, len(pairs) // PAIRS)][:PAIRS]


def neighbours(text: str, word: str) -> tuple[str, str]:
    """The words or marks before and after a word, in small letters; "" at the edge of the text, and
    a space where the word is missing."""
    tokens = TOKEN.findall(text)
    if word not in tokens:
        return (" ", " ")
    padded = ["", *(token.casefold() for token in tokens), ""]
    at = tokens.index(word)
    return (padded[at], padded[at + 2])


def is_well_placed(pair: SharedPair, translation: str, plain: str) -> bool:
    """Whether the span has a neighbour that it has in the reference or the plain translation."""
    own = neighbours(translation, pair.shared)
    others = (neighbours(text, pair.shared) for text in (pair.reference, plain))
    return any(a == b for other in others for a, b in zip(own, other, strict=True))


def check_positions(translator: Translator, pairs: Sequence[SharedPair]) -> dict[str, Any]:
    """BLEU and the share of well placed spans, with `--protect`, which reads words as they are
    where it can, and with a symbol for each span."""
    references, language = [pair.reference for pair in pairs], translator.languages[1]
    plain = [one.text for one in translator.translate([pair.source for pair in pairs])]
    protecting = [translator.protecting(rf"\b{re.escape(pair.shared)}\b") for pair in pairs]
    by_way = {
        "protected": [
            one.translate([pair.source])[0].text
            for one, pair in zip(protecting, pairs, strict=True)
        ],
        "symbols": [
            one.translate_sentences([pair.source])[0].text
            for one, pair in zip(protecting, pairs, strict=True)
        ],
    }
    results: dict[str, Any] = {
        "pairs": len(pairs),
        "BLEU_plain": round(bleu(plain, references, language), 2),
    }
    for way, texts in by_way.items():
        misplaced = [
            (pair.source, text, other)
            for pair, text, other in zip(pairs, texts, plain, strict=True)
            if not is_well_placed(pair, text, other)
        ]
        results[way] = {
            "BLEU": round(bleu(texts, references, language), 2),
            "percent_well_placed": round(100 * (1 - len(misplaced) / len(pairs)), 1),
            "first_misplaced": misplaced[:5],
        }
    return results


def seconds(translate: Translate, sources: Sequence[str], at_a_time: int) -> float:
    began = time.perf_counter()
    for first in range(0, len(sources), at_a_time):
        translate(sources[first : first + at_a_time])
    return time.perf_counter() - began


def ratio(first: Timed, second: Timed, at_a_time: int) -> float:
    """The median ratio of the times of two, in turns."""
    both = [(seconds(*first, at_a_time), seconds(*second, at_a_time)) for _ in range(ROUNDS + 1)]
    return round(median(a / b for a, b in both[1:]), 3)


def measure_cost(translator: Translator, pairs: Sequence[SharedPair]) -> dict[str, Any]:
    """The time with a span against that without: a word of the line as a symbol, and a span that is
    inserted, which makes the line longer."""
    random, sources = Random(SEED), [pair.source for pair in pairs]
    inserted = [with_several_spans(random, source, FAMILIES, (1, 1)).source for source in sources]
    names = "|".join(sorted({re.escape(pair.shared) for pair in pairs}))
    ratios: dict[str, dict[str, float]] = {"word": {}, "inserted": {}}
    for beam in BEAMS:
        search = with_beam(translator, beam)
        symbols = search.protecting(rf"\b(?:{names})\b").translate_sentences
        for way, at_a_time in (("in batches", len(sources)), ("alone", 1)):
            name = f"beam {beam}, {way}"
            plain = Timed(search.translate_sentences, sources)
            ratios["word"][name] = ratio(Timed(symbols, sources), plain, at_a_time)
            both = Timed(search.translate, inserted), Timed(search.translate, sources)
            ratios["inserted"][name] = ratio(*both, at_a_time)
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path, help="sentences that were not in the training text")
    parser.add_argument("reference", type=Path, help="their translations")
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--torch-model", type=Path, help="a model folder, for PyTorch")
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--torch-lines", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "spans.json")
    asked = parser.parse_args()
    sources, references = (list(read_texts(file)) for file in (asked.source, asked.reference))
    random, translator = Random(SEED), regard.load(asked.model)
    cases = [
        with_several_spans(random, sources[number % len(sources)], FAMILIES, SPANS_IN_A_LINE)
        for number in range(asked.lines)
    ]
    pairs = shared_pairs(sources, references)
    report = {
        "model": asked.model.name,
        "copied": {"onnx": check_copies(translator, cases)},
        "placed": check_positions(translator, pairs),
        "time_with_spans": measure_cost(translator, pairs[:TIMED]),
        "system": describe_system(),
    }
    if asked.torch_model:
        trained = regard.load(asked.torch_model, engine="torch")
        report["copied"]["torch"] = check_copies(trained, cases[: asked.torch_lines])
    write_json(asked.out, report)
    print(json.dumps({name: report[name] for name in ("placed", "time_with_spans")}, indent=2))


if __name__ == "__main__":
    main()
