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

from regard.cli.common import ModelsOption, announce_default_model, errors, use_utf8
from regard.errors import RegardError, needs_extra
from regard.models import unique_names

INTERRUPTED = 130
"""The exit status of a command that Ctrl-C has ended."""


def explore(
    model: ModelsOption,
    port: Annotated[
        int, typer.Option(help="Where the page is; 0 takes any free one.", min=0, max=65_535)
    ] = 8710,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Step through a translation in the browser: every state, score, weight and context; what if?

    The page is on this machine alone. Drag a weight, forbid a word, go on from another one. With a
    model without attention beside it, it shows what becomes of the sentence there. Ctrl-C ends it.

    Examples:

        regard explore

        regard explore --model regard-demo/attention --model regard-demo/traditional
    """
    use_utf8()
    try:
        from regard.serving.explorer import LOCALHOST, make_app, serve
    except ModuleNotFoundError as error:
        instead = ", or write a page with `regard explain --out page.html`"
        raise needs_extra("the page", error.name, "serve", instead) from error
    from regard.translator import open_light

    announce_default_model(model[0])
    with errors.status("loading"):
        translators = {
            name: open_light(one) for name, one in zip(unique_names(model, "/"), model, strict=True)
        }
        app = make_app(translators)
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOCALHOST, port))
        listening.listen()  # a browser that is quicker than the server waits for it
    except OSError as error:
        raise RegardError(
            f"port {port} cannot be used: {(error.strerror or str(error)).lower()}",
            LOCALHOST,
            "choose another --port; 0 takes any free one",
        ) from error
    address = f"http://{LOCALHOST}:{listening.getsockname()[1]}/"
    errors.print(f"the page is at {address}  (Ctrl-C ends it)", highlight=False, soft_wrap=True)
    if browser:
        # a browser in the terminal comes back when it is closed, and needs the server until then
        Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    asyncio.run(until_stopped(serve(app, listening)))


async def until_stopped(served: Coroutine[Any, Any, None]) -> NoReturn:
    """Leave when it has ended: a thread that still works something out is not waited for."""
    with suppress(KeyboardInterrupt):
        await served
    errors.file.flush()
    os._exit(INTERRUPTED)
