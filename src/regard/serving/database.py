"""SQLite files of a server: its owner alone can read them, and their errors are in words."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from regard.errors import RegardError

LOCK_SECONDS = 1
"""How long one writer waits for another one."""
FOR_A_WHILE = sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY
"""Results of SQLite that another try may not have: the disk is full, or the file is locked."""
PRIMARY = 0xFF
"""The bits of a result that say what is wrong; the others are details."""


class DatabaseUnavailable(RegardError):
    """The file cannot be written now, but perhaps later."""


def refuse_unwritable(file: Path) -> None:
    """Create an empty file that its owner alone can read. Raises RegardError."""
    try:
        file.touch(mode=0o600)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RegardError(f"cannot write: {reason}", str(file), "choose another file") from error


@contextmanager
def opened(file: Path, content: str) -> Iterator[sqlite3.Connection]:
    """What is done in it is written at its end, all of it or nothing. The file must exist;
    `content` says in the plural what it holds.

    Raises RegardError, and DatabaseUnavailable if it is full or locked.
    """
    address = f"{file.absolute().as_uri()}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(address, timeout=LOCK_SECONDS, uri=True)) as database,
            database,
        ):
            yield database
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & PRIMARY
        kind = DatabaseUnavailable if code in FOR_A_WHILE else RegardError
        to_do = "check the file, its folder and the space on the disk"
        raise kind(f"the {content} cannot be used: {error}", str(file), to_do) from error
