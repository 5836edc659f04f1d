"""The lines of a text file: its bytes, their compression and their encoding."""

import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from regard.data.formats.kinds import refuse_other_kinds
from regard.data.formats.zstd import DamagedZstd, ZstdReader
from regard.errors import RegardError, refuse_system_error
from regard.text.normalize import clean_line

COMPRESSIONS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.GzipFile,
    ".xz": lzma.LZMAFile,
    ".zst": ZstdReader,
}
"""The class that opens a compressed file, by the file's last suffix."""

DECOMPRESSION_ERRORS = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, DamagedZstd)
"""Raised while a compressed file is read if its content does not match its suffix."""

MAX_LINE_BYTES = 2**20
"""Longer lines are truncated; the rest of such a line is skipped."""

HEAD_BYTES, KIND_BYTES = 2**16, 2**13
"""At most so many bytes show how the lines of a file end, and what the file is."""

STANDARD_INPUT = Path("-")
UTF8_MARK = b"\xef\xbb\xbf"


def open_bytes(file: Path) -> io.BufferedReader:
    """Open a file, decompressed if its suffix is in `COMPRESSIONS`; `-` is standard input.

    Raises RegardError if the file cannot be opened.
    """
    if file == STANDARD_INPUT:
        # not sys.stdin: a thread blocked on it would keep the process from exiting
        return open(0, "rb", closefd=False)
    try:
        if unpack := COMPRESSIONS.get(file.suffix):
            return io.BufferedReader(unpack(file), HEAD_BYTES)
        return io.BufferedReader(io.FileIO(file), HEAD_BYTES)
    except OSError as error:
        refuse_system_error(error, "read a file", str(file))


def read_lines(file: Path) -> Iterator[bytes]:
    """The lines of a file, without their line ends (a line feed, or a carriage return and one).

    Nothing else ends a line, unless the first 64 KiB have carriage returns and no line feed.
    A line longer than `MAX_LINE_BYTES` is truncated after the character that crosses this limit, so
    the result is longer than the limit. A byte order mark at the start of the file is removed.
    Raises RegardError if the file cannot be read, is damaged, or is not UTF-8 text.
    """
    number = 0
    with open_bytes(file) as stream:
        try:
            refuse_other_kinds(stream.peek()[:KIND_BYTES], file)
            read_line = line_reader(stream)
            # room for what is removed below: a mark, the line end, the rest of a character
            while line := read_line(MAX_LINE_BYTES + 5 + len(UTF8_MARK)):
                number += 1
                part = line
                while part and not part.endswith(b"\n"):
                    part = read_line(MAX_LINE_BYTES)
                if number == 1:
                    line = line.removeprefix(UTF8_MARK)
                    if not line:
                        return
                yield truncate_utf8(line.removesuffix(b"\n").removesuffix(b"\r"))
        except DECOMPRESSION_ERRORS as error:
            raise compression_error(f"{file}, after line {number}") from error
        except OSError as error:
            refuse_system_error(error, "read a file", str(file))


def compression_error(where: str) -> RegardError:
    """The error for `DECOMPRESSION_ERRORS`."""
    return RegardError(
        "the file is damaged, or its compression does not match its name",
        where,
        "compress or download it again",
    )


def line_reader(stream: io.BufferedReader) -> Callable[[int], bytes]:
    """The function that reads a line of a stream, or so many bytes of it.

    Lines of old Macs end in carriage returns alone. They are read as ending in line feeds.
    """
    head = stream.peek()
    if b"\r" not in head or b"\n" in head:
        return stream.readline
    characters = io.TextIOWrapper(stream, "latin-1", newline=None)  # one for each byte
    return lambda size: characters.readline(size).encode("latin-1")


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
