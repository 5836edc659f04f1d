"""From a model folder to one file: weights as int8 or fp32, and the ranges that int8 needs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from regard.data.corpus import open_corpus
from regard.data.formats import read_texts
from regard.engine.onnx.engine import OnnxEngine
from regard.engine.quantize import quantize
from regard.errors import RegardError
from regard.export.calibration import calibrate, clip_ranges
from regard.export.shortlist import CELLS, TOGETHER, learn, together
from regard.search.beam import Task, greedy
from regard.shapes import Int
from regard.special import Ids
from regard.storage.folder import Card, Tensors
from regard.storage.model_file import (
    NO_SHORTLIST,
    Shortlist,
    is_file,
    read_bundle,
    read_folder,
    read_shortlist,
    write_bundle,
    write_shortlist,
)

Precision = Literal["int8", "fp32"]

READ = 500
"""Sentences in whose reading the ranges are found."""

INHERITED = "shortlist.safetensors"
"""In the training folder of a model that was tuned: the shortlist of the one that it was."""

SEED = 1
"""Of the order in which the training text is read for the shortlist."""


def export(folder: Path, out: Path, precision: Precision, texts: Sequence[str]) -> None:
    """Write the model of `folder` as the file `out`.

    For int8 the model reads sentences like those it will translate, and the range of every number
    is found: `texts` of the source language, or, where there are none, pairs of the training text.
    Raises RegardError if the folder holds no whole model, or no text is at hand.
    """
    bundle = read_folder(folder)
    if precision == "int8":
        card, tensors = bundle.card, bundle.tensors
        read = pairs(folder, card, tensors, texts)
        ranges = calibrate(card.config.model, tensors, read)
        ranges = clip_ranges(card.config.model, tensors, ranges, read)
        bundle = bundle._replace(tensors=quantize(tensors), ranges=ranges)
    write_bundle(out, bundle._replace(shortlist=shortlist(folder, bundle.card)))


def shortlist(folder: Path, card: Card) -> Shortlist:
    """What the training text tells of the tokens that a sentence needs, and what was known to the
    model that was tuned on it; nothing without either."""
    prepared, known = folder / "training" / "corpus", folder / "training" / INHERITED
    if not prepared.exists():
        return NO_SHORTLIST
    if not known.exists():
        return learned_from(prepared, card)
    inherited = read_shortlist(known)
    if not len(inherited.likely):
        return NO_SHORTLIST
    return together(learned_from(prepared, card), inherited)


def bequeath(first: Path, card: Card, folder: Path) -> None:
    """Leave in the folder of a run what the model that it tunes knows of the tokens that a sentence
    needs: the text to tune it on tells little of any other."""
    known = read_bundle(first).shortlist if is_file(first) else shortlist(first, card)
    write_shortlist(folder / "training" / INHERITED, known)


def learned_from(prepared: Path, card: Card) -> Shortlist:
    """What a part of this text tells."""
    corpus = open_corpus(prepared)
    sources: list[Ids] = []
    targets: list[Ids] = []
    cells = 0
    for places in in_some_order(len(corpus), TOGETHER):
        sources += card.source.encode(corpus.sources(places))
        targets += card.target.encode(corpus.targets(places))
        some = slice(len(sources) - len(places), None)
        cells += sum(len(a) * len(b) for a, b in zip(sources[some], targets[some], strict=True))
        if cells > CELLS:
            break
    return learn(sources, targets, card.source, card.target)


def in_some_order(lines: int, size: int) -> Iterator[Int[np.ndarray, " _"]]:
    """Every line of a text, from all over it, `size` at a time."""
    order = np.random.default_rng(SEED).permutation(lines)
    return iter(np.split(order, range(size, lines, size)))


def pairs(
    folder: Path, card: Card, tensors: Tensors, texts: Sequence[str]
) -> list[tuple[Ids, Ids]]:
    """Sentences and their translations, as tokens."""
    if texts:
        sources = [ids for ids in card.source.encode(list(texts)[:READ]) if ids]
        if not sources:
            raise RegardError("no text is left of it", "--text", "give some hundred sentences")
        engine = OnnxEngine(card.config.model, tensors, {})
        limits = [card.config.search.limit(len(ids)) for ids in sources]
        found = [
            greedy(engine, Task([ids], [limit]))[0].tokens
            for ids, limit in zip(sources, limits, strict=True)
        ]
        return list(zip(sources, found, strict=True))
    prepared = folder / "training" / "corpus"
    if not prepared.exists():
        raise RegardError(
            "int8 needs sentences to find the ranges of its numbers, and the training text is"
            " not beside the model",
            str(folder),
            "give some hundred source sentences with --text FILE, or choose --fp32",
        )
    corpus = open_corpus(prepared)
    places = np.unique(np.linspace(0, len(corpus) - 1, READ).astype(np.int64))
    return list(
        zip(
            card.source.encode(corpus.sources(places)),
            card.target.encode(corpus.targets(places)),
            strict=True,
        )
    )


def read_sample(file: Path) -> list[str]:
    """The first sentences of a text file.

    Raises RegardError if there are none.
    """
    texts = [text for text, _ in zip(read_texts(file), range(READ), strict=False) if text]
    if not texts:
        raise RegardError("there is no text in it", str(file), "give some hundred sentences")
    return texts
