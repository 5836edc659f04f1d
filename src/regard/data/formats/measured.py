"""Text to measure a translation on: all its pairs, none of which may be left out."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from regard.data.formats import reader_of
from regard.data.formats.lines import read_texts
from regard.data.formats.pair import UnreadableLine
from regard.errors import RegardError
from regard.text.languages import Languages
from regard.text.normalize import clean_line


class MeasuredText(NamedTuple):
    sources: list[str]
    references: list[str]


def read_measured(files: Sequence[Path], languages: Languages) -> MeasuredText:
    """The texts and their human translations, from two text files or a file of pairs.

    Raises RegardError if a file cannot be read, if two files differ in their number of lines, or if
    a line of a file of pairs holds none.
    """
    if len(files) == 2:
        return read_two_texts(files[0], files[1])
    text = MeasuredText([], [])
    for line in reader_of(files)(languages):
        if isinstance(line, UnreadableLine):
            raise RegardError(
                f"line {line.number} of the test text cannot be used: {line.reason}",
                str(files[0]),
                "correct it or remove it; the lines are rows of a table, or units of a .tmx",
            )
        text.sources.append(clean_line(line.source))
        text.references.append(clean_line(line.target))
    return text


def read_two_texts(source: Path, reference: Path) -> MeasuredText:
    text = MeasuredText(*(list(read_texts(file)) for file in (source, reference)))
    if len(text.sources) != len(text.references):
        raise RegardError(
            "the numbers of lines differ",
            f"{source} ({len(text.sources):,} lines), {reference} ({len(text.references):,} lines)",
            "give both files the same number of lines",
        )
    return text
