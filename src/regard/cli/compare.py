"""regard compare"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from regard.cli.common import errors, split_arguments, use_utf8
from regard.config import override, read_config
from regard.data.formats import guess_languages, reader_of
from regard.errors import RegardError
from regard.text.languages import parse_languages

if TYPE_CHECKING:
    from regard.experiment import Plan
    from regard.experiment.results import Comparison, ModelResult


WordsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE TARGET [OPTION=VALUE ...]]",
        help="Text to learn from, and options for all models, as in `regard train`.",
        show_default=False,
    ),
]
TestOption = Annotated[
    tuple[Path, Path],
    typer.Option(
        metavar="SOURCE REFERENCE", help="Text that no model learned from.", show_default=False
    ),
]
OutOption = Annotated[
    Path, typer.Option(help="The folder of all results; run again, it goes on.", show_default=False)
]
VaryOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OPTION=VALUE,VALUE",
        help="What differs; the first value is the baseline. Given twice: every combination.",
        show_default=False,
    ),
]
ModelsOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="MODEL MODEL ...",
        help="Compare these ready models instead (folders, .regard files, names of models that"
        " come along); the first is the baseline.",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option(help="A TOML file of options.", show_default=False)
]
ValidOption = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        metavar="SOURCE TARGET",
        help="Validation text; without it some pairs are held out.",
        show_default=False,
    ),
]
LanguagesOption = Annotated[
    str, typer.Option(help="Like en-fr; else the file endings tell.", show_default=False)
]
MethodOption = Annotated[
    str, typer.Option(help="The significance test: bootstrap or randomization.")
]
LengthsOption = Annotated[
    str, typer.Option(help="Where the groups by length end, in source words.")
]


def compare(
    words: WordsArgument = None,
    *,
    test: TestOption,
    out: OutOption,
    vary: VaryOption = None,
    seeds: Annotated[int, typer.Option(help="Models of each choice.", min=1, max=100)] = 1,
    models: ModelsOption = None,
    config: ConfigOption = None,
    valid: ValidOption = None,
    languages: LanguagesOption = "",
    significance: MethodOption = "bootstrap",
    length_buckets: LengthsOption = "10,20,30,40,50,60",
) -> None:
    """Train each choice alike, and see what it changes: quality, significance, length, looks.

    Only what is varied differs: text, order, seed, sizes and updates are the same. Lines of the
    test text are translated whole, as those to learn from are read. Ctrl-C saves and stops; the
    same command again goes on. The folder then holds report.html, result.json, figures and
    translations.

    Example:

        regard compare train.en train.fr --test test.en test.fr --vary model.attention=none,scaled
        --out experiment
    """
    use_utf8()
    from regard.experiment import CompareOptions, plan_ready, plan_training
    from regard.experiment.charts import refuse_missing
    from regard.training.data import Data

    refuse_missing()
    asked = CompareOptions(test, out, significance, edges(length_buckets))
    files, assignments = split_arguments(words or [])
    settings = override(read_config(config) if config else {}, assignments)
    if models:
        if vary:
            raise RegardError(
                "ready models are not trained", "--models and --vary", "give one of the two"
            )
        # what stands behind `--models A` are further models
        plan = plan_ready(asked, [*models, *files], settings)
    else:
        if not files:
            raise RegardError(
                "there is nothing to compare",
                "the command line",
                "give text to learn from and --vary, or --models",
            )
        reader_of(files)  # refuses what is no corpus
        codes = parse_languages(languages) if languages else guess_languages(files)
        data = Data(tuple(files), tuple(valid or ()), codes)
        plan = plan_training(asked, data, settings, vary or [], seeds)
    show(run(plan), out)


def edges(lengths: str) -> tuple[int, ...]:
    """Raises RegardError if these are not rising numbers."""
    parts = [part.strip() for part in lengths.split(",")]
    numbers = [int(part) for part in parts if part.isdecimal()]
    if len(numbers) < len(parts) or numbers != sorted(set(numbers)) or min(numbers) < 1:
        raise RegardError(
            f"'{lengths}' are not lengths",
            "--length-buckets",
            "write rising numbers, like 10,20,30",
        )
    return tuple(numbers)


def run(plan: "Plan") -> "Comparison":
    """Compare; a signal saves, and leaves with its exit code."""
    from regard.experiment import compare as run_all
    from regard.training.loop import Interrupted

    try:
        return run_all(plan, errors)
    except Interrupted as stop:
        errors.print(f"{stop}; run the same command again to go on", style="yellow")
        raise typer.Exit(128 + stop.signal_number) from stop
    except KeyboardInterrupt as stop:
        errors.print("stopped; run the same command again to go on", style="yellow")
        raise typer.Exit(130) from stop


def show(found: "Comparison", out: Path) -> None:
    console = Console(emoji=False, markup=False)
    console.print(table_of_models(found))
    console.print(table_by_length(found.models))
    if found.models[-1].seed != found.models[0].seed:
        console.print(table_of_spreads(found))
    for one in found.differences:
        verdict = one.verdicts[0]
        console.print(
            f"{one.model} against {one.baseline}: {one.bleu:+.2f} BLEU, 95 %: {one.low:+.2f} to "
            f"{one.high:+.2f}, p = {verdict.p_value:.4f}",
            highlight=False,
        )
    errors.print(f"The report: {out / 'report.html'}", highlight=False, soft_wrap=True)


def new_table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, box=None, padding=(0, 1, 0, 0), title_justify="left")
    table.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def table_of_models(found: "Comparison") -> Table:
    """One row a model."""
    columns = ("model", "BLEU", "chrF", "TER", "ppl", "size", "min", "sent/s", "p")
    table = new_table(f"{found.test['sentences']:,} test sentences", columns)
    p_values = {one.model: one.verdicts[0].p_value for one in found.differences}
    for model in found.models:
        known = model.training.updates > 0
        table.add_row(
            model.name,
            *(f"{quality.value:.1f}" for quality in model.quality),
            f"{model.perplexity:,.2f}",
            f"{model.parameters / 1e6:.1f} M",
            f"{model.training.minutes:.1f}" if known else "?",
            f"{model.speed:,.0f}",
            f"{p_values[model.name]:.4f}" if model.name in p_values else "",
        )
    return table


def table_by_length(models: "Sequence[ModelResult]") -> Table:
    """BLEU by source words."""
    buckets = models[0].buckets
    table = new_table("BLEU by source words", ("model", *(one.words for one in buckets)))
    table.add_row("sentences", *(f"{one.sentences:,}" for one in buckets), style="dim")
    for model in models:
        table.add_row(model.name, *(f"{one.bleu:.1f}" for one in model.buckets))
    return table


def table_of_spreads(found: "Comparison") -> Table:
    """Mean and standard deviation over seeds."""
    metrics = list(dict.fromkeys(spread.metric for spread in found.spreads))
    table = new_table("mean ± standard deviation over seeds", ("choice", *metrics))
    for choice in dict.fromkeys(spread.choice for spread in found.spreads):
        own = [spread for spread in found.spreads if spread.choice == choice]
        table.add_row(choice, *(f"{one.mean:.2f} ± {one.deviation:.2f}" for one in own))
    return table
