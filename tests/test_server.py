"""The laws of the server: a real one, asked over HTTP."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

import regard
from regard.explain.explanation import as_json
from regard.explain.what_if import Intervention, what_if
from regard.export.export import export
from regard.lesson.corpus import examples
from regard.markup.document import structure, translate_markup
from regard.serving.app import CORS_HEADERS
from regard.serving.watch import watch
from test_markup import HTML

LIMITS = ("--char-limit", "400", "--batch-limit", "60", "--alternatives-limit", "3")
SOURCES = [one.source for one in examples(150, 8) if len(one.source) < 55][:60]
JSON = {"content-type": "application/json"}


@contextmanager
def running(model: Path, *options: str):
    """A server as a user starts it: its process and its address."""
    command = [sys.executable, "-m", "regard", "serve", "--model", str(model), "--port", "0"]
    process = subprocess.Popen(
        [*command, *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    try:
        line = process.stderr.readline()
        assert "listening at" in line, line + process.stderr.read()
        yield process, line.split()[2].rstrip("/")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def server(model):
    with running(model, "--workers", "2", *LIMITS) as both:
        yield both


@pytest.fixture(scope="module")
def client(server):
    with httpx2.Client(base_url=server[1], timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def translator(model):
    return regard.load(model, engine="onnx", workers=1)


def ask(client, q, **more):
    return client.post("/translate", json={"source": "en", "target": "fr", "q": q, **more})


def workers_of(process) -> list[int]:
    shown = subprocess.run(
        ["ps", "-ww", "--ppid", str(process.pid), "-o", "pid=,args="],
        capture_output=True,
        check=False,
    )
    lines = shown.stdout.decode().splitlines()
    return [int(line.split()[0]) for line in lines if "serving.child" in line]


def test_languages_and_settings_are_those_of_the_model(client):
    languages = client.get("/languages").json()
    assert languages == [
        {"code": "en", "name": "English", "targets": ["en", "fr"]},
        {"code": "fr", "name": "French", "targets": ["fr"]},
    ]
    answer = client.get("/frontend/settings").json()
    assert answer["language"] == {
        "source": {"code": "auto", "name": "Auto Detect"},
        "target": {"code": "fr", "name": "French"},
    }
    assert answer["charLimit"] == 400 and answer["apiKeys"] is answer["keyRequired"] is False
    assert client.get("/health").json() == client.get("/ready").json() == {"status": "ok"}
    assert client.request("GET", "/languages", data={"api_key": ""}).json() == languages


def test_text_is_answered_as_the_translator_writes_it(client, translator):
    lines = [
        *SOURCES[:20],
        "",
        "  ",
        "See https://a.b/c now, {name}!",
        "🙂 A cat.",
        "THE CAT SLEEPS",
    ]
    expected = [one.text for one in translator.translate(lines)]
    assert ask(client, lines).json() == {"translatedText": expected}
    assert ask(client, lines[0]).json() == {"translatedText": expected[0]}


@given(st.lists(st.sampled_from([*SOURCES[:6], "", "  ", "\t", "🙂", "a\r", "–"]), max_size=7))
@settings(max_examples=20)
def test_the_lines_of_a_text_are_translated_by_themselves_and_stay_where_they_are(
    client, translator, lines
):
    text = "\n".join(lines)
    if not text:
        return
    answer = ask(client, text).json()["translatedText"]
    parts = answer.split("\n")
    assert len(parts) == len(text.split("\n"))
    for line, part in zip(text.split("\n"), parts, strict=True):
        content = line.removesuffix("\r")
        expected = translator.translate([content])[0].text if content.strip() else content
        assert part == expected + line[len(content) :]


def test_html_is_answered_as_the_translator_writes_it(client, translator):
    texts = ["<p>The <b>black</b> cat &amp; the dog</p>", "a < b", "<p>&lt;script&gt;A cat.</p>"]
    expected = [one.text for one in translate_markup(translator, texts, "html")]
    answer = ask(client, texts, format="html", alternatives=2).json()
    assert answer["translatedText"] == expected
    for text, own, others in zip(texts, expected, answer["alternatives"], strict=True):
        assert own not in others and len(set(others)) == len(others) <= 2
        assert all(one.count("<b>") == text.count("<b>") for one in others)
        assert all("<script" not in one for one in (own, *others))


def test_alternatives_are_the_next_best_translations(client, translator):
    text = SOURCES[3]
    answer = ask(client, text, alternatives=3).json()
    best = translator.translate([text])[0].text
    wide = translator.with_options(structs.replace(translator.options, beam=4))
    ranked = [one.text for one in wide.n_best([text])[0] if one.text != best]
    assert answer == {"translatedText": best, "alternatives": ranked[:3]}
    assert "alternatives" not in ask(client, text, alternatives=0).json()
    text = f"{text} {SOURCES[4]}"
    answer = ask(client, text, alternatives=3).json()
    best = translator.translate([text])[0].text
    ranked = [one.text for one in wide.n_best_by_sentence([text])[0] if one.text != best]
    assert answer == {"translatedText": best, "alternatives": ranked[:3]} and ranked
    assert "alternatives" not in ask(client, text, alternatives=-2).json()


def test_parameters_may_come_in_a_query_a_form_or_several_parts(client, translator):
    text = SOURCES[4]
    wanted = {"q": text, "source": "en", "target": "fr"}
    expected = {"translatedText": translator.translate([text])[0].text}
    assert client.post("/translate", params=wanted).json() == expected
    assert client.post("/translate", data=wanted).json() == expected
    assert client.post(
        "/translate", files={key: (None, v) for key, v in wanted.items()}
    ).json() == (expected)
    assert client.post("/translate", params={"q": text}, data={**wanted, "q": "x"}).json() == (
        expected
    )
    body = json.dumps({**wanted, "api_key": "x"})
    charset = {"content-type": "application/json; charset=utf-8"}
    assert client.post("/translate", content=body, headers=charset).json() == expected
    lines = client.post("/translate", data={**wanted, "q": f"{text}\r\n{text}"}).json()
    assert lines["translatedText"] == "\n".join([expected["translatedText"]] * 2)


def test_a_request_line_may_be_long(client):
    answer = client.post("/translate", params={"q": "x" * 60_000, "source": "en", "target": "fr"})
    assert answer.json() == {"error": "Invalid request: request (60000) exceeds text limit (400)"}


WRONG = {
    "missing q": ({"source": "en"}, "Invalid request: missing q parameter"),
    "empty q": ({"q": "", "source": "en", "target": "fr"}, "Invalid request: missing q parameter"),
    "empty list": ({"q": [], "source": "en"}, "Invalid request: missing q parameter"),
    "no source": ({"q": "a", "target": "fr"}, "Invalid request: missing source parameter"),
    "no target": ({"q": "a", "source": "en"}, "Invalid request: missing target parameter"),
    "source": ({"q": "a", "source": "zz", "target": "fr"}, "zz is not supported"),
    "target": ({"q": "a", "source": "en", "target": "zz"}, "zz is not supported"),
    "no code": ({"q": "a", "source": "__x__", "target": "fr"}, "__x__ is not supported"),
    "half a code": ({"q": "a", "source": "en", "target": "fr-"}, "fr- is not supported"),
    "direction": (
        {"q": "a", "source": "fr", "target": "en"},
        "English (en) is not available as a target language from French (fr)",
    ),
    "format": (
        {"q": "a", "source": "en", "target": "fr", "format": "xml"},
        "xml format is not supported",
    ),
    "alternatives": (
        {"q": "a", "source": "en", "target": "fr", "alternatives": "x"},
        "Invalid request: alternatives parameter is not a number",
    ),
    "many alternatives": (
        {"q": "a", "source": "en", "target": "fr", "alternatives": 4},
        "Invalid request: alternatives parameter must be <= 3",
    ),
    "long": (
        {"q": "a" * 401, "source": "en", "target": "fr"},
        "Invalid request: request (401) exceeds text limit (400)",
    ),
    "many": (
        {"q": ["a"] * 61, "source": "en", "target": "fr"},
        "Invalid request: request (61) exceeds text limit (60)",
    ),
    "a number": (
        {"q": 5, "source": "en", "target": "fr"},
        "Invalid request: q parameter is not a string or a list of strings",
    ),
    "null in a list": (
        {"q": ["a", None], "source": "en", "target": "fr"},
        "Invalid request: q parameter is not a string or a list of strings",
    ),
    "an array": ([], "Invalid JSON format"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_answered_with_the_contracts_words(client, name):
    body, message = WRONG[name]
    answer = client.post("/translate", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": message})


def test_unreadable_requests_and_other_addresses(client):
    unreadable = "The browser (or proxy) sent a request that this server could not understand."
    for body in (b"{", b"\xff", b"[" * 100_000, b""):
        answer = client.post("/translate", content=body, headers=JSON)
        assert (answer.status_code, answer.json()) == (400, {"error": unreadable})
    answer = client.post("/translate", content=b'{"q": "a"}')  # not called JSON
    assert answer.json() == {"error": "Invalid request: missing q parameter"}
    for path, method, status in (
        ("/translate", "GET", 405),
        ("/detect", "GET", 405),
        ("/health", "POST", 405),
        ("/translate/", "POST", 404),
        ("/nothing", "GET", 404),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status and "text/html" in answer.headers["content-type"]
    answer = client.post("/suggest", data={"q": "a"})
    assert (answer.status_code, answer.json()) == (
        403,
        {"error": "Suggestions are disabled on this server."},
    )
    assert client.head("/languages").status_code == 200


def test_every_answer_lets_pages_of_other_origins_ask(client):
    for answer in (
        client.get("/languages"),
        client.options("/translate"),
        client.get("/nothing"),
        client.post("/translate"),
    ):
        for name, value in CORS_HEADERS.items():
            assert answer.headers[name] == value
    assert client.options("/translate").status_code == 200


def test_the_language_is_told_by_each_text(client, translator):
    texts = [SOURCES[5], "Le chat dort sous la table.", "123 🙂"]
    answer = ask(client, texts, source="auto").json()
    assert [one["language"] for one in answer["detectedLanguage"]] == ["en", "fr", "en"]
    assert answer["detectedLanguage"][2]["confidence"] == 0.0
    assert answer["translatedText"] == [
        translator.translate([texts[0]])[0].text, texts[1], texts[2],
    ]  # fmt: skip
    alone = ask(client, texts[1], source="auto").json()
    assert alone["translatedText"] == texts[1] and alone["detectedLanguage"]["language"] == "fr"
    detected = client.post("/detect", data={"q": texts[1]}).json()
    assert detected[0]["language"] == "fr" and 50 < detected[0]["confidence"] <= 100
    assert client.post("/detect", json={"q": texts[2]}).json() == [
        {"confidence": 0.0, "language": "en"}
    ]
    assert {one["language"] for one in client.post("/detect", json={"q": texts}).json()} == {
        "en", "fr",
    }  # fmt: skip


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "q": anything | st.sampled_from(["A cat.", ["A", "B"], "\ud800", "a\x00b"]),
        "source": anything | st.sampled_from(["en", "EN", "auto", "fr"]),
        "target": anything | st.sampled_from(["fr", "en", "FR"]),
        "format": anything | st.sampled_from(["text", "html"]),
        "alternatives": anything | st.sampled_from([0, "1", 2]),
    },
)


@given(fields)
@settings(max_examples=60)
def test_no_json_makes_the_server_fail(client, body):
    answer = client.post("/translate", content=json.dumps(body).encode(), headers=JSON)
    assert answer.status_code in (200, 400), answer.text
    assert ("error" in answer.json()) == (answer.status_code == 400)


def test_the_language_of_a_page_is_told_by_what_people_read(client):
    page = (
        '<div class="container the with for of"><p title="the cat and the dog">Le chat dort.</div>'
    )
    answer = ask(client, page, source="auto", format="html").json()
    assert answer["detectedLanguage"]["language"] == "fr" and answer["translatedText"] == page
    empty = ask(client, "<p></p>", source="auto", format="html").json()
    assert empty["detectedLanguage"] == {"confidence": 0.0, "language": "en"}


def test_many_callers_get_what_one_gets(server, translator):
    random = Random(4)
    asked = [random.choice(SOURCES) + " " * random.randrange(2) for _ in range(120)]
    expected = [one.text for one in translator.translate(asked)]
    with ThreadPoolExecutor(24) as pool, httpx2.Client(base_url=server[1], timeout=60) as shared:
        answers = pool.map(lambda text: ask(shared, text), asked)
        assert [answer.json()["translatedText"] for answer in answers] == expected


def test_nothing_is_lost_when_workers_are_killed(model, translator):
    asked = [f"{one} {number}" for number, one in enumerate(SOURCES)]
    expected = [one.text for one in translator.translate(asked)]
    with running(model, "--workers", "2", "--cache-characters", "0") as (process, address):
        with ThreadPoolExecutor(12) as pool, httpx2.Client(base_url=address, timeout=60) as shared:
            answers = [pool.submit(ask, shared, text) for text in asked]
            time.sleep(0.1)
            os.kill(workers_of(process)[0], signal.SIGKILL)
            texts = [answer.result().json()["translatedText"] for answer in answers]
        assert texts == expected
        deadline = time.monotonic() + 30
        while len(workers_of(process)) < 2:
            assert time.monotonic() < deadline, "no other worker was started"
            time.sleep(0.1)


def test_models_are_loaded_again_without_a_lost_request(server, client):
    process, _ = server
    before = set(workers_of(process))
    process.send_signal(signal.SIGHUP)
    deadline, number = time.monotonic() + 60, 0
    while before & set(workers_of(process)):
        assert time.monotonic() < deadline
        number += 1
        assert ask(client, f"A cat {number}.").status_code == 200
    assert number > 1 and len(workers_of(process)) >= 1


def test_a_model_file_that_changes_is_loaded_again_if_it_is_one(model, tmp_path):
    file, other = tmp_path / "model.regard", tmp_path / "fp32.regard"
    export(model, file, "int8", [])
    export(model, other, "fp32", [])
    good = other.read_bytes()
    with (
        running(file, "--workers", "1", "--watch") as (process, address),
        httpx2.Client(base_url=address, timeout=60) as client,
    ):
        before = workers_of(process)
        file.write_bytes(b"damaged")
        assert "not loaded again" in process.stderr.readline()
        assert workers_of(process) == before and ask(client, "A cat.").status_code == 200
        file.write_bytes(good)
        deadline, number = time.monotonic() + 60, 0
        while set(before) & set(workers_of(process)):
            assert time.monotonic() < deadline
            number += 1
            assert ask(client, f"A cat {number}.").status_code == 200
        assert ask(client, "A cat.").status_code == 200


def test_a_file_that_is_being_written_is_not_loaded(tmp_path):
    file, loaded = tmp_path / "model", []

    async def main():
        file.write_bytes(b"a")
        watching = asyncio.create_task(watch([file], lambda: loaded.append(1), 0.2))
        for length in range(2, 20):
            await asyncio.sleep(0.05)
            file.write_bytes(b"a" * length)
        while_it_grew = len(loaded)
        await asyncio.sleep(1.5)
        watching.cancel()
        return while_it_grew

    assert asyncio.run(main()) == 0 and len(loaded) == 1


def test_v1_tells_all_that_is_known_of_a_translation(client, translator):
    texts = [f"{SOURCES[2]}\n{SOURCES[6]}", SOURCES[7], "🙂"]
    body = {"texts": texts, "source": "auto", "target": "fr", "alternatives": 1}
    translations = client.post("/v1/translate", json=body).json()["translations"]
    assert [one["source"] for one in translations] == ["en"] * 3
    lines = [SOURCES[2], SOURCES[6], SOURCES[7]]
    parts = [part for one in translations for part in one["parts"]]
    assert len(parts) == 3 and translations[2]["text"] == "🙂"
    for part, expected in zip(parts, translator.translate(lines), strict=True):
        assert part["text"] == expected.text and part["source"] == expected.source
        assert part["log_prob"] == pytest.approx(expected.log_prob, abs=1e-3)
        assert part["source_words"][0]["span"] == list(expected.source_words[0].span)
        assert part["alignment"]["method"] == expected.alignment.method
        assert len(part["alignment"]["links"]) == len(expected.alignment.links)
        assert len(part["alternatives"]) <= 1
    assert client.post("/v1/translate", data={"texts": "a"}).status_code == 400
    assert client.get("/spec").json()["openapi"].startswith("3")


def test_answers_are_as_the_description_says(client):
    description = client.get("/spec").json()
    described, schemas = description["paths"], description["components"]["schemas"]
    assert schemas["SourceLanguage"]["enum"] == ["auto", "en", "fr"]
    asked = {
        "/translate": {"q": ["A cat.", ""], "source": "auto", "target": "fr", "alternatives": 2},
        "/v1/translate": {"texts": "A cat.", "source": "en", "target": "fr", "format": "html"},
        "/detect": {"q": "A cat."},
        "/languages": None,
        "/frontend/settings": None,
        "/health": None,
        "/ready": None,
    }
    sent = {"file": ("a.txt", b"A cat."), "source": (None, "en"), "target": (None, "fr")}
    answers = {"/translate_file": client.post("/translate_file", files=sent)}
    assert {*asked, *answers} == described.keys()
    for path, body in asked.items():
        method = "get" if body is None else "post"
        answers[path] = client.request(method.upper(), path, json=body)
    for path, answer in answers.items():
        [method] = described[path]
        response = described[path][method]["responses"][str(answer.status_code)]
        schema = json.dumps(response["content"]["application/json"]["schema"])
        for name, each in schemas.items():
            reference = json.dumps({"$ref": f"#/components/schemas/{name}"})
            schema = schema.replace(reference, json.dumps(each))
        check_schema(answer.json(), json.loads(schema), path)


JSON_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
}


def check_schema(value, schema, where):
    """That a value has the types, the keys and the alternatives that a schema says."""
    if "anyOf" in schema:
        fitting = [one for one in schema["anyOf"] if isinstance(value, JSON_TYPES[one["type"]])]
        assert fitting, where
        return
    assert isinstance(value, JSON_TYPES[schema["type"]]), where
    assert value in schema.get("enum", [value]), where
    if schema["type"] == "object" and "properties" in schema:
        assert set(schema["required"]) <= value.keys() <= schema["properties"].keys(), where
        for name, inner in value.items():
            check_schema(inner, schema["properties"][name], f"{where}.{name}")
    for number, inner in enumerate(value if schema["type"] == "array" else []):
        check_schema(inner, schema["items"], f"{where}[{number}]")


def test_operators_see_requests_without_texts_and_may_limit_them(model, tmp_path):
    log = tmp_path / "requests.log"
    options = "--metrics", "--metrics-auth-token", "tök", "--access-log", str(log)
    more = "--req-limit", "3", "--url-prefix", "/mt", "--trusted-proxy", "127.0.0.1"
    with running(model, "--workers", "1", *options, *more) as (_, address):
        data = {"q": "A secret cat.", "source": "en", "target": "fr"}

        def ask_from(caller):
            headers = {"x-forwarded-for": caller}
            return httpx2.post(f"{address}/translate", data=data, headers=headers)

        assert [ask_from("1.2.3.4").status_code for _ in range(4)] == [200, 200, 200, 429]
        slowed = ask_from("1.2.3.4")
        assert slowed.json() == {"error": "Slowdown: 3 per 1 minute"}
        assert 0 < int(slowed.headers["retry-after"]) <= 60
        assert ask_from("1.2.3.5").status_code == 200
        assert httpx2.get(f"{address.removesuffix('/mt')}/languages").status_code == 404
        assert httpx2.get(f"{address}/metrics").status_code == 401
        token = "Bearer tök".encode()
        shown = httpx2.get(f"{address}/metrics", headers={"authorization": token}).text
        assert 'regard_requests_total{path="/mt/translate",status="200"} 4.0' in shown
        assert 'regard_requests_total{path="other",status="404"} 1.0' in shown
        assert 'regard_requests_total{path="/mt/metrics",status="401"} 1.0' in shown
        assert "regard_cache_hits_total 3.0" in shown and "regard_workers 1.0" in shown
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [line["status"] for line in lines][:4] == [200, 200, 200, 429]
    assert lines[0]["client"] == "1.2.3.4" and "secret" not in log.read_text("utf-8")


def test_without_leave_there_are_no_metrics_and_no_addresses_of_proxies_are_believed(client):
    assert client.get("/metrics").status_code == 404


def test_a_request_that_takes_too_long_is_refused(model):
    options = "--request-seconds", "0.1", "--workers", "1"
    with running(model, *options) as (_, address):
        answer = httpx2.post(f"{address}/translate", data={
            "q": "\n".join(f"{one} {n}" for n in range(40) for one in SOURCES),
            "source": "en", "target": "fr",
        })  # fmt: skip
        assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
        assert set(answer.json()) == {"error"}


def test_a_long_page_does_not_hold_up_a_short_text(model, translator):
    lines = [f"<p>{one} <b>{number}</b>" for number in range(10) for one in SOURCES]
    page = "<html><title>A cat</title>\n<script>let a = 1</script>" + "\n".join(lines)
    with running(model, "--workers", "1") as (_, address), ThreadPoolExecutor(1) as pool:
        data = {"q": page, "source": "en", "target": "fr", "format": "html"}
        answer = pool.submit(httpx2.post, f"{address}/translate", data=data, timeout=60)
        time.sleep(0.5)
        data = {"q": "A cat sleeps.", "source": "en", "target": "fr"}
        assert httpx2.post(f"{address}/translate", data=data, timeout=60).status_code == 200
        assert not answer.done()
        [expected] = translate_markup(translator, [page], "html")
        assert answer.result().json()["translatedText"] == expected.text


def test_a_long_line_does_not_hold_up_a_short_text(model, translator):
    line = " ".join(f"{one[:-1]} {number}." for number in range(30) for one in SOURCES)
    with running(model, "--workers", "1") as (_, address), ThreadPoolExecutor(1) as pool:
        data = {"q": line, "source": "en", "target": "fr"}
        answer = pool.submit(httpx2.post, f"{address}/translate", data=data, timeout=60)
        time.sleep(0.5)
        data = {"q": "A cat sleeps.", "source": "en", "target": "fr"}
        assert httpx2.post(f"{address}/translate", data=data, timeout=60).status_code == 200
        assert not answer.done()
        [expected] = translator.translate([line])
        assert answer.result().json()["translatedText"] == expected.text


def test_work_that_nobody_waits_for_does_not_hold_up_others(model):
    with running(model, "--workers", "1", "--request-seconds", "2") as (process, address):
        before = workers_of(process)
        line = "The cat sleeps.\x1f" * 40_000  # which cannot be divided
        data = {"q": line, "source": "en", "target": "fr"}
        assert httpx2.post(f"{address}/translate", data=data, timeout=60).status_code == 503
        deadline = time.monotonic() + 30
        data = {"q": "A cat sleeps.", "source": "en", "target": "fr"}
        while httpx2.post(f"{address}/translate", data=data, timeout=60).status_code == 503:
            assert time.monotonic() < deadline
        assert workers_of(process) != before


def test_sigterm_finishes_what_has_begun(model):
    with running(model, "--workers", "1") as (process, address):
        text = "\n".join(SOURCES[:30])
        with ThreadPoolExecutor(1) as pool:
            data = {"q": text, "source": "en", "target": "fr"}
            answer = pool.submit(httpx2.post, f"{address}/translate", data=data, timeout=60)
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert answer.result().json()["translatedText"].count("\n") == 29
        process.wait(30)
        assert not workers_of(process)


def test_a_model_that_is_damaged_is_an_error_before_anything_listens(model, tmp_path):
    broken = tmp_path / "broken.regard"
    broken.write_bytes(b"x" * 100)
    command = [sys.executable, "-m", "regard", "serve", "--port", "0", "--model", str(broken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and "listening" not in done.stderr
    assert str(broken) in done.stderr.replace("\n", "") and "Traceback" not in done.stderr


def test_the_explorer_of_a_server_answers_as_python_does_and_outlives_its_process(
    server, client, translator
):
    process, _ = server
    assert "<html" in client.get("/explorer/").text
    (facts,) = client.get("/explorer/api/models").json()["models"]
    assert facts["name"] == "en-fr"
    asked = {"model": "en-fr", "text": SOURCES[0]}
    expected = as_json(what_if(translator, Intervention(SOURCES[0]), "en-fr"))
    assert client.post("/explorer/api/explain", json=asked).json()["explanation"] == expected
    refused = client.post("/explorer/api/explain", json={**asked, "model": "xx"})
    assert refused.status_code == 400 and "no model 'xx'" in refused.json()["error"]["what"]
    os.kill(max(workers_of(process)), signal.SIGKILL)  # the youngest process
    answers = [client.post("/explorer/api/explain", json=asked) for _ in range(2)]
    assert answers[-1].json()["explanation"] == expected
    assert ask(client, SOURCES[0]).status_code == 200


def test_a_server_may_have_no_pages(model):
    with running(model, "--workers", "1", "--disable-web-ui") as (_, address):
        for path in ("/", "/explorer/", "/explorer/api/models"):
            assert httpx2.get(f"{address}{path}").status_code == 404


TAG = re.compile(r"</?[a-zA-Z!][^<>]*>|&#?\w+;")


def ask_for_many(client, texts, form):
    answer = client.post(
        "/translate", json={"q": texts, "source": "en", "target": "fr", "format": form}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["translatedText"]


@pytest.mark.proof
def test_no_markup_is_born_and_none_is_lost_in_5000_random_texts(model):
    """As text: every tag and entity of an answer is one of its source, as often as there. As HTML:
    the same elements and comments, nested as they were."""
    counted = [0]

    @given(st.lists(HTML, min_size=50, max_size=50))
    @settings(max_examples=100, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    def check(client, texts):
        for text, answer in zip(texts, ask_for_many(client, texts, "text"), strict=True):
            born = Counter(TAG.findall(answer)) - Counter(TAG.findall(text))
            assert not born, (text, answer)
        for text, answer in zip(texts, ask_for_many(client, texts, "html"), strict=True):
            assert structure(answer, "html") == structure(text, "html"), (text, answer)
        counted[0] += len(texts)

    with running(model) as (_, address), httpx2.Client(base_url=address, timeout=300) as client:
        check(client)
    assert counted[0] >= 5000
