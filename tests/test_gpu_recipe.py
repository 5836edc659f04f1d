"""The recipe for a GPU runs end to end on a processor, with little text and a small model."""

import lzma

import pytest

import regard
from commands import run_script
from conftest import ROOT, Text
from regard.lesson.corpus import split_lesson
from regard.storage.folder import load_weights

RECIPE = """
[data]
encoded_epochs = 1
[vocabulary]
size = 700
[model]
layer_type = "self-attention"
embedding_size = 32
encoder_size = 32
decoder_size = 32
[train]
batch_tokens = 512
threads = 1
[search]
max_length_ratio = 0.1
max_length_extra = 3
"""
SHARD_BYTES = 50_000


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    made = Text(tmp_path_factory.mktemp("gpu"), split_lesson(400, 60, 1))
    (made.folder / "tiny.toml").write_text(RECIPE)
    return made


def run_recipe(text, *options):
    folder = text.folder
    done = run_script(
        *(ROOT / "recipes/gpu.py", folder / "tiny.toml", "--text", folder),
        *("--out", folder / "runs", "--shard-size", SHARD_BYTES / 1e6, *options),
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_all_parts_are_tried_in_seconds(text):
    printed = run_recipe(text, "--minutes", "2", "--check", "train.accumulate=2")
    for wanted in ("1.5 minutes are", "trained 20 updates", "joined again", "translated 400"):
        assert wanted in printed, printed
    assert not (text.folder / "runs/tiny/model").exists(), "a check leaves the real run alone"


def test_it_trains_as_planned_writes_the_model_in_parts_and_translates_its_text(text):
    out = text.folder / "runs/tiny"
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text('{"updates": 40, "tokens_a_second": 1000}')
    printed = run_recipe(text, "--minutes", "5")
    assert "trained 40 updates" in printed and "translated 400 sentences" in printed
    parts = sorted((out / "shards").glob("model-*"))
    assert len(parts) > 1 and all(part.stat().st_size <= SHARD_BYTES for part in parts)
    sources, translations = (
        lzma.decompress((out / f"shards/student-000.{code}.xz").read_bytes()).decode().splitlines()
        for code in ("en", "fr")
    )
    assert sources == list(dict.fromkeys(text.train[0].read_text("utf-8").splitlines()))
    assert len(translations) == len(sources) and any(translations)
    again = run_recipe(text, "--minutes", "5")
    assert "translated" not in again, "what is done is not done again"
    check_parts(text, out)


def check_parts(text, out):
    """They are the model again, in 16 bits; a damaged one is refused."""
    join = ROOT / "recipes/shards.py", out / "shards"
    assert run_script(*join, text.folder / "joined").returncode == 0
    before, after = load_weights(out / "model"), load_weights(text.folder / "joined")
    assert before.keys() == after.keys()
    for name, weight in before.items():
        assert abs(weight - after[name]).max() <= 1e-3 * max(1.0, abs(weight).max())
    sources = text.valid[0].read_text("utf-8").splitlines()[:5]
    assert len(regard.load(text.folder / "joined").translate(sources)) == 5
    part = sorted((out / "shards").glob("model-*"))[0]
    part.write_bytes(part.read_bytes()[:-1])
    refused = run_script(*join, text.folder / "another")
    assert refused.returncode and b"missing or damaged" in refused.stderr
