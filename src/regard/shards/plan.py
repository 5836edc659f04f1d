"""From what a user types to shards: patterns of file names, and where each translation goes."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from regard.data.formats.lines import COMPRESSIONS, STANDARD_INPUT
from regard.errors import RegardError
from regard.shards.partial_output import output_paths
from regard.shards.shard import Shard

WILDCARDS = "*?["


class Destination(NamedTuple):
    """What --out names."""

    path: Path
    is_folder: bool


def is_pattern(file: Path) -> bool:
    """Whether a name stands for files that match it; a file of this name takes precedence."""
    return any(sign in str(file) for sign in WILDCARDS) and not file.exists()


def ends_as_folder(out: str) -> bool:
    return out.endswith(("/", os.sep))


def plan_shards(files: Sequence[Path], out: Destination, template: Shard) -> list[Shard]:
    """A shard for each file, and for each file that matches a pattern; `template` has all but the
    names.

    In a folder, a translation has the path of its source below the folder that all inputs share.
    Raises RegardError if a pattern matches nothing, or two translations would be one file.
    """
    sources = list(dict.fromkeys(file for name in files for file in matching(name, out)))
    if not out.is_folder:
        return [template._replace(source=sources[0], out=output_paths(out.path).out)]
    shared = Path(os.path.commonpath([os.path.abspath(fixed_folder(name)) for name in files]))
    shards, owners = [], dict[Path, Path]()
    for source in sources:
        target = out.path / output_name(Path(os.path.abspath(source)).relative_to(shared))
        if target in owners:
            raise RegardError(
                f"{owners[target]} and {source} would have the same translation",
                str(target),
                "translate them with two commands, or rename one",
            )
        owners[target] = source
        shards.append(template._replace(source=source, out=target))
    return shards


def matching(name: Path, out: Destination) -> list[Path]:
    """A file itself, or the files that a pattern matches, without those in the output folder.

    Raises RegardError if there is none, or if it is standard input.
    """
    if name == STANDARD_INPUT:
        raise RegardError(
            "standard input cannot be translated with files in a folder, in columns or on Ray",
            "the command line",
            "write the text to a file first",
        )
    if not is_pattern(name):
        return [name]
    output = Path(os.path.abspath(out.path))
    matches = (Path(match) for match in sorted(glob.glob(str(name), recursive=True)))
    files = [
        file
        for file in matches
        if file.is_file() and output not in Path(os.path.abspath(file)).parents
    ]
    if not files:
        raise RegardError(
            "no file matches this pattern",
            str(name),
            "check the path; quotation marks keep the shell from reading the pattern: 'in/*.txt'",
        )
    return files


def fixed_folder(name: Path) -> Path:
    """The folder of a file, or the part of a pattern before its first wildcard."""
    if not is_pattern(name):
        return name.parent
    folder = Path(name.anchor)
    for part in name.relative_to(name.anchor).parts[:-1]:
        if any(sign in part for sign in WILDCARDS):
            break
        folder /= part
    return folder


def output_name(name: Path) -> Path:
    """Without the end of a compressed file: translations are written as they are."""
    return name.with_suffix("") if name.suffix in COMPRESSIONS else name


def refuse_replacing(shards: Sequence[Shard]) -> None:
    """Raises RegardError if a translation would replace a source."""
    sources = {os.path.abspath(shard.source) for shard in shards}
    for shard in shards:
        if os.path.abspath(shard.out) in sources:
            raise RegardError(
                "the translation would replace a source",
                str(shard.out),
                "choose another folder with --out",
            )


def refuse_existing(shards: Sequence[Shard]) -> None:
    """Raises RegardError if a translation or a part of it exists."""
    for shard in shards:
        part = output_paths(shard.out).part
        if shard.out.exists():
            raise RegardError(
                "this file exists already",
                str(shard.out),
                "choose another --out, remove it, or add --resume if an interrupted run of this"
                " command wrote it",
            )
        if part.exists():
            raise RegardError(
                "an unfinished translation exists already",
                str(part),
                "add --resume to continue it, or remove it to begin again",
            )
