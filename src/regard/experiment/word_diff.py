"""Which words of a translation are not in its reference, and which are missing."""

from difflib import SequenceMatcher
from typing import NamedTuple

from regard.text.spans import words


class Part(NamedTuple):
    text: str
    is_word: bool
    """False: the text between two words."""
    agrees: bool
    """Whether the reference has this word too, in the same order."""


class Marked(NamedTuple):
    parts: list[Part]
    missing: list[str]
    """Words of the reference that have no counterpart."""


def compare_words(text: str, reference: str) -> Marked:
    """The words of a translation that the reference has too, in the same order, and the others.

    Capitals do not count. A word that has only moved counts as wrong: the marks show where to look,
    they are no judgement.
    """
    spans = words(text)
    ours = [text[span.start : span.end] for span in spans]
    wanted = [reference[span.start : span.end] for span in words(reference)]
    matcher = SequenceMatcher(
        None, [word.casefold() for word in ours], [word.casefold() for word in wanted], False
    )
    matched, met = set[int](), set[int]()
    for block in matcher.get_matching_blocks():
        matched |= set(range(block.a, block.a + block.size))
        met |= set(range(block.b, block.b + block.size))
    parts: list[Part] = []
    end = 0
    for number, span in enumerate(spans):
        if span.start > end:
            parts.append(Part(text[end : span.start], False, True))
        parts.append(Part(ours[number], True, number in matched))
        end = span.end
    if end < len(text):
        parts.append(Part(text[end:], False, True))
    return Marked(parts, [word for number, word in enumerate(wanted) if number not in met])
