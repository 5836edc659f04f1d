"""From a model folder to one file: int8 or fp32 weights, calibration, shortlist."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from regard.alignment.ibm1 import MAX_PAIRS
from regard.data.corpus import CHUNK_PAIRS, Numbers, ParallelTexts
from regard.data.formats.lines import read_texts
from regard.data.mixture import (
    JoinedTexts,
    PairTags,
    TaggedTexts,
    corpus_folders,
    open_training_text,
)
from regard.engine.onnx.engine import OnnxEngine
from regard.engine.quantize import quantize
from regard.errors import RegardError
from regard.export.calibration import calibrate, clip_ranges
from regard.export.shortlist import learn_shortlist, merge
from regard.files import Tensors
from regard.search.beam import Task, greedy
from regard.special import Ids
from regard.storage.folder import ModelInfo
from regard.storage.model_file import (
    NO_SHORTLIST,
    Shortlist,
    is_file,
    read_model_file,
    read_model_folder,
    read_shortlist,
    write_model_file,
    write_shortlist,
)
from regard.text.normalize import normalize
from regard.text.tags import tag_prefix

Precision = Literal["int8", "fp32"]

CALIBRATION_SENTENCES = 500
"""Sentences with which the input ranges of int8 products are measured."""

PARENT_SHORTLIST = "shortlist.safetensors"
"""In the training folder of a fine-tuned model: its parent's shortlist."""

SEED = 1
"""Of the order in which the training text is sampled for the shortlist."""


def export(folder: Path, out: Path, precision: Precision, texts: Sequence[str]) -> None:
    """Write the model of `folder` as the file `out`.

    int8 is calibrated with sentences like those that the model will translate: `texts` of the
    source language, or, without any, pairs of the training text.
    Raises RegardError if the folder holds no complete model, or there is no calibration text.
    """
    opened = read_model_folder(folder)
    if precision == "int8":
        options, tensors = opened.info.config.model, opened.tensors
        pairs = calibration_pairs(folder, opened.info, tensors, texts)
        ranges = clip_ranges(options, tensors, calibrate(options, tensors, pairs), pairs)
        opened = opened._replace(
            tensors=quantize(tensors),
            calibration=ranges,
            alignment_head=quantize(opened.alignment_head),
        )
    write_model_file(out, opened._replace(shortlist=shortlist_of(folder, opened.info)))


def shortlist_of(folder: Path, info: ModelInfo) -> Shortlist:
    """Which tokens a sentence may need: learned from the training text, merged with what the
    parent of a fine-tuned model knew; none where one of the two is missing."""
    training = folder / "training"
    parent = training / PARENT_SHORTLIST
    if not corpus_folders(training):
        return NO_SHORTLIST
    if not parent.exists():
        return learn_from_corpus(training, info)
    inherited = read_shortlist(parent)
    if not len(inherited.likely):
        return NO_SHORTLIST
    return merge(learn_from_corpus(training, info), inherited)


def save_parent_shortlist(parent: Path, info: ModelInfo, folder: Path) -> None:
    """Copy the shortlist of a parent model into the folder of the run that fine-tunes it: the text
    for fine-tuning says little about any other text."""
    inherited = read_model_file(parent).shortlist if is_file(parent) else shortlist_of(parent, info)
    write_shortlist(folder / "training" / PARENT_SHORTLIST, inherited)


def learn_from_corpus(training: Path, info: ModelInfo) -> Shortlist:
    """A shortlist from a random sample of the training text."""
    corpus = tagged_text(training, info)
    pairs: list[tuple[Ids, Ids]] = []
    token_pairs = 0
    for indices in shuffled_chunks(len(corpus), CHUNK_PAIRS):
        chunk = encode_pairs(corpus, info, indices)
        pairs += chunk
        token_pairs += sum(len(source) * len(target) for source, target in chunk)
        if token_pairs > MAX_PAIRS:
            break
    sources, targets = zip(*pairs, strict=True)
    return learn_shortlist(sources, targets, info.source, info.target)


def tagged_text(training: Path, info: ModelInfo) -> ParallelTexts:
    """The training text with the tags of its pairs, as the model reads it."""
    text = open_training_text(training)
    if not isinstance(text, JoinedTexts):
        return text
    prefixes = (tag_prefix(corpus.tag, info.text.tags) for corpus in info.config.data.corpora)
    return TaggedTexts(text, PairTags(tuple(text.ends.tolist()), tuple(prefixes)))


def encode_pairs(corpus: ParallelTexts, info: ModelInfo, indices: Numbers) -> list[tuple[Ids, Ids]]:
    """These sentence pairs of a corpus, as tokens."""
    sources = info.source.encode(corpus.sources(indices))
    return list(zip(sources, info.target.encode(corpus.targets(indices)), strict=True))


def shuffled_chunks(lines: int, size: int) -> Iterator[Numbers]:
    """The indices of all lines in random order, `size` at a time."""
    order = np.random.default_rng(SEED).permutation(lines)
    return iter(np.split(order, range(size, lines, size)))


def calibration_pairs(
    folder: Path, info: ModelInfo, tensors: Tensors, texts: Sequence[str]
) -> list[tuple[Ids, Ids]]:
    """Sentences and their translations, as tokens: of `texts` the model's own translations."""
    if texts:
        read = [normalize(text).text for text in texts[:CALIBRATION_SENTENCES]]
        sources = [ids for ids in info.source.encode(read) if ids]
        if not sources:
            raise RegardError(
                "the calibration text is empty", "--calibration", "give some hundred sentences"
            )
        engine = OnnxEngine(info.config.model, tensors, {})
        tasks = (Task([ids], [info.config.search.max_length(len(ids))]) for ids in sources)
        targets = [greedy(engine, task)[0].tokens for task in tasks]
        return list(zip(sources, targets, strict=True))
    if not corpus_folders(folder / "training"):
        raise RegardError(
            "int8 needs sentences for calibration, and the training text is not in the model's"
            " folder",
            str(folder),
            "give some hundred source sentences with --calibration FILE, or choose --fp32",
        )
    corpus = tagged_text(folder / "training", info)
    indices = np.unique(np.linspace(0, len(corpus) - 1, CALIBRATION_SENTENCES).astype(np.int64))
    return encode_pairs(corpus, info, indices)


def read_sample(file: Path) -> list[str]:
    """The first sentences of a text file, for calibration.

    Raises RegardError if there are none.
    """
    texts = [text for text in islice(read_texts(file), CALIBRATION_SENTENCES) if text]
    if not texts:
        raise RegardError("there is no text in it", str(file), "give some hundred sentences")
    return texts
