"""The laws of pictures in the terminal."""

import numpy as np
from rich.cells import cell_len
from rich.console import Console

from regard.explain.terminal import heat_map


def test_a_picture_has_a_row_for_each_word_and_shows_the_weights_in_percent():
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(heat_map(["le", "chat"], ["the", "cat"], np.array([[0.93, 0.07], [0.0, 1.0]])))
    lines = console.export_text().splitlines()
    console.file.close()
    assert lines[0].strip() == "│   cat" and lines[1].strip() == "the"
    assert lines[2].split() == ["le", "93", "7"]
    assert lines[3].split() == ["chat", "·", "100"]


def test_wide_letters_and_long_names_keep_their_columns():
    weights = np.array([[0.5, 0.5], [0.25, 0.75]])
    rows, columns = ["日本", "a"], ["x", "h" * 80]
    lines = heat_map(rows, columns, weights, width=40).plain.splitlines()
    assert len(lines) == 4, "one picture"
    assert all(cell_len(line) <= 40 for line in lines)
    assert cell_len(lines[2]) == cell_len(lines[3])
    assert lines[2].split() == ["日本", "50", "50"] and lines[0].endswith("hh…")
