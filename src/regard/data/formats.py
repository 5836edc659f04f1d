"""What a file of pairs is; a pair is a pair, whatever its line contains."""

import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from regard.errors import RegardError, refuse_system_error
from regard.text.languages import ONE_LANGUAGE, TWO_LANGUAGES, Languages
from regard.text.normalize import normalize

COMPRESSIONS: dict[str, Callable[[Path], Any]] = {".gz": gzip.GzipFile, ".xz": lzma.LZMAFile}
"""What opens a compressed file, by its last suffix."""

DAMAGES = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)
"""What reading a compressed file raises when its content is not what its suffix says."""

MAX_LINE_BYTES = 2**20
"""Bytes in the longest line that is read whole; of a longer one the rest is passed over."""

STANDARD_INPUT = Path("-")
UTF8_MARK = b"\xef\xbb\xbf"
OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
"""How files begin that are UTF-16 or UTF-32."""
COMPRESSED_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
"""How files begin that are compressed; read are .gz and .xz."""

NOT_UTF8, NOT_A_PAIR, TOO_LONG = "not utf-8", "not a pair", "too long"


# fmt: off
NOT_LANGUAGES = {
    "txt", "tsv", "csv", "json", "gz", "xz", "bz", "zst", "zip", "src", "tgt", "trg", "ref", "hyp",
}
# fmt: on
"""Endings of two or three letters that tell how a text is kept, or which side it is."""


class Pair(NamedTuple):
    number: int
    """The line where it stands, from 1."""
    source: str
    target: str


class UnreadableLine(NamedTuple):
    number: int
    """The line where it stands, from 1."""
    reason: str
    """Why no pair could be read there, as it is counted: one of `clean.REASONS`."""


def open_bytes(file: Path) -> io.BufferedIOBase:
    """The bytes of a file, unpacked if its suffix is one of `COMPRESSIONS`; - is standard input.

    Raises RegardError if the file cannot be opened.
    """
    if file == STANDARD_INPUT:
        # not sys.stdin: the process could not end while a thread waits for that
        return open(0, "rb", closefd=False)
    try:
        if unpack := COMPRESSIONS.get(file.suffix):
            return io.BufferedReader(unpack(file))
        return file.open("rb")
    except OSError as error:
        refuse_system_error(error, "read a file", str(file))


def read_lines(file: Path) -> Iterator[bytes]:
    """The lines of a file, without their ends (a line feed, perhaps a carriage return before it).

    Nothing else ends a line. Of a line longer than `LONGEST` come `LONGEST` + 1 bytes, and what
    there is of a UTF-8 letter behind them. A byte order mark at the beginning is left out.
    Raises RegardError if the file cannot be read, is damaged, or is UTF-16 or UTF-32.
    """
    number = 0
    with open_bytes(file) as stream:
        try:
            # at most, what is left out below is a mark, a carriage return and a letter's rest
            while line := stream.readline(MAX_LINE_BYTES + 5 + len(UTF8_MARK)):
                number += 1
                part = line
                while part and not part.endswith(b"\n"):
                    part = stream.readline(MAX_LINE_BYTES)
                if number == 1:
                    refuse_other_kinds(line, file)
                    line = line.removeprefix(UTF8_MARK)
                    if not line:
                        return
                yield truncate_utf8(line.removesuffix(b"\n").removesuffix(b"\r"))
        except DAMAGES as error:
            raise RegardError(
                "the file is damaged, or not compressed as its name says",
                f"{file}, after line {number}",
                "compress or fetch it again",
            ) from error
        except OSError as error:
            refuse_system_error(error, "read a file", str(file))


def refuse_other_kinds(line: bytes, file: Path) -> None:
    """Raises RegardError if a file that begins with this line is no text in UTF-8."""
    if line.startswith(OTHER_MARKS):
        raise RegardError(
            "the text is UTF-16 or UTF-32", str(file), "convert it to UTF-8 with iconv"
        )
    for begin, kind in COMPRESSED_MAGIC.items():
        if line.startswith(begin) and not is_utf8(line):
            raise RegardError(
                f"this is compressed by {kind}, and not text",
                str(file),
                "unpack it first; .gz and .xz are read as they are if their names end so",
            )


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def truncate_utf8(line: bytes) -> bytes:
    """At most `LONGEST` + 1 bytes, and the rest of a UTF-8 letter that they cut in two."""
    end = MAX_LINE_BYTES + 1
    while end < min(len(line), MAX_LINE_BYTES + 4) and 0x80 <= line[end] < 0xC0:
        end += 1
    return line[:end]


def read_texts(file: Path) -> Iterator[str]:
    """The texts to translate, one for each line, blank ones too."""
    return map(text_of, read_lines(file))


def text_of(line: bytes) -> str:
    """A line as text to translate; a byte that is not UTF-8 is �."""
    return normalize(line.decode("utf-8", errors="replace"))


def read_pairs(files: Sequence[Path], languages: Languages) -> Iterator[Pair | UnreadableLine]:
    """Every pair of two text files, or of one file that holds both sides, in order.

    Two texts are paired line by line. A line that gives no pair gives a `Fault`.
    Raises RegardError if the files cannot be read, hold nothing, or are of unequal length.
    """
    return reader_of(files)(languages)


def reader_of(files: Sequence[Path]) -> Callable[[Languages], Iterator[Pair | UnreadableLine]]:
    """What reads the pairs of these files. Raises RegardError if they are no corpus."""
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
    """The suffix that tells how a file holds its text, under that of its compression."""
    return Path(file.stem).suffix if file.suffix in COMPRESSIONS else file.suffix


def read_parallel(source_file: Path, target_file: Path) -> Iterator[Pair | UnreadableLine]:
    """The pairs of two texts, line by line."""
    missing = b"\n"  # no line is that
    sources, targets = lines_of(source_file), lines_of(target_file)
    for number, (source, target) in enumerate(zip_longest(sources, targets, fillvalue=missing), 1):
        if missing in (source, target):
            longer = number + sum(1 for _ in (targets if source is missing else sources))
            counts = (number - 1, longer) if source is missing else (longer, number - 1)
            has, lacks = ("source", "translation")[:: -1 if source is missing else 1]
            raise RegardError(
                f"line {number} has a {has} but no {lacks}",
                f"{source_file} ({counts[0]:,} lines), {target_file} ({counts[1]:,} lines)",
                "give both files the same number of lines",
            )
        yield make_pair(number, source, target)


def lines_of(file: Path) -> Iterator[bytes]:
    """The lines of a file; raises RegardError if there are none."""
    line = b"\n"
    for line in read_lines(file):
        yield line
    if line == b"\n":
        raise RegardError("the file is empty", str(file), "give a file with a text on each line")


def make_pair(number: int, source: bytes, target: bytes) -> Pair | UnreadableLine:
    """The pair that stands on a line, tidied, or why there is none."""
    if len(source) > MAX_LINE_BYTES or len(target) > MAX_LINE_BYTES:
        return UnreadableLine(number, TOO_LONG)
    try:
        return Pair(number, normalize(source.decode()), normalize(target.decode()))
    except UnicodeDecodeError:
        return UnreadableLine(number, NOT_UTF8)


def read_tsv(file: Path, languages: Languages) -> Iterator[Pair | UnreadableLine]:  # noqa: ARG001
    """The pairs of a table: the first two columns, divided by tabs; quotation marks are text."""
    for number, line in enumerate(lines_of(file), 1):
        if len(line) > MAX_LINE_BYTES:
            yield UnreadableLine(number, TOO_LONG)
            continue
        columns = line.split(b"\t", maxsplit=2)
        if len(columns) == 1:
            yield UnreadableLine(number, NOT_A_PAIR)
        else:
            yield make_pair(number, columns[0], columns[1])


def read_jsonl(file: Path, languages: Languages) -> Iterator[Pair | UnreadableLine]:
    """The pairs of a file with a JSON object on each line; `from_json` tells which objects."""
    for number, line in enumerate(lines_of(file), 1):
        if len(line) > MAX_LINE_BYTES:
            yield UnreadableLine(number, TOO_LONG)
            continue
        try:
            yield from_json(number, json.loads(line.decode()), languages)
        except UnicodeError:  # half a surrogate pair, written as \\ud83d, is no text either
            yield UnreadableLine(number, NOT_UTF8)
        except (ValueError, RecursionError):
            yield UnreadableLine(number, NOT_A_PAIR)


def from_json(number: int, value: object, languages: Languages) -> Pair | UnreadableLine:
    """The pair in an object with the keys "source" and "target", or the codes of the languages.

    The object may stand in another one, under "translation".
    """
    holders = [value, value.get("translation")] if isinstance(value, dict) else []
    for holder, keys in product(holders, (("source", "target"), languages)):
        match [holder.get(key) for key in keys] if isinstance(holder, dict) else []:
            case [str(source), str(target)]:
                return make_pair(number, source.encode(), target.encode())
    return UnreadableLine(number, NOT_A_PAIR)


Reader = Callable[[Path, Languages], Iterator[Pair | UnreadableLine]]
READERS: dict[str, Reader] = {".tsv": read_tsv, ".jsonl": read_jsonl}
"""What reads a file that holds both sides, by its suffix."""


def guess_languages(files: Sequence[Path]) -> Languages:
    """The two codes that the names end in: train.en and train.fr.gz, or train.en-fr.tsv.

    Raises RegardError if they do not, or if both are the same.
    """
    ends = [ending(file) for file in files]
    together = TWO_LANGUAGES.fullmatch(ends[0]) if len(ends) == 1 else None
    if together:
        return together[1], together[2]
    apart = [end for end in ends if ONE_LANGUAGE.fullmatch(end)]
    if len(ends) == len(apart) == len(set(apart)) == 2:
        return apart[0], apart[1]
    raise RegardError(
        "the names of the files do not tell the languages",
        ", ".join(map(str, files)) or "the command line",
        "name them: --languages en-fr",
    )


def ending(file: Path) -> str:
    """The last part of a file's name that does not tell how the text is kept, or nothing."""
    parts = file.name.split(".")[1:]
    while parts and (parts[-1] in NOT_LANGUAGES or f".{parts[-1]}" in READERS):
        parts.pop()
    return parts[-1] if parts else ""
