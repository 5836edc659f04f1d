"""What operators see of requests: a log without texts, and whatever else observes them."""

import json
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.serving.gather import LOG

Observer = Callable[[Scope, int, float], None]
"""Is called with a request, the status of its answer, and the seconds until its end."""


class Observed:
    """Tells observers of all requests."""

    def __init__(self, app: ASGIApp, observers: Sequence[Observer]) -> None:
        self.app, self.observers = app, observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            seconds = time.perf_counter() - began
            for observe in self.observers:
                observe(scope, status, seconds)


class AccessLog:
    """Lines of JSON. The file has no buffer, which a full disk would fill."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.is_broken = False  # its last line may be a part of one

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "client": (scope.get("client") or ("",))[0],
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(1e3 * seconds, 1),
        }
        text = b"\n" * self.is_broken + json.dumps(line).encode() + b"\n"
        try:
            is_written, reason = self.file.write(text) == len(text), "the disk is full"
        except OSError as error:
            is_written, reason = False, str(error)
        if not (is_written or self.is_broken):
            LOG.error("requests are not logged: %s", reason)
        self.is_broken = not is_written
