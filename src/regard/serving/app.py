"""The HTTP application: the endpoints of LibreTranslate's contract, and what a service needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from regard.errors import RegardError
from regard.page import translator_page
from regard.serving.access import Access, KeyRules
from regard.serving.answers import SortedJson, refusal, while_connected
from regard.serving.catalog import Guess, name_of, sample_of
from regard.serving.contract import (
    AUTO_LANGUAGE,
    INTERNAL,
    RETRY_SECONDS,
    TEXT_FORMS,
    Parameters,
    Refused,
    RequestLimits,
    check_direction,
    check_size,
    count_of_alternatives,
    known_language,
    name_of_format,
    read_object,
    read_parameters,
    required_text,
    required_texts,
)
from regard.serving.description import SUGGEST_PATH, Schema, describe
from regard.serving.docs_page import docs_page
from regard.serving.errors import BodyLimits
from regard.serving.every_request import Cors, Https
from regard.serving.explorer import make_app
from regard.serving.explorer_process import ExplorerProcess
from regard.serving.file_api import FileApi
from regard.serving.frontend import Frontend, first_languages
from regard.serving.gather import LOG
from regard.serving.observe import AccessLog, Observed, Observer
from regard.serving.service import Service, Translated, Wanted
from regard.serving.suggestions import SuggestionApi

CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Expose-Headers": "Authorization",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Max-Age": "1728000",
}
HTML_ERRORS = {
    401: "This needs a token.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}

UNFINISHED_ERRORS = {
    408: "Invalid request: the request did not come to its end in time",
    413: "Invalid request: the request is too large",
}


LOGGED_CHARACTERS = 200
"""Of an error."""
METRICS_PATH = "/metrics"


class Operation(NamedTuple):
    """What operators decide."""

    requests_per_minute: int = -1
    """Of each address; -1 is no limit."""
    key_rules: KeyRules = KeyRules()
    metrics: bool = False
    metrics_token: str = ""
    """What /metrics asks for, if anything."""
    access_log: BinaryIO | None = None
    files: bool = True
    """Whether files are translated."""
    web_ui: bool = True
    """Whether people find a page at /, the explorer, and a description at /docs/."""
    suggestions: tuple[Path, ...] = ()
    """The database of suggestions, or none."""
    https: bool = False
    """Whether addresses in answers begin with https, as those of a proxy with TLS do."""


class Asked(NamedTuple):
    """A request to translate."""

    texts: list[str]
    is_list: bool
    """Whether they came as a list, and are answered as one."""
    sources: list[str]
    """The language of each text."""
    guesses: list[list[Guess]]
    """How it was told; none if it was named."""
    wanted: Wanted


class Api:
    """The endpoints."""

    def __init__(
        self, service: Service, limits: RequestLimits, frontend: Frontend, operation: Operation
    ) -> None:
        self.service, self.limits, self.frontend = service, limits, frontend
        self.operation, self.catalog = operation, service.catalog
        self.access = Access(operation.key_rules, limits, operation.requests_per_minute)
        self.files = FileApi(service, self.access, limits, operation.files)
        self.suggestions = SuggestionApi(self.catalog, self.access, limits, operation.suggestions)

    def routes(self) -> list[Route]:
        return [
            Route("/languages", self.languages, methods=["GET"]),
            Route("/translate", self.translate, methods=["POST"]),
            Route("/detect", self.detect, methods=["POST"]),
            Route("/frontend/settings", self.settings, methods=["GET"]),
            Route("/health", self.health, methods=["GET"]),
            Route("/ready", self.is_ready, methods=["GET"]),
            Route("/v1/translate", self.translate_in_detail, methods=["POST"]),
            Route("/spec", self.spec, methods=["GET"]),
            *self.files.routes(),
            *self.suggestions.routes(),
        ]

    async def languages(self, _: Request) -> Response:
        return SortedJson(
            [
                {"code": code, "name": name_of(code), "targets": self.catalog.targets(code)}
                for code in self.catalog.languages
            ]
        )

    async def translate(self, request: Request) -> Response:
        parameters = await read_parameters(request, self.limits)
        asked = self.asked(parameters, "q", self.access.check(request, parameters))
        translated = await self.translated(request, asked, asked.wanted)
        return SortedJson(as_answer(translated, asked))

    async def translate_in_detail(self, request: Request) -> Response:
        """The same with all that is known of each translation; in JSON alone."""
        parameters = read_object(await request.body())
        asked = self.asked(parameters, "texts", self.access.check(request, parameters))
        wanted = asked.wanted._replace(with_details=True)
        translated = await self.translated(request, asked, wanted)
        return SortedJson(
            {
                "translations": [
                    {
                        "source": language,
                        "target": wanted.target,
                        "text": one.text,
                        "alternatives": one.alternatives,
                        "parts": one.details,
                    }
                    for language, one in zip(asked.sources, translated, strict=True)
                ]
            }
        )

    async def translated(self, request: Request, asked: Asked, wanted: Wanted) -> list[Translated]:
        work = self.service.translate(asked.texts, asked.sources, wanted)
        return await while_connected(request, work, self.limits.seconds)

    def asked(self, parameters: Parameters, name: str, limits: RequestLimits) -> Asked:
        """What is to be translated; `name` is the parameter of the texts. The checks are in the
        order that clients know. Raises Refused."""
        texts, is_list = required_texts(parameters, name)
        source, target = (required_text(parameters, each) for each in ("source", "target"))
        alternatives = count_of_alternatives(parameters, limits)
        check_sizes(texts, is_list, limits)
        form_name = name_of_format(parameters)
        form = TEXT_FORMS.get(form_name)
        guesses: list[list[Guess]] = []
        if source == AUTO_LANGUAGE:
            guesses = [self.catalog.guesses(sample_of(text, form or "text")) for text in texts]
        sources = [own[0].code for own in guesses] or (
            [known_language(self.catalog, source)] * len(texts)
        )
        target = known_language(self.catalog, target)
        if form is None:
            raise Refused(f"{form_name} format is not supported")
        for number, language in enumerate(sources):
            if not guesses or guesses[number][0].confidence > 0:
                check_direction(self.catalog, language, target)
        return Asked(texts, is_list, sources, guesses, Wanted(target, form, alternatives))

    async def spec(self, _: Request) -> Response:
        return SortedJson(self.description)

    async def docs(self, request: Request) -> Response:
        """For people: the same, with examples."""
        host, prefix = request.headers.get("host", "localhost"), request.scope["root_path"]
        address = f"{request.scope['scheme']}://{host}{prefix}"
        return HTMLResponse(docs_page(self.description, address))

    @property
    def description(self) -> Schema:
        return describe(self.catalog.languages, SUGGEST_PATH if self.operation.suggestions else {})

    async def detect(self, request: Request) -> Response:
        parameters = await read_parameters(request, self.limits)
        limits = self.access.check(request, parameters)
        texts, is_list = required_texts(parameters, "q")
        check_sizes(texts, is_list, limits)
        best: dict[str, float] = {}
        for text in texts:
            for code, confidence in self.catalog.guesses(text):
                best[code] = max(confidence, best.get(code, 0.0))
        ordered = sorted(best.items(), key=lambda item: -item[1])
        return SortedJson([{"confidence": share, "language": code} for code, share in ordered])

    async def settings(self, request: Request) -> Response:
        accepted = request.headers.get("accept-language", "")
        return SortedJson(
            {
                "apiKeys": bool(self.operation.key_rules.databases),
                "charLimit": self.limits.characters,
                "filesTranslation": self.files.is_enabled,
                "frontendTimeout": self.frontend.timeout,
                "keyRequired": self.operation.key_rules.is_required,
                "language": first_languages(self.frontend, self.catalog, accepted),
                "suggestions": bool(self.operation.suggestions),
                "supportedFilesFormat": self.files.suffixes,
            },
            headers={"Vary": "Accept-Language"},
        )

    async def health(self, _: Request) -> Response:
        """Whether the server answers at all; one that does not should be started again."""
        return SortedJson({"status": "ok"})

    async def is_ready(self, _: Request) -> Response:
        """Whether it can translate now; one that cannot should not be asked meanwhile."""
        if not self.service.gatherer.ready:
            raise Refused("No worker is ready.", 503, RETRY_SECONDS)
        return SortedJson({"status": "ok"})


def check_sizes(texts: Sequence[str], is_list: bool, limits: RequestLimits) -> None:
    """Raises Refused."""
    if is_list:
        check_size(len(texts), limits.texts)
    for text in texts:
        check_size(len(text), limits.characters)


def as_answer(translated: Sequence[Translated], asked: Asked) -> dict[str, Any]:
    """With what was asked for, each as a list if the texts were one."""
    answer: dict[str, list[Any]] = {"translatedText": [one.text for one in translated]}
    if asked.guesses:
        answer["detectedLanguage"] = [
            {"confidence": own[0].confidence, "language": own[0].code} for own in asked.guesses
        ]
    if asked.wanted.alternatives:
        answer["alternatives"] = [one.alternatives for one in translated]
    return answer if asked.is_list else {name: values[0] for name, values in answer.items()}


async def answer_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    message = error.message[:LOGGED_CHARACTERS]
    LOG.debug("%s %r: %d %r", request.method, request.scope["path"], error.status, message)
    return refusal(error)


async def answer_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if message := HTML_ERRORS.get(error.status_code):
        page = f"<!doctype html>\n<html lang=en>\n<title>{error.status_code}</title>\n<p>{message}"
        return HTMLResponse(page, error.status_code, error.headers)
    if message := UNFINISHED_ERRORS.get(error.status_code):
        response = refusal(Refused(message, error.status_code))
        response.headers["Connection"] = "close"  # the rest of the body is not read
        return response
    return refusal(Refused(INTERNAL, error.status_code))


async def answer_regard_error(_: Request, error: Exception) -> Response:
    """What the operator has to mend, such as a database of keys that is gone."""
    LOG.error("%s", error)
    return refusal(Refused(INTERNAL, 500))


async def answer_failure(_: Request, __: Exception) -> Response:
    return refusal(Refused(INTERNAL, 500))


def pages(api: Api) -> list[BaseRoute]:
    """For people: the translator, the explorer, and the description of the server."""

    def allow(request: Request) -> None:
        try:
            api.access.check(request, {})
        except Refused as error:
            raise RegardError(error.message, "the server", "try again later") from error

    models = {"-".join(languages): path for languages, path in api.catalog.models.items()}
    return [
        Route("/", lambda _: HTMLResponse(translator_page()), methods=["GET"]),
        Route("/docs", api.docs, methods=["GET"]),
        Route("/docs/", api.docs, methods=["GET"]),
        Mount("/explorer", app=make_app(ExplorerProcess(models), allow)),
    ]


def make_service_app(
    service: Service,
    limits: RequestLimits,
    frontend: Frontend,
    operation: Operation,
    url_prefix: str = "",
) -> ASGIApp:
    api = Api(service, limits, frontend, operation)
    own: list[BaseRoute] = [*api.routes()]
    if operation.web_ui:
        own += pages(api)
    observers: list[Observer] = []
    if operation.metrics:
        from regard.serving.metrics import Metrics

        own_paths = [METRICS_PATH, *(route.path for route in own if isinstance(route, Route))]
        paths = {f"{url_prefix}{path}" for path in own_paths}
        metrics = Metrics(service, paths, operation.metrics_token)
        own.append(Route(METRICS_PATH, metrics.show, methods=["GET"]))
        observers.append(metrics.observe)
    if operation.access_log is not None:
        observers.append(AccessLog(operation.access_log).observe)
    router = Router(own, redirect_slashes=False)
    routes: list[BaseRoute] = [Mount(url_prefix, router)] if url_prefix else own
    app = Starlette(
        routes=routes,
        exception_handlers={
            Refused: answer_refused,
            RegardError: answer_regard_error,
            HTTPException: answer_http_error,
            500: answer_failure,
        },
    )
    app.router.redirect_slashes = False
    limited: ASGIApp = Cors(
        BodyLimits(app, limits.body_bytes, limits.seconds), CORS_HEADERS, routes
    )
    if operation.https:
        limited = Https(limited)
    return Observed(limited, observers) if observers else limited
