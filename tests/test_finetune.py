"""The laws of fine-tuning: a run that starts from a trained model."""

import json

import numpy as np
import pytest
from msgspec import structs

import regard
from conftest import TINY, Text, tiny
from regard import models
from regard.engine.quantize import dequantize, quantize
from regard.errors import RegardError
from regard.export.export import export
from regard.lesson.corpus import split_lesson
from regard.storage.folder import load_model_info, load_weights
from regard.storage.model_card import MODEL_CARD, add_model_card
from regard.storage.model_file import NO_SHORTLIST, read_model_file, write_model_file
from regard.training import loop
from regard.training.finetune import FINE_TUNED_FROM

ONCE = tiny(updates=1, learning_rate=1e-9)
"""One update that changes nearly nothing."""


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Text:
    return Text(tmp_path_factory.mktemp("small"), split_lesson(200, 10, seed=5))


@pytest.fixture(scope="module")
def parent(text, tmp_path_factory):
    """The folder of a trained model."""
    folder = tmp_path_factory.mktemp("parent") / "parent"
    regard.train(text.train, folder, text.valid, "", tiny(updates=20))
    return folder


@pytest.fixture(scope="module")
def file(parent, tmp_path_factory):
    """The parent as a file, with a model card."""
    file = tmp_path_factory.mktemp("exported") / "m.regard"
    export(parent, file, "fp32", [])
    add_model_card(file, {"licence": "CC0"}, {})
    return file


@pytest.fixture(scope="module")
def tuned(parent, text, tmp_path_factory):
    """The parent fine-tuned `ONCE`; its options name no size."""
    folder = tmp_path_factory.mktemp("tuned") / "tuned"
    settings = {**ONCE, "model": {}}
    regard.train(text.train, folder, text.valid, "", settings, start_from=parent)
    return folder


def assert_nearly_equal(folder, weights):
    tuned = load_weights(folder)
    assert tuned.keys() == weights.keys()
    assert all(abs(tuned[name] - weights[name]).max() < 1e-6 for name in weights)


def test_fine_tuning_starts_from_the_weights_of_the_parent(parent, tuned):
    assert_nearly_equal(tuned, load_weights(parent))
    assert (tuned / "joint.spm").read_bytes() == (parent / "joint.spm").read_bytes()


def test_fine_tuning_starts_from_an_int8_file_too(parent, text, tmp_path):
    export(parent, tmp_path / "m.regard", "int8", [])
    start = tmp_path / "m.regard"
    regard.train(text.train, tmp_path / "tuned", text.valid, "", ONCE, start_from=start)
    assert_nearly_equal(tmp_path / "tuned", dequantize(quantize(load_weights(parent))))


def test_int8_weights_are_within_half_a_step_of_the_rounded_numbers(parent):
    weights = load_weights(parent)
    rounded = quantize(weights)
    for name, numbers in dequantize(rounded).items():
        step = rounded[f"{name}.scale"][:, None] if f"{name}.scale" in rounded else 0.0
        assert numbers.dtype == np.float32
        assert (abs(numbers - weights[name]) <= step * 0.5001).all()


def test_a_built_in_model_is_fine_tuned_by_its_name_and_a_provenance_holds_that_of_the_parent(
    parent, file, tuned, text, tmp_path, monkeypatch
):
    monkeypatch.setattr(models, "HERE", file.parent)
    regard.train(text.train, tmp_path / "tuned", text.valid, "", ONCE, start_from="m")
    assert_nearly_equal(tmp_path / "tuned", load_weights(parent))
    first = load_model_info(parent).provenance
    assert load_model_info(tmp_path / "tuned").provenance[FINE_TUNED_FROM] == {
        "model": "m.regard", **first, MODEL_CARD: {"licence": "CC0"},
    }  # fmt: skip
    assert load_model_info(tuned).provenance[FINE_TUNED_FROM] == {"model": "parent", **first}


def test_fine_tuning_that_makes_it_worse_keeps_the_weights_of_the_parent(parent, text, tmp_path):
    settings = tiny(updates=2, learning_rate=10.0, warmup=0, ema_decay=0.0, metric="loss")
    outcome = regard.train(
        text.train, tmp_path / "worse", text.valid, "", settings, start_from=parent
    )
    assert (outcome.updates, outcome.best_update) == (2, 0)
    tuned, weights = load_weights(tmp_path / "worse"), load_weights(parent)
    assert all((tuned[name] == weights[name]).all() for name in weights)


def test_the_quality_of_the_parent_is_logged_once(file, text, tmp_path):
    """Even if the run was killed before its first checkpoint."""
    settings, folder = tiny(updates=2), tmp_path / "tuned"
    log = folder / "training/log.jsonl"
    regard.train(text.train, folder, text.valid, "", settings, start_from=file)
    once = [json.loads(line)["update"] for line in log.read_text().splitlines()]
    (folder / "training/state.safetensors").unlink()
    regard.train(text.train, folder, text.valid, "", settings, start_from=file)
    again = [json.loads(line)["update"] for line in log.read_text().splitlines()]
    assert once == again == [0, 2]


def test_fine_tuning_takes_dropout_from_the_options_and_all_else_from_the_parent(
    parent, file, tuned, text, tmp_path
):
    dropout = {"dropout_hidden": 0.35}
    regard.train(
        text.train, tmp_path / "b", text.valid, "", {**ONCE, "model": dropout}, start_from=file
    )
    options = load_model_info(parent).config.model
    assert options.dropout_hidden != 0.35
    assert load_model_info(tuned).config.model == options
    assert load_model_info(tmp_path / "b").config.model == structs.replace(options, **dropout)


def test_a_model_that_grows_translates_as_its_parent_before_it_learns(text, tmp_path):
    small, grown = tmp_path / "small", tmp_path / "grown"
    options, more = TINY["model"], {"decoder_size": 64, "encoder_layers": 3}
    settings = {**tiny(updates=30), "model": {**options, "encoder_layers": 2}}
    regard.train(text.train, small, text.valid, "", settings)
    settings = {**ONCE, "model": {**options, **more}}
    regard.train(text.train, grown, text.valid, "", settings, start_from=small)
    assert load_model_info(grown).config.model == structs.replace(
        load_model_info(small).config.model, **more
    )
    before, after = (regard.load(folder, device="cpu") for folder in (small, grown))
    lines = text.valid[0].read_text().splitlines()
    for wanted, result in zip(before.translate(lines), after.translate(lines), strict=True):
        assert result.text == wanted.text
        assert result.log_prob == pytest.approx(wanted.log_prob, abs=1e-3)


def test_a_fine_tuned_model_has_the_shortlist_of_its_parent_and_of_its_own_text(
    parent, file, text, tmp_path
):
    """However the parent is stored; it has none if the parent had none."""
    bare = tmp_path / "bare.regard"
    known = read_model_file(file)
    write_model_file(bare, known._replace(shortlist=NO_SHORTLIST))
    some = [tmp_path / "some.en", tmp_path / "some.fr"]
    for part, complete in zip(some, text.train, strict=True):
        part.write_text("".join(complete.read_text().splitlines(keepends=True)[:25]))
    shortlists = {}
    for start in (file, parent, bare):
        tuned, out = tmp_path / f"from-{start.stem}", tmp_path / f"{start.stem}-out.regard"
        regard.train(some, tuned, text.valid, "en-fr", tiny(updates=1), start_from=start)
        export(tuned, out, "fp32", [])
        shortlists[start] = read_model_file(out).shortlist
    assert not len(shortlists[bare].likely)
    for shortlist in (shortlists[file], shortlists[parent]):
        assert set(known.shortlist.common) <= set(shortlist.common)
        for before, after in zip(known.shortlist.likely, shortlist.likely, strict=True):
            assert set(before) <= set(after)


def test_a_model_is_not_fine_tuned_into_its_own_folder(parent, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for start in (parent, "en-fr"):
        with pytest.raises(RegardError, match="into its own folder"):
            regard.train(text.train, start, text.valid, "", tiny(updates=1), start_from=start)
    assert not list(tmp_path.iterdir())


def test_a_run_does_not_resume_with_another_parent(tuned, file, text):
    settings = {**ONCE, "model": {}}
    for start in (file, ""):
        with pytest.raises(RegardError, match="not the model that this run started from"):
            regard.train(text.train, tuned, text.valid, "", settings, start_from=start)


def test_of_two_validations_alike_in_bleu_the_lower_loss_is_better(text, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "bleu", lambda *_: 5.0)
    settings = tiny(updates=4, validate_every=2)
    outcome = regard.train(text.train, tmp_path / "m", text.valid, "", settings)
    lines = (tmp_path / "m/training/log.jsonl").read_text().splitlines()
    first, second = (json.loads(line)["loss"] for line in lines if "bleu" in line)
    assert second < first and outcome.best_update == 4
    settings = tiny(updates=2, learning_rate=10.0, warmup=0, ema_decay=0.0)
    outcome = regard.train(
        text.train, tmp_path / "worse", text.valid, "", settings, start_from=tmp_path / "m"
    )
    assert outcome.best_update == 0


@pytest.mark.parametrize(
    ("option", "value"), [("encoder_size", 64), ("decoder_size", 16), ("encoder_layers", 2)]
)
def test_fine_tuning_refuses_sizes_that_the_parent_does_not_have(
    parent, text, tmp_path, option, value
):
    settings = tiny(updates=1)
    settings["model"] = {**settings["model"], option: value}
    with pytest.raises(RegardError, match=rf"model\.{option} cannot change from \d+ to {value} "):
        regard.train(text.train, tmp_path / "other", text.valid, "", settings, start_from=parent)
    assert not (tmp_path / "other").exists()
