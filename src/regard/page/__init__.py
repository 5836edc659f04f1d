"""The explorer page: one HTML text that shows, step by step, where a translation looks.

The page is plain: a skeleton, style sheets and small scripts stand beside this file and are put
into one text here, the data with them, so that it opens from disk without any network.
"""

import base64
import hashlib
import json
import re
from array import array
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

FIRST_SCRIPT = "main.js"
STYLES = ("base", "sentences", "steps", "narrow", "player", "figures", "windows")
"""In the order in which they overrule each other."""
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function |const |let |class )", re.MULTILINE)
ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""In JSON these mean the same when written so, and no text can then end the script it stands in."""
VECTORS = ("hidden", "context", "output")


def static_page(data: dict[str, Any]) -> str:
    """The page as a file to keep and to share: it holds all it shows, and asks for nothing."""
    packed = [with_packed_vectors(one) for one in data["explanations"]]
    return page({**data, "live": False, "explanations": packed}, connect="'none'")


def live_page(data: dict[str, Any]) -> str:
    """The page for the server on this machine, which it asks for translations."""
    return page({**data, "live": True}, connect="'self'")


def page(data: dict[str, Any], connect: str) -> str:
    style = "\n".join(asset(f"{name}.css") for name in STYLES)
    script = scripts(FIRST_SCRIPT)
    policy = (
        f"default-src 'none'; script-src {fingerprint(script)}; style-src {fingerprint(style)}; "
        f"connect-src {connect}; img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(str(data.get("title") or "Where it looks")),
        "style": style,
        "data": as_script(data),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], asset("index.html"))


def as_script(data: dict[str, Any]) -> str:
    """JSON that may stand inside a script element, whatever its texts contain."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(ESCAPES)


def with_packed_vectors(explanation: dict[str, Any]) -> dict[str, Any]:
    """The same explanation with its long vectors as 32-bit numbers: half as large a file."""
    layers = [
        {name: pack(part) if name in VECTORS else part for name, part in layer.items()}
        for layer in explanation["layers"]
    ]
    return {**explanation, "states": pack(explanation["states"]), "layers": layers}


def pack(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Rows of one length as the bytes of their numbers, little end first, in base 64."""
    numbers = array("f", (number for row in rows for number in row))
    if array("H", [1]).tobytes() == b"\0\1":
        numbers.byteswap()
    return {
        "float32": base64.b64encode(numbers.tobytes()).decode("ascii"),
        "rows": len(rows),
        "columns": len(rows[0]) if rows else 0,
    }


@cache
def asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


@cache
def scripts(first: str) -> str:
    """The module `first` and all it imports as one script, each behind those that it imports.

    The modules use named imports without renaming, and no top-level name twice, so that joining
    them is to leave out the lines that import and the word `export`.
    """
    joined: dict[str, str] = {}

    def add(name: str) -> None:
        text = asset(name)
        for needed in IMPORT.findall(text):
            if needed not in joined:
                add(needed)
        joined[name] = EXPORT.sub("", IMPORT.sub("", text))

    add(first)
    return "\n".join(joined.values())


def fingerprint(text: str) -> str:
    """What a content security policy calls an inline script or style by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
