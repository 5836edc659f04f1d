"""regard demo"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from regard.cli.common import errors, use_utf8

if TYPE_CHECKING:
    from regard.experiment import Result

CHOICES = {"traditional": "none", "attention": "scaled"}
"""The two models of the demonstration, by their score."""


def demo(
    out: Annotated[
        Path, typer.Option(help="Where text and models are left; run again, it goes on.")
    ] = Path("regard-demo"),
    pairs: Annotated[int, typer.Option(help="Sentences to learn from.", min=1000)] = 12_000,
) -> None:
    """Train the traditional model and the attention model alike, and see the difference.

    Both learn English-French from a small grammar that comes along, in under three minutes on two
    cores. Nothing is downloaded.

    Example:

        regard demo
    """
    use_utf8()
    import numpy as np
    from rich.console import Console

    from regard.experiment import judge, picture_of, train_choice, write_lesson
    from regard.show.terminal import heat
    from regard.text.lesson import EXAMPLE
    from regard.training.loop import Interrupted
    from regard.training.report import watching
    from regard.translator import load

    console = Console()
    with errors.status("writing the lesson"):
        texts = write_lesson(out / f"lesson-{pairs}", pairs, 500, seed=1)
    results: "list[Result]" = []
    for name, score in CHOICES.items():
        errors.print(f"\n[bold]The {name} model[/bold] (model.attention = {score})")
        with watching(errors) as report:
            try:
                outcome = train_choice(name, {"model": {"attention": score}}, texts, out, report)
            except Interrupted as stop:
                errors.print(f"{stop}; run the same command again to go on", style="yellow")
                raise typer.Exit(128 + stop.signal_number) from stop
        with errors.status("translating the test sentences"):
            results.append(judge(name, outcome, texts, out))
    console.print()
    console.print(comparison(results))
    console.print(f"\n[bold]{EXAMPLE.source}[/bold]  (in no training sentence)\n")
    for result in results:
        picture = picture_of(load(result.folder), EXAMPLE)
        console.print(f"[bold]The {result.name} model[/bold] writes: {picture.translation}")
        console.print(heat(picture.rows, picture.columns, np.array(picture.weights)))
    console.print(
        "Each row is a word that the model writes, each column a word that it reads;\n"
        "the numbers say how much it looked there, in percent. Without attention all\n"
        "that the decoder sees is the final state, at </s>.\n"
    )
    best = results[-1].folder
    console.print("Now try:")
    try_it = f"  echo 'The old farmer sees a red house.' | regard translate --model {best}"
    console.print(try_it, soft_wrap=True)


def comparison(results: "list[Result]") -> Table:
    """One row a model: size, time, quality, and quality by length."""
    buckets = results[0].buckets
    table = Table(
        "model",
        "size",
        "min",
        "BLEU",
        *(f"{bucket.first}-{bucket.last}" for bucket in buckets),
        title="BLEU on 500 sentences not learned from; by their length in words",
    )
    for result in results:
        table.add_row(
            result.name,
            f"{result.parameters / 1e6:.1f} M",
            f"{result.outcome.seconds / 60:.1f}",
            f"{result.quality[0].value:.1f}",
            *(f"{bucket.bleu:.1f}" for bucket in result.buckets),
        )
    return table


def add_to(app: typer.Typer) -> None:
    app.command()(demo)
