"""Does it look at the right word? The gold links of the built-in lesson, for five seeds.

    python benchmarks/reordering.py

Trains the attention model on the lesson with five seeds, and the traditional model with one. Of
each gold link between content words of the test sentences it asks: is the source word the one with
the largest weight? A run that was stopped goes on.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

import regard
from regard.config import override
from regard.experiment.demo import SETTINGS, TEST, write_lesson
from regard.files import write_json
from regard.lesson.corpus import Example, split_lesson
from regard.search.protocols import Forced
from regard.shapes import Float
from regard.system import describe_system
from regard.text.spans import word_of_each_token, words
from regard.text.vocabulary import Vocabulary
from regard.training.report import console_report
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
PAIRS = 12_000
"""Of the lesson, as in `regard demo`."""
SEEDS = range(1, 6)


class Found(NamedTuple):
    """Gold links of content words, and how many of them the model's weights show."""

    links: int
    right: int
    crossing: int
    """Of the links those that cross another one: the words stand in another order."""
    crossing_right: int

    def shares(self) -> dict[str, float]:
        """In percent."""
        return {
            "content links": round(100 * self.right / self.links, 2),
            "content links that cross": round(100 * self.crossing_right / self.crossing, 2),
        }


def owners(vocabulary: Vocabulary, text: str) -> list[int]:
    """For each token the number of its word."""
    spans = [token.span for token in vocabulary.tokens(text)]
    return word_of_each_token(spans, words(text))


def of_words(
    weights: Float[np.ndarray, "T S"], written: list[int], read: list[int], rows: int, columns: int
) -> Float[np.ndarray, "rows columns"]:
    """The mean over a target word's tokens of the sum over a source word's; </s> left out."""
    table = np.zeros((rows, columns))
    tokens = np.zeros(rows)
    for token, word in enumerate(written):
        if word >= 0:
            tokens[word] += 1
            for place, source in enumerate(read):
                if source >= 0:
                    table[word, source] += weights[token, place]
    return table / np.maximum(tokens, 1)[:, None]


def judge(translator: Translator, example: Example, forced: Forced) -> Iterator[tuple[bool, bool]]:
    """Of each gold link: is it the largest weight of its target word, and does it cross another?

    Where a target word has several gold source words, the others do not count against one.
    """
    table = of_words(
        forced.token_weights(),
        owners(translator.target, example.target),
        owners(translator.source, example.source),
        len(words(example.target)),
        len(words(example.source)),
    )
    for source, target in sorted(example.content):
        also = [s for s, t in example.content if t == target and s != source]
        rivals = np.delete(table[target], [source, *also])
        crosses = any((source - s) * (target - t) < 0 for s, t in example.content)
        yield bool(table[target, source] > rivals.max(initial=0.0)), crosses


def measure(translator: Translator, examples: list[Example]) -> Found:
    readings: list[Forced] = []
    for begin in range(0, len(examples), 64):
        part = examples[begin : begin + 64]
        readings += translator.force([e.source for e in part], [e.target for e in part])
    judged = [
        one
        for example, forced in zip(examples, readings, strict=True)
        for one in judge(translator, example, forced)
    ]
    return count(judged)


def count(judged: list[tuple[bool, bool]]) -> Found:
    """Of links, each with whether it is right and whether it crosses another."""
    crossing = [right for right, crosses in judged if crosses]
    return Found(len(judged), sum(right for right, _ in judged), len(crossing), sum(crossing))


def train(score: str, seed: int, out: Path) -> Translator:
    texts = write_lesson(out / f"lesson-{PAIRS}", PAIRS, TEST, seed=1)
    settings = override(SETTINGS, [f"model.attention={score}", f"train.seed={seed}"])
    folder = out / f"{score}-{seed}"
    with console_report(Console(stderr=True)) as report:
        regard.train(texts.train, folder, texts.valid, "en-fr", settings, report=report)
    return regard.load(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs" / "reordering")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    examples = split_lesson(PAIRS, 2 * TEST, 1).test[TEST:]
    found = {seed: measure(train("scaled", seed, asked.out), examples) for seed in SEEDS}
    without = measure(train("none", 1, asked.out), examples)
    shares = {seed: one.shares() for seed, one in found.items()}
    result: dict[str, Any] = {
        "test sentences": len(examples),
        "content links": without.links,
        "content links that cross": without.crossing,
        "attention, percent right, by seed": shares,
        "attention, median": {
            name: median(one[name] for one in shares.values()) for name in shares[1]
        },
        "no attention": without.shares(),
        "system": describe_system(),
    }
    write_json(HERE / "results" / "reordering.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
