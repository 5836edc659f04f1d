"""The laws of `regard compare`, typed as a user types."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from regard.cli import main
from regard.evaluation import measure
from regard.experiment import CompareOptions, plan_ready
from regard.experiment.compare import evaluate_all
from regard.experiment.report import render
from regard.experiment.results import AttentionMap, Example, Reordering, SystemOutput
from regard.experiment.word_diff import compare_words
from regard.storage import folder as checkpoint

OPTIONS = (
    "vocabulary.size=700", "model.embedding_size=16", "model.encoder_size=16", "model.decoder_size=16",
    "train.updates=6", "train.validate_every=2", "train.batch_tokens=512", "train.threads=1",
    "search.beam=1",
)  # fmt: skip


def type_here(monkeypatch, *words):
    """The exit code of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["regard", *map(str, words)])
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


def command(text, out, *more):
    return ("compare", *text.train, "--test", *text.valid, "--valid", *text.valid, "--out", out,
            "--vary", "model.attention=none,scaled", *OPTIONS, *more)  # fmt: skip


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
        name: checkpoint.load_model_info(out / "models" / name)
        for name in ("none-1", "scaled-1", "none-2", "scaled-2")
    }


def test_trained_models_differ_in_what_is_varied_and_in_nothing_else(compared):
    found = cards(compared[0])
    for seed in (1, 2):
        none, scaled = (found[f"{score}-{seed}"] for score in ("none", "scaled"))
        assert none.config.train.seed == seed
        alike = scaled.config.model.model_copy(update={"attention": "none"})
        assert none.config == scaled.config.model_copy(update={"model": alike})
        assert scaled.config.model.attention == "scaled"
        assert none.source.proto == scaled.source.proto
        assert none.provenance["corpus"] == scaled.provenance["corpus"]


def test_seeds_differ_in_the_seed_alone(compared):
    found = cards(compared[0])
    for score in ("none", "scaled"):
        first, second = found[f"{score}-1"], found[f"{score}-2"]
        alike = second.config.train.model_copy(update={"seed": 1})
        assert first.config == second.config.model_copy(update={"train": alike})
        assert first.provenance["corpus"] == second.provenance["corpus"]


def test_the_figures_are_those_of_the_translations_that_lie_beside(compared, text):
    out, told = compared
    result = json.loads((out / "result.json").read_text("utf-8"))
    references = text.valid[1].read_text("utf-8").splitlines()
    assert [one["name"] for one in result["models"]] == ["none-1", "scaled-1", "none-2", "scaled-2"]
    for one in result["models"]:
        lines = (out / "translations" / f"{one['name']}.fr").read_text("utf-8").split("\n")[:-1]
        quality = [each._asdict() for each in measure(lines, references, "fr", "sacrebleu")]
        assert one["quality"] == quality
        assert one["low"] <= quality[0]["value"] <= one["high"]
        assert one["perplexity"] > 1 and one["training"]["updates"] == 6
        assert [point["update"] for point in one["training"]["curve"]] == [2, 4, 6]
        assert sum(bucket["sentences"] for bucket in one["buckets"]) == 40
        assert one["name"] in told


def test_each_seed_is_tested_by_itself(compared):
    result = json.loads((compared[0] / "result.json").read_text("utf-8"))
    pairs = [(one["baseline"], one["model"]) for one in result["differences"]]
    assert pairs == [("none-1", "scaled-1"), ("none-2", "scaled-2")]
    by_name = {one["name"]: one["perplexity"] for one in result["models"]}
    spread = next(
        one for one in result["spreads"]
        if one["choice"] == "scaled" and one["metric"] == "perplexity"
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
    monkeypatch.setattr("regard.experiment.evaluate.find", never)
    assert type_here(monkeypatch, *command(text, out, "--seeds", 2)) == 0
    assert capsys.readouterr().err.count("trained already") == 4
    assert json.loads((out / "result.json").read_text("utf-8")) == before
    assert stamps == {file: file.stat().st_mtime_ns for file in stamps} and len(stamps) == 4


def without_time(result):
    for one in result["models"]:
        del one["seconds"], one["speed"], one["training"]["minutes"]
    return result


def test_a_comparison_that_is_stopped_goes_on_and_ends_the_same(compared, text, tmp_path):
    out = tmp_path / "stopped"
    typed = [sys.executable, "-m", "regard", *map(str, command(text, out, "--seeds", 2))]
    running = subprocess.Popen(typed, stderr=subprocess.PIPE, env={**os.environ, "COLUMNS": "200"})
    deadline = time.monotonic() + 240
    log = out / "models" / "scaled-1" / "training" / "log.jsonl"
    while not log.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    said = running.communicate()[1].decode()
    assert running.returncode == 130, said
    assert "run the same command again to go on" in said
    assert not (out / "result.json").exists()
    done = subprocess.run(typed, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert "none-1, 1 of 4: trained already" in done.stderr.decode()
    stopped, whole = (
        without_time(json.loads((folder / "result.json").read_text("utf-8")))
        for folder in (out, compared[0])
    )
    assert stopped == whole


def test_translations_are_made_again_when_the_model_or_the_text_changes(
    compared, text, tmp_path, monkeypatch
):
    out = tmp_path / "ready"
    models = [tmp_path / name for name in ("a", "b")]
    for model, name in zip(models, ("none-1", "scaled-1"), strict=True):
        shutil.copytree(compared[0] / "models" / name, model)
    asked = ("compare", "--models", *models, "--test", *text.valid, "--out", out)
    made = []
    from regard.experiment import evaluate as judge

    find = judge.translate_and_score
    monkeypatch.setattr(judge, "find", lambda *given: made.append(1) or find(*given))
    assert type_here(monkeypatch, *asked) == 0
    assert type_here(monkeypatch, *asked) == 0
    assert len(made) == 2
    # another search is another translation, and so are other weights and a changed file
    assert type_here(monkeypatch, *asked, "search.beam=2") == 0
    assert len(made) == 4
    shutil.copy(compared[0] / "models" / "scaled-2" / "model.safetensors", models[1])
    (out / "translations" / "a.fr").write_text("rien\n" * 40, "utf-8")
    assert type_here(monkeypatch, *asked, "search.beam=2") == 0
    assert len(made) == 6


def test_ready_models_are_compared_without_training(compared, model, text, tmp_path, monkeypatch):
    out = tmp_path / "ready"
    file = tmp_path / "small.regard"
    assert type_here(monkeypatch, "export", model, "--out", file) == 0
    asked = ("compare", "--models", compared[0] / "models" / "none-1", file, "--test", *text.valid)
    assert type_here(monkeypatch, *asked, "--out", out) == 0
    result = json.loads((out / "result.json").read_text("utf-8"))
    assert [one["name"] for one in result["models"]] == ["none-1", "small"]
    assert result["models"][1]["training"]["updates"] == 0  # a file knows nothing of it
    assert result["varied"] == [] and not (out / "models").exists()
    page = (out / "report.html").read_text("utf-8")
    assert "not known" in page and "the vocabulary, which is the same here" in page


MISTAKES = {
    "--vary model.atention=none,dot": "did you mean 'model.attention'",
    "--vary model.attention=none": "only one choice",
    "": "nothing is varied",
    "--vary model.attention=none,dot --significance bootstraps": "did you mean 'bootstrap'",
    "--vary model.attention=none,dot --length-buckets 10,5": "write rising numbers",
    "--vary model.attention=none,dot --length-buckets long": "write rising numbers",
    "--vary model.attention=none,dot train.udpates=3": "did you mean 'updates'",
    "--vary model.attention=none,dot --models here": "ready models are not trained",
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
    monkeypatch.setattr("regard.experiment.charts.find_spec", lambda name: None)
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
        ((ready,), "1 model is not enough"),
        ((ready, ready), "given twice"),
        ((ready, other), "en-de and en-fr"),
        ((ready, model, "train.updates=3"), "other options of train"),
        ((ready, model, "search.beam=0"), "search.beam"),
        ((ready, compared[0] / "nowhere"), "no such folder"),
    ):
        asked = ("compare", "--models", *words, "--test", *text.valid, "--out", "never")
        assert type_here(monkeypatch, *asked) == 2
        assert expected in capsys.readouterr().err


def test_what_stands_in_a_sentence_is_shown_as_text_and_vocabularies_are_watched(
    compared, model, text, tmp_path
):
    asked = CompareOptions(text.valid, tmp_path, "bootstrap", (10,))
    plan = plan_ready(asked, [model, compared[0] / "models" / "none-1"], {})
    from rich.console import Console

    with open(os.devnull, "w") as nowhere:
        found = evaluate_all(plan, Console(file=nowhere))
    bad = "<script>alert(1)</script>\"'&"
    case = Example(bad, 1, bad, bad, [SystemOutput(found.models[0].name, bad, 1.0)])
    looks = [Reordering(1, bad, bad, [AttentionMap(found.models[0].name, [bad], [bad], [[1.0]])])]
    test = {"source": bad, "reference": bad, "sentences": 1}
    evil = found._replace(cases=[case], reorderings=looks, test=test, varied=[bad])
    page = render(evil)
    assert "<script" not in page and "alert(1)" in page
    assert "which is the same here" in page
    models = [found.models[0], found.models[1]._replace(vocabulary="another")]
    assert "perplexities cannot be compared" in render(found._replace(models=models))


def test_words_that_differ_are_marked_and_missing_ones_are_named():
    marked = compare_words("Le noir chat dort ici !", "Le chat noir dort, bien")
    wrong = [part.text for part in marked.parts if not part.agrees]
    assert "".join(part.text for part in marked.parts) == "Le noir chat dort ici !"
    assert (wrong, marked.missing) in (
        (["noir", "ici", "!"], ["noir", ",", "bien"]),
        (["chat", "ici", "!"], ["chat", ",", "bien"]),
    )
    assert compare_words("LE CHAT", "le chat").missing == []
