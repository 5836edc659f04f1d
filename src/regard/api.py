"""The functions of the Python interface: train a model, give it an alignment head, load it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard import models
from regard.config import DataOptions
from regard.data.formats import guess_languages, names_warning, reader_of, refuse_swapped
from regard.errors import RegardError, needs_extra
from regard.loading import load
from regard.settings import make_config
from regard.storage.folder import ALIGNMENT_HEAD
from regard.storage.model_file import is_file, read_model_info
from regard.text.languages import parse_languages
from regard.translator import Translator

if TYPE_CHECKING:
    from regard.training.alignment_head import Agreement
    from regard.training.distributed import ProcessGroup
    from regard.training.finetune import Parent
    from regard.training.loop import Outcome
    from regard.training.report import Report

__all__ = ["Translator", "add_alignment_head", "load", "train"]


def train(
    files: Sequence[str | Path],
    out: str | Path,
    valid: Sequence[str | Path] = (),
    languages: str = "",
    settings: dict[str, Any] | None = None,
    start_from: str | Path = "",
    report: "Report | None" = None,
) -> "Outcome":
    """Train a model on a file for each language (or one with both); save it in the folder `out`.

    `files` are empty if the option data.corpora names several corpora.
    `valid` are validation files, given like `files`; without them some pairs are held out.
    `languages` are two codes such as "en-fr"; without them the file suffixes decide. `settings` are
    options by section, as in the configuration file: {"train": {"updates": 1000}}. `start_from` is
    a trained model to fine-tune: its folder, a file that `regard export` wrote, or the name of a
    built-in model. A call with the same arguments resumes a run that was stopped.

    Raises RegardError for a mistake in any of these, and KeyboardInterrupt, after the state is
    saved, when SIGINT (Ctrl-C) or SIGTERM asks to stop.
    """
    try:
        from regard.engine.torch import choose_device
        from regard.training.add_head import add_to_folder
        from regard.training.corpora import corpora_languages
        from regard.training.data import Data
        from regard.training.distributed import SingleProcess, is_one_of_several
        from regard.training.folder import open_run
        from regard.training.loop import run_training
        from regard.training.report import NoReport
    except ModuleNotFoundError as error:
        raise needs_extra("training", error.name, "train") from error
    for name, value in (("files", files), ("valid", valid)):
        if isinstance(value, str | Path):
            raise RegardError(
                "one file was given where a list of files belongs", name, f"give [{value!r}]"
            )
    config = make_config(settings or {}, "settings")
    train_files, valid_files = tuple(map(Path, files)), tuple(map(Path, valid))
    refuse_text_twice(train_files, config.data)
    if valid_files:
        reader_of(valid_files)
    shown = corpora_languages(config.data) if config.data.corpora else ()
    codes = parse_languages(languages) if languages else shown or guess_languages(train_files)
    refuse_swapped(valid_files, train_files, codes)
    device = choose_device(config.train.device, "train.device")  # refuses a missing device
    data = Data(train_files, valid_files, codes)
    parent = find_parent(start_from, out, settings or {}) if start_from else None
    if is_one_of_several():
        from regard.training.torch_group import TorchGroup

        group: ProcessGroup = TorchGroup(device)
    else:
        group = SingleProcess()
    report = report if report is not None and group.is_first else NoReport()
    for files_given in (train_files, valid_files):
        if warning := names_warning(files_given, codes):
            report.message(warning)
    run = open_run(Path(out), data, config, parent, group, report)
    outcome = run_training(run, config.train.minutes, group, report)
    if config.train.alignment_head and group.is_first and not (Path(out) / ALIGNMENT_HEAD).exists():
        add_to_folder(Path(out), (), report)
    return outcome


def refuse_text_twice(files: Sequence[Path], options: DataOptions) -> None:
    """Raises RegardError if training text was given in two ways, or in none."""
    if not options.corpora:
        reader_of(files)  # refuses files of other formats
    elif files:
        raise RegardError(
            "training text was given twice",
            f"{' '.join(map(str, files))}, data.corpora",
            "give one of the two; files can be one more table [[data.corpora]]",
        )


def add_alignment_head(
    model: str | Path,
    files: Sequence[str | Path] = (),
    out: str | Path = "",
    report: "Report | None" = None,
) -> "Agreement":
    """Teach a finished model which word each word translates; its translations stay as they are.

    The head is added to a model folder; of a file that `regard export` wrote, or of a built-in
    model, a copy `out` is written that has it. It is learned from the parallel text in `files`, or
    without them from the text that the folder was trained on. A call with the same arguments
    resumes one that was stopped.

    Raises RegardError for a mistake in any of these, and KeyboardInterrupt, after the state is
    saved, when SIGINT (Ctrl-C) or SIGTERM asks to stop.
    """
    try:
        from regard.training.add_head import add_to_file, add_to_folder
        from regard.training.report import NoReport
    except ModuleNotFoundError as error:
        raise needs_extra("training", error.name, "train") from error
    path, texts = models.find(model), tuple(map(Path, files))
    if texts:
        reader_of(texts)  # refuses files of other formats
    report = NoReport() if report is None else report
    if is_file(path):
        if not out:
            raise RegardError(
                "a .regard file is not changed", str(path), "name the new file with --out"
            )
        return add_to_file(path, texts, Path(out), report)
    if out:
        raise RegardError(
            "the head is added to the model's own folder", f"--out {out}", "leave --out out"
        )
    return add_to_folder(path, texts, report)


def find_parent(model: str | Path, out: str | Path, settings: dict[str, Any]) -> "Parent":
    """The model to fine-tune with these settings. Raises RegardError if it is not there, or is
    `out` itself."""
    from regard.export.export import save_parent_shortlist
    from regard.training.finetune import Parent

    if Path(model).resolve() == Path(out).resolve():
        raise RegardError(
            "a model cannot be fine-tuned into its own folder",
            f"--out {out}",
            "choose another --out",
        )
    path = models.find(model)
    info = read_model_info(path)
    return Parent(path, info, settings, partial(save_parent_shortlist, path, info))
