"""Files of pairs: a module for each format, and the table that finds it by a file's suffix."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from regard.data.formats.jsonl import read_jsonl
from regard.data.formats.lines import COMPRESSIONS
from regard.data.formats.pair import PairReader, PairStream
from regard.data.formats.parallel import read_parallel
from regard.data.formats.tsv import read_tsv
from regard.errors import RegardError
from regard.text.languages import Languages, canonical, is_language, likeliest_pairs

READERS: dict[str, PairReader] = {".tsv": read_tsv, ".jsonl": read_jsonl}
"""The reader of each format in which one file holds both sides. A new format is a module and a row
here."""

# fmt: off
NOT_LANGUAGES = {
    "txt", "tsv", "csv", "json", "gz", "xz", "bz", "zst", "zip", "src", "tgt", "trg", "ref", "hyp",
}
# fmt: on
"""Suffixes of two or three letters that name a format or a side, not a language."""


def read_pairs(files: Sequence[Path], languages: Languages) -> PairStream:
    """The pairs of two text files, or of one file that holds both sides, in order.

    A line that holds no pair gives an `UnreadableLine`.
    Raises RegardError if the files cannot be read, are empty, or differ in their number of lines.
    """
    return reader_of(files)(languages)


def reader_of(files: Sequence[Path]) -> Callable[[Languages], PairStream]:
    """The function that reads these files. Raises RegardError if their names are not a corpus's."""
    readers = [READERS[kind] for file in files if (kind := format_suffix(file)) in READERS]
    match list(files), readers:
        case [source, target], []:
            return lambda _: read_parallel(source, target)
        case [file], [read]:
            return partial(read, file)
    raise RegardError(
        "a corpus is two text files, or one file that holds both sides",
        ", ".join(map(str, files)) or "the command line",
        f"give the source and the translation, or one file in {' or '.join(READERS)}",
    )


def format_suffix(file: Path) -> str:
    """The suffix that names a file's format: the one before a compression's, if there is one."""
    return Path(file.stem).suffix if file.suffix in COMPRESSIONS else file.suffix


def guess_languages(files: Sequence[Path]) -> Languages:
    """The two codes at the ends of the names: train.en and train.fr.gz, or train.en-fr.tsv.

    Raises RegardError if there are none, or if both are equal.
    """
    match [language_suffix(file) for file in files]:
        case [both] if len(pairs := likeliest_pairs(both)) == 1:
            return canonical(pairs[0][0]), canonical(pairs[0][1])
        case [source, target] if is_language(source) and is_language(target):
            if canonical(source) != canonical(target):
                return canonical(source), canonical(target)
    raise RegardError(
        "the names of the files do not show the languages",
        ", ".join(map(str, files)) or "the command line",
        "name the languages: --languages en-fr",
    )


def language_suffix(file: Path) -> str:
    """The last part of a file's name that names neither a format nor a side, or nothing."""
    parts = file.name.split(".")[1:]
    while parts and (parts[-1].lower() in NOT_LANGUAGES or f".{parts[-1]}" in READERS):
        parts.pop()
    return parts[-1] if parts else ""
