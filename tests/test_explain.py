"""The laws of `regard explain` and of pictures in files."""

import json
import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from rich.console import Console

from commands import typed
from regard.errors import RegardError
from regard.explain.explanation import explain
from regard.explain.heat_map import MAX_PICTURE_WORDS, Picture, fonts_for, write_pictures
from regard.explain.terminal import heat_map
from regard.lesson.corpus import EXAMPLE
from regard.loading import load

TEXT = EXAMPLE.source


class Said(NamedTuple):
    stdout: str
    stderr: str


def run(*words, given="", expect=0) -> Said:
    done = typed(*words, given=given)
    said = Said(done.stdout.decode(), done.stderr.decode())
    assert done.returncode == expect, said
    return said


def picture(rows=("le", "chat"), columns=("the", "cat"), title="a model") -> Picture:
    weights = np.random.default_rng(1).dirichlet(np.ones(len(columns)), len(rows))
    return Picture(title, list(rows), list(columns), weights)


# In the terminal


def test_the_terminal_shows_every_word_its_chance_and_where_it_was_looked_for(model):
    shown = run("explain", TEXT, "--model", model).stdout
    explained = explain(load(model, engine="onnx", workers=1), TEXT, "model")
    assert explained.target.text in shown
    for word in (*explained.source.words, *explained.target.words):
        assert word.text in shown
    table = shown[shown.index("looked at") :]
    for word, looks in zip(explained.target.words, explained.word_weights, strict=True):
        most = explained.source.words[int(looks.argmax())].text
        row = next(line for line in table.splitlines() if line.startswith(word.text))
        assert most in row


def test_subwords_are_shown_on_request(model):
    shown = run("explain", TEXT, "--model", model, "--subwords").stdout
    explained = explain(load(model, engine="onnx", workers=1), TEXT, "model")
    assert all(token in shown for token in explained.source.tokens)


@pytest.mark.parametrize("length", [3, 15, 25, 60])
def test_a_picture_fits_into_80_columns_however_long_the_sentence(length):
    names = [f"word{number}" for number in range(length)]
    weights = np.eye(length)
    with open("/dev/null", "w", encoding="utf-8") as nowhere:
        console = Console(width=80, record=True, file=nowhere)
        console.print(heat_map(names, names, weights, 80), no_wrap=True, crop=False)
        lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(name in line for line in lines) for name in names)


def test_what_is_not_printed_to_a_terminal_has_one_width_too(model, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    shown = run("explain", TEXT, "--model", model).stdout
    explained = explain(load(model, engine="onnx", workers=1), TEXT, "model")
    sides = explained.target, explained.source
    rows, columns = ([word.text for word in side.words] for side in sides)
    assert heat_map(rows, columns, explained.word_weights, 30).plain in shown
    sentence = explained.target.text
    assert max(len(line) for line in shown.splitlines() if line != sentence) <= 30


def test_json_is_all_that_was_worked_out_an_object_a_model(model):
    lines = run("explain", TEXT, "--model", model, "--json").stdout.splitlines()
    told = json.loads(lines[0])
    assert len(lines) == 1 and told["source"]["text"] == TEXT
    assert np.allclose(np.array(told["weights"]).sum(axis=1), 1, atol=1e-4)


def test_a_given_translation_is_explained(model):
    told = run("explain", TEXT, "--model", model, "--translation", EXAMPLE.target, "--json")
    assert json.loads(told.stdout)["target"]["text"] == EXAMPLE.target


def test_a_given_translation_is_neither_empty_nor_searched_for(model):
    words = "explain", TEXT, "--model", model, "--translation"
    for empty in ("", " "):
        said = run(*words, empty, expect=2).stderr
        assert "there is nothing in the translation" in said
    said = run(*words, EXAMPLE.target, "--beam", 3, expect=2).stderr
    assert "where: the command line" in said


def test_the_sentence_may_come_from_standard_input(model):
    told = run("explain", "-", "--model", model, "--json", given=f"{TEXT}\n")
    assert json.loads(told.stdout)["source"]["text"] == TEXT


# In files


@pytest.mark.parametrize("ending", ["png", "svg", "pdf", "html", "PNG", "HTML"])
def test_a_picture_is_a_file_of_the_kind_its_ending_names(model, tmp_path, ending):
    out = tmp_path / f"cat.{ending}"
    run("explain", TEXT, "--model", model, "--out", out)
    made = out.read_bytes()
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "html": b"<!"}[ending.lower()]
    assert made.startswith(begins)
    again = run("explain", TEXT, "--model", model, "--out", out, expect=2)
    assert "exists" in again.stderr and out.read_bytes() == made


def test_an_svg_keeps_its_letters_as_letters_in_any_script(tmp_path):
    file = tmp_path / "any.svg"
    write_pictures(
        [picture(["黒い", "猫", "été"], ["the", "кот", "</s>"], title="$x_1$ <b>")], file
    )
    texts = {element.text for element in ET.parse(file).iter() if element.text}
    assert {"黒い", "猫", "été", "the", "кот", "</s>", "$x_1$ <b>"} <= texts


def test_a_picture_grows_with_its_sentence(tmp_path):
    sizes = []
    for length in (5, 50):
        file = tmp_path / f"{length}.png"
        write_pictures([picture(["mot"] * length, ["word"] * length)], file)
        sizes.append(struct.unpack(">II", file.read_bytes()[16:24]))
    assert all(long > 3 * short for short, long in zip(*sizes, strict=True))


def test_the_same_weights_give_the_same_picture(tmp_path):
    for ending in ("png", "svg", "pdf"):
        files = [tmp_path / f"{number}.{ending}" for number in range(2)]
        for file in files:
            write_pictures([picture(), picture(title="another")], file)
        assert files[0].read_bytes() == files[1].read_bytes()


def test_accents_have_a_font_and_letters_that_none_has_are_named(monkeypatch, tmp_path):
    from matplotlib.font_manager import fontManager

    own = [font for font in fontManager.ttflist if font.name == "DejaVu Sans"]
    monkeypatch.setattr(fontManager, "ttflist", own)
    assert fonts_for("Élève cœur ça ŵ ñ кот", "x.png") == ["DejaVu Sans"]
    with pytest.raises(RegardError, match="no font on this machine has 猫"):
        write_pictures([picture(["猫", "chat"])], tmp_path / "cat.png")
    write_pictures([picture(["猫", "chat"])], tmp_path / "cat.svg")


def test_a_font_that_has_a_box_for_every_letter_is_not_taken():
    nobodys = "\U0005fff0"
    with pytest.raises(RegardError, match=f"no font on this machine has {nobodys}"):
        fonts_for(f"café {nobodys}", "x.png")
    assert not any("Last" in name for name in fonts_for(f"café {nobodys}", "x", may_lack=True))


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        ([picture(["mot"] * (MAX_PICTURE_WORDS + 1))], f"these are {MAX_PICTURE_WORDS + 1}"),
        ([picture(columns=["word"] * 2100)], "these are 2,100"),
        (
            [picture(["mot"] * MAX_PICTURE_WORDS, ["word"] * MAX_PICTURE_WORDS)] * 3,
            "the models too many",
        ),
        ([picture(["m" * 3000], ["w" * 3000])], "the words are too long"),
    ],
    ids=["rows", "columns", "models", "letters"],
)
def test_what_a_picture_cannot_hold_is_refused_and_leaves_no_file(pictures, expected, tmp_path):
    with pytest.raises(RegardError, match=expected) as caught:
        write_pictures(pictures, tmp_path / "large.png")
    assert ".html" in caught.value.to_do and not list(tmp_path.iterdir())


def test_a_picture_holds_as_many_words_as_it_says(tmp_path):
    write_pictures([picture(["mot"] * MAX_PICTURE_WORDS, ["word"] * 3)], tmp_path / "long.svg")
    assert (tmp_path / "long.svg").read_text("utf-8").count(">mot<") == MAX_PICTURE_WORDS


def test_a_sentence_too_long_for_a_picture_still_gets_a_page(model, tmp_path):
    words = "explain", "-", "--model", model, "--out"
    long = "the cat " * (MAX_PICTURE_WORDS // 2 + 1)
    assert "write .html" in run(*words, tmp_path / "long.png", given=long, expect=2).stderr
    assert not list(tmp_path.iterdir())
    run(*words, tmp_path / "long.html", given=long)


def test_a_picture_that_fails_half_way_leaves_what_was_there(monkeypatch, tmp_path):
    def fail(_, file, **more):
        with open(file, "wb") if isinstance(file, Path) else file as stream:
            stream.write(b"half a picture")
        raise MemoryError

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(MemoryError):
        write_pictures([picture()], tmp_path / "cat.png")
    assert not list(tmp_path.iterdir())


def test_an_unknown_kind_of_file_is_refused_before_anything_is_written(model, tmp_path):
    out = tmp_path / "cat.gif"
    told = run("explain", TEXT, "--model", model, "--out", out, expect=2).stderr
    assert ".png, .svg, .pdf or .html" in told and not out.exists()


def test_a_model_given_twice_is_refused(model):
    told = run("explain", TEXT, "--model", model, "--model", model, expect=2).stderr
    assert "given twice" in told


def test_two_models_of_one_name_are_told_apart(model, tmp_path):
    other = tmp_path / "other" / model.name
    other.mkdir(parents=True)
    for file in Path(model).iterdir():
        if file.is_file():
            (other / file.name).write_bytes(file.read_bytes())
    lines = run("explain", TEXT, "--model", model, "--model", other, "--json").stdout.splitlines()
    names = [json.loads(line)["model"]["name"] for line in lines]
    assert names == [f"{model.parent.name}/model", "other/model"]
