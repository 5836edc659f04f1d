"""regard train"""

import shutil
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from regard.cli.common import errors, split_arguments, use_utf8
from regard.config import make_config, options, override, read_config
from regard.errors import RegardError

NARROWEST = 72
"""Columns of the table of options, at least: in fewer their names would be cut."""


def show_options(wanted: bool) -> bool:
    if not wanted:
        return wanted
    table = Table("option", "default", "what it is", box=None, padding=(0, 2, 0, 0))
    for option in options():
        table.add_row(option.name, str(option.default), option.description)
    width = max(NARROWEST, shutil.get_terminal_size().columns)
    Console(emoji=False, width=width).print(table)
    raise typer.Exit


def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE TARGET [OPTION=VALUE ...]",
            help="Two text files, line by line, or one that holds both sides (.tsv, .jsonl; .gz and"
            " .xz on top); then options, written section.option=value.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="The folder of the model.", show_default=False)],
    valid: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="SOURCE TARGET",
            help="Validation text; without it some pairs are held out.",
            show_default=False,
        ),
    ] = None,
    valid_pairs: Annotated[
        Path | None,
        typer.Option(
            help="The same in one file that holds both sides (.tsv, .jsonl).", show_default=False
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of options.", show_default=False)
    ] = None,
    languages: Annotated[
        str, typer.Option(help="Like en-fr; else the file endings tell.", show_default=False)
    ] = "",
    start_from: Annotated[
        Path | None,
        typer.Option(
            help="Tune a ready model on new text: its folder, a file that `regard export` wrote, or"
            " one that comes along, by name. Dropout can change; model.decoder_size, and"
            " model.encoder_layers from two on, can grow.",
            show_default=False,
        ),
    ] = None,
    _options: Annotated[
        bool,
        typer.Option(
            "--options", help="List every option and stop.", callback=show_options, is_eager=True
        ),
    ] = False,
) -> None:
    """Train a model on parallel text, and leave it in a folder.

    Ctrl-C saves and stops; the same command again goes on exactly where it stopped. Nothing
    that exists is overwritten.

    Example:

        regard train train.en train.fr --valid val.en val.fr --out model train.minutes=30

    Tune the model that comes along on text of your own:

        regard train mine.en mine.fr --start-from en-fr --out my-model train.minutes=30
    """
    use_utf8()
    from regard.api import train as run
    from regard.training.loop import Interrupted
    from regard.training.report import console_report

    files, assignments = split_arguments(words or [])
    if not files:
        raise RegardError("no text to learn from is given", "the command line", "give two files")
    if valid and valid_pairs:
        raise RegardError(
            "validation text is given twice", "--valid, --valid-pairs", "give one of the two"
        )
    held_out = [valid_pairs] if valid_pairs else valid or ()
    settings = override(read_config(config) if config else {}, assignments)
    make_config(settings, f"{config}, the command line" if config else "the command line")
    with console_report(errors) as report:
        try:
            outcome = run(files, out, held_out, languages, settings, start_from or "", report)
        except Interrupted as stop:
            errors.print(f"{stop}; run the same command again to go on", style="yellow")
            raise typer.Exit(128 + stop.signal_number) from stop
        except KeyboardInterrupt:
            errors.print("stopped; the same command goes on with what is saved", style="yellow")
            raise
    errors.print(
        f"{outcome.updates:,} updates in {outcome.seconds / 60:.1f} minutes; {outcome.reason}. "
        f"Kept: update {outcome.best_update:,}, validation BLEU {outcome.quality['bleu']:.2f}, "
        f"loss {outcome.quality['loss']:.3f}.",
        highlight=False,
    )
    errors.print(
        f"Now try: echo 'Some text.' | regard translate --model {quote(str(out))}",
        highlight=False,
        soft_wrap=True,
    )
