"""Files written beside and renamed, read, digested and locked."""

import hashlib
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from regard.errors import RegardError, refuse_system_error


def write_file(file: Path, content: bytes) -> None:
    """Write beside and rename; what stood there before stays whole until then.

    Raises RegardError if the disk is full or writing is not allowed.
    """
    beside = file.with_name(file.name + ".part")
    try:
        with beside.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        beside.replace(file)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        refuse_system_error(error, "write", str(file))


def write_json(file: Path, content: object) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_file(file, text.encode(errors="backslashreplace"))  # a name of a file need not be UTF-8


def read_json(file: Path) -> Any:
    """Raises RegardError if it cannot be read or is not JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        refuse_system_error(error, "read", str(file))
    except (ValueError, RecursionError) as error:
        raise damaged_error(file) from error


def file_digest(file: Path) -> str:
    """Of what stands in a file. Raises RegardError if it cannot be read, or only once."""
    if file.is_fifo():
        raise RegardError(
            "what comes through a pipe can be read only once",
            str(file),
            "write it to a file first",
        )
    try:
        with file.open("rb") as handle:
            return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        refuse_system_error(error, "read", str(file))


def damaged_error(file: Path) -> RegardError:
    return RegardError(
        f"{file.name} is damaged, or no file of a model",
        str(file),
        "copy it again from where it was made",
    )


def lock(file: Path) -> IO[bytes]:
    """Hold a file until the result is closed or this process ends, however it ends.

    Raises OSError if another process (or another part of this one) holds it.
    """
    handle = file.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            try:
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            except PermissionError as error:  # held, and not forbidden
                raise BlockingIOError(*error.args) from error
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise
    return handle
