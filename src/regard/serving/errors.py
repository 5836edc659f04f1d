"""What the explorer does not answer: too much, no JSON, not what it takes. Each in three parts."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.errors import RegardError

LONGEST_BODY = 1_000_000
"""In bytes: above what any sentence with its changes comes to."""
NAMES = {"text": "the sentence"}
"""What the fields of a request are called, where it is not their own name."""
BOUNDS = {
    "ge": "at least",
    "gt": "more than",
    "le": "at most",
    "lt": "less than",
    "min_length": "a length of at least",
    "max_length": "a length of at most",
}
"""The bounds that a field may have, as pydantic calls them and as we do."""
SHOWN = 40
"""So many characters of what cannot be taken are repeated."""


class BodySizeLimit:
    """Lets no body through that is larger than `LONGEST_BODY`: the rest of it is not kept."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        told = Headers(scope=scope).get("content-length", "")
        size = int(told) if told.isdecimal() else 0
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            if size <= LONGEST_BODY:
                message = await receive()
                read += len(message.get("body", b""))
            if max(read, size) > LONGEST_BODY:
                raise HTTPException(413)
            return message

        return await self.app(scope, receive_some, send)


def add_to(app: FastAPI) -> None:
    """Every refusal in three parts: what happened, where, what to do."""
    app.add_middleware(BodySizeLimit)
    app.add_exception_handler(RegardError, refuse)
    app.add_exception_handler(RequestValidationError, refuse_fields)
    app.add_exception_handler(HTTPException, refuse_request)


def refuse(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RegardError)
    return answer(error, 400)


def refuse_fields(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return answer(tell(error.errors()[0]), 400)


def refuse_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    where, to_do = "the request", "reload the page"
    told = {
        400: RegardError("the request cannot be read", where, to_do),
        404: RegardError("there is nothing at this address", where, "ask for the page at /"),
        413: RegardError(
            f"the request is too large: more than {LONGEST_BODY:,} bytes",
            where,
            "write a shorter sentence",
        ),
    }
    other = RegardError(f"this cannot be asked here ({error.status_code})", where, to_do)
    return answer(told.get(error.status_code, other), error.status_code)


def answer(error: RegardError, status: int) -> JSONResponse:
    told = {"what": error.what, "where": error.where, "advice": error.to_do}
    return JSONResponse({"error": told}, status_code=status)


def tell(fault: Mapping[str, Any]) -> RegardError:
    """What pydantic found wrong with a request, in our words."""
    kind, bounds, given = fault["type"], fault.get("ctx", {}), fault.get("input")
    path = [str(part) for part in fault["loc"] if part != "body"]
    field = ".".join(path)
    if kind == "json_invalid":
        return RegardError("the request is not JSON", f"character {field}", "send JSON")
    if not path:
        return RegardError("the request is no JSON object", "the request", "send a JSON object")
    if kind == "missing":
        return RegardError(f"the request has no '{field}'", "the request", f"give a '{field}'")
    if kind == "extra_forbidden":
        return RegardError(f"there is no '{field}' to ask for", "the request", "leave it out")
    where = NAMES.get(field, f"'{field}' in the request")
    if kind == "string_too_long":
        return RegardError(
            f"the text is too long: {len(str(given)):,} characters",
            where,
            f"write a shorter one, of at most {bounds['max_length']:,} characters",
        )
    limits = " and ".join(f"{BOUNDS[name]} {bounds[name]}" for name in BOUNDS if name in bounds)
    return RegardError(
        f"{shortened(given)} cannot be taken here",
        where,
        f"give {limits}" if limits else "reload the page",
    )


def shortened(given: object) -> str:
    shown = repr(given)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
