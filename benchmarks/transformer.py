"""A Transformer in regard and in CTranslate2: the same weights, and how fast each translates.

    python benchmarks/transformer.py runs/multi30k-en-fr-transformer --data multi30k \\
        --beside runs/multi30k-en-fr-ssru

Both translate in int8 with the same beam, length penalty and limits, with one thread a worker and
as many workers as there are cores; in turns, so that each round compares the two. `--beside` names
other models of regard, which take part with their own weights. In fp32 the translations are
compared token by token.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import ctranslate2

import regard
from decode import ALONE, BEAMS, ROUNDS, Round, lines_of, of_regard, one_round, quality
from peers import BATCHES, Contestant, at_its_best
from regard.config import SearchOptions
from regard.evaluation import measure
from regard.export.ctranslate2 import export_ctranslate2
from regard.export.export import export
from regard.files import write_json
from regard.storage.model_file import read_model_folder
from regard.system import cores, describe_system, installed
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
OURS, THEIRS = "regard", "CTranslate2"
MODES: dict[str, Callable[[Round], float]] = {
    "alone": lambda one: one.tokens_alone / sum(one.latencies),
    "in batches": lambda one: one.tokens / one.seconds,
}
"""Tokens a second: of one caller who translates sentence by sentence, and of all workers."""


class Peer:
    """CTranslate2 with the weights of a model folder."""

    def __init__(self, model: Path, folder: Path, texts: Sequence[str], is_int8: bool) -> None:
        folder.mkdir()
        opened = read_model_folder(model)
        export_ctranslate2(opened, folder, is_int8)
        self.info, self.options = opened.info, opened.info.config.search
        self.texts = [self.info.source.pieces(ids) for ids in self.info.source.encode(texts)]
        self.translator = ctranslate2.Translator(
            str(folder),
            compute_type="int8" if is_int8 else "float32",
            inter_threads=cores(),
            intra_threads=1,
        )

    def start(self, numbers: Sequence[int], beam: int) -> list[Any]:
        """Begin to translate the sentences of these numbers together."""
        longest = max(len(self.texts[number]) for number in numbers)
        return self.translator.translate_batch(
            [self.texts[number] for number in numbers],
            beam_size=beam,
            length_penalty=self.options.length_penalty,
            max_decoding_length=self.options.max_length(longest),
            asynchronous=True,
        )

    def translate(self, batches: Sequence[Sequence[int]], beam: int) -> dict[int, list[str]]:
        """The pieces of each translation, by the number of its sentence."""
        started = [self.start(numbers, beam) for numbers in batches]
        return {
            number: one.result().hypotheses[0]
            for numbers, results in zip(batches, started, strict=True)
            for number, one in zip(numbers, results, strict=True)
        }

    def batches(self, size: int) -> list[list[int]]:
        """Numbers of sentences, alike in length; the longest come first."""
        order = sorted(range(len(self.texts)), key=lambda number: -len(self.texts[number]))
        return [order[begin : begin + size] for begin in range(0, len(order), size)]

    def tokens(self, batches: Sequence[Sequence[int]], beam: int) -> int:
        """Tokens that were written, </s> included."""
        return sum(len(pieces) + 1 for pieces in self.translate(batches, beam).values())

    def contestant(self) -> Contestant:
        return Contestant(
            THEIRS,
            at_its_best(lambda size, beam: self.tokens(self.batches(size), beam)),
            lambda number, beam: self.tokens([[number]], beam),
        )

    def all_texts(self, beam: int) -> list[str]:
        written = self.translate(self.batches(BATCHES[1]), beam)
        target = self.info.target
        return [target.decode(target.ids(written[number])) for number in range(len(self.texts))]


def race(contestants: Sequence[Contestant], sentences: int) -> dict[str, Any]:
    """Tokens a second of each, and the ratio to CTranslate2 in the same round: medians."""
    result: dict[str, Any] = {}
    numbers = range(min(ALONE, sentences))
    for beam in BEAMS:
        rounds: dict[str, list[Round]] = {one.name: [] for one in contestants}
        for turn in range(ROUNDS + 1):
            for one in contestants:
                done = one_round(one, beam, numbers)
                if turn:
                    rounds[one.name].append(done)
                print(f"beam {beam}, turn {turn}: {one.name}", file=sys.stderr)
        for mode, speed in MODES.items():
            result[f"beam {beam}, {mode}"] = {
                name: figures(own, rounds[THEIRS], speed) for name, own in rounds.items()
            }
    return result


def figures(
    rounds: Sequence[Round], theirs: Sequence[Round], speed: Callable[[Round], float]
) -> dict[str, float]:
    ratios = [speed(one) / speed(other) for one, other in zip(rounds, theirs, strict=True)]
    return {
        "tokens/s": round(median(map(speed, rounds))),
        "times CTranslate2": round(median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
    }


def same_translations(ours: Translator, theirs: Peer, texts: list[str]) -> dict[str, float]:
    """The percentage of sentences that both engines translate alike in fp32."""
    shares = {}
    for beam in BEAMS:
        translated = ours.with_options(SearchOptions(beam=beam)).translate_sentences(texts)
        pieces = [ours.target.pieces(one.sentences[0].ids) for one in translated]
        written = theirs.translate(theirs.batches(BATCHES[1]), beam)
        same = sum(written[number] == own for number, own in enumerate(pieces))
        shares[f"beam {beam}"] = round(100 * same / len(texts), 1)
    return shares


def bleu(
    translators: Mapping[str, Translator], peer: Peer, texts: list[str], references: list[str]
) -> dict[str, dict[str, float]]:
    code = peer.info.languages[1]
    return {
        f"beam {beam}": {
            **{name: quality(one, beam, texts, references) for name, one in translators.items()},
            THEIRS: round(measure(peer.all_texts(beam), references, code, "multi30k")[0].value, 2),
        }
        for beam in BEAMS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="the folder of a Transformer")
    parser.add_argument("--beside", type=Path, nargs="*", default=[], help="folders of others")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data/multi30k")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "transformer.json")
    asked = parser.parse_args()
    languages = read_model_folder(asked.model).info.languages
    texts, references = (lines_of(asked.data / f"test_2016_flickr.{code}") for code in languages)
    with tempfile.TemporaryDirectory(prefix="regard-transformer-") as name:
        scratch = Path(name)

        @cache
        def ours(model: Path, precision: Any) -> Translator:
            file = scratch / f"{model.name}-{precision}.regard"
            export(model, file, precision, [])
            return regard.load(file)

        translators = {OURS: ours(asked.model, "int8")}
        translators |= {model.name: ours(model, "int8") for model in asked.beside}
        peer = Peer(asked.model, scratch / "int8", texts, True)
        exact = Peer(asked.model, scratch / "fp32", texts, False)
        contestants = [of_regard(name, one, texts) for name, one in translators.items()]
        result = {
            "sentences": len(texts),
            "workers": cores(),
            "CTranslate2": installed("ctranslate2"),
            "the same translations in fp32, percent": same_translations(
                ours(asked.model, "fp32"), exact, texts
            ),
            "BLEU in int8": bleu(translators, peer, texts, references),
            "parameters": {
                model.name: sum(one.size for one in read_model_folder(model).tensors.values())
                for model in (asked.model, *asked.beside)
            },
            **race([*contestants, peer.contestant()], len(texts)),
            "system": describe_system(),
        }
    write_json(asked.out, result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
