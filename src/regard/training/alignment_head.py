"""Teach the alignment head of a finished model what the aligner finds in parallel text."""

import json
import time
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from regard.alignment.head import head_posterior
from regard.config import TrainOptions
from regard.data.batches import group_by_tokens, padded
from regard.data.corpus import Numbers
from regard.data.seeds import derive_seed, shuffled_slice
from regard.engine.torch import TorchEngine, set_weights, weights_of
from regard.files import damaged_error, read_tensors, tensors_below, write_tensors
from regard.model.alignment_head import (
    AlignmentHead,
    WordScores,
    alignment_loss,
    read_frozen,
    score_words,
)
from regard.model.network import EncoderDecoder
from regard.model.sizes import HeadSizes
from regard.shapes import Float, Int
from regard.system import cores
from regard.text.token_lists import TokenLists
from regard.training.alignment_text import LinkedText
from regard.training.loop import SAVE_SECONDS, Interrupted, restore_threads
from regard.training.optimizers import moments_of, restore_moments
from regard.training.report import Report
from regard.training.schedules import rate_factor
from regard.training.signals import catch_signals
from regard.training.trainer import choose_precision, low_precision

SIZE, EMBEDDING_SIZE = 256, 128
DROPOUT = 0.1
EPOCHS = 3
"""Times that the text is read, unless `MAX_UPDATES` are done before."""
MAX_UPDATES = 6000
BATCH_TOKENS = 6000
"""Of the longer side, padding included."""
POOL_PAIRS = 32_768
LEARNING_RATE = 0.002
WARMUP = 200
WEIGHT_DECAY = 1e-4
CLIP_NORM = 1.0
VALID_PAIRS = 1000
"""Pairs, at most a tenth, on which the links are compared with the aligner's."""
SURE = 0.3
"""Links from this probability on are compared."""


class LinkedBatch(NamedTuple):
    source: Int[np.ndarray, "B S"]
    """Each sentence, </s>, then <pad>."""
    target: Int[np.ndarray, "B T"]
    source_owners: Int[np.ndarray, "B S"]
    """The index of each token's word; -1 for </s> and <pad>."""
    target_owners: Int[np.ndarray, "B T"]
    links: Float[np.ndarray, "B I J"]
    """The probabilities of links between words."""


class Agreement(NamedTuple):
    """How far the links of the head are those of the aligner, on held-out pairs."""

    pairs: int
    precision: float
    recall: float
    f1: float
    """Percent, as the other two."""


def linked_batch(text: LinkedText, indices: Numbers) -> LinkedBatch:
    source, target = text.source.select(indices), text.target.select(indices)
    tokens = padded(source.tokens), padded(target.tokens)
    owners = (
        padded_owners(source.owners, tokens[0].shape[1]),
        padded_owners(target.owners, tokens[1].shape[1]),
    )
    links = np.zeros((len(indices), *(int(side.max()) + 1 for side in owners)), np.float32)
    for row, index in enumerate(indices.tolist()):
        agreed = text.posteriors[index].agreed
        links[row, : agreed.shape[0], : agreed.shape[1]] = agreed
    return LinkedBatch(*tokens, *owners, links)


def padded_owners(owners: TokenLists, width: int) -> Int[np.ndarray, "B T"]:
    rows = np.full((len(owners.lengths), width), -1, np.int64)
    rows[np.arange(width) < owners.lengths[:, None]] = owners.ids
    return rows


class HeadTrainer:
    """Changes the weights of the head; the network stays as it is."""

    def __init__(self, network: EncoderDecoder, text: LinkedText, options: TrainOptions) -> None:
        self.network, self.text, self.seed = network.eval(), text, options.seed
        self.device = network.decoder.output_layer.weight.device
        self.precision = choose_precision(options.precision, self.device)
        sizes = network.sizes
        torch.set_num_threads(options.threads or cores())
        torch.manual_seed(options.seed)
        head_sizes = HeadSizes(
            sizes.source_tokens,
            sizes.target_tokens,
            EMBEDDING_SIZE,
            sizes.encoder_size,
            sizes.embedding_size,
            SIZE,
        )
        self.head = AlignmentHead(head_sizes, DROPOUT).to(self.device)
        self.weights = dict(self.head.named_parameters())
        self.optimizer = torch.optim.AdamW(
            self.head.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
        )
        pairs = len(text.posteriors)
        interval = max(10, pairs // VALID_PAIRS)
        self.valid = np.arange(interval - 1, pairs, interval)
        self.train = np.setdiff1d(np.arange(pairs), self.valid)
        longer = np.maximum(*(side.tokens.lengths for side in (text.source, text.target))) + 1
        self.lengths = longer
        batches = int(longer[self.train].sum() // (0.9 * BATCH_TOKENS)) + 1
        self.updates = min(EPOCHS * batches, MAX_UPDATES)
        self.update = 0

    def batches(self) -> Iterator[Numbers]:
        """The indices of the pairs of each batch that is still to be learned from."""
        endless = (batch for epoch in count() for batch in self.epoch(epoch))
        return islice(endless, self.update, self.updates)

    def epoch(self, epoch: int) -> Iterator[Numbers]:
        for begin in range(0, len(self.train), POOL_PAIRS):
            end = min(begin + POOL_PAIRS, len(self.train))
            pool = self.train[shuffled_slice(len(self.train), self.seed, epoch, begin, end)]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            groups = group_by_tokens(self.lengths[pool], BATCH_TOKENS)
            random = np.random.default_rng(derive_seed(self.seed, epoch, begin))
            yield from (pool[groups[index]] for index in random.permutation(len(groups)))

    def scores(self, batch: LinkedBatch) -> WordScores:
        source, target, *owners = (torch.from_numpy(part).to(self.device) for part in batch[:4])
        with low_precision(self.precision, self.device):
            vectors = self.head(read_frozen(self.network, source, target))
        return score_words(*vectors, *owners)

    def learn(self, indices: Numbers) -> float:
        """One update; returns the loss of a word."""
        batch, self.update = linked_batch(self.text, indices), self.update + 1
        self.head.train()
        torch.manual_seed(derive_seed(self.seed, self.update))
        links = torch.from_numpy(batch.links).to(self.device)
        is_source, is_target = (
            torch.from_numpy(np.arange(words) <= owners.max(axis=1, keepdims=True)).to(self.device)
            for words, owners in zip(batch.links.shape[1:], batch[2:4], strict=True)
        )
        words = is_source.sum() + is_target.sum()
        loss = alignment_loss(self.scores(batch), links, is_source, is_target) / words
        loss.backward()
        nn.utils.clip_grad_norm_(self.head.parameters(), CLIP_NORM)
        factor = rate_factor("cosine", self.update, self.updates, WARMUP)
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * factor
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def agreement(self) -> Agreement:
        """Of the links of the held-out pairs."""
        engine = TorchEngine(self.network, self.head)
        shared = own_links = wanted = 0
        by_length = self.valid[np.argsort(self.lengths[self.valid])]
        for group in group_by_tokens(self.lengths[by_length], BATCH_TOKENS):
            indices = by_length[group]
            source, target = (side.select(indices) for side in self.text[:2])
            ids = (lists_of(source.tokens), lists_of(target.tokens))
            owners = zip(lists_of(source.owners), lists_of(target.owners), strict=True)
            outputs = engine.token_vectors(*ids)
            for index, output, pair in zip(indices.tolist(), outputs, owners, strict=True):
                own = head_posterior(output, *map(tokens_of_words, pair)).agreed > SURE
                aligner = self.text.posteriors[index].agreed > SURE
                shared += int((own & aligner).sum())
                own_links += int(own.sum())
                wanted += int(aligner.sum())
        return agreement(len(self.valid), shared, own_links, wanted)

    def save(self, file: Path) -> None:
        """Write all that is needed to resume, atomically."""
        tensors = {f"weight.{name}": array for name, array in weights_of(self.head).items()}
        for name, moment in moments_of(self.optimizer, self.weights):
            tensors[name] = moment.cpu().numpy()
        write_tensors(file, tensors, {"update": json.dumps(self.update)})

    def restore(self, file: Path) -> None:
        """Raises RegardError if the file is damaged."""
        stored = read_tensors(file)
        try:
            self.update = int(json.loads(stored.metadata["update"]))
        except (KeyError, TypeError, ValueError) as error:
            raise damaged_error(file) from error
        set_weights(self.head, tensors_below("weight", stored.tensors), str(file))
        restore_moments(self.optimizer, self.weights, stored.tensors, self.update, str(file))


def agreement(pairs: int, shared: int, own: int, wanted: int) -> Agreement:
    """Of numbers of links."""
    shares = (shared / own if own else 0.0, shared / wanted if wanted else 0.0)
    f1 = 2 * shared / (own + wanted) if own + wanted else 0.0
    return Agreement(pairs, *(round(100 * share, 2) for share in (*shares, f1)))


def lists_of(lists: TokenLists) -> list[list[int]]:
    return [part.tolist() for part in np.split(lists.ids, lists.offsets[1:-1])]


def tokens_of_words(owners: Sequence[int]) -> list[list[int]]:
    """The indices of the tokens of each word."""
    words: list[list[int]] = [[] for _ in range(max(owners) + 1)]
    for token, owner in enumerate(owners):
        words[owner].append(token)
    return words


def train_head(trainer: HeadTrainer, state: Path, report: Report) -> Agreement:
    """Train to the end, from the last checkpoint in the file `state` if there is one.

    Raises Interrupted, after the state is saved, if a signal asks to stop.
    """
    if state.exists():
        trainer.restore(state)
        report.message(f"resuming after update {trainer.update:,} of the alignment head")
    saved = time.monotonic()
    tick = report.progress("learning alignment", trainer.updates)
    with restore_threads(), catch_signals() as caught:
        for indices in trainer.batches():
            trainer.learn(indices)
            tick(trainer.update)
            if caught or time.monotonic() - saved > SAVE_SECONDS:
                trainer.save(state)
                saved = time.monotonic()
            if caught:
                raise Interrupted(trainer.update, caught[0])
    return trainer.agreement()
