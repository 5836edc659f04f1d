"""What several commands share."""

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
        help="A model folder, a .regard file, or the name of a model that comes along.",
        show_default=models.DEFAULT.stem,
    ),
]
"""The option --model; its default is `models.DEFAULT`."""

BeamOption = Annotated[
    int,
    typer.Option(
        help="Hypotheses kept at each step; 1 is greedy.",
        min=0,
        max=1000,
        show_default="the model's own",
    ),
]
"""The option --beam; its default, 0, is what the model was made with."""

ModelsOption = Annotated[
    list[Path],
    typer.Option(
        "--model",
        help="A model folder, a .regard file, or the name of a model that comes along; given"
        " again, more of them beside it.",
        default_factory=lambda: [models.DEFAULT],
        show_default=models.DEFAULT.stem,
    ),
]
"""The same, once or more often."""

ASSIGNMENT = re.compile(r"[a-z]+\.[a-z_]+=")


class Arguments(NamedTuple):
    """What stands on the command line behind the command."""

    files: list[Path]
    assignments: list[str]
    """section.option=value"""


def split_arguments(words: Sequence[str]) -> Arguments:
    """Raises RegardError if a word is neither."""
    assignments = [word for word in words if ASSIGNMENT.match(word)]
    for word in words:
        if "=" in word and word not in assignments and not Path(word).exists():
            raise RegardError(
                f"'{word}' is neither a file nor an option",
                "the command line",
                "write section.option=value, in small letters and without spaces",
            )
    return Arguments([Path(word) for word in words if not ASSIGNMENT.match(word)], assignments)


def announce_default_model(model: Path) -> None:
    """Tell who watches which model translates, if nobody has chosen one."""
    if model == models.DEFAULT and errors.is_terminal:
        name = model.stem
        errors.print(f"with the model that comes along: {name} (regard info {name})", style="dim")


def refuse_stdin_twice(files: Sequence[Path]) -> None:
    """Raises RegardError if standard input is to be read more than once."""
    if list(files).count(STANDARD_INPUT) > 1:
        raise RegardError(
            "standard input can be read once", "the command line", "give one - and files"
        )


def read_all(file: Path) -> list[str]:
    """Every line of a text file; `-` is standard input."""
    return list(read_texts(file))


def new_file(file: Path) -> Path:
    """The file, if it is not there yet and can be written.

    Raises RegardError otherwise: nothing is overwritten.
    """
    if file.exists():
        raise RegardError("this file exists", str(file), "choose another --out, or remove it first")
    try:
        file.touch()
    except OSError as error:
        refuse_system_error(error, "write", str(file))
    return file


def use_utf8() -> None:
    """Results are UTF-8 whatever the terminal's locale says."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors="replace", newline="\n")


def as_utf8(word: str) -> str:
    """A word of the command line; a byte that is not UTF-8 is �, as in files."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
