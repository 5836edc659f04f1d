"""What a file is if it is not plain text in UTF-8: told from its first bytes."""

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from regard.errors import RegardError

CONVERT = "convert it to UTF-8 with iconv"
DECOMPRESS = "decompress it first; only files that end in .gz, .xz or .zst are read directly"
SAVE_AS_TEXT = "save its text as a .txt file in UTF-8 first, and give that"
NO_TEXT = "give a text file"


class Kind(NamedTuple):
    """A kind of file that holds no plain text."""

    what: str
    begin: re.Pattern[bytes]
    """Matches the first bytes of such a file."""
    to_do: str


def kind(what: str, begin: bytes, to_do: str) -> Kind:
    return Kind(what, re.compile(begin, re.DOTALL), to_do)


ASCII_BYTE = rb"[\t\r\n -~]"
WIDE = rb"(?:(?:%b\0){4}|(?:\0%b){4}|(?:%b\0{3}){4}|(?:\0{3}%b){4})" % (4 * (ASCII_BYTE,))
"""Four characters of ASCII_BYTE in UTF-16 or UTF-32."""

TEXT_KINDS = (
    kind("the text is UTF-16 or UTF-32", rb"\xff\xfe|\xfe\xff|\0\0\xfe\xff", CONVERT),
    kind("the text is UTF-16 or UTF-32, without a byte order mark", rb".{0,400}?" + WIDE, CONVERT),
    kind("the file is a PDF", rb"%PDF-\d\.\d\s*[\r\n]", SAVE_AS_TEXT),
    kind("the file is an RTF document", rb"\{\\rtf\d", SAVE_AS_TEXT),
)
"""Kinds whose first bytes may be UTF-8."""

BINARY_KINDS = (
    kind("the file is compressed with gzip", rb"\x1f\x8b", DECOMPRESS),
    kind("the file is compressed with xz", rb"\xfd7zXZ\0", DECOMPRESS),
    kind("the file is compressed with bzip2", rb"BZh", DECOMPRESS),
    kind("the file is compressed with zstd", rb"\x28\xb5\x2f\xfd", DECOMPRESS),
    kind(
        "the file is an office document",
        rb"PK\x03\x04.{0,4000}?(?:\[Content_Types\]\.xml|word/|mimetypeapplication/)"
        rb"|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        SAVE_AS_TEXT,
    ),
    kind("the file is compressed with zip", rb"PK\x03\x04", DECOMPRESS),
    kind(
        "the file is a picture",
        rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|II\*\0|MM\0\*|BM.{4}\0{4}",
        NO_TEXT,
    ),
    kind(
        "the file is a sound or a film", rb"ID3|OggS|fLaC|RIFF.{4}(?:WAVE|AVI )|.{4}ftyp", NO_TEXT
    ),
    kind("the file is a program", rb"\x7fELF|MZ|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe", NO_TEXT),
    kind("the file is a database", rb"SQLite format 3\0", NO_TEXT),
)
"""Kinds that are looked for in files that are not UTF-8."""


def refuse_other_kinds(head: bytes, file: Path) -> None:
    """Raises RegardError if the first bytes show that a file is not UTF-8 text."""
    for what, begin, to_do in TEXT_KINDS if begins_in_utf8(head) else BINARY_KINDS + TEXT_KINDS:
        if begin.match(head):
            raise RegardError(what, str(file), to_do)


def begins_in_utf8(head: bytes) -> bool:
    """Whether these bytes are UTF-8; the last character may be incomplete."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


SUBTITLE_TIME = re.compile(r"(?:\d+:)?\d\d:\d\d[,.]\d{3} --> ")


def subtitle_warning(file: Path, first_lines: Sequence[str]) -> str:
    """One line for the user if a file's name or its first lines show subtitles; else nothing."""
    is_named = file.suffix.lower() in (".srt", ".vtt")
    is_timed = any(map(SUBTITLE_TIME.match, first_lines))
    if not is_named and not is_timed:
        return ""
    return (
        f"{file} holds subtitles, and is translated as plain lines: numbers, times and tags may"
        " change, and a sentence on two lines is translated in two parts; --format srt or vtt reads"
        " them"
    )
