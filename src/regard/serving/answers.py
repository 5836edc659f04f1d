"""How requests are answered: as JSON, refused in words, or not at all if the client goes away."""

import asyncio
import json
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from regard.serving.contract import BUSY, INTERNAL, RETRY_SECONDS, Refused
from regard.serving.gather import JobFailed, QueueFull
from regard.serving.late import beside

WorkResult = TypeVar("WorkResult")

WATCH_SECONDS = 0.1
"""After so long a client is watched; most are answered before."""


class SortedJson(JSONResponse):
    def render(self, content: Any) -> bytes:
        return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()


def refusal(error: Refused) -> Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return SortedJson({"error": error.message}, error.status, headers)


async def while_connected(
    request: Request, work: Coroutine[Any, Any, WorkResult], seconds: float
) -> WorkResult:
    """The result, unless the client goes away or it takes too long: then the work is taken back.

    Raises Refused.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            with beside(partial(end_when_gone, request, limit), WATCH_SECONDS):
                return await work
    except (QueueFull, TimeoutError) as error:
        raise Refused(BUSY, 503, RETRY_SECONDS) from error
    except JobFailed as error:
        raise Refused(INTERNAL, 500) from error


async def end_when_gone(request: Request, limit: asyncio.Timeout) -> None:
    """Let the time be over as soon as the client goes away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    limit.reschedule(asyncio.get_running_loop().time())
