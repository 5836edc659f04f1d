"""Where the tags of a segment belong in its translation.

Every element gets one interval of words, inside that of the element around it and apart from those
beside it. So whatever the links are, the tags of the result are nested as in the source.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from regard.markup.segments import ROOT, Mark
from regard.shapes import Bool, Float
from regard.text.segments import overlapping
from regard.text.spans import Span


class WordInterval(NamedTuple):
    """Words in a row; none if both numbers are equal."""

    begin: int
    end: int


class LinkedTexts(NamedTuple):
    """A text and its translation, with their words, in order and apart, and their links."""

    source: str
    target: str
    source_words: Sequence[Span]
    target_words: Sequence[Span]
    links: Sequence[Mapping[int, float]]
    """Of each source word: the probability of each target word that it is linked to."""
    totals: Float[np.ndarray, " J"]
    """The sum of the probabilities of each target word."""

    def words_in(self, mark: Mark) -> range:
        """The source words that have characters in an element."""
        return overlapping(self.source_words, mark.span)

    def words_before(self, position: int) -> int:
        """How many source words begin before a character."""
        return bisect_left(self.source_words, (position,))

    def translation_of(self, word: int) -> int:
        """The target word that a source word is linked to most; -1 for none."""
        return max(self.links[word], key=self.links[word].__getitem__, default=-1)

    def characters(self, interval: WordInterval) -> Span:
        """From the first word to the last; without words, the end of the word before."""
        begin, end = interval
        if begin < end:
            return Span(self.target_words[begin].start, self.target_words[end - 1].end)
        position = self.target_words[begin - 1].end if begin else 0
        return Span(position, position)


def linked_texts(
    source: str,
    target: str,
    source_words: Sequence[Span],
    target_words: Sequence[Span],
    links: Iterable[tuple[int, int, float]],
) -> LinkedTexts:
    """From links as source word, target word and probability."""
    rows: list[dict[int, float]] = [{} for _ in source_words]
    totals = np.zeros(len(target_words))
    for row, column, probability in links:
        rows[row][column] = probability
        totals[column] += probability
    return LinkedTexts(source, target, source_words, target_words, rows, totals)


TagSpans = list[Span]
"""Of each mark, the characters of the translation that it is around; none for a single one."""


def children_of(marks: Sequence[Mark], spans: Sequence[Span]) -> dict[int, list[int]]:
    """The marks directly in each element, in the order of their spans."""
    children: dict[int, list[int]] = {}
    for index in sorted(range(len(marks)), key=lambda index: (*spans[index], index)):
        children.setdefault(marks[index].parent, []).append(index)
    return children


def marks_in_order(marks: Sequence[Mark], spans: Sequence[Span]) -> list[int]:
    """All marks, each before those in it."""
    children = children_of(marks, spans)
    order, left = list[int](), children.get(ROOT, [])[::-1]
    while left:
        order.append(left.pop())
        left += children.get(order[-1], [])[::-1]
    return order


def source_spans(marks: Sequence[Mark]) -> list[Span]:
    return [mark.span for mark in marks]


def spans_by_links(marks: Sequence[Mark], texts: LinkedTexts) -> TagSpans:
    """Every element is around the words that translate its own."""
    intervals: dict[int, WordInterval] = {ROOT: WordInterval(0, len(texts.target_words))}
    inside = children_of(marks, source_spans(marks))
    for parent in [ROOT, *range(len(marks))]:
        elements = [index for index in inside.get(parent, ()) if not marks[index].is_single]
        if elements:
            intervals |= sibling_intervals(elements, marks, texts, intervals[parent])
    spans: TagSpans = []
    for index, mark in enumerate(marks):
        span = Span(0, 0) if mark.is_single else inside_word(mark, texts, intervals[index])
        first, last = around(mark, spans, texts)
        spans.append(Span(min(max(span.start, first), last), max(min(span.end, last), first)))
    for own in inside.values():
        beside = sorted((*spans[index], index) for index in own if not marks[index].is_single)
        for index in own:
            if marks[index].is_single:
                first, last = around(marks[index], spans, texts)
                position = min(max(single_position(marks[index], texts), first), last)
                position = pushed_out(position, index, beside)
                spans[index] = Span(position, position)
    return spans


def may_be_too_short(marks: Sequence[Mark], texts: LinkedTexts, spans: TagSpans) -> bool:
    """Whether a word has no link that stands in an element, or beside its translation."""
    for mark, span in zip(marks, spans, strict=True):
        inside = overlapping(texts.target_words, span)
        around = texts.totals[max(0, inside.start - 1) : inside.stop + 1]
        is_linked = all(texts.links[word] for word in texts.words_in(mark)) and all(around)
        if not (mark.is_single or is_linked):
            return True
    return False


def around(mark: Mark, spans: Sequence[Span], texts: LinkedTexts) -> Span:
    """The characters of the element around a mark."""
    return Span(0, len(texts.target)) if mark.parent == ROOT else spans[mark.parent]


def sibling_intervals(
    elements: Sequence[int], marks: Sequence[Mark], texts: LinkedTexts, within: WordInterval
) -> dict[int, WordInterval]:
    """The intervals of elements beside each other: the one with the clearest links comes first."""
    chosen: dict[int, WordInterval] = {}
    is_free = np.zeros(len(texts.target_words), bool)
    is_free[slice(*within)] = True
    heap = [
        (-best_interval(marks[index], texts, is_free, within).gain, index) for index in elements
    ]
    heapify(heap)
    while heap:
        gain, index = heappop(heap)
        best = best_interval(marks[index], texts, is_free, within)
        if heap and (-best.gain, index) > heap[0] and -best.gain != gain:
            heappush(heap, (-best.gain, index))  # its words were taken, and others come first
            continue
        chosen[index] = best.interval
        is_free[slice(*best.interval)] = False
    beside = sorted((*chosen[index], index) for index in elements if len(set(chosen[index])) > 1)
    for index, (begin, end) in chosen.items():
        if begin == end:
            position = pushed_out(begin, index, beside)
            chosen[index] = WordInterval(position, position)
    return chosen


def pushed_out(position: int, index: int, beside: Sequence[tuple[int, int, int]]) -> int:
    """The position, or, if it lies inside of an element beside the mark of this index, the end of
    that element, or its beginning if it comes after in the source. `beside` has the beginning, the
    end and the index of each element, in order."""
    before = bisect_left(beside, (position,)) - 1
    if before >= 0:
        begin, end, other = beside[before]
        if begin < position < end:
            return end if other < index else begin
    return position


class GainedInterval(NamedTuple):
    gain: float
    interval: WordInterval


def best_interval(
    mark: Mark, texts: LinkedTexts, is_free: Bool[np.ndarray, " J"], within: WordInterval
) -> GainedInterval:
    """The free words in a row with most probability from inside the element, and least from
    outside (the maximum subarray; Kadane's algorithm in Bentley 1984)."""
    own: dict[int, float] = {}
    for word in texts.words_in(mark):
        for column, probability in texts.links[word].items():
            if is_free[column]:
                own[column] = own.get(column, 0.0) + probability
    best = GainedInterval(0.0, after_previous_word(mark, texts, within))
    if not own:
        return best
    begin, previous, total = 0, 0, 0.0
    for word in sorted(own):
        between = slice(previous + 1, word)
        if total > 0:
            is_open = bool(is_free[between].all())
            total = total - float(texts.totals[between].sum()) if is_open else 0.0
        if total <= 0:
            begin, total = word, 0.0
        total += 2 * own[word] - float(texts.totals[word])
        previous = word
        if total > best.gain:
            best = GainedInterval(total, WordInterval(begin, word + 1))
    if best.gain == 0.0:  # around the likeliest word is better than around nothing
        word = max(own, key=lambda column: (own[column], -column))
        return GainedInterval(0.0, WordInterval(word, word + 1))
    return best


def after_previous_word(mark: Mark, texts: LinkedTexts, within: WordInterval) -> WordInterval:
    """No words, behind the translation of the nearest word to the left of the element that has one
    in the interval."""
    for word in range(texts.words_before(mark.span.start) - 1, -1, -1):
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
    following = texts.words_before(position)
    if following < len(texts.source_words) and not mark.is_apart:
        target = texts.translation_of(following)
        if texts.source_words[following].start == position and target >= 0:
            return texts.target_words[target].start
    for word in range(following - 1, -1, -1):
        if (target := texts.translation_of(word)) >= 0:
            return texts.target_words[target].end
    return 0


def spans_by_proportion(marks: Sequence[Mark], texts: LinkedTexts) -> TagSpans:
    """Every tag is as far from the beginning as in the source, in words; all in the order of the
    source."""
    spans, last = [Span(0, 0)] * len(marks), 0
    open_marks: list[int] = []

    def close_until(parent: int, last: int) -> int:
        while open_marks and open_marks[-1] != parent:
            index = open_marks.pop()
            last = max(last, proportional(marks[index].span, texts).end)
            spans[index] = Span(spans[index].start, last)
        return last

    for index in marks_in_order(marks, source_spans(marks)):
        last = close_until(marks[index].parent, last)
        last = max(last, proportional(marks[index].span, texts).start)
        spans[index] = Span(last, last)
        if not marks[index].is_single:
            open_marks.append(index)
    close_until(ROOT, last)
    return spans


def proportional(span: Span, texts: LinkedTexts) -> Span:
    """The characters of the target words that are where a source span is."""
    share = len(texts.target_words) / max(1, len(texts.source_words))
    begin, end = (round(texts.words_before(edge) * share) for edge in span)
    return texts.characters(WordInterval(begin, max(begin, end)))
