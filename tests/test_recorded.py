"""Exchanges that were recorded with LibreTranslate 1.9.6, replayed; every difference has a reason.

Its languages were English, Spanish, Chinese and French; here French stands for Spanish. What was
recorded with other options is in the dictionaries below `RECORDED`, each for a server with these.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from email.message import Message
from typing import Any, NamedTuple

import httpx2
import pytest

import regard
from regard import models
from regard.serving.keys import add_key
from test_server import running

TEXT, NUMBER = str, float
"""Any text, any number."""
HTML_PAGE, NO_BODY = "an HTML page", "no body"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
JSON_HEADER = {"content-type": JSON}
ABSENT = ""
"""A header that an answer lacks."""
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "Authorization, Content-Type",
    "access-control-expose-headers": "Authorization",
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-credentials": "true",
    "access-control-max-age": "1728000",
}
WANTED = {"source": "en", "target": "fr"}
DETECTED = {"confidence": NUMBER, "language": TEXT}
HELLO = {**WANTED, "q": "Hello there"}
INTERNAL = "The server encountered an internal error and was unable to complete your request. "
INTERNAL += "Either the server is overloaded or there is an error in the application."
UNREADABLE = "The browser (or proxy) sent a request that this server could not understand."


def missing(name: str) -> dict[str, str]:
    return {"error": f"Invalid request: missing {name} parameter"}


class Answer(NamedTuple):
    status: int
    content: Any
    headers: Mapping[str, Any] = {}
    """Those that matter, in small letters."""


class Exchange(NamedTuple):
    method: str
    path: str
    sent: dict[str, Any]
    answer: Answer
    times: int = 1
    """How often it is asked; the answer is the last one."""


class Difference(NamedTuple):
    answer: Answer
    """What is answered here."""
    reason: str


def post(path: str, status: int, answer: Any, **sent: Any) -> Exchange:
    return Exchange("POST", path, sent, Answer(status, answer))


def get(path: str, status: int, answer: Any, **sent: Any) -> Exchange:
    return Exchange("GET", path, sent, Answer(status, answer))


def with_headers(exchange: Exchange, headers: Mapping[str, str]) -> Exchange:
    return exchange._replace(answer=exchange.answer._replace(headers=headers))


def with_empty_name(fields: Mapping[str, str]) -> dict[str, Any]:
    """What a browser sends for a form of these fields in which no file was chosen."""
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append('name="file"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n')
    body = "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    return {"content": f"{body}--x--\r\n", "headers": headers}


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
    "languages": with_headers(get("/languages", 200, LANGUAGES), {"content-type": JSON, **CORS}),
    "HEAD of languages": with_headers(
        Exchange("HEAD", "/languages", {}, Answer(200, NO_BODY)), {"content-type": JSON}
    ),
    "OPTIONS of translate": with_headers(
        Exchange("OPTIONS", "/translate", {}, Answer(200, NO_BODY)),
        {"content-type": HTML, "allow": "POST, OPTIONS", **CORS},
    ),
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
    "capitals": as_json(200, {"translatedText": str.isupper}, **WANTED, q="HELLO"),
    "a short text in any language": as_json(
        200, {**ONE, "detectedLanguage": DETECTED}, q="Bonjour", source="auto", target="fr"
    ),
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
    "file without a name": post(
        "/translate_file", 400, missing("file"), **with_empty_name(WANTED)
    ),
    "file in no direction": post(
        "/translate_file",
        500,
        {"error": TEXT},
        files={"file": ("a.txt", b"x"), "source": (None, "fr"), "target": (None, "en")},
    ),
    "unknown download": get("/download_file/x.txt", 500, {"error": INTERNAL}),
    "spec": get("/spec", 200, lambda spec: {"basePath", "definitions"} <= spec.keys()),
    "docs": with_headers(get("/docs/", 200, HTML_PAGE), {"content-type": HTML}),
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

SUGGESTED = {**WANTED, "q": "Hello", "s": "Bonjour"}
WITH_LIMITS = {
    "zh-Hans": as_json(200, ONE, q="hello", source="en", target="zh-Hans"),
    "zh": as_json(200, ONE, q="hello", source="en", target="zh"),
    "11 characters": as_json(
        400,
        {"error": "Invalid request: request (11) exceeds text limit (10)"},
        **HELLO,
    ),
    "suggest": post("/suggest", 200, {"success": True}, data=SUGGESTED),
    "suggest nothing": post("/suggest", 400, missing("s"), data={**WANTED, "q": "a"}),
    "a file": post(
        "/translate_file",
        403,
        {"error": "Files translation are disabled on this server."},
        files=FILE,
    ),
    "a download": get(
        "/download_file/a.txt", 400, {"error": "Files translation are disabled on this server."}
    ),
    "settings": get(
        "/frontend/settings",
        200,
        {
            **SETTINGS,
            "charLimit": 10,
            "filesTranslation": False,
            "suggestions": True,
            "supportedFilesFormat": [],
        },
    ),
}

ORIGIN = "https://our.example"
FROM_ORIGIN = {"origin": ORIGIN, "x-forwarded-for": "192.0.2.1"}
BAD_KEY = {"error": "Invalid API key"}
WITH_KEYS = {
    "no key": as_json(
        400, {"error": "Please contact the server operator to get an API key"}, **HELLO
    ),
    "a wrong key": as_json(403, BAD_KEY, **HELLO, api_key="wrong"),
    "a wrong key to detect": post("/detect", 403, BAD_KEY, data={"q": "a", "api_key": "wrong"}),
    "our origin": post("/translate", 200, ONE, json=HELLO, headers={"origin": ORIGIN}),
    "too many requests": with_headers(
        post(
            "/translate", 429, {"error": "Slowdown: 3 per 1 minute"}, json=HELLO,
            headers=FROM_ORIGIN,
        ),
        {"retry-after": ABSENT},
    )._replace(times=4),
    "metrics without the token": with_headers(
        get("/metrics", 401, HTML_PAGE), {"content-type": HTML}
    ),
}  # fmt: skip

WRONG_TEXTS = {"error": "Invalid request: q parameter is not a string or a list of strings"}
CLIENT = "a mistake of the client"
NO_MARKUP = "text never becomes markup"
ON_PURPOSE = {
    "alternatives in JSON": Difference(RECORDED["alternatives in a form"].answer, CLIENT),
    "q is a number": Difference(Answer(400, WRONG_TEXTS), CLIENT),
    "null in a list": Difference(Answer(400, WRONG_TEXTS), CLIENT),
    "html": Difference(Answer(200, {"translatedText": "<p>1 &lt; 2</p>"}), NO_MARKUP),
    "html, not translated": Difference(
        Answer(200, {**ONE, "alternatives": [TEXT]}), "HTML has alternatives, too"
    ),
    "entities in text": Difference(
        Answer(200, {"translatedText": "&lt;b&gt;"}), "a user's text is not changed"
    ),
    "script in html": Difference(
        Answer(200, {"translatedText": "<p>&lt;script&gt;1&lt;/script&gt;</p>"}), NO_MARKUP
    ),
    "file in no direction": Difference(
        RECORDED["no such direction"].answer,
        "a mistake of the client, and the message of other requests",
    ),
    "unknown download": Difference(Answer(404, HTML_PAGE), "there is nothing at this address"),
    "spec": Difference(
        Answer(200, lambda spec: spec["openapi"].startswith("3.1")), "Swagger 2.0 is out of date"
    ),
    "too many requests": Difference(
        Answer(429, {"error": "Slowdown: 3 per 1 minute"}, {"retry-after": str.isdigit}),
        "a client can know when to ask again",
    ),
}
GROUPS = {"usual": RECORDED, "limited": WITH_LIMITS, "with keys": WITH_KEYS}
EXCHANGES = [(group, name) for group, exchanges in GROUPS.items() for name in exchanges]


@pytest.fixture(scope="module")
def client_of(model, tmp_path_factory) -> Callable[[str], httpx2.Client]:
    """A client of the server with the options of a group, which is started when it is needed."""
    folder = tmp_path_factory.mktemp("recorded")
    chinese = shutil.copytree(model, folder / "en-zh")
    description = json.loads((chinese / "model.json").read_text("utf-8"))
    description["languages"] = ["en", "zh"]
    (chinese / "model.json").write_text(json.dumps(description), "utf-8")
    database = folder / "keys.db"
    add_key(database, "x", -1, -1)
    commands = {
        "usual": (
            models.DEFAULT, "--char-limit", "100", "--batch-limit", "3", "--alternatives-limit",
            "3",
        ),
        "limited": (
            model, "--model", str(chinese), "--char-limit", "10", "--disable-files-translation",
            "--suggestions", "--suggestions-db-path", str(folder / "suggestions.db"),
        ),
        "with keys": (
            model, "--api-keys", "--api-keys-db-path", str(database),
            "--require-api-key-origin", ORIGIN, "--req-limit", "3",
            "--trusted-proxy", "127.0.0.1", "--metrics", "--metrics-auth-token", "x",
        ),
    }  # fmt: skip
    clients: dict[str, httpx2.Client] = {}
    with ExitStack() as stack:

        def client_of(group: str) -> httpx2.Client:
            if group not in clients:
                _, address = stack.enter_context(running(*commands[group], "--workers", "1"))
                client = httpx2.Client(base_url=address, timeout=60)
                clients[group] = stack.enter_context(client)
            return clients[group]

        yield client_of


@pytest.fixture
def client(client_of):
    return client_of("usual")


def fits(value: Any, template: Any) -> bool:
    """Whether a value is the template, in which types stand for any value of theirs, a list of one
    type or object for a list of any length, and a function for what it is true of."""
    if isinstance(template, type):
        return isinstance(value, (int, float) if template is float else template)
    if callable(template):
        return template(value)
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


def content_of(response: httpx2.Response) -> Any:
    if not response.content:
        return NO_BODY
    is_html = response.headers["content-type"].startswith("text/html")
    return HTML_PAGE if is_html else response.json()


def is_like(response: httpx2.Response, answer: Answer) -> bool:
    return (
        response.status_code == answer.status
        and fits(content_of(response), answer.content)
        and all(fits(response.headers.get(name, ABSENT), v) for name, v in answer.headers.items())
    )


@pytest.mark.parametrize(("group", "name"), EXCHANGES)
def test_a_recorded_request_is_answered_as_it_was_or_differs_on_purpose(client_of, group, name):
    method, path, sent, recorded, times = GROUPS[group][name]
    for _ in range(times):
        response = client_of(group).request(method, path, **sent)
    shown = response.status_code, response.headers, response.text
    if name not in ON_PURPOSE:
        assert is_like(response, recorded), shown
        return
    assert is_like(response, ON_PURPOSE[name].answer), shown
    assert not is_like(response, recorded), "there is no difference any more"


def test_a_translated_file_is_downloaded_as_it_was(client):
    """`attachment; filename=a_es.txt`, of which this is another spelling."""
    address = client.post("/translate_file", files=FILE).json()["translatedFileUrl"]
    unique = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"{client.base_url}/download_file/{unique}\.a_fr\.txt", address)
    downloaded = client.get(address)
    [translated] = regard.load().translate(["Hello"])
    assert (downloaded.status_code, downloaded.text) == (200, translated.text)
    assert downloaded.headers["content-type"] == "text/plain; charset=utf-8"
    message = Message()
    message["content-disposition"] = downloaded.headers["content-disposition"]
    assert message.get_content_disposition() == "attachment"
    assert message.get_filename() == "a_fr.txt"


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
