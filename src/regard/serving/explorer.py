"""The server of the explorer page: it translates sentences and explains each step as JSON."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf
from typing import Annotated, Any, Protocol, runtime_checkable

import uvicorn
from msgspec import Meta, Struct
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from regard.errors import RegardError
from regard.explain.explanation import ScoreChange, as_json, explain, model_facts, require_trace
from regard.explain.what_if import Intervention, set_weight, what_if
from regard.page import live_page
from regard.serving.errors import RequestModel, add_error_handlers, read_request
from regard.special import END
from regard.translator import Translator

LOCALHOST = "127.0.0.1"
HOSTS = [LOCALHOST, "localhost", "[::1]"]
"""Host names that the server accepts, so that a foreign page cannot reach it by another name."""

WARM_UP_TEXT = "A cat."
"""A sentence that any model can translate."""

MAX_CHARACTERS = 2000
MAX_SOURCE_TOKENS = 600
"""Most texts of 2,000 characters have fewer. In a script whose letters are cut into bytes they have
8,000, which would take minutes."""
SHUTDOWN_SECONDS = 2.0
"""How long a running request may delay the end of the server."""

TokenIndex = Annotated[int, Meta(ge=0, lt=10_000)]
TokenId = Annotated[int, Meta(ge=0, lt=2**31)]


class ExplainRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """A sentence, and what the user changed."""

    model: str
    text: str
    prefix: Annotated[list[TokenId], Meta(max_length=1000)] = []
    score_changes: Annotated[list[tuple[int, int, float | None]], Meta(max_length=1000)] = []
    beam: Annotated[int, Meta(ge=1, le=10)] = 1
    steps: Annotated[int, Meta(ge=0, le=1000)] = 0

    def intervention(self) -> Intervention:
        changes = (
            ScoreChange(step, token, -inf if amount is None else amount)
            for step, token, amount in self.score_changes
        )
        return Intervention(self.text, tuple(self.prefix), tuple(changes), self.steps)

    @property
    def is_changed(self) -> bool:
        return bool(self.prefix or self.score_changes or self.steps)


class SetWeightRequest(ExplainRequest, kw_only=True):
    """The same, and the weight that a source token is to get at a step."""

    step: TokenIndex
    source_token: TokenIndex
    weight: Annotated[float, Meta(ge=0.0, le=1.0)]


Answered = dict[str, Any]
"""What is answered, as JSON."""


@runtime_checkable
class Explains(Protocol):
    """What answers the page. Its methods block, and raise RegardError."""

    def describe(self) -> list[Answered]:
        """The facts about each model; the first model is shown first."""

    def explain(self, request: ExplainRequest) -> Answered: ...
    def set_weight(self, request: SetWeightRequest) -> Answered: ...


class Explorer:
    """The models of the page, by name; the first is shown first."""

    def __init__(self, models: Mapping[str, Translator]) -> None:
        self.models = models
        self.facts = [
            model_facts(name, translator.languages, require_trace(translator).architecture)
            for name, translator in models.items()
        ]
        for translator in models.values():
            warm_up(translator)

    def describe(self) -> list[Answered]:
        return self.facts

    def checked_model(self, request: ExplainRequest) -> Translator:
        """The model of the request. Raises RegardError if there is no such model, or the sentence
        is too long for it."""
        if request.model not in self.models:
            raise RegardError(
                f"there is no model '{request.model}'",
                "the request",
                f"choose one of {', '.join(self.models)}",
            )
        translator = self.models[request.model]
        check_length(len(request.text), MAX_CHARACTERS, "characters")
        sentence = translator.pipeline.read_given(request.text)
        tokens = translator.source.encode([sentence.text.text])[0]
        check_length(len(tokens), MAX_SOURCE_TOKENS, "tokens")
        return translator

    def explain(self, request: ExplainRequest) -> Answered:
        translator = self.checked_model(request)
        if request.is_changed or request.beam == 1:
            explanation = what_if(translator, request.intervention(), request.model)
        else:
            explanation = explain(translator.with_beam(request.beam), request.text, request.model)
        return {"explanation": as_json(explanation)}

    def set_weight(self, request: SetWeightRequest) -> Answered:
        translator = self.checked_model(request)
        wanted = request.step, request.source_token, request.weight
        explanation = set_weight(translator, request.intervention(), request.model, *wanted)
        return {"explanation": as_json(explanation)}


def check_length(length: int, limit: int, unit: str) -> None:
    """Raises RegardError if a sentence of `length` characters or tokens is too long."""
    if length > limit:
        raise RegardError(
            f"the text is too long: {length:,} {unit}",
            "the sentence",
            f"write a shorter one, of at most {limit:,} {unit}",
        )


def allow_all(_: Request) -> None:
    """For one's own machine."""


def make_app(explorer: Explains, allow: Callable[[Request], None] = allow_all) -> Starlette:
    """The page and its API, whose requests `allow` may refuse with a RegardError."""

    def show_page(_: Request) -> HTMLResponse:
        facts = explorer.describe()
        names = [each["name"] for each in facts]
        data = {"title": "regard", "models": names, "explanations": [], "facts": facts}
        return HTMLResponse(live_page(data))

    def describe(_: Request) -> JSONResponse:
        return JSONResponse({"models": explorer.describe()})

    def post(
        path: str, model: type[RequestModel], answer: Callable[[RequestModel], Answered]
    ) -> Route:
        async def respond(request: Request) -> JSONResponse:
            allow(request)
            asked = await read_request(request, model)
            return JSONResponse(await run_in_threadpool(answer, asked))

        return Route(path, respond, methods=["POST"])

    app = Starlette(
        routes=[
            Route("/", show_page),
            Route("/api/models", describe),
            post("/api/explain", ExplainRequest, explorer.explain),
            post("/api/set-weight", SetWeightRequest, explorer.set_weight),
        ]
    )
    add_error_handlers(app)
    return app


def make_local_app(explorer: Explains) -> Starlette:
    """The same for this machine alone."""
    app = make_app(explorer)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    return app


class Server(uvicorn.Server):
    """Stops within `SHUTDOWN_SECONDS`, even while a request is running."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(super().shutdown(sockets), SHUTDOWN_SECONDS)


async def serve(app: Starlette, listening: socket.socket) -> None:
    """Serve until Ctrl-C; a thread may then still be running."""
    await Server(uvicorn.Config(app, log_level="warning")).serve([listening])


def warm_up(translator: Translator) -> None:
    """Build the graphs that the first request would otherwise wait for."""
    explain(translator, WARM_UP_TEXT, "")
    what_if(translator, Intervention(WARM_UP_TEXT, steps=1), "")
    what_if(translator, Intervention(WARM_UP_TEXT, prefix=(END,)), "")
