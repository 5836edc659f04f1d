"""The laws of pictures in the terminal."""

import numpy as np
from rich.console import Console

from regard.show.terminal import heat


def test_a_picture_has_a_row_for_each_word_and_shows_the_weights_in_percent():
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(heat(["le", "chat"], ["the", "cat"], np.array([[0.93, 0.07], [0.0, 1.0]])))
    lines = console.export_text().splitlines()
    console.file.close()
    assert lines[0].strip() == "│   cat" and lines[1].strip() == "the"
    assert lines[2].split() == ["le", "93", "7"]
    assert lines[3].split() == ["chat", "·", "99"]
