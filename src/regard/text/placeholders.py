"""Spans that are not translated, and the text with a placeholder symbol for each."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from regard.special import PLACEHOLDER_SYMBOLS
from regard.text.edits import EditedText
from regard.text.patterns import may_be_verbatim, verbatim_pattern
from regard.text.scripts import ForeignLetters, foreign_letters
from regard.text.spans import COMBINING_MARK, ZERO_WIDTH_JOINERS, Span, merge_spans, unify_marks

SIGN_RUN = re.compile(rf"[^\w\s{COMBINING_MARK}][{COMBINING_MARK}{ZERO_WIDTH_JOINERS}]*")
ANY_LETTER = re.compile(r"[^\W\d_]")
MAX_NEIGHBOURS = 4
"""More spans in a row, with signs and spaces alone between, are one."""


PLACEHOLDER = re.compile(f"[{PLACEHOLDER_SYMBOLS[0]}-{PLACEHOLDER_SYMBOLS[-1]}]")


class Protected(NamedTuple):
    text: EditedText
    """With the symbol `PLACEHOLDER_SYMBOLS[k]` in place of span k, and a space between a symbol and
    a letter, which the model is used to."""
    originals: tuple[Span, ...]
    """Of each span, the user's characters."""


def find_spans(text: str, extra: re.Pattern[str] | None) -> list[Span]:
    """The spans of a normalized text that are no language, in order and apart.

    Addresses, paths, code, versions, dates, times, telephone numbers, amounts, placeholders of
    programs, markup, emoji; and what `extra` matches.
    """
    spans: list[Span] = []
    if may_be_verbatim(text):
        spans = [Span(*match.span()) for match in verbatim_pattern().finditer(text)]
    if extra:
        own = (Span(*match.span()) for match in extra.finditer(text))
        spans = merge_spans(spans, [span for span in own if span.start < span.end])
    return join_neighbours(text, spans) if len(spans) > MAX_NEIGHBOURS else spans


def join_neighbours(text: str, spans: list[Span]) -> list[Span]:
    """The spans, with one for each row of more than `MAX_NEIGHBOURS`."""
    rows = [spans[:1]]
    for before, span in pairwise(spans):
        if any(map(str.isalnum, text[before.end : span.start])):
            rows.append([])
        rows[-1].append(span)
    return [
        span
        for row in rows
        for span in ([Span(row[0].start, row[-1].end)] if len(row) > MAX_NEIGHBOURS else row)
    ]


def foreign_spans(
    text: str, script: str, known: Callable[[str], bool], verbatim: Sequence[Span] = ()
) -> list[Span]:
    """The words and signs that the model cannot read, in order and apart; signs only outside the
    `verbatim` spans, which are in order and apart.

    Words with a letter that is not of `script` (an ISO 15924 code; "" for a script that is not
    known), words with a character beyond ASCII that is not `known`, and signs that are not; the
    complete word where such a sign is inside one. Neighbours with spaces alone between are one
    span.
    """
    foreign = foreign_letters(script)
    is_own = (text.isascii() and foreign.is_ascii_own) or (
        not foreign.letter.search(text) and all(map(known, beyond_ascii(text)))
    )
    unified = text if is_own else unify_marks(text)
    signs = [
        complete_word(text, Span(*match.span()))
        for match in SIGN_RUN.finditer(unified)
        if not known(match[0][0]) and not is_within(verbatim, match.start())
    ]
    words = [] if is_own else unreadable_words(text, unified, foreign, known)
    return join_over_spaces(text, merge_spans(words, signs))


def is_within(spans: Sequence[Span], index: int) -> bool:
    """Whether a character is in one of the spans, which are in order and apart."""
    before = bisect_right(spans, index, key=lambda span: span.start)
    return before > 0 and index < spans[before - 1].end


def complete_word(text: str, span: Span) -> Span:
    """The word that a span is inside, like the signs of R&D and H<sub>2</sub>O; the span alone if
    it is at the edge of one."""
    start, end = span
    while start > 0 and is_spaced_letter(text[start - 1]):
        start -= 1
    while end < len(text) and is_spaced_letter(text[end]):
        end += 1
    return Span(start, end) if start < span.start and span.end < end else span


def is_spaced_letter(character: str) -> bool:
    """Whether it is a letter or a digit of a script that divides words by spaces: those of Europe,
    West Asia and India precede Thai in Unicode."""
    return character < "\u0e00" and character.isalnum()


def unreadable_words(
    text: str, unified: str, foreign: ForeignLetters, known: Callable[[str], bool]
) -> list[Span]:
    """The words with a foreign letter or a character that is not known; `unified` is the text after
    `unify_marks`."""
    return [
        Span(*match.span())
        for match in foreign.word.finditer(unified)
        if foreign.letter.search(match[0])
        or not all(map(known, beyond_ascii(text[slice(*match.span())])))
    ]


def beyond_ascii(text: str) -> set[str]:
    """The characters that are not ASCII; joiners, which only shape letters, are left out."""
    if text.isascii():
        return set()
    return {character for character in text if character > "\x7f"} - set(ZERO_WIDTH_JOINERS)


def join_over_spaces(text: str, spans: list[Span]) -> list[Span]:
    """The spans; neighbours with spaces alone between are one."""
    joined: list[Span] = []
    for span in spans:
        if joined and not text[joined[-1].end : span.start].strip():
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(span)
    return joined


def is_translatable(text: str, spans: Sequence[Span]) -> bool:
    """Whether a letter is outside the spans, which are in order and apart."""
    ends = [0, *(span.end for span in spans)]
    starts = [*(span.start for span in spans), len(text)]
    return any(ANY_LETTER.search(text, end, start) for end, start in zip(ends, starts, strict=True))


def protect(text: EditedText, spans: Sequence[Span]) -> Protected:
    """The text with a symbol for each span; there are at most as many spans as symbols."""
    replaced = text.replace(zip(spans, PLACEHOLDER_SYMBOLS[: len(spans)], strict=True))
    return Protected(space_symbols(replaced), tuple(map(text.original, spans)))


def space_symbols(text: EditedText) -> EditedText:
    """A text with a space between each symbol and a letter or a digit beside it."""
    edges = (
        edge
        for match in PLACEHOLDER.finditer(text.text)
        for edge, beside in ((match.start(), match.start() - 1), (match.end(), match.end()))
        if has_spaced_letter(text.text, beside)
    )
    return text.replace((Span(edge, edge), " ") for edge in edges)


def close_up(translation: EditedText, text: str, spans: Sequence[Span]) -> EditedText:
    """A translation without the spaces beside the symbols of these spans of `text`, on the sides
    where a letter or a digit is beside the span."""
    spaces = set()
    for match in PLACEHOLDER.finditer(translation.text):
        number = PLACEHOLDER_SYMBOLS.index(match[0])
        if number < len(spans):
            if has_spaced_letter(text, spans[number].start - 1):
                spaces.add(match.start() - 1)
            if has_spaced_letter(text, spans[number].end):
                spaces.add(match.end())
    return translation.replace(
        (Span(index, index + 1), "")
        for index in sorted(spaces)
        if translation.text[index : index + 1] == " "
    )


def has_spaced_letter(text: str, index: int) -> bool:
    """Whether there is a character at this index, and it is a letter or a digit."""
    return 0 <= index < len(text) and is_spaced_letter(text[index])
