"""Options and helpers that several commands share."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from regard import models
from regard.data.formats import names_warning
from regard.data.formats.lines import STANDARD_INPUT
from regard.errors import RegardError, refuse_system_error
from regard.text.languages import Languages

if TYPE_CHECKING:
    from regard.translator import Translator

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

KEYS_FILE = Path("api_keys.db")
"""The database of API keys, in the working folder."""
ASSIGNMENT = re.compile(r"[a-z]+\.[a-z_]+=")


def print_message(message: str, style: str | None = None) -> None:
    """Print a message for the user, in one line however wide the terminal is."""
    errors.print(message, style=style, highlight=False, soft_wrap=True)


def print_warning(warning: str) -> None:
    """Print a warning for the user in one line; nothing if it is empty."""
    if warning:
        print_message(warning, style="yellow")


def head_warning(translator: "Translator") -> str:
    """What to know about links from a model without an alignment head; empty for one with it."""
    if translator.has_alignment_head:
        return ""
    return (
        "this model has no alignment head: links are from its attention weights, which are less"
        " reliable; `regard train --add-alignment-head` adds one"
    )


def refuse_without_links(translator: "Translator") -> None:
    """Raises RegardError if the model attends to nothing and has no alignment head."""
    if not (translator.has_alignment_head or translator.attends):
        raise RegardError(
            "this model has neither an alignment head nor attention",
            "its links",
            "`regard train --add-alignment-head` adds a head",
        )
    print_warning(head_warning(translator))


def warn_of_languages(
    files: Sequence[Path], sources: Sequence[str], targets: Sequence[str], languages: Languages
) -> None:
    """Print a warning if the files' names or texts show other languages than these two."""
    from regard.text.identification import languages_warning

    print_warning(names_warning(files, languages))
    print_warning(languages_warning(sources, targets, languages, "test text"))


@contextmanager
def progress(task: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; the result is called with how much is done."""
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with bars:
        number = bars.add_task(task, total=total)
        yield lambda done: bars.update(number, completed=done)


@contextmanager
def resumable(stopped: str = "stopped; run the same command again to resume") -> Iterator[None]:
    """When the training in this block is interrupted, print how to resume it and exit.

    `stopped` is the message after a Ctrl-C that came when the state could not be saved.
    """
    from regard.training.loop import Interrupted

    try:
        yield
    except Interrupted as stop:
        errors.print(f"{stop}; run the same command again to resume", style="yellow")
        raise typer.Exit(128 + stop.signal_number) from stop
    except KeyboardInterrupt as stop:
        errors.print(stopped, style="yellow")
        raise typer.Exit(130) from stop


def split_arguments(words: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Separate files from assignments (section.option=value).

    Raises RegardError if a word is neither.
    """
    assignments = [word for word in words if ASSIGNMENT.match(word)]
    for word in words:
        if "=" in word and word not in assignments and not Path(word).exists():
            raise RegardError(
                f"'{word}' is neither a file nor an option",
                "the command line",
                "write section.option=value, in lower case and without spaces",
            )
    return [Path(word) for word in words if not ASSIGNMENT.match(word)], assignments


def one_text(files: tuple[Path, Path] | None, pairs: Path | None, name: str) -> tuple[Path, ...]:
    """The files of a text that was given as two files or as one with both languages, or not at all.

    Raises RegardError if it was given in both ways.
    """
    if files and pairs:
        kinds = {"valid": "validation", "test": "test"}
        raise RegardError(
            f"{kinds[name]} text was given twice",
            f"--{name}, --{name}-pairs",
            "give one of the two",
        )
    return files or ((pairs,) if pairs else ())


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


def with_beam(translator: "Translator", beam: int) -> "Translator":
    """A translator that keeps `beam` hypotheses; 0 leaves it as it is."""
    if not beam:
        return translator
    return translator.with_beam(beam)


@contextmanager
def output_stream(out: Path | None) -> Iterator[IO[str]]:
    """A file that appears when it is complete, or standard output."""
    if out is None:
        yield sys.stdout
        return
    part = out.with_name(f"{out.name}.part")
    with part.open("w", encoding="utf-8", newline="\n") as stream:
        yield stream
    part.replace(out)


def new_folder(folder: Path) -> Path:
    """Create an empty folder. Raises RegardError if it exists or cannot be written."""
    if folder.exists():
        raise RegardError(
            "this folder exists already", str(folder), "choose another --out, or remove it first"
        )
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        refuse_system_error(error, "write", str(folder))
    return folder


def use_utf8() -> None:
    """Read and write UTF-8, whatever the terminal's locale is."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(encoding="utf-8", errors="replace", newline="\n")


def as_utf8(word: str) -> str:
    """A word of the command line in which bytes that are not UTF-8 become �, as in files."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
