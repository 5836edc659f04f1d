"""Give a finished model an alignment head, learned from its training text or from another."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.data.corpus import Corpus
from regard.data.lexicon import evenly_spread
from regard.data.mixture import CORPUS, JoinedTexts, corpus_folders, open_training_text
from regard.engine.quantize import are_int8, quantize
from regard.engine.torch import load_engine, weights_of
from regard.errors import RegardError
from regard.files import content_digest, read_json, write_json, write_tensors
from regard.storage.folder import ALIGNMENT_HEAD, QUALITY
from regard.storage.model_file import read_model, write_model_file
from regard.system import keep_freed_memory
from regard.training.alignment_head import Agreement, HeadTrainer, train_head
from regard.training.alignment_text import HEAD_PAIRS, TextSample, link_text
from regard.training.corpora import read_corpus
from regard.training.folder import IDENTITY, lock_folder, weights_digest
from regard.training.loop import restore_threads
from regard.training.report import Report

QUALITY_KEY = "alignment"
"""Of how far the head agrees with the aligner, among what is known of a model's quality."""


def add_to_folder(folder: Path, files: Sequence[Path], report: Report) -> Agreement:
    """Save the head beside the weights. Without `files` the model's training text is used.

    Raises RegardError if the folder holds no model or no text, and Interrupted, after the state is
    saved, if a signal asks to stop; the same call resumes.
    """
    with ExitStack() as held:
        held.enter_context(lock_folder(folder))
        work = folder / "training" / "alignment"
        if not files and not corpus_folders(folder / "training"):
            raise RegardError(
                "the training text is not in the model's folder",
                str(folder),
                "name two text files from which the alignment is to be learned",
            )
        learned = learn_head(folder, files, work, report)
        write_tensors(folder / ALIGNMENT_HEAD, learned.weights, {})
        quality = read_json(folder / QUALITY) if (folder / QUALITY).exists() else {}
        write_json(folder / QUALITY, {**quality, QUALITY_KEY: learned.agreement._asdict()})
        shutil.rmtree(work)
        return learned.agreement


def add_to_file(file: Path, files: Sequence[Path], out: Path, report: Report) -> Agreement:
    """Write a copy of a .regard file that has the head. Raises as `add_to_folder`."""
    if not files:
        raise RegardError(
            "a .regard file holds no text", str(file), "name two text files to learn from"
        )
    if out.exists():
        raise RegardError("this file exists already", str(out), "choose another --out")
    work = out.with_name(f".{out.name}.alignment")
    learned = learn_head(file, files, work, report)
    model = read_model(file)
    head = quantize(learned.weights) if are_int8(model.tensors) else learned.weights
    quality = {**model.quality, QUALITY_KEY: learned.agreement._asdict()}
    write_model_file(out, model._replace(alignment_head=head, quality=quality))
    shutil.rmtree(work)
    return learned.agreement


def prepare_work(work: Path, model: Path, files: Sequence[Path]) -> None:
    """Make the folder, or empty it if what is in it was begun with another model or text."""
    identity = {"model": weights_digest(model), "text": [content_digest(file) for file in files]}
    if work.exists() and (not (work / IDENTITY).exists() or read_json(work / IDENTITY) != identity):
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    write_json(work / IDENTITY, identity)


class LearnedHead(NamedTuple):
    weights: dict[str, np.ndarray]
    agreement: Agreement


def learn_head(model: Path, files: Sequence[Path], work: Path, report: Report) -> LearnedHead:
    """From the corpus of `files`, or without them from the training text in the folder of the
    model; `work` holds what is not finished."""
    opened = read_model(model)
    info, options = opened.info, opened.info.config.train
    engine = load_engine(opened, str(model), options.device)
    prepare_work(work, model, files)
    corpus: Corpus | JoinedTexts = (
        read_corpus(tuple(files), info.languages, info.config.data, work / CORPUS, report)
        if files
        else open_training_text(model / "training")
    )
    indices = evenly_spread(len(corpus), HEAD_PAIRS)
    text = link_text(TextSample(corpus, indices, info.source, info.target), work / "links", report)
    with restore_threads():
        keep_freed_memory()
        trainer = HeadTrainer(engine.network, text, options)
        agreement = train_head(trainer, work / "head.safetensors", report)
    return LearnedHead(weights_of(trainer.head), agreement)
