"""The folder of a run: locked, prepared once, and recognised when the run is resumed."""

import json
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
from msgspec import structs

from regard.config import Config, DataOptions
from regard.data.augment import Augmentation
from regard.data.corpus import ParallelTexts
from regard.data.encode import EncodedTexts
from regard.errors import RegardError, refuse_system_error
from regard.files import content_digest, damaged_error, file_digest, lock, read_json, write_json
from regard.storage import folder as checkpoint
from regard.storage.folder import NO_RECORD, NORMALIZATION, ModelInfo, TextRecord
from regard.storage.model_file import is_file
from regard.text.tags import refuse_many_tags
from regard.text.vocabulary import Vocabulary
from regard.training.corpora import corpus_files, corpus_parts, tags_of
from regard.training.data import (
    Data,
    Parallel,
    TrainingText,
    learn_vocabularies,
    longest_source,
    prepare_encoded,
    prepare_lexicon,
    prepare_text,
)
from regard.training.distributed import ProcessGroup
from regard.training.finetune import FINE_TUNED_FROM, Parent, announce, finetuning_config
from regard.training.guided_alignment import AUTO, prepare_word_links
from regard.training.report import NoReport, Report

IDENTITY, LOCK = "run.json", "lock"
"""Files of a run: its fingerprint, and the lock that the training process holds."""
LOCK_CONTENT = b"regard train works here\n"
"""Distinguishes the lock of a run from another file of that name."""
START_FROM = "--start-from"
"""The key of the parent model in the fingerprint of a run."""


class Run(NamedTuple):
    """A prepared run."""

    folder: Path
    model_info: ModelInfo
    texts: ParallelTexts
    """Text to learn from."""
    encoded: EncodedTexts
    """The same as token ids, changed anew in each epoch."""
    valid: Parallel
    start_from: Path | None
    """The parent model, whose weights are the initial ones."""
    lock: ExitStack
    """Holds the folder until it is closed."""

    @property
    def training(self) -> Path:
        """The folder of all files that only training needs."""
        return self.folder / "training"


def run_fingerprint(data: Data, config: Config, start_from: Path | None) -> dict[str, str]:
    """What must not change when a run is resumed: all text, and all options but the time cap."""
    fingerprint = options_fingerprint(config)
    fingerprint["languages"] = "-".join(data.languages)
    for role, files in (("training text", data.train), ("validation text", data.valid)):
        fingerprint[f"{role}, files"] = str(len(files))
        for number, file in enumerate(files):
            fingerprint[f"{role} {number + 1}"] = content_digest(file)
    if config.data.corpora:
        fingerprint |= corpora_fingerprint(config.data)
    guidance = config.train.guided_alignment
    if guidance not in ("", AUTO):
        fingerprint["file of train.guided_alignment"] = file_digest(Path(guidance))
    fingerprint[START_FROM] = weights_digest(start_from) if start_from else "nothing"
    return fingerprint


def corpora_fingerprint(options: DataOptions) -> dict[str, str]:
    """Of the corpora of the options: their weights, tags and texts, whatever their files are
    called."""
    fingerprint = {
        "data.corpora": json.dumps([(corpus.weight, corpus.tag) for corpus in options.corpora])
    }
    for number, parts in enumerate(corpus_parts(options), 1):
        digests = [content_digest(file) for part in parts for file in part]
        fingerprint[f"training text of corpus {number}"] = " ".join(digests)
    return fingerprint


def options_fingerprint(config: Config) -> dict[str, str]:
    fingerprint = {
        f"{section}.{name}": json.dumps(value)
        for section, options in msgspec.to_builtins(config).items()
        for name, value in options.items()
    }
    del fingerprint["train.minutes"]
    return fingerprint


def weights_digest(model: Path) -> str:
    """Of a model file, or of the weights in a model folder.

    Raises RegardError if the folder has no weights yet.
    """
    return file_digest(model if is_file(model) else checkpoint.weights_file(model))


def lock_folder(folder: Path) -> IO[bytes]:
    """Create the folder of a run, or reopen it; it is locked until the result is closed.

    Raises RegardError if the folder holds something else, or if another process trains there.
    """
    is_run = (folder / "training" / IDENTITY).exists() or is_unfinished_run(folder)
    if not is_run and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RegardError(
            "the folder is not empty, and holds no training run to resume"
            if folder.is_dir()
            else "this is not a folder",
            str(folder),
            "choose another --out; nothing was overwritten",
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
            "another process is training in this folder",
            str(folder),
            "wait until it has ended, or choose another --out",
        ) from error
    if not (folder / LOCK).stat().st_size:
        held.write(LOCK_CONTENT)
        held.flush()
    return held


def clear_folder(folder: Path) -> None:
    """Remove what a run left whose preparation did not finish (a mistake in the text, a crash)."""
    shutil.rmtree(folder / "training", ignore_errors=True)
    for leftover in (checkpoint.MODEL_INFO, *checkpoint.VOCABULARIES):
        (folder / leftover).unlink(missing_ok=True)
    (folder / "training").mkdir()


def is_unfinished_run(folder: Path) -> bool:
    """Whether a run was started here that has saved no weights yet."""
    if not (folder / LOCK).is_file() or (folder / checkpoint.WEIGHTS).exists():
        return False
    try:
        content = (folder / LOCK).read_bytes()
    except OSError:  # another process holds it
        return True
    return content == LOCK_CONTENT or (not content and len(list(folder.iterdir())) == 1)


def refuse_another(file: Path, fingerprint: dict[str, str]) -> None:
    """Raises RegardError if the run whose fingerprint is in `file` had other text or options."""
    before = read_json(file)
    if not isinstance(before, dict):
        raise damaged_error(file)
    before = options_fingerprint(Config()) | before  # the run may be older than an option
    for name in sorted(fingerprint.keys() | before.keys()):
        if fingerprint.get(name) == before.get(name):
            continue
        inputs = "text and options"
        what = f"this run began with {name} = {before.get(name)}, not {fingerprint.get(name)}"
        if name == START_FROM:
            inputs = "model"
            what = f"{name} is not the model that this run started from, or that model has changed"
        elif "text" in name or "file" in name:
            what = f"the {name} is not what this run began with"
        advice = f"give the same {inputs} to resume, or another --out to start a new run"
        raise RegardError(what, str(file), advice)


def open_run(
    folder: Path,
    data: Data,
    config: Config,
    parent: Parent | None,
    group: ProcessGroup,
    report: Report,
) -> Run:
    """Prepare a run, or reopen one that was prepared before.

    Raises RegardError if text is missing or malformed, or if the folder cannot hold this run.
    """
    report = report if group.is_first else NoReport()
    start_from = parent.path if parent else None
    if parent is not None:
        config = finetuning_config(config, parent, data.languages)
        announce(parent, config, report)
    fingerprint = run_fingerprint(data, config, start_from)
    training = folder / "training"
    with ExitStack() as held:
        if group.is_first:
            held.enter_context(lock_folder(folder))
            if (training / IDENTITY).exists():
                refuse_another(training / IDENTITY, fingerprint)
            else:
                clear_folder(folder)
        with group.first_process_first():
            if not (group.is_first or (training / IDENTITY).exists()):
                raise RegardError(
                    "the first process has prepared the run, and this one cannot see it",
                    str(folder),
                    "choose an --out that all hosts share",
                )
            tags = known_tags(config, parent)
            text = prepare_text(training, data, config.data, tags, config.train.seed, report)
            lexicon = prepare_lexicon(training, text.learned, config.augment, report)
            word_links = prepare_word_links(training, text.texts, config.train, report)
            augmentation = Augmentation(config.augment, lexicon, config.data.max_characters)
            if (training / IDENTITY).exists():
                info = checkpoint.load_model_info(folder)
            else:
                info = new_model_info(text, augmentation, data, config, parent, report)
                if parent is not None:
                    report.message(f"saving the shortlist of {parent.path.name}")
                    parent.save_shortlist(folder)
                checkpoint.save_model_info(folder, info)
                write_json(training / IDENTITY, fingerprint)
            encoded = prepare_encoded(training, text, augmentation, word_links, info, report)
        return Run(folder, info, text.texts, encoded, text.valid, start_from, held.pop_all())


def known_tags(config: Config, parent: Parent | None) -> tuple[str, ...]:
    """The tags that a model will know: those of its parent, and those of its corpora.

    Raises RegardError if there are too many.
    """
    before = parent.model_info.text.tags if parent else ()
    tags = tuple(dict.fromkeys([*before, *tags_of(config.data.corpora)]))
    refuse_many_tags(tags, "--start-from, data.corpora")
    return tags


def new_model_info(
    text: TrainingText,
    augmentation: Augmentation,
    data: Data,
    config: Config,
    parent: Parent | None,
    report: Report,
) -> ModelInfo:
    """Of the model to be trained, with new vocabularies or those of its parent."""
    from regard import __version__

    texts = text.learned

    provenance: dict[str, Any] = {
        "regard": __version__,
        "pairs": len(texts),
        "files": [file.name for file in data.train or corpus_files(config.data)],
        "began": time.strftime("%Y-%m-%d"),
        "corpus": text.fingerprint,
    }
    if parent is None:
        source, target = learn_vocabularies(texts, config.vocabulary, data.languages, report)
    else:
        source, target = parent.model_info.source, parent.model_info.target
        provenance[FINE_TUNED_FROM] = {"model": parent.path.name, **parent.model_info.provenance}
    record = text_record(texts, augmentation, source, config, parent)
    guided_alignment = Path(config.train.guided_alignment).name
    train = structs.replace(config.train, guided_alignment=guided_alignment)
    # without the folders of files
    public = structs.replace(config, train=train, data=without_folders(config.data))
    return ModelInfo(data.languages, public, source, target, provenance, record)


def without_folders(options: DataOptions) -> DataOptions:
    """The options with the names of the files alone."""
    corpora = tuple(
        structs.replace(corpus, files=tuple(Path(file).name for file in corpus.files))
        for corpus in options.corpora
    )
    return structs.replace(options, corpora=corpora)


def text_record(
    texts: ParallelTexts,
    augmentation: Augmentation,
    source: Vocabulary,
    config: Config,
    parent: Parent | None,
) -> TextRecord:
    """How the text of a model is prepared; what its parent was taught, it knows too."""
    before = parent.model_info.text if parent else NO_RECORD
    return TextRecord(
        NORMALIZATION,
        before.placeholders or config.augment.share("placeholders") > 0,
        max(before.longest, longest_source(texts, source, augmentation, config.train.seed)),
        known_tags(config, parent),
    )
