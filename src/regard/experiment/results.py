"""What a comparison measured, as plain data: what result.json, the terminal and the report show.

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
    """0: nothing is known of the training (a model that is one file)."""
    kept: int
    """The update whose weights were kept."""
    minutes: float
    reason: str
    """Why it ended."""
    curve: list[Validation]


class ModelResult(NamedTuple):
    """One model and its results on the test text."""

    name: str
    choice: str
    """The values of the varied options; models of one choice differ in the seed alone."""
    seed: int
    """0: a trained model, whose seed is not known."""
    attention: str
    """Its score: model.attention."""
    parameters: int
    vocabulary: str
    """Digest of its target vocabulary; perplexities over different ones cannot be compared."""
    training: Training
    quality: list[Quality]
    """BLEU, chrF2 and TER on the test text."""
    low: float
    """Lower end of the 95 % interval of BLEU (bootstrap over sentences)."""
    high: float
    """Upper end of that interval."""
    perplexity: float
    """exp of the mean -ln probability of the references' tokens, their </s> included."""
    seconds: float
    """To translate the test text, measured once, on this machine."""
    speed: float
    """Sentences per second."""
    truncated: int
    """Translations that did not end with </s>: cut at the length limit, or repeating."""
    buckets: list[Bucket]
    """BLEU by the length of the source."""


class Spread(NamedTuple):
    """One metric of one choice, over its seeds."""

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


class ComparedSentence(NamedTuple):
    """One test sentence as each model translates it."""

    why: str
    """How it was chosen."""
    line: int
    """Of the test text, from 1."""
    source: str
    reference: str
    translations: list[SystemOutput]


class AttentionMap(NamedTuple):
    """The attention weights of one model for one translation."""

    model: str
    rows: list[str]
    """Target words, and </s>."""
    columns: list[str]
    """Source words, and </s>."""
    weights: list[list[float]]
    """One row per target word, one column per source word; each row sums to 1."""


class Reordering(NamedTuple):
    """A sentence whose words are reordered, and the attention of each model to it."""

    line: int
    """Of the test text, from 1; 0: not from the test text."""
    source: str
    reference: str
    attention_maps: list[AttentionMap]


class Comparison(NamedTuple):
    format: int
    """Of this file; 1."""
    regard: str
    """The version that wrote it."""
    languages: tuple[str, str]
    varied: list[str]
    """The options in which the models differ; none for trained models."""
    options: dict[str, Any]
    """All other options, by section, the same for every model; none for trained models."""
    test: dict[str, Any]
    """The test text: names of its files, number of sentences."""
    method: str
    """The significance test."""
    models: list[ModelResult]
    """Those of the first seed first; the baseline is the first of each seed."""
    spreads: list[Spread]
    differences: list[Difference]
    """Each model against the baseline of its seed; seeds are never pooled."""
    examples: list[ComparedSentence]
    reorderings: list[Reordering]
    system: dict[str, str | int]


def as_plain_data(value: Any) -> Any:
    """Named tuples as dictionaries, at any depth."""
    if hasattr(value, "_asdict"):
        return as_plain_data(value._asdict())
    if isinstance(value, dict):
        return {str(name): as_plain_data(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain_data(part) for part in value]
    return value


def choices_of(models: Sequence[ModelResult]) -> list[str]:
    """The choices, in order of their first model."""
    return list(dict.fromkeys(model.choice for model in models))


def labels_of(models: Sequence[ModelResult]) -> dict[str, str]:
    """The label of each model, by name: its choice if all models have one seed, else its name."""
    has_one_seed = len({model.seed for model in models}) == 1
    return {model.name: model.choice if has_one_seed else model.name for model in models}


def metrics_of(model: ModelResult) -> dict[str, float]:
    """The metrics of a model of which a mean over seeds makes sense."""
    return {each.name: each.value for each in model.quality} | {"perplexity": model.perplexity}
