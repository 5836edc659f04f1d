"""Files of pairs: a module for each format, and the table that finds it by a file's suffix."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from regard.data.formats.arrow import read_arrow, read_dataset, read_parquet
from regard.data.formats.jsonl import read_jsonl
from regard.data.formats.lines import COMPRESSIONS
from regard.data.formats.pair import PairReader, PairStream, normalized
from regard.data.formats.parallel import read_parallel
from regard.data.formats.tmx import read_tmx
from regard.data.formats.tsv import columns_message, read_tsv
from regard.errors import RegardError
from regard.text.languages import (
    Languages,
    canonical,
    is_language,
    likeliest_pairs,
    without_region,
)

DATASET_FOLDER = "a folder of a dataset"
"""The name of the format that has no suffix."""
READERS: dict[str, PairReader] = {
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".tmx": read_tmx,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".feather": read_arrow,
    DATASET_FOLDER: read_dataset,
}
"""The reader of each format in which one file holds both sides. A new format is a module and a row
here."""
PAIR_FORMATS = (
    ", ".join(name for name in READERS if name != DATASET_FOLDER) + f", or {DATASET_FOLDER}"
)
"""The names of these formats, for help and advice."""

# fmt: off
NOT_LANGUAGES = {
    "txt", "tsv", "csv", "json", "gz", "xz", "bz", "zst", "zip", "src", "tgt", "trg", "ref", "hyp",
}
# fmt: on
"""Suffixes of two or three letters that name a format or a side, not a language."""


def read_pairs(files: Sequence[Path], languages: Languages) -> PairStream:
    """The pairs of two text files, or of one file that holds both sides, in order, normalized.

    A line that holds no pair gives an `UnreadableLine`.
    Raises RegardError if the files cannot be read, are empty, or differ in their number of lines.
    """
    return map(normalized, read_raw_pairs(files, languages))


def read_raw_pairs(files: Sequence[Path], languages: Languages) -> PairStream:
    """The same as they are written."""
    return reader_of(files)(languages)


def reader_of(files: Sequence[Path]) -> Callable[[Languages], PairStream]:
    """The function that reads these files. Raises RegardError if their names are not a corpus's."""
    match list(files):
        case [source, target] if not any(format_suffix(file) in READERS for file in files):
            return lambda _: read_parallel(source, target)
        case [file] if is_pair_file(file):
            return partial(READERS[pair_format(file)], file)
    raise RegardError(
        "a corpus is two text files, or one file that holds both sides",
        ", ".join(map(str, files)) or "the command line",
        f"give the source and the translation, or one file in {PAIR_FORMATS}",
    )


def table_message(files: Sequence[Path]) -> str:
    """One line that tells which columns of a table hold the texts, if these are not the first two;
    else nothing."""
    match list(files):
        case [file] if format_suffix(file) == ".tsv":
            return columns_message(file)
    return ""


def is_pair_file(file: Path) -> bool:
    """Whether a file, by its name, holds both sides."""
    return pair_format(file) in READERS


def pair_format(file: Path) -> str:
    """The key of `READERS` for a file of pairs; another suffix, or none, for a text."""
    return DATASET_FOLDER if file.is_dir() else format_suffix(file)


def format_suffix(file: Path) -> str:
    """The suffix that names a file's format: the one before a compression's, if there is one."""
    return Path(file.stem).suffix if file.suffix in COMPRESSIONS else file.suffix


def named_languages(files: Sequence[Path]) -> tuple[str, ...]:
    """The two codes at the ends of the names: of train.en and train.fr.gz, or of train.en-fr.tsv.
    Nothing if there are none, or if both are equal."""
    match [language_suffix(file) for file in files]:
        case [both] if len(pairs := likeliest_pairs(both)) == 1:
            return tuple(map(canonical, pairs[0]))
        case [*codes] if len(codes) == 2 and all(map(is_language, codes)):
            named = tuple(map(canonical, codes))
            return named if len(set(named)) == 2 else ()
    return ()


def guess_languages(files: Sequence[Path]) -> Languages:
    """The languages that the names of the files show. Raises RegardError if they show none."""
    match named_languages(files):
        case (source, target):
            return source, target
    raise RegardError(
        "the names of the files do not show the languages",
        ", ".join(map(str, files)) or "the command line",
        "name the languages: --languages en-fr",
    )


def names_warning(files: Sequence[Path], languages: Languages) -> str:
    """One line for the user if the names of the files show other languages, regions and scripts
    left out; else nothing."""
    named = named_languages(files)
    if not named or list(map(without_region, named)) == list(map(without_region, languages)):
        return ""
    return (
        f"the names of {' and '.join(file.name for file in files)} show {'-'.join(named)}, and the"
        f" languages are {'-'.join(languages)}: check the order of the files"
    )


def refuse_swapped(valid: Sequence[Path], train: Sequence[Path], languages: Languages) -> None:
    """Raises RegardError if the names of the validation files show the languages of the training
    text the wrong way round, and those of the training files do not."""
    named = named_languages(valid)
    if named == languages[::-1] != languages and named != named_languages(train):
        raise RegardError(
            "the validation files are the wrong way round",
            f"{' '.join(map(str, valid))}, for a training text in {'-'.join(languages)}",
            f"give the file in {languages[0]} first",
        )


def language_suffix(file: Path) -> str:
    """The last part of a file's name that names neither a format nor a side, or nothing."""
    parts = file.name.split(".")[1:]
    while parts and (parts[-1].lower() in NOT_LANGUAGES or f".{parts[-1]}" in READERS):
        parts.pop()
    return parts[-1] if parts else ""
