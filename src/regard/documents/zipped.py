"""The parts of a zip file in memory; nothing is ever unpacked to disk."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from copy import copy

from regard.errors import RegardError

MAX_PARTS = 10_000
MAX_SIZE = 100 * 2**20
"""Of all parts together, in bytes, when they are unpacked."""
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins files of older programs, and those with a password."""
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""Raised by zipfile for what it cannot read."""


def read_zip(name: str, content: bytes) -> dict[str, bytes]:
    """The parts by name, in order.

    Raises RegardError if the content is no zip file, is damaged or encrypted, or would be too large
    in memory.
    """
    if content.startswith(OLD_OFFICE):
        raise RegardError(
            "the file has a password, or is of an older version of the program",
            name,
            "save it as .docx without a password",
        )
    if not content.startswith(b"PK"):
        raise RegardError("this is not an office document", name, "give a .docx file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if any(entry.flag_bits & 1 for entry in entries):
                raise RegardError("the file is encrypted", name, "save it without a password")
            size = sum(entry.file_size for entry in entries)
            if size > MAX_SIZE or len(entries) > MAX_PARTS:
                raise RegardError(
                    f"the file is too large when it is unpacked: {size / 2**20:,.0f} MiB",
                    name,
                    f"divide it: at most {MAX_SIZE // 2**20} MiB can be read",
                )
            packed = {entry.compress_type for entry in entries}
            if not packed <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise damaged(name)  # the size of other kinds cannot be bounded while unpacking
            if len({entry.filename for entry in entries}) < len(entries):
                raise damaged(name)
            return {entry.filename: read_part(archive, entry) for entry in entries}
    except DAMAGED as error:
        raise damaged(name) from error


def read_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """A part, of which no more is unpacked than its declared size and a byte. Raises BadZipFile if
    it is longer."""
    with archive.open(entry) as stream:
        return stream.read(entry.file_size + 1)


def damaged(name: str) -> RegardError:
    return RegardError("the file is damaged or not complete", name, "save or download it again")


def write_zip(content: bytes, parts: Mapping[str, bytes]) -> bytes:
    """A zip file like this one, with these parts."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(written, "w") as out:
        for entry in archive.infolist():
            out.writestr(copy(entry), parts[entry.filename])
    return written.getvalue()
