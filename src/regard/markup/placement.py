"""Where the tags of a segment belong in its translation.

Every element gets one interval of words, inside that of the element around it and apart from those
beside it. So whatever the links are, the tags of the result are nested as in the source.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regard.markup.segments import ROOT, Mark
from regard.shapes import Float
from regard.text.spans import Span, overlap


class WordInterval(NamedTuple):
    """Words in a row; none if both numbers are equal."""

    begin: int
    end: int


class LinkedTexts(NamedTuple):
    """A text and its translation, with their words and the probabilities of their links."""

    source: str
    target: str
    source_words: Sequence[Span]
    target_words: Sequence[Span]
    links: Float[np.ndarray, "I J"]

    def words_in(self, mark: Mark) -> list[int]:
        """The source words that have characters in an element."""
        return [i for i, word in enumerate(self.source_words) if overlap(word, mark.span)]

    def translation_of(self, word: int) -> int:
        """The target word that a source word is linked to most; -1 for none."""
        row = self.links[word]
        return int(row.argmax()) if row.size and row.max() > 0 else -1

    def characters(self, interval: WordInterval) -> Span:
        """From the first word to the last; without words, the end of the word before."""
        begin, end = interval
        if begin < end:
            return Span(self.target_words[begin].start, self.target_words[end - 1].end)
        position = self.target_words[begin - 1].end if begin else 0
        return Span(position, position)


TagSpans = list[Span]
"""Of each mark, the characters of the translation that it is around; none for a single one."""


def spans_by_links(marks: Sequence[Mark], texts: LinkedTexts) -> TagSpans:
    """Every element is around the words that translate its own."""
    intervals: dict[int, WordInterval] = {ROOT: WordInterval(0, len(texts.target_words))}
    for parent in [ROOT, *range(len(marks))]:
        children = [
            i for i, mark in enumerate(marks) if mark.parent == parent and not mark.is_single
        ]
        if children:
            intervals |= sibling_intervals(children, marks, texts, intervals[parent])
    spans: TagSpans = []
    for index, mark in enumerate(marks):
        span = Span(0, 0) if mark.is_single else inside_word(mark, texts, intervals[index])
        first, last = around(mark, spans, texts)
        spans.append(Span(min(max(span.start, first), last), max(min(span.end, last), first)))
    for index, mark in enumerate(marks):
        if mark.is_single:
            beside = {
                other: spans[other]
                for other, each in enumerate(marks)
                if each.parent == mark.parent and not each.is_single
            }
            first, last = around(mark, spans, texts)
            position = min(max(single_position(mark, texts), first), last)
            position = pushed_out(position, index, beside)
            spans[index] = Span(position, position)
    return spans


def around(mark: Mark, spans: Sequence[Span], texts: LinkedTexts) -> Span:
    """The characters of the element around a mark."""
    return Span(0, len(texts.target)) if mark.parent == ROOT else spans[mark.parent]


def sibling_intervals(
    children: Sequence[int], marks: Sequence[Mark], texts: LinkedTexts, within: WordInterval
) -> dict[int, WordInterval]:
    """The intervals of elements beside each other: the one with the clearest links comes first."""
    left, chosen = list(children), dict[int, WordInterval]()
    is_free = np.zeros(len(texts.target_words), bool)
    is_free[slice(*within)] = True
    while left:
        tried = [best_interval(marks[child], texts, is_free, within) for child in left]
        best = max(range(len(left)), key=lambda number: tried[number].gain)
        interval = tried[best].interval
        chosen[left.pop(best)] = interval
        is_free[slice(*interval)] = False
    for child, (begin, end) in chosen.items():
        if begin == end:
            beside = {other: chosen[other] for other in children if other != child}
            position = pushed_out(begin, child, beside)
            chosen[child] = WordInterval(position, position)
    return chosen


def pushed_out(position: int, index: int, beside: Mapping[int, tuple[int, int]]) -> int:
    """The position, or, if it lies inside of an element beside that of this index, the end of that
    element, or its beginning if it comes after in the source."""
    for other, (begin, end) in beside.items():
        if begin < position < end:
            return end if other < index else begin
    return position


class GainedInterval(NamedTuple):
    gain: float
    interval: WordInterval


def best_interval(
    mark: Mark, texts: LinkedTexts, is_free: np.ndarray, within: WordInterval
) -> GainedInterval:
    """The free words in a row with most probability from inside the element, and least from
    outside (the maximum subarray; Kadane's algorithm in Bentley 1984)."""
    inside = texts.words_in(mark)
    own = texts.links[inside].sum(axis=0)
    gains = np.where(is_free, 2 * own - texts.links.sum(axis=0), -np.inf)
    best, begin, total = (
        GainedInterval(0.0, after_previous_word(mark, texts, within)),
        within.begin,
        0.0,
    )
    for word in range(*within):
        total += float(gains[word])
        if total > best.gain:
            best = GainedInterval(total, WordInterval(begin, word + 1))
        if total <= 0:
            begin, total = word + 1, 0.0
    weights = np.where(is_free, own, 0.0)
    if best.gain == 0.0 and inside and weights.max(initial=0.0) > 0:  # better than around nothing
        word = int(weights.argmax())
        return GainedInterval(0.0, WordInterval(word, word + 1))
    return best


def after_previous_word(mark: Mark, texts: LinkedTexts, within: WordInterval) -> WordInterval:
    """No words, behind the translation of the nearest word to the left of the element that has one
    in the interval."""
    left = [i for i, word in enumerate(texts.source_words) if word.start < mark.span.start]
    for word in reversed(left):
        target = texts.translation_of(word)
        if within.begin <= target < within.end:
            return WordInterval(target + 1, target + 1)
    return WordInterval(within.begin, within.begin)


def inside_word(mark: Mark, texts: LinkedTexts, interval: WordInterval) -> Span:
    """The characters of an interval; of an element with digits in the middle of a word, the same
    digits in the word that translates it (H<sub>2</sub>O)."""
    characters = texts.characters(interval)
    inside = texts.words_in(mark)
    own = texts.source[slice(*mark.span)]
    if len(inside) == 1 and interval.end - interval.begin == 1 and any(map(str.isdigit, own)):
        is_part = texts.source_words[inside[0]] != mark.span
        if is_part and texts.target[slice(*characters)].count(own) == 1:
            start = texts.target.index(own, characters.start)
            return Span(start, start + len(own))
    return characters


def single_position(mark: Mark, texts: LinkedTexts) -> int:
    """Before the translation of the next word, if no space divides them; else behind that of the
    nearest word to the left."""
    position = mark.span.start
    for index, word in enumerate(texts.source_words):
        if mark.is_apart:
            break
        if word.start == position and (target := texts.translation_of(index)) >= 0:
            return texts.target_words[target].start
    left = [index for index, word in enumerate(texts.source_words) if word.start < position]
    for index in reversed(left):
        if (target := texts.translation_of(index)) >= 0:
            return texts.target_words[target].end
    return 0


def spans_by_proportion(marks: Sequence[Mark], texts: LinkedTexts) -> TagSpans:
    """Every tag is as far from the beginning as in the source, in words; all in the order of the
    source."""
    spans = [Span(0, 0)] * len(marks)

    def follow(parent: int, last: int) -> int:
        """The spans of what is in an element, from the position `last` on; the new last one."""
        for index in children(parent, marks):
            mark = marks[index]
            first = max(last, texts.characters(proportional(mark.span, texts)).start)
            last = follow(index, first)
            if not mark.is_single:
                last = max(last, texts.characters(proportional(mark.span, texts)).end)
            spans[index] = Span(first, last)
        return last

    follow(ROOT, 0)
    return spans


def children(parent: int, marks: Sequence[Mark]) -> list[int]:
    """The marks directly in an element, in the order of the source."""
    own = [index for index, mark in enumerate(marks) if mark.parent == parent]
    return sorted(own, key=lambda index: (marks[index].span.start, index))


def proportional(span: Span, texts: LinkedTexts) -> WordInterval:
    """The target words that are where a source span is."""
    share = len(texts.target_words) / max(1, len(texts.source_words))
    before, inside = (sum(word.start < edge for word in texts.source_words) for edge in span)
    begin = round(before * share)
    return WordInterval(begin, max(begin, round(inside * share)))
