"""What takes part in a comparison; every mistake is told here, before any training begins."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from regard.config import Config, SearchOptions, make_config
from regard.data.formats.lines import read_texts
from regard.errors import RegardError, nearest, needs_extra
from regard.evaluation.quality import library
from regard.evaluation.significance import METHODS
from regard.experiment.sweep import Variant, choose, parse_vary, shared_options, with_seed
from regard.models import find, unique_names
from regard.storage.model_file import read_model_info
from regard.text.languages import Languages
from regard.training.data import Data
from regard.training.folder import IDENTITY, refuse_another, run_fingerprint


class Model(NamedTuple):
    """A model that takes part."""

    name: str
    choice: str
    """What was chosen for it; models of one choice differ in the seed alone."""
    seed: int
    """0: a ready model, whose seed does not matter."""
    model: Path
    """A folder, or the file of a ready model."""
    settings: dict[str, Any]
    """Options by section, as for `regard.train`; none for a ready model."""


class TestSet(NamedTuple):
    """Text that no model learned from."""

    files: tuple[Path, Path]
    sources: list[str]
    references: list[str]


class ExtraSentence(NamedTuple):
    """A sentence beside the test text, whose looks the report shows."""

    source: str
    reference: str


class CompareOptions(NamedTuple):
    """What every comparison needs."""

    test: tuple[Path, Path]
    out: Path
    method: str
    """A name in `significance.METHODS`."""
    lengths: tuple[int, ...]
    """Edges of the buckets of source words."""


class Plan(NamedTuple):
    out: Path
    models: list[Model]
    """The baseline of each seed is its first."""
    files: tuple[Path, ...]
    """Text to learn from; none: the models are ready."""
    valid: tuple[Path, ...]
    languages: Languages
    test: TestSet
    varied: list[str]
    """The options in which the models differ."""
    options: dict[str, Any]
    """All other options, by section."""
    search: dict[str, Any]
    """Search options put on top of each model's own."""
    method: str
    lengths: tuple[int, ...]
    extra_sentences: list[ExtraSentence]

    def first_seed(self) -> list[Model]:
        """The candidates whose sentences and looks are shown: one of each choice."""
        return [one for one in self.models if one.seed == self.models[0].seed]


def plan_training(
    asked: CompareOptions, data: Data, settings: dict[str, Any], vary: Sequence[str], seeds: int
) -> Plan:
    """Train each choice alike, with the seed of `settings` and those that follow it.

    Raises RegardError for a mistake in any of these, and if a run that stands in the folder already
    began with other text or options.
    """
    test = check(asked)
    refuse_missing_torch()
    choices = choose(settings, vary)
    candidates = [
        candidate(choice, seed, asked.out / "models")
        for seed in seeds_of(choices[0].config, seeds)
        for choice in choices
    ]
    for one in candidates:
        refuse_another_run(one, data)
    return Plan(
        asked.out,
        candidates,
        data.train,
        data.valid,
        data.languages,
        test,
        [parse_vary(text).option for text in vary],
        shared_options(choices),
        {},
        asked.method,
        asked.lengths,
        [],
    )


def seeds_of(config: Config, count: int) -> range:
    return range(config.train.seed, config.train.seed + count)


def candidate(choice: Variant, seed: int, folder: Path) -> Model:
    name = f"{choice.name}-{seed}"
    return Model(name, choice.name, seed, folder / name, with_seed(choice, seed))


def refuse_another_run(one: Model, data: Data) -> None:
    """Raises RegardError if a run stands in the candidate's place that is not the candidate's."""
    known = one.model / "training" / IDENTITY
    if known.exists():
        refuse_another(known, run_fingerprint(data, make_config(one.settings, one.name), None))


def plan_ready(asked: CompareOptions, models: Sequence[Path], settings: dict[str, Any]) -> Plan:
    """Compare models that are there; of `settings` only the section `search` has a meaning.

    Raises RegardError for a mistake in any of these.
    """
    test = check(asked)
    if len(models) < 2:
        raise RegardError(
            f"{len(models)} model is not enough to compare", "--models", "give two or more"
        )
    if others := sorted(settings.keys() - {"search"}):
        raise RegardError(
            f"ready models cannot be given other options of {others[0]}",
            "the command line",
            "leave them out; only search.option=value has a meaning here",
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
    search = settings.get("search", {})
    for card in cards:
        options = {**card.config.search.model_dump(), **search}
        make_config({"search": options}, "the command line")
    names = unique_names(models, "-")
    return Plan(
        asked.out,
        [Model(name, name, 0, model, {}) for name, model in zip(names, models, strict=True)],
        (),
        (),
        cards[0].languages,
        test,
        [],
        {},
        search,
        asked.method,
        asked.lengths,
        [],
    )


def check(asked: CompareOptions) -> TestSet:
    """The test text. Raises RegardError if something is missing that is needed only at the end."""
    library("sacrebleu.metrics")
    if asked.method not in METHODS:
        raise RegardError(
            f"there is no test '{asked.method}'",
            "--significance",
            nearest(asked.method, tuple(METHODS)),
        )
    return read_test(asked.test)


def read_test(files: tuple[Path, Path]) -> TestSet:
    """Raises RegardError if a file cannot be read, or the two are not line by line."""
    test = TestSet(files, *(list(read_texts(file)) for file in files))
    counts = len(test.sources), len(test.references)
    where = ", ".join(f"{file} ({n:,} lines)" for file, n in zip(files, counts, strict=True))
    if counts[0] != counts[1]:
        raise RegardError(
            "the numbers of lines differ", where, "give both files the same number of lines"
        )
    if not any(
        source and reference
        for source, reference in zip(test.sources, test.references, strict=True)
    ):
        raise RegardError("the test text is empty", where, "give files with text on both sides")
    return test


def refuse_missing_torch() -> None:
    if not find_spec("torch"):
        raise needs_extra("training", "torch", "train")


def search_options(own: SearchOptions, search: dict[str, Any]) -> SearchOptions:
    return SearchOptions.model_validate({**own.model_dump(), **search})
