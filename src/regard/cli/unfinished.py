"""A translation that grows in a file of its own until it is whole, and can be gone on with."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from regard import checkpoint
from regard.cli.common import errors, new_file
from regard.errors import RegardError, refuse_system_error


class Unfinished(NamedTuple):
    file: Path
    """OUT.part"""
    asked: Path
    """OUT.part.json: what was asked for when it was begun."""
    done: int
    """Lines that were translated before."""

    @contextmanager
    def opened(self) -> Iterator[TextIO]:
        """To write on behind what stands there. Raises RegardError where that is refused."""
        try:
            with self.file.open("a", encoding="utf-8", newline="\n") as file:
                yield file
        except OSError as error:
            refuse_system_error(error, "write", str(self.file))
        except KeyboardInterrupt:
            errors.print(
                f"stopped; the same command with --resume goes on after what stands in {self.file}",
                style="yellow",
                highlight=False,
                soft_wrap=True,
            )
            raise

    def finish(self, out: Path) -> None:
        """Give it its name."""
        self.file.replace(out)
        self.asked.unlink(missing_ok=True)


def begin(out: Path, asked: Mapping[str, object]) -> Unfinished:
    """Raises RegardError if `out` exists, or a part of it."""
    unfinished = beside(out)
    if unfinished.file.exists():
        raise RegardError(
            "a translation was begun here and not finished",
            str(unfinished.file),
            "add --resume to go on, or remove it to begin again",
        )
    new_file(out).unlink()
    checkpoint.write_json(unfinished.asked, asked)
    return unfinished


def go_on(out: Path, asked: Mapping[str, object], is_numbered: bool) -> Unfinished:
    """Find what was begun, or begin; what was written in part is cut off.

    Raises RegardError if something else was asked for then, or the file cannot be gone on with.
    """
    unfinished = beside(out)
    if not unfinished.file.exists():
        return begin(out, asked)
    if not unfinished.asked.exists():
        raise RegardError(
            "nobody knows any more what was asked for when this was begun",
            str(unfinished.file),
            "remove it to begin again",
        )
    before = checkpoint.read_json(unfinished.asked)
    if not isinstance(before, dict):
        raise checkpoint.damaged(unfinished.asked)
    for name, value in json.loads(json.dumps(asked)).items():
        if before.get(name) != value:
            raise RegardError(
                f"this was begun with another {name}: {before.get(name)!r}, not {value!r}",
                str(unfinished.file),
                "ask for the same as then, or remove it to begin again",
            )
    return unfinished._replace(done=cut_to_whole_lines(unfinished.file, is_numbered))


def beside(out: Path) -> Unfinished:
    """Raises RegardError if `out` cannot be a file's name."""
    if not out.name:
        raise RegardError("this is no name of a file", f"--out {out}", "give --out FILE")
    part = out.with_name(out.name + ".part")
    return Unfinished(part, part.with_name(part.name + ".json"), 0)


def cut_to_whole_lines(part: Path, is_numbered: bool) -> int:
    """How many lines were translated; what was written in part is cut off.

    Raises RegardError if the file cannot be read and written.
    """
    whole, number, first = 0, 0, 0
    try:
        with part.open("r+b") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if is_numbered and int(line.partition(b"\t")[0]) != number:
                    number, first = number + 1, whole
                whole += len(line)
            file.seek(0)
            if is_numbered and number:  # the last line may lack some of its translations
                whole = first
            file.truncate(whole)
            return max(0, number - 1) if is_numbered else sum(1 for _ in file)
    except OSError as error:
        refuse_system_error(error, "go on with", str(part))
    except ValueError as error:
        raise RegardError(
            "this is not what --n-best wrote", str(part), "remove it to begin again"
        ) from error


def behind(lines: Iterator[bytes], done: int) -> Iterator[bytes]:
    """The lines that are still to be translated.

    Raises RegardError if there are fewer than were translated before.
    """
    found = sum(1 for _ in islice(lines, done))
    if found < done:
        raise RegardError(
            f"{done} lines were translated before, and there are {found}",
            "the input",
            "give the same text as then",
        )
    return lines
