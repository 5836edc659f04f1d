"""Several corpora as one training text: each gives its share of every epoch."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.data.corpus import FINGERPRINT_BYTES, Corpus, Numbers, ParallelTexts, open_corpus
from regard.data.encode import EncodedTexts, TokenPairs
from regard.data.seeds import derive_seed, shuffled_at

CORPUS, CORPORA = "corpus", "corpora"
"""In the folder of all that training needs: the folder of one corpus; that of the folders of
several, which are called 1, 2 and so on."""


class JoinedTexts:
    """The pairs of several corpora, one corpus after the other."""

    def __init__(self, corpora: Sequence[Corpus]) -> None:
        self.corpora = list(corpora)
        self.ends = np.cumsum([len(corpus) for corpus in corpora])
        """The index after the last pair of each corpus."""
        digests = "-".join(corpus.fingerprint for corpus in corpora)
        self.fingerprint = blake2b(digests.encode(), digest_size=FINGERPRINT_BYTES).hexdigest()

    def __len__(self) -> int:
        return int(self.ends[-1])

    def sources(self, indices: Numbers) -> list[str]:
        return self.texts(indices, Corpus.sources)

    def targets(self, indices: Numbers) -> list[str]:
        return self.texts(indices, Corpus.targets)

    def texts(self, indices: Numbers, read: Callable[[Corpus, Numbers], list[str]]) -> list[str]:
        """One side of the pairs at `indices`, in that order."""
        owners = np.searchsorted(self.ends, indices, side="right")
        texts = [""] * len(indices)
        for number in np.unique(owners).tolist():
            rows = np.flatnonzero(owners == number)
            own = indices[rows] - (self.ends[number] - len(self.corpora[number]))
            for row, text in zip(rows.tolist(), read(self.corpora[number], own), strict=True):
                texts[row] = text
        return texts

    @property
    def lines(self) -> Numbers:
        """The line of each pair in the files of its own corpus; 8 bytes a pair, in memory."""
        return np.concatenate([corpus.lines for corpus in self.corpora])


class PairTags(NamedTuple):
    """What stands before the source of each pair of a training text."""

    ends: tuple[int, ...]
    """The index after the last pair of each corpus."""
    prefixes: tuple[str, ...]
    """Of each corpus, as `text.tags.tag_prefix` gives it."""

    def of(self, indices: Numbers) -> list[str]:
        """The prefixes of the pairs at `indices`."""
        owners = np.searchsorted(self.ends, indices, side="right")
        return [self.prefixes[owner] for owner in owners.tolist()]

    def before(self, sources: Sequence[str], indices: Numbers) -> list[str]:
        """The sources of the pairs at `indices`, with their prefixes."""
        return [prefix + text for prefix, text in zip(self.of(indices), sources, strict=True)]


class TaggedTexts(NamedTuple):
    """A text with the tags of its pairs."""

    texts: ParallelTexts
    tags: PairTags

    def __len__(self) -> int:
        return len(self.texts)

    def sources(self, indices: Numbers) -> list[str]:
        return self.tags.before(self.texts.sources(indices), indices)

    def targets(self, indices: Numbers) -> list[str]:
        return self.texts.targets(indices)


class Mixture(NamedTuple):
    """Which pairs an epoch has, and in which order they are drawn.

    An epoch has as many pairs as all corpora hold. Each corpus gives the same number of them in
    every epoch, in an order of its own; it begins anew, in another order, when all its pairs were
    given. What is drawn depends on the seed and the epoch alone.
    """

    sizes: tuple[int, ...]
    """Pairs of each corpus."""
    counts: tuple[int, ...]
    """Pairs that each gives in an epoch."""
    seed: int

    def draw(self, slots: Numbers, epoch: int) -> Numbers:
        """The indices in the joined text of the pairs in these slots of an epoch. The slots of a
        corpus follow each other."""
        drawn = np.empty_like(slots)
        first_slot = first_pair = 0
        for number, (size, count) in enumerate(zip(self.sizes, self.counts, strict=True)):
            rows = np.flatnonzero((slots >= first_slot) & (slots < first_slot + count))
            passes, positions = np.divmod(epoch * count + slots[rows] - first_slot, max(1, size))
            for begun in np.unique(passes).tolist():
                same = passes == begun
                seed = derive_seed(self.seed, number)
                drawn[rows[same]] = first_pair + shuffled_at(size, seed, begun, positions[same])
            first_slot, first_pair = first_slot + count, first_pair + size
        return drawn


def make_mixture(
    sizes: Sequence[int], weights: Sequence[float], temperature: float, seed: int
) -> Mixture:
    """The shares are n^(1/`temperature`) times the weight of each corpus of n pairs, normalised.
    Counts differ from them by less than one pair."""
    wanted = np.array(sizes, np.float64) ** (1 / temperature) * np.array(weights)
    exact = wanted / wanted.sum() * sum(sizes)
    counts = np.floor(exact).astype(np.int64)
    most_missing = np.argsort(counts - exact, kind="stable")
    counts[most_missing[: sum(sizes) - int(counts.sum())]] += 1
    return Mixture(tuple(sizes), tuple(counts.tolist()), seed)


class MixedTexts(NamedTuple):
    """The pairs of the first epoch, of which a vocabulary is learned."""

    texts: ParallelTexts
    mixture: Mixture

    def __len__(self) -> int:
        return len(self.texts)

    def sources(self, indices: Numbers) -> list[str]:
        return self.texts.sources(self.mixture.draw(indices, 0))

    def targets(self, indices: Numbers) -> list[str]:
        return self.texts.targets(self.mixture.draw(indices, 0))


class MixedEncoded(NamedTuple):
    """Encoded text of which each epoch has the pairs of a mixture."""

    encoded: EncodedTexts
    mixture: Mixture

    def __len__(self) -> int:
        return len(self.encoded)

    def pairs(self, indices: Numbers, epoch: int) -> TokenPairs:
        return self.encoded.pairs(self.mixture.draw(indices, epoch), epoch)


def corpus_folders(training: Path) -> list[Path]:
    """The folders of the prepared corpora of a run: of one, or of several; none if it has none."""
    if (training / CORPUS).exists():
        return [training / CORPUS]
    return sorted((training / CORPORA).glob("[0-9]*"), key=lambda folder: int(folder.name))


def open_training_text(training: Path) -> Corpus | JoinedTexts:
    """The text of a run that has one. Raises RegardError as `open_corpus`."""
    folders = corpus_folders(training)
    if folders == [training / CORPUS]:
        return open_corpus(folders[0])
    return JoinedTexts([open_corpus(folder) for folder in folders])
