"""The laws of tuning: a run that begins with a ready model."""

import json

import numpy as np
import pytest

import regard
from conftest import TINY, tiny
from regard import models
from regard.engine.quantize import dequantize, quantize
from regard.errors import RegardError
from regard.export.export import export
from regard.storage.folder import load_card, load_weights, read_tensors
from regard.storage.model_card import ABOUT, describe
from regard.storage.model_file import NO_SHORTLIST, read_bundle, write_bundle
from regard.training import loop
from regard.training.finetune import TUNED


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_tuning_starts_from_an_exported_file_too(model, text, tmp_path, precision):
    file, settings = tmp_path / "m.regard", tiny(updates=1, learning_rate=1e-9)
    export(model, file, precision, [])
    regard.train(text.train, tmp_path / "tuned", text.valid, "", settings, start_from=file)
    tuned, ready = load_weights(tmp_path / "tuned"), load_weights(model)
    wanted = dequantize(quantize(ready)) if precision == "int8" else ready
    assert all(abs(tuned[name] - wanted[name]).max() < 1e-6 for name in ready)


def test_weights_of_int8_stand_for_numbers_within_half_a_step(model):
    ready = load_weights(model)
    rounded = quantize(ready)
    for name, found in dequantize(rounded).items():
        step = rounded[f"{name}.scale"][:, None] if f"{name}.scale" in rounded else 0.0
        assert found.dtype == np.float32
        assert (abs(found - ready[name]) <= step * 0.5001).all()


def test_a_model_that_comes_along_is_tuned_by_its_name(model, text, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "HERE", tmp_path)
    export(model, tmp_path / "lesson.regard", "fp32", [])
    settings = tiny(updates=1, learning_rate=1e-9)
    regard.train(text.train, tmp_path / "tuned", text.valid, "", settings, start_from="lesson")
    tuned, ready = load_weights(tmp_path / "tuned"), load_weights(model)
    assert all(abs(tuned[name] - ready[name]).max() < 1e-6 for name in ready)


def test_a_tuned_model_tells_what_it_was_and_whom_that_thanks(model, text, tmp_path):
    file = tmp_path / "m.regard"
    export(model, file, "fp32", [])
    describe(file, {"licence": "CC0"}, {})
    regard.train(text.train, tmp_path / "a", text.valid, "", tiny(updates=1), start_from=file)
    regard.train(
        text.train, tmp_path / "b", text.valid, "", tiny(updates=1), start_from=tmp_path / "a"
    )
    first = load_card(model).made
    assert load_card(tmp_path / "a").made[TUNED] == {
        "model": "m.regard", **first, ABOUT: {"licence": "CC0"},
    }  # fmt: skip
    assert load_card(tmp_path / "b").made[TUNED] == {
        "model": "a", **load_card(tmp_path / "a").made,
    }  # fmt: skip


def test_tuning_that_makes_it_worse_keeps_the_ready_model(model, text, tmp_path):
    settings = tiny(updates=2, learning_rate=10.0, warmup=0, average=0.0, metric="loss")
    outcome = regard.train(
        text.train, tmp_path / "worse", text.valid, "", settings, start_from=model
    )
    assert (outcome.updates, outcome.best_update) == (2, 0)
    tuned, ready = load_weights(tmp_path / "worse"), load_weights(model)
    assert all((tuned[name] == ready[name]).all() for name in ready)


def test_what_the_ready_model_is_worth_is_logged_once(model, text, tmp_path):
    """Even if the run was killed before its first checkpoint."""
    settings, folder = tiny(updates=2), tmp_path / "tuned"
    log = folder / "training/log.jsonl"
    regard.train(text.train, folder, text.valid, "", settings, start_from=model)
    once = [json.loads(line)["update"] for line in log.read_text().splitlines()]
    (folder / "training/state.safetensors").unlink()
    regard.train(text.train, folder, text.valid, "", settings, start_from=model)
    again = [json.loads(line)["update"] for line in log.read_text().splitlines()]
    assert once == again == [0, 2]


def test_tuning_starts_from_the_ready_model(model, text, tmp_path):
    settings = tiny(updates=1, learning_rate=1e-9)
    regard.train(text.train, tmp_path / "tuned", text.valid, "", settings, start_from=model)
    tuned = read_tensors(tmp_path / "tuned/model.safetensors").tensors
    ready = read_tensors(model / "model.safetensors").tensors
    assert all(abs(tuned[name] - ready[name]).max() < 1e-6 for name in ready)
    assert (tmp_path / "tuned/joint.vocabulary").read_bytes() == (
        model / "joint.vocabulary"
    ).read_bytes()


def test_tuning_takes_the_dropout_that_is_asked_for_and_the_rest_from_the_ready_model(
    model, text, tmp_path
):
    settings = tiny(updates=1)
    regard.train(
        text.train, tmp_path / "a", text.valid, "", settings | {"model": {}}, start_from=model
    )
    dropout = {"dropout_hidden": 0.35}
    regard.train(
        text.train, tmp_path / "b", text.valid, "", settings | {"model": dropout}, start_from=model
    )
    ready = load_card(model).config.model
    assert ready.dropout_hidden != 0.35
    assert load_card(tmp_path / "a").config.model == ready
    assert load_card(tmp_path / "b").config.model == ready.model_copy(update=dropout)


def test_tuning_a_model_that_grows_begins_with_what_the_ready_model_says(text, tmp_path):
    small, grown = tmp_path / "small", tmp_path / "grown"
    options, more = TINY["model"], {"hidden": 64, "encoder_layers": 3}
    settings = tiny() | {"model": {**options, "encoder_layers": 2}}
    regard.train(text.train, small, text.valid, "", settings)
    settings = tiny(updates=1, learning_rate=1e-9) | {"model": {**options, **more}}
    regard.train(text.train, grown, text.valid, "", settings, start_from=small)
    assert load_card(grown).config.model == load_card(small).config.model.model_copy(update=more)
    ready, larger = (regard.load(folder, device="cpu") for folder in (small, grown))
    lines = text.valid[0].read_text().splitlines()[:20]
    for known, found in zip(ready.translate(lines), larger.translate(lines), strict=True):
        assert found.text == known.text
        assert found.log_prob == pytest.approx(known.log_prob, abs=1e-3)


def test_a_tuned_model_knows_the_tokens_that_the_ready_one_knew(model, text, tmp_path):
    """Its shortlist is of both texts, however the ready model is kept; of none if that had none."""
    first, bare = tmp_path / "m.regard", tmp_path / "bare.regard"
    export(model, first, "fp32", [])
    known = read_bundle(first)
    write_bundle(bare, known._replace(shortlist=NO_SHORTLIST))
    some = [tmp_path / "some.en", tmp_path / "some.fr"]
    for file, whole in zip(some, text.train, strict=True):
        file.write_text("".join(whole.read_text().splitlines(keepends=True)[:25]))
    found = {}
    for start in (first, model, bare):
        tuned, out = tmp_path / f"from-{start.stem}", tmp_path / f"{start.stem}-out.regard"
        regard.train(some, tuned, text.valid, "en-fr", tiny(updates=1), start_from=start)
        export(tuned, out, "fp32", [])
        found[start] = read_bundle(out).shortlist
    assert not len(found[bare].likely)
    for shortlist in (found[first], found[model]):
        assert set(known.shortlist.common) <= set(shortlist.common)
        for own, both in zip(known.shortlist.likely, shortlist.likely, strict=True):
            assert set(own) <= set(both)


def test_a_model_is_not_tuned_into_its_own_place(model, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for start in (model, "en-fr"):
        with pytest.raises(RegardError, match="into the place that it comes from"):
            regard.train(text.train, start, text.valid, "", tiny(updates=1), start_from=start)
    assert not list(tmp_path.iterdir())


def test_another_model_than_a_run_began_with_is_told(model, text, tmp_path):
    def train(start):
        regard.train(text.train, tmp_path / "a", text.valid, "", tiny(updates=1), start_from=start)

    export(model, tmp_path / "other.regard", "int8", [])
    train(model)
    for start in (tmp_path / "other.regard", ""):
        with pytest.raises(RegardError, match="not name the model that this run began with"):
            train(start)


def test_of_two_validations_alike_in_bleu_the_lower_loss_is_better(text, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "bleu", lambda *_: 5.0)
    settings = tiny(updates=4, validate_every=2)
    outcome = regard.train(text.train, tmp_path / "m", text.valid, "", settings)
    lines = (tmp_path / "m/training/log.jsonl").read_text().splitlines()
    first, second = (json.loads(line)["loss"] for line in lines if "bleu" in line)
    assert second < first and outcome.best_update == 4
    settings = tiny(updates=2, learning_rate=10.0, warmup=0, average=0.0)
    outcome = regard.train(
        text.train, tmp_path / "worse", text.valid, "", settings, start_from=tmp_path / "m"
    )
    assert outcome.best_update == 0


@pytest.mark.parametrize(
    ("option", "value"), [("states", 64), ("hidden", 16), ("encoder_layers", 2)]
)
def test_tuning_refuses_another_shape_than_the_ready_model_has(
    model, text, tmp_path, option, value
):
    settings = tiny(updates=1)
    settings["model"] = {**settings["model"], option: value}
    with pytest.raises(RegardError, match=rf"model\.{option} = {value} is asked for"):
        regard.train(text.train, tmp_path / "other", text.valid, "", settings, start_from=model)
    assert not (tmp_path / "other").exists()
