"""What a comparison found, as plain data: what result.json, the terminal and the report show.

result.json holds these named tuples as JSON objects, under the names of their fields.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from regard.evaluation.length import Bucket
from regard.evaluation.quality import Quality
from regard.evaluation.significance import Difference


class Validation(NamedTuple):
    """One point of a learning curve."""

    update: int
    bleu: float
    """On the validation text, by greedy search."""
    loss: float
    """Nats a token."""


class Training(NamedTuple):
    updates: int
    """0: nothing is known of the training (a model that came as one file)."""
    kept: int
    """The update whose weights are the model."""
    minutes: float
    reason: str
    """Why it ended."""
    curve: list[Validation]


class ModelResult(NamedTuple):
    """One model and what it is worth."""

    name: str
    choice: str
    """What was chosen for it; models of one choice differ in the seed alone."""
    seed: int
    """0: a ready model."""
    attention: str
    """Its score: model.attention."""
    parameters: int
    vocabulary: str
    """Identity of its target vocabulary; perplexities of different ones cannot be compared."""
    training: Training
    quality: list[Quality]
    """BLEU, chrF2 and TER on the test text."""
    low: float
    """BLEU would lie between this"""
    high: float
    """and this, in 95 of 100 test sets like this one (bootstrap over sentences)."""
    perplexity: float
    """exp of the mean -ln probability of the references' tokens, their </s> included."""
    seconds: float
    """For translating the test text, measured once, on this machine."""
    speed: float
    """Sentences a second."""
    truncated: int
    """Translations that did not end by themselves: cut at their limit, or going in circles."""
    buckets: list[Bucket]
    """BLEU by the length of the source."""


class Spread(NamedTuple):
    """One figure of one choice, over its seeds."""

    choice: str
    metric: str
    mean: float
    deviation: float
    """Sample standard deviation; 0 for one seed."""
    values: list[float]


class SystemOutput(NamedTuple):
    model: str
    text: str
    chrf: float
    """Of this sentence alone."""


class Example(NamedTuple):
    """One test sentence as each model translates it."""

    why: str
    """How it was chosen."""
    line: int
    """Of the test text, from 1."""
    source: str
    reference: str
    translations: list[SystemOutput]


class AttentionMap(NamedTuple):
    """Where one model looked while it wrote one translation."""

    model: str
    rows: list[str]
    """The words that it wrote, and </s>."""
    columns: list[str]
    """The words that it read, and </s>."""
    weights: list[list[float]]
    """One row for each word written, one column for each word read; each row sums to 1."""


class Reordering(NamedTuple):
    """A sentence whose words change places, and where each model looked."""

    line: int
    """Of the test text, from 1; 0: not from it."""
    source: str
    reference: str
    attention_maps: list[AttentionMap]


class Comparison(NamedTuple):
    format: int
    """Of this file; 1."""
    regard: str
    """The version that made it."""
    languages: tuple[str, str]
    varied: list[str]
    """The options in which the models differ; none for ready models."""
    options: dict[str, Any]
    """All other options, by section, the same for every model; none for ready models."""
    test: dict[str, Any]
    """The test text: names of its files, sentences."""
    method: str
    """The significance test."""
    models: list[ModelResult]
    """Those of the first seed first; the baseline is the first of each seed."""
    spreads: list[Spread]
    differences: list[Difference]
    """Each model against the baseline of its seed; seeds are never pooled."""
    examples: list[Example]
    reorderings: list[Reordering]
    system: dict[str, str | int]


def as_json(value: Any) -> Any:
    """Named tuples as objects, at any depth."""
    if hasattr(value, "_asdict"):
        return {name: as_json(part) for name, part in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): as_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    return value


def choices_of(models: Sequence[ModelResult]) -> list[str]:
    """The choices, in order of their first model."""
    return list(dict.fromkeys(model.choice for model in models))


def figures(model: ModelResult) -> dict[str, float]:
    """The figures of a model of which a mean over seeds makes sense."""
    return {one.name: one.value for one in model.quality} | {"perplexity": model.perplexity}
