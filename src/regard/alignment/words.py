"""The words of a line, as the aligner sees them, and the views of a word."""

import re
from collections.abc import Callable
from typing import Literal

from regard.text.spans import Span, words

Segmentation = Literal["text", "spaces"]
NOT_SPACE = re.compile(r"\S+")

SEGMENTATIONS: dict[str, Callable[[str], list[Span]]] = {
    "text": words,
    "spaces": lambda text: [Span(*match.span()) for match in NOT_SPACE.finditer(text)],
}
"""How a line is cut into words: by regard's rules, or at its spaces alone."""

VIEWS: dict[str, Callable[[str], str]] = {
    "word": lambda word: word,
    "first 5 letters": lambda word: word[:5],
    "first 4 letters": lambda word: word[:4],
}
"""The forms of a word by which it is aligned, each by an aligner of its own: many languages inflect
at the end."""


def aligned_words(text: str, spans: list[Span]) -> list[str]:
    return [as_learned(text[start:end]) for start, end in spans]


def as_learned(word: str) -> str:
    """A word in small letters, with one form of apostrophe: what is learned of it."""
    return word.lower().replace("’", "'")
