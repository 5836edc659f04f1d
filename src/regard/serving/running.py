"""The life of a server: load, listen, load again, finish what has begun, end."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence

import uvicorn
from starlette.types import ASGIApp

from regard.serving.connections import (
    ACCEPTED_AT_ONCE,
    RESERVED_FILES,
    ListeningServer,
    bounded_protocol,
)
from regard.serving.service import Service
from regard.serving.watch import watch
from regard.system import raise_file_limit, trim_memory

STOPPING_SECONDS = 30
"""How long requests that are running may delay the end."""
KEEP_ALIVE_SECONDS = 75


async def run_app(
    app: ASGIApp,
    service: Service,
    listening: socket.socket,
    trusted_proxies: Sequence[str],
    header_seconds: float,
    is_watching: bool,
    announce: Callable[[], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C; SIGHUP loads the models again, and so does a change of their
    files if `is_watching`. A request must bring its header within `header_seconds`. `announce` is
    called when all models are loaded.

    Raises RegardError if a model cannot be loaded.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOPPING_SECONDS,
        http=bounded_protocol(header_seconds, max(1, raise_file_limit() - RESERVED_FILES)),
        backlog=ACCEPTED_AT_ONCE,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
    )
    service.catalog.guesses("text")  # loads the identifier of languages
    trim_memory()
    await service.gatherer.start()
    if hasattr(signal, "SIGHUP"):  # Windows has none
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.reload)
    announce()
    watched = service.catalog.paths if is_watching else []
    watching = asyncio.create_task(watch(watched, service.reload))
    try:
        await ListeningServer(config).serve([listening])
    finally:
        watching.cancel()
        await service.gatherer.stop()
