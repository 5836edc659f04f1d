"""Clients of LibreTranslate, as their registries have them, with a real server."""

import json
import subprocess
import sys

import httpx2
import pytest

import regard
from regard.serving.keys import add_key
from test_server import running

pytestmark = pytest.mark.registry

PYTHON_CLIENTS = ("libretranslatepy==2.1.4", "deep-translator==1.11.4", "libretranslate-aio==0.1.3")
NODE_CLIENTS = (
    "translate@3.1.0", "libretranslate-ts@0.5.12", "libretranslate-extended@1.1.25",
    "node-fetch@2", "dotenv",  # the last client needs these and does not say so
)  # fmt: skip
TEXT, OTHER = "The cat sleeps under the table.", "Two dogs eat the apple."
LONG = f"{TEXT} " * 600
DISABLED = "Suggestions are disabled on this server."
NO_KEY = "Please contact the server operator to get an API key"
IN_PYTHON = """
import asyncio, json, sys
from deep_translator import LibreTranslator
from libretranslate_aio import AsyncLibreTranslate, LibreTranslate
from libretranslate_aio.exceptions import BadRequestError, ForbiddenError
from libretranslatepy import LibreTranslateAPI
from urllib.error import HTTPError

address, guarded, key, file, text, other, long = sys.argv[1:]
WANTED = {"source": "en", "target": "fr"}
results = {}


def error_of(kind, ask):
    try:
        ask()
    except kind as error:
        return str(error)


one = LibreTranslateAPI(address + "/")
results["libretranslatepy"] = [
    one.translate(text, "en", "fr"),
    one.translate(text, "auto", "fr"),
    LibreTranslateAPI(guarded, key).translate(text, "en", "fr"),
    error_of(HTTPError, lambda: LibreTranslateAPI(guarded, "x").translate(text, "en", "fr")),
    one.detect(text)[0]["language"],
    [each["code"] for each in one.languages()],
]

HERE = {"custom_url": address + "/", "api_key": "x"}
two = LibreTranslator(**WANTED, **HERE)
with_key = LibreTranslator(**WANTED, custom_url=guarded + "/", api_key=key)
results["deep-translator"] = [
    two.translate(text),
    LibreTranslator(source="auto", target="fr", **HERE).translate(text),
    with_key.translate(text),
    two.translate_file(file),
    *two.translate_batch([text, other]),
]
results["long"] = two.translate(long)

with LibreTranslate(address) as three, LibreTranslate(guarded, api_key=key) as strict:
    with_others = three.translate(text, **WANTED, alternatives=2)
    detected = three.translate(text, source="auto", target="fr").detected_language
    with open(file, "rb") as stream:
        urls = [three.translate_file(file, **WANTED), three.translate_file(stream, "auto", "fr")]
    results["libretranslate-aio"] = [
        with_others.translated_text,
        with_others.alternatives,
        detected.language,
        three.translate(f"<b>{text}</b>", **WANTED, format="html").translated_text,
        three.translate([text, other], **WANTED).translated_text,
        strict.translate(text, **WANTED).translated_text,
        *(three._client.get(each.translated_file_url).text for each in urls),
        three.detect(text)[0].language,
        [[each.code, each.targets] for each in three.languages()],
        three.frontend_settings().suggestions,
        strict.frontend_settings().key_required,
        three.suggest(text, other, "en", "fr"),
        three.health(),
    ]
    results["errors"] = [
        error_of(BadRequestError, lambda: three.translate(text, source="zz", target="fr")),
        error_of(ForbiddenError, lambda: strict.suggest(text, other, "en", "fr")),
        error_of(BadRequestError, lambda: LibreTranslate(guarded).detect(text)),
    ]


async def ask():
    async with AsyncLibreTranslate(address) as four:
        translations = await asyncio.gather(
            *(four.translate(each, **WANTED) for each in (text, other))
        )
        url = (await four.translate_file(file, **WANTED)).translated_file_url
        return [
            *(each.translated_text for each in translations),
            (await four._client.get(url)).text,
            (await four.detect(text))[0].language,
            [each.code for each in await four.languages()],
            (await four.frontend_settings()).language.target.code,
            await four.suggest(text, other, "en", "fr"),
            await four.health(),
        ]


results["asynchronous"] = asyncio.run(ask())
print(json.dumps(results))
"""
IN_NODE = """
import translate, { Translate } from "translate";
import { libreTranslate } from "libretranslate-ts";
import extended from "libretranslate-extended";

const [address, guarded, key, text, other] = process.argv.slice(2);
const results = {};
const errorOf = (promise) => promise.catch((error) => error.message);
translate.engine = "libre";
translate.url = `${address}/translate`;
translate.from = "en";
const withKey = new Translate({ engine: "libre", url: `${guarded}/translate`, from: "en", key });
results.translate = [
  await translate(text, "fr"),
  await translate([text, other], "fr"),
  await withKey(text, "fr"),
  await errorOf(translate(text, { from: "de", to: "fr" })),
];

libreTranslate.setApiEndpoint(address);
const { translatedText, alternatives } = await libreTranslate.translate(text, "en", "fr", 2);
results["libretranslate-ts"] = [
  translatedText,
  alternatives,
  (await libreTranslate.translate([text, other], "en", "fr")).translatedText,
  (await libreTranslate.translate(text, "auto", "fr")).translatedText,
  (await libreTranslate.detect(text)).language,
  await libreTranslate.listLanguages(),
];
libreTranslate.setApiEndpoint(guarded);
const refused = await libreTranslate.translate(text, "en", "fr");
libreTranslate.setApiKey(key);
const taken = await libreTranslate.translate(text, "en", "fr");
results["libretranslate-ts"].push(refused.error, taken.translatedText);

const options = { provider: "libretranslate", baseUrl: address };
const strict = { ...options, baseUrl: guarded };
results["libretranslate-extended"] = [
  await extended.translate({ query: [text, other], source: "en", target: "fr" }, options),
  await extended.translate({ query: text, target: "fr" }, options),
  await extended.translate({ query: `<b>${text}</b>`, target: "fr", format: "html" }, options),
  await extended.translate({ query: text, target: "fr" }, { ...strict, apiKey: key }),
  await errorOf(extended.translate({ query: text, target: "fr" }, strict)),
  await extended.detectLanguage(text, options),
];
console.log(JSON.stringify(results));
"""
LANGUAGES = [
    {"code": "en", "name": "English", "targets": ["en", "fr"]},
    {"code": "fr", "name": "French", "targets": ["fr"]},
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of a server that keeps suggestions."""
    file = tmp_path_factory.mktemp("suggested") / "suggestions.db"
    options = "--suggestions", "--suggestions-db-path", str(file)
    with running(regard.models.DEFAULT, "--workers", "1", *options) as (_, address):
        yield address


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Address and key of a server that asks for one."""
    file = tmp_path_factory.mktemp("keys") / "keys.db"
    key = add_key(file, "client", -1, -1)
    options = "--api-keys", "--require-api-key", "--api-keys-db-path", str(file)
    with running(regard.models.DEFAULT, "--workers", "1", *options) as (_, address):
        yield address, key


@pytest.fixture(scope="module")
def expected():
    texts = regard.load().translate([TEXT, OTHER, LONG])
    return [one.text for one in texts]


@pytest.fixture(scope="module")
def alternatives(address):
    asked = {"q": TEXT, "source": "en", "target": "fr", "alternatives": 2}
    alternatives = httpx2.post(f"{address}/translate", json=asked).json()["alternatives"]
    assert len(alternatives) == 2
    return alternatives


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The folder of the programs in an environment that has the clients in Python."""
    environment = tmp_path_factory.mktemp("python") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    programs = environment / "bin"
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", *PYTHON_CLIENTS], check=True)
    return programs


def output_of(*command, **more) -> dict:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=300, **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_clients_in_python_do_all_that_they_can(
    address, guarded, expected, alternatives, programs, tmp_path
):
    (tmp_path / "ask.py").write_text(IN_PYTHON, "utf-8")
    file = tmp_path / "letter.txt"
    file.write_text(f"{TEXT}\n", "utf-8")
    asked = address, *guarded, file, TEXT, OTHER, LONG
    text, other, long = expected
    assert output_of(programs / "python", tmp_path / "ask.py", *asked) == {
        "libretranslatepy": [
            text, text, text, "HTTP Error 403: Forbidden", "en", ["en", "fr"],
        ],
        "deep-translator": [text, text, text, text, text, other],
        "long": long,
        "libretranslate-aio": [
            text, alternatives, "en", f"<b>{text}</b>", text, text, f"{text}\n", f"{text}\n", "en",
            [["en", ["en", "fr"]], ["fr", ["fr"]]], True, True, True, True,
        ],
        "errors": ["zz is not supported", DISABLED, NO_KEY],
        "asynchronous": [text, other, f"{text}\n", "en", ["en", "fr"], "fr", True, True],
    }  # fmt: skip


def test_the_command_of_a_client_does_all_that_it_can(
    address, guarded, expected, alternatives, programs, tmp_path
):
    file, written = tmp_path / "letter.txt", tmp_path / "lettre.txt"
    file.write_text(f"{TEXT}\n", "utf-8")

    def printed(*words, url=address, status=0):
        command = [str(programs / "libretranslate"), "--url", url, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    text = expected[0]
    strict, key = guarded
    assert printed("translate", TEXT, "-t", "fr") == f"{text}\n"
    asked = "translate", TEXT, "-s", "en", "-t", "fr"
    assert json.loads(printed(*asked, "--alternatives", 2, "--json")) == {
        "translatedText": text,
        "detectedLanguage": None,
        "alternatives": alternatives,
    }
    assert printed("translate", f"<b>{TEXT}</b>", "-t", "fr", "--format", "html") == (
        f"<b>{text}</b>\n"
    )
    assert printed("detect", TEXT).startswith("en\t")
    assert json.loads(printed("languages", "--json")) == LANGUAGES
    assert printed("translate-file", file, "-t", "fr", "-o", written) == f"{written}\n"
    assert written.read_text("utf-8") == f"{text}\n"
    assert printed("translate", TEXT, "-s", "zz", "-t", "fr", status=1) == (
        "Error: zz is not supported\n"
    )
    assert printed(*asked, url=strict, status=1) == f"Error: {NO_KEY}\n"
    assert printed("--api-key", key, *asked, url=strict) == f"{text}\n"


def test_clients_in_node_do_all_that_they_can(address, guarded, expected, alternatives, tmp_path):
    (tmp_path / "package.json").write_text('{"type": "module"}', "utf-8")
    subprocess.run(["npm", "install", "--silent", *NODE_CLIENTS], cwd=tmp_path, check=True)
    (tmp_path / "ask.mjs").write_text(IN_NODE, "utf-8")
    asked = address, *guarded, TEXT, OTHER
    text, other, _ = expected
    refused = json.dumps({"error": NO_KEY})
    assert output_of("node", "ask.mjs", *asked, cwd=tmp_path) == {
        "translate": [text, [text, other], text, "de is not supported"],
        "libretranslate-ts": [
            text, alternatives, [text, other], text, "en", LANGUAGES, NO_KEY, text,
        ],
        "libretranslate-extended": [
            [text, other], text, f"<b>{text}</b>", text,
            f"LibreTranslate HTTP 400: {refused}", "en",
        ],
    }  # fmt: skip
