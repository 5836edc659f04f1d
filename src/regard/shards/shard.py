"""A shard: one file of a bulk translation, and the operations that its format has."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from regard.files import file_digest
from regard.storage.folder import model_files


class Shard(NamedTuple):
    """A file with text, and the file that its translation becomes."""

    source: Path
    out: Path
    column: str = ""
    """Of a table: the column with the text."""
    target_column: str = ""
    """Of a table: the column that is added."""
    paragraphs: bool = False
    """Of a text: whether the lines of a paragraph are joined first."""


class Record(NamedTuple):
    """A line of a text, or the lines of a cell of a table."""

    lines: tuple[bytes, ...]
    """Without their ends; none for a cell without a value."""
    ends: tuple[str, ...] = ("",)
    """What follows each line."""


class ShardFormat(NamedTuple):
    """What is done with shards of one format.

    The translation of a shard is first written as entries, one for each record, in order; an
    interrupted run continues after the last complete entry.
    """

    check: Callable[[Shard], None]
    """Raises RegardError if it can be seen from the shard's head that it is not usable."""
    read: Callable[[Shard], Iterator[Record]]
    """Raises RegardError if the file cannot be read, or is damaged."""
    count: Callable[[Shard], int]
    """The number of records."""
    entry: Callable[[Record, Sequence[str]], str]
    """The entry of a record, from the translations of its lines."""
    complete: Callable[[Shard, Path], None]
    """Turn a file with all entries into the output, atomically."""
    is_complete: Callable[[Path], bool]
    """Whether this has been done with a file."""


def content_fingerprint(file: Path) -> str:
    """The name and the digests of a text or a model; equal for copies in other folders. What is
    neither a file nor a folder, such as `-`, is its own."""
    parts = model_files(file) if file.is_dir() else [file]
    digests = [file_digest(part) for part in parts if part.is_file()]
    return " ".join([file.name, *digests]) if digests else str(file)
