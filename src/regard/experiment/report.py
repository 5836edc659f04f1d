"""A comparison as one HTML file, without network access or scripts, for screen and paper.

The page is the Jinja template report.html; this file prepares its values.
"""

from importlib.resources import files
from typing import Any

from regard.experiment.charts import CHART_COLOURS, learning_charts, length_chart
from regard.experiment.results import ComparedSentence, Comparison, choices_of, labels_of
from regard.experiment.svg import chart_svg, key
from regard.experiment.tables import length_table, models_table, p_value, spreads_table
from regard.experiment.word_diff import compare_words

SIGNIFICANCE_LEVEL = 0.05
MIN_BUCKET_SENTENCES = 30
"""Sentences of a bucket below which the page warns that its BLEU is uncertain."""
TESTS = {
    "bootstrap": "paired bootstrap resampling (Koehn 2004)",
    "randomization": "paired approximate randomization (Riezler and Maxwell 2005)",
}


def render(comparison: Comparison) -> str:
    """The complete page."""
    from jinja2 import Environment, StrictUndefined

    page = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page.filters.update(signed=signed, p_value=p_value, compare_words=compare_words)
    return page.from_string(read_resource("report.html")).render(template_values(comparison))


def read_resource(name: str) -> str:
    return (files("regard.experiment") / name).read_text("utf-8")


def template_values(comparison: Comparison) -> dict[str, Any]:
    """What the template shows; what is HTML or SVG already is marked as safe."""
    from markupsafe import Markup

    models = comparison.models
    choices = choices_of(models)
    tests = [test for difference in comparison.differences[:1] for test in difference.verdicts]
    return {
        "comparison": comparison,
        "style": Markup(read_resource("report.css")),
        "choices": choices,
        "keys": [Markup(key(number)) for number in range(len(choices))],
        "labels": labels_of(models),
        "colours": {
            model.name: choices.index(model.choice) % len(CHART_COLOURS) for model in models
        },
        "significance_level": SIGNIFICANCE_LEVEL,
        "has_one_vocabulary": len({model.vocabulary for model in models}) == 1,
        "has_none": any(model.attention == "none" for model in models),
        "models_table": models_table(comparison),
        "spreads_table": spreads_table(comparison),
        "length_table": length_table(comparison),
        "length_chart": Markup(chart_svg(length_chart(models))),
        "learning_charts": [Markup(chart_svg(chart)) for chart in learning_charts(models)],
        "min_bucket_sentences": MIN_BUCKET_SENTENCES,
        "small_buckets": [
            bucket.words for bucket in models[0].buckets if bucket.sentences < MIN_BUCKET_SENTENCES
        ],
        "examples": [relabelled(comparison, example) for example in comparison.examples],
        "test": TESTS[comparison.method],
        "signatures": [(test.metric, test.signature) for test in tests]
        + [(quality.name, quality.signature) for quality in models[0].quality],
    }


def relabelled(comparison: Comparison, example: ComparedSentence) -> ComparedSentence:
    """The example, its reason with the labels of the models instead of their names."""
    labels = labels_of(comparison.models)
    words = [labels.get(word, word) for word in example.why.split(" ")]
    return example._replace(why=" ".join(words))


def signed(value: float) -> str:
    """With one decimal place, and a minus sign instead of a hyphen."""
    return f"{value:+.1f}".replace("-", "−")
