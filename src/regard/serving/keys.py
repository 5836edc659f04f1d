"""API keys, in a SQLite database that holds their hashes alone."""

import sqlite3
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple

from regard.errors import RegardError
from regard.serving.database import opened, refuse_unwritable

KEYS = "keys"
"""What the database holds."""
KEY_BYTES = 32
"""Random bytes of a key: too many to guess, so that a plain hash is enough."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    hash BLOB PRIMARY KEY,
    name TEXT UNIQUE NOT NULL,
    created TEXT NOT NULL,
    requests_per_minute INTEGER NOT NULL,
    characters INTEGER NOT NULL
)
"""
COLUMNS = "name, created, requests_per_minute, characters"


class Key(NamedTuple):
    name: str
    created: str
    """Date and time in UTC."""
    requests_per_minute: int
    """-1 is no limit."""
    characters: int
    """Of a text; -1 is no limit."""


def add_key(file: Path, name: str, requests_per_minute: int, characters: int) -> str:
    """A new key, which is not kept: it cannot be read again.

    Raises RegardError if the name has one already, or the database cannot be written.
    """
    token = token_urlsafe(KEY_BYTES)
    created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    if not file.exists():
        refuse_unwritable(file)
    with opened(file, KEYS) as database:
        database.execute(SCHEMA)
        try:
            row = digest(token), name, created, requests_per_minute, characters
            database.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError as error:
            to_do = "choose another name, or revoke that key first"
            raise RegardError(f"there is a key of this name: {name}", str(file), to_do) from error
    return token


def list_keys(file: Path) -> list[Key]:
    """The oldest first. Raises RegardError if there is no such database."""
    require_database(file)
    with opened(file, KEYS) as database:
        rows = database.execute(f"SELECT {COLUMNS} FROM keys ORDER BY created, name")
        return [Key(*row) for row in rows]


def revoke_key(file: Path, name: str) -> None:
    """Raises RegardError if there is no key of this name."""
    require_database(file)
    with opened(file, KEYS) as database:
        removed = database.execute("DELETE FROM keys WHERE name = ?", (name,)).rowcount
    if not removed:
        raise RegardError(
            f"there is no key of this name: {name}", str(file), "see regard keys list"
        )


def known_keys(file: Path, token: str) -> list[Key]:
    """The key that a client gave, or none. Raises RegardError if there is no such database."""
    require_database(file)
    with opened(file, KEYS) as database:
        query = f"SELECT {COLUMNS} FROM keys WHERE hash = ?"
        return [Key(*row) for row in database.execute(query, (digest(token),))]


def digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def require_database(file: Path) -> None:
    """Raises RegardError."""
    if not file.is_file():
        raise RegardError("there is no database of keys", str(file), "begin with regard keys add")
