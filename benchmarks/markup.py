"""Are tags around the right words? Gold links of the built-in lesson, and gold links in files.

    python benchmarks/markup.py --model MODEL [--gold dev.en dev.fr dev.wa]

A tag is put around some words of a sentence whose gold links lead to words in a row, to which no
other word is linked; it is right if it comes out around exactly these words of the reference.
Beside the model's links, which are those of its alignment head and of its attention for words that
have none, stand the head's alone, the gold links, which tell what the placement costs, the baseline
by proportion, and the time that tags cost.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import regard
from regard.alignment.gold import read_gold
from regard.alignment.links import THRESHOLD, Indices, completed, links_of
from regard.alignment.words import SEGMENTATIONS
from regard.files import write_json
from regard.lesson.corpus import examples
from regard.markup.document import translate_markup
from regard.markup.placement import (
    LinkedTexts,
    TagSpans,
    linked_texts,
    may_be_too_short,
    spans_by_links,
    spans_by_proportion,
)
from regard.markup.segments import ROOT, Mark
from regard.models import DEFAULT
from regard.system import describe_system
from regard.text.spans import Span
from regard.translator import Translator
from regard.word_alignment import GivenPair, align_given

HERE = Path(__file__).resolve().parent
LESSON_SEED = 17
MAX_TAGGED_WORDS = 3
MIN_LINK = 0.1
"""Less probable links do not decide where tags are put, as in translations."""


class GoldPair(NamedTuple):
    pair: GivenPair
    sure: frozenset[Indices]
    possible: frozenset[Indices]


def lesson_pairs(count: int) -> list[GoldPair]:
    cut = SEGMENTATIONS["text"]
    return [
        GoldPair(
            GivenPair(one.source, one.target, cut(one.source), cut(one.target)),
            one.links,
            one.links,
        )
        for one in examples(count, LESSON_SEED)
    ]


def file_pairs(source: Path, target: Path, gold: Path) -> list[GoldPair]:
    cut = SEGMENTATIONS["spaces"]
    lines = [
        [line.strip() for line in file.read_text("utf-8").splitlines()] for file in (source, target)
    ]
    pairs = [GivenPair(a, b, cut(a), cut(b)) for a, b in zip(*lines, strict=True)]
    lengths = [(len(pair.source_words), len(pair.target_words)) for pair in pairs]
    links = read_gold(gold, lengths)
    return [
        GoldPair(pairs[number], frozenset(one.sure), frozenset(one.possible))
        for number, one in sorted(links.items())
    ]


def gold_intervals(gold: GoldPair) -> Iterator[tuple[Span, Span]]:
    """Source words, and the words in a row that are linked to them and to nothing else."""
    count = len(gold.pair.source_words)
    for begin in range(count):
        for end in range(begin + 1, min(count, begin + MAX_TAGGED_WORDS) + 1):
            inside = {target for source, target in gold.sure if begin <= source < end}
            outside = {target for source, target in gold.possible if not begin <= source < end}
            is_linked = all(
                any(link[0] == word for link in gold.sure) for word in range(begin, end)
            )
            if not inside or not is_linked or inside & outside:
                continue
            if max(inside) - min(inside) + 1 == len(inside):
                words = gold.pair.source_words, gold.pair.target_words
                yield (
                    Span(words[0][begin].start, words[0][end - 1].end),
                    Span(words[1][min(inside)].start, words[1][max(inside)].end),
                )


def gold_texts(gold: GoldPair) -> LinkedTexts:
    links = [(source, target, 1.0) for source, target in gold.sure]
    return linked_texts(*gold.pair, links)


def share_right(translator: Translator, pairs: Sequence[GoldPair]) -> dict[str, float]:
    right = {"links": 0, "the head alone": 0, "gold links": 0, "proportion": 0}
    count = 0
    by_head, by_attention = (
        align_given(model, [gold.pair for gold in pairs])
        for model in (translator, translator.without_alignment_head())
    )
    for gold, head, attention in zip(pairs, by_head, by_attention, strict=True):
        own, attended = (links_of(each, THRESHOLD, MIN_LINK) for each in (head, attention))
        texts = linked_texts(*gold.pair, own)
        complete = linked_texts(*gold.pair, completed(own, attended))
        ideal = gold_texts(gold)
        for source, target in gold_intervals(gold):
            marks = [Mark("<b>", "</b>", source, ROOT, False)]
            shortest = spans_by_links(marks, texts)
            is_doubtful = may_be_too_short(marks, texts, shortest)
            placed: dict[str, TagSpans] = {
                "links": spans_by_links(marks, complete) if is_doubtful else shortest,
                "the head alone": shortest,
                "gold links": spans_by_links(marks, ideal),
                "proportion": spans_by_proportion(marks, texts),
            }
            count += 1
            for name, spans in placed.items():
                right[name] += spans[0] == target
    shares = {name: round(100 * number / max(1, count), 2) for name, number in right.items()}
    return {"tags": count, **{f"percent right by {name}": share for name, share in shares.items()}}


def seconds_of_tags(
    translator: Translator, pairs: Sequence[GoldPair], rounds: int
) -> dict[str, float]:
    """Of the same sentences plain and with a tag in each, in turns."""
    plain = [gold.pair.source for gold in pairs]
    tagged = []
    for text, gold in zip(plain, pairs, strict=True):
        begin, end = gold.pair.source_words[len(gold.pair.source_words) // 3]
        tagged.append(f"{text[:begin]}<b>{text[begin:end]}</b>{text[end:]}")
    ratios, seconds = [], {"plain": 0.0, "tagged": 0.0}
    translate_markup(translator, tagged[:50], "html")
    for _ in range(rounds):
        started = time.perf_counter()
        translator.translate(plain)
        between = time.perf_counter()
        translate_markup(translator, tagged, "html")
        ended = time.perf_counter()
        seconds["plain"] += between - started
        seconds["tagged"] += ended - between
        ratios.append((ended - between) / (between - started))
    return {
        "sentences": len(plain),
        **{f"{name}, seconds": round(total / rounds, 3) for name, total in seconds.items()},
        "median ratio": round(float(np.median(ratios)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--gold", nargs=3, type=Path, metavar="FILE")
    parser.add_argument("--lesson", type=int, default=1000, help="sentences of the lesson")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--name", default="markup")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    translator = regard.load(asked.model)
    lesson = lesson_pairs(asked.lesson)
    result: dict[str, object] = {
        "model": asked.model.stem,
        "links from": "head" if translator.has_alignment_head else "attention",
        "lesson": share_right(translator, lesson),
    }
    if asked.gold:
        result["gold"] = share_right(translator, file_pairs(*asked.gold))
    if asked.rounds:
        result["time"] = seconds_of_tags(translator, lesson[:300], asked.rounds)
    result["system"] = describe_system()
    asked.results.mkdir(parents=True, exist_ok=True)
    write_json(asked.results / f"{asked.name}.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
