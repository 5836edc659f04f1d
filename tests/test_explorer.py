"""The laws of the explorer's server: what it answers is what Python works out."""

import re
import signal
import subprocess
import sys
from math import inf

import httpx2
import pytest
from starlette.testclient import TestClient

from regard.explanation import Push, as_json, explain
from regard.question import Question, weigh, what_if
from regard.serving.explorer import make_app
from regard.text.lesson import EXAMPLE
from regard.translator import open_light

TEXT = EXAMPLE.source


@pytest.fixture(scope="module")
def translator(model):
    return open_light(model)


@pytest.fixture(scope="module")
def client(translator):
    return TestClient(make_app({"tiny": translator}), base_url="http://127.0.0.1")


def ask(client, path="/api/explain", **asked):
    return client.post(path, json={"model": "tiny", "text": TEXT, **asked})


def test_the_page_and_its_models_are_served(client):
    page = client.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    told = client.get("/api/models").json()["models"]
    assert [one["name"] for one in told] == ["tiny"] and told[0]["attention"] == "scaled"


def test_a_sentence_is_explained_as_python_explains_it(client, translator):
    told = ask(client, beam=3).json()["explanation"]
    wide = translator.options.model_copy(update={"beam": 3})
    assert told == as_json(explain(translator.with_options(wide), TEXT, "tiny"))


def test_changes_are_answered_as_python_answers_them(client, translator):
    push = [[-1, 1, None], [1, 2, 1.5]]
    beginning = translator.target.encode(["Le chat"])[0]
    told = ask(client, beginning=beginning, push=push, steps=4).json()["explanation"]
    pushes = (Push(-1, 1, -inf), Push(1, 2, 1.5))
    question = Question(TEXT, tuple(beginning), pushes, 4)
    assert told == as_json(what_if(translator, question, "tiny"))


def test_a_dragged_weight_is_answered_with_the_push_that_it_takes(client, translator):
    told = ask(client, "/api/weigh", steps=3, step=0, place=1, weight=0.8).json()
    dragged = weigh(translator, Question(TEXT, steps=3), "tiny", 0, 1, 0.8)
    assert told["explanation"] == as_json(dragged)
    assert told["push"] == told["explanation"]["push"]


@pytest.mark.parametrize(
    "asked",
    [
        {"text": ""},
        {"text": "x" * 3000},
        {"model": "other"},
        {"beginning": [999_999]},
        {"beginning": ["a"]},
        {"push": [[0, 99, 1.0]]},
        {"push": [[0, 0]]},
        {"beam": 0},
        {"beam": 1000},
        {"steps": -1},
        {"surprise": 1},
    ],
    ids=str,
)
def test_what_cannot_be_answered_is_told_in_three_parts(client, asked):
    answer = ask(client, **asked)
    assert answer.status_code == 400
    told = answer.json()["error"]
    assert all(told[part] for part in ("what", "where", "advice"))


def test_a_request_that_is_not_json_is_refused(client):
    headers = {"content-type": "text/plain"}
    body = '{"model": "tiny", "text": "a"}'
    assert client.post("/api/explain", content=body, headers=headers).status_code == 400
    answer = client.post("/api/explain", content="{", headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_a_foreign_name_gets_no_answer(client):
    assert client.get("/", headers={"host": "elsewhere.example"}).status_code == 400


def test_the_command_serves_the_page_until_it_is_stopped(model):
    command = [sys.executable, "-m", "regard", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        [*command, "--model", model], stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            line = next(line for line in server.stderr if "http://" in line)
            address = re.search(r"http://[\d.:]+/", line)[0]
            assert address.startswith("http://127.0.0.1:")
            assert "<html" in httpx2.get(address, timeout=30).text
            port = address.rstrip("/").rsplit(":", 1)[1]
            taken = subprocess.run(
                [*command[:-1], port, "--model", model],
                capture_output=True,
                text=True,
                check=False,
            )
            assert (
                taken.returncode == 2
                and f"port {port} cannot be used: address already in use" in taken.stderr
            )
        finally:
            server.send_signal(signal.SIGINT)
            rest = server.communicate(timeout=30)[1]
    assert "Traceback" not in rest
