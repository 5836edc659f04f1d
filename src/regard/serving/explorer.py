"""The explorer page on this machine: a sentence in, all that the models work out as JSON."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from typing import Annotated

import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from regard.errors import RegardError
from regard.explain.explanation import ScoreChange, as_json, explain, model_facts, require_trace
from regard.explain.what_if import Intervention, set_weight, what_if
from regard.page import live_page
from regard.serving import errors as refusals
from regard.special import END
from regard.text.normalize import normalize
from regard.translator import Translator

LOCALHOST = "127.0.0.1"
HOSTS = [LOCALHOST, "localhost", "[::1]"]
"""Names under which the page may be asked for: a foreign page cannot borrow another name."""

WARM_UP_TEXT = "."
"""A sentence that any model reads."""

LONGEST = 600
"""The most source tokens: more than most texts of 2,000 characters have. In a script whose letters
are written byte by byte these would be 8,000, and take minutes."""
SHUTDOWN_SECONDS = 2.0
"""Seconds that an answer which is being worked out gets when the server is to end."""

Place = Annotated[int, Field(ge=0, lt=10_000)]
Token = Annotated[int, Field(ge=0, lt=2**31)]


class ExplainRequest(BaseModel):
    """What the page sends."""

    model_config = ConfigDict(extra="forbid")

    model: str
    text: Annotated[str, Field(max_length=2000)]
    beginning: Annotated[list[Token], Field(max_length=1000)] = []
    push: Annotated[list[tuple[int, int, float | None]], Field(max_length=1000)] = []
    beam: Annotated[int, Field(ge=1, le=10)] = 1
    steps: Annotated[int, Field(ge=0, le=1000)] = 0

    def question(self) -> Intervention:
        pushes = (
            ScoreChange(step, place, -inf if amount is None else amount)
            for step, place, amount in self.push
        )
        return Intervention(self.text, tuple(self.beginning), tuple(pushes), self.steps)

    @property
    def is_changed(self) -> bool:
        return bool(self.beginning or self.push or self.steps)


class SetWeightRequest(ExplainRequest):
    """The same, and a weight that somebody has dragged."""

    step: Place
    place: Place
    weight: Annotated[float, Field(ge=0.0, le=1.0)]


class Explorer:
    """The models behind the page, by name; the first is shown first."""

    def __init__(self, models: Mapping[str, Translator]) -> None:
        self.models = models
        self.facts = [
            model_facts(name, one.languages, require_trace(one).architecture)
            for name, one in models.items()
        ]
        for translator in models.values():
            warm_up(translator)

    def page(self) -> str:
        data = {
            "title": "regard",
            "models": list(self.models),
            "explanations": [],
            "facts": self.facts,
        }
        return live_page(data)

    def model(self, name: str) -> Translator:
        if name not in self.models:
            raise RegardError(
                f"there is no model '{name}'",
                "the request",
                f"choose one of {', '.join(self.models)}",
            )
        return self.models[name]

    def ready(self, asked: ExplainRequest) -> Translator:
        """The model that is asked. Raises RegardError if the sentence is too long for it."""
        translator = self.model(asked.model)
        tokens = len(translator.source.encode([normalize(asked.text)])[0])
        if tokens > LONGEST:
            raise RegardError(
                f"the text is too long: {tokens:,} tokens",
                "the sentence",
                f"write a shorter one, of at most {LONGEST} tokens",
            )
        return translator

    def explain(self, asked: ExplainRequest) -> JSONResponse:
        translator = self.ready(asked)
        if asked.is_changed or asked.beam == 1:
            found = what_if(translator, asked.question(), asked.model)
        else:
            wanted = translator.options.model_copy(update={"beam": asked.beam})
            found = explain(translator.with_options(wanted), asked.text, asked.model)
        return JSONResponse({"explanation": as_json(found)})

    def weigh(self, asked: SetWeightRequest) -> JSONResponse:
        translator = self.ready(asked)
        found = set_weight(
            translator, asked.question(), asked.model, asked.step, asked.place, asked.weight
        )
        told = as_json(found)
        return JSONResponse({"explanation": told, "push": told["push"]})


def make_app(models: Mapping[str, Translator]) -> FastAPI:
    """The page for these models, and what it asks them."""
    explorer = Explorer(models)
    page = explorer.page()
    app = FastAPI(title="regard explore", docs_url=None, redoc_url=None, openapi_url=None)
    refusals.add_to(app)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.add_api_route("/", lambda: page, response_class=HTMLResponse)
    app.add_api_route("/api/models", lambda: {"models": explorer.facts})
    app.add_api_route("/api/explain", explorer.explain, methods=["POST"])
    app.add_api_route("/api/weigh", explorer.weigh, methods=["POST"])
    return app


class Server(uvicorn.Server):
    """Ends soon after it is told to, whatever is being worked out."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(super().shutdown(sockets), SHUTDOWN_SECONDS)


async def serve(app: FastAPI, listening: socket.socket) -> None:
    """Until Ctrl-C. Its threads may then still work something out."""
    await Server(uvicorn.Config(app, log_level="warning")).serve([listening])


def warm_up(translator: Translator) -> None:
    """Draw the graphs that a first question would wait for."""
    explain(translator, WARM_UP_TEXT, "")
    what_if(translator, Intervention(WARM_UP_TEXT, steps=1), "")
    what_if(translator, Intervention(WARM_UP_TEXT, prefix=(END,)), "")
