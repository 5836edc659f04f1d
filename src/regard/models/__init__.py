"""The built-in models: how a model is found by its name or its path."""

from collections.abc import Sequence
from pathlib import Path

from regard.errors import RegardError
from regard.storage.folder import MODEL_INFO
from regard.storage.model_file import SUFFIX

HERE = Path(__file__).parent
DEFAULT = HERE / f"en-fr{SUFFIX}"
"""The model that translates when none is given."""


def builtin_names() -> list[str]:
    """The names of all built-in models."""
    return sorted(file.stem for file in HERE.glob(f"*{SUFFIX}"))


def find(model: str | Path) -> Path:
    """The path of a model, given its path or the name of a built-in model.

    A model at this path takes precedence. Raises RegardError if there is neither.
    """
    path, is_builtin = Path(model), str(model) in builtin_names()
    if path.exists() and (not is_builtin or path.is_file() or (path / MODEL_INFO).exists()):
        return path
    if is_builtin:
        return HERE / f"{model}{SUFFIX}"
    if path in (DEFAULT, Path(DEFAULT.stem)):
        raise RegardError(
            f"the built-in model {DEFAULT.stem} is missing from this installation",
            str(DEFAULT),
            "install regard from its wheel, or give a model folder or file with --model",
        )
    names = ", ".join(builtin_names())
    raise RegardError(
        "there is no such file" if path.suffix == SUFFIX else "there is no such folder",
        str(model),
        "give the folder that `regard train --out` wrote (it holds a model.json), or a file that"
        " `regard export` wrote" + (f", or a built-in model: {names}" if names else ""),
    )


def unique_names(models: Sequence[Path], separator: str) -> list[str]:
    """A short name for each model: as many last parts of its path as make the names unique, joined
    by `separator`. The suffix of a file is left out unless a folder has the same name.

    Raises RegardError if a model is given twice.
    """
    paths = [model.resolve() for model in models]
    if len(set(paths)) < len(paths):
        raise RegardError("a model is given twice", "the models", "give each model once")
    short = [path.with_suffix("") if path.suffix == SUFFIX else path for path in paths]
    if len(set(short)) == len(short):
        paths = short
    lengths = range(1, max(len(path.parts) for path in paths) + 1)
    candidates = ([separator.join(path.parts[-length:]) for path in paths] for length in lengths)
    return next(names for names in candidates if len(set(names)) == len(names))
