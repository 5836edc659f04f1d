"""Clients of LibreTranslate, as their registries have them, with a real server."""

import json
import subprocess
import sys

import pytest

import regard
from test_server import running

pytestmark = pytest.mark.registry

PYTHON_CLIENTS = ("libretranslatepy==2.1.4", "deep-translator==1.11.4", "libretranslate-aio==0.1.3")
NODE_CLIENTS = (
    "translate@3.1.0", "libretranslate-ts@0.5.12", "libretranslate-extended@1.1.25",
    "node-fetch@2", "dotenv",  # the last client needs these and does not say so
)  # fmt: skip
TEXT, OTHER = "The cat sleeps under the table.", "Two dogs eat the apple."
LONG = f"{TEXT} " * 600
IN_PYTHON = """
import json, sys
from deep_translator import LibreTranslator
from libretranslate_aio import LibreTranslate
from libretranslate_aio.exceptions import LibreTranslateError
from libretranslatepy import LibreTranslateAPI

address, text, other, long = sys.argv[1:]
found = {}
one = LibreTranslateAPI(address + "/")
found["libretranslatepy"] = [one.translate(text, "en", "fr"), one.translate(text, "auto", "fr")]
assert one.detect(text)[0]["language"] == "en"
assert [each["code"] for each in one.languages()] == ["en", "fr"]
two = LibreTranslator(source="en", target="fr", custom_url=address + "/", api_key="x")
found["deep-translator"] = [two.translate(text), *two.translate_batch([text, other])]
found["long"] = two.translate(long)
with LibreTranslate(address) as three:
    translated = three.translate(text, source="en", target="fr")
    found["libretranslate-aio"] = translated.translated_text
    assert three.health()
    assert three.detect(text)[0].language == "en"
    assert [each.code for each in three.languages()] == ["en", "fr"]
    assert three.frontend_settings()
    for ask in (
        lambda: three.translate(text, source="zz", target="fr"),
        lambda: three.suggest(text, other, "en", "fr"),
    ):
        try:
            ask()
        except LibreTranslateError as error:
            found.setdefault("errors", []).append(str(error))
print(json.dumps(found))
"""
IN_NODE = """
import translate from "translate";
import { libreTranslate } from "libretranslate-ts";
import extended from "libretranslate-extended";

const [address, text, other] = process.argv.slice(2);
const found = {};
translate.engine = "libre";
translate.url = `${address}/translate`;
translate.from = "en";
found.translate = await translate(text, "fr");
try {
  await translate(text, { from: "de", to: "fr" });
} catch (error) {
  found.error = error.message;
}
libreTranslate.setApiEndpoint(address);
found["libretranslate-ts"] = (await libreTranslate.translate(text, "en", "fr")).translatedText;
const detected = await libreTranslate.detect(text);
found.detected = JSON.stringify(detected).includes('"en"');
const options = { provider: "libretranslate", baseUrl: address };
found["libretranslate-extended"] = [
  await extended.translate({ query: [text, other], source: "en", target: "fr" }, options),
  await extended.translate({ query: text, target: "fr" }, options),
];
found.language = await extended.detectLanguage(text, options);
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def address():
    with running(regard.models.DEFAULT) as (_, address):
        yield address


@pytest.fixture(scope="module")
def expected():
    texts = regard.load().translate([TEXT, OTHER, LONG])
    return [one.text for one in texts]


def output_of(*command, **more) -> dict:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=300, **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_clients_in_python_do_all_that_they_can(address, expected, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *PYTHON_CLIENTS], check=True)
    (tmp_path / "ask.py").write_text(IN_PYTHON, "utf-8")
    found = output_of(python, tmp_path / "ask.py", address, TEXT, OTHER, LONG)
    text, other, long = expected
    assert found == {
        "libretranslatepy": [text, text],
        "deep-translator": [text, text, other],
        "long": long,
        "libretranslate-aio": text,
        "errors": ["zz is not supported", "Suggestions are disabled on this server."],
    }


def test_clients_in_node_do_all_that_they_can(address, expected, tmp_path):
    (tmp_path / "package.json").write_text('{"type": "module"}', "utf-8")
    subprocess.run(["npm", "install", "--silent", *NODE_CLIENTS], cwd=tmp_path, check=True)
    (tmp_path / "ask.mjs").write_text(IN_NODE, "utf-8")
    found = output_of("node", "ask.mjs", address, TEXT, OTHER, cwd=tmp_path)
    text, other, _ = expected
    assert found == {
        "translate": text,
        "error": "de is not supported",
        "libretranslate-ts": text,
        "detected": True,
        "libretranslate-extended": [[text, other], text],
        "language": "en",
    }
