"""What a file becomes when it is read: segments to translate, and a function that writes it."""

import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from regard.errors import RegardError

SegmentForm = Literal["text", "html", "xml", "inline"]
"""text: lines, each of which is translated by itself; the others: a format of `markup.PARSERS`."""
LETTER = re.compile(r"[^\W\d_]")
"""What has none is not translated."""


class DocumentSegment(NamedTuple):
    """A part of a file that is translated by itself."""

    text: str
    form: SegmentForm


class FileDocument(NamedTuple):
    """The content of a file."""

    segments: list[DocumentSegment]
    write: Callable[[Sequence[str]], bytes]
    """The file with these translations, one for each segment. What its segment says already is
    written as it was, byte for byte."""


def decode_utf8(content: bytes, name: str) -> str:
    """Raises RegardError if a file is not UTF-8. A byte order mark stays in the text."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RegardError(
            "this is not UTF-8", f"{name}, line {line}", "convert it: iconv -f latin1 -t utf-8"
        ) from error


def is_unchanged(source: str, translation: str) -> bool:
    """Whether a translation says what its source says; white space may differ."""
    return source == translation or source.split() == translation.split()
