"""Errors for the user, in three parts: what happened, where, and what to do."""

from difflib import get_close_matches
from errno import EDQUOT, EFBIG, ENOSPC
from typing import NoReturn


class RegardError(Exception):
    """A mistake that the user can correct, shown without a traceback."""

    def __init__(self, what: str, where: str, to_do: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  to do: {to_do}")
        self.what, self.where, self.to_do = what, where, to_do

    def __reduce__(self) -> tuple[type["RegardError"], tuple[str, str, str]]:
        """For another process."""
        return RegardError, (self.what, self.where, self.to_do)


class LostProcess(RegardError):
    """Another process of a training ended, hangs, or cannot be reached."""


def needs_extra(what: str, package: str | None, extra: str, instead: str = "") -> RegardError:
    """The error for a `package` that is missing, and that the extra named `extra` installs.

    `instead` ends the advice with an alternative, if there is one.
    """
    return RegardError(
        f"{what} needs {package}, which is not installed",
        "this Python",
        f"in the folder of regard's source: pip install '.[{extra}]'{instead}",
    )


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Advice about a name that is not in `known`: the most similar one, or all of them."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"choose one of: {', '.join(known)}"


def refuse_system_error(error: OSError, doing: str, where: str) -> NoReturn:
    """Raises RegardError for an error of the operating system (no such file, disk full)."""
    advice = {
        "FileNotFoundError": "check the path",
        "PermissionError": "check the permissions, or choose another path",
        "IsADirectoryError": "give a file, not a folder",
        "NotADirectoryError": "part of the path is a file, not a folder; choose another path",
        "FileExistsError": "choose another path",
    }.get(type(error).__name__, "choose another path")
    if error.errno in (ENOSPC, EDQUOT, EFBIG):
        advice = "free space on the disk, or choose another path"
    reason = (error.strerror or str(error)).lower()
    raise RegardError(f"cannot {doing}: {reason}", where, advice) from error
