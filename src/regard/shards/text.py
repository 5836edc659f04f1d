"""Shards of plain text: a record is a line, or with `paragraphs` a paragraph."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from regard.data.formats.lines import read_lines
from regard.shards.shard import Record, Shard, ShardFormat
from regard.text.layout import translatable_spans


def check_text(shard: Shard) -> None:
    """Raises RegardError if the file cannot be read, or is not text."""
    next(read_lines(shard.source), None)


def read_text_records(shard: Shard) -> Iterator[Record]:
    lines = read_lines(shard.source)
    for line in join_paragraphs(lines) if shard.paragraphs else lines:
        yield Record((line,))


def count_records(shard: Shard) -> int:
    return sum(1 for _ in read_text_records(shard))


def text_entry(record: Record, translations: Sequence[str]) -> str:  # noqa: ARG001
    return f"{translations[0]}\n"


def keep_entries(shard: Shard, part: Path) -> None:
    """The entries of a text are its translation."""


def join_paragraphs(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of each paragraph as one line, and the empty lines between them.

    A line with indentation or a list mark begins a paragraph.
    """
    paragraph: list[bytes] = []
    for line in lines:
        text = line.decode("utf-8", errors="replace")
        pieces = translatable_spans(text)
        if paragraph and (not pieces or pieces[0].start):
            yield b" ".join(paragraph)
            paragraph = []
        if pieces:
            paragraph.append(line)
        else:
            yield line
    if paragraph:
        yield b" ".join(paragraph)


TEXT_FORMAT = ShardFormat(
    check_text, read_text_records, count_records, text_entry, keep_entries, lambda _: False
)
