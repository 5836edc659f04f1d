"""Two text files: line N of one is the translation of line N of the other."""

from itertools import zip_longest
from pathlib import Path

from regard.data.formats.lines import require_lines
from regard.data.formats.pair import PairStream, make_pair
from regard.errors import RegardError


def read_parallel(source_file: Path, target_file: Path) -> PairStream:
    """The pairs of two text files. Raises RegardError if one has more lines than the other."""
    missing = b"\n"  # no line holds a line feed
    sources, targets = require_lines(source_file), require_lines(target_file)
    for number, (source, target) in enumerate(zip_longest(sources, targets, fillvalue=missing), 1):
        if missing in (source, target):
            longer = number + sum(1 for _ in (targets if source is missing else sources))
            counts = (number - 1, longer) if source is missing else (longer, number - 1)
            present, absent = ("source", "translation")[:: -1 if source is missing else 1]
            raise RegardError(
                f"line {number} has a {present} but no {absent}",
                f"{source_file} ({counts[0]:,} lines), {target_file} ({counts[1]:,} lines)",
                "give both files the same number of lines",
            )
        yield make_pair(number, source, target)
