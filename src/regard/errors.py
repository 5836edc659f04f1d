"""What a user reads when something is wrong: what happened, where, what to do."""

from collections.abc import Mapping
from difflib import get_close_matches
from errno import EDQUOT, EFBIG, ENOSPC
from typing import Any, NoReturn

MAX_SHOWN_CHARACTERS = 40
"""Of a value that is not accepted."""


class RegardError(Exception):
    """A mistake that the user can mend; everything else keeps its traceback."""

    def __init__(self, what: str, where: str, to_do: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  to do: {to_do}")
        self.what, self.where, self.to_do = what, where, to_do


def needs_extra(what: str, missing: str | None, extra: str, instead: str = "") -> RegardError:
    """Something that only an extra of the installation brings is not there."""
    return RegardError(
        f"{what} needs {missing}, which is not installed",
        "this Python",
        f"pip install '.[{extra}]' in the folder of regard's source{instead}",
    )


def nearest(name: str, known: tuple[str, ...]) -> str:
    """What to do about a name that is not `known`: the nearest known one, or all of them."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"choose one of: {', '.join(known)}"


def refuse_system_error(error: OSError, doing: str, where: str) -> NoReturn:
    """Tell what the operating system refused (no such file, no permission, disk full)."""
    advice = {
        "FileNotFoundError": "check the path",
        "PermissionError": "check who may read and write there, or choose another place",
        "IsADirectoryError": "give a file, not a folder",
        "NotADirectoryError": "a file stands where a folder should be; choose another place",
        "FileExistsError": "choose another place",
    }.get(type(error).__name__, "choose another place")
    if error.errno in (ENOSPC, EDQUOT, EFBIG):
        advice = "make room on the disk, or choose another place"
    reason = (error.strerror or str(error)).lower()
    raise RegardError(f"cannot {doing}: {reason}", where, advice) from error


def invalid_value(fault: Mapping[str, Any], name: str, where: str, to_do: str) -> RegardError:
    """A value that pydantic does not accept; `fault` is one of `ValidationError.errors()`."""
    value = repr(fault["input"])
    if len(value) > MAX_SHOWN_CHARACTERS:
        value = f"{value[:MAX_SHOWN_CHARACTERS]}…"
    message = fault["msg"][0].lower() + fault["msg"][1:]
    return RegardError(f"{name} = {value}: {message}", where, to_do)
