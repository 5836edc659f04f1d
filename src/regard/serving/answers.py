"""How requests are answered: as JSON, refused in words, or not at all if the client goes away."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from regard.serving.contract import BUSY, INTERNAL, RETRY_SECONDS, Refused
from regard.serving.gather import JobFailed, QueueFull

WorkResult = TypeVar("WorkResult")


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
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(until_gone(request))
    try:
        await asyncio.wait({task, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Refused(BUSY if not gone.done() else "The client is gone.", 503, RETRY_SECONDS)
    except QueueFull as error:
        raise Refused(BUSY, 503, RETRY_SECONDS) from error
    except JobFailed as error:
        raise Refused(INTERNAL, 500) from error
    finally:
        task.cancel()
        gone.cancel()


async def until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
