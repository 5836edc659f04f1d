"""An aligner: what several views of the words have learned; from a text, for the same or another.

Every view is learned by itself, in a process of its own, from files in a working folder. All of a
corpus is on disk; in memory are the vocabulary, the word pairs, and a block at a time.
"""

from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.alignment.cells import Cells, WordPairs, block_shapes
from regard.alignment.hmm import FLAT, Jumps
from regard.alignment.numbering import NumberedText, TextWriter
from regard.alignment.posteriors import TextPosteriors, write_means, write_posteriors
from regard.alignment.training import ROUNDS, Tables, alike, learn_tables
from regard.alignment.words import VIEWS
from regard.errors import RegardError
from regard.files import damaged_error, read_tensors, write_tensors
from regard.processes import OnProgress, map_in_processes
from regard.shapes import Int
from regard.text.token_lists import TokenLists

FILE = "aligner.safetensors"
ALIGNER_FORMAT = "1"
MIN_SAVED = 1e-4
"""Word pairs with smaller probabilities in both directions are not saved: they do as if they were
not there."""
UNSEEN, UNSEEN_ALIKE = 1e-7, 1e-2
"""The probability of word pairs that were not seen, and of those of them that are written alike."""
CHUNK_TEXTS = 10_000
"""Sentences whose words are in memory at a time."""

SentenceWords = tuple[Sequence[str], Sequence[str]]
"""The words of a source and of its target."""


class ViewTables(NamedTuple):
    """What one view has learned."""

    source_words: list[str]
    target_words: list[str]
    keys: Int[np.ndarray, " P"]
    """Number of the source word, times the number of target words, plus that of the target word."""
    tables: Tables


class Aligner(NamedTuple):
    views: dict[str, ViewTables]


class Text(NamedTuple):
    """Parallel sentences whose words are numbered."""

    source: NumberedText
    target: NumberedText


def number_text(sentences: Iterable[SentenceWords], folder: Path) -> Text:
    """The text in files in `folder`."""
    writers = TextWriter(folder / "source"), TextWriter(folder / "target")
    stream = iter(sentences)
    while chunk := list(islice(stream, CHUNK_TEXTS)):
        for writer, texts in zip(writers, zip(*chunk, strict=True), strict=True):
            writer.append(texts)
    return Text(*(writer.read() for writer in writers))


class ViewedText(NamedTuple):
    """The numbered text as a view has it."""

    source_words: list[str]
    target_words: list[str]
    sources: TokenLists
    targets: TokenLists


def viewed(text: Text, view: str) -> ViewedText:
    (source_words, sources), (target_words, targets) = (viewed_side(side, view) for side in text)
    return ViewedText(source_words, target_words, sources, targets)


def viewed_side(side: NumberedText, view: str) -> tuple[list[str], TokenLists]:
    form, number = VIEWS[view], dict[str, int]()
    table = np.array([number.setdefault(form(word), len(number)) for word in side.words], np.int32)
    ids, offsets = side.tokens
    return list(number), TokenLists(table[ids], offsets)


class Work(NamedTuple):
    """A text to be aligned, and by what: an aligner, or None for one that learns from the text."""

    text: Text
    folder: Path
    aligner: Aligner | None

    def file(self, view: str, suffix: str) -> Path:
        return self.folder / f"{view.replace(' ', '-')}.{suffix}"


STEPS = 2 * ROUNDS + 2
"""The number of times that each cell of each view is visited."""


def align_view(work: Work, view: str, advance: OnProgress) -> ViewTables:
    """Write the posteriors of one view; returns what it learned, or had learned."""
    source_words, target_words, sources, targets = viewed(work.text, view)
    file = work.file(view, "cells")
    cells = Cells(sources, targets, len(target_words), file, advance)
    if work.aligner is None:
        tables = learn_tables(cells, source_words, target_words, advance)
        learned = ViewTables(source_words, target_words, cells.keys, tables)
    else:
        learned = work.aligner.views[view]
        tables = tables_for(learned, cells.word_pairs(), source_words, target_words)
    write_posteriors(cells, tables, work.file(view, "posteriors"), advance)
    cells.remove()
    return learned if work.aligner is not None else pruned(learned)


def align_text(
    text: Text, folder: Path, aligner: Aligner | None, processes: int, tick: OnProgress
) -> tuple[TextPosteriors, Aligner]:
    """Align a text, in files in `folder`; without an aligner one is learned from the text itself.

    `tick` hears of the cells that are done, `STEPS` times for each view where one is learned.
    """
    work, views = Work(text, folder, aligner), list(aligner.views if aligner else VIEWS)
    learned = list(map_in_processes(align_view, work, views, processes, tick))
    sides = text.source.tokens, text.target.tokens
    files, stem = [work.file(view, "posteriors") for view in views], folder / "text"
    write_means(files, block_shapes(*sides), len(sides[0].lengths), stem)
    for file in files:
        file.unlink()
    lengths = np.stack([side.lengths for side in sides])
    return TextPosteriors(stem, lengths), Aligner(dict(zip(views, learned, strict=True)))


def tables_for(
    learned: ViewTables, pairs: WordPairs, source_words: list[str], target_words: list[str]
) -> Tables:
    """What was learned, for the word pairs of another text."""
    source = numbers_in(source_words, learned.source_words)[pairs.source]
    target = numbers_in(target_words, learned.target_words)[pairs.target]
    keys = np.where((source < 0) | (target < 0), -1, source * len(learned.target_words) + target)
    index = np.searchsorted(learned.keys, keys).clip(max=max(0, len(learned.keys) - 1))
    is_known = learned.keys[index] == keys if len(learned.keys) else np.zeros(len(keys), bool)
    identical, same_start = alike(pairs, source_words, target_words)
    unseen = np.where(identical | same_start, UNSEEN_ALIKE, UNSEEN).astype(np.float32)
    forward, backward = (
        np.where(is_known, one[index] if len(one) else unseen, unseen)
        for one in (learned.tables.forward, learned.tables.backward)
    )
    return learned.tables._replace(forward=forward, backward=backward)


def numbers_in(words: Sequence[str], others: Sequence[str]) -> Int[np.ndarray, " W"]:
    """The number that each word has among others; -1 for none."""
    number = {word: index for index, word in enumerate(others)}
    return np.array([number.get(word, -1) for word in words], np.int64)


def pruned(view: ViewTables) -> ViewTables:
    """Without the word pairs that are unlikely in both directions."""
    tables = view.tables
    kept = np.flatnonzero(np.maximum(tables.forward, tables.backward) >= MIN_SAVED)
    fewer = tables._replace(forward=tables.forward[kept], backward=tables.backward[kept])
    return view._replace(keys=view.keys[kept], tables=fewer)


def save_aligner(aligner: Aligner, folder: Path) -> None:
    """Raises RegardError if the folder cannot be written."""
    tensors: dict[str, np.ndarray] = {}
    for name, (source_words, target_words, keys, tables) in aligner.views.items():
        jumps = np.concatenate([*tables.forward_jumps, *tables.backward_jumps])
        own = {
            "source": as_bytes(source_words),
            "target": as_bytes(target_words),
            "keys": keys,
            "forward": tables.forward,
            "backward": tables.backward,
            "jumps": jumps,
        }
        tensors |= {f"{name}.{part}": values for part, values in own.items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / FILE, tensors, {"format": ALIGNER_FORMAT})


def load_aligner(folder: Path) -> Aligner:
    """The inverse of `save_aligner`. Raises RegardError if there is none, or it is damaged."""
    file = folder / FILE
    if not file.exists():
        raise RegardError(
            "there is no aligner", str(folder), "give a folder that `regard align --save` wrote"
        )
    stored = read_tensors(file)
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name, values in stored.tensors.items():
        view, _, part = name.rpartition(".")
        parts.setdefault(view, {})[part] = values
    try:
        if stored.metadata["format"] != ALIGNER_FORMAT or not parts.keys() <= VIEWS.keys():
            raise ValueError("another version wrote it")
        return Aligner({view: view_tables(**own) for view, own in parts.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_error(file) from error


def view_tables(
    source: np.ndarray,
    target: np.ndarray,
    keys: np.ndarray,
    forward: np.ndarray,
    backward: np.ndarray,
    jumps: np.ndarray,
) -> ViewTables:
    """Raises ValueError if the parts do not fit together."""
    sizes = [0, *np.cumsum([len(part) for part in (*FLAT, *FLAT)])]
    cut = [jumps[begin:end] for begin, end in pairwise(sizes)]
    if not len(keys) == len(forward) == len(backward) or len(jumps) != sizes[-1]:
        raise ValueError("parts of different sizes")
    tables = Tables(forward, backward, Jumps(*cut[:3]), Jumps(*cut[3:]))
    return ViewTables(as_words(source), as_words(target), keys, tables)


def as_bytes(words: Sequence[str]) -> np.ndarray:
    return np.frombuffer("\n".join(words).encode(), np.uint8)


def as_words(content: np.ndarray) -> list[str]:
    return content.tobytes().decode().split("\n")
