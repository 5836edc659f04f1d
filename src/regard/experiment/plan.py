"""The plan of a comparison; every user mistake is reported here, before any training."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from regard.config import SearchOptions
from regard.data.formats.measured import read_measured
from regard.errors import RegardError, nearest, needs_extra
from regard.evaluation.quality import library
from regard.evaluation.significance import METHODS
from regard.experiment.sweep import Variant, shared_options, varied_options, with_seed
from regard.models import find, unique_names
from regard.settings import make_config
from regard.storage.model_file import read_model_info
from regard.text.languages import Languages
from regard.training.data import Data
from regard.training.folder import IDENTITY, refuse_another, run_fingerprint


class ComparedModel(NamedTuple):
    name: str
    choice: str
    """The values of the varied options; models of one choice differ in the seed alone."""
    seed: int
    """0: a trained model, whose seed does not matter."""
    path: Path
    """A folder, or the file of a trained model."""
    settings: dict[str, Any]
    """Options by section, as for `regard.train`; none for a trained model."""


class TestSet(NamedTuple):
    """Text that no model was trained on."""

    files: tuple[Path, ...]
    """One for each language, or one with both."""
    sources: list[str]
    references: list[str]


class ExtraSentence(NamedTuple):
    """A sentence that is not in the test text; the report shows its attention maps."""

    source: str
    reference: str


class CompareOptions(NamedTuple):
    """The options of every comparison."""

    test: tuple[Path, ...]
    """A file for each language, or one with both."""
    out: Path
    method: str
    """A name in `significance.METHODS`."""
    lengths: tuple[int, ...]
    """Edges of the length buckets, in source words."""


class Plan(NamedTuple):
    out: Path
    models: list[ComparedModel]
    """The first of each seed is its baseline."""
    files: tuple[Path, ...]
    """Training text; none: it is in the options, or the models are trained already."""
    valid: tuple[Path, ...]
    languages: Languages
    test: TestSet
    varied: list[str]
    """The options in which the models differ."""
    options: dict[str, Any]
    """All other options, by section."""
    search: dict[str, Any]
    """Search options that override those of each model."""
    method: str
    lengths: tuple[int, ...]
    extra_sentences: list[ExtraSentence]

    @property
    def trains(self) -> bool:
        """Whether the models are to be trained."""
        return bool(self.models[0].settings)

    def first_seed(self) -> list[ComparedModel]:
        """One model of each choice: those whose sentences and attention maps are shown."""
        return [model for model in self.models if model.seed == self.models[0].seed]


def plan_training(
    options: CompareOptions, data: Data, choices: Sequence[Variant], seeds: int
) -> Plan:
    """Train each choice alike, with `seeds` seeds from its own upwards.

    Raises RegardError for a mistake in any of these, and if the folder holds a run with other text
    or options.
    """
    test = check(options, data.languages)
    refuse_missing_torch()
    first = choices[0].config.train.seed
    models = [
        seeded_model(choice, seed, options.out / "models")
        for seed in range(first, first + seeds)
        for choice in choices
    ]
    return plan_models(options, data, test, varied_options(choices), choices, models)


def plan_models(
    options: CompareOptions,
    data: Data,
    test: TestSet,
    varied: list[str],
    choices: Sequence[Variant],
    models: list[ComparedModel],
) -> Plan:
    """The plan that trains `models`, each of which is one of `choices`.

    Raises RegardError if the folder of a model holds a run with other text or options.
    """
    for model in models:
        refuse_another_run(model, data)
    return Plan(
        options.out,
        models,
        *data,
        test,
        varied,
        shared_options(choices),
        {},
        options.method,
        options.lengths,
        [],
    )


def seeded_model(choice: Variant, seed: int, folder: Path) -> ComparedModel:
    name = f"{choice.name}-{seed}"
    return ComparedModel(name, choice.name, seed, folder / name, with_seed(choice, seed))


def refuse_another_run(model: ComparedModel, data: Data) -> None:
    """Raise RegardError if the model's folder holds a run with other text or options."""
    identity = model.path / "training" / IDENTITY
    if identity.exists():
        config = make_config(model.settings, model.name)
        refuse_another(identity, run_fingerprint(data, config, None))


def plan_ready(options: CompareOptions, models: Sequence[Path], settings: dict[str, Any]) -> Plan:
    """Compare trained models; of `settings` only the section `search` may be given.

    Raises RegardError for a mistake in any of these.
    """
    refuse_missing_packages(options)
    if len(models) < 2:
        raise RegardError("a comparison needs at least two models", "--models", "give two or more")
    if others := sorted(settings.keys() - {"search"}):
        raise RegardError(
            f"options of {others[0]} cannot be changed in a trained model",
            "the command line",
            "leave them out; with --models only search.option=value is allowed",
        )
    models = [find(model) for model in models]
    cards = [read_model_info(model) for model in models]
    languages = {card.languages for card in cards}
    if len(languages) > 1:
        raise RegardError(
            f"these models translate {' and '.join(sorted(map('-'.join, languages)))}",
            "--models",
            "compare models of the same two languages",
        )
    test = read_test(options.test, cards[0].languages)
    search = settings.get("search", {})
    for card in cards:
        search_options(card.config.search, search)
    names = unique_names(models, "-")
    return Plan(
        options.out,
        [ComparedModel(name, name, 0, path, {}) for name, path in zip(names, models, strict=True)],
        (),
        (),
        cards[0].languages,
        test,
        [],
        {},
        search,
        options.method,
        options.lengths,
        [],
    )


def check(options: CompareOptions, languages: Languages) -> TestSet:
    """The test text.

    Raises RegardError if it or anything else that is needed only after the training is missing.
    """
    refuse_missing_packages(options)
    return read_test(options.test, languages)


def refuse_missing_packages(options: CompareOptions) -> None:
    """Raises RegardError if a package or the significance test is missing."""
    library("sacrebleu.metrics")
    library("jinja2")
    if options.method not in METHODS:
        raise RegardError(
            f"there is no test '{options.method}'",
            "--significance",
            nearest(options.method, tuple(METHODS)),
        )


def read_test(files: tuple[Path, ...], languages: Languages) -> TestSet:
    """Raises RegardError if a file cannot be read, two files differ in their number of lines, or a
    line of one file holds no pair."""
    test = TestSet(files, *read_measured(files, languages))
    if not any(map(all, zip(test.sources, test.references, strict=True))):
        raise RegardError(
            "the test text is empty",
            ", ".join(map(str, files)),
            "give files with text on both sides",
        )
    return test


def refuse_missing_torch() -> None:
    if not find_spec("torch"):
        raise needs_extra("training", "torch", "train")


def search_options(options: SearchOptions, search: dict[str, Any]) -> SearchOptions:
    """The options, overridden by `search`. Raises RegardError if one of these is wrong."""
    overridden = {**structs.asdict(options), **search}
    return make_config({"search": overridden}, "the command line").search
