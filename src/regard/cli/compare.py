"""regard compare"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import table as rich_table
from rich.console import Console

from regard.api import refuse_text_twice
from regard.cli import NAME_AND_OPTIONS
from regard.cli.common import (
    errors,
    one_text,
    print_message,
    resumable,
    split_arguments,
    use_utf8,
    warn_of_languages,
)
from regard.data.formats import PAIR_FORMATS, guess_languages
from regard.errors import RegardError
from regard.settings import make_config, override, read_config
from regard.text.languages import parse_languages

if TYPE_CHECKING:
    from regard.experiment import Plan
    from regard.experiment.results import Comparison
    from regard.experiment.tables import Table


def compare(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE TARGET [OPTION=VALUE ...]]",
            help="Training text, and options for all models, as in `regard train`.",
        ),
    ] = None,
    *,
    test: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="SOURCE REFERENCE", help="Text that no model was trained on."),
    ] = None,
    test_pairs: Annotated[
        Path | None,
        typer.Option(help=f"The same in one file with both languages ({PAIR_FORMATS})."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for all results; a second run resumes.")],
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTION=VALUE,VALUE",
            help="The option that differs; the first value is the baseline. Repeat it to compare"
            " every combination.",
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar=NAME_AND_OPTIONS,
            help="A model that differs in all these options; repeat it for each model. The first is"
            " the baseline. Options for all models stand before the first one.",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Models per choice, each with another seed.", min=1, max=100)
    ] = 1,
    models: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="MODEL MODEL ...",
            help="Compare these trained models instead (folders, .regard files, names of built-in"
            " models); the first is the baseline.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file of options.")] = None,
    valid: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="SOURCE TARGET",
            help="Validation text; without it, some training pairs are held out.",
        ),
    ] = None,
    valid_pairs: Annotated[
        Path | None,
        typer.Option(help="The same in one file with both languages."),
    ] = None,
    languages: Annotated[
        str, typer.Option(help="Like en-fr; by default from the file endings.")
    ] = "",
    significance: Annotated[
        str, typer.Option(help="The significance test: bootstrap or randomization.")
    ] = "bootstrap",
    length_buckets: Annotated[
        str, typer.Option(help="Upper ends of the length buckets, in source words.")
    ] = "10,20,30,40,50,60",
) -> None:
    """Train models that differ in one option, or in several, and compare them: quality with
    significance, BLEU by length, attention maps.

    Text, order, seed and all other options are the same for all. Each line of the test text is
    translated as one sentence, as in training. Ctrl-C saves and stops; the same command resumes.
    The folder gets report.html, result.json, figures and translations.

    Example:

        regard compare train.en train.fr --test test.en test.fr --vary model.attention=none,scaled
        --out experiment

        regard compare train.en train.fr --test test.en test.fr --out layers
        model.embedding_size=256 model.encoder_size=256 model.decoder_size=256
        --variant recurrent model.layer_type=lstm
        --variant transformer model.layer_type=self-attention
    """
    use_utf8()
    from regard.experiment import CompareOptions, choose, choose_named, plan_ready, plan_training
    from regard.experiment.figures import refuse_missing
    from regard.training.corpora import corpora_languages
    from regard.training.data import Data

    refuse_missing()
    tested = one_text(test, test_pairs, "test")
    if not tested:
        raise RegardError(
            "no test text was given", "the command line", "give --test SOURCE REFERENCE"
        )
    options = CompareOptions(tested, out, significance, edges(length_buckets))
    files, assignments = split_arguments(words or [])
    settings = override(read_config(config) if config else {}, assignments)
    if models:
        if vary or variant:
            name = "--vary" if vary else "--variant"
            raise RegardError(
                f"{name} trains models, and --models gives trained ones",
                f"--models and {name}",
                "give one of the two",
            )
        # the words after `--models A` are further models
        plan = plan_ready(options, [*models, *files], settings)
    else:
        corpora = make_config({"data": settings.get("data", {})}, "the options").data
        if not files and not corpora.corpora:
            raise RegardError(
                "there is nothing to compare",
                "the command line",
                "give training text and --vary or --variant, or --models",
            )
        refuse_text_twice(files, corpora)
        shown = corpora_languages(corpora) if corpora.corpora else ()
        codes = parse_languages(languages) if languages else shown or guess_languages(files)
        data = Data(tuple(files), one_text(valid, valid_pairs, "valid"), codes)
        if vary and variant:
            raise RegardError(
                "--vary and --variant both say in what the models differ",
                "--vary and --variant",
                "give one of the two",
            )
        choices = choose_named(settings, variant) if variant else choose(settings, vary or [])
        plan = plan_training(options, data, choices, seeds)
    warn_of_languages(tested, plan.test.sources, plan.test.references, plan.languages)
    show(run_comparison(plan), out)


def edges(lengths: str) -> tuple[int, ...]:
    """Raises RegardError if these are not increasing numbers."""
    parts = [part.strip() for part in lengths.split(",")]
    numbers = [int(part) for part in parts if part.isdecimal()]
    if len(numbers) < len(parts) or numbers != sorted(set(numbers)) or min(numbers) < 1:
        raise RegardError(
            f"'{lengths}' is not a list of lengths",
            "--length-buckets",
            "write increasing numbers, like 10,20,30",
        )
    return tuple(numbers)


def run_comparison(plan: "Plan") -> "Comparison":
    """Compare; a signal saves the models and exits with its exit code."""
    from regard.experiment import compare

    with resumable():
        return compare(plan, errors)


def show(comparison: "Comparison", out: Path) -> None:
    from regard.experiment.results import labels_of
    from regard.experiment.tables import length_table, models_table, spreads_table

    console, labels = Console(emoji=False, markup=False), labels_of(comparison.models)
    for table in (models_table, length_table, spreads_table):
        print_table(console, table(comparison))
    for difference in comparison.differences:
        console.print(
            f"{labels[difference.model]} against {labels[difference.baseline]}: "
            f"{difference.bleu:+.2f} BLEU, 95 %: {difference.low:+.2f} to {difference.high:+.2f}, "
            f"p = {difference.verdicts[0].p_value:.4f}",
            highlight=False,
        )
    print_message(f"The report: {out / 'report.html'}")


def print_table(console: Console, table: "Table") -> None:
    """Print the columns that have a short heading, without details; nothing if it has no rows."""
    if not table.rows:
        return
    drawn = rich_table.Table(
        title=table.title, box=None, padding=(0, 1, 0, 0), title_justify="left"
    )
    shown = [number for number, column in enumerate(table.columns) if column.short_heading]
    for number in shown:
        drawn.add_column(
            table.columns[number].short_heading,
            justify="right" if number else "left",
            overflow="fold",
        )
    for row in table.rows:
        texts = [row.label, *(cell.text for cell in row.cells)]
        drawn.add_row(*(texts[number] for number in shown))
    console.print(drawn)
