"""Parallel text larger than memory: prepared once in a folder, then mapped from disk.

A prepared corpus is a folder with these files; all numbers are little-endian int64:

    report.json                     format, languages, fingerprint, cleaning report
    source.text, target.text        the texts, concatenated, in UTF-8
    source.offsets, target.offsets  the byte at which each text begins, and the total
    lines                           the line of each pair in the original files, from 1

`prepare` works in three passes. `write_raw` reads the files and writes the pairs that no rule
drops to the folder `raw`; `mark_duplicates` sorts their fingerprints on disk and marks repeated
pairs; `write_deduplicated` copies the other pairs to their final files.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from regard.data.clean import DUPLICATE, OPTIONS, CleaningReport, Limits, why_dropped
from regard.data.formats import read_raw_pairs
from regard.data.formats.pair import (
    NOT_A_PAIR,
    NOT_UTF8,
    Pair,
    PairStream,
    UnreadableLine,
    normalized,
)
from regard.errors import RegardError, refuse_system_error
from regard.processes import map_stream
from regard.text.languages import Languages

Numbers = NDArray[np.int64]

CORPUS_FORMAT = 1
"""Increased when corpora prepared by earlier versions can no longer be read."""

CHUNK_PAIRS = 4096
"""Pairs that a process cleans at a time."""
OWN_CHUNKS = 16
"""A corpus of fewer chunks is cleaned in one process."""

FINGERPRINT_BYTES = 16
"""Among 10^9 different pairs, the probability that two share a fingerprint is 10^-20."""

RECORD_BYTES = FINGERPRINT_BYTES + 8
"""A fingerprint and the index of its pair."""


@runtime_checkable
class ParallelTexts(Protocol):
    """Parallel text with random access."""

    def __len__(self) -> int: ...
    def sources(self, indices: Numbers) -> list[str]: ...
    def targets(self, indices: Numbers) -> list[str]: ...


class TextColumn(NamedTuple):
    """All texts of one side, mapped from disk."""

    text: memoryview
    """The texts, concatenated, in UTF-8."""
    offsets: Numbers
    """The byte at which each text begins, then the number of bytes."""

    def texts(self, indices: Numbers) -> list[str]:
        """The texts at `indices`, in that order."""
        assert not indices.size or indices.min() >= 0, "indices count from the beginning"
        starts, ends = self.offsets[indices].tolist(), self.offsets[indices + 1].tolist()
        return [str(self.text[start:end], "utf-8") for start, end in zip(starts, ends, strict=True)]


class Corpus:
    """The pairs of a prepared corpus; a pair is read from disk when it is accessed."""

    def __init__(self, folder: Path, metadata: dict[str, Any]) -> None:
        self.folder = folder
        self.languages: Languages = (metadata["languages"][0], metadata["languages"][1])
        self.fingerprint: str = metadata["fingerprint"]
        """Depends on the texts, the order of the pairs, and the languages."""
        self.report = CleaningReport.from_json(metadata["report"])
        self.lines = map_numbers(folder / "lines")
        """The line of each pair in the original files, from 1."""
        self.source, self.target = map_side(folder, "source"), map_side(folder, "target")

    def __reduce__(self) -> tuple[Callable[[Path], "Corpus"], tuple[Path]]:
        """Another process maps the files again."""
        return open_corpus, (self.folder,)

    def __len__(self) -> int:
        return len(self.lines)

    def pair(self, index: int) -> tuple[str, str]:
        """The source and the target of one pair."""
        indices = np.array([index])
        return self.sources(indices)[0], self.targets(indices)[0]

    def sources(self, indices: Numbers) -> list[str]:
        """The source texts at `indices`, in that order."""
        return self.source.texts(indices)

    def targets(self, indices: Numbers) -> list[str]:
        """The target texts at `indices`, in that order."""
        return self.target.texts(indices)


def prepare(
    files: Sequence[Path],
    languages: Languages,
    limits: Limits,
    folder: Path,
    tick: Callable[[int], None],
    processes: int = 1,
) -> Corpus:
    """Clean the pairs of two text files, or of one file of pairs, and write them to a new `folder`,
    completely or not at all. The result is the same for every number of `processes`.

    `tick` is called from time to time with the number of pairs read so far.
    Raises RegardError as `prepare_parts`.
    """
    return prepare_parts([files], languages, limits, folder, tick, processes)


def prepare_parts(
    parts: Sequence[Sequence[Path]],
    languages: Languages,
    limits: Limits,
    folder: Path,
    tick: Callable[[int], None],
    processes: int,
) -> Corpus:
    """The same for several such files or pairs of files, one after the other.

    Raises RegardError if the files cannot be read, the folder cannot be written, or all pairs are
    dropped.
    """
    assert not folder.exists(), "a corpus is prepared once"
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    raw = unfinished / "raw"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        raw.mkdir(parents=True)
        report = write_raw(read_all_parts(parts, languages), limits, raw, processes, tick)
        if not report.kept:
            refuse_empty_corpus([file for part in parts for file in part], report)
        if limits.drop_duplicates:
            mark_duplicates(raw, report.kept)
        fingerprint = write_deduplicated(raw, unfinished, languages, report)
        shutil.rmtree(raw)
        metadata = {
            "format": CORPUS_FORMAT,
            "languages": languages,
            "fingerprint": fingerprint,
            "report": report.to_json(),
        }
        (unfinished / "report.json").write_text(json.dumps(metadata, indent=2), encoding="utf-8")
        fsync_folder(unfinished)
        unfinished.rename(folder)
    except OSError as error:
        refuse_system_error(error, "prepare the corpus", str(folder))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return open_corpus(folder)


ADVICE = {
    **{reason: f"the option {option} decides" for reason, option in OPTIONS.items()},
    "empty": "give files with text on both sides",
    NOT_A_PAIR: "an object in .jsonl needs the keys source and target, or en and fr (the"
    " languages); a line in .tsv needs two columns, and a unit in .tmx both languages",
    NOT_UTF8: "convert the files to UTF-8 with iconv",
    "identical": "give two different files, or data.drop_identical=false to learn such pairs",
}


def refuse_empty_corpus(files: Sequence[Path], report: CleaningReport) -> NoReturn:
    """Raises RegardError with the reason that dropped most pairs."""
    reason = report.largest()
    raise RegardError(
        f"all {report.read:,} pairs were dropped, {report.dropped[reason]:,} as '{reason}'",
        ", ".join(map(str, files)),
        f"check {report.named_lines(reason)}; {ADVICE[reason]}",
    )


def read_all_parts(parts: Sequence[Sequence[Path]], languages: Languages) -> PairStream:
    """The lines of all parts, as they are written; they are numbered through all parts."""
    if len(parts) == 1:
        yield from read_raw_pairs(parts[0], languages)
        return
    last = 0
    for part in parts:
        before = last
        for line in read_raw_pairs(part, languages):
            last = before + line.number
            yield line._replace(number=last)


class CleanedChunk(NamedTuple):
    """Lines that were read one after the other: the pairs that no rule drops, and why the others
    are dropped."""

    lines: Numbers
    """The line of each pair that is kept."""
    sides: tuple[bytes, bytes]
    """The texts of the pairs, concatenated, of each side."""
    lengths: tuple[Numbers, Numbers]
    """The number of bytes of each text."""
    marks: bytes
    """The fingerprint of each pair."""
    dropped: list[tuple[str, int]]
    """The reason and the line of each other pair."""


def clean_chunk(limits: Limits, chunk: Sequence[Pair | UnreadableLine]) -> CleanedChunk:
    lines: list[int] = []
    sources: list[bytes] = []
    targets: list[bytes] = []
    dropped: list[tuple[str, int]] = []
    for line in map(normalized, chunk):
        if isinstance(line, UnreadableLine):
            dropped.append((line.reason, line.number))
        elif reason := why_dropped(line.source, line.target, limits):
            dropped.append((reason, line.number))
        else:
            lines.append(line.number)
            sources.append(line.source.encode())
            targets.append(line.target.encode())
    both = zip(sources, targets, strict=True)  # normalized texts contain no line feed
    marks = (blake2b(b"%b\n%b" % pair, digest_size=FINGERPRINT_BYTES).digest() for pair in both)
    return CleanedChunk(
        np.array(lines, np.int64),
        (b"".join(sources), b"".join(targets)),
        (lengths_of(sources), lengths_of(targets)),
        b"".join(marks),
        dropped,
    )


def lengths_of(texts: Sequence[bytes]) -> Numbers:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def write_raw(
    lines: PairStream, limits: Limits, raw: Path, processes: int, tick: Callable[[int], None]
) -> CleaningReport:
    """Write the pairs that no rule drops, each with its line number and its fingerprint."""
    report = CleaningReport()
    begin_texts(raw)
    with closing(map_stream(clean_chunk, limits, in_lists(lines), processes, OWN_CHUNKS)) as chunks:
        for chunk in chunks:
            report.kept += write_chunk(chunk, raw)
            for reason, number in chunk.dropped:
                report.drop(reason, number)
            tick(report.read)
    return report


def in_lists(lines: PairStream) -> Iterator[list[Pair | UnreadableLine]]:
    while chunk := list(islice(lines, CHUNK_PAIRS)):
        yield chunk


def write_chunk(chunk: CleanedChunk, raw: Path) -> int:
    """Append pairs to the raw files; returns their number."""
    for name, texts, lengths in zip(("source", "target"), chunk.sides, chunk.lengths, strict=True):
        append_texts(raw, name, texts, lengths)
    append(raw / "lines", chunk.lines.astype("<i8").tobytes())
    append(raw / "marks", chunk.marks)
    append(raw / "repeats", bytes(len(chunk.lines)))
    return len(chunk.lines)


def mark_duplicates(raw: Path, count: int) -> None:
    """Mark in `repeats` every pair that equals an earlier one.

    The records, a fingerprint and the index of its pair, are sorted on disk. Equal fingerprints are
    then adjacent, the earliest pair first.
    """
    marks = map_rows(raw / "marks", FINGERPRINT_BYTES)
    for begin, end in chunk_ranges(count):
        indices = np.arange(begin, end, dtype=">u8").view(np.uint8)
        in_rows = indices.reshape(-1, RECORD_BYTES - FINGERPRINT_BYTES)
        append(raw / "records", np.hstack([marks[begin:end], in_rows]).tobytes())
    # in place: 5 million records take 0.7 s on one core of a 2-core virtual machine
    np.memmap(raw / "records", f"S{RECORD_BYTES}", mode="r+").sort()
    records = map_rows(raw / "records", RECORD_BYTES)
    repeats = np.memmap(raw / "repeats", np.bool_, mode="r+")
    for begin, end in chunk_ranges(count - 1):
        before, after = records[begin:end], records[begin + 1 : end + 1]
        equal = (before[:, :FINGERPRINT_BYTES] == after[:, :FINGERPRINT_BYTES]).all(axis=1)
        repeats[after[equal, FINGERPRINT_BYTES:].copy().view(">u8")[:, 0].astype(np.int64)] = True


def write_deduplicated(
    raw: Path, folder: Path, languages: Languages, report: CleaningReport
) -> str:
    """Copy the pairs that are not marked to `folder` and count the others; returns the fingerprint
    of the corpus."""
    fingerprint = blake2b("-".join(languages).encode(), digest_size=FINGERPRINT_BYTES)
    marks, lines = map_rows(raw / "marks", FINGERPRINT_BYTES), map_numbers(raw / "lines")
    repeats = np.memmap(raw / "repeats", np.bool_, mode="r")
    sides = {name: map_side(raw, name) for name in ("source", "target")}
    begin_texts(folder)
    for begin, end in chunk_ranges(report.kept):
        keep = ~repeats[begin:end]
        fingerprint.update(marks[begin:end][keep].tobytes())
        append(folder / "lines", lines[begin:end][keep].tobytes())
        for name, side in sides.items():
            lengths = np.diff(side.offsets[begin : end + 1])
            text = np.frombuffer(side.text[side.offsets[begin] : side.offsets[end]], np.uint8)
            append_texts(folder, name, text[np.repeat(keep, lengths)].tobytes(), lengths[keep])
        for line in lines[begin:end][~keep].tolist():
            report.kept -= 1
            report.drop(DUPLICATE, line)
    return fingerprint.hexdigest()


def chunk_ranges(count: int) -> Iterator[tuple[int, int]]:
    """The begin and the end of each chunk of `count` pairs."""
    return ((begin, min(begin + CHUNK_PAIRS, count)) for begin in range(0, count, CHUNK_PAIRS))


def append(file: Path, data: bytes) -> int:
    """Append `data` to a file; returns the byte at which it begins.

    Files that are mapped and modified are first written like this: on a full disk a write raises
    OSError, but filling a hole of a mapped file kills the process.
    """
    with file.open("ab") as stream:
        stream.write(data)
        return stream.tell() - len(data)


def begin_texts(folder: Path) -> None:
    """Create the files of both sides without a text; the first text will begin at byte 0."""
    for name in ("source", "target"):
        append(folder / f"{name}.text", b"")
        append(folder / f"{name}.offsets", bytes(8))


def append_texts(folder: Path, name: str, data: bytes, lengths: Numbers) -> None:
    """Append concatenated texts and the byte at which each of them ends."""
    begin = append(folder / f"{name}.text", data)
    append(folder / f"{name}.offsets", (begin + np.cumsum(lengths)).astype("<i8").tobytes())


def map_numbers(file: Path) -> Numbers:
    return np.memmap(file, "<i8", mode="r").view(np.ndarray)


def map_rows(file: Path, width: int) -> NDArray[np.uint8]:
    return np.memmap(file, np.uint8, mode="r").view(np.ndarray).reshape(-1, width)


def map_side(folder: Path, name: str) -> TextColumn:
    text = np.memmap(folder / f"{name}.text", np.uint8, mode="r").view(np.ndarray)
    return TextColumn(text.data, map_numbers(folder / f"{name}.offsets"))


def fsync_folder(folder: Path) -> None:
    """Return when the files of a folder and their names are on disk, safe from a power cut."""
    for file in folder.iterdir():
        with file.open("r+b") as stream:
            os.fsync(stream.fileno())
    if hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        handle = os.open(folder, os.O_DIRECTORY)
        os.fsync(handle)
        os.close(handle)


def open_corpus(folder: Path) -> Corpus:
    """The corpus that `prepare` wrote to `folder`.

    Raises RegardError if there is none, or if it is damaged or of another version.
    """
    try:
        metadata = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        if metadata["format"] != CORPUS_FORMAT:
            raise ValueError("another version wrote this corpus")
        corpus = Corpus(folder, metadata)
        if len(corpus) != corpus.report.kept:
            raise ValueError("the report counts another number of pairs")
        for text, offsets in (corpus.source, corpus.target):
            if len(offsets) != len(corpus) + 1 or offsets[-1] != len(text):
                raise ValueError("a side is incomplete")
    except (FileNotFoundError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise RegardError(
            "the folder holds no complete corpus that this version can read",
            str(folder),
            "choose another folder, or remove this one and prepare the corpus again",
        ) from error
    except OSError as error:
        refuse_system_error(error, "open the prepared corpus", str(folder))
    return corpus
