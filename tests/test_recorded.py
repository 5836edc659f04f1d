"""Exchanges that were recorded with LibreTranslate 1.9.6, replayed; every difference has a reason.

Its languages were English, Spanish, Chinese and French; here are English and French alone, so that
French stands for Spanish.
"""

import json
from typing import Any, NamedTuple

import httpx2
import pytest

from regard import models
from test_server import running

JSON_HEADER = {"content-type": "application/json"}
TEXT, NUMBER = str, float
"""Any text, any number."""
HTML_PAGE = "an HTML page"
WANTED = {"source": "en", "target": "fr"}
DETECTED = {"confidence": NUMBER, "language": TEXT}
HELLO = {**WANTED, "q": "Hello there"}
INTERNAL = "The server encountered an internal error and was unable to complete your request. "
INTERNAL += "Either the server is overloaded or there is an error in the application."
UNREADABLE = "The browser (or proxy) sent a request that this server could not understand."


def missing(name: str) -> dict[str, str]:
    return {"error": f"Invalid request: missing {name} parameter"}


class Exchange(NamedTuple):
    method: str
    path: str
    sent: dict[str, Any]
    status: int
    answer: Any


def post(path: str, status: int, answer: Any, **sent: Any) -> Exchange:
    return Exchange("POST", path, sent, status, answer)


def get(path: str, status: int, answer: Any, **sent: Any) -> Exchange:
    return Exchange("GET", path, sent, status, answer)


def as_json(status: int, answer: Any, **fields: Any) -> Exchange:
    return post("/translate", status, answer, json=fields)


LANGUAGES = [
    {"code": "en", "name": "English", "targets": ["en", "fr"]},
    {"code": "fr", "name": "French", "targets": ["fr"]},
]
SETTINGS = {
    "apiKeys": False,
    "charLimit": NUMBER,
    "filesTranslation": True,
    "frontendTimeout": 500,
    "keyRequired": False,
    "language": {
        "source": {"code": "auto", "name": "Auto Detect"},
        "target": {"code": "fr", "name": "French"},
    },
    "suggestions": False,
    "supportedFilesFormat": [TEXT],
}
ONE = {"translatedText": TEXT}
FILE = {"file": ("a.txt", b"Hello"), "source": (None, "en"), "target": (None, "fr")}

RECORDED = {
    "languages": get("/languages", 200, LANGUAGES),
    "languages with a form": get("/languages", 200, LANGUAGES, data={"api_key": ""}),
    "health": get("/health", 200, {"status": "ok"}),
    "health by POST": post("/health", 405, HTML_PAGE),
    "translate by GET": get("/translate", 405, HTML_PAGE),
    "json": as_json(200, ONE, **HELLO),
    "json auto": as_json(
        200,
        {**ONE, "detectedLanguage": DETECTED},
        q="Hello there, how are you today my friend?",
        source="auto",
        target="fr",
    ),
    "json batch auto alternatives": as_json(
        200,
        {
            "alternatives": [[TEXT], [TEXT]],
            "detectedLanguage": [DETECTED, DETECTED],
            "translatedText": [TEXT, TEXT],
        },
        q=["Hello there my good friend", "The cat sleeps under the table"],
        source="auto",
        target="fr",
        alternatives=2,
    ),
    "json alternatives": as_json(200, {**ONE, "alternatives": [TEXT]}, **HELLO, alternatives=2),
    "form": post("/translate", 200, ONE, data={**WANTED, "q": "Hello\r\nthere"}),
    "several parts": post(
        "/translate", 200, ONE, files={name: (None, value) for name, value in HELLO.items()}
    ),
    "query alone": post("/translate", 200, ONE, params={**HELLO, "api_key": "x"}),
    "form with q twice": post("/translate", 200, ONE, data={**WANTED, "q": ["Hello", "Bye"]}),
    "missing q": as_json(400, missing("q"), **WANTED),
    "empty q": as_json(400, missing("q"), **WANTED, q=""),
    "empty list": as_json(400, missing("q"), **WANTED, q=[]),
    "missing source": as_json(400, missing("source"), q="a", target="fr"),
    "missing target": as_json(400, missing("target"), q="a", source="en"),
    "unknown target": as_json(400, {"error": "zz is not supported"}, **{**HELLO, "target": "zz"}),
    "unknown source": as_json(400, {"error": "zz is not supported"}, **{**HELLO, "source": "zz"}),
    "no such direction": as_json(
        400,
        {"error": "English (en) is not available as a target language from French (fr)"},
        q="a",
        source="fr",
        target="en",
    ),
    "format": as_json(400, {"error": "xml format is not supported"}, **HELLO, format="xml"),
    "alternatives in a form": post(
        "/translate",
        400,
        {"error": "Invalid request: alternatives parameter is not a number"},
        data={**HELLO, "alternatives": "x"},
    ),
    "alternatives in JSON": as_json(500, {"error": INTERNAL}, **HELLO, alternatives="x"),
    "q is a number": as_json(500, {"error": INTERNAL}, **WANTED, q=5),
    "null in a list": as_json(500, {"error": INTERNAL}, **WANTED, q=["a", None]),
    "negative alternatives": as_json(200, ONE, **HELLO, alternatives=-1),
    "no JSON": post("/translate", 400, {"error": UNREADABLE}, content="{", headers=JSON_HEADER),
    "an array": post(
        "/translate", 400, {"error": "Invalid JSON format"}, content="[]", headers=JSON_HEADER
    ),
    "no body": post("/translate", 400, missing("q")),
    "emoji": as_json(
        200,
        {"translatedText": "😀", "detectedLanguage": {"confidence": 0.0, "language": "en"}},
        q="😀",
        source="auto",
        target="fr",
    ),
    "same language": as_json(200, ONE, q="Hello", source="en", target="en"),
    "html": as_json(
        200,
        {"translatedText": "<p>1 < 2</p>"},
        **WANTED,
        q="<p>1 &lt; 2</p>",
        format="html",
    ),
    "html, not translated": as_json(
        200,
        {**ONE, "alternatives": []},
        **WANTED,
        q='<p>The cat <code>x</code> <span translate="no">y</span></p>',
        format="html",
        alternatives=1,
    ),
    "entities in text": as_json(200, {"translatedText": "<b>"}, **WANTED, q="&lt;b&gt;"),
    "script in html": as_json(
        200,
        {"translatedText": "<p><script>1</script></p>"},
        **WANTED,
        q="<p>&lt;script&gt;1&lt;/script&gt;</p>",
        format="html",
    ),
    "lines": as_json(200, ONE, **WANTED, q="Line one.\n\n  Line two."),
    "empty text in a list": as_json(
        200, {"translatedText": ["", TEXT]}, **WANTED, q=["", "Hello"]
    ),
    "JSON with a charset": post(
        "/translate",
        200,
        ONE,
        content=json.dumps(HELLO),
        headers={"content-type": "application/json; charset=utf-8"},
    ),
    "JSON that is not called so": post(
        "/translate", 400, missing("q"), content=json.dumps(HELLO)
    ),
    "code in capitals": as_json(200, ONE, q="Hello", source="EN", target="FR"),
    "a slash too many": post("/translate/", 404, HTML_PAGE, json=HELLO),
    "unknown address": get("/nothing", 404, HTML_PAGE),
    "detect in a form": post("/detect", 200, [DETECTED], data={"q": "The cat sleeps."}),
    "detect in JSON": post("/detect", 200, [DETECTED], json={"q": "Le chat dort."}),
    "detect a list": post("/detect", 200, [DETECTED], json={"q": ["The cat", "Le chat"]}),
    "detect nothing": post("/detect", 400, missing("q")),
    "detect by GET": get("/detect", 405, HTML_PAGE),
    "detect digits": post(
        "/detect", 200, [{"confidence": 0.0, "language": "en"}], json={"q": "123"}
    ),
    "settings": get("/frontend/settings", 200, SETTINGS),
    "suggest": post(
        "/suggest", 403, {"error": "Suggestions are disabled on this server."}, data={"q": "a"}
    ),
    "file": post("/translate_file", 200, {"translatedFileUrl": TEXT}, files=FILE),
    "no file": post("/translate_file", 400, {"error": UNREADABLE}, data=WANTED),
    "kind of file": post(
        "/translate_file",
        400,
        {"error": "Invalid request: file format not supported"},
        files={**FILE, "file": ("a.exe", b"x")},
    ),
    "file without a source": post(
        "/translate_file",
        400,
        missing("source"),
        files={"file": ("a.txt", b"x"), "target": (None, "fr")},
    ),
    "file in no direction": post(
        "/translate_file",
        500,
        {"error": TEXT},
        files={"file": ("a.txt", b"x"), "source": (None, "fr"), "target": (None, "en")},
    ),
    "unknown download": get("/download_file/x.txt", 500, {"error": INTERNAL}),
    "metrics": get("/metrics", 404, HTML_PAGE),
    "too many characters": as_json(
        400,
        {"error": "Invalid request: request (101) exceeds text limit (100)"},
        **WANTED,
        q="x" * 101,
    ),
    "too many texts": as_json(
        400, {"error": "Invalid request: request (4) exceeds text limit (3)"}, **WANTED, q=["a"] * 4
    ),
    "too many alternatives": as_json(
        400,
        {"error": "Invalid request: alternatives parameter must be <= 3"},
        **HELLO,
        alternatives=4,
    ),
}  # fmt: skip

WRONG_TEXTS = {"error": "Invalid request: q parameter is not a string or a list of strings"}
ON_PURPOSE = {
    "alternatives in JSON": (
        400,
        RECORDED["alternatives in a form"].answer,
        "a mistake of the client",
    ),
    "q is a number": (400, WRONG_TEXTS, "a mistake of the client"),
    "null in a list": (400, WRONG_TEXTS, "a mistake of the client"),
    "html": (200, {"translatedText": "<p>1 &lt; 2</p>"}, "text never becomes markup"),
    "html, not translated": (200, {**ONE, "alternatives": [TEXT]}, "HTML has alternatives, too"),
    "entities in text": (200, {"translatedText": "&lt;b&gt;"}, "a user's text is not changed"),
    "script in html": (
        200,
        {"translatedText": "<p>&lt;script&gt;1&lt;/script&gt;</p>"},
        "text never becomes markup",
    ),
    "file in no direction": (
        400,
        RECORDED["no such direction"].answer,
        "a mistake of the client, and the message of other requests",
    ),
    "unknown download": (404, HTML_PAGE, "there is nothing at this address"),
}  # fmt: skip
"""What is answered here, and why."""


@pytest.fixture(scope="module")
def client():
    limits = "--char-limit", "100", "--batch-limit", "3", "--alternatives-limit", "3"
    with (
        running(models.DEFAULT, "--workers", "1", *limits) as (_, address),
        httpx2.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def fits(value: Any, template: Any) -> bool:
    """Whether a value is the template, in which types stand for any value of theirs, and a list of
    one type or object for a list of any length."""
    if isinstance(template, type):
        return isinstance(value, (int, float) if template is float else template)
    if isinstance(template, dict):
        return (
            isinstance(value, dict)
            and value.keys() == template.keys()
            and all(fits(value[name], inner) for name, inner in template.items())
        )
    if isinstance(template, list) and isinstance(value, list):
        if len(template) == 1:
            return all(fits(one, template[0]) for one in value)
        return len(value) == len(template) and all(map(fits, value, template))
    return value == template


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_request_is_answered_as_it_was_or_differs_on_purpose(client, name):
    method, path, sent, *recorded = RECORDED[name]
    answer = client.request(method, path, **sent)
    kind = answer.headers["content-type"]
    body = HTML_PAGE if kind.startswith("text/html") else answer.json()
    is_same = answer.status_code == recorded[0] and fits(body, recorded[1])
    if name not in ON_PURPOSE:
        assert is_same, (answer.status_code, answer.text)
        return
    status, expected, _ = ON_PURPOSE[name]
    assert not is_same and answer.status_code == status and fits(body, expected), answer.text


def test_requests_as_the_sources_of_mastodon_and_weblate_send_them(client):
    """A list of HTML with the language or auto; a list of texts in JSON, after the languages."""
    texts = ["<p>The <b>cat</b> sleeps.</p>", "The dog &amp; I"]
    body = {"q": texts, "source": "auto", "target": "fr", "format": "html", "api_key": None}
    answer = client.post("/translate", content=json.dumps(body), headers=JSON_HEADER).json()
    assert len(answer["translatedText"]) == len(answer["detectedLanguage"]) == 2
    assert answer["translatedText"][0].count("<b>") == 1 and "&amp;" in answer["translatedText"][1]
    assert answer["detectedLanguage"][0]["language"] == "en"
    languages = client.get("/languages").json()
    assert [code for one in languages for code in one["targets"] if code != one["code"]] == ["fr"]
    body = {"api_key": "", "q": ["The cat sleeps."], "source": "en", "target": "fr"}
    answer = client.post("/translate", json=body).json()
    assert list(answer) == ["translatedText"] and len(answer["translatedText"]) == 1
