"""Where the words of a text stand: tokens, words and characters of the user's own text."""

import re
from typing import NamedTuple

WORD = re.compile(
    r"(?:[cdjlmnst]|(?:jus|lors|puis|quel|quoi)?qu)['’](?=\w)"  # an elision: l'homme, qu'il
    r"|\w+(?:['’\-‐‑.,]\w+)*"  # don't, Jean-Paul, 3.5
    r"|[^\w\s]",  # punctuation, one by one
    re.IGNORECASE,
)


class Span(NamedTuple):
    start: int
    """Place of the first character in the text."""
    end: int
    """Place behind the last character."""


def words(text: str) -> list[Span]:
    """The words of a text, punctuation marks among them, in order; white space is in none.

    A French elision is a word of its own: "l'homme" is "l'" and "homme".
    """
    return [Span(*match.span()) for match in WORD.finditer(text)]


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
