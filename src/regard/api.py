"""The two verbs of the Python interface: train a model, load a model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard import models
from regard.config import make_config
from regard.data.formats import guess_languages, reader_of
from regard.errors import RegardError, needs_extra
from regard.text.languages import parse_languages
from regard.translator import Translator, load

if TYPE_CHECKING:
    from regard.training.loop import Outcome
    from regard.training.report import Report

__all__ = ["Translator", "load", "train"]


def train(
    files: Sequence[str | Path],
    out: str | Path,
    valid: Sequence[str | Path] = (),
    languages: str = "",
    settings: dict[str, Any] | None = None,
    start_from: str | Path = "",
    report: "Report | None" = None,
) -> "Outcome":
    """Train a model on a file for each side (or one with both) and leave it in the folder `out`.

    `valid` are files like `files`; without them pairs are held out. `languages` is like "en-fr";
    without it the endings of the files tell. `settings` are options by section, as in the
    configuration file: {"train": {"updates": 1000}}. `start_from` is a model to tune: its
    folder, a file that `regard export` wrote, or one that comes along, by name. Run again with the
    same arguments, it goes on where it stopped. Raises RegardError for a mistake in any of these,
    and a KeyboardInterrupt, once all is saved, if Ctrl-C or SIGTERM asks to stop.
    """
    try:
        from regard.engine.torch import choose_device
        from regard.training.data import Data
        from regard.training.folder import open_run
        from regard.training.loop import run_training
        from regard.training.report import NoReport
    except ModuleNotFoundError as error:
        raise needs_extra("training", error.name, "train") from error
    for name, given in (("files", files), ("valid", valid)):
        if isinstance(given, str | Path):
            raise RegardError("one file is given, not a list of them", name, f"give [{given!r}]")
    config = make_config(settings or {}, "settings")
    paths, held_out = tuple(map(Path, files)), tuple(map(Path, valid))
    reader_of(paths)  # refuses what is no corpus
    if held_out:
        reader_of(held_out)
    refuse_own_folder(out, start_from)
    codes = parse_languages(languages) if languages else guess_languages(paths)
    data = Data(paths, held_out, codes)
    choose_device(config.train.device, "train.device")
    reporter = report if report is not None else NoReport()
    run = open_run(
        Path(out), data, config, models.find(start_from) if start_from else None, reporter
    )
    return run_training(run, config.train.minutes, reporter)


def refuse_own_folder(out: str | Path, start_from: str | Path) -> None:
    """Raises RegardError if a model would be tuned into its own folder, or one of its own name."""
    if start_from and Path(start_from).resolve() == Path(out).resolve():
        raise RegardError(
            "a model cannot be tuned into the place that it comes from",
            f"--out {out}",
            "choose another --out",
        )
