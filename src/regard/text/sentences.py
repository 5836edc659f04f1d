"""Where a text's sentences begin and end, by rules; what stands between them is kept."""

import re
from collections.abc import Iterator
from typing import NamedTuple

BOUNDARY = re.compile(
    # the end of a sentence, then white space; looked for once in a run of full stops
    r"(?P<ended>(?<![.!?…])[.!?…]+[\"'”’»)\]]*)(?P<gap>\s+)"
    r"|(?P<full>[。！？｡]+[」』”’）]*)(?P<none>\s*)"  # where none is written between sentences
)

CLAUSE, SPACE = re.compile(r"(?<=[,;:)\]»”—–])\s+"), re.compile(r"\s+")

LONGEST = 1000
"""Characters of the longest sentence: what is longer is cut behind a clause, or else a word. Models
have not read longer ones (`data.max_characters`), and their time grows with the square."""

OPENING = "\"'“‘«([¿¡「『（—-–"
"""What may stand before a sentence's first letter."""

NEAR = 40
"""Characters around a full stop that decide."""

# fmt: off
ABBREVIATIONS = {
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "gen", "col", "capt", "lt", "sgt", "rev",
    "hon", "gov", "pres", "vs", "cf", "no", "nos", "vol", "fig", "art", "ch", "pp", "al", "approx",
    "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    "m", "mm", "mme", "mmes", "mlle", "mlles", "me", "mgr", "av", "bd", "éd", "env", "janv", "févr",
    "avr", "juil", "déc", "hr", "fr", "bzw", "nr", "str", "tel", "ca", "sog", "usw", "abs",
}
# fmt: on
"""Words behind whose full stop a sentence mostly goes on."""


class Sentence(NamedTuple):
    text: str
    gap: str
    """What stands between it and the next one."""


def split(text: str) -> list[Sentence]:
    """The sentences of `text`; put together with their gaps they are `text` again.

    A full stop ends no sentence behind an abbreviation, an initial, or where the next word begins
    with a small letter. None is longer than `LONGEST`.
    """
    return [part for sentence in ended(text) for part in shortened(sentence)]


def ended(text: str) -> list[Sentence]:
    """The sentences where they end by themselves."""
    found, start = [], 0
    for match in BOUNDARY.finditer(text):
        gap = match["gap"] if match["gap"] is not None else match["none"]
        end = match.end() - len(gap)
        if match.end() < len(text) and is_end(text, match):
            found.append(Sentence(text[start:end], gap))
            start = match.end()
    if start < len(text) or not found:
        found.append(Sentence(text[start:], ""))
    return found


def shortened(sentence: Sentence) -> Iterator[Sentence]:
    """A sentence in parts that are short enough."""
    text = sentence.text
    while len(text) > LONGEST:
        place = last_break(text)
        rest = text[place:].lstrip()
        if not rest:
            break
        yield Sentence(text[:place], text[place : len(text) - len(rest)])
        text = rest
    yield Sentence(text, sentence.gap)


def last_break(text: str) -> int:
    """Where the first `LONGEST` characters had best be cut off."""
    for pattern in (CLAUSE, SPACE):
        places = [match.start() for match in pattern.finditer(text, LONGEST // 2, LONGEST)]
        if places:
            return places[-1]
    return LONGEST


def is_end(text: str, match: re.Match[str]) -> bool:
    if match["full"]:
        return True
    after = text[match.end() : match.end() + NEAR].lstrip(OPENING)[:1]
    if after and after.islower():
        return False
    if not match["ended"].startswith(".") or match["ended"].startswith(".."):
        return True
    words = text[max(0, match.start() - NEAR) : match.start()].split()
    before = words[-1].lstrip(OPENING) if words else ""
    is_initial = len(before) == 1 and before.isalpha() and before.isupper() and before != "I"
    return not (is_initial or "." in before or before.lower() in ABBREVIATIONS)
