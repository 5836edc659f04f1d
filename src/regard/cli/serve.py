"""regard serve"""

import asyncio
import logging
import sys
from io import FileIO
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from regard import models
from regard.cli.common import (
    KEYS_FILE,
    announce_default_model,
    errors,
    print_message,
    use_utf8,
)
from regard.cli.explore import listen
from regard.data.formats.lines import STANDARD_INPUT
from regard.errors import RegardError, needs_extra, refuse_system_error
from regard.system import cores

LOOPBACK = "127.0.0.1"
SUGGESTIONS_FILE = Path("suggestions.db")
"""The database of suggestions, in the working folder."""
ALL, NONE = "all", "none"
"""What --translation-cache may be."""


def serve(
    model: Annotated[
        list[Path],
        typer.Option(
            "--model",
            help="A model folder, a .regard file, or the name of a built-in model; repeat the"
            " option for more directions.",
            default_factory=lambda: [models.DEFAULT],
            show_default=models.DEFAULT.stem,
            envvar="REGARD_MODELS",
        ),
    ],
    trusted_proxy: Annotated[
        list[str],
        typer.Option(
            help="Address of a proxy whose X-Forwarded-For is believed; repeat it for more.",
            default_factory=list,
            show_default=False,
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 is all.", envvar="LT_HOST")
    ] = LOOPBACK,
    port: Annotated[
        int,
        typer.Option(help="Port; 0 chooses a free one.", min=0, max=65_535, envvar="LT_PORT"),
    ] = 5000,
    load_only: Annotated[
        str,
        typer.Option(
            metavar="CODES",
            help="Languages that are offered, like en,fr; without it, those of all models.",
            envvar="LT_LOAD_ONLY",
        ),
    ] = "",
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            "--threads",
            help="Processes that translate, each on one core; 0 is one per core.",
            min=0,
            max=1024,
            envvar="LT_THREADS",
        ),
    ] = 0,
    char_limit: Annotated[
        int, typer.Option(help="Characters of a text; -1: no limit.", envvar="LT_CHAR_LIMIT")
    ] = -1,
    batch_limit: Annotated[
        int, typer.Option(help="Texts of a request; -1: no limit.", envvar="LT_BATCH_LIMIT")
    ] = -1,
    alternatives_limit: Annotated[
        int,
        typer.Option(help="Alternatives of a text; -1: no limit.", envvar="LT_ALTERNATIVES_LIMIT"),
    ] = 10,
    request_seconds: Annotated[
        float,
        typer.Option(
            help="Time limit of a request, in seconds: for its header, for its body, and for the"
            " answer.",
            min=0.1,
        ),
    ] = 60.0,
    request_bytes: Annotated[
        int, typer.Option(help="Largest body of a request, in bytes.", min=1000)
    ] = 10_000_000,
    queue_characters: Annotated[
        int,
        typer.Option(help="Characters that may wait; above it, requests get status 503.", min=0),
    ] = 1_000_000,
    translation_cache: Annotated[
        str,
        typer.Option(
            metavar=f"{ALL}|{NONE}",
            help="Whose translations are kept for repeated requests.",
            envvar="LT_TRANSLATION_CACHE",
        ),
    ] = ALL,
    cache_characters: Annotated[
        int,
        typer.Option(
            help="Characters of translations that are kept for repeated requests; 0: none.",
            min=0,
        ),
    ] = 2_000_000,
    frontend_language_source: Annotated[
        str,
        typer.Option(
            help="Source language that pages begin with.", envvar="LT_FRONTEND_LANGUAGE_SOURCE"
        ),
    ] = "auto",
    frontend_language_target: Annotated[
        str,
        typer.Option(
            help="Target language that pages begin with; locale is the language of the browser, or"
            " else the first model's.",
            envvar="LT_FRONTEND_LANGUAGE_TARGET",
        ),
    ] = "locale",
    frontend_timeout: Annotated[
        int,
        typer.Option(
            help="Milliseconds that pages wait after a key.", min=0, envvar="LT_FRONTEND_TIMEOUT"
        ),
    ] = 500,
    req_limit: Annotated[
        int,
        typer.Option(
            help="Requests of an address in a minute; -1: no limit.", envvar="LT_REQ_LIMIT"
        ),
    ] = -1,
    api_keys: Annotated[
        bool,
        typer.Option(
            "--api-keys",
            help="Take API keys, which have limits of their own (regard keys).",
            envvar="LT_API_KEYS",
        ),
    ] = False,
    api_keys_db_path: Annotated[
        Path,
        typer.Option(help="The database of regard keys.", envvar="LT_API_KEYS_DB_PATH"),
    ] = KEYS_FILE,
    require_api_key: Annotated[
        bool, typer.Option("--require-api-key", help="With --api-keys: refuse those without one.")
    ] = False,
    require_api_key_origin: Annotated[
        str,
        typer.Option(
            help="With --api-keys: pages of this origin need no key, and all others do.",
            envvar="LT_REQUIRE_API_KEY_ORIGIN",
        ),
    ] = "",
    get_api_key_link: Annotated[
        str,
        typer.Option(
            help="Address at which a key is to be had, for the error without one.",
            envvar="LT_GET_API_KEY_LINK",
        ),
    ] = "",
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Serve /metrics.", envvar="LT_METRICS")
    ] = False,
    metrics_auth_token: Annotated[
        str, typer.Option(help="The token for /metrics.", envvar="LT_METRICS_AUTH_TOKEN")
    ] = "",
    access_log: Annotated[
        Path | None,
        typer.Option(help="Append a line of JSON for each request, without its text; - prints it."),
    ] = None,
    suggestions: Annotated[
        bool,
        typer.Option(
            "--suggestions",
            help="Keep the translations that people suggest, in a database.",
            envvar="LT_SUGGESTIONS",
        ),
    ] = False,
    suggestions_db_path: Annotated[
        Path,
        typer.Option(help="The database of suggestions.", envvar="LT_SUGGESTIONS_DB_PATH"),
    ] = SUGGESTIONS_FILE,
    disable_files_translation: Annotated[
        bool,
        typer.Option(
            "--disable-files-translation",
            help="Translate no files.",
            envvar="LT_DISABLE_FILES_TRANSLATION",
        ),
    ] = False,
    disable_web_ui: Annotated[
        bool,
        typer.Option(
            "--disable-web-ui",
            help="Serve no page, no explorer and no /docs/.",
            envvar="LT_DISABLE_WEB_UI",
        ),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Load the models again when their files have changed."),
    ] = False,
    url_prefix: Annotated[
        str, typer.Option(help="Path before all addresses, like /mt.", envvar="LT_URL_PREFIX")
    ] = "",
    ssl: Annotated[
        bool,
        typer.Option(
            "--ssl",
            help="Begin addresses in answers with https, for a server behind a proxy with TLS.",
            envvar="LT_SSL",
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Log more, such as the errors of clients.", envvar="LT_DEBUG"),
    ] = False,
) -> None:
    """Serve translations over HTTP, to the clients of LibreTranslate.

    Requests share batches and all cores. Nothing listens beyond this machine unless --host says
    so. SIGTERM and Ctrl-C finish what has begun; SIGHUP loads the models again, without a pause,
    and with --watch a change of their files does.

    Examples:

        regard serve

        regard serve --model en-fr --model my-model.regard --host 0.0.0.0 --char-limit 5000

        curl http://127.0.0.1:5000/translate -d q="The cat sleeps." -d source=en -d target=fr
    """
    use_utf8()
    try:
        from regard.serving.access import KeyRules
        from regard.serving.app import Operation, make_service_app
        from regard.serving.catalog import Catalog
        from regard.serving.contract import RequestLimits
        from regard.serving.frontend import LOCALE, make_frontend
        from regard.serving.gather import Gatherer
        from regard.serving.keys import require_database
        from regard.serving.running import run_app
        from regard.serving.service import Cache, Service
        from regard.serving.suggestions import create_suggestions
    except ModuleNotFoundError as error:
        raise needs_extra("the server", error.name, "serve", "") from error

    if debug:
        log_more()
    announce_default_model(model[0])
    cached = cached_characters(translation_cache, cache_characters)
    catalog = Catalog(model, [code.strip() for code in load_only.split(",") if code.strip()])
    frontend = make_frontend(
        catalog, frontend_language_source, frontend_language_target or LOCALE, frontend_timeout
    )
    listening = listen(host, port)
    limits = RequestLimits(
        char_limit, batch_limit, alternatives_limit, request_bytes, request_seconds
    )
    if (require_api_key or require_api_key_origin) and not api_keys:
        raise RegardError("keys are required, but none are taken", "regard serve", "add --api-keys")
    databases = (api_keys_db_path,) if api_keys else ()
    for database in databases:
        require_database(database)
    key_rules = KeyRules(
        databases, require_api_key, require_api_key_origin or "", get_api_key_link or ""
    )
    suggested = (suggestions_db_path,) if suggestions else ()
    for database in suggested:
        create_suggestions(database)
    log = open_log(access_log)
    operation = Operation(
        req_limit,
        key_rules,
        metrics,
        metrics_auth_token or "",
        log,
        not disable_files_translation,
        not disable_web_ui,
        suggested,
        ssl,
    )
    service = Service(
        catalog,
        Gatherer(catalog.paths, workers or cores(), queue_characters),
        Cache(cached),
    )
    app = make_service_app(service, limits, frontend, operation, url_prefix)
    with errors.status("loading") as loading:

        def announce() -> None:
            loading.stop()
            name, number = listening.getsockname()[:2]
            print_message(f"listening at http://{name}:{number}{url_prefix}/  (Ctrl-C stops)")

        asyncio.run(
            run_app(app, service, listening, trusted_proxy, request_seconds, watch, announce)
        )


def log_more() -> None:
    """From now on, of regard and asyncio, on standard error. Other libraries would log texts."""
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s: %(message)s")
    for name in ("asyncio", "regard"):
        logging.getLogger(name).setLevel(logging.DEBUG)


def cached_characters(which: str, characters: int) -> int:
    """How many the cache holds. Raises RegardError if it is to hold those of some keys."""
    if which not in (ALL, NONE):
        raise RegardError(
            "--translation-cache is neither all nor none",
            "regard serve",
            "write all or none: API keys are not told apart here",
        )
    return characters if which == ALL else 0


def open_log(file: Path | None) -> BinaryIO | None:
    """Without a buffer. Raises RegardError if it cannot be written."""
    if file is None:
        return None
    try:
        if file == STANDARD_INPUT:
            return FileIO(sys.stdout.fileno(), "w", closefd=False)
        return FileIO(file, "a")
    except OSError as error:
        refuse_system_error(error, "write the log", str(file))
