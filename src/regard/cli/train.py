"""regard train"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from regard.cli.common import (
    errors,
    one_text,
    print_message,
    resumable,
    split_arguments,
    use_utf8,
)
from regard.config import options
from regard.data.formats import PAIR_FORMATS
from regard.errors import LostProcess, RegardError
from regard.settings import make_config, override, read_config

MIN_TABLE_COLUMNS = 80
"""The table of options is at least this wide: names would be cut off in fewer columns."""


def show_options(wanted: bool) -> bool:
    """List every option and exit, if this is wanted."""
    if not wanted:
        return wanted
    table = Table("option", "default", "description", box=None, padding=(0, 2, 0, 0))
    for option in options():
        table.add_row(option.name, *map(escape, (str(option.default), option.description)))
    width = max(MIN_TABLE_COLUMNS, shutil.get_terminal_size().columns)
    Console(emoji=False, width=width).print(table)
    raise typer.Exit


def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE TARGET [OPTION=VALUE ...]",
            help="Parallel text: two files whose lines correspond, or one file with both languages"
            f" ({PAIR_FORMATS}); .gz, .xz and .zst are decompressed. Then options of the model and"
            " the training, such as train.minutes=30 (`regard train --options` lists them all).",
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the model; a folder of a run that was stopped is resumed."),
    ] = None,
    valid: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="SOURCE TARGET",
            help="Validation text: decides which weights are kept and when to stop early. Without"
            " it some pairs are held out of the training text.",
        ),
    ] = None,
    valid_pairs: Annotated[
        Path | None,
        typer.Option(help=f"Validation text in one file with both languages ({PAIR_FORMATS})."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of options; options on the command line override it."),
    ] = None,
    languages: Annotated[
        str,
        typer.Option(
            help="Source and target language, such as en-fr. Without it the file suffixes decide."
        ),
    ] = "",
    start_from: Annotated[
        Path | None,
        typer.Option(
            help="Fine-tune a trained model instead of starting from random weights: its folder,"
            " a file that `regard export` wrote, or the name of a built-in model. Its architecture"
            " and vocabulary are kept; you may change dropout, and increase model.decoder_size and"
            " (from two layers) model.encoder_layers."
        ),
    ] = None,
    add_alignment_head: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help="Train no model: teach this finished one which word each word translates. Learns"
            " from the text given, or else from the text that the folder was trained on. Of a"
            " .regard file a copy is written to --out.",
        ),
    ] = None,
    _options: Annotated[
        bool,
        typer.Option(
            "--options",
            help="List every option with its default and exit.",
            callback=show_options,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Train a translation model on parallel text, and save it in a folder.

    The folder then holds the weights with the best validation score; translate with
    `regard translate --model FOLDER`. Ctrl-C saves the state and stops; the same command resumes
    the run, and the result is the same as without the interruption. A folder that holds anything
    else is refused.

    Example, which trains for 30 minutes:

        regard train train.en train.fr --valid val.en val.fr --out model train.minutes=30

    Fine-tune the built-in model on your own text; its quality before that is reported as update 0,
    and its weights are kept if training does not improve it:

        regard train mine.en mine.fr --start-from en-fr --out my-model train.minutes=30

    Train with several processes, on one host or several that share the folder:

        torchrun --standalone --nproc-per-node 4 -m regard train train.en train.fr --out model

    Give a finished model an alignment head, for `regard translate --align`:

        regard train --add-alignment-head my-model
    """
    use_utf8()
    from regard.api import train as run
    from regard.training.report import console_report

    errors.quiet = os.environ.get("LOCAL_RANK", "0") != "0"  # one process of a host speaks
    files, assignments = split_arguments(words or [])
    if add_alignment_head is not None:
        refuse_training_options(assignments, valid, valid_pairs, config, languages, start_from)
        add_head(add_alignment_head, files, out)
        return
    if out is None:
        raise RegardError("no folder for the model was given", "the command line", "give --out")
    held_out = one_text(valid, valid_pairs, "valid")
    settings = override(read_config(config) if config else {}, assignments)
    data = make_config(
        settings, f"{config}, the command line" if config else "the command line"
    ).data
    if not files and not data.corpora:
        raise RegardError("no text to train on was given", "the command line", "give two files")
    stopped = "stopped; run the same command again to resume from the last saved state"
    try:
        with console_report(errors) as report, resumable(stopped):
            outcome = run(files, out, held_out, languages, settings, start_from or "", report)
    except LostProcess:  # the one that notices it first speaks
        errors.quiet = False
        raise
    if os.environ.get("RANK", "0") != "0":  # the first process says the rest
        return
    errors.print(
        f"{outcome.updates:,} updates in {outcome.seconds / 60:.1f} minutes; {outcome.reason}. "
        f"Saved: update {outcome.best_update:,}, validation BLEU {outcome.quality['bleu']:.2f}, "
        f"loss {outcome.quality['loss']:.3f}.",
        highlight=False,
    )
    print_message(f"Now try: echo 'Some text.' | regard translate --model {quote(str(out))}")


def refuse_training_options(assignments: Sequence[str], *given: object) -> None:
    """Raises RegardError if options were given that only the training of a model has."""
    if assignments or any(given):
        raise RegardError(
            "the alignment head takes no options of training",
            "--add-alignment-head",
            "give the text alone, and --out for a .regard file",
        )


def add_head(model: Path, files: Sequence[Path], out: Path | None) -> None:
    from regard.api import add_alignment_head
    from regard.training.report import console_report

    stopped = "stopped; run the same command again to resume from the last saved state"
    with console_report(errors) as report, resumable(stopped):
        agreement = add_alignment_head(model, files, out or "", report)
    print_message(
        f"On {agreement.pairs:,} held-out pairs the head finds {agreement.recall:.1f} % of the"
        f" aligner's links, and {agreement.precision:.1f} % of its own are the aligner's."
    )
    print_message(
        f"Now try: echo 'Some text.' | regard translate --align --model {quote(str(out or model))}"
    )
