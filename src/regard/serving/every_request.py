"""What holds for requests to every address: other origins, OPTIONS, HEAD and the scheme."""

from collections.abc import Mapping, Sequence

from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPTIONS_METHOD = "OPTIONS"


class Cors:
    """Pages of any origin may ask, and are told how: `headers` are on every response. Where GET is
    answered, HEAD is, too."""

    def __init__(
        self, app: ASGIApp, headers: Mapping[str, str], routes: Sequence[BaseRoute]
    ) -> None:
        self.app, self.routes = app, routes
        self.headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self.headers]}
            await send(message)

        app = self.app
        if scope["type"] == "http":
            if scope["method"] == OPTIONS_METHOD and (methods := methods_at(self.routes, scope)):
                allowed = ", ".join([*sorted(methods), OPTIONS_METHOD])
                app = HTMLResponse("", headers={"Allow": allowed})
            elif scope["method"] == "HEAD":  # the server leaves out the body
                scope = {**scope, "method": "GET"}
        await app(scope, receive, send_with_headers)


def methods_at(routes: Sequence[BaseRoute], scope: Scope) -> set[str]:
    """The methods at a request's address; none if there is nothing."""
    methods = set[str]()
    for route in routes:
        match, inner = route.matches(scope)
        if match is not Match.NONE and isinstance(route, Mount):
            methods |= methods_at(route.routes, {**scope, **inner})
        elif match is not Match.NONE and isinstance(route, Route):
            methods |= route.methods or set()
    return methods | ({"HEAD"} if "GET" in methods else set())


class Https:
    """For a server behind a proxy that speaks TLS: addresses in answers begin with https."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "scheme": "https"}
        await self.app(scope, receive, send)
