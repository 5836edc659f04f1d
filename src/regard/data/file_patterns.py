"""The files that the names of a corpus stand for: of news/*.en and news/*.fr the pairs of files."""

import re
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

from regard.data.formats import is_pair_file, reader_of
from regard.errors import RegardError

WILDCARD = re.compile(r"(\*+|\?|\[[^]]+\])")
MAX_SHOWN_FILES = 3


def matching_files(patterns: Sequence[str]) -> list[tuple[Path, ...]]:
    """The files of each part of a corpus: two text files, or one with both sides; in the order of
    their names. Of two patterns those files belong together for which the wildcards stand for the
    same.

    Raises RegardError if no file matches, if a file has no partner, or if a part is no corpus.
    """
    matched = [matches(pattern) for pattern in patterns]
    parts: list[tuple[Path, ...]]
    if len(matched) != 2:
        parts = [(file,) for files in matched for file in files.values()]
    else:
        sources, targets = matched
        if alone := sorted(sources.keys() ^ targets.keys()):
            named = [str({**sources, **targets}[key]) for key in alone]
            raise RegardError(
                f"{len(alone)} of the files have no partner in the other language",
                ", ".join(named[:MAX_SHOWN_FILES]) + (", ..." if named[MAX_SHOWN_FILES:] else ""),
                f"check that {patterns[0]} and {patterns[1]} differ in the language alone",
            )
        parts = [(sources[key], targets[key]) for key in sorted(sources)]
    for part in parts:
        reader_of(part)  # raises RegardError if it is no corpus
    return parts


def matches(pattern: str) -> dict[tuple[str, ...], Path]:
    """The files that a name or a pattern matches, each with what its wildcards stand for."""
    if not has_magic(pattern) or Path(pattern).exists():
        return {(): Path(pattern)}
    parts = WILDCARD.split(pattern)
    expression = re.compile(
        "".join(
            f"({one_wildcard(part)})" if n % 2 else re.escape(part) for n, part in enumerate(parts)
        ),
        re.DOTALL,
    )
    files = {}
    for name in sorted(glob(pattern)):
        if (match := expression.fullmatch(name)) and (
            Path(name).is_file() or is_pair_file(Path(name))
        ):
            files[match.groups()] = Path(name)
    if not files:
        raise RegardError("no file matches this pattern", pattern, "check the path")
    return files


def one_wildcard(text: str) -> str:
    """The regular expression of a wildcard, which stands for no separator of folders."""
    if text[0] == "[":
        return text.replace("[!", "[^", 1).replace("\\", r"\\")
    return r"[^/\\]" + ("*" if text[0] == "*" else "")
