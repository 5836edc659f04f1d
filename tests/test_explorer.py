"""The laws of the explorer's server: what it answers is what Python works out."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from math import inf

import httpx2
import pytest
from msgspec import structs
from starlette.testclient import TestClient

from regard.errors import RegardError
from regard.explain.explanation import ScoreChange, as_json, explain
from regard.explain.what_if import Intervention, set_weight, what_if
from regard.lesson.corpus import EXAMPLE
from regard.loading import load
from regard.serving.errors import MAX_BODY_BYTES
from regard.serving.explorer import MAX_SOURCE_TOKENS, Explorer, make_local_app

TEXT = EXAMPLE.source


@pytest.fixture(scope="module")
def translator(model):
    return load(model, engine="onnx", workers=1)


@pytest.fixture(scope="module")
def client(translator):
    return TestClient(make_local_app(Explorer({"tiny": translator})), base_url="http://127.0.0.1")


def ask(client, path="/api/explain", **asked):
    return client.post(path, json={"model": "tiny", "text": TEXT, **asked})


def test_the_page_and_its_models_are_served(client):
    page = client.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    (facts,) = client.get("/api/models").json()["models"]
    assert facts["name"] == "tiny" and facts["attention"] == "scaled"


def test_a_sentence_is_explained_as_python_explains_it(client, translator):
    answer = ask(client, beam=3).json()["explanation"]
    wide = structs.replace(translator.options, beam=3)
    assert answer == as_json(explain(translator.with_options(wide), TEXT, "tiny"))


def test_changes_are_answered_as_python_answers_them(client, translator):
    changes = [[-1, 1, None], [1, 2, 1.5]]
    prefix = translator.target.encode(["Le chat"])[0]
    answer = ask(client, prefix=prefix, score_changes=changes, steps=4).json()["explanation"]
    score_changes = (ScoreChange(-1, 1, -inf), ScoreChange(1, 2, 1.5))
    intervention = Intervention(TEXT, tuple(prefix), score_changes, 4)
    assert answer == as_json(what_if(translator, intervention, "tiny"))


def test_a_dragged_weight_is_answered_with_the_score_change_that_it_needs(client, translator):
    answer = ask(client, "/api/set-weight", steps=3, step=0, source_token=1, weight=0.8).json()
    dragged = set_weight(translator, Intervention(TEXT, steps=3), "tiny", 0, 1, 0.8)
    assert answer["explanation"] == as_json(dragged)
    ((step, token, amount),) = answer["explanation"]["score_changes"]
    assert (step, token) == (0, 1) and amount


@pytest.mark.parametrize(
    "asked",
    [
        {"text": ""},
        {"text": "x" * 3000},
        {"model": "other"},
        {"prefix": [999_999]},
        {"prefix": ["a"]},
        {"score_changes": [[0, 99, 1.0]]},
        {"score_changes": [[0, 0]]},
        {"beam": 0},
        {"beam": 1000},
        {"steps": -1},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_request_that_cannot_be_answered_gets_an_error_in_three_parts(client, asked):
    answer = ask(client, **asked)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert all(error[part] for part in ("what", "where", "advice"))


def test_a_request_that_is_not_json_is_refused(client):
    headers = {"content-type": "text/plain"}
    body = '{"model": "tiny", "text": "a"}'
    assert client.post("/api/explain", content=body, headers=headers).status_code == 400
    for body in ("{", "[]", "3", "", b"\xff", "[" * 100_000, "9" * 10_000):
        headers = {"content-type": "application/json"}
        answer = client.post("/api/explain", content=body, headers=headers)
        assert answer.status_code == 400
        assert all(answer.json()["error"][part] for part in ("what", "where", "advice"))


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        ({"model": "tiny"}, ("the request has no field 'text'", "the request", "add 'text'")),
        (
            {"model": "tiny", "text": "x " * 1500},
            (
                "the text is too long: 3,000 characters",
                "the sentence",
                "write a shorter one, of at most 2,000 characters",
            ),
        ),
        (
            {"model": "tiny", "text": "x", "beam": 99},
            (
                "beam = 99: expected a whole number <= 10",
                "the request",
                "change it, or reload the page",
            ),
        ),
        (
            {"model": "tiny", "text": "x", "surprise": 1},
            ("there is no field 'surprise'", "the request", "leave it out"),
        ),
        ("{", ("the request is not JSON", "character 1", "send JSON")),
    ],
    ids=lambda case: str(case)[:30],
)
def test_an_error_names_the_field_and_what_to_do(client, asked, parts):
    body = {"content": asked} if isinstance(asked, str) else {"json": asked}
    headers = {"content-type": "application/json"}
    answer = client.post("/api/explain", headers=headers, **body).json()["error"]
    assert (answer["what"], answer["where"], answer["advice"]) == parts


@pytest.mark.parametrize("path", ["/api/explain", "/api/set-weight"])
def test_a_sentence_of_too_many_tokens_is_refused_before_it_is_read(client, path):
    more = {"step": 0, "source_token": 0, "weight": 0.5} if path == "/api/set-weight" else {}
    answer = ask(client, path, text="\U00013000" * (MAX_SOURCE_TOKENS // 4 + 1), **more)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert re.fullmatch(r"the text is too long: \d+ tokens", error["what"])
    assert error["advice"] == f"write a shorter one, of at most {MAX_SOURCE_TOKENS} tokens"


@pytest.mark.parametrize("amount", [1e308, -1e308, 1e30, 10_001.0])
def test_a_score_change_beyond_all_scores_is_refused_as_python_refuses_it(
    client, translator, amount
):
    answer = ask(client, score_changes=[[-1, 1, amount], [-1, 1, amount]])
    with pytest.raises(RegardError) as refused:
        what_if(translator, Intervention(TEXT, (), (ScoreChange(-1, 1, amount),) * 2), "tiny")
    assert answer.status_code == 400
    assert answer.json()["error"]["what"] == refused.value.what


def test_the_greatest_score_changes_together_still_give_weights_that_are_numbers(client):
    changes = [[-1, 1, 1e4], [-1, 2, -1e4]] * 500
    weights = ask(client, score_changes=changes, steps=3).json()["explanation"]["weights"]
    assert all(sum(row) == pytest.approx(1) and row[1] == pytest.approx(1) for row in weights)


def test_an_unknown_address_gets_an_error_in_three_parts(client):
    for answer in (client.get("/elsewhere"), client.get("/api/explain")):
        assert answer.status_code in (404, 405)
        assert all(answer.json()["error"][part] for part in ("what", "where", "advice"))


def test_a_foreign_name_gets_no_answer(client):
    assert client.get("/", headers={"host": "elsewhere.example"}).status_code == 400


SLOW = """
import sys, time
from regard.cli import main
from regard.serving import explorer

def what_if(*asked):
    print("at work", file=sys.stderr, flush=True)
    time.sleep(60)

explorer.warm_up, explorer.what_if = id, what_if
main()
"""
"""The command with a model that takes a minute for an answer."""


@contextmanager
def exploring(model, start=("-m", "regard")):
    """The command in a process of its own, its address and how to begin another."""
    command = [sys.executable, *start, "explore", "--no-browser", "--model", model]
    with subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True) as server:
        try:
            line = next(line for line in server.stderr if "http://" in line)
            yield server, re.search(r"http://[\d.:]+/", line)[0], command
        finally:
            server.kill()


def connect(address):
    return socket.create_connection(("127.0.0.1", int(address.rstrip("/").rsplit(":", 1)[1])))


POST = b"POST /api/explain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_the_command_serves_the_page_until_it_is_stopped(model):
    with exploring(model) as (server, address, command):
        assert address.startswith("http://127.0.0.1:")
        assert "<html" in httpx2.get(address, timeout=30).text
        port = address.rstrip("/").rsplit(":", 1)[1]
        taken = subprocess.run(
            [*command, "--port", port], capture_output=True, text=True, check=False
        )
        assert (
            taken.returncode == 2
            and f"port {port} cannot be used: address already in use" in taken.stderr
        )
        server.send_signal(signal.SIGINT)
        rest = server.communicate(timeout=30)[1]
        assert rest == "" and server.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("is_abandoned", [True, False], ids=["abandoned", "awaited"])
def test_the_command_ends_soon_though_an_answer_is_being_worked_out(model, number, is_abandoned):
    body = json.dumps({"model": model.name, "text": TEXT}).encode()
    with exploring(model, ("-c", SLOW)) as (server, address, _), connect(address) as asking:
        asking.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert server.stderr.readline() == "at work\n"
        if is_abandoned:
            asking.close()
        begun = time.monotonic()
        server.send_signal(number)
        assert server.communicate(timeout=30)[1] == ""
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("has_length", [True, False], ids=["length", "chunked"])
def test_a_body_that_is_too_large_is_refused_before_all_of_it_has_come(model, has_length):
    with exploring(model) as (_, address, _), connect(address) as asking:
        if has_length:
            asking.sendall(POST + b"Content-Length: 200000000\r\n\r\n{")
        else:
            part = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            asking.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(MAX_BODY_BYTES // 0x10000 + 1):
                asking.sendall(part)
        asking.settimeout(10)
        answer = b""
        while b"}" not in answer:
            answer += asking.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"too large" in answer
