"""The lines of a text file: its bytes, their compression and their encoding."""

import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from regard.errors import RegardError, refuse_system_error
from regard.text.normalize import clean_line

COMPRESSIONS: dict[str, Callable[[Path], Any]] = {".gz": gzip.GzipFile, ".xz": lzma.LZMAFile}
"""The class that opens a compressed file, by the file's last suffix."""

DECOMPRESSION_ERRORS = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)
"""Raised while a compressed file is read if its content does not match its suffix."""

MAX_LINE_BYTES = 2**20
"""Longer lines are truncated; the rest of such a line is skipped."""

STANDARD_INPUT = Path("-")
UTF8_MARK = b"\xef\xbb\xbf"
OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
"""The byte order marks at the start of UTF-16 and UTF-32 files."""
COMPRESSED_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
"""The first bytes of compressed files. Files that end in .gz or .xz are decompressed."""


def open_bytes(file: Path) -> io.BufferedIOBase:
    """Open a file, decompressed if its suffix is in `COMPRESSIONS`; `-` is standard input.

    Raises RegardError if the file cannot be opened.
    """
    if file == STANDARD_INPUT:
        # not sys.stdin: a thread blocked on it would keep the process from exiting
        return open(0, "rb", closefd=False)
    try:
        if unpack := COMPRESSIONS.get(file.suffix):
            return io.BufferedReader(unpack(file))
        return file.open("rb")
    except OSError as error:
        refuse_system_error(error, "read a file", str(file))


def read_lines(file: Path) -> Iterator[bytes]:
    """The lines of a file, without their line ends (a line feed, or a carriage return and one).

    Nothing else ends a line. A line longer than `MAX_LINE_BYTES` is truncated after the character
    that crosses this limit, so the result is longer than the limit. A byte order mark at the start
    of the file is removed.
    Raises RegardError if the file cannot be read, is damaged, or is UTF-16 or UTF-32.
    """
    number = 0
    with open_bytes(file) as stream:
        try:
            # room for what is removed below: a mark, the line end, the rest of a character
            while line := stream.readline(MAX_LINE_BYTES + 5 + len(UTF8_MARK)):
                number += 1
                part = line
                while part and not part.endswith(b"\n"):
                    part = stream.readline(MAX_LINE_BYTES)
                if number == 1:
                    refuse_other_kinds(line, file)
                    line = line.removeprefix(UTF8_MARK)
                    if not line:
                        return
                yield truncate_utf8(line.removesuffix(b"\n").removesuffix(b"\r"))
        except DECOMPRESSION_ERRORS as error:
            raise RegardError(
                "the file is damaged, or its compression does not match its name",
                f"{file}, after line {number}",
                "compress or download it again",
            ) from error
        except OSError as error:
            refuse_system_error(error, "read a file", str(file))


def refuse_other_kinds(line: bytes, file: Path) -> None:
    """Raises RegardError if this first line shows that a file is not UTF-8 text."""
    if line.startswith(OTHER_MARKS):
        raise RegardError(
            "the text is UTF-16 or UTF-32", str(file), "convert it to UTF-8 with iconv"
        )
    for magic, compression in COMPRESSED_MAGIC.items():
        if line.startswith(magic) and not is_utf8(line):
            raise RegardError(
                f"the file is compressed with {compression}",
                str(file),
                "decompress it first; only files that end in .gz or .xz are read directly",
            )


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_too_long(line: bytes) -> bool:
    """Whether `read_lines` has truncated this line."""
    return len(line) > MAX_LINE_BYTES


def truncate_utf8(line: bytes) -> bytes:
    """The first `MAX_LINE_BYTES` + 1 bytes, and the rest of a character that they divide."""
    end = MAX_LINE_BYTES + 1
    while end < min(len(line), MAX_LINE_BYTES + 4) and 0x80 <= line[end] < 0xC0:
        end += 1
    return line[:end]


def read_texts(file: Path) -> Iterator[str]:
    """The text of each line of a file, blank lines included. Raises RegardError as `read_lines`."""
    return map(decode_line, read_lines(file))


def decode_line(line: bytes) -> str:
    """A line as clean text; bytes that are not UTF-8 become �."""
    return clean_line(line.decode("utf-8", errors="replace"))


def require_lines(file: Path) -> Iterator[bytes]:
    """The lines of a file, of which there must be one. Raises RegardError as `read_lines`."""
    line = b"\n"
    for line in read_lines(file):
        yield line
    if line == b"\n":
        raise RegardError("the file is empty", str(file), "give a file with one text on each line")
