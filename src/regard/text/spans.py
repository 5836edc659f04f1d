"""The words of a text as ranges of characters, and the word that each token belongs to."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

COMBINING_MARK = "\u0300"
"""`unify_marks` replaces every combining mark by this one."""
ZERO_WIDTH_JOINERS = "\u200c\u200d"
"""The non-joiner and the joiner. Both occur inside words; the joiner also joins emoji."""
SINGLE_CHARACTER_WORDS = (
    "\u3005-\u3007\u3031-\u3035\u3040-\u3098\u309b-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Ideographs and kana. They are written without spaces; each counts as a word."""
SYMBOL = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}|[^\\w\\s])"  # a flag is two regional indicators
    # skin tones and tags
    f"[{COMBINING_MARK}{ZERO_WIDTH_JOINERS}\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
)
WORD_LETTER = f"[^\\W{SINGLE_CHARACTER_WORDS}]"
REST = f"(?:{WORD_LETTER}|[{COMBINING_MARK}{ZERO_WIDTH_JOINERS}])*"
WORD = (
    r"(?:[cdjlmnst]|(?:jus|lors|puis|quel|quoi)?qu)['’](?=\w)"  # an elision: l'homme, qu'il
    rf"|{WORD_LETTER}{REST}(?:['’\-‐‑.,]{WORD_LETTER}{REST})*"  # don't, Jean-Paul, 3.5
    rf"|[{SINGLE_CHARACTER_WORDS}][{COMBINING_MARK}{ZERO_WIDTH_JOINERS}]*"
    rf"|{SYMBOL}(?:(?<=\u200d){SYMBOL})*"  # punctuation, one by one; emoji, joined ones as one
)


class Span(NamedTuple):
    start: int
    """Index of the first character in the text."""
    end: int
    """Index after the last character."""


def words(text: str) -> list[Span]:
    """The words and punctuation marks of a text, in order. White space belongs to none of them.

    A French elision is a word: "l'homme" is "l'" and "homme". Each ideograph and each kana is a
    word. A combining mark belongs to the character before it.
    """
    return [Span(*match.span()) for match in word_pattern().finditer(unify_marks(text))]


@cache
def word_pattern() -> re.Pattern[str]:
    """Matches a word. Compiled at the first call: that takes as long as a dozen translations."""
    return re.compile(WORD, re.IGNORECASE)


def unify_marks(text: str) -> str:
    """The text with one combining mark for all, which `re` does not count as word characters."""
    if text.isascii():
        return text
    return "".join(COMBINING_MARK if unicodedata.category(c)[0] == "M" else c for c in text)


def word_of_each_token(tokens: list[Span], words: list[Span]) -> list[int]:
    """For each token, the index of the word that it belongs to, or -1.

    A token that overlaps several words belongs to the one with which it shares most characters. An
    empty span (all but the last byte of a character that is written in bytes) counts as the next
    character.
    """
    indices: list[int] = []
    first = 0
    for start, stop in tokens:
        end = max(stop, start + 1)
        while first < len(words) and words[first].end <= start:
            first += 1
        best, longest = -1, 0
        for index in range(first, len(words)):
            if words[index].start >= end:
                break
            shared = min(end, words[index].end) - max(start, words[index].start)
            if shared > longest:
                best, longest = index, shared
        indices.append(best)
    return indices


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans have characters in common."""
    return one.start < other.end and other.start < one.end


def merge_spans(*lists: Iterable[Span]) -> list[Span]:
    """The spans of all lists in order; those that overlap are one."""
    merged: list[Span] = []
    for span in sorted(span for spans in lists for span in spans):
        if merged and span.start < merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged
