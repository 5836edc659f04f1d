"""Texts to token ids: while training needs them, or for some epochs beforehand, on all cores.

Encoded epochs are a folder with a pair of files for each side and epoch; all numbers are
little-endian:

    encoded.json                the numbers of epochs and of pairs, and the type of each number
    source-0.ids, ...           the token ids of all texts in epoch 0, concatenated
    source-0.offsets, ...       where the ids of each text begin, and the total, as int64
    links-0.ids, ...            with guided alignment, the links of the tokens (guidance.py)
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.data.augment import Augmentation, ParallelLists, augmented
from regard.data.corpus import Numbers, ParallelTexts
from regard.data.guidance import LINK_TYPE, LINKS, WordLinks, shift_sources
from regard.data.lists import append_lists, map_lists
from regard.data.seeds import derive_seed
from regard.errors import RegardError, refuse_system_error
from regard.files import read_json, write_json
from regard.processes import OnProgress, map_in_processes
from regard.text.tags import TAG_TOKENS
from regard.text.token_lists import TokenLists
from regard.text.vocabulary import Vocabulary

SUMMARY = "encoded.json"
TASK_PAIRS = 32_768
"""Pairs that a process encodes at a time; of more, more occurrences share a word's segmentation."""
SIDES = ("source", "target")


class TokenPairs(NamedTuple):
    sources: TokenLists
    targets: TokenLists
    links: TokenLists | None = None
    """Those of the tokens of each pair, for guided alignment (guidance.py)."""

    def select(self, indices: Numbers) -> "TokenPairs":
        """The pairs at `indices`, in that order."""
        links = self.links and self.links.select(indices)
        return TokenPairs(self.sources.select(indices), self.targets.select(indices), links)

    def part(self, pairs: slice) -> "TokenPairs":
        """Pairs that follow each other, without copying."""
        links = self.links and self.links.part(pairs)
        return TokenPairs(self.sources.part(pairs), self.targets.part(pairs), links)


@runtime_checkable
class EncodedTexts(Protocol):
    """Parallel text as token ids, without <s> and </s>."""

    def __len__(self) -> int: ...
    def pairs(self, indices: Numbers, epoch: int) -> TokenPairs: ...


@runtime_checkable
class SourceTags(Protocol):
    """What stands before the source of each pair (mixture.py)."""

    def of(self, indices: Numbers) -> list[str]: ...
    def before(self, sources: Sequence[str], indices: Numbers) -> list[str]: ...


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
    word_links: WordLinks | None = None
    """For guided alignment. A pair that is changed has no guidance."""
    tags: SourceTags | None = None
    """What stands before the sources; None for nothing."""

    def __len__(self) -> int:
        return len(self.texts)

    def pairs(self, indices: Numbers, epoch: int) -> TokenPairs:
        """The pairs at `indices` with the changes and the subwords of an epoch. The subwords of a
        pair depend on the other pairs."""
        texts = augmented(self.texts, indices, self.augmentation, self.seed, epoch)
        seed = derive_seed(self.seed, epoch, *indices[:1].tolist())
        tagged = self.tags.before(texts.sources, indices) if self.tags else texts.sources
        sources = self.source.sample(tagged, self.source_bpe_dropout, seed)
        targets = self.target.sample(texts.targets, self.target_bpe_dropout, seed + 1)
        links = None
        if self.word_links is not None:
            links = self.token_links(self.word_links, indices, texts, (sources, targets))
        return TokenPairs(TokenLists.of(sources), TokenLists.of(targets), links)

    def token_links(
        self,
        word_links: WordLinks,
        indices: Numbers,
        texts: ParallelLists,
        tokens: tuple[list[list[int]], list[list[int]]],
    ) -> TokenLists:
        """The links between the tokens of each pair; a pair that is changed has none."""
        originals = self.texts.sources(indices), self.texts.targets(indices)
        sources, targets = tokens
        prefixes = self.tags.of(indices) if self.tags else [""] * len(indices)
        before = [TAG_TOKENS if prefix else 0 for prefix in prefixes]
        untagged = [ids[begin:] for begin, ids in zip(before, sources, strict=True)]
        by_pair = (zip(*sides, strict=True) for sides in (originals, texts, (untagged, targets)))
        return TokenLists.of(
            [
                shift_sources(
                    word_links.of_tokens(index, pair, ids, (self.source, self.target)), begin
                )
                if pair == original
                else []
                for index, begin, original, pair, ids in zip(
                    indices.tolist(), before, *by_pair, strict=True
                )
            ]
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
            self.length, types = int(summary["pairs"]), summary["types"]
            self.epochs = [
                TokenPairs(*(map_lists(folder, f"{part}-{epoch}", types[part]) for part in types))
                for epoch in range(summary["epochs"])
            ]
            lists = [part for pairs in self.epochs for part in pairs if part is not None]
            if any(len(part.offsets) != self.length + 1 for part in lists):
                raise ValueError("a part is incomplete")
        except (OSError, ValueError, TypeError, LookupError) as error:
            raise RegardError(
                "the encoded text is damaged", str(folder), "remove this folder; it is made again"
            ) from error

    def __len__(self) -> int:
        return self.length

    def pairs(self, indices: Numbers, epoch: int) -> TokenPairs:
        return self.epochs[epoch % len(self.epochs)].select(indices)


def encode_epochs(
    texts: EncodedOnDemand, epochs: int, processes: int, folder: Path, tick: OnProgress
) -> None:
    """Encode the first `epochs` into a new `folder`, completely or not at all.

    `tick` is called from time to time with the number of pairs encoded so far, of all epochs.
    Raises RegardError if the folder cannot be written.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    tokens = max(len(texts.source), len(texts.target))
    types = dict.fromkeys(SIDES, "<u2" if tokens <= 1 << 16 else "<u4")
    if texts.word_links is not None:
        types[LINKS] = LINK_TYPE
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
            parts = [part for part in pairs if part is not None]
            for (name, number_type), lists in zip(types.items(), parts, strict=True):
                append_lists(unfinished / f"{name}-{chunk.epoch}", lists, number_type)
        summary = {"pairs": len(texts), "epochs": epochs, "types": types}
        write_json(unfinished / SUMMARY, summary)
        unfinished.rename(folder)
    except OSError as error:
        refuse_system_error(error, "encode the text", str(folder))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def encode_chunk(texts: EncodedOnDemand, chunk: Chunk, advance: OnProgress) -> TokenPairs:
    pairs = texts.pairs(np.arange(chunk.begin, chunk.end), chunk.epoch)
    advance(chunk.end - chunk.begin)
    return pairs
