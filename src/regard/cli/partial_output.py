"""A translation that grows in a file of its own until it is whole, and can be gone on with."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple, TextIO

from regard.cli.common import errors, new_file
from regard.data.formats.lines import STANDARD_INPUT
from regard.errors import RegardError, refuse_system_error
from regard.files import damaged_error, lock, read_json


class OutputPaths(NamedTuple):
    """Where a translation grows."""

    out: Path
    part: Path
    """OUT.part: what is translated so far."""
    asked: Path
    """OUT.part.json: what was asked for when it was begun. Whoever writes holds it."""


class PartialOutput(NamedTuple):
    place: OutputPaths
    held: IO[bytes]
    done: int
    """Lines that were translated before."""

    @contextmanager
    def opened(self) -> Iterator[TextIO]:
        """To write on behind what stands there; a failure before the first line leaves nothing.

        Raises RegardError where writing is refused.
        """
        try:
            with self.place.part.open("a", encoding="utf-8", newline="\n") as file:
                yield file
        except OSError as error:
            self.clear()
            refuse_system_error(error, "write", str(self.place.part))
        except KeyboardInterrupt:
            errors.print(
                "stopped; the same command with --resume goes on after what stands in"
                f" {self.place.part}",
                style="yellow",
                highlight=False,
                soft_wrap=True,
            )
            raise
        except RegardError:
            self.clear()
            raise

    def clear(self) -> None:
        """Leave nothing behind if nothing has been written."""
        if self.place.part.exists() and self.place.part.stat().st_size == 0:
            self.place.part.unlink()
            self.release()

    def finish(self) -> None:
        """Give it its name. Raises RegardError if another file has taken it meanwhile."""
        if self.place.out.exists():
            raise RegardError(
                "another file has been given this name meanwhile",
                str(self.place.out),
                f"the translation is whole and stands in {self.place.part}: rename it",
            )
        self.place.part.replace(self.place.out)
        self.release()

    def release(self) -> None:
        self.held.close()
        self.place.asked.unlink(missing_ok=True)


def begin(out: Path, command: Mapping[str, object]) -> PartialOutput:
    """Raises RegardError if `out` exists, or a part of it."""
    place = output_paths(out)
    if place.part.exists():
        raise RegardError(
            "a translation was begun here and not finished",
            str(place.part),
            "add --resume to go on, or remove it to begin again",
        )
    new_file(out).unlink()
    held = lock_output(place)
    held.truncate(0)
    held.write(json.dumps(command, indent=2).encode())
    held.flush()
    return PartialOutput(place, held, 0)


def resume(out: Path, command: Mapping[str, object], is_numbered: bool) -> PartialOutput:
    """Find what was begun, or begin; what was written in part is cut off.

    Raises RegardError if something else was asked for then, or the file cannot be gone on with.
    """
    place = output_paths(out)
    if not place.part.exists():
        return begin(out, command)
    if not place.asked.exists():
        raise RegardError(
            "nobody knows any more what was asked for when this was begun",
            str(place.part),
            "remove it to begin again",
        )
    held = lock_output(place)
    if not place.part.exists():  # another run has just finished it
        held.close()
        place.asked.unlink()
        return begin(out, command)
    before = read_json(place.asked)
    if not isinstance(before, dict):
        raise damaged_error(place.asked)
    for name, value in json.loads(json.dumps(command)).items():
        if before.get(name) != value:
            raise RegardError(
                f"this was begun with another {name}: {before.get(name)!r}, not {value!r}",
                str(place.part),
                "ask for the same as then, or remove it to begin again",
            )
    return PartialOutput(place, held, cut_to_whole_lines(place.part, is_numbered))


def lock_output(place: OutputPaths) -> IO[bytes]:
    """Raises RegardError if another run is writing this translation, or nobody can."""
    try:
        return lock(place.asked)
    except BlockingIOError as error:
        raise RegardError(
            "another run is writing this translation", str(place.part), "wait for it, or stop it"
        ) from error
    except OSError as error:
        refuse_system_error(error, "write", str(place.asked))


def output_paths(out: Path) -> OutputPaths:
    """Raises RegardError if `out` cannot be a file's name."""
    if not out.name or out == STANDARD_INPUT:
        raise RegardError("this is no name of a file", f"--out {out}", "give --out FILE")
    part = out.with_name(out.name + ".part")
    return OutputPaths(out, part, part.with_name(part.name + ".json"))


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


def skip_lines(lines: Iterator[bytes], done: int) -> Iterator[bytes]:
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
