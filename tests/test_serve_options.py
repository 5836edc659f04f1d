"""The laws of what operators choose when they start a server, and of what it says of itself."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from html import unescape
from pathlib import Path
from unittest.mock import patch

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import test_full_disk
from browsing import Page, faults, load_axe
from commands import typed
from regard.cli import import_command
from regard.errors import RegardError
from regard.serving import suggestions
from regard.serving.catalog import Catalog
from regard.serving.database import DatabaseUnavailable
from regard.serving.frontend import accepted_languages, preferred_language
from regard.serving.gather import Gatherer
from regard.serving.keys import add_key
from regard.serving.service import Cache, Service
from regard.serving.suggestions import Suggestion, add_suggestion, create_suggestions
from test_faults import answers
from test_recorded import UNREADABLE, WANTED, missing
from test_server import running

ROOT = Path(__file__).parents[1]
SUGGESTED = {**WANTED, "q": "The cat sleeps.", "s": "Le chat dort."}
small_disk = test_full_disk.small_disk


def copied_as(model, folder, *languages):
    """A copy of a model that says that it translates between these languages."""
    shutil.copytree(model, folder)
    description = json.loads((folder / "model.json").read_text("utf-8"))
    description["languages"] = languages
    (folder / "model.json").write_text(json.dumps(description), "utf-8")
    return folder


@pytest.fixture(scope="module")
def chinese(model, tmp_path_factory):
    return copied_as(model, tmp_path_factory.mktemp("chinese") / "en-zh", "en", "zh")


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return tmp_path_factory.mktemp("suggested") / "suggestions.db"


@pytest.fixture(scope="module")
def client(model, database):
    """Of a server that keeps suggestions, with few other options."""
    options = "--suggestions", "--suggestions-db-path", str(database), "--char-limit", "100"
    with (
        running(model, "--workers", "1", *options) as (_, address),
        httpx2.Client(base_url=address, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def other(model, chinese):
    """Of a server whose options are variables."""
    variables = {
        "LT_THREADS": "1",
        "LT_LOAD_ONLY": "EN, zh",
        "LT_TRANSLATION_CACHE": "none",
        "LT_SSL": "true",
        "LT_URL_PREFIX": "/mt",
        "LT_METRICS": "true",
        "LT_FRONTEND_LANGUAGE_TARGET": "ZH",
    }
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            _, address = stack.enter_context(running(model, "--model", str(chinese)))
        yield stack.enter_context(httpx2.Client(base_url=address, timeout=60))


def address_of(client):
    return str(client.base_url).rstrip("/")


def rows_of(database):
    with closing(sqlite3.connect(database)) as opened:
        return opened.execute("SELECT q, s, source, target FROM suggestions").fetchall()


def refusal_of(*words, **variables):
    done = typed("serve", "--port", "0", *words, **variables)
    assert done.returncode == 2
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 3 and "Traceback" not in lines[0], lines
    return lines


# The languages that are offered


def test_languages_that_are_not_named_are_not_offered(other):
    languages = other.get("/languages").json()
    assert [one["code"] for one in languages] == ["en", "zh-Hans"]
    assert languages[0]["targets"] == ["en", "zh-Hans"]
    asked = {"q": "A cat.", "source": "en", "target": "fr"}
    refused = other.post("/translate", json=asked)
    assert refused.json() == {"error": "fr is not supported"}
    assert other.post("/translate", json={**asked, "target": "zh"}).status_code == 200
    detected = other.post("/detect", json={"q": "Le chat noir dort sous la table."}).json()
    assert "fr" not in {one["language"] for one in detected}


def test_a_server_that_has_nothing_to_offer_does_not_start(model):
    unknown = refusal_of("--model", str(model), "--load-only", "en,xx")
    assert unknown[0].endswith("xx") and "--load-only" in unknown[1] and "en" in unknown[2]
    lonely = refusal_of("--model", str(model), LT_LOAD_ONLY="en")
    assert "en" in lonely[0] and "--load-only" in lonely[1] and "en-fr" in lonely[2]


def test_models_are_loaded_again_whatever_languages_the_others_had(model, tmp_path):
    other = copied_as(model, tmp_path / "de-zh", "de", "zh")
    catalog = Catalog([model, other], ["en", "fr", "zh"])
    gatherer = Gatherer(catalog.paths, 1, 1)
    with patch.object(gatherer, "reload") as reload:
        Service(catalog, gatherer, Cache(0)).reload()
    assert catalog.paths == [model] and reload.called


# The languages that a page begins with


@pytest.mark.parametrize(
    ("accepted", "offered", "preferred"),
    [
        ("", ["fr", "de"], "fr"),
        ("*", ["fr", "de"], "fr"),
        ("de", ["fr", "de"], "de"),
        ("DE-at", ["fr", "de"], "de"),
        ("ja, de;q=0.5", ["fr", "de"], "de"),
        ("fr;q=0.2, de;q=0.8", ["fr", "de"], "de"),
        ("de;q=0, fr;q=0.1", ["en", "fr", "de"], "fr"),
        ("de;q=0", ["fr", "de"], "fr"),
        ("zh-CN,zh;q=0.9,en;q=0.8", ["en", "zh-Hans", "zh-Hant"], "zh-Hans"),
        ("zh-TW", ["en", "zh-Hans", "zh-Hant"], "zh-Hant"),
        ("pt", ["en", "pt-BR"], "pt-BR"),
        ("en-AU", ["fr", "en-US", "en-GB"], "en-GB"),
        ("de;q=high, fr", ["de", "fr"], "fr"),
        ("<script>, ;q=1, de_DE-1996-x", ["fr", "de"], "de"),
        ("d, de DE, de;q=2", ["fr", "de"], "fr"),
    ],
)
def test_a_page_begins_with_the_language_that_its_reader_likes_best(accepted, offered, preferred):
    assert preferred_language(accepted, offered) == preferred


words = st.sampled_from(["en", "fr-CA", "zh-TW", "xx-yy-zz", "*", ",", ";q=", "0.5", "1", " ", "é"])


@given(st.lists(words | st.text(max_size=5)).map("".join))
def test_whatever_a_browser_sends_a_language_is_chosen(accepted):
    assert preferred_language(accepted, ["fr", "zh-Hans"]) in ("fr", "zh-Hans")
    assert len(accepted_languages(accepted * 100)) <= 20


def test_settings_follow_the_browser_unless_the_operator_chose(client, other):
    def target_for(client, accepted):
        answer = client.get("/frontend/settings", headers={"accept-language": accepted})
        assert answer.headers["vary"] == "Accept-Language"
        return answer.json()["language"]["target"]

    assert target_for(client, "fr-CA, en") == {"code": "fr", "name": "French"}
    assert target_for(client, "ja")["code"] == "fr"
    assert target_for(other, "fr")["code"] == "zh-Hans"
    unknown = refusal_of("--frontend-language-source", "zz")
    assert unknown[0] == "no model knows the language zz"
    assert unknown[1:] == [
        "  where: --frontend-language-source",
        "  to do: choose one of auto, en, fr",
    ]


# Other options


def test_a_cache_may_be_absent_and_knows_no_keys(other):
    asked = {"q": "A cat.", "source": "en", "target": "zh"}
    first, second = (other.post("/translate", json=asked).json() for _ in range(2))
    assert first == second
    assert "regard_cache_hits_total 0.0" in other.get("/metrics").text
    refused = refusal_of("--translation-cache", "secret-key,other-key")
    assert refused[0] == "--translation-cache is neither all nor none"
    assert "keys are not told apart" in refused[2] and "secret" not in "".join(refused)


def test_addresses_in_answers_begin_with_https_behind_a_proxy_with_tls(client, other):
    sent = {"file": ("a.txt", b"A cat."), "source": (None, "en"), "target": (None, "zh")}
    address = other.post("/translate_file", files=sent).json()["translatedFileUrl"]
    begin = address_of(other).replace("http:", "https:")
    assert address.startswith(f"{begin}/download_file/") and "/mt/" in address
    assert other.get(address.replace("https:", "http:")).status_code == 200
    assert f"curl {begin}/translate" in unescape(other.get("/docs").text)
    assert f"curl {address_of(client)}/translate" in unescape(client.get("/docs").text)


def test_no_address_is_answered_in_another_place_than_it_was_asked(client, other):
    for each in (client, other):
        for path in ("/translate/", "/languages/", "/health/", "/nothing", "/nothing/"):
            answer = each.request("GET", path)
            assert answer.status_code == 404, path
            assert "text/html" in answer.headers["content-type"]


def test_debugging_logs_why_requests_are_refused_and_never_answers_it(model, tmp_path):
    add_key(tmp_path / "keys.db", "x", -1, -1)
    options = "--api-keys", "--require-api-key", "--api-keys-db-path", str(tmp_path / "keys.db")
    command = [sys.executable, "-m", "regard", "serve", "--debug", "--workers", "1", "--port", "0"]
    with subprocess.Popen(
        [*command, "--model", str(model), *options, "--suggestions"],
        stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    ) as process:  # fmt: skip
        try:
            lines = iter(process.stderr.readline, "")
            line = next(line for line in lines if "listening at" in line)
            address = line.split()[2].rstrip("/")
            refused = httpx2.post(f"{address}/suggest", data=SUGGESTED)
            (tmp_path / "keys.db").unlink()
            failed = httpx2.post(f"{address}/suggest", data={**SUGGESTED, "api_key": "x"})
        finally:
            process.kill()
        logged = process.stderr.read()
    message = "Please contact the server operator to get an API key"
    assert (refused.status_code, refused.json()) == (400, {"error": message})
    assert re.search(f"DEBUG: POST '/suggest': 400 '{message}'", logged)
    assert failed.status_code == 500 and "unable to complete" in failed.json()["error"]
    assert "database" not in failed.text and "keys.db" in logged and "Traceback" not in logged
    assert rows_of(tmp_path / "suggestions.db") == []


# Suggestions


def test_suggestions_are_stored_with_the_codes_of_their_languages(client, database):
    assert client.get("/frontend/settings").json()["suggestions"] is True
    before = len(rows_of(database))
    forms = {"data": SUGGESTED}, {"json": {**SUGGESTED, "source": "EN"}}, {"params": SUGGESTED}
    for sent in (*forms, {"json": {**SUGGESTED, "source": "auto"}}):
        answer = client.post("/suggest", **sent)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    expected = (SUGGESTED["q"], SUGGESTED["s"], "en", "fr")
    assert rows_of(database)[before:] == [expected] * 4
    assert database.stat().st_mode & 0o777 == 0o600 or sys.platform == "win32"


def test_a_suggestion_that_is_wrong_is_refused_in_the_contracts_words(client, database):
    stored = rows_of(database)
    too_long = {"error": "Invalid request: request (101) exceeds text limit (100)"}
    for changed, message in (
        ({"q": "", "s": ""}, missing("q")),
        ({"s": "", "source": ""}, missing("s")),
        ({"source": "", "target": ""}, missing("source")),
        ({"target": ""}, missing("target")),
        ({"source": "zz"}, {"error": "zz is not supported"}),
        ({"target": "zz"}, {"error": "zz is not supported"}),
        (
            {"source": "fr", "target": "en"},
            {"error": "English (en) is not available as a target language from French (fr)"},
        ),
        ({"q": "x" * 101}, too_long),
        ({"s": "x" * 101}, too_long),
    ):
        answer = client.post("/suggest", data={**SUGGESTED, **changed})
        assert (answer.status_code, answer.json()) == (400, message)
    answer = client.post("/suggest", json={**SUGGESTED, "s": ["a"]})
    assert answer.json() == {"error": "Invalid request: s parameter is not a string"}
    headers = {"content-type": "application/json"}
    assert client.post("/suggest", content="{", headers=headers).json() == {"error": UNREADABLE}
    assert rows_of(database) == stored


def test_nobody_can_fill_the_disk_with_suggestions(tmp_path, monkeypatch):
    monkeypatch.setattr(suggestions, "MAX_PAGES", 5)
    file = tmp_path / "suggestions.db"
    create_suggestions(file)
    number = 0
    with pytest.raises(DatabaseUnavailable):
        for number in range(100):
            add_suggestion(file, Suggestion("now", f"{number}" * 500, "b", "en", "fr"))
    assert 0 < number == len(rows_of(file)) and file.stat().st_size == 5 * 4096


def test_a_database_that_is_gone_is_an_error_of_the_server_and_is_not_replaced(model, tmp_path):
    file = tmp_path / "suggestions.db"
    options = "--suggestions", "--suggestions-db-path", str(file)
    with running(model, "--workers", "1", *options) as (process, address):
        file.unlink()
        answer = httpx2.post(f"{address}/suggest", data=SUGGESTED)
        assert answer.status_code == 500 and "unable to complete" in answer.json()["error"]
        assert "the suggestions cannot be used" in process.stderr.readline()
        assert not file.exists() and answers(address)
        create_suggestions(file)
        assert httpx2.post(f"{address}/suggest", data=SUGGESTED).status_code == 200


def test_a_suggestion_that_has_no_space_gets_status_503_and_the_others_stay(model, small_disk):
    file = small_disk / "suggestions.db"
    options = "--suggestions", "--suggestions-db-path", str(file), "--char-limit", "-1"
    long = {**SUGGESTED, "s": "x" * 100_000}
    with running(model, "--workers", "1", *options) as (_, address):
        assert httpx2.post(f"{address}/suggest", data=SUGGESTED).status_code == 200
        test_full_disk.fill(small_disk)
        refused = httpx2.post(f"{address}/suggest", data=long)
        assert refused.status_code == 503 and "space" in refused.json()["error"]
        assert refused.headers["retry-after"] and answers(address)
        assert len(rows_of(file)) == 1
        (small_disk / "rest").unlink()
        assert httpx2.post(f"{address}/suggest", data=long).status_code == 200
    assert len(rows_of(file)) == 2


def test_a_file_that_is_no_database_of_suggestions_is_an_error_before_anything_listens(tmp_path):
    odd, keys = tmp_path / "odd.db", tmp_path / "other.db"
    odd.write_text("no database" * 100, "utf-8")
    with closing(sqlite3.connect(keys)) as database:
        database.execute("CREATE TABLE suggestions (q, s)")
    for file in (odd, keys, tmp_path, tmp_path / "missing" / "a.db"):
        with pytest.raises(RegardError):
            create_suggestions(file)
    refused = refusal_of("--suggestions", LT_SUGGESTIONS_DB_PATH=str(odd))
    assert refused[0].startswith("the suggestions cannot be used") and str(odd) in refused[1]


# Every address


def test_each_address_says_which_methods_it_has_and_answers_head_where_it_answers_get(
    client, other
):
    described = client.get("/spec").json()["paths"]
    paths = {path: {*methods} for path, methods in described.items()}
    paths |= {path: {"get"} for path in ("/", "/docs", "/docs/", "/spec", "/explorer/")}
    paths["/explorer/api/explain"] = {"post"}
    for path, methods in paths.items():
        expected = "GET, HEAD, OPTIONS" if methods == {"get"} else "POST, OPTIONS"
        for each in (client, other):
            answer = each.options(path)
            assert (answer.status_code, answer.content) == (200, b""), path
            assert answer.headers["allow"] == expected
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        head = client.head(path)
        if methods == {"get"}:
            get = client.get(path)
            assert (head.status_code, head.content) == (200, b"") and get.content, path
            assert head.headers["content-type"] == get.headers["content-type"]
            assert head.headers["content-length"] == str(len(get.content))
        else:
            assert head.status_code == 405
    for missing_one in ("/nothing", "/translate/", "/explorer/nothing"):
        assert client.options(missing_one).status_code == 404


def test_a_file_has_a_head_too(client):
    sent = {"file": ("a.txt", b"A cat."), "source": (None, "en"), "target": (None, "fr")}
    address = client.post("/translate_file", files=sent).json()["translatedFileUrl"]
    head, get = client.head(address), client.get(address)
    assert head.content == b"" and head.headers["content-length"] == str(len(get.content))
    assert client.options(address).headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "format", ["false", "true", "0", "1.5", "{}", "[]", '["text"]', '"\\ud800"']
)
def test_a_format_is_text_html_or_refused(client, format):
    body = json.dumps({**WANTED, "q": "A cat."}).replace("}", f', "format": {format}}}')
    headers = {"content-type": "application/json"}
    answer = client.post("/translate", content=body, headers=headers)
    shown = "���" if "ud800" in format else format
    message = f"{shown} format is not supported"
    assert (answer.status_code, answer.json()) == (400, {"error": message})


def test_a_format_that_is_absent_null_or_empty_is_text(client):
    asked = {**WANTED, "q": "The <b>cat</b> &amp; 5 < 6."}
    expected = client.post("/translate", json=asked).json()
    for format in (None, "", "text"):
        assert client.post("/translate", json={**asked, "format": format}).json() == expected


def test_a_number_of_alternatives_may_be_written_with_a_point(client):
    asked = {**WANTED, "q": "The cat sleeps."}
    expected = client.post("/translate", json={**asked, "alternatives": 2}).json()
    assert client.post("/translate", json={**asked, "alternatives": 2.0}).json() == expected
    for wrong in ("2.5", "NaN", "Infinity", "-Infinity", "true", "null", "[]", '"2.0"'):
        body = json.dumps(asked).replace("}", f', "alternatives": {wrong}}}')
        headers = {"content-type": "application/json"}
        answer = client.post("/translate", content=body, headers=headers)
        message = "Invalid request: alternatives parameter is not a number"
        assert (answer.status_code, answer.json()) == (400, {"error": message}), wrong


# What a server and the guide say of it


def test_the_page_of_the_server_names_everything_and_asks_nobody(client):
    page = client.get("/docs/").text
    assert page == client.get("/docs").text
    description = client.get("/spec").json()
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert f"<code>{method.upper()} {path}</code>" in page
            assert operation["summary"] in page
            for status, response in operation["responses"].items():
                assert status == "200" or response["description"] in page
            for body in operation.get("requestBody", {"content": {}})["content"].values():
                for name in body["schema"]["properties"]:
                    assert f"<td>{name}</td>" in page
    links = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert all(link.startswith(("#", address_of(client))) for link in links)
    assert "<script" not in page and "url(" not in page and "default-src 'none'" in page
    assert "color-scheme: light dark" in page


def test_what_the_page_shows_can_be_typed(client, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("there is no curl")
    (tmp_path / "letter.txt").write_text("The cat sleeps.\n", "utf-8")
    commands = re.findall(r'<pre class="example">(.*?)</pre>', client.get("/docs/").text)
    assert len(commands) == len(client.get("/spec").json()["paths"])
    for command in map(unescape, commands):
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True, timeout=60
        )
        answer = json.loads(done.stdout)
        assert answer and "error" not in answer, command


def test_a_server_without_pages_has_no_description_for_people(model):
    with running(model, "--workers", "1", "--disable-web-ui") as (_, address):
        for path in ("/docs", "/docs/"):
            assert httpx2.get(f"{address}{path}").status_code == 404


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1200, "light")])
def test_the_page_of_the_server_can_be_read_in_any_width(browser, client, width, theme):
    shown = Page(browser.new_context(bypass_csp=True))
    shown.load(f"{address_of(client)}/docs/", width=width, color_scheme=theme)
    assert shown.overflow() <= 0
    load_axe(shown)
    assert faults(shown) == []
    shown.tab.context.close()


SHARED = (
    "--host", "--port", "--char-limit", "--req-limit", "--batch-limit", "--alternatives-limit",
    "--frontend-language-source", "--frontend-language-target", "--frontend-timeout",
    "--api-keys", "--require-api-key-origin", "--load-only", "--threads", "--suggestions",
    "--disable-files-translation", "--disable-web-ui", "--metrics", "--metrics-auth-token",
    "--translation-cache", "--url-prefix", "--ssl", "--debug",
)  # fmt: skip
"""Options of the contract."""


def test_options_of_the_contract_have_their_names_and_the_guide_has_all_options():
    variables = {
        name: option.envvar for option in import_command("serve").params for name in option.opts
    }
    for name in SHARED:
        assert variables[name] == f"LT_{name[2:].upper().replace('-', '_')}"
    guide = (ROOT / "docs" / "guides" / "serve.md").read_text("utf-8")
    rows = [line for line in guide.splitlines() if line.startswith("| `--")]
    listed = "\n".join(rows)
    assert {*re.findall(r"`(--[\w-]+)", listed)} == {*variables} - {"--help"}
    for name, variable in variables.items():
        assert any(f"`{name}" in row and f"`{variable}`" in row for row in rows) or not variable
