"""The laws of the experiment: trained alike, compared on the same text."""

import re
import sys
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from msgspec import structs

from regard.cli import join_assignments, main
from regard.config import SearchOptions
from regard.errors import RegardError
from regard.experiment import demo
from regard.experiment.evaluate import perplexity
from regard.experiment.plan import search_options
from regard.experiment.reordering import crossing_score
from regard.experiment.results import AttentionMap
from regard.experiment.sweep import choose, choose_named, parse_vary, shared_options, varied_options
from regard.lesson.corpus import EXAMPLE, examples
from regard.loading import load
from regard.models import unique_names
from regard.storage import folder as storage

QUICK = {
    "vocabulary": {"size": 700},
    "model": {"embedding_size": 16, "encoder_size": 16, "decoder_size": 16},
    "train": {"updates": 4, "validate_every": 2, "batch_tokens": 512, "threads": 1},
    "search": {"beam": 1},
}


class Demonstration(NamedTuple):
    folder: Path
    output: str


def run_demo(folder, pairs=1000):
    """The exit code of `regard demo` with two very small models, and what it prints."""
    output = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output):
        patch.setattr(demo, "SETTINGS", QUICK)
        patch.setattr(demo, "TEST_PAIRS", 40)
        patch.setattr(sys, "argv", ["regard", "demo", "--out", str(folder), "--pairs", str(pairs)])
        patch.setenv("COLUMNS", "80")
        with pytest.raises(SystemExit) as left:
            main()
    return left.value.code, output.getvalue()


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "here"
    code, output = run_demo(folder)
    assert code == 0
    return Demonstration(folder, output)


def test_options_of_the_search_keep_their_types_when_they_are_overridden():
    assert search_options(SearchOptions(), {"beam": 3.0}).beam == 3
    with pytest.raises(RegardError, match=r"search\.beam = 0"):
        search_options(SearchOptions(), {"beam": 0})


def test_the_demonstration_shows_both_models_and_where_they_look(demonstration):
    for expected in ("traditional", "attention", "BLEU", EXAMPLE.source, "</s>", "mouse"):
        assert expected in demonstration.output
    lines = demonstration.output.splitlines()
    assert max(len(line) for line in lines if str(demonstration.folder) not in line) <= 80


def test_the_demonstration_leaves_a_report_that_shows_its_sentence(demonstration):
    report = demonstration.folder / "report.html"
    page = report.read_text("utf-8")
    assert str(report) in demonstration.output
    assert EXAMPLE.source in page and "traditional" in page
    assert "it has one straight column" in page


def test_the_demonstration_needs_no_matplotlib(demonstration, monkeypatch, capsys):
    report = demonstration.folder / "report.html"
    report.unlink()
    module = import_module("regard.experiment.compare")  # the package has a function of this name
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert run_demo(demonstration.folder)[0] == 0
    assert report.exists()
    assert "trained already" in capsys.readouterr().err


def test_the_demonstration_on_other_text_does_not_take_the_former_models(demonstration, capsys):
    assert run_demo(demonstration.folder, pairs=1200)[0] == 2
    assert "is not what this run began with" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["model.x=3", "model", "train.updates=0", "train.device=tpu"])
def test_a_demonstration_with_a_wrong_option_leaves_nothing(wrong, tmp_path):
    with pytest.raises(RegardError):
        demo.plan_lesson(tmp_path / "demo", 1000, [wrong])
    assert not list(tmp_path.iterdir())


def test_the_advice_of_the_demonstration_is_an_option_that_compare_understands(tmp_path):
    with pytest.raises(RegardError) as caught:
        demo.plan_lesson(tmp_path / "demo", 1000, ["model.attention=uniform"])
    (advice,) = re.findall(r"`regard compare --vary (\S+)`", caught.value.to_do)
    assert [variant.name for variant in choose({}, [advice])] == parse_vary(advice).values


def test_the_models_of_the_demonstration_differ_in_the_score_alone(demonstration):
    left, right = (
        storage.load_model_info(demonstration.folder / name)
        for name in ("traditional", "attention")
    )
    assert left.config.model.attention == "none"
    assert right.config.model.attention == "scaled"
    alike = structs.replace(right.config.model, attention="none")
    assert left.config == structs.replace(right.config, model=alike)
    assert left.source.proto == right.source.proto
    assert left.provenance["corpus"] == right.provenance["corpus"]


def read_lines(file):
    return file.read_text("utf-8").splitlines()


def test_the_lesson_is_written_once_and_read_back(tmp_path):
    texts = demo.write_lesson(tmp_path, 50, 10, seed=1)
    sizes = [len(read_lines(file)) for pair in texts for file in pair]
    assert sizes == [50, 50, 10, 10, 10, 10]
    before = texts.train[0].read_bytes()
    assert demo.write_lesson(tmp_path, 50, 10, seed=2) == texts
    assert texts.train[0].read_bytes() == before
    assert EXAMPLE.source not in read_lines(texts.train[0])


def test_choices_are_every_combination_and_share_all_other_options():
    vary = ["model.attention=none,scaled", "model.layer_type=gru,lstm"]
    variants = choose({"model": {"decoder_size": 32}}, vary)
    assert [variant.name for variant in variants] == [
        "none-gru",
        "none-lstm",
        "scaled-gru",
        "scaled-lstm",
    ]
    assert {variant.config.model.decoder_size for variant in variants} == {32}
    shared = shared_options(variants)
    assert {"attention", "layer_type"}.isdisjoint(shared["model"])
    assert "seed" not in shared["train"]
    for variant in variants:
        dumped = msgspec.to_builtins(variant.config)
        assert all(dumped[part] == dumped[part] | options for part, options in shared.items())


def test_named_variants_differ_in_their_own_options_alone():
    variants = choose_named(
        {"model": {"decoder_size": 32}},
        ["rnn", "wide\nmodel.decoder_size=64\nmodel.attention=dot\nmodel.encoder_size=64"],
    )
    assert [variant.name for variant in variants] == ["rnn", "wide"]
    assert [variant.config.model.decoder_size for variant in variants] == [32, 64]
    differing = ["model.attention", "model.encoder_size", "model.decoder_size"]
    assert varied_options(variants) == differing
    shared = shared_options(variants)["model"]
    assert not {name.removeprefix("model.") for name in differing} & shared.keys()
    assert all(variant.config.augment.scale == 0 for variant in variants)


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        ("--variant a x=1 y=2 --variant b", ["--variant", "a\nx=1\ny=2", "--variant", "b"]),
        ("--variant a x=1 --out z", ["--variant", "a\nx=1", "--out", "z"]),
        ("f.en --variant a x=1 f.fr y=2", ["f.en", "--variant", "a\nx=1", "f.fr", "y=2"]),
        ("--variant a -x=1 b=2", ["--variant", "a", "-x=1", "b=2"]),
        ("x=1 --variant", ["x=1", "--variant"]),
        ("", []),
    ],
)  # fmt: skip
def test_the_assignments_after_the_name_of_a_variant_are_its_own(words, joined):
    assert join_assignments(words.split(), ["--variant"]) == joined


@pytest.mark.parametrize(
    ("vary", "expected"),
    [
        (["model.atention=none,dot"], "did you mean 'model.attention'"),
        (["model.attention"], "does not say what to vary"),
        (["model.attention=none"], "model.attention has only one value"),
        (["model.attention="], "has no value"),
        (["model.attention=none,none"], "two choices are the same"),
        (["model.dropout_hidden=0.1,0.10"], "two choices are the same"),
        (["model.attention=none,nothing"], "model.attention = 'nothing'"),
        (["model.attention=none,dot", "model.attention=general,dot"], "varied twice"),
        (["train.seed=1,2"], "--seeds"),
        ([], "nothing is varied"),
    ],
)
def test_what_cannot_be_varied_is_told(vary, expected):
    with pytest.raises(RegardError) as caught:
        choose({}, vary)
    assert expected in str(caught.value) and "{" not in str(caught.value)


def test_a_model_is_named_by_as_much_of_its_path_as_tells_it_apart(tmp_path):
    assert unique_names([Path("a/x"), Path("a/y.regard")], "-") == ["x", "y"]
    assert unique_names([Path("a/x"), Path("b/x")], "-") == ["a-x", "b-x"]
    assert unique_names([Path("a/x"), Path("a/x.regard")], "-") == ["x", "x.regard"]
    with pytest.raises(RegardError, match="given twice"):
        unique_names([Path("a/x"), Path("a/../a/x")], "-")


def attention_map(*rows):
    names = [str(number) for number in range(len(rows[0]))]
    return AttentionMap(
        "m", [str(number) for number in range(len(rows))], names, [list(r) for r in rows]
    )


def test_attention_crosses_when_words_change_places():
    straight = attention_map([1, 0, 0], [0, 1, 0], [0, 0, 1])
    crossed = attention_map([0, 1, 0], [1, 0, 0], [0, 0, 1])
    unsure = attention_map([0.4, 0.6, 0], [0.6, 0.4, 0], [0, 0, 1])
    only_the_end = attention_map([0, 0, 1], [0, 0, 1], [0, 0, 1])
    assert [crossing_score(each) for each in (straight, crossed, only_the_end)] == [0, 1, 0]
    assert crossing_score(unsure) == pytest.approx(0.36)


def test_perplexity_is_that_of_every_token_in_whatever_batches(model, monkeypatch):
    translator = load(model)
    pairs = examples(7, seed=11)
    sources, references = [pair.source for pair in pairs], [pair.target for pair in pairs]
    alone = [translator.force([s], [r])[0] for s, r in zip(sources, references, strict=True)]
    by_hand = np.exp(-np.mean(np.concatenate([forced.log_probs for forced in alone]).astype(float)))
    monkeypatch.setattr("regard.experiment.evaluate.PERPLEXITY_BATCH", 3)
    assert perplexity(translator, sources, references) == pytest.approx(by_hand, rel=1e-5)
