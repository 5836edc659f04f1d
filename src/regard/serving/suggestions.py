"""Better translations that people suggest: POST /suggest keeps them in a SQLite database."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regard.serving.access import Access
from regard.serving.answers import SortedJson
from regard.serving.catalog import Catalog, sample_of
from regard.serving.contract import (
    AUTO_LANGUAGE,
    Refused,
    RequestLimits,
    check_direction,
    check_size,
    known_language,
    no_space,
    read_parameters,
    required_text,
)
from regard.serving.database import DatabaseUnavailable, opened, refuse_unwritable

SUGGESTIONS = "suggestions"
"""What the database holds."""
MAX_PAGES = 2**16
"""Of the database, 4,096 bytes each unless it was created in another way: 256 MiB. What comes then
is refused, so that nobody can fill the disk."""
SUGGESTION_SCHEMA = """
CREATE TABLE IF NOT EXISTS suggestions (
    time TEXT NOT NULL,
    q TEXT NOT NULL,
    s TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL
)
"""
SUGGESTION_COLUMNS = "time, q, s, source, target"


class Suggestion(NamedTuple):
    """A row of the database."""

    time: str
    """In UTC."""
    text: str
    translation: str
    """What is suggested."""
    source: str
    target: str


def create_suggestions(file: Path) -> None:
    """Raises RegardError if the file cannot be written, or is something else."""
    if not file.exists():
        refuse_unwritable(file)
    with opened(file, SUGGESTIONS) as database:
        database.execute(SUGGESTION_SCHEMA)
        database.execute(f"SELECT {SUGGESTION_COLUMNS} FROM suggestions LIMIT 0")
        database.execute("BEGIN IMMEDIATE")


def add_suggestion(file: Path, suggestion: Suggestion) -> None:
    """Raises RegardError, and DatabaseUnavailable if there is no space for it."""
    with opened(file, SUGGESTIONS) as database:
        database.execute(f"PRAGMA max_page_count = {MAX_PAGES}")
        row = f"INSERT INTO suggestions ({SUGGESTION_COLUMNS}) VALUES (?, ?, ?, ?, ?)"
        database.execute(row, suggestion)


class SuggestionApi:
    def __init__(
        self, catalog: Catalog, access: Access, limits: RequestLimits, databases: tuple[Path, ...]
    ) -> None:
        """Without a database, suggestions are refused."""
        self.catalog, self.access, self.limits = catalog, access, limits
        self.databases = databases
        self.writing = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [Route("/suggest", self.suggest, methods=["POST"])]

    async def suggest(self, request: Request) -> Response:
        """Raises Refused."""
        if not self.databases:
            raise Refused("Suggestions are disabled on this server.", 403)
        parameters = await read_parameters(request, self.limits)
        limits = self.access.check(request, parameters)
        names = "q", "s", "source", "target"
        text, translation, source, target = (required_text(parameters, name) for name in names)
        check_size(len(text), limits.characters)
        check_size(len(translation), limits.characters)
        if source == AUTO_LANGUAGE:
            source = self.catalog.guesses(sample_of(text, "text"))[0].code
        source, target = (known_language(self.catalog, code) for code in (source, target))
        check_direction(self.catalog, source, target)
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        suggestion = Suggestion(now, text, translation, source, target)
        try:
            async with self.writing:
                await asyncio.to_thread(add_suggestion, self.databases[0], suggestion)
        except DatabaseUnavailable as error:
            raise no_space("suggestion") from error
        return SortedJson({"success": True})
