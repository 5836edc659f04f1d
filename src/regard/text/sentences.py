"""Where the sentences of a text end, and where a long one is cut."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from regard.special import PLACEHOLDER_SYMBOLS
from regard.text.abbreviations import ABBREVIATIONS, ELSEWHERE, ORDINALS
from regard.text.languages import without_region
from regard.text.spans import Span, unify_marks, words

CLOSING = "\"'”’“‘»›)\\]」』）】"
"""Characters that may follow a sentence's last mark directly; German closes with “ and ‘."""

FULL_STOPS = "。！？｡．؟۔।॥։።፧။၊។៕᥄᠃᠉꓿꘎꘏𖩮෴⳹⸮‼⁇⁈⁉"
"""Marks that always end a sentence, in scripts other than Latin, Greek and Cyrillic."""

BOUNDARY = re.compile(
    # the end of a sentence, then white space; a run of full stops is matched once
    rf"(?P<ended>(?<![.!?…])[.!?…]+(?:[{CLOSING}]|[ \u00a0\u202f]»)*)(?P<gap>\s+)"
    rf"|(?P<full>[{FULL_STOPS}][{FULL_STOPS}.!?…]*[{CLOSING}]*)(?P<none>\s*)"
    r"|(?P<tight>[.!?](?<=[^\W\d_]{2}.)[.!?]*)(?=[^\W\d_])"  # a dog.You have
)

SENTENCE_MARK = re.compile(f"[.!?…{FULL_STOPS}]")

OPENING = "\"'“‘„‚«‹([¿¡「『（【—–-"
"""Characters that may precede a sentence's first letter."""

MIN_PART_CHARACTERS = 40
"""Only so many characters on each side of a full stop are considered."""

FIRST_WORD = re.compile(r"\w+(?:'(?:s|m|t|re))?(?![\w.])")
CAPITALISED = re.compile(r"[^\W\d_](?=[^\W\d_]|[ '])")
TRAILING_PUNCTUATION = re.compile(rf"[{FULL_STOPS}.!?…,;:，、；：،؛—–][{CLOSING}]*$")


CLAUSE_END = re.compile("[,;:)\\]}»—–，、；：،؛།）」』】]")
MAX_UNIT_CHARACTERS = 16
"""A longer word is cut anywhere, if need be."""
LETTER_WITH_MARKS = re.compile(
    "[^\u0300](?:[\u0300\u200c\u200d\U0001f3fb-\U0001f3ff]|(?<=\u200d).)*", re.DOTALL
)
"""A character and its marks, in a text whose marks were unified."""
CLAUSE, WORD_END, ANYWHERE_ELSE = range(3)
"""How good a place to cut is; lower is better."""


class Candidate(NamedTuple):
    """A mark that may end a sentence."""

    mark: Span
    next: int
    """The index at which the next sentence would begin."""
    is_full_stop: bool
    """It is one of `FULL_STOPS`."""
    follows_span: bool
    """It follows a protected span, so what is before it is no abbreviation."""


class Unit(NamedTuple):
    """What is never cut."""

    span: Span
    tokens: int
    is_protected: bool
    border: int
    """How good the cut after it is."""


def split_sentences(text: str, language: str, protected: Sequence[Span]) -> list[Span]:
    """The sentences of a text in a language (a code such as "en"), without the white space between.

    A full stop does not end a sentence inside a protected span, after an abbreviation of the
    language, an initial or the number of an item, or before a word in lower case. The library
    `sentencex` decides where `ABBREVIATIONS` do not.
    """
    sentences: list[Span] = []
    start, length = len(text) - len(text.lstrip()), len(text.rstrip())
    if not SENTENCE_MARK.search(text, start, length - 1):
        return [Span(start, length)] if start < length else []
    code = without_region(language)
    for candidate in candidates(text, protected):
        if candidate.next < length and is_end(text, start, candidate, code):
            sentences.append(Span(start, candidate.mark.end))
            start = candidate.next
    return [*sentences, Span(start, length)]


def candidates(text: str, protected: Sequence[Span]) -> Iterator[Candidate]:
    """The marks that may end a sentence, but for those inside a protected span."""
    ends = [span.end for span in protected]
    for match in BOUNDARY.finditer(text):
        kind = next(name for name in ("ended", "full", "tight") if match[name])
        mark = Span(*match.span(kind))
        index = bisect_left(ends, mark.end)
        if index == len(ends) or not protected[index].start < mark.end < ends[index]:
            follows_span = index > 0 and ends[index - 1] == mark.start
            yield Candidate(mark, match.end(), kind == "full", follows_span)


def is_end(text: str, start: int, candidate: Candidate, language: str) -> bool:
    """Whether the sentence that begins at `start` ends with this mark."""
    mark = text[slice(*candidate.mark)]
    is_tight = candidate.mark.end == candidate.next
    after = text[candidate.next : candidate.next + MIN_PART_CHARACTERS]
    if candidate.is_full_stop:
        return not (is_tight and mark[-1] in CLOSING and after[0] in "とっ")  # 「はい。」と言った。
    after = after.lstrip(OPENING + " \u00a0\u202f")
    if after[:1].islower():
        return False
    if is_tight and not (after[:1].isupper() and CAPITALISED.match(after)):
        return False
    if not mark.startswith(".") or mark.startswith("..") or candidate.follows_span:
        return True
    near = max(start, candidate.mark.start - MIN_PART_CHARACTERS)  # or time would be quadratic
    before = text[near : candidate.mark.start].lstrip(OPENING)
    word = (before.split() or [""])[-1].lstrip(OPENING)
    if word.isdecimal() and len(word) < 3:
        return language not in ORDINALS and not (near == start and before == word)
    known = ends_after_word(word, after, language)
    return candidate.next in library_starts(text, language) if known is None else known


def ends_after_word(word: str, after: str, language: str) -> bool | None:
    """Whether a sentence ends after a word with a full stop, given the text after it; None if the
    tables of the language do not tell."""
    table = ABBREVIATIONS.get(language, ELSEWHERE)
    forms = {word, word.capitalize()} if word.isupper() and len(word) > 1 else {word}
    if not word or forms & table.words:
        return True
    if forms & table.always:
        return False
    if forms & table.before_numbers:
        return not after[:1].isdecimal()
    is_initial = len(word) == 1 and word.isupper()
    is_dotted = "." in word and not word[-1].isdecimal()
    if is_initial or is_dotted or forms & table.mostly:
        first = FIRST_WORD.match(after)
        return first is not None and first[0] in table.starters
    return None


@cache
def sentence_library() -> Callable[..., list[dict[str, int]]]:
    from sentencex import get_sentence_boundaries  # takes some milliseconds

    return get_sentence_boundaries


@lru_cache(maxsize=8)
def library_starts(text: str, language: str) -> frozenset[int]:
    """Where `sentencex` begins a sentence, as indices of characters."""
    return frozenset(part["start_index"] for part in sentence_library()(language, text))


def split_long(
    text: str, span: Span, max_tokens: int, count: Callable[[str], int], protected: Sequence[Span]
) -> list[Span]:
    """A sentence in parts of about equal length and at most `max_tokens` tokens, as `count` counts
    them, and at most as many protected spans as there are placeholder symbols.

    It is cut after a clause, or else after a word, or else anywhere but in a protected span, a
    letter or an emoji. A unit that is longer alone is a part of its own.
    """
    begin, end = (bisect_left(protected, Span(edge, 0)) for edge in span)
    inside = protected[begin:end]
    sentence = text[slice(*span)]
    # no token is shorter than a byte: counting takes as long as all other stages together
    is_short = len(sentence) < max_tokens and sentence.isascii()
    if len(inside) <= len(PLACEHOLDER_SYMBOLS) and (is_short or count(sentence) <= max_tokens):
        return [span]
    units = make_units(text, span, count, inside)
    tokens = [0, *accumulate(unit.tokens for unit in units)]
    placeholders = [0, *accumulate(unit.is_protected for unit in units)]
    parts, start = [], 0
    while start < len(units):
        end = part_end(units, tokens, placeholders, start, max_tokens)
        parts.append(Span(units[start].span.start, units[end - 1].span.end))
        start = end
    return parts


def part_end(
    units: Sequence[Unit],
    tokens: Sequence[int],
    placeholders: Sequence[int],
    start: int,
    max_tokens: int,
) -> int:
    """The index after the last unit of the part that begins at unit `start`.

    `tokens` and `placeholders` are sums over the units before each.
    """
    left = tokens[-1] - tokens[start]
    if left <= max_tokens and placeholders[-1] - placeholders[start] <= len(PLACEHOLDER_SYMBOLS):
        return len(units)
    equal = left / max(2, -(-left // max_tokens))
    best, least = start + 1, (ANYWHERE_ELSE + 1, 0.0)
    for end in range(start + 1, len(units)):
        length = tokens[end] - tokens[start]
        spans = placeholders[end] - placeholders[start]
        if length > max_tokens or spans > len(PLACEHOLDER_SYMBOLS):
            break
        border = units[end - 1].border if length >= equal / 2 else ANYWHERE_ELSE
        best, least = min((best, least), (end, (border, abs(length - equal))), key=lambda it: it[1])
    return best


def make_units(
    text: str, span: Span, count: Callable[[str], int], protected: Sequence[Span]
) -> list[Unit]:
    """The words, signs and protected spans of a sentence, each counted once."""
    spans = list(unit_spans(text, span, protected))
    kept = {one.start for one in protected}
    alone, units = count("."), []
    for unit, after in pairwise([*spans, Span(span.end, span.end)]):
        piece, is_protected = text[slice(*unit)], unit.start in kept
        has_space = text[unit.end : after.start].isspace()
        border = WORD_END if has_space else ANYWHERE_ELSE
        if CLAUSE_END.match(piece) and (has_space or not piece.isascii()):
            border = CLAUSE
        follows_space = unit.start == span.start or text[unit.start - 1].isspace()
        tokens = count(piece) if follows_space else count("." + piece) - alone
        units.append(Unit(unit, 1 if is_protected else tokens, is_protected, border))
    return units


def unit_spans(text: str, span: Span, protected: Sequence[Span]) -> Iterator[Span]:
    """The protected spans and, between them, the words, or pieces of them where they are long."""
    start = span.start
    for one in [*protected, Span(span.end, span.end)]:
        for word in words(text[start : one.start]):
            yield from word_pieces(text, Span(word.start + start, word.end + start))
        if one.start < one.end:
            yield one
        start = one.end


def word_pieces(text: str, word: Span) -> Iterator[Span]:
    """The word in pieces of some `MAX_UNIT_CHARACTERS`, which tear no letter from its marks."""
    start, end = word.start, word.start
    if word.end - start > MAX_UNIT_CHARACTERS:
        for letter in LETTER_WITH_MARKS.finditer(unify_marks(text[slice(*word)])):
            if word.start + letter.end() - start > MAX_UNIT_CHARACTERS and start < end:
                yield Span(start, end)
                start = end
            end = word.start + letter.end()
    yield Span(start, word.end)
