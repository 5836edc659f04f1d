"""Connections that must not stay open for nothing: limits for the request line and the header of
each request, and for their number."""

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 65_536
"""Of names and values."""
MAX_TARGET_BYTES = 262_144
"""Of what a request line asks for: its path and its query."""

BACKLOG = 2048
"""Connections that may wait to be accepted."""
ACCEPTED_AT_ONCE = 16
"""asyncio accepts so many before it looks at one of them, which takes some rounds."""
RESERVED_FILES = 10 * ACCEPTED_AT_ONCE
"""Of the files that a process may open; asyncio does not recover when there is none left."""


class ListeningServer(uvicorn.Server):
    """Accepts few connections at once, though many may wait."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or ():
            one.listen(BACKLOG)


def bounded_protocol(seconds: float, max_connections: int) -> type[HttpToolsProtocol]:
    """The protocol of uvicorn, which waits for ever for the header of a request. This one closes a
    connection on which no header is complete within `seconds` after it was opened, or after the
    first byte of a request; refuses a header that is too long; and closes connections that are too
    many, before the process has no files left for its own work."""
    opened = set[HttpToolsProtocol]()

    class BoundedProtocol(HttpToolsProtocol):
        header_timer: asyncio.TimerHandle | None = None
        header_bytes = 0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            opened.add(self)
            if len(opened) > max_connections:
                self.transport.abort()
            else:
                self.await_header()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.header_bytes = 0
            self.await_header()

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            if len(self.url) > MAX_TARGET_BYTES:
                raise ValueError("the request line is too long")

        def on_header(self, name: bytes, value: bytes) -> None:
            self.header_bytes += len(name) + len(value)
            if self.header_bytes > MAX_HEADER_BYTES:
                raise ValueError("the header is too long")  # the parser makes it status 400
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self.stop_timer()
            self.url, _, query = self.url.partition(b"?")  # httptools reads at most 65,535 bytes
            super().on_headers_complete()
            self.scope["query_string"] = query

        def connection_lost(self, exc: Exception | None) -> None:
            opened.discard(self)
            self.stop_timer()
            super().connection_lost(exc)

        def await_header(self) -> None:
            self.stop_timer()
            self.header_timer = self.loop.call_later(seconds, self.transport.close)

        def stop_timer(self) -> None:
            if self.header_timer is not None:
                self.header_timer.cancel()
                self.header_timer = None

    return BoundedProtocol
