"""A run and its folder: prepared text, vocabulary, identity; made once, found again on resume."""

import json
import shutil
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

from regard.config import Config
from regard.data.batches import ParallelTexts
from regard.errors import RegardError, refuse_system_error
from regard.export.export import save_parent_shortlist
from regard.files import damaged_error, file_digest, lock, read_json, write_json
from regard.storage import folder as checkpoint
from regard.storage.folder import ModelInfo
from regard.storage.model_file import is_file, read_model_info
from regard.training.data import Data, Parallel, learn_vocabularies, prepare_text
from regard.training.finetune import START_FROM, TUNED, Parent, announce, finetuning_config
from regard.training.report import Report


class Run(NamedTuple):
    folder: Path
    card: ModelInfo
    texts: ParallelTexts
    valid: Parallel
    start_from: Path | None
    """A model whose weights are the first ones."""
    lock: IO[bytes]
    """Open as long as this process works here."""

    @property
    def training(self) -> Path:
        """Where everything lies that only training needs."""
        return self.folder / "training"


def run_fingerprint(data: Data, config: Config, start_from: Path | None) -> dict[str, str]:
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
            known[f"{role} {number + 1}"] = file_digest(file)
    known[START_FROM] = digest_of(start_from) if start_from else "nothing"
    return known


def digest_of(model: Path) -> str:
    """Of a model's weights. Raises RegardError if it has none yet."""
    return file_digest(model if is_file(model) else checkpoint.weights_file(model))


IDENTITY, LOCK = "run.json", "lock"
"""In the folder of a run: what it is, and what a process holds as long as it works there."""
LOCK_CONTENT = b"regard train works here\n"
"""In the lock: what else is called so is not ours."""


def lock_folder(folder: Path, same: dict[str, str]) -> IO[bytes]:
    """Make the folder of a run, or find it again; held until the result is closed.

    A run that was not prepared to its end (a mistake in the text, a crash) is begun anew.
    Raises RegardError if something else stands there, or a run with other text or options, or
    one that another process works on.
    """
    training = folder / "training"
    was_prepared = (training / IDENTITY).exists()
    is_ours = was_prepared or is_unfinished_run(folder)
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
        held.write(LOCK_CONTENT)
        held.flush()
    shutil.rmtree(training, ignore_errors=True)
    for leftover in (checkpoint.MODEL_INFO, *checkpoint.VOCABULARIES):
        (folder / leftover).unlink(missing_ok=True)
    training.mkdir()
    return held


def is_unfinished_run(folder: Path) -> bool:
    """Whether a run was begun here that has learned nothing yet."""
    if not (folder / LOCK).is_file() or (folder / checkpoint.WEIGHTS).exists():
        return False
    try:
        mark = (folder / LOCK).read_bytes()
    except OSError:  # another process holds it
        return True
    return mark == LOCK_CONTENT or (not mark and len(list(folder.iterdir())) == 1)


def refuse_another(file: Path, same: dict[str, str]) -> None:
    """Raises RegardError if the run that began here had other text or options."""
    before = read_json(file)
    if not isinstance(before, dict):
        raise damaged_error(file)
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


def open_run(
    folder: Path, data: Data, config: Config, start_from: Path | None, report: Report
) -> Run:
    """Prepare a run, or find the one that was prepared before.

    Raises RegardError if text is missing or wrong, or the folder is another run's.
    """
    first = Parent(start_from, read_model_info(start_from)) if start_from else None
    if first is not None:
        config = finetuning_config(config, first, data.languages)
        announce(first, config, report)
    same = run_fingerprint(data, config, start_from)
    held = lock_folder(folder, same)
    try:
        texts, valid, fingerprint = prepare_text(folder, data, config, report)
        if not (folder / "training" / IDENTITY).exists():
            card = make_card(texts, fingerprint, data, config, first, report)
            if first is not None:
                report.message(f"keeping what {first.path.name} knows of likely tokens")
                save_parent_shortlist(first.path, first.card, folder)
            checkpoint.save_model_info(folder, card)
            write_json(folder / "training" / IDENTITY, same)
        return Run(folder, checkpoint.load_model_info(folder), texts, valid, start_from, held)
    except BaseException:
        held.close()
        raise


def make_card(
    texts: ParallelTexts,
    fingerprint: str,
    data: Data,
    config: Config,
    first: Parent | None,
    report: Report,
) -> ModelInfo:
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
        made[TUNED] = {"model": first.path.name, **first.card.provenance}
    return ModelInfo(data.languages, config, source, target, made)
