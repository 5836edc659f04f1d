"""The laws of model folders: what is written comes back, and a crash loses nothing."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard
from regard.errors import RegardError
from regard.files import read_json, read_tensors, write_json, write_tensors
from regard.storage import folder as model_folder


def test_a_card_saved_and_loaded_is_the_same(model, tmp_path):
    card = model_folder.load_model_info(model)
    model_folder.save_model_info(tmp_path, card)
    again = model_folder.load_model_info(tmp_path)
    assert again.config == card.config
    assert again.languages == card.languages == ("en", "fr")
    assert again.source.proto == card.source.proto
    assert again.source is again.target


def test_two_vocabularies_are_kept_apart(model, tmp_path):
    from regard.text.vocabulary import learn

    card = model_folder.load_model_info(model)
    card = card._replace(target=learn(["autre chose " * 5], 600, "here"))
    model_folder.save_model_info(tmp_path, card)
    again = model_folder.load_model_info(tmp_path)
    assert again.target.proto == card.target.proto != again.source.proto


@given(st.dictionaries(st.text("abc.", min_size=1), st.lists(st.floats(width=32), max_size=5)))
def test_tensors_written_and_read_are_the_same_bit_for_bit(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("tensors") / "x.safetensors"
    tensors = {name: np.array(values, np.float32) for name, values in content.items()}
    write_tensors(file, tensors, {"about": "é"})
    stored = read_tensors(file)
    assert stored.metadata == {"about": "é"}
    assert {name: t.tobytes() for name, t in stored.tensors.items()} == {
        name: t.tobytes() for name, t in tensors.items()
    }


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "kept.json"
    write_json(file, {"old": True})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RegardError, match="no space left on device"):
        write_json(file, {"new": True})
    assert json.loads(file.read_text()) == {"old": True}
    assert list(tmp_path.iterdir()) == [file]


def test_a_model_of_a_later_format_is_refused(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "later")
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(content | {"format": 99}))
    with pytest.raises(RegardError, match="has format 99"):
        model_folder.load_model_info(folder)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors", "joint.spm"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_cut_short_is_called_damaged(model, tmp_path, name, share):
    folder = shutil.copytree(model, tmp_path / "cut", ignore=shutil.ignore_patterns("training"))
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(RegardError, match="damaged"):
        regard.load(folder)


def test_weights_of_another_model_are_refused(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "mixed", ignore=shutil.ignore_patterns("training"))
    content = json.loads((folder / "model.json").read_text())
    content["config"]["model"]["decoder_size"] = 50
    (folder / "model.json").write_text(json.dumps(content))
    with pytest.raises(RegardError, match="weights are those of another model"):
        regard.load(folder)


def test_wrong_sizes_are_refused_before_memory_is_allocated(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "lying", ignore=shutil.ignore_patterns("training"))
    card = json.loads((folder / "model.json").read_text())
    for name in (
        "decoder_size",
        "embedding_size",
        "encoder_size",
        "encoder_layers",
        "decoder_layers",
    ):
        config = {**card["config"], "model": {**card["config"]["model"], name: 10**9}}
        (folder / "model.json").write_text(json.dumps({**card, "config": config}))
        with pytest.raises(RegardError, match="weights are those of another model"):
            regard.load(folder)
    (folder / "model.json").write_text("[" * 100_000)
    with pytest.raises(RegardError, match="damaged"):
        regard.load(folder)


def test_a_name_that_is_not_utf8_is_kept(tmp_path):
    write_json(tmp_path / "a.json", {"file": "na\udcefve.txt", "é": "中"})
    assert read_json(tmp_path / "a.json") == {"file": "na\udcefve.txt", "é": "中"}


def test_nothing_pickled_is_in_a_model_folder_or_read_from_one(model):
    source = Path(regard.__file__).parent
    for file in set(source.rglob("*.py")) - {source / "serving/child.py"}:  # sends to itself
        text = file.read_text("utf-8")
        assert not re.search(r"import (pickle|shelve|marshal)|pickle\.|torch\.load", text), file
    for file in model.rglob("*"):
        if file.is_file():
            assert file.suffix in {
                ".json",
                ".jsonl",
                ".safetensors",
                ".spm",
                ".text",
                ".offsets",
                ".lines",
                "",
            }, file
