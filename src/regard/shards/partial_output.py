"""An output file that is a partial file until it is complete, and can be resumed."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, TextIO

from regard.data.formats.lines import STANDARD_INPUT
from regard.errors import RegardError, refuse_system_error
from regard.files import damaged_error, lock, new_file, read_json

FOLDER_RECORD = "regard"
"""FOLDER/regard.part.json: the command that began the translations into a folder."""


class OutputPaths(NamedTuple):
    out: Path
    part: Path
    """OUT.part: the translations so far."""
    command: Path
    """OUT.part.json: the command that began the translation. A running command locks it."""


class PartialOutput(NamedTuple):
    paths: OutputPaths
    command_file: IO[bytes]
    """OUT.part.json, locked."""
    done: int
    """The number of lines that an earlier run has translated."""

    @contextmanager
    def opened(self) -> Iterator[TextIO]:
        """Open the partial file for appending; an error before the first line removes it.

        Raises RegardError if it cannot be written.
        """
        try:
            with self.paths.part.open("a", encoding="utf-8", newline="\n") as file:
                yield file
        except OSError as error:
            self.remove_if_empty()
            refuse_system_error(error, "write", str(self.paths.part))
        except RegardError:
            self.remove_if_empty()
            raise

    def remove_if_empty(self) -> None:
        if not self.paths.part.exists() or self.paths.part.stat().st_size == 0:
            self.paths.part.unlink(missing_ok=True)
            self.release()

    def finish(self) -> None:
        """Rename the file to its final name. Raises RegardError if a file of this name exists."""
        if self.paths.out.exists():
            raise RegardError(
                "another file with this name was created in the meantime",
                str(self.paths.out),
                f"the translation is complete: rename {self.paths.part}",
            )
        self.paths.part.replace(self.paths.out)
        self.release()

    def release(self) -> None:
        self.command_file.close()
        self.paths.command.unlink(missing_ok=True)


def begin(out: Path, command: Mapping[str, object]) -> PartialOutput:
    """Begin a translation. Raises RegardError if `out` or its partial file exists."""
    paths = output_paths(out)
    if paths.part.exists():
        raise RegardError(
            "an unfinished translation exists already",
            str(paths.part),
            "add --resume to continue it, or remove it to begin again",
        )
    new_file(out).unlink()
    command_file = lock_output(paths)
    write_command(command_file, command)
    return PartialOutput(paths, command_file, 0)


def write_command(command_file: IO[bytes], command: Mapping[str, object]) -> None:
    command_file.truncate(0)
    command_file.write(json.dumps(command, indent=2).encode())
    command_file.flush()


def resume(out: Path, command: Mapping[str, object], is_numbered: bool) -> PartialOutput:
    """Resume an unfinished translation, or begin one; an incomplete last line is removed.

    `is_numbered` says that each line begins with its number, as --n-best writes it.
    Raises RegardError if the command differs from the one that began the translation, or the
    partial file is not usable.
    """
    paths = output_paths(out)
    if not paths.part.exists():
        return begin(out, command)
    if not paths.command.exists():
        raise RegardError(
            f"{paths.command.name} is missing, so this command cannot be compared with the first"
            " one",
            str(paths.part),
            "remove it to begin again",
        )
    command_file = lock_output(paths)
    if not paths.part.exists():  # another run has just finished it
        command_file.close()
        paths.command.unlink()
        return begin(out, command)
    try:
        refuse_other_command(paths, command)
        return PartialOutput(paths, command_file, cut_to_complete_lines(paths.part, is_numbered))
    except RegardError:
        command_file.close()
        raise


def begin_folder(folder: Path, command: Mapping[str, object], resume: bool) -> PartialOutput:
    """Begin or resume translations into a folder: hold FOLDER/regard.part.json until all of them
    are complete.

    Raises RegardError if the command differs from the one that began them, if another run is
    writing them, or if they were begun and `resume` is false.
    """
    paths = output_paths(folder / FOLDER_RECORD)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse_system_error(error, "write", str(folder))
    exists = has_record(folder)
    if exists and not resume:
        lock_output(paths).close()
        raise RegardError(
            "an unfinished translation exists already",
            str(paths.command),
            "add --resume to continue it, or remove the folder to begin again",
        )
    command_file = lock_output(paths)
    try:
        if exists and paths.command.stat().st_size:
            refuse_other_command(paths, command)
        else:
            write_command(command_file, command)
    except RegardError:
        command_file.close()
        raise
    return PartialOutput(paths, command_file, 0)


def has_record(folder: Path) -> bool:
    """Whether translations into a folder were begun and not completed."""
    return output_paths(folder / FOLDER_RECORD).command.exists()


def refuse_other_command(paths: OutputPaths, command: Mapping[str, object]) -> None:
    """Raises RegardError if the translation was begun with another command."""
    before = read_json(paths.command)
    if not isinstance(before, dict):
        raise damaged_error(paths.command)
    for name, value in json.loads(json.dumps(command)).items():
        if before.get(name) != value:
            raise RegardError(
                f"this translation was begun with {name} {before.get(name)!r}, not {value!r}",
                str(paths.part if paths.part.exists() else paths.command),
                "repeat the first command with --resume, or remove this file to begin again",
            )


def lock_output(paths: OutputPaths) -> IO[bytes]:
    """Open and lock OUT.part.json. Raises RegardError if another run holds it."""
    try:
        return lock(paths.command)
    except BlockingIOError as error:
        raise RegardError(
            "another run is writing this translation", str(paths.part), "wait for it, or stop it"
        ) from error
    except OSError as error:
        refuse_system_error(error, "write", str(paths.command))


def output_paths(out: Path) -> OutputPaths:
    """Raises RegardError if `out` cannot be the name of a file."""
    if not out.name or out == STANDARD_INPUT:
        raise RegardError("this is not the name of a file", f"--out {out}", "give --out FILE")
    part = out.with_name(out.name + ".part")
    return OutputPaths(out, part, part.with_name(part.name + ".json"))


def cut_to_complete_lines(part: Path, is_numbered: bool) -> int:
    """Remove an incomplete end of a partial file; returns the number of lines translated.

    Raises RegardError if the file cannot be read and written.
    """
    complete, number, begin_of_last = 0, 0, 0
    try:
        with part.open("r+b") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if is_numbered and int(line.partition(b"\t")[0]) != number:
                    number, begin_of_last = number + 1, complete
                complete += len(line)
            file.seek(0)
            if is_numbered and number:  # the last line may lack some of its translations
                complete = begin_of_last
            file.truncate(complete)
            return max(0, number - 1) if is_numbered else sum(1 for _ in file)
    except OSError as error:
        refuse_system_error(error, "resume", str(part))
    except ValueError as error:
        raise RegardError(
            "this file was not written with --n-best", str(part), "remove it to begin again"
        ) from error


def skip_records(records: Iterator[Any], done: int, where: str = "the input") -> None:
    """Skip the first `done`. Raises RegardError if there are fewer."""
    skipped = sum(1 for _ in islice(records, done))
    if skipped < done:
        raise RegardError(
            f"{done} lines were translated before, and the input has only {skipped}",
            where,
            "give the same text again",
        )
