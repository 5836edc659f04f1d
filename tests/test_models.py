"""The laws of the built-in model, and of model cards."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import regard
from conftest import CAT_AND_MOUSE
from regard import models
from regard.errors import RegardError
from regard.export.export import export
from regard.lesson.corpus import EXAMPLE
from regard.storage.model_card import add_model_card, read_model_card
from regard.storage.model_file import read_model_file

ROOT = Path(__file__).parents[1]
CARD = ROOT / "recipes" / "general-en-fr-about.toml"
MEGABYTES = 18
"""At most, with its alignment head."""

with_the_model = pytest.mark.skipif(
    not models.DEFAULT.exists(), reason="the built-in model is not in this checkout"
)
ABOUT = """
title = "A lesson"
"good at" = "cats"
years = [1996, 2011]
[sources.Lesson]
licence = "none is needed\\u001b[31m"
pairs = 600
"""


def typed(*words, given="", **more):
    return subprocess.run(
        [sys.executable, "-m", "regard", *map(str, words)],
        input=given.encode(), capture_output=True, check=False, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("named") / "lesson.regard"
    export(model, out, "int8", [])
    return out


@pytest.fixture
def home(file, tmp_path, monkeypatch):
    """An installation whose only built-in model, and default, is `lesson`."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(file, folder)
    monkeypatch.setattr(models, "HERE", folder)
    monkeypatch.setattr(models, "DEFAULT", folder / "lesson.regard")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_built_in_model_is_found_by_its_name(home):
    assert models.builtin_names() == ["lesson"]
    assert models.find("lesson") == models.find(Path("lesson")) == home / "lesson.regard"
    assert models.find(models.DEFAULT) == home / "lesson.regard"
    assert regard.load("lesson").languages == ("en", "fr")


def test_a_path_takes_precedence_over_a_name(home, model):
    shutil.copytree(model, "lesson")
    assert models.find("lesson") == Path("lesson")
    assert models.find(models.DEFAULT) == home / "lesson.regard"


def test_a_folder_without_a_model_does_not_hide_a_name(home):
    (home.parent / "lesson").mkdir()
    assert models.find("lesson") == home / "lesson.regard"


def test_the_error_for_an_unknown_name_lists_the_built_in_models(home):
    for name in ("lessen", "nowhere/lesson", "lesson.gz"):
        with pytest.raises(RegardError) as caught:
            regard.load(name)
        assert name in caught.value.where and "built-in model: lesson" in caught.value.to_do


def test_the_error_for_a_missing_built_in_model_says_what_to_do(home):
    (home / "lesson.regard").unlink()
    for name in (models.DEFAULT, "lesson"):
        with pytest.raises(RegardError) as caught:
            models.find(name)
        assert "built-in model lesson is missing" in caught.value.what
    with pytest.raises(RegardError) as caught:
        models.find("other")
    assert "built-in" not in caught.value.to_do


def test_a_card_goes_into_a_file_and_changes_nothing_else(file, tmp_path):
    (tmp_path / "about.toml").write_text(ABOUT, "utf-8")
    copy = tmp_path / "copy.regard"
    shutil.copy(file, copy)
    add_model_card(copy, read_model_card(tmp_path / "about.toml"), {"held_out": {"BLEU": 12.5}})
    before, after = read_model_file(file), read_model_file(copy)
    assert after.info.provenance.pop("model_card")["title"] == "A lesson"
    assert after.info.provenance == before.info.provenance
    assert after.quality.pop("held_out") == {"BLEU": 12.5}
    assert after.quality == before.quality and after.calibration == before.calibration
    assert after.info.source.proto == before.info.source.proto
    one, other = (regard.load(path).translate([EXAMPLE.source])[0] for path in (file, copy))
    assert (one.text, one.log_prob) == (other.text, other.log_prob)


def test_a_model_is_exported_with_its_card_and_a_wrong_card_stops_before_the_work(model, tmp_path):
    card = tmp_path / "about.toml"
    card.write_text(ABOUT + "made = 2026-11-22", "utf-8")
    out = tmp_path / "out.regard"
    assert typed("export", model, "--out", out, "--model-card", card).returncode == 0
    about = read_model_file(out).info.provenance["model_card"]
    assert about["title"] == "A lesson" and about["sources"]["Lesson"]["made"] == "2026-11-22"
    card.write_text("title", "utf-8")
    refused = typed("export", model, "--out", tmp_path / "other.regard", "--model-card", card)
    assert refused.returncode == 2 and b"the model card is not valid TOML" in refused.stderr
    assert not (tmp_path / "other.regard").exists()


def test_info_prints_the_card_first_and_nothing_that_a_terminal_obeys(file, tmp_path):
    (tmp_path / "about.toml").write_text(ABOUT, "utf-8")
    copy = tmp_path / "copy.regard"
    shutil.copy(file, copy)
    add_model_card(copy, read_model_card(tmp_path / "about.toml"), {})
    lines = typed("info", copy).stdout.decode().splitlines()
    assert lines[0] == "model_card" and lines[1].split(maxsplit=1) == ["title", "A lesson"]
    assert "1,996" not in "".join(lines) and "1996, 2011" in lines[3]
    assert not any("\x1b" in line for line in lines)
    content = json.loads(typed("info", copy, "--json").stdout)
    assert content["model_card"]["sources"]["Lesson"]["pairs"] == 600
    assert "model_card" not in content["provenance"]


@pytest.mark.parametrize("text", ["", "title = ", "share = nan", None])
def test_an_invalid_card_gets_its_three_lines(text, tmp_path):
    file = tmp_path / "about.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RegardError) as caught:
        read_model_card(file)
    assert caught.value.where == str(file)


def test_long_texts_of_a_card_are_wrapped_under_their_beginning():
    from regard.cli.info import as_lines

    lines = as_lines({"use": "drafts and help with reading " * 5}, 1, 60)
    assert len(lines) > 2 and all(len(line) <= 60 for line in lines)
    assert {re.match(" *", line).end() for line in lines[1:]} == {25}


def test_the_card_of_the_built_in_model_names_its_sources():
    sources = read_model_card(CARD)["sources"]
    assert "CC BY 2.0 FR" in sources["Tatoeba"]["licence"]
    assert "European Parliament" in sources["Europarl v7"]["licence"]


@with_the_model
def test_the_built_in_model_is_small_and_has_its_card():
    assert models.DEFAULT.stat().st_size < MEGABYTES * 1e6
    bundle = read_model_file(models.DEFAULT)
    assert bundle.info.languages == ("en", "fr")
    assert bundle.info.provenance["model_card"] == read_model_card(CARD)
    assert bundle.alignment_head
    assert set(bundle.quality["held_out"]) == {"tatoeba", "europarl", "newstest2013"}


@with_the_model
def test_the_example_everyone_remembers_is_translated_with_no_model_named(tmp_path):
    done = typed("translate", given="The black cat ate the mouse.\n", cwd=tmp_path)
    assert done.stdout.decode() in CAT_AND_MOUSE
    assert done.stderr == b""


@with_the_model
def test_everyday_sentences_are_translated_rightly():
    asked = {
        "Good morning!": "Bonjour !",
        "Thank you very much.": "Merci beaucoup.",
        "Where is the station?": "Où est la gare ?",
        "I am hungry.": "J'ai faim.",
    }
    found = [one.text for one in regard.load().translate_sentences(list(asked))]
    assert sum(one == said for one, said in zip(found, asked.values(), strict=True)) >= 3, found
