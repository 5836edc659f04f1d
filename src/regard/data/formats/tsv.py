"""A table with a pair on each line: source, tab, translation (.tsv)."""

from pathlib import Path

from regard.data.formats.lines import is_too_long, require_lines
from regard.data.formats.pair import NOT_A_PAIR, TOO_LONG, PairStream, UnreadableLine, make_pair
from regard.text.languages import Languages


def read_tsv(file: Path, languages: Languages) -> PairStream:  # noqa: ARG001
    """The first two columns of each line. Quotation marks are text, not syntax."""
    for number, line in enumerate(require_lines(file), 1):
        columns = line.split(b"\t", maxsplit=2)
        if is_too_long(line):
            yield UnreadableLine(number, TOO_LONG)
        elif len(columns) == 1:
            yield UnreadableLine(number, NOT_A_PAIR)
        else:
            yield make_pair(number, columns[0], columns[1])
