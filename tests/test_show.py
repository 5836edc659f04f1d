"""The laws of pictures in the terminal, and of the words they show."""

import numpy as np
from rich.console import Console

from regard.experiment import group_pieces, picture_of
from regard.show.terminal import heat
from regard.text.lesson import EXAMPLE
from regard.translator import load


def test_a_picture_has_a_row_for_each_word_and_shows_the_weights_in_percent():
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(heat(["le", "chat"], ["the", "cat"], np.array([[0.93, 0.07], [0.0, 1.0]])))
    lines = console.export_text().splitlines()
    console.file.close()
    assert lines[0].strip() == "│   cat" and lines[1].strip() == "the"
    assert lines[2].split() == ["le", "93", "7"]
    assert lines[3].split() == ["chat", "·", "99"]


def test_pieces_are_put_together_to_words():
    names, groups = group_pieces(["▁L", "'", "h", "omme", "▁mange", ".", "▁", "3"])
    assert names == ["L'", "homme", "mange", ".", "3", "</s>"]
    assert groups == [[0, 1], [2, 3], [4], [5], [6, 7], [8]]


def test_the_weights_of_a_picture_still_sum_to_one(model):
    picture = picture_of(load(model), EXAMPLE)
    weights = np.array(picture.weights)
    assert weights.shape == (len(picture.rows), len(picture.columns))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-5)
