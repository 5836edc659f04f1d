"""Options and helpers that several commands share."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from regard import models
from regard.data.formats.lines import STANDARD_INPUT, read_texts
from regard.errors import RegardError, refuse_system_error

errors = Console(stderr=True, emoji=False, markup=False)
"""Progress and messages go here, results to standard output."""

ModelOption = Annotated[
    Path,
    typer.Option(
        help="A model folder, a .regard file, or the name of a built-in model.",
        show_default=models.DEFAULT.stem,
    ),
]
"""The option --model; its default must be `models.DEFAULT`."""

BeamOption = Annotated[
    int,
    typer.Option(
        help="Hypotheses kept at each step; 1 is greedy search.",
        min=0,
        max=1000,
        show_default="the model's own",
    ),
]
"""The option --beam; its default, 0, is the beam in the model's options."""

ModelsOption = Annotated[
    list[Path],
    typer.Option(
        "--model",
        help="A model folder, a .regard file, or the name of a built-in model; repeat the option"
        " to show several models side by side.",
        default_factory=lambda: [models.DEFAULT],
        show_default=models.DEFAULT.stem,
    ),
]
"""The option --model, which may be repeated."""

ASSIGNMENT = re.compile(r"[a-z]+\.[a-z_]+=")


class Arguments(NamedTuple):
    """The positional arguments of a command."""

    files: list[Path]
    assignments: list[str]
    """section.option=value"""


def split_arguments(words: Sequence[str]) -> Arguments:
    """Separate files from assignments. Raises RegardError if a word is neither."""
    assignments = [word for word in words if ASSIGNMENT.match(word)]
    for word in words:
        if "=" in word and word not in assignments and not Path(word).exists():
            raise RegardError(
                f"'{word}' is neither a file nor an option",
                "the command line",
                "write section.option=value, in lower case and without spaces",
            )
    return Arguments([Path(word) for word in words if not ASSIGNMENT.match(word)], assignments)


def announce_default_model(model: Path) -> None:
    """Print the name of the model on a terminal if it is the default."""
    if model == models.DEFAULT and errors.is_terminal:
        name = model.stem
        errors.print(f"built-in model: {name} (see regard info {name})", style="dim")


def refuse_stdin_twice(files: Sequence[Path]) -> None:
    """Raises RegardError if `-` is given more than once."""
    if list(files).count(STANDARD_INPUT) > 1:
        raise RegardError(
            "standard input can be read only once", "the command line", "give - at most once"
        )


def read_all(file: Path) -> list[str]:
    """The lines of a text file; `-` is standard input."""
    return list(read_texts(file))


def new_file(file: Path) -> Path:
    """Create an empty file. Raises RegardError if it exists or cannot be written."""
    if file.exists():
        raise RegardError(
            "this file exists already", str(file), "choose another --out, or remove it first"
        )
    try:
        file.touch()
    except OSError as error:
        refuse_system_error(error, "write", str(file))
    return file


def use_utf8() -> None:
    """Read and write UTF-8, whatever the terminal's locale is."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors="replace", newline="\n")


def as_utf8(word: str) -> str:
    """A word of the command line in which bytes that are not UTF-8 become �, as in files."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
