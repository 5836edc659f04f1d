"""A batch of sentences that the CPU engine translates, step by step or many steps at a call."""

from collections.abc import Sequence
from functools import cache, lru_cache
from math import ceil

import numpy as np

from regard.engine.onnx import graphs as onnx_graphs
from regard.engine.onnx import loops as onnx_loops
from regard.engine.onnx.candidates import FEW
from regard.engine.onnx.layout import read
from regard.engine.onnx.outputs import BeamSteps, GreedyOutput
from regard.engine.onnx.session import Arrays, Draw, Sessions
from regard.engine.onnx.shortlist import fill_up
from regard.search.beam import index_in_group
from regard.search.protocols import LogitBias, TopK
from regard.search.repetition import PERIODS, cut_repetition, may_repeat, zero_counts
from regard.shapes import Bool, Float, Int
from regard.special import END, START, Ids

LEAVE = 0.85
"""When less than this share of the sentences in memory is still alive, the others are let go."""

STEPS = 8
"""Tokens that a greedy batch writes at a call; then the sentences that have ended leave it."""

NOTHING = GreedyOutput(np.zeros(0, np.int64), 0.0, zero_counts(1).repeated[0])


class OnnxDecoding:
    """A batch of sentences that is being translated.

    The graph wants as many rows N for each sentence; where a sentence has fewer, rows that nobody
    reads fill the gap.
    """

    def __init__(
        self,
        sessions: Sessions,
        sources: Sequence[Ids],
        own: Sequence[Int[np.ndarray, " _"]] | None = None,
    ) -> None:
        """Read `sources`; their translations are made of their `own` tokens alone, if any."""
        self.sessions, given = sessions, read(sources, sessions.network.options)
        found = sessions.run(onnx_graphs.encoding, given)
        self.memory = {
            name: value for name, value in found.items() if not name.startswith("carried")
        }
        self.memory["closed"] = given["closed"]
        self.carried = {name: value for name, value in found.items() if name.startswith("carried")}
        self.held = np.arange(len(given["source"]))
        """The sentences in memory."""
        self.sentence, self.slot = self.held, self.held
        """Of each former row its sentence, and where its state is."""
        self.is_limited = own is not None
        """Whether each sentence is made of its own tokens alone."""
        if own is not None:
            allowed = {"allowed": fill_up(own)}
            self.memory |= allowed | sessions.run(onnx_graphs.picking, allowed)

    def advance(
        self,
        rows: Int[np.ndarray, " R"],
        tokens: Int[np.ndarray, "R T"],
        k: int,
        bias: Float[np.ndarray, "_ _"],
        adjustment: LogitBias,
    ) -> TopK:
        """Go on from the former rows `rows` with `tokens`; the `k` likeliest tokens behind them."""
        sentence, parent = self.sentence[rows], self.slot[rows]
        live = np.unique(sentence)
        if len(live) < LEAVE * len(self.held):
            self.keep(np.searchsorted(self.held, live))
        block = np.searchsorted(self.held, sentence)
        place = place_in_block(block)
        shape = len(self.held), int(place.max()) + 1
        slot = block * shape[1] + place
        for column in range(tokens.shape[1]):
            dense = {
                "tokens": fill(shape, slot, tokens[:, column]),
                "parents": fill(shape, slot, parent),
                "bias": fill_bias(shape, block, place, bias),
                "k": np.array([k]),
            }
            found = self.step(dense, adjustment, block, place, k)
            parent = slot
        self.sentence, self.slot = sentence, slot
        flat = (-1, found["likely"].shape[2])
        return TopK(found["likely"].reshape(flat)[slot], found["log_probs"].reshape(flat)[slot])

    def step(
        self,
        dense: Arrays,
        adjustment: LogitBias,
        block: Int[np.ndarray, " R"],
        place: Int[np.ndarray, " R"],
        k: int,
    ) -> Arrays:
        draw = onnx_graphs.stepping_allowed if self.is_limited else onnx_graphs.stepping
        if len(adjustment.rows) or k > FEW:
            draw = onnx_graphs.adjusting
            where = block[adjustment.rows], place[adjustment.rows], adjustment.tokens
            dense["adjusted"] = np.stack(where, axis=-1).astype(np.int64)
            dense["amounts"] = adjustment.biases.astype(np.float32)
        return self.go_on(draw, dense)

    def write(
        self, limits: Int[np.ndarray, " B"], rounds: Int[np.ndarray, " B"]
    ) -> list[GreedyOutput]:
        """The likeliest tokens of each sentence, `STEPS` at a call; who has ended leaves."""
        draw = (
            onnx_loops.writing_together_allowed if self.is_limited else onnx_loops.writing_together
        )
        found: list[GreedyOutput] = [NOTHING] * len(limits)
        tokens = np.full((len(limits), 1), START)
        log_probs = np.zeros((len(limits), 1), np.float32)
        while len(self.held):
            longest, length = limits[self.held], tokens.shape[1] - 1
            steps = np.array(min(STEPS, longest.max() - length))
            made = self.go_on(draw, {"token": tokens[:, -1:], "steps": steps})
            tokens = np.concatenate([tokens, made["written"][:, :, 0].T], axis=1)
            log_probs = np.concatenate([log_probs, made["log_probs"][:, :, 0].T], axis=1)
            length, is_going = tokens.shape[1] - 1, np.full(len(self.held), True)
            may_stop = (tokens == END).any(axis=1) | (length >= longest)
            may_stop |= may_repeat(tokens, rounds[self.held])
            for row in np.flatnonzero(may_stop):
                sentence, end = self.held[row], longest[row] + 1
                own = cut(tokens[row, 1:end], log_probs[row, 1:end], int(rounds[sentence]))
                found[sentence] = own
                is_going[row] = len(own.tokens) == length < longest[row] and own.tokens[-1] != END
            self.let_go(~is_going)
            tokens, log_probs = tokens[is_going], log_probs[is_going]
        return found

    def search(
        self, limits: Int[np.ndarray, " B"], rounds: Int[np.ndarray, " B"], size: int
    ) -> list[BeamSteps]:
        """What a beam looks at: as many steps at a call as most sentences go on; who is done then
        leaves."""
        draw = (
            onnx_loops.searching_together_allowed
            if self.is_limited
            else onnx_loops.searching_together
        )
        self.carried = {name: value.repeat(size, axis=1) for name, value in self.carried.items()}
        self.carried |= beginning_of_beam(len(limits), size)
        told, steps, length = room_to_tell(limits, size), 0 * limits, 0
        while len(self.held):
            left = limits[self.held] - length
            made = self.go_on(
                draw, size_of_beam(size) | bounds_of_beam(left, rounds[self.held], size)
            )
            is_open = made["is_open"]
            for name, room in told.items():
                room[length : length + len(is_open), self.held] = made[name]
            steps[self.held] += is_open.sum(axis=0) + ~is_open[-1]
            length += len(is_open)
            self.let_go(~is_open[-1])
        return [
            BeamSteps(**{name: room[:number, sentence] for name, room in told.items()})
            for sentence, number in enumerate(steps)
        ]

    def keep(self, kept: Int[np.ndarray, " B"]) -> None:
        """Hold these of the sentences in memory alone."""
        if len(kept) < len(self.held):
            self.memory = {name: value[kept] for name, value in self.memory.items()}
            self.held = self.held[kept]

    def let_go(self, is_done: Bool[np.ndarray, " B"]) -> None:
        """Of the sentences in memory, with what they carry."""
        if is_done.any():
            kept = np.flatnonzero(~is_done)
            self.keep(kept)
            self.carried = {name: value[kept] for name, value in self.carried.items()}

    def go_on(self, draw: Draw, given: Arrays) -> Arrays:
        """What a graph finds; what it hands on is carried."""
        found = self.sessions.run(draw, {**self.memory, **self.carried, **given})
        self.carried = {
            name.replace("after", "carried"): value
            for name, value in found.items()
            if name.startswith("after")
        }
        return found


@cache
def size_of_beam(size: int) -> Arrays:
    """`</s>` is found where it is among the `size` likeliest."""
    return {
        "size": np.array([size]),
        "enough": np.array(size, np.float32),
        "may_end": (np.arange(2 * size) < size).astype(np.float32),
    }


@lru_cache(maxsize=8)
def beginning_of_beam(sentences: int, size: int) -> Arrays:
    """One row of each is alive at first."""
    alive = np.where(np.arange(size) == 0, 0.0, -np.inf)
    return {
        "carried.token": np.full((sentences, size), START),
        "carried.log_prob": np.tile(alive, (sentences, 1)),
        "carried.found": np.zeros(sentences, np.float32),
        "carried.trail": np.tile(onnx_loops.NO_TRAIL, (sentences, size, 1)),
    }


def bounds_of_beam(
    limits: Int[np.ndarray, " B"], rounds: Int[np.ndarray, " B"], size: int
) -> Arrays:
    """How long a loop goes on: until few enough sentences are still open."""
    number = len(limits)
    return {
        "steps": np.array(limits.max()),
        "last_step": limits - 1,
        "too_long": rounds[:, None, None] * PERIODS,
        "first_row": np.arange(number)[:, None] * size,
        "fewest": np.array(ceil(LEAVE * number) - 1),
    }


def room_to_tell(limits: Int[np.ndarray, " B"], size: int) -> Arrays:
    widths = {"C": 2 * size, "N": size}
    return {
        name: np.empty((limits.max(), len(limits), widths[place]), element)
        for name, (element, place) in onnx_loops.TOLD.items()
    }


def cut(
    tokens: Int[np.ndarray, " T"], log_probs: Float[np.ndarray, " T"], rounds: int
) -> GreedyOutput:
    """What a loop wrote, up to </s>, or to where it would have been stopped for going round in
    circles."""
    ids = tokens.tolist()
    end, run = len(ids), zero_counts(1).repeated[0]
    if END in ids:
        end = ids.index(END) + 1
    repeats = end - len(set(ids[:end])) >= rounds  # else it cannot have made so many
    if repeats and may_repeat(tokens[None, :end], np.array([rounds]))[0]:
        end, run = cut_repetition(tokens[:end], rounds)
    return GreedyOutput(tokens[:end], float(log_probs[:end].sum(dtype=np.float64)), run)


def place_in_block(block: Int[np.ndarray, " R"]) -> Int[np.ndarray, " R"]:
    """0, 1, 2, ... for the rows of each block, wherever they stand."""
    order = np.argsort(block, kind="stable")
    place = np.empty_like(order)
    place[order] = index_in_group(block[order])
    return place


def fill(
    shape: tuple[int, int], slot: Int[np.ndarray, " R"], values: Int[np.ndarray, " R"]
) -> Int[np.ndarray, "B N"]:
    dense = np.zeros(shape[0] * shape[1], np.int64)
    dense[slot] = values
    return dense.reshape(shape)


def fill_bias(
    shape: tuple[int, int],
    block: Int[np.ndarray, " R"],
    place: Int[np.ndarray, " R"],
    bias: Float[np.ndarray, "_ _"],
) -> Float[np.ndarray, "b 1 n s"]:
    if bias.shape == (1, 1):
        return bias.astype(np.float32)[None, None]
    dense = np.zeros((shape[0], 1, shape[1], bias.shape[1]), np.float32)
    dense[block, 0, place] = bias
    return dense
