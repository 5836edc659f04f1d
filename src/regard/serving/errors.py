"""The errors of the explorer as JSON: what happened, where, what to do."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.errors import RegardError, invalid_value

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


def add_error_handlers(app: FastAPI) -> None:
    """Answer every refused request with an error in three parts."""
    app.add_middleware(BodyLimits, limit=MAX_BODY_BYTES, seconds=MAX_BODY_SECONDS)
    app.add_exception_handler(RegardError, handle_regard_error)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(HTTPException, handle_http_error)


def handle_regard_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RegardError)
    return error_response(error, 400)


def handle_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return error_response(request_error(error.errors()[0]), 400)


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


def request_error(fault: Mapping[str, Any]) -> RegardError:
    """The error for one of pydantic's `errors()` about a request."""
    path = [str(part) for part in fault["loc"] if part != "body"]
    field, where = ".".join(path), "the request"
    if fault["type"] == "json_invalid":
        return RegardError("the request is not JSON", f"character {field}", "send JSON")
    if not path:
        return RegardError("the request is not a JSON object", where, "send a JSON object")
    if fault["type"] == "missing":
        return RegardError(f"the request has no field '{field}'", where, f"add '{field}'")
    if fault["type"] == "extra_forbidden":
        return RegardError(f"there is no field '{field}'", where, "leave it out")
    return invalid_value(fault, field, where, "change it, or reload the page")
