"""The laws of the record of a model's text, and of placeholder symbols that were not trained."""

import json
import shutil

import numpy as np
import pytest

import regard
from conftest import tiny
from regard import models
from regard.engine.placeholders import name_pieces, tensors_to_run, with_neutral_placeholders
from regard.engine.quantize import dequantize, quantize
from regard.errors import RegardError
from regard.export.export import export
from regard.special import PLACEHOLDER_SYMBOLS
from regard.storage.folder import (
    MODEL_INFO,
    NO_RECORD,
    NORMALIZATION,
    load_model_info,
    load_weights,
)
from regard.storage.model_file import read_model, read_model_file
from regard.training.data import LEXICON

TABLES = ("encoder.embed.table.weight", "decoder.embed.table.weight", "decoder.output_layer.bias")


def test_a_model_records_how_its_text_was_prepared(model, tmp_path):
    record = load_model_info(model).text
    assert (record.normalization, record.placeholders) == (NORMALIZATION, True)
    assert 10 < record.longest < 200
    export(model, tmp_path / "m.regard", "fp32", [])
    assert read_model_file(tmp_path / "m.regard").info.text == record


def changed_copy(model, folder, **changes):
    """A copy of a model folder whose information differs."""
    content = json.loads((model / MODEL_INFO).read_text("utf-8")) | changes
    shutil.copytree(model, folder)
    (folder / MODEL_INFO).write_text(json.dumps(content), "utf-8")
    return folder


def test_a_model_without_a_record_is_one_of_before(model, tmp_path):
    copy = changed_copy(model, tmp_path / "m", config={})
    content = json.loads((copy / MODEL_INFO).read_text("utf-8"))
    del content["text"]
    (copy / MODEL_INFO).write_text(json.dumps(content), "utf-8")
    info = load_model_info(copy)
    assert info.text == NO_RECORD
    assert info.config.augment.scale == 0


@pytest.mark.parametrize("record", [5, {}, {"normalization": "new"}])
def test_a_damaged_record_is_refused(model, record, tmp_path):
    copy = changed_copy(model, tmp_path / "m", text=record)
    with pytest.raises(RegardError, match="is damaged"):
        load_model_info(copy)


def test_fine_tuning_keeps_what_the_parent_was_taught(model, text, tmp_path):
    settings = {**tiny(updates=1), "augment": {"scale": 0.0}}
    regard.train(text.train, tmp_path / "tuned", text.valid, "", settings, start_from=model)
    record = load_model_info(tmp_path / "tuned").text
    assert record.placeholders
    assert record.longest == load_model_info(model).text.longest


def test_symbols_of_a_run_without_them_are_recorded_as_not_trained(text, tmp_path):
    settings = {**tiny(updates=1), "augment": {"placeholders": 0.0}}
    regard.train(text.train, tmp_path / "m", text.valid, "", settings)
    assert not load_model_info(tmp_path / "m").text.placeholders


def test_word_links_are_learned_only_if_a_change_needs_them(model, text, tmp_path):
    nothing = {"phrases": 0.0, "placeholders": 0.0, "copies": 0.0}
    settings = {**tiny(updates=1), "augment": nothing}
    regard.train(text.train, tmp_path / "m", text.valid, "", settings)
    assert not (tmp_path / "m" / "training" / LEXICON).exists()
    assert (model / "training" / LEXICON).exists()


def test_a_symbol_that_was_not_trained_is_an_average_name():
    model = read_model(models.DEFAULT)
    names = name_pieces(model.info.source, model.info.target)
    assert len(names) > 100
    stored = dequantize(model.tensors)
    exact = with_neutral_placeholders(stored, model.info)
    in_int8 = dequantize(with_neutral_placeholders(quantize(stored), model.info))
    for table in TABLES:
        vocabulary = model.info.source if table.startswith("encoder") else model.info.target
        symbols = vocabulary.ids(PLACEHOLDER_SYMBOLS)
        mean = stored[table][vocabulary.ids(names)].mean(axis=0)
        assert abs(exact[table][symbols].mean(axis=0) - mean).max() < 0.05
        assert len(np.unique(exact[table][symbols], axis=0)) == len(PLACEHOLDER_SYMBOLS)
        others = np.setdiff1d(np.arange(len(stored[table])), symbols)
        for tensors in (exact, in_int8):
            assert np.allclose(tensors[table][others], stored[table][others], atol=1e-6)
            assert np.allclose(tensors[table][symbols], exact[table][symbols], atol=0.01)
    unchanged = stored.keys() - set(TABLES)
    assert all(np.array_equal(exact[name], stored[name]) for name in unchanged)


def test_symbols_that_were_trained_stay_as_they_are(model):
    stored = read_model(model)
    assert stored.info.text.placeholders
    assert tensors_to_run(stored) is stored.tensors
    untaught = stored._replace(info=stored.info._replace(text=NO_RECORD))
    assert tensors_to_run(untaught).keys() == load_weights(model).keys()
