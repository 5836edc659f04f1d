"""Does attention find the right word? The gold links of the built-in lesson, for five seeds.

    python benchmarks/reordering.py

Trains the attention model of `regard demo` with five seeds, and the traditional model with one. For
each gold link between content words of the test sentences it asks whether the source word has the
largest weight. A second run resumes.
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
from regard.experiment.demo import SETTINGS, TEST_PAIRS, write_lesson
from regard.files import write_json
from regard.lesson.corpus import Example, split_lesson
from regard.search.protocols import Forced
from regard.settings import override
from regard.shapes import Float
from regard.system import describe_system
from regard.text.spans import word_of_each_token, words
from regard.text.vocabulary import Vocabulary
from regard.training.report import console_report
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
PAIRS = 12_000
"""Training pairs, as in `regard demo`."""
SEEDS = range(1, 6)


class LinkCounts(NamedTuple):
    """Gold links of content words, and how many of them have the largest weight."""

    links: int
    right: int
    crossing: int
    """Links that cross another one: the words are reordered."""
    crossing_right: int

    def shares(self) -> dict[str, float]:
        """In percent."""
        return {
            "content_links": round(100 * self.right / self.links, 2),
            "crossing_content_links": round(100 * self.crossing_right / self.crossing, 2),
        }


def word_indices(vocabulary: Vocabulary, text: str) -> list[int]:
    """For each token the index of its word, or -1."""
    spans = [token.span for token in vocabulary.tokens(text)]
    return word_of_each_token(spans, words(text))


def word_table(
    weights: Float[np.ndarray, "T S"],
    target_words: list[int],
    source_words: list[int],
    rows: int,
    columns: int,
) -> Float[np.ndarray, "rows columns"]:
    """The mean over a target word's tokens of the sum over a source word's, without </s>."""
    table = np.zeros((rows, columns))
    tokens = np.zeros(rows)
    for token, word in enumerate(target_words):
        if word >= 0:
            tokens[word] += 1
            for index, source in enumerate(source_words):
                if source >= 0:
                    table[word, source] += weights[token, index]
    return table / np.maximum(tokens, 1)[:, None]


def judge(translator: Translator, example: Example, forced: Forced) -> Iterator[tuple[bool, bool]]:
    """For each gold link: whether it is the largest weight of its target word, and whether it
    crosses another link.

    Where a target word has several gold source words, they do not compete with each other.
    """
    table = word_table(
        forced.token_weights(),
        word_indices(translator.target, example.target),
        word_indices(translator.source, example.source),
        len(words(example.target)),
        len(words(example.source)),
    )
    for source, target in sorted(example.content):
        also = [s for s, t in example.content if t == target and s != source]
        rivals = np.delete(table[target], [source, *also])
        crosses = any((source - s) * (target - t) < 0 for s, t in example.content)
        yield bool(table[target, source] > rivals.max(initial=0.0)), crosses


def measure_links(translator: Translator, examples: list[Example]) -> LinkCounts:
    readings: list[Forced] = []
    for begin in range(0, len(examples), 64):
        batch = examples[begin : begin + 64]
        readings += translator.force(
            [example.source for example in batch], [example.target for example in batch]
        )
    judged = [
        link
        for example, forced in zip(examples, readings, strict=True)
        for link in judge(translator, example, forced)
    ]
    return count(judged)


def count(judged: list[tuple[bool, bool]]) -> LinkCounts:
    """From one pair per link: whether it is right, and whether it crosses another."""
    crossing = [right for right, crosses in judged if crosses]
    return LinkCounts(len(judged), sum(right for right, _ in judged), len(crossing), sum(crossing))


def test_examples() -> list[Example]:
    """The test sentences of `regard demo`, with their gold links."""
    return split_lesson(PAIRS, 2 * TEST_PAIRS, 1).test[TEST_PAIRS:]


def train(score: str, seed: int, out: Path) -> Translator:
    lesson = write_lesson(out / f"lesson-{PAIRS}", PAIRS, TEST_PAIRS, seed=1)
    settings = override(SETTINGS, [f"model.attention={score}", f"train.seed={seed}"])
    folder = out / f"{score}-{seed}"
    with console_report(Console(stderr=True)) as report:
        regard.train(lesson.train, folder, lesson.valid, "en-fr", settings, report=report)
    return regard.load(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs" / "reordering")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    examples = test_examples()
    shares = {
        seed: measure_links(train("scaled", seed, arguments.out), examples).shares()
        for seed in SEEDS
    }
    without = measure_links(train("none", 1, arguments.out), examples)
    result: dict[str, Any] = {
        "test_sentences": len(examples),
        "content_links": without.links,
        "crossing_content_links": without.crossing,
        "attention_percent_right_by_seed": shares,
        "attention_median": {
            name: median(share[name] for share in shares.values()) for name in shares[1]
        },
        "no_attention": without.shares(),
        "system": describe_system(),
    }
    write_json(HERE / "results" / "reordering.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
