"""regard demo"""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from regard.cli.common import errors, use_utf8
from regard.cli.compare import run, table_by_length, table_of_models


def demo(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OPTION=VALUE ...]",
            help="Options for both models, as in `regard train`.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option(help="Where text and models are left; run again, it goes on.")
    ] = Path("regard-demo"),
    pairs: Annotated[int, typer.Option(help="Sentences to learn from.", min=1000)] = 12_000,
) -> None:
    """Train the traditional model and the attention model alike, and see the difference.

    Both learn English-French from a small grammar that comes along, in two to six minutes on two
    cores. Nothing is downloaded.

    Example:

        regard demo
    """
    use_utf8()
    from rich.console import Console

    from regard.cli.explain import show_attention
    from regard.experiment.demo import plan_lesson
    from regard.explain.explanation import explain
    from regard.lesson.corpus import EXAMPLE
    from regard.translator import open_light

    console = Console(emoji=False, markup=False)
    with errors.status("writing the lesson"):
        plan = plan_lesson(out, pairs, words or [])
    found = run(plan)
    console.print()
    console.print(table_of_models(found))
    console.print(table_by_length(found.models))
    console.print(f"\n{EXAMPLE.source}", style="bold", end="")
    console.print("  (in no training sentence)\n")
    for one in plan.models:
        explained = explain(open_light(one.model), EXAMPLE.source, one.name)
        console.print(f"The {one.name} model", style="bold", end="")
        console.print(f" writes: {explained.target.text}")
        show_attention(console, explained, subwords=False)
    console.print(
        "Each row is a word that the model writes, each column a word that it reads;\n"
        "the numbers say how much it looked there, in percent. Without attention all\n"
        "that the decoder sees is the final state, at </s>.\n"
    )
    console.print("All of it, with more sentences and pictures, in your browser:")
    console.print(f"  {out / 'report.html'}", soft_wrap=True)
    console.print("Now try:")
    best = plan.models[-1].model
    try_it = (
        f"  echo 'The old farmer sees a red house.' | regard translate --model {quote(str(best))}"
    )
    console.print(try_it, soft_wrap=True)
    both = " ".join(f"--model {quote(str(one.model))}" for one in reversed(plan.models))
    console.print(f"  regard explore {both}", soft_wrap=True)
    console.print("The lesson that goes with it: docs/lesson.md")
