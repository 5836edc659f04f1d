"""The models that come along, by their names."""

from collections.abc import Sequence
from pathlib import Path

from regard.errors import RegardError
from regard.storage.folder import MODEL_INFO
from regard.storage.model_file import SUFFIX

HERE = Path(__file__).parent
DEFAULT = HERE / f"en-fr{SUFFIX}"
"""What translates when no model is named."""


def builtin_names() -> list[str]:
    """Of all models that come along."""
    return sorted(file.stem for file in HERE.glob(f"*{SUFFIX}"))


def find(model: str | Path) -> Path:
    """Where a model is that is named by its path or, if it comes along, by its name.

    A model under this path comes first. Raises RegardError if nothing is there.
    """
    path, is_ours = Path(model), str(model) in builtin_names()
    if path.exists() and (not is_ours or path.is_file() or (path / MODEL_INFO).exists()):
        return path
    if is_ours:
        return HERE / f"{model}{SUFFIX}"
    if path in (DEFAULT, Path(DEFAULT.stem)):
        raise RegardError(
            f"the model that comes along, {DEFAULT.stem}, is not in this copy of regard",
            str(DEFAULT),
            "install regard from its wheel, or give a model folder or file with --model",
        )
    known = ", ".join(builtin_names())
    raise RegardError(
        "there is no such file" if path.suffix == SUFFIX else "there is no such folder",
        str(model),
        "give the folder that `regard train --out` wrote (it holds a model.json), or a file that"
        " `regard export` wrote" + (f", or a model that comes along: {known}" if known else ""),
    )


def unique_names(models: Sequence[Path], between: str) -> list[str]:
    """What each is called: the last part of its path, or as many parts as tell them apart; a file
    without its suffix, unless that is what tells it from its folder.

    Raises RegardError if one is given twice.
    """
    paths = [model.resolve() for model in models]
    if len(set(paths)) < len(paths):
        raise RegardError("a model is given twice", "the models", "give each of them once")
    short = [path.with_suffix("") if path.suffix == SUFFIX else path for path in paths]
    if len(set(short)) == len(short):
        paths = short
    lengths = range(1, max(len(path.parts) for path in paths) + 1)
    names = ([between.join(path.parts[-length:]) for path in paths] for length in lengths)
    return next(called for called in names if len(set(called)) == len(called))
