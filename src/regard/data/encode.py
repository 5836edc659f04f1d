"""Texts to token ids: while training needs them, or for some epochs beforehand, on all cores.

Encoded epochs are a folder with a pair of files for each side and epoch; all numbers are
little-endian:

    encoded.json                the numbers of epochs and of pairs
    source-0.ids, ...           the token ids of all texts in epoch 0, concatenated
    source-0.offsets, ...       where the ids of each text begin, and the total, as int64
"""

import shutil
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.data.augment import Augmentation, augmented
from regard.data.corpus import Numbers, ParallelTexts, append, map_numbers
from regard.data.seeds import derive_seed
from regard.errors import RegardError, refuse_system_error
from regard.files import read_json, write_json
from regard.processes import OnProgress, map_in_processes
from regard.text.token_lists import TokenLists
from regard.text.vocabulary import Vocabulary

SUMMARY = "encoded.json"
TASK_PAIRS = 32_768
"""Pairs that a process encodes at a time; of more, more occurrences share a word's segmentation."""
SIDES = ("source", "target")


class TokenPairs(NamedTuple):
    sources: TokenLists
    targets: TokenLists


@runtime_checkable
class EncodedTexts(Protocol):
    """Parallel text as token ids, without <s> and </s>."""

    def __len__(self) -> int: ...
    def pairs(self, indices: Numbers, epoch: int) -> TokenPairs: ...


class EncodedOnDemand(NamedTuple):
    """Encodes pairs when they are asked for."""

    texts: ParallelTexts
    source: Vocabulary
    target: Vocabulary
    source_bpe_dropout: float
    target_bpe_dropout: float
    """The probabilities that a merge is skipped."""
    augmentation: Augmentation
    seed: int

    def __len__(self) -> int:
        return len(self.texts)

    def pairs(self, indices: Numbers, epoch: int) -> TokenPairs:
        """The pairs at `indices` with the changes and the subwords of an epoch. The subwords of a
        pair depend on the other pairs."""
        texts = augmented(self.texts, indices, self.augmentation, self.seed, epoch)
        seed = derive_seed(self.seed, epoch, *indices[:1].tolist())
        return TokenPairs(
            TokenLists.of(self.source.sample(texts.sources, self.source_bpe_dropout, seed)),
            TokenLists.of(self.target.sample(texts.targets, self.target_bpe_dropout, seed + 1)),
        )


class Chunk(NamedTuple):
    """Pairs of an epoch that follow each other."""

    epoch: int
    begin: int
    end: int


class EncodedEpochs:
    """Epochs that `encode_epochs` wrote, mapped from disk; the next ones repeat them."""

    def __init__(self, folder: Path) -> None:
        """Raises RegardError if the folder is damaged."""
        summary = read_json(folder / SUMMARY)
        try:
            self.length, id_type = int(summary["pairs"]), str(summary["id_type"])
            self.epochs = [
                TokenPairs(*(map_lists(folder, f"{side}-{epoch}", id_type) for side in SIDES))
                for epoch in range(summary["epochs"])
            ]
            if any(len(side.offsets) != self.length + 1 for pair in self.epochs for side in pair):
                raise ValueError("a side is incomplete")
        except (OSError, ValueError, TypeError, LookupError) as error:
            raise RegardError(
                "the encoded text is damaged", str(folder), "remove this folder; it is made again"
            ) from error

    def __len__(self) -> int:
        return self.length

    def pairs(self, indices: Numbers, epoch: int) -> TokenPairs:
        sources, targets = self.epochs[epoch % len(self.epochs)]
        return TokenPairs(sources.select(indices), targets.select(indices))


def map_lists(folder: Path, name: str, id_type: str) -> TokenLists:
    """Raises ValueError if the files disagree."""
    offsets = map_numbers(folder / f"{name}.offsets")
    ids = np.memmap(folder / f"{name}.ids", id_type, mode="r").view(np.ndarray)
    if len(ids) != offsets[-1]:
        raise ValueError(f"{name}.ids has {len(ids)} tokens, not {offsets[-1]}")
    return TokenLists(ids, offsets)


def encode_epochs(
    texts: EncodedOnDemand, epochs: int, processes: int, folder: Path, tick: OnProgress
) -> None:
    """Encode the first `epochs` into a new `folder`, completely or not at all.

    `tick` is called from time to time with the number of pairs encoded so far, of all epochs.
    Raises RegardError if the folder cannot be written.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    tokens = max(len(texts.source), len(texts.target))
    id_type = "<u2" if tokens <= 1 << 16 else "<u4"
    chunks = [
        Chunk(epoch, begin, min(begin + TASK_PAIRS, len(texts)))
        for epoch in range(epochs)
        for begin in range(0, len(texts), TASK_PAIRS)
    ]
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        encoded = map_in_processes(encode_chunk, texts, chunks, processes, tick)
        for chunk, pairs in zip(chunks, encoded, strict=True):
            for side, lists in zip(SIDES, pairs, strict=True):
                append_lists(unfinished / f"{side}-{chunk.epoch}", lists, id_type)
        summary = {"pairs": len(texts), "epochs": epochs, "id_type": id_type}
        write_json(unfinished / SUMMARY, summary)
        unfinished.rename(folder)
    except OSError as error:
        refuse_system_error(error, "encode the text", str(folder))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def append_lists(stem: Path, lists: TokenLists, id_type: str) -> None:
    ids, offsets = (stem.with_suffix(suffix) for suffix in (".ids", ".offsets"))
    if not offsets.exists():
        append(offsets, bytes(8))
    begin = append(ids, lists.ids.astype(id_type).tobytes()) // np.dtype(id_type).itemsize
    append(offsets, (lists.offsets[1:] + begin).astype("<i8").tobytes())


def encode_chunk(texts: EncodedOnDemand, chunk: Chunk, advance: OnProgress) -> TokenPairs:
    pairs = texts.pairs(np.arange(chunk.begin, chunk.end), chunk.epoch)
    advance(chunk.end - chunk.begin)
    return pairs
