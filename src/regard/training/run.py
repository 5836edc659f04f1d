"""A run and its folder: prepared text, vocabulary, identity; made once, found again on resume."""

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from regard import checkpoint
from regard.bundle import is_file, read_card
from regard.checkpoint import Card
from regard.config import Config, make_config
from regard.engine.export import bequeath
from regard.errors import RegardError, refuse_system_error
from regard.machine import lock
from regard.shapes import Int
from regard.text.batches import Texts
from regard.text.clean import Limits
from regard.text.corpus import Corpus, open_corpus, prepare
from regard.text.formats import Pair, read_pairs
from regard.text.vocabulary import Vocabulary, learn
from regard.training.report import Report

VALID_MOST = 3000
"""Pairs of a validation text that are used, evenly spread; more would cost time and tell little."""
GROWS_FROM = {"hidden": 1, "encoder_layers": 2}
"""What of a ready model can grow, and from which size on (training/growth.py)."""


class Data(NamedTuple):
    """The files of a run."""

    train: tuple[Path, ...]
    """A file for each side, or one with both."""
    valid: tuple[Path, ...]
    """Likewise; empty: pairs of the training text are held out."""
    languages: tuple[str, str]


class Ready(NamedTuple):
    """A model that is tuned."""

    path: Path
    """Its folder or its file."""
    card: Card


class Parallel(NamedTuple):
    """Two lists of texts, line by line."""

    sources: list[str]
    targets: list[str]


class Kept:
    """A corpus without every `every`-th pair."""

    def __init__(self, corpus: Corpus, every: int) -> None:
        self.corpus, self.every = corpus, every

    def __len__(self) -> int:
        return len(self.corpus) - len(self.corpus) // self.every

    def sources(self, indices: Int[np.ndarray, " N"]) -> list[str]:
        return self.corpus.sources(indices + indices // (self.every - 1))

    def targets(self, indices: Int[np.ndarray, " N"]) -> list[str]:
        return self.corpus.targets(indices + indices // (self.every - 1))


class Run(NamedTuple):
    folder: Path
    card: Card
    texts: Texts
    valid: Parallel
    start_from: Path | None
    """A model whose weights are the first ones."""
    lock: IO[bytes]
    """Open as long as this process works here."""

    @property
    def training(self) -> Path:
        """Where everything lies that only training needs."""
        return self.folder / "training"


def identity(data: Data, config: Config, start_from: Path | None) -> dict[str, str]:
    """What must be the same for a run to go on: every option but the time cap, and all text."""
    known = {
        f"{section}.{name}": json.dumps(value)
        for section, options in config.model_dump(mode="json").items()
        for name, value in options.items()
    }
    del known["train.minutes"]
    known["languages"] = "-".join(data.languages)
    for role, files in (("training text", data.train), ("validation text", data.valid)):
        known[f"{role}, files"] = str(len(files))
        for number, file in enumerate(files):
            known[f"{role} {number + 1}"] = checkpoint.digest(file)
    known[START_FROM] = digest_of(start_from) if start_from else "nothing"
    return known


def digest_of(model: Path) -> str:
    """Of a model's weights. Raises RegardError if it has none yet."""
    return checkpoint.digest(model if is_file(model) else checkpoint.weights_of(model))


TUNED = "tuned from"
"""Among the things that tell how a model was made: the model that it was, and how that was made."""
START_FROM = "--start-from"
IDENTITY, LOCK = "run.json", "lock"
"""In the folder of a run: what it is, and what a process holds as long as it works there."""
MARK = b"regard train works here\n"
"""In the lock: what else is called so is not ours."""


def claim(folder: Path, same: dict[str, str]) -> IO[bytes]:
    """Make the folder of a run, or find it again; held until the result is closed.

    A run that was not prepared to its end (a mistake in the text, a crash) is begun anew.
    Raises RegardError if something else stands there, or a run with other text or options, or
    one that another process works on.
    """
    training = folder / "training"
    was_prepared = (training / IDENTITY).exists()
    is_ours = was_prepared or was_begun(folder)
    if not is_ours and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RegardError(
            "there is something here already, and not a run that could go on",
            str(folder),
            "choose another --out; nothing is overwritten",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse_system_error(error, "make the folder", str(folder))
    try:
        held = lock(folder / LOCK)
    except PermissionError as error:
        refuse_system_error(error, "write", str(folder))
    except OSError as error:
        raise RegardError(
            "another process is training here", str(folder), "wait for it, or choose another --out"
        ) from error
    if was_prepared:
        try:
            refuse_another(training / IDENTITY, same)
        except RegardError:
            held.close()
            raise
        return held
    if not (folder / LOCK).stat().st_size:
        held.write(MARK)
        held.flush()
    shutil.rmtree(training, ignore_errors=True)
    for leftover in (checkpoint.CARD, *checkpoint.VOCABULARIES):
        (folder / leftover).unlink(missing_ok=True)
    training.mkdir()
    return held


def was_begun(folder: Path) -> bool:
    """Whether a run was begun here that has learned nothing yet."""
    if not (folder / LOCK).is_file() or (folder / checkpoint.WEIGHTS).exists():
        return False
    try:
        mark = (folder / LOCK).read_bytes()
    except OSError:  # another process holds it
        return True
    return mark == MARK or (not mark and len(list(folder.iterdir())) == 1)


def refuse_another(file: Path, same: dict[str, str]) -> None:
    """Raises RegardError if the run that began here had other text or options."""
    before = checkpoint.read_json(file)
    if not isinstance(before, dict):
        raise checkpoint.damaged(file)
    for name in sorted(same.keys() | before.keys()):
        if same.get(name) != before.get(name):
            if name == START_FROM:
                raise RegardError(
                    "--start-from does not name the model that this run began with, as it was then",
                    str(file),
                    "give the same model to go on, or another --out to begin anew",
                )
            is_text = "text" in name
            raise RegardError(
                f"the {name} is not what this run began with"
                if is_text
                else f"this run began with {name} = {before.get(name)}, not {same.get(name)}",
                str(file),
                "give the same text and options to go on, or another --out to begin anew",
            )


def read_valid(data: Data, most: int, report: Report) -> Parallel:
    """The validation pairs that have text on both sides, of at most so many characters."""
    lines = list(read_pairs(data.valid, data.languages))
    pairs = [
        (line.source, line.target)
        for line in lines
        if isinstance(line, Pair) and 0 < len(line.source) <= most and 0 < len(line.target) <= most
    ]
    if left_out := len(lines) - len(pairs):
        report.say(
            f"{left_out:,} of {len(lines):,} validation pairs are left out: a side is empty, not"
            f" UTF-8, or longer than {most:,} characters"
        )
    if not pairs:
        raise RegardError(
            "the validation text has no pairs",
            ", ".join(map(str, data.valid)),
            "give files with text on both sides",
        )
    step = -(-len(pairs) // VALID_MOST)
    sources, targets = zip(*pairs[::step], strict=True)
    return Parallel(list(sources), list(targets))


def hold_out(corpus: Corpus, most: int) -> tuple[Texts, Parallel]:
    """The corpus without every so many-th pair, and those pairs.

    Raises RegardError if there are fewer than 20 pairs.
    """
    held = min(most, VALID_MOST, len(corpus) // 10)
    if held < 2:
        raise RegardError(
            f"{len(corpus)} pairs are too few to hold some out for validation",
            "the training text",
            "give more text, or validation files with --valid",
        )
    every = -(-len(corpus) // held)
    places = np.arange(len(corpus) // every) * every + every - 1
    return Kept(corpus, every), Parallel(corpus.sources(places), corpus.targets(places))


def learn_vocabularies(corpus: Texts, config: Config, report: Report) -> tuple[Vocabulary, ...]:
    """One vocabulary for both languages, or one for each."""
    options = config.vocabulary
    step = -(-len(corpus) // options.sample_pairs)
    places = np.arange(0, len(corpus), step)
    chunks = np.array_split(places, -(-len(places) // 10_000))
    where = "the training text"
    report.say(f"learning subwords from {len(places):,} pairs")
    sources = (text for chunk in chunks for text in corpus.sources(chunk))
    targets = (text for chunk in chunks for text in corpus.targets(chunk))
    if options.joint:
        both = learn((text for side in (sources, targets) for text in side), options.size, where)
        return both, both
    return learn(sources, options.size, where), learn(targets, options.size, where)


def file_lines(files: Sequence[Path]) -> str:
    return " and ".join(file.name for file in files)


def open_run(
    folder: Path, data: Data, config: Config, start_from: Path | None, report: Report
) -> Run:
    """Prepare a run, or find the one that was prepared before.

    Raises RegardError if text is missing or wrong, or the folder is another run's.
    """
    first = Ready(start_from, read_card(start_from)) if start_from else None
    if first is not None:
        config = as_tuned(config, first, data.languages)
        tell(first, config, report)
    same = identity(data, config, start_from)
    held = claim(folder, same)
    try:
        texts, valid, fingerprint = prepare_text(folder, data, config, report)
        if not (folder / "training" / IDENTITY).exists():
            card = make_card(texts, fingerprint, data, config, first, report)
            if first is not None:
                report.say(f"keeping what {first.path.name} knows of likely tokens")
                bequeath(first.path, first.card, folder)
            checkpoint.save_card(folder, card)
            checkpoint.write_json(folder / "training" / IDENTITY, same)
        return Run(folder, checkpoint.load_card(folder), texts, valid, start_from, held)
    except BaseException:
        held.close()
        raise


def tell(first: Ready, config: Config, report: Report) -> None:
    """What will become of the model that is tuned."""
    report.say(
        f"tuning {first.path}: its model and vocabulary stand, dropout can change; update 0 tells"
        " what it is worth on this text"
    )
    for name in GROWS_FROM:
        known, asked = getattr(first.card.config.model, name), getattr(config.model, name)
        if asked > known:
            report.say(f"model.{name} grows from {known} to {asked}; it begins as good as it was")


def as_tuned(config: Config, first: Ready, languages: tuple[str, str]) -> Config:
    """The options with the model and the vocabulary of the model that is tuned.

    Dropout has no weights and is taken from `config` where that sets it; so is what can take over
    the weights of less: wider hidden states, and more encoder layers than two or more
    (training/growth.py).
    Raises RegardError if `config` sets anything else of them otherwise, or sizes that do not go
    together, or the model translates other languages.
    """
    card = first.card
    if card.languages != languages:
        raise RegardError(
            f"the model to begin with translates {'-'.join(card.languages)}, and the text is"
            f" {'-'.join(languages)}",
            str(first.path),
            f"give the files in that order, or --languages {'-'.join(card.languages)} if only their"
            " names mislead",
        )
    vocabulary = {"size": card.config.vocabulary.size, "joint": card.source is card.target}
    stands = {
        "model": card.config.model.model_dump(),
        "vocabulary": {**config.vocabulary.model_dump(), **vocabulary},
    }
    asked = config.model_dump(include=set(stands), exclude_unset=True)
    for section, options in asked.items():
        for name, value in options.items():
            ready = stands[section][name]
            grows = name in GROWS_FROM and value > ready >= GROWS_FROM[name]
            if name.startswith("dropout_") or grows:
                stands[section][name] = value
            elif value != ready:
                raise RegardError(
                    f"{section}.{name} = {value} is asked for, and the model to begin with has"
                    f" {ready}",
                    "--start-from",
                    "leave the option out, or train a model of its own without --start-from; only"
                    " dropout can change, model.hidden can grow, and so can model.encoder_layers"
                    " from two on",
                )
    return make_config({**config.model_dump(), **stands}, "--start-from")


def prepare_text(
    folder: Path, data: Data, config: Config, report: Report
) -> tuple[Texts, Parallel, str]:
    """The training text, the validation text, and the fingerprint of the corpus."""
    place = folder / "training" / "corpus"
    if place.exists():
        corpus = open_corpus(place)
    else:
        limits = Limits(**{name: getattr(config.data, name) for name in Limits._fields})
        tick = report.counting(f"reading {file_lines(data.train)}", 0)
        corpus = prepare(data.train, data.languages, limits, place, tick)
    for line in corpus.report.lines():
        report.say(line)
    if data.valid:
        valid = read_valid(data, config.data.max_characters, report)
        return corpus, valid, corpus.fingerprint
    texts, valid = hold_out(corpus, config.data.held_out)
    report.say(f"no validation text was given: {len(valid.sources):,} pairs are held out for it")
    return texts, valid, corpus.fingerprint


def make_card(
    texts: Texts,
    fingerprint: str,
    data: Data,
    config: Config,
    first: Ready | None,
    report: Report,
) -> Card:
    """What the model will be, its vocabularies learned or those of the model that is tuned."""
    from regard import __version__

    made: dict[str, Any] = {
        "regard": __version__,
        "pairs": len(texts),
        "files": [file.name for file in data.train],
        "began": time.strftime("%Y-%m-%d"),
        "corpus": fingerprint,
    }
    if first is None:
        source, target = learn_vocabularies(texts, config, report)
    else:
        source, target = first.card.source, first.card.target
        made[TUNED] = {"model": first.path.name, **first.card.made}
    return Card(data.languages, config, source, target, made)
