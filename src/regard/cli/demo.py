"""regard demo"""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from regard.cli.common import errors, use_utf8
from regard.cli.compare import print_table, run_comparison


def demo(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OPTION=VALUE ...]", help="Options for both models, as in `regard train`."
        ),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option(help="Folder for text and models; a second run resumes.")
    ] = Path("regard-demo"),
    pairs: Annotated[int, typer.Option(help="Training sentences.", min=1000)] = 12_000,
) -> None:
    """Train a model without attention and one with it in the same way, and compare them.

    Both learn English-French from sentences of a small built-in grammar, in about three minutes on
    two cores. Nothing is downloaded.

    Example:

        regard demo
    """
    use_utf8()
    from rich.console import Console

    from regard.cli.explain import show_map
    from regard.experiment.demo import plan_lesson
    from regard.experiment.tables import length_table, models_table
    from regard.explain.explanation import explain, load_to_explain
    from regard.explain.maps import weight_map
    from regard.lesson.corpus import EXAMPLE

    console = Console(emoji=False, markup=False)
    with errors.status("writing the lesson"):
        plan = plan_lesson(out, pairs, words or [])
    comparison = run_comparison(plan)
    console.print()
    print_table(console, models_table(comparison))
    print_table(console, length_table(comparison))
    console.print(f"\n{EXAMPLE.source}", style="bold", end="")
    console.print("  (in no training sentence)\n")
    for model in plan.models:
        translator = load_to_explain(model.path)
        explanation = explain(translator, EXAMPLE.source, model.name)
        console.print(f"The {model.name} model", style="bold", end="")
        console.print(f" writes: {explanation.target.text}")
        show_map(console, weight_map(explanation))
    console.print(
        "Each row is a word that the model writes, each column a word that it reads;\n"
        "the numbers are attention weights in percent. Without attention the decoder\n"
        "sees only the final state, at </s>.\n"
    )
    console.print("The complete report, with more sentences and charts, for your browser:")
    console.print(f"  {out / 'report.html'}", soft_wrap=True)
    console.print("Now try:")
    try_it = f"regard translate --model {quote(str(plan.models[-1].path))}"
    console.print(f"  echo 'The old farmer sees a red house.' | {try_it}", soft_wrap=True)
    both = " ".join(f"--model {quote(str(model.path))}" for model in reversed(plan.models))
    console.print(f"  regard explore {both}", soft_wrap=True)
    console.print("The lesson to read with it: docs/lesson.md")
