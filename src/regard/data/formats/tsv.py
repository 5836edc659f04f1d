"""A table with a pair on each line: source, tab, translation (.tsv), among other columns."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from regard.data.formats.lines import is_too_long, require_lines
from regard.data.formats.pair import NOT_A_PAIR, TOO_LONG, PairStream, UnreadableLine, make_pair
from regard.errors import RegardError
from regard.text.languages import Languages

SAMPLE_LINES = 200
"""Lines from which the columns are chosen."""
SHARED_CHARACTERS = 4
"""Texts do not all begin with the same so many characters; addresses and licences do."""


class Columns(NamedTuple):
    """The columns of a table that hold the texts, from 0."""

    source: int
    target: int
    total: int
    """How many columns most lines have."""


def read_tsv(file: Path, languages: Languages) -> PairStream:  # noqa: ARG001
    """The two columns of text of each line. Quotation marks are text, not syntax.

    Raises RegardError if the file cannot be read, or more than two of its columns may be the texts.
    """
    lines = require_lines(file)
    first = list(islice(lines, SAMPLE_LINES))
    chosen = choose_columns(first, file)
    needed = max(chosen.source, chosen.target) + 1
    for number, line in enumerate(chain(first, lines), 1):
        columns = line.split(b"\t", maxsplit=needed)
        if is_too_long(line):
            yield UnreadableLine(number, TOO_LONG)
        elif len(columns) < needed:
            yield UnreadableLine(number, NOT_A_PAIR)
        else:
            yield make_pair(number, columns[chosen.source], columns[chosen.target])


def choose_columns(lines: Sequence[bytes], file: Path) -> Columns:
    """The columns of text in these lines: both, if there are no more than two.

    Raises RegardError if there are more, and not exactly two of them hold text.
    """
    rows = [line.decode("utf-8", errors="replace").split("\t") for line in lines]
    [(count, _)] = Counter(map(len, rows)).most_common(1)
    if count <= 2:
        return Columns(0, 1, count)
    columns = zip(*(row for row in rows if len(row) == count), strict=True)
    texts = [number for number, values in enumerate(columns) if is_text(values)]
    if len(texts) != 2:
        raise RegardError(
            f"the table has {count} columns, and {len(texts) or 'none'} of them may hold the texts",
            str(file),
            f"keep the source and the translation: cut -f1,2 {file.name} > pairs.tsv",
        )
    return Columns(texts[0], texts[1], count)


def is_text(values: Sequence[str]) -> bool:
    """Whether a column has more letters than other characters, and its values begin differently."""
    characters = "".join("".join(values).split())
    letters = sum(character.isalpha() for character in characters)
    begin_alike = len(values) > 1 and len({value[:SHARED_CHARACTERS] for value in values}) == 1
    return 2 * letters > len(characters) and not begin_alike


def columns_message(file: Path) -> str:
    """One line that tells which columns of a table are read; empty if they are the first two.

    Raises RegardError as `read_tsv`.
    """
    source, target, total = choose_columns(list(islice(require_lines(file), SAMPLE_LINES)), file)
    if (source, target) == (0, 1):
        return ""
    return (
        f"{file.name}: the texts are read from columns {source + 1} and {target + 1} of {total};"
        " the others hold numbers, or the same text on each line"
    )
