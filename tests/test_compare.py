"""The laws of `regard compare`, typed as a user types."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from typing import get_args, get_origin, get_type_hints

import numpy as np
import pytest
from msgspec import structs

from regard.cli import main
from regard.evaluation import measure
from regard.experiment import CompareOptions, evaluate, plan_ready
from regard.experiment.charts import learning_charts, length_chart
from regard.experiment.compare import evaluate_all
from regard.experiment.figures import draw_figure
from regard.experiment.report import render
from regard.experiment.results import (
    AttentionMap,
    ComparedSentence,
    Comparison,
    Reordering,
    SystemOutput,
    as_plain_data,
)
from regard.experiment.word_diff import compare_words
from regard.storage import folder as storage

OPTIONS = (
    "vocabulary.size=700", "model.embedding_size=16", "model.encoder_size=16",
    "model.decoder_size=16", "train.updates=6", "train.validate_every=2",
    "train.batch_tokens=512", "train.threads=1", "search.beam=1",
)  # fmt: skip


def type_here(monkeypatch, *words):
    """The exit code of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["regard", *map(str, words)])
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


def command(text, out, *more):
    files = (*text.train, "--test", *text.valid, "--valid", *text.valid)
    vary = ("--vary", "model.attention=none,scaled", "--length-buckets", "7,11")
    return ("compare", *files, "--out", out, *vary, *OPTIONS, *more)


@pytest.fixture(scope="module")
def compared(text, tmp_path_factory):
    """A folder in which two choices with two seeds each were compared."""
    out = tmp_path_factory.mktemp("compared") / "here"
    typed = [sys.executable, "-m", "regard", *map(str, command(text, out, "--seeds", 2))]
    done = subprocess.run(typed, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return out, done.stdout.decode()


def cards(out):
    return {
        name: storage.load_model_info(out / "models" / name)
        for name in ("none-1", "scaled-1", "none-2", "scaled-2")
    }


def test_trained_models_differ_in_what_is_varied_and_in_nothing_else(compared):
    infos = cards(compared[0])
    for seed in (1, 2):
        none, scaled = (infos[f"{score}-{seed}"] for score in ("none", "scaled"))
        assert none.config.train.seed == seed
        alike = structs.replace(scaled.config.model, attention="none")
        assert none.config == structs.replace(scaled.config, model=alike)
        assert scaled.config.model.attention == "scaled"
        assert none.source.proto == scaled.source.proto
        assert none.provenance["corpus"] == scaled.provenance["corpus"]


def test_seeds_differ_in_the_seed_alone(compared):
    infos = cards(compared[0])
    for score in ("none", "scaled"):
        first, second = infos[f"{score}-1"], infos[f"{score}-2"]
        alike = structs.replace(second.config.train, seed=1)
        assert first.config == structs.replace(second.config, train=alike)
        assert first.provenance["corpus"] == second.provenance["corpus"]


def test_the_figures_are_those_of_the_translations_that_lie_beside(compared, text):
    out, printed = compared
    result = json.loads((out / "result.json").read_text("utf-8"))
    references = text.valid[1].read_text("utf-8").splitlines()
    assert [model["name"] for model in result["models"]] == [
        "none-1",
        "scaled-1",
        "none-2",
        "scaled-2",
    ]
    for model in result["models"]:
        lines = (out / "translations" / f"{model['name']}.fr").read_text("utf-8").split("\n")[:-1]
        quality = [each._asdict() for each in measure(lines, references, "fr", "sacrebleu")]
        assert model["quality"] == quality
        assert model["low"] <= quality[0]["value"] <= model["high"]
        assert model["perplexity"] > 1 and model["training"]["updates"] == 6
        assert [point["update"] for point in model["training"]["curve"]] == [2, 4, 6]
        assert sum(bucket["sentences"] for bucket in model["buckets"]) == 40
        assert model["name"] in printed


def test_each_seed_is_tested_by_itself(compared):
    result = json.loads((compared[0] / "result.json").read_text("utf-8"))
    pairs = [(each["baseline"], each["model"]) for each in result["differences"]]
    assert pairs == [("none-1", "scaled-1"), ("none-2", "scaled-2")]
    by_name = {model["name"]: model["perplexity"] for model in result["models"]}
    spread = next(
        each for each in result["spreads"]
        if each["choice"] == "scaled" and each["metric"] == "perplexity"
    )  # fmt: skip
    assert spread["values"] == [by_name["scaled-1"], by_name["scaled-2"]]
    assert spread["mean"] == pytest.approx(sum(spread["values"]) / 2)


def test_all_that_is_promised_lies_in_the_folder(compared):
    out = compared[0]
    for figure in ("bleu-by-length", "learning-curves"):
        assert (out / "figures" / f"{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (out / "figures" / f"{figure}.svg").read_bytes()
    page = (out / "report.html").read_text("utf-8")
    for expected in ("none-2", "scaled-2", "By length", "While they learned", "± ", "signature"):
        assert expected in page
    result = json.loads((out / "result.json").read_text("utf-8"))
    assert result["varied"] == ["model.attention"]
    assert "attention" not in result["options"]["model"]


@pytest.fixture(scope="module")
def result(compared):
    """result.json as the named tuples that it was written from."""
    text = (compared[0] / "result.json").read_text("utf-8")
    return from_plain_data(json.loads(text), Comparison)


def from_plain_data(data, kind):
    """The inverse of `as_plain_data` for a value of this type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is list:
        return [from_plain_data(part, arguments[0]) for part in data]
    if origin is tuple:
        return tuple(data)
    if hasattr(kind, "_fields"):
        return kind(
            **{name: from_plain_data(data[name], own) for name, own in get_type_hints(kind).items()}
        )
    return data


def test_result_json_holds_all_that_was_compared(compared, result):
    content = json.loads((compared[0] / "result.json").read_text("utf-8"))
    assert as_plain_data(result) == content


def numbers(text):
    return [[float(number) for number in pair.split(",")] for pair in text.split()]


def values_of(svg, points, ticks):
    """Points of a drawing as values, by its grid lines along y and its `ticks` along x."""
    heights = [float(y) for y in re.findall(r'<line [^>]*y1="([^"]+)"', svg)]
    steps = [float(step) for step in re.findall(r'<text class="end"[^>]*>([^<]+)<', svg)]
    columns = [float(x) for x in re.findall(r'<text class="mid" x="([^"]+)"', svg)][: len(ticks)]
    to_x = np.polyfit(columns, [tick.x for tick in ticks], 1)
    to_y = np.polyfit(heights, steps, 1)
    return np.array([[np.polyval(to_x, x), np.polyval(to_y, y)] for x, y in points])


def charts_with_numbers(result):
    """Each chart with the x, y, low and high of each of its lines, from result.json."""
    buckets = [
        [
            (index, bucket.bleu, bucket.low, bucket.high)
            for index, bucket in enumerate(model.buckets)
        ]
        for model in result.models
    ]
    bleu, loss = (
        [
            [(p.update, getattr(p, name), getattr(p, name), getattr(p, name)) for p in curve]
            for curve in (model.training.curve for model in result.models)
        ]
        for name in ("bleu", "loss")
    )
    charts = [length_chart(result.models), *learning_charts(result.models)]
    return list(zip(charts, (buckets, bleu, loss), strict=True))


def test_the_points_of_the_page_are_the_numbers_of_result_json(compared, result):
    page = (compared[0] / "report.html").read_text("utf-8")
    drawings = re.findall(r'<svg viewBox="0 0 640.*?</svg>', page, re.DOTALL)
    for svg, (chart, expected) in zip(drawings, charts_with_numbers(result), strict=True):
        lines = re.findall(r'<title>([^<]+)</title><polyline points="([^"]+)"', svg)
        assert [name for name, _ in lines] == [model.name for model in result.models]
        span = max(tick.x for tick in chart.ticks) + max(
            high for line in expected for *_, high in line
        )
        for (_, points), line in zip(lines, expected, strict=True):
            values = values_of(svg, numbers(points), chart.ticks)
            np.testing.assert_allclose(values, [point[:2] for point in line], atol=span / 1000)
        bands = re.findall(r'<polygon class="band[^"]*" points="([^"]+)"', svg)
        with_band = [line for line in expected if any(low != high for *_, low, high in line)]
        for points, line in zip(bands, with_band, strict=True):
            edges = [(x, high) for x, *_, high in line] + [(x, low) for x, _, low, _ in line[::-1]]
            values = values_of(svg, numbers(points), chart.ticks)
            np.testing.assert_allclose(values, edges, atol=span / 1000)


def test_the_points_of_the_figures_are_the_numbers_of_result_json(result):
    for chart, expected in charts_with_numbers(result):
        (axes,) = draw_figure([chart]).axes
        for artist, line in zip(axes.lines, expected, strict=True):
            np.testing.assert_array_equal(artist.get_xydata(), [point[:2] for point in line])
        with_band = [line for line in expected if any(low != high for *_, low, high in line)]
        for band, line in zip(axes.collections, with_band, strict=True):
            corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
            assert corners == {(x, edge) for x, _, low, high in line for edge in (low, high)}
        assert [text.get_text() for text in axes.get_legend().texts] == ["none", "scaled"]


def test_the_page_needs_nothing_from_elsewhere_and_holds_no_program(compared):
    page = (compared[0] / "report.html").read_text("utf-8")
    assert not re.search(r"(?:https?:)?//\w|<script|<link|@import|url\(|\bon\w+=", page)
    assert "default-src 'none'" in page


def test_run_again_it_trains_and_translates_nothing(compared, text, monkeypatch, capsys):
    out = compared[0]
    before = json.loads((out / "result.json").read_text("utf-8"))
    stamps = {file: file.stat().st_mtime_ns for file in out.glob("*/*/model.safetensors")}

    def never(*_, **__):
        raise AssertionError("this was done already")

    monkeypatch.setattr("regard.api.train", never)
    monkeypatch.setattr("regard.experiment.evaluate.translate_and_score", never)
    assert type_here(monkeypatch, *command(text, out, "--seeds", 2)) == 0
    assert capsys.readouterr().err.count("trained already") == 4
    assert json.loads((out / "result.json").read_text("utf-8")) == before
    assert stamps == {file: file.stat().st_mtime_ns for file in stamps} and len(stamps) == 4


def first_seed_of(folder):
    """The results of the first seed, without times."""
    result = json.loads((folder / "result.json").read_text("utf-8"))
    models = [model for model in result["models"] if model["seed"] == 1]
    for model in models:
        del model["seconds"], model["speed"], model["training"]["minutes"]
    return models, result["differences"][0], result["examples"], result["reorderings"]


def test_a_comparison_that_is_stopped_goes_on_and_ends_the_same(compared, text, tmp_path):
    out = tmp_path / "stopped"
    typed = [sys.executable, "-m", "regard", *map(str, command(text, out))]
    running = subprocess.Popen(typed, stderr=subprocess.PIPE, env={**os.environ, "COLUMNS": "200"})
    deadline = time.monotonic() + 240
    log = out / "models" / "scaled-1" / "training" / "log.jsonl"
    while not log.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    said = running.communicate()[1].decode()
    assert running.returncode == 130, said
    assert "run the same command again to resume" in said
    assert not (out / "result.json").exists()
    done = subprocess.run(typed, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert "none-1, 1 of 2: trained already" in done.stderr.decode()
    assert first_seed_of(out) == first_seed_of(compared[0])


def test_translations_are_made_again_when_the_model_or_the_text_changes(
    compared, text, tmp_path, monkeypatch
):
    out = tmp_path / "ready"
    models = [tmp_path / name for name in ("a", "b")]
    for model, name in zip(models, ("none-1", "scaled-1"), strict=True):
        shutil.copytree(compared[0] / "models" / name, model)
    asked = ("compare", "--models", *models, "--test", *text.valid, "--out", out)
    calls = []
    module = import_module("regard.experiment.compare")  # the package has a function of this name
    monkeypatch.setattr(module, "find_spec", lambda name: None)  # no figures
    translate_and_score = evaluate.translate_and_score
    monkeypatch.setattr(
        evaluate,
        "translate_and_score",
        lambda *inputs: calls.append(1) or translate_and_score(*inputs),
    )
    assert type_here(monkeypatch, *asked) == 0
    assert type_here(monkeypatch, *asked) == 0
    assert len(calls) == 2
    # another search is another translation, and so are other weights and a changed file
    assert type_here(monkeypatch, *asked, "search.beam=2") == 0
    assert len(calls) == 4
    shutil.copy(compared[0] / "models" / "scaled-2" / "model.safetensors", models[1])
    (out / "translations" / "a.fr").write_text("rien\n" * 40, "utf-8")
    assert type_here(monkeypatch, *asked, "search.beam=2") == 0
    assert len(calls) == 6


def test_ready_models_are_compared_without_training(compared, model, text, tmp_path, monkeypatch):
    out = tmp_path / "ready"
    file = tmp_path / "small.regard"
    assert type_here(monkeypatch, "export", model, "--out", file) == 0
    asked = ("compare", "--models", compared[0] / "models" / "none-1", file, "--test", *text.valid)
    assert type_here(monkeypatch, *asked, "--out", out) == 0
    result = json.loads((out / "result.json").read_text("utf-8"))
    assert [model["name"] for model in result["models"]] == ["none-1", "small"]
    assert result["models"][1]["training"]["updates"] == 0  # a file knows nothing of it
    assert result["varied"] == [] and not (out / "models").exists()
    page = (out / "report.html").read_text("utf-8")
    assert "not known" in page and "the vocabulary, which is the same here" in page


def test_models_of_unlike_kinds_stand_in_one_report(text, tmp_path, monkeypatch):
    out = tmp_path / "kinds"
    words = (*text.train, "--test", *text.valid, "--valid", *text.valid, "--out", out, *OPTIONS)
    variants = (
        *("--variant", "none", "model.attention=none"),
        *("--variant", "transformer", "model.layer_type=self-attention", "model.heads=2"),
        *("--variant", "both", "model.encoder_layer_type=self-attention"),
        *("model.decoder_layer_type=ssru", "model.decoder_size=24"),
    )
    assert type_here(monkeypatch, "compare", *words, *variants) == 0
    result = json.loads((out / "result.json").read_text("utf-8"))
    assert [model["choice"] for model in result["models"]] == ["none", "transformer", "both"]
    assert set(result["varied"]) == {
        "model.attention", "model.heads", "model.layer_type", "model.encoder_layer_type",
        "model.decoder_layer_type", "model.decoder_size",
    }  # fmt: skip
    both = storage.load_model_info(out / "models" / "both-1").config.model
    assert (both.attention, both.decoder_size, both.heads) == ("scaled", 24, 1)
    page = (out / "report.html").read_text("utf-8")
    assert all(name in page for name in ("none", "transformer", "both"))


MISTAKES = {
    "--vary model.atention=none,dot": "did you mean 'model.attention'",
    "--vary model.attention=none": "only one value",
    "": "nothing is varied",
    "--vary model.attention=none,dot --significance bootstraps": "did you mean 'bootstrap'",
    "--vary model.attention=none,dot --length-buckets 10,5": "write increasing numbers",
    "--vary model.attention=none,dot --length-buckets long": "write increasing numbers",
    "--vary model.attention=none,dot train.udpates=3": "did you mean 'updates'",
    "--vary model.attention=none,dot --models here": "--models gives trained ones",
    "--variant a model.attention=dot --models here": "--variant trains models",
    "--variant a model.attention=dot --vary model.attention=none,dot": "give one of the two",
    "--variant a model.attention=dot": "at least two variants",
    "--variant a --variant a model.attention=dot": "two variants are named a",
    "--variant a --variant b": "two choices are the same: a and b",
    "--variant model.attention=dot --variant b": "is no name of a variant",
    "--variant ../a --variant b model.attention=dot": "is no name of a variant",
    "--variant a --variant b model.atention=dot": "did you mean 'attention'",
    "--variant a --variant b model.layer_type=self-attention": "embeddings of 256 numbers",
    "--variant a --variant b train.seed=2": "write --seeds 3",
}


@pytest.mark.parametrize("more", MISTAKES, ids=lambda more: more or "nothing")
def test_a_mistake_is_told_before_anything_is_trained(more, text, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    asked = ("compare", *text.train, "--test", *text.valid, "--out", out, *more.split())
    assert type_here(monkeypatch, *asked) == 2
    said = capsys.readouterr().err
    assert MISTAKES[more] in said and "to do:" in said
    assert not out.exists()


def test_a_bad_test_text_is_told_before_anything_is_trained(text, tmp_path, monkeypatch, capsys):
    short, empty = tmp_path / "short.fr", tmp_path / "empty.fr"
    short.write_text("un\ndeux\n")
    empty.touch()
    vary = ("--vary", "model.attention=none,dot", "--out", tmp_path / "out")
    for pair, expected in (
        ((text.valid[0], tmp_path / "missing.fr"), "no such file"),
        ((text.valid[0], short), "the numbers of lines differ"),
        ((empty, empty), "the test text is empty"),
    ):
        assert type_here(monkeypatch, "compare", *text.train, "--test", *pair, *vary) == 2
        assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_matplotlib_nothing_begins(text, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("regard.experiment.figures.find_spec", lambda name: None)
    assert type_here(monkeypatch, *command(text, tmp_path / "out")) == 2
    assert "pip install '.[plot]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_run_with_other_options_is_refused_before_anything_is_trained(
    compared, text, monkeypatch, capsys
):
    changed = [
        word.replace("updates=6", "updates=8") for word in map(str, command(text, compared[0]))
    ]
    monkeypatch.setattr("regard.api.train", None)
    assert type_here(monkeypatch, *changed) == 2
    assert "began with train.updates = 6, not 8" in capsys.readouterr().err


def test_models_that_cannot_be_compared_are_refused(compared, model, text, monkeypatch, capsys):
    ready = compared[0] / "models" / "none-1"
    other = compared[0].parent / "other"
    if not other.exists():
        shutil.copytree(ready, other)
        card = json.loads((other / "model.json").read_text())
        (other / "model.json").write_text(json.dumps(card | {"languages": ["en", "de"]}))
    for words, expected in (
        ((ready,), "at least two models"),
        ((ready, ready), "given twice"),
        ((ready, other), "en-de and en-fr"),
        ((ready, model, "train.updates=3"), "options of train cannot be changed"),
        ((ready, model, "search.beam=0"), "search.beam"),
        ((ready, compared[0] / "nowhere"), "no such folder"),
    ):
        asked = ("compare", "--models", *words, "--test", *text.valid, "--out", "never")
        assert type_here(monkeypatch, *asked) == 2
        assert expected in capsys.readouterr().err


def test_what_stands_in_a_sentence_is_shown_as_text_and_vocabularies_are_watched(
    compared, model, text, tmp_path
):
    options = CompareOptions(text.valid, tmp_path, "bootstrap", (10,))
    plan = plan_ready(options, [model, compared[0] / "models" / "none-1"], {})
    from rich.console import Console

    with open(os.devnull, "w") as nowhere:
        comparison = evaluate_all(plan, Console(file=nowhere))
    bad = "<script>alert(1)</script>\"'&"
    name = comparison.models[0].name
    example = ComparedSentence(bad, 1, bad, bad, [SystemOutput(name, bad, 1.0)])
    reorderings = [Reordering(1, bad, bad, [AttentionMap(name, [bad], [bad], [[1.0]])])]
    test = {"source": bad, "reference": bad, "sentences": 1}
    evil = comparison._replace(
        examples=[example],
        reorderings=reorderings,
        test=test,
        varied=[bad],
        options={bad: {bad: bad}},
    )
    page = render(evil)
    assert "<script" not in page and "alert(1)" in page
    assert "which is the same here" in page
    models = [comparison.models[0], comparison.models[1]._replace(vocabulary="another")]
    assert "perplexities cannot be compared" in render(comparison._replace(models=models))


def test_words_that_differ_are_marked_and_missing_ones_are_named():
    marked = compare_words("Le noir chat dort ici !", "Le chat noir dort, bien")
    wrong = [part.text for part in marked.parts if not part.agrees]
    assert "".join(part.text for part in marked.parts) == "Le noir chat dort ici !"
    assert (wrong, marked.missing) in (
        (["noir", "ici", "!"], ["noir", ",", "bien"]),
        (["chat", "ici", "!"], ["chat", ",", "bien"]),
    )
    assert compare_words("LE CHAT", "le chat").missing == []
