"""The experiment: train each choice alike, judge each model, test the differences, tell all."""

import statistics
from collections.abc import Sequence
from importlib.util import find_spec

from rich.console import Console

import regard
from regard import api
from regard.config import make_config
from regard.errors import refuse_system_error
from regard.evaluation.length import merge_small
from regard.evaluation.significance import Difference, System, differences
from regard.experiment.evaluate import evaluate_model
from regard.experiment.examples import choose_examples, choose_reorderings
from regard.experiment.plan import Plan
from regard.experiment.report import render
from regard.experiment.results import (
    Comparison,
    ModelResult,
    Spread,
    as_json,
    choices_of,
    figures,
)
from regard.experiment.training_log import has_ended
from regard.files import write_file, write_json
from regard.system import describe_system
from regard.training.report import console_report

FORMAT = 1
"""Of result.json."""
FEWEST = 10
"""Sentences of a bucket; of fewer, BLEU says nothing."""


def compare(plan: Plan, console: Console) -> Comparison:
    """Train what is not trained yet, judge, and leave everything in the folder of the plan.

    Run again, it goes on where it stopped. Raises Interrupted if a signal asked to stop while a
    model was learning, and RegardError for a mistake of the user.
    """
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse_system_error(error, "make the folder", str(plan.out))
    if plan.files:
        train_all(plan, console)
    comparison = evaluate_all(plan, console)
    write(plan, comparison, console)
    return comparison


def train_all(plan: Plan, console: Console) -> None:
    """Train each candidate; those that have ended are left as they are."""
    for number, one in enumerate(plan.models, 1):
        minutes = make_config(one.settings, one.name).train.minutes
        about = f"\n{one.name}, {number} of {len(plan.models)}"
        if (one.model / "training").exists() and has_ended(one.model, minutes):
            console.print(f"{about}: trained already", highlight=False, markup=False)
            continue
        console.print(about, style="bold", highlight=False, markup=False)
        with console_report(console) as report:
            languages = "-".join(plan.languages)
            api.train(plan.files, one.model, plan.valid, languages, one.settings, "", report)


def evaluate_all(plan: Plan, console: Console) -> Comparison:
    """Judge each model and test the differences."""
    plan = plan._replace(lengths=merge_small(plan.test.sources, plan.lengths, FEWEST))
    models: list[ModelResult] = []
    texts: dict[str, list[str]] = {}
    for one in plan.models:
        with console.status(f"{one.name}: translating {len(plan.test.sources):,} sentences"):
            judged, texts[one.name] = evaluate_model(one, plan)
        models.append(judged)
    with console.status("testing the differences"):
        found = all_differences(plan, texts)
    shown = [System(one.name, texts[one.name]) for one in plan.first_seed()]
    with console.status("choosing sentences to look at"):
        cases = choose_examples(plan.test, shown, plan.lengths)
        reorderings = choose_reorderings(plan, shown)
    return Comparison(
        FORMAT,
        regard.__version__,
        plan.languages,
        plan.varied,
        plan.options,
        {
            "source": plan.test.files[0].name,
            "reference": plan.test.files[1].name,
            "sentences": len(plan.test.sources),
        },
        plan.method,
        models,
        spreads(models),
        found,
        cases,
        reorderings,
        describe_system(),
    )


def all_differences(plan: Plan, texts: dict[str, list[str]]) -> list[Difference]:
    """Each model against the first of its seed."""
    found = []
    for seed in dict.fromkeys(one.seed for one in plan.models):
        names = [one.name for one in plan.models if one.seed == seed]
        systems = [System(name, texts[name]) for name in names]
        found += differences(systems, plan.test.references, plan.languages[1], plan.method)
    return found


def spreads(models: Sequence[ModelResult]) -> list[Spread]:
    """Mean and spread of each figure over the seeds of each choice."""
    found = []
    for choice in choices_of(models):
        own = [figures(model) for model in models if model.choice == choice]
        for metric in own[0]:
            values = [each[metric] for each in own]
            deviation = statistics.stdev(values) if len(values) > 1 else 0.0
            found.append(Spread(choice, metric, statistics.fmean(values), deviation, values))
    return found


def write(plan: Plan, comparison: Comparison, console: Console) -> None:
    """result.json, report.html, and, where matplotlib is, the figures."""
    write_json(plan.out / "result.json", as_json(comparison))
    write_file(plan.out / "report.html", render(comparison).encode())
    if find_spec("matplotlib"):
        from regard.experiment.charts import draw_all

        with console.status("drawing"):
            draw_all(comparison.models, plan.out / "figures")
