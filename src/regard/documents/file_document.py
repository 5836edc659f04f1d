"""What a file becomes when it is read: segments to translate, and a function that writes it."""

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Literal, NamedTuple

from regard.errors import RegardError
from regard.markup.pieces import Piece, parse_xml

SegmentForm = Literal["text", "html", "xml", "inline"]
"""text: lines, each of which is translated by itself; the others: a format of `markup.PARSERS`."""
TRANSLATABLE = re.compile(r"[^\W\d_]")
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


def parse_document(name: str, text: str) -> list[Piece]:
    """The pieces of an XML document. Raises RegardError, with the file, if it is not well-formed
    or has a document type, which may declare entities."""
    try:
        pieces = parse_xml(text)
    except RegardError as error:
        raise RegardError(error.what, f"{name}: {error.where}", "correct the file") from error
    if any(piece.kind == "other" and piece.raw.startswith("<!DOCTYPE") for piece in pieces):
        raise RegardError(
            "the file has a document type declaration (DOCTYPE)", name, "remove the declaration"
        )
    return pieces


def with_attribute(tag: str, name: str, value: str) -> str:
    """A tag, as it is written, with an attribute that has this value."""
    pattern = re.compile(rf"(\s{re.escape(name)}\s*=\s*)(?:\"[^\"]*\"|'[^']*')")
    written = escape(value)
    if pattern.search(tag):
        return pattern.sub(lambda match: f'{match[1]}"{written}"', tag, count=1)
    return re.sub(r"\s*(/?>)\Z", lambda match: f' {name}="{written}"{match[1]}', tag)
