"""regard translate"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from regard.cli.common import errors, new_file, use_utf8
from regard.config import SearchOptions
from regard.text.formats import read_texts
from regard.translator import Translation, load

CHUNK = 1024
"""Lines that are held at a time."""


class Format(StrEnum):
    text = "text"
    json = "json"


def translate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Text files, a sentence a line; none or - is standard input."),
    ] = None,
    model: Annotated[Path, typer.Option(help="A model folder.", show_default=False)] = ...,  # type: ignore[assignment]
    beam: Annotated[
        int, typer.Option(help="Hypotheses kept at each step; 1 is greedy.", min=0, max=1000)
    ] = 0,
    n_best: Annotated[
        int, typer.Option(help="Translations of each line, at most.", min=1, max=1000)
    ] = 1,
    begin: Annotated[str, typer.Option(help="What every translation begins with.")] = "",
    format: Annotated[Format, typer.Option(help="Plain lines, or an object a line.")] = Format.text,
    out: Annotated[
        Path | None, typer.Option(help="Write to this new file.", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Translate lines of text, in order; an empty line gives an empty line.

    With --n-best each line gives up to N lines: line number, log-probability and text, with tabs
    between.

    Example:

        echo "Two dogs play in the snow." | regard translate --model model
    """
    use_utf8()
    translator = load(model, device)
    options = translator.options
    size = max(beam or options.beam, n_best)
    translator = translator.with_options(
        SearchOptions.model_validate({**options.model_dump(), "beam": size})
    )
    read = files or [Path("-")]
    is_typed = Path("-") in read and sys.stdin.isatty()  # each line gets its answer at once
    lines = (line for file in read for line in read_texts(file))
    noted: list[int] = []
    with ExitStack() as stack:
        to: TextIO = sys.stdout
        if out is not None:
            to = stack.enter_context(new_file(out).open("w", encoding="utf-8", newline="\n"))
        bar = stack.enter_context(counting_lines(is_shown=not to.isatty()))
        task, total = bar.add_task("translating", total=None), 0
        for chunk in in_chunks(lines, 1 if is_typed else CHUNK):
            found = translator.continue_from(chunk, begin) if begin else translator.n_best(chunk)
            for best in found:
                total += 1
                if best[0].ending != "end":
                    noted.append(total)
                to.write(
                    as_json(best[:n_best]) if format == "json" else as_text(best, n_best, total)
                )
            to.flush()
            bar.update(task, completed=total)
    if noted:
        shown = ", ".join(map(str, noted[:5])) + (", ..." if len(noted) > 5 else "")
        errors.print(
            f"{len(noted)} of {total} translations did not end by themselves and were cut"
            f" (lines {shown}); --format json says which and why",
            style="yellow",
            highlight=False,
        )


def counting_lines(is_shown: bool) -> Progress:
    """Counts lines on a terminal, unless the results themselves appear there."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description} {task.completed:,.0f} lines"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not (is_shown and errors.is_terminal),
    )


def in_chunks(lines: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of `size` lines."""
    iterator = iter(lines)
    while chunk := list(islice(iterator, size)):
        yield chunk


def as_text(best: list[Translation], n_best: int, number: int) -> str:
    if n_best == 1:
        return best[0].text + "\n"
    return "".join(f"{number}\t{one.log_prob:.4f}\t{one.text}\n" for one in best[:n_best])


def as_json(best: list[Translation]) -> str:
    found = [
        {"text": one.text, "log_prob": round(one.log_prob, 4), "ending": one.ending} for one in best
    ]
    return json.dumps({"source": best[0].source, "translations": found}, ensure_ascii=False) + "\n"


def add_to(app: typer.Typer) -> None:
    app.command()(translate)
