"""The laws of the experiment: trained alike, compared on the same text."""

import sys

import pytest

from regard import checkpoint, experiment
from regard.cli import main
from regard.text.lesson import EXAMPLE

QUICK = {
    "vocabulary": {"size": 700},
    "model": {"embedding": 16, "states": 16, "hidden": 16},
    "train": {"updates": 4, "validate_every": 2, "batch_tokens": 512, "threads": 1},
    "search": {"beam": 1},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "here"


@pytest.fixture
def demonstrated(place, monkeypatch, capsys):
    """What `regard demo` prints, with two very small models."""
    monkeypatch.setattr(experiment, "LESSON_SETTINGS", QUICK)
    monkeypatch.setattr(sys, "argv", ["regard", "demo", "--out", str(place), "--pairs", "1000"])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    return capsys.readouterr().out


def test_the_demonstration_shows_both_models_and_where_they_look(demonstrated):
    for expected in ("traditional", "attention", "BLEU", EXAMPLE.source, "</s>", "mouse"):
        assert expected in demonstrated
    assert max(len(line) for line in demonstrated.splitlines()[:-1]) <= 80


def test_the_models_of_the_demonstration_differ_in_the_score_alone(place, demonstrated):
    left, right = (checkpoint.load_card(place / name) for name in ("traditional", "attention"))
    assert left.config.model.attention == "none"
    assert right.config.model.attention == "scaled"
    alike = right.config.model.model_copy(update={"attention": "none"})
    assert left.config == right.config.model_copy(update={"model": alike})
    assert left.source.proto == right.source.proto
    assert left.made["corpus"] == right.made["corpus"]


def test_the_lesson_is_written_once_and_read_back(tmp_path):
    texts = experiment.write_lesson(tmp_path, 50, 10, seed=1)
    sizes = [len(experiment.read_lines(file)) for pair in texts for file in pair]
    assert sizes == [50, 50, 10, 10, 10, 10]
    before = texts.train[0].read_bytes()
    assert experiment.write_lesson(tmp_path, 50, 10, seed=2) == texts
    assert texts.train[0].read_bytes() == before
    assert EXAMPLE.source not in experiment.read_lines(texts.train[0])
