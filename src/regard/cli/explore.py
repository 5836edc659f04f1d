"""regard explore"""

import asyncio
import os
import socket
import webbrowser
from collections.abc import Coroutine
from contextlib import suppress
from threading import Thread
from typing import Annotated, Any, NoReturn

import typer

from regard.cli.common import ModelsOption, announce_default_model, errors, print_message, use_utf8
from regard.errors import RegardError, needs_extra
from regard.models import unique_names

BACKLOG = 2048
"""Connections that may wait to be accepted."""
INTERRUPTED = 130
"""The exit status after Ctrl-C."""


def explore(
    model: ModelsOption,
    port: Annotated[
        int, typer.Option(help="Port of the page; 0 chooses a free one.", min=0, max=65_535)
    ] = 8710,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Step through a translation in the browser: every state, score, weight and context.

    Ask what if: drag a weight, forbid a word, continue from another word. With a second model,
    the page compares the two, for example one with attention and one without. Only this machine
    can open the page. Ctrl-C stops the server.

    Examples:

        regard explore

        regard explore --model regard-demo/attention --model regard-demo/traditional
    """
    use_utf8()
    try:
        from regard.serving.explorer import LOCALHOST, Explorer, make_local_app, serve
    except ModuleNotFoundError as error:
        instead = ", or write a page with `regard explain --out page.html`"
        raise needs_extra("the page", error.name, "serve", instead) from error
    from regard.explain.explanation import load_to_explain

    announce_default_model(model[0])
    with errors.status("loading"):
        translators = {
            name: load_to_explain(path)
            for name, path in zip(unique_names(model, "/"), model, strict=True)
        }
        app = make_local_app(Explorer(translators))
    listening = listen(LOCALHOST, port)
    address = f"http://{LOCALHOST}:{listening.getsockname()[1]}/"
    print_message(f"the page is at {address}  (Ctrl-C stops it)")
    if browser:
        # a browser in the terminal needs the server, and returns only when it is closed
        Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    asyncio.run(until_stopped(serve(app, listening)))


def listen(host: str, port: int) -> socket.socket:
    """A socket to which clients that are faster than the server can connect already.

    Raises RegardError if the address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio sends small packets at once (TCP_NODELAY) only where the protocol is named
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except socket.gaierror as error:
        raise RegardError(
            f"there is no such address: {(error.strerror or str(error)).lower()}",
            host,
            "give an address of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for all",
        ) from error
    except OSError as error:
        raise RegardError(
            f"port {port} cannot be used: {(error.strerror or str(error)).lower()}",
            host,
            "choose another --port; 0 chooses a free one",
        ) from error
    return listening


async def until_stopped(server: Coroutine[Any, Any, None]) -> NoReturn:
    """End the process after the server, without waiting for a thread that is still running."""
    with suppress(KeyboardInterrupt):
        await server
    errors.file.flush()
    os._exit(INTERRUPTED)
