"""Parallel text bigger than memory: prepared once, text kept, then mapped from disk."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from regard.data.clean import DUPLICATE, CleaningReport, Limits, why_dropped
from regard.data.formats import read_pairs
from regard.data.formats.pair import NOT_A_PAIR, NOT_UTF8, Pair, PairStream, UnreadableLine
from regard.errors import RegardError, refuse_system_error
from regard.text.languages import Languages

Numbers = NDArray[np.int64]

CORPUS_FORMAT = 1
"""Goes up when what was prepared before can no longer be read."""

CHUNK_PAIRS = 4096
"""Pairs in memory at a time while a corpus is prepared."""

FINGERPRINT_BYTES = 16
"""Bytes of a pair's fingerprint: among 10^9 pairs, two different ones share it once in 10^20."""

RECORD_BYTES = FINGERPRINT_BYTES + 8
"""Bytes of a fingerprint and of the pair's place behind it."""


class TextColumn(NamedTuple):
    """All texts of one language, mapped from disk."""

    text: memoryview
    """The texts one behind the other, in UTF-8."""
    offsets: Numbers
    """The byte where each text begins, and at last the one behind them all."""

    def texts(self, indices: Numbers) -> list[str]:
        """The texts at `places`, in that order."""
        assert not indices.size or indices.min() >= 0, "a place counts from the beginning"
        starts, ends = self.offsets[indices].tolist(), self.offsets[indices + 1].tolist()
        return [str(self.text[start:end], "utf-8") for start, end in zip(starts, ends, strict=True)]


class Corpus:
    """The pairs of a prepared corpus; none of them is in memory before it is asked for."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        self.languages: Languages = (about["languages"][0], about["languages"][1])
        self.fingerprint: str = about["fingerprint"]
        """Differs when a text, the order of the pairs, or a language differs."""
        self.report = CleaningReport.from_json(about["report"])
        self.lines = map_numbers(folder / "lines")
        """For each pair the line where it stood in the files, from 1."""
        self.source, self.target = map_side(folder, "source"), map_side(folder, "target")

    def __len__(self) -> int:
        return len(self.lines)

    def pair(self, index: int) -> tuple[str, str]:
        """The source and the target of one pair."""
        places = np.array([index])
        return self.sources(places)[0], self.targets(places)[0]

    def sources(self, indices: Numbers) -> list[str]:
        """The source texts at `places`, in that order."""
        return self.source.texts(indices)

    def targets(self, indices: Numbers) -> list[str]:
        """The target texts at `places`, in that order."""
        return self.target.texts(indices)


def prepare(
    files: Sequence[Path],
    languages: Languages,
    limits: Limits,
    folder: Path,
    tick: Callable[[int], None],
) -> Corpus:
    """Clean the pairs of `files` and lay them down in a new `folder`, complete or not at all.

    `tick` is told now and then how many pairs have been read so far.
    Raises RegardError if the files cannot be read or the folder written, or if no pair is left.
    """
    assert not folder.exists(), "a corpus is prepared once"
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    raw = unfinished / "raw"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        raw.mkdir(parents=True)
        report = write_raw(read_pairs(files, languages), limits, raw, tick)
        if not report.kept:
            refuse_empty_corpus(files, report)
        if limits.drop_duplicates:
            mark_duplicates(raw, report.kept)
        fingerprint = write_deduplicated(raw, unfinished, languages, report)
        shutil.rmtree(raw)
        about = {
            "format": CORPUS_FORMAT,
            "languages": languages,
            "fingerprint": fingerprint,
            "report": report.to_json(),
        }
        (unfinished / "report.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
        fsync_folder(unfinished)
        unfinished.rename(folder)
    except OSError as error:
        refuse_system_error(error, "prepare the corpus", str(folder))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return open_corpus(folder)


BY_OPTION = "the options under [data] decide what is dropped"
WHAT_TO_DO = {
    NOT_A_PAIR: "an object of .jsonl has the keys source and target, or en and fr (the languages),"
    " and a line of .tsv two columns",
    NOT_UTF8: "convert the files to UTF-8 with iconv",
}


def refuse_empty_corpus(files: Sequence[Path], report: CleaningReport) -> NoReturn:
    """Tell that all pairs were dropped, and mostly why."""
    reason = report.largest()
    raise RegardError(
        f"no pair is left of {report.read:,}: {report.dropped[reason]:,} dropped as '{reason}'",
        ", ".join(map(str, files)),
        f"look at {report.named_lines(reason)}; {WHAT_TO_DO.get(reason, BY_OPTION)}",
    )


def write_raw(
    pairs: PairStream, limits: Limits, raw: Path, tick: Callable[[int], None]
) -> CleaningReport:
    """Write down the pairs that no rule drops, each with its line and its fingerprint."""
    report, stretch, read = CleaningReport(), list[Pair](), 0
    begin_texts(raw)
    for read, pair in enumerate(pairs, 1):
        if isinstance(pair, UnreadableLine):
            report.drop(pair.reason, pair.number)
        elif reason := why_dropped(pair.source, pair.target, limits):
            report.drop(reason, pair.number)
        else:
            stretch.append(pair)
        if read % CHUNK_PAIRS == 0:
            report.kept += write_chunk(stretch, raw)
            stretch.clear()
            tick(read)
    report.kept += write_chunk(stretch, raw)
    tick(read)
    return report


def write_chunk(stretch: list[Pair], raw: Path) -> int:
    """Write down some pairs behind those before; how many they are comes out."""
    sources = [pair.source.encode() for pair in stretch]
    targets = [pair.target.encode() for pair in stretch]
    for name, texts in (("source", sources), ("target", targets)):
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        append_texts(raw, name, b"".join(texts), lengths)
    append(raw / "lines", np.array([pair.number for pair in stretch], "<i8").tobytes())
    both = zip(sources, targets, strict=True)  # no text holds a line end
    marks = (blake2b(b"%b\n%b" % pair, digest_size=FINGERPRINT_BYTES).digest() for pair in both)
    append(raw / "marks", b"".join(marks))
    append(raw / "repeats", bytes(len(stretch)))
    return len(stretch)


def mark_duplicates(raw: Path, count: int) -> None:
    """Mark in `repeats` every pair that has come before, both sides alike.

    Fingerprints are sorted where they are on the disk, each with its pair's place behind it, so
    that those alike stand side by side and the first of them before the others.
    """
    marks = map_rows(raw / "marks", FINGERPRINT_BYTES)
    for begin, end in chunks(count):
        places = (
            np.arange(begin, end, dtype=">u8")
            .view(np.uint8)
            .reshape(-1, RECORD_BYTES - FINGERPRINT_BYTES)
        )
        append(raw / "records", np.hstack([marks[begin:end], places]).tobytes())
    # in place: 5 million records take 0.7 s on one core of a 2-core virtual machine
    np.memmap(raw / "records", f"S{RECORD_BYTES}", mode="r+").sort()
    records = map_rows(raw / "records", RECORD_BYTES)
    repeats = np.memmap(raw / "repeats", np.bool_, mode="r+")
    for begin, end in chunks(count - 1):
        before, after = records[begin:end], records[begin + 1 : end + 1]
        alike = (before[:, :FINGERPRINT_BYTES] == after[:, :FINGERPRINT_BYTES]).all(axis=1)
        repeats[after[alike, FINGERPRINT_BYTES:].copy().view(">u8")[:, 0].astype(np.int64)] = True


def write_deduplicated(
    raw: Path, folder: Path, languages: Languages, report: CleaningReport
) -> str:
    """Copy what is no repeat into `folder`, count what is, and give the corpus' fingerprint."""
    fingerprint = blake2b("-".join(languages).encode(), digest_size=FINGERPRINT_BYTES)
    marks, lines = map_rows(raw / "marks", FINGERPRINT_BYTES), map_numbers(raw / "lines")
    repeats = np.memmap(raw / "repeats", np.bool_, mode="r")
    sides = {name: map_side(raw, name) for name in ("source", "target")}
    begin_texts(folder)
    for begin, end in chunks(report.kept):
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


def chunks(count: int) -> Iterator[tuple[int, int]]:
    """Where each stretch of `count` pairs begins and ends."""
    return ((begin, min(begin + CHUNK_PAIRS, count)) for begin in range(0, count, CHUNK_PAIRS))


def append(file: Path, data: bytes) -> int:
    """Write `data` at the end of a file; the byte where it begins comes out.

    What will be mapped and changed is written like this first: on a full disk writing is refused,
    but filling the holes of a mapped file ends the process.
    """
    with file.open("ab") as stream:
        stream.write(data)
        return stream.tell() - len(data)


def begin_texts(folder: Path) -> None:
    """Begin the files of both sides: no text yet, and the first will begin at byte 0."""
    for name in ("source", "target"):
        append(folder / f"{name}.text", b"")
        append(folder / f"{name}.offsets", bytes(8))


def append_texts(folder: Path, name: str, data: bytes, lengths: Numbers) -> None:
    """Write texts one behind the other, and where each of them ends."""
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
    """Come back when the files of a folder, and their names, would outlast a power cut."""
    for file in folder.iterdir():
        with file.open("r+b") as stream:
            os.fsync(stream.fileno())
    if hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        handle = os.open(folder, os.O_DIRECTORY)
        os.fsync(handle)
        os.close(handle)


def open_corpus(folder: Path) -> Corpus:
    """The corpus that `prepare` laid down in `folder`.

    Raises RegardError if there is none, or if it is damaged or of another version.
    """
    try:
        about = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        if about["format"] != CORPUS_FORMAT:
            raise ValueError("another version wrote this corpus")
        corpus = Corpus(folder, about)
        if len(corpus) != corpus.report.kept:
            raise ValueError("the report tells of another number of pairs")
        for text, offsets in (corpus.source, corpus.target):
            if len(offsets) != len(corpus) + 1 or offsets[-1] != len(text):
                raise ValueError("a side is not whole")
    except (FileNotFoundError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise RegardError(
            "the folder holds no whole corpus that this version can read",
            str(folder),
            "choose another folder, or remove this one and prepare the corpus again",
        ) from error
    except OSError as error:
        refuse_system_error(error, "open the prepared corpus", str(folder))
    return corpus


def shuffled_slice(count: int, seed: int, epoch: int, start: int, stop: int) -> Numbers:
    """The numbers at `start` to `stop` of all numbers below `count`, shuffled.

    Only these are computed: a Feistel network shuffles all numbers of as many bits as `count`
    needs, and what falls outside is shuffled again until it falls inside (format-preserving
    encryption by cycle walking, Black & Rogaway 2002). `seed` and `epoch` choose the order.
    """
    assert 0 <= start <= stop <= count
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    keys = np.frombuffer(blake2b(f"{count} {seed} {epoch}".encode()).digest(), "<u8")
    numbers = feistel(np.arange(start, stop, dtype=np.uint64), half, keys)
    while (outside := numbers >= count).any():
        numbers[outside] = feistel(numbers[outside], half, keys)
    return numbers.astype(np.int64)


def feistel(numbers: NDArray[np.uint64], half: int, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number's partner among the numbers of twice `half` bits; a round for each key."""
    bits, low = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = numbers >> bits, numbers & low
    for key in keys:
        mixed = (right + key) * np.uint64(0x9E3779B97F4A7C15)  # splitmix64 (Steele et al. 2014)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        left, right = right, left ^ ((mixed ^ (mixed >> np.uint64(31))) & low)
    return left << bits | right
