"""Where the words of a text stand: tokens, words and characters of the user's own text."""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

COMBINING_MARK = "\u0300"
"""In `shape`, what stands for any mark that is written with the letter before it."""
JOINERS = "\u200c\u200d"
"""Between letters they keep apart or join what is one word; between symbols the second joins."""
ALONE = (
    "\u3005-\u3007\u3031-\u3035\u3040-\u3098\u309b-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Ideographs and kana: written without spaces, each counts as a word."""
SYMBOL = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}|[^\\w\\s])"  # a flag is two letters of its own kind
    f"[{COMBINING_MARK}{JOINERS}\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"  # skin tones, tags
)
LETTER = f"[^\\W{ALONE}]"
REST = f"(?:{LETTER}|[{COMBINING_MARK}{JOINERS}])*"
WORD = (
    r"(?:[cdjlmnst]|(?:jus|lors|puis|quel|quoi)?qu)['’](?=\w)"  # an elision: l'homme, qu'il
    rf"|{LETTER}{REST}(?:['’\-‐‑.,]{LETTER}{REST})*"  # don't, Jean-Paul, 3.5
    rf"|[{ALONE}][{COMBINING_MARK}{JOINERS}]*"
    rf"|{SYMBOL}(?:(?<=\u200d){SYMBOL})*"  # punctuation, one by one; emoji, joined ones as one
)


class Span(NamedTuple):
    start: int
    """Place of the first character in the text."""
    end: int
    """Place behind the last character."""


def words(text: str) -> list[Span]:
    """The words of a text, punctuation marks among them, in order; white space is in none.

    A French elision is a word of its own: "l'homme" is "l'" and "homme". So is each ideograph and
    each kana. Marks belong to what they follow.
    """
    return [Span(*match.span()) for match in pattern().finditer(unify_marks(text))]


@cache
def pattern() -> re.Pattern[str]:
    """Of a word; reading it takes as long as a dozen translations, and these do without."""
    return re.compile(WORD, re.IGNORECASE)


def unify_marks(text: str) -> str:
    """The text with the same sign for every mark (`re` takes none of them for part of a word)."""
    if text.isascii():
        return text
    return "".join(
        COMBINING_MARK if unicodedata.category(sign)[0] == "M" else sign for sign in text
    )


def word_of_each_token(tokens: list[Span], words: list[Span]) -> list[int]:
    """For each token the number of the word in which it stands, or -1.

    A token that stands in several words (a joint piece) counts for the one it shares most with. An
    empty span (a byte, but for the last, of a character that has several) is the character behind
    it.
    """
    places: list[int] = []
    first = 0
    for start, behind in tokens:
        end = max(behind, start + 1)
        while first < len(words) and words[first].end <= start:
            first += 1
        best, most = -1, 0
        for number in range(first, len(words)):
            if words[number].start >= end:
                break
            shared = min(end, words[number].end) - max(start, words[number].start)
            if shared > most:
                best, most = number, shared
        places.append(best)
    return places
