"""The errors of the explorer as JSON: what happened, where, what to do."""

import asyncio
import json
from typing import TypeVar

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.errors import RegardError
from regard.typed import Fault, to_typed

RequestModel = TypeVar("RequestModel")

MAX_BODY_BYTES = 1_000_000
"""More than any sentence with its changes needs."""
MAX_BODY_SECONDS = 60.0


class BodyLimits:
    """Refuses bodies of more than `limit` bytes without reading them to the end, and those that
    have not come within `seconds`."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float) -> None:
        self.app, self.limit, self.seconds = app, limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        header = Headers(scope=scope).get("content-length", "")
        size = int(header) if header.isdecimal() else 0
        deadline = asyncio.get_running_loop().time() + self.seconds
        read, is_complete = 0, False

        async def receive_some() -> Message:
            nonlocal read, is_complete
            if is_complete:  # what comes now is that the client goes away
                return await receive()
            if size <= self.limit:
                try:
                    async with asyncio.timeout_at(deadline):
                        message = await receive()
                except TimeoutError as error:
                    raise HTTPException(408) from error
                read += len(message.get("body", b""))
                is_complete = not message.get("more_body", False)
            if max(read, size) > self.limit:
                raise HTTPException(413)
            return message

        return await self.app(scope, receive_some, send)


async def read_request(request: Request, model: type[RequestModel]) -> RequestModel:
    """The JSON of a request. Raises RegardError if it is none, or not of this model.

    A page of another site cannot send this content type without asking first.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        where = f"content type '{kind}'" if kind else "its content type"
        raise RegardError("the request is not JSON", where, "send application/json")
    try:
        return to_typed(json.loads(await request.body()), model)
    except json.JSONDecodeError as error:
        raise RegardError(
            "the request is not JSON", f"character {error.pos}", "send JSON"
        ) from error
    except Fault as fault:
        raise request_error(fault) from fault
    except (ValueError, RecursionError) as error:
        raise HTTPException(400) from error


def add_error_handlers(app: Starlette) -> None:
    """Answer every refused request with an error in three parts."""
    app.add_middleware(BodyLimits, limit=MAX_BODY_BYTES, seconds=MAX_BODY_SECONDS)
    app.add_exception_handler(RegardError, handle_regard_error)
    app.add_exception_handler(HTTPException, handle_http_error)


def handle_regard_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RegardError)
    return error_response(error, 400)


def handle_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    where, to_do = "the request", "reload the page"
    known = {
        400: RegardError("the request cannot be read", where, to_do),
        404: RegardError("there is nothing at this address", where, "open the page at /"),
        413: RegardError(
            f"the request is too large: more than {MAX_BODY_BYTES:,} bytes",
            where,
            "write a shorter sentence",
        ),
    }
    other = RegardError(f"this request is not supported ({error.status_code})", where, to_do)
    return error_response(known.get(error.status_code, other), error.status_code)


def error_response(error: RegardError, status: int) -> JSONResponse:
    parts = {"what": error.what, "where": error.where, "advice": error.to_do}
    return JSONResponse({"error": parts}, status_code=status)


def request_error(fault: Fault) -> RegardError:
    field, where = ".".join(fault.path), "the request"
    if not field:
        return RegardError("the request is not a JSON object", where, "send a JSON object")
    if fault.kind == "missing":
        return RegardError(f"the request has no field '{field}'", where, f"add '{field}'")
    if fault.kind == "unknown":
        return RegardError(f"there is no field '{field}'", where, "leave it out")
    return fault.as_error(field, where, "change it, or reload the page")
