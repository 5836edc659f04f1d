"""The layout of a line: indentation, marks of lists and headings, columns; kept as it is."""

import re
from collections.abc import Iterator

from regard.text.spans import Span

BLANK = "[\\s\ufeff]"
MARK = re.compile(
    rf"{BLANK}*(?:>+{BLANK}*"  # quoted mail
    r"|(?:[-*+•‣◦▪●–—]|#{1,6}|\[[ xX]\]"  # lists, headings, boxes to tick
    r"|\d{1,3}[.)]|(?:[A-Za-z]|[ivx]{1,4})\)|\((?:\d{1,3}|[A-Za-z]|[ivx]{1,4})\))"  # 2. 2) b) (b)
    rf"{BLANK}+)"
)
COLUMN_END = re.compile(r"\t")
BAR_BETWEEN_SPACES = re.compile(r"\t|(?<=\s)\|(?=\s)")
TABLE_BAR = re.compile(r"\t|(?<!\\)\|")
LETTER_OR_DIGIT = re.compile(r"\w")


def translatable_spans(line: str) -> list[Span]:
    """The pieces of a user's line that are text, in order; each begins and ends with a sign.

    What is before, between and after them is layout: white space, quotation marks of mail, marks of
    lists and headings, and the tabs and bars between columns. A piece has a letter or a digit.
    """
    start = end_of_marks(line)
    return [
        span
        for column in columns(line, start)
        if LETTER_OR_DIGIT.search(line, *(span := without_blanks(line, column)))
    ]


def end_of_marks(line: str) -> int:
    """The index after the marks at the beginning of a line."""
    end = 0
    while match := MARK.match(line, end):
        end = match.end()
    return end


def columns(line: str, start: int) -> Iterator[Span]:
    """The columns of the line from `start` on, with the white space around them."""
    if "\t" in line or "|" in line:
        for match in column_end(line, start).finditer(line, start):
            yield Span(start, match.start())
            start = match.end()
    yield Span(start, len(line))


def column_end(line: str, start: int) -> re.Pattern[str]:
    """What divides the columns of a line; a bar in code is not meant to."""
    if line.startswith("|", start):
        return TABLE_BAR
    return COLUMN_END if "`" in line or "{" in line else BAR_BETWEEN_SPACES


def without_blanks(line: str, span: Span) -> Span:
    """The span without the white space at its ends."""
    text = line[slice(*span)]
    start = span.start + len(text) - len(text.lstrip())
    return Span(start, max(start, span.start + len(text.rstrip())))
