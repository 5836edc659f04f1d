"""The experiment: train each choice alike, evaluate each model, test the differences, report."""

import statistics
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from rich.console import Console

import regard
from regard import api
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
    as_plain_data,
    choices_of,
    metrics_of,
)
from regard.experiment.training_log import has_ended
from regard.files import write_file, write_json
from regard.settings import make_config
from regard.system import describe_system
from regard.training.report import console_report

RESULT_FORMAT = 2
"""Version of the layout of result.json."""
MIN_MERGED_SENTENCES = 10
"""Buckets with fewer sentences are merged: their BLEU would say nothing."""


def compare(plan: Plan, console: Console) -> Comparison:
    """Train the models that are not trained yet, evaluate all, and write the results to `plan.out`.

    A second run resumes where the first one stopped. Raises Interrupted if a signal stopped the
    training of a model, and RegardError for a mistake of the user.
    """
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse_system_error(error, "make the folder", str(plan.out))
    if plan.trains:
        train_all(plan, console)
    comparison = evaluate_all(plan, console)
    write_results(plan, comparison, console)
    return comparison


def train_all(plan: Plan, console: Console) -> None:
    """Train every model whose training has not ended."""
    for number, model in enumerate(plan.models, 1):
        minutes = make_config(model.settings, model.name).train.minutes
        heading = f"\n{model.name}, {number} of {len(plan.models)}"
        if (model.path / "training").exists() and has_ended(model.path, minutes):
            console.print(f"{heading}: trained already", highlight=False, markup=False)
            continue
        console.print(heading, style="bold", highlight=False, markup=False)
        with console_report(console) as report:
            languages = "-".join(plan.languages)
            api.train(plan.files, model.path, plan.valid, languages, model.settings, "", report)


def evaluate_all(plan: Plan, console: Console) -> Comparison:
    """Evaluate every model and test the differences."""
    plan = plan._replace(lengths=merge_small(plan.test.sources, plan.lengths, MIN_MERGED_SENTENCES))
    results: list[ModelResult] = []
    systems: dict[str, System] = {}
    for model in plan.models:
        with console.status(f"{model.name}: translating {len(plan.test.sources):,} sentences"):
            result, systems[model.name] = evaluate_model(model, plan)
        results.append(result)
    with console.status("testing the differences"):
        tested = all_differences(plan, systems)
    first_systems = [systems[model.name] for model in plan.first_seed()]
    with console.status("choosing examples"):
        examples = choose_examples(plan.test, first_systems, plan.lengths)
        reorderings = choose_reorderings(plan, first_systems)
    source, reference = plan.test.files[0].name, plan.test.files[-1].name
    sentences = len(plan.test.sources)
    return Comparison(
        RESULT_FORMAT,
        regard.__version__,
        plan.languages,
        plan.varied,
        plan.options,
        {"source": source, "reference": reference, "sentences": sentences},
        plan.method,
        results,
        spreads(results),
        tested,
        examples,
        reorderings,
        describe_system(),
    )


def all_differences(plan: Plan, systems: Mapping[str, System]) -> list[Difference]:
    """Each model against the first of its seed."""
    by_seed: dict[int, list[System]] = {}
    for model in plan.models:
        by_seed.setdefault(model.seed, []).append(systems[model.name])
    return [
        difference
        for group in by_seed.values()
        for difference in differences(group, plan.languages[1], plan.method)
    ]


def spreads(models: Sequence[ModelResult]) -> list[Spread]:
    """Mean and standard deviation of each metric over the seeds of each choice."""
    result = []
    for choice in choices_of(models):
        by_seed = [metrics_of(model) for model in models if model.choice == choice]
        for metric in by_seed[0]:
            values = [metrics[metric] for metrics in by_seed]
            deviation = statistics.stdev(values) if len(values) > 1 else 0.0
            result.append(Spread(choice, metric, statistics.fmean(values), deviation, values))
    return result


def write_results(plan: Plan, comparison: Comparison, console: Console) -> None:
    """result.json, report.html, and the figures if matplotlib is installed."""
    write_json(plan.out / "result.json", as_plain_data(comparison))
    write_file(plan.out / "report.html", render(comparison).encode())
    if find_spec("matplotlib"):
        from regard.experiment.figures import draw_all

        with console.status("drawing"):
            draw_all(comparison.models, plan.out / "figures")
