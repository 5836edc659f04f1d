"""The pages: the explorer, which shows step by step where a translation looks, and the translator
of a server.

Each is one HTML text. Skeletons, style sheets and small scripts are next to this file. They are
joined here, together with the data, so that a page opens from disk without a network.
"""

import base64
import hashlib
import json
import posixpath
import re
import sys
from array import array
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple


class PageParts(NamedTuple):
    """The files of a page."""

    skeleton: str
    """Of the body."""
    first_script: str
    """The module that imports all others."""
    style_sheets: tuple[str, ...]
    """Without `.css`; later ones override earlier ones."""


HEAD = "head.html"
"""The skeleton of every page up to its body."""
EXPLORER = PageParts(
    "index.html",
    "main.js",
    ("base", "form", "sentences", "steps", "small_screen", "player", "figures", "dialogs"),
)
TRANSLATOR = PageParts(
    "translator.html", "translator/main.js", ("base", "form", "dialogs", "translator")
)
IMPORT = re.compile(r'^import \{[^}]*\} from "(\.[\w./-]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function |const |let |class )", re.MULTILINE)
ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""The same characters as JSON escapes, so that no text can end the script element around it."""
VECTORS = ("hidden", "context", "output")
"""The parts of a layer that are packed."""


def static_page(data: dict[str, Any]) -> str:
    """The explorer as a file, which contains all that it shows and sends no request."""
    packed = [with_packed_vectors(explanation) for explanation in data["explanations"]]
    return page(EXPLORER, {**data, "live": False, "explanations": packed}, connect="'none'")


def live_page(data: dict[str, Any]) -> str:
    """The explorer that sends its requests to the server that it comes from."""
    return page(EXPLORER, {**data, "live": True}, connect="'self'")


@cache
def translator_page() -> str:
    """The page to translate on, for a server."""
    return page(TRANSLATOR, {"title": "regard"}, connect="'self'")


def page(parts: PageParts, data: dict[str, Any], connect: str) -> str:
    """A page with `data`; `connect` is the `connect-src` of its content security policy."""
    style = "\n".join(asset(f"styles/{name}.css") for name in parts.style_sheets)
    script = join_scripts(parts.first_script)
    policy = (
        f"default-src 'none'; script-src {csp_hash(script)}; style-src {csp_hash(style)}; "
        f"connect-src {connect}; img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    inserted = {
        "policy": policy,
        "title": escape(str(data.get("title") or "Where it looks")),
        "style": style,
        "data": as_script(data),
        "script": script,
    }
    skeleton = asset(HEAD) + asset(parts.skeleton)
    return re.sub(r"\{\{(\w+)\}\}", lambda match: inserted[match[1]], skeleton)


def as_script(data: dict[str, Any]) -> str:
    """JSON that is safe inside a script element, whatever its texts contain."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(ESCAPES)


def with_packed_vectors(explanation: dict[str, Any]) -> dict[str, Any]:
    """The explanation with its vectors as 32-bit floats in base 64: half the size."""
    layers = [
        {name: pack(part) if name in VECTORS else part for name, part in layer.items()}
        for layer in explanation["layers"]
    ]
    values = [pack(rows) for rows in explanation["values"]]
    states = pack(explanation["states"])
    return {**explanation, "states": states, "values": values, "layers": layers}


def pack(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Rows of equal length as little-endian 32-bit floats in base 64."""
    numbers = array("f", (number for row in rows for number in row))
    if sys.byteorder == "big":
        numbers.byteswap()
    return {
        "float32": base64.b64encode(numbers.tobytes()).decode("ascii"),
        "rows": len(rows),
        "columns": len(rows[0]) if rows else 0,
    }


@cache
def asset(name: str) -> str:
    """The text of a file of the page."""
    return files(__package__).joinpath(name).read_text("utf-8")


@cache
def join_scripts(first: str) -> str:
    """The module `first` and all modules that it imports as one script, each after its imports.

    The modules import names without renaming them, and no top-level name is in two modules. So they
    can be joined by removing the import lines and the word `export`.
    """
    joined: dict[str, str] = {}

    def add(name: str) -> None:
        text = asset(name)
        for path in IMPORT.findall(text):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if imported not in joined:
                add(imported)
        joined[name] = EXPORT.sub("", IMPORT.sub("", text))

    add(first)
    return "\n".join(joined.values())


def csp_hash(text: str) -> str:
    """The hash by which a content security policy allows an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
