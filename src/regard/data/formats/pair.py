"""A pair of texts, and the reasons why a line holds none."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from regard.data.formats.lines import is_too_long
from regard.text.languages import Languages
from regard.text.normalize import normalize

NOT_UTF8, NOT_A_PAIR, TOO_LONG = "not utf-8", "not a pair", "too long"


class Pair(NamedTuple):
    number: int
    """The number of its line, from 1."""
    source: str
    target: str


class UnreadableLine(NamedTuple):
    number: int
    """The number of the line, from 1."""
    reason: str
    """Why the line holds no pair: one of `clean.REASONS`."""


PairStream = Iterator[Pair | UnreadableLine]
PairReader = Callable[[Path, Languages], PairStream]
"""Reads a file that holds both sides."""


def make_pair(number: int, source: bytes, target: bytes) -> Pair | UnreadableLine:
    """The pair on line `number`, as it is written, or why there is none."""
    if is_too_long(source) or is_too_long(target):
        return UnreadableLine(number, TOO_LONG)
    try:
        return Pair(number, source.decode(), target.decode())
    except UnicodeDecodeError:
        return UnreadableLine(number, NOT_UTF8)


def normalized(line: Pair | UnreadableLine) -> Pair | UnreadableLine:
    """The same with both texts as a model reads them."""
    if isinstance(line, UnreadableLine):
        return line
    return Pair(line.number, normalize(line.source).text, normalize(line.target).text)
