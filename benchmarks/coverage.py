"""Does attention tell what a translation omits? References with a stretch taken out.

    python benchmarks/coverage.py SOURCE REFERENCE --lexicon SOURCE REFERENCE [--model MODEL]

Word links (IBM model 1, learned from the --lexicon texts) find the translation of 6 to 15
consecutive source words, a third each at the beginning, in the middle and at the end; the
reference is read with and without it. The model's own translations follow: what searching again
in parts brings, and flagged ones to read.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from msgspec import structs

import regard
from regard.data.formats.lines import read_texts
from regard.data.lexicon import Lexicon, learn_lexicon, links, sample_indices
from regard.evaluation import bleu
from regard.files import write_json
from regard.models import DEFAULT
from regard.system import describe_system
from regard.text.coverage import uncovered_stretches
from regard.text.spans import Span, overlap, words
from regard.translation import Translation
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
SEED = 1
SHORTEST, LONGEST = 6, 15
"""Source words of a stretch."""
MIN_WORDS, MAX_WORDS = 20, 60
"""Source words of a sentence."""
MIN_LINKS = 3
"""Links that show where the translation of a stretch is."""
READ = 50
"""Flagged translations to read."""
AT_A_TIME = 20
PARTS = ("beginning", "middle", "end")


class Texts(NamedTuple):
    """Parallel text in memory, as a lexicon is learned from."""

    all_sources: list[str]
    all_targets: list[str]

    def __len__(self) -> int:
        return len(self.all_sources)

    def sources(self, indices: np.ndarray) -> list[str]:
        return [self.all_sources[index] for index in indices]

    def targets(self, indices: np.ndarray) -> list[str]:
        return [self.all_targets[index] for index in indices]


class Omission(NamedTuple):
    source: str
    reference: str
    shortened: str
    """The reference without the translation of a stretch."""
    stretch: Span
    """Of the source."""
    part: str
    """Where the stretch is."""


def read_pairs(files: Sequence[Path]) -> Texts:
    return Texts(*(list(read_texts(file)) for file in files))


def make_omission(
    source: str, target: str, lexicon: Lexicon, random: Random, part: str
) -> Iterator[Omission]:
    """The pair with the translation of a stretch taken out, if links show where it is."""
    source_words, target_words = words(source), words(target)
    length = random.randint(SHORTEST, LONGEST)
    room = len(source_words) - length
    if not MIN_WORDS <= len(source_words) <= MAX_WORDS or room < SHORTEST:
        return
    first = {"beginning": 0, "middle": room // 2, "end": room}[part]
    linked = links(
        [source[start:end] for start, end in source_words],
        [target[start:end] for start, end in target_words],
        lexicon,
    )
    inside = sorted(link.target for link in linked if first <= link.source < first + length)
    outside = [link.target for link in linked if not first <= link.source < first + length]
    if len(inside) < MIN_LINKS or any(inside[0] <= other <= inside[-1] for other in outside):
        return
    begin, end = target_words[inside[0]].start, target_words[inside[-1]].end
    if inside[-1] - inside[0] + 1 < length / 2 or not (target[:begin] + target[end:]).strip():
        return
    stretch = Span(source_words[first].start, source_words[first + length - 1].end)
    yield Omission(
        source, target, " ".join(f"{target[:begin]}{target[end:]}".split()), stretch, part
    )


def flagged(translator: Translator, sources: list[str], targets: list[str]) -> list[list[Span]]:
    """The stretches of each source that its given translation leaves uncovered."""
    stretches = []
    for begin in range(0, len(sources), AT_A_TIME):
        batch = [side[begin : begin + AT_A_TIME] for side in (sources, targets)]
        for source, forced in zip(batch[0], translator.force(*batch), strict=True):
            text = translator.pipeline.read_given(source).text
            coverage = forced.token_weights().max(axis=0).tolist()
            stretches.append(
                [
                    text.original(span)
                    for span in uncovered_stretches(translator.source, text.text, coverage)
                ]
            )
    return stretches


def percent(values: Sequence[bool]) -> float:
    return round(100 * float(np.mean(values)), 1) if len(values) else 0.0


def is_flagged(translation: Translation) -> bool:
    return any(warning.kind == "untranslated" for warning in translation.warnings)


def own_translations(translator: Translator, texts: Texts) -> dict[str, object]:
    """What searching again in parts changes in the model's own translations."""
    options = translator.pipeline.options
    once = translator.with_text_options(structs.replace(options, coverage=False))
    before, after = (one.translate(texts.all_sources) for one in (once, translator))
    changed = [index for index in range(len(texts)) if before[index].text != after[index].text]
    references = [texts.all_targets[index] for index in changed]
    scores = (
        [
            round(
                bleu([side[index].text for index in changed], references, translator.languages[1]),
                2,
            )
            for side in (before, after)
        ]
        if changed
        else []
    )
    return {
        "sentences": len(texts),
        "flagged": sum(map(is_flagged, before)),
        "searched_again": len(changed),
        "BLEU_of_these": scores,
        "still_flagged": sum(map(is_flagged, after)),
        "to_read": [
            {
                "source": one.source,
                "uncovered": [
                    one.source[slice(*each.source)]
                    for each in one.warnings
                    if each.kind == "untranslated"
                ],
                "translation": one.text,
                "again": other.text,
            }
            for one, other in islice(
                ((a, b) for a, b in zip(before, after, strict=True) if is_flagged(a)), READ
            )
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("texts", type=Path, nargs=2, metavar=("SOURCE", "REFERENCE"))
    parser.add_argument("--lexicon", type=Path, nargs=2, required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "coverage.json")
    asked = parser.parse_args()
    translator, texts, learned = (
        regard.load(asked.model),
        read_pairs(asked.texts),
        read_pairs(asked.lexicon),
    )
    lexicon, random = learn_lexicon(learned, sample_indices(learned)), Random(SEED)
    omissions: list[Omission] = []
    for source, target in zip(*texts, strict=True):
        omissions += make_omission(source, target, lexicon, random, PARTS[len(omissions) % 3])
    sources = [one.source for one in omissions]
    complete = flagged(translator, sources, [one.reference for one in omissions])
    shortened = flagged(translator, sources, [one.shortened for one in omissions])
    hits = [
        any(overlap(span, one.stretch) for span in spans)
        for spans, one in zip(shortened, omissions, strict=True)
    ]
    result = {
        "model": asked.model.name,
        "omissions": len(omissions),
        "recall": percent(hits),
        "recall_by_part": {
            part: percent(
                [hit for hit, one in zip(hits, omissions, strict=True) if one.part == part]
            )
            for part in PARTS
        },
        "complete_flagged": percent([bool(spans) for spans in complete]),
        "own_translations": own_translations(translator, texts),
        "system": describe_system(),
    }
    write_json(asked.out, result)
    print(json.dumps({name: result[name] for name in list(result)[:5]}, indent=2))


if __name__ == "__main__":
    main()
