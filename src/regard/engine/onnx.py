"""The CPU engine: the same network through ONNX Runtime; no PyTorch, no compiler."""

from collections.abc import Sequence
from copy import copy
from functools import cache
from threading import Lock

import numpy as np
from jaxtyping import Float, Int

from regard.bundle import NO_SHORTLIST, Bundle, Ranges, Shortlist
from regard.checkpoint import Tensors
from regard.circles import PERIODS, end_of_circles, may_circle, no_circles
from regard.config import ModelOptions
from regard.engine import onnx_graphs
from regard.engine.arithmetic import (
    Arithmetic,
    EightBits,
    Fp32,
    Observed,
    are_int8,
)
from regard.engine.onnx_layout import read
from regard.engine.onnx_network import Network
from regard.engine.onnx_session import Arrays, Session, overflows
from regard.engine.onnx_words import FEW
from regard.engine.shortlist import allowed_tokens, fill_up, whose
from regard.engine.weights import belong, products_of
from regard.errors import RegardError
from regard.search import (
    Adjustment,
    Candidates,
    Decoding,
    Forced,
    Ranked,
    Written,
    place_in_run,
)
from regard.special import END, START, Ids
from regard.text.batches import pad
from regard.trace import Looking, Trace, architecture_of

LEAVE = 0.85
"""When less than this share of the sentences in memory is still alive, the others are let go."""

DRAFTS = 3
"""Times that a sentence is tried among a few tokens before it is written among all."""

STEPS = 8
"""Tokens that a greedy batch writes at a call; then the sentences that have ended leave it."""

NOTHING = Written(np.zeros(0, np.int64), 0.0, no_circles(1).run[0])


class OnnxEngine:
    """Draws a graph for each of its uses when it is first asked for."""

    largest_beam = FEW - 1

    def __init__(
        self,
        options: ModelOptions,
        tensors: Tensors,
        ranges: Ranges,
        threads: int = 1,
        shortlist: Shortlist = NO_SHORTLIST,
    ) -> None:
        self.options, self.threads, self.shortlist = options, threads, shortlist
        self.is_limited = False
        """Whether translations are made of the shortlist's tokens alone."""
        self.architecture = architecture_of(options)
        self.sessions: dict[onnx_graphs.Draw, Session] = {}
        self.drawing = Lock()
        self.arithmetic: Arithmetic = Fp32(tensors)
        if are_int8(tensors):
            self.arithmetic = EightBits(tensors, ranges, overflows())
        self.tokens = len(tensors["decoder.word.bias"])

    def session(self, draw: onnx_graphs.Draw) -> Session:
        with self.drawing:
            if draw not in self.sessions:
                graph = draw(Network(self.options, self.arithmetic))
                self.sessions[draw] = Session(graph, self.threads)
        return self.sessions[draw]

    def limited(self) -> "OnnxEngine":
        """The same engine, which makes its translations of the shortlist's tokens alone.

        Adjusted tokens, samples and beams of more than `largest_beam` are still of all.
        """
        if not len(self.shortlist.likely):
            raise RegardError(
                "this model has no shortlist",
                "the search",
                "export it again, where its training text is beside it",
            )
        engine = copy(self)
        engine.is_limited = True
        return engine

    def encode(self, sources: Sequence[Ids]) -> Decoding:
        """Read the sentences, given without </s>."""
        return OnnxDecoding(self, sources)

    def allowed(self, source: Ids) -> Int[np.ndarray, " W"]:
        return allowed_tokens(self.shortlist, source, self.tokens)

    def write(
        self, sources: Sequence[Ids], limits: Sequence[int], rounds: Sequence[int]
    ) -> list[Written]:
        """Pick the likeliest next token of each sentence, many at a call."""
        if len(sources) == 1:
            return [self.write_alone(sources[0], limits[0], rounds[0])]
        return OnnxDecoding(self, sources).write(np.array(limits), np.array(rounds))

    def write_alone(self, source: Ids, limit: int, rounds: int) -> Written:
        """All tokens in one call."""
        given = read([source], self.options) | {"limit": np.array(limit)}
        draw = onnx_graphs.writing_allowed if self.is_limited else onnx_graphs.drafting
        if not len(self.shortlist.likely):
            return written_alone(self.session(onnx_graphs.writing).run(given), rounds)
        allowed = self.allowed(source)
        for _ in range(DRAFTS):
            found = self.session(draw).run(given | {"allowed": fill_up(allowed)})
            alone, best = written_alone(found, rounds), found["best"].ravel()
            wrong = alone.tokens != best[: len(alone.tokens)]
            if self.is_limited or not wrong.any():
                return alone
            allowed = np.union1d(allowed, best)
        return written_alone(self.session(onnx_graphs.writing).run(given), rounds)

    def search_alone(self, source: Ids, limit: int, rounds: int, size: int) -> Candidates:
        """What a beam looks at in each step: all in one call."""
        given = read([source], self.options) | beginning_of_beam(size)
        given |= {"limit": np.array(limit), "too_long": PERIODS * rounds}
        if self.is_limited:
            given["allowed"] = fill_up(self.allowed(source))
            return Candidates(**self.session(onnx_graphs.searching_allowed).run(given))
        return Candidates(**self.session(onnx_graphs.searching).run(given))

    def force(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Forced]:
        """Read given translations: of each its tokens and </s>."""
        found = self.session(onnx_graphs.reading).run(self.known(sources, targets))
        layers = range(self.options.decoder_layers)
        weights = np.stack([found[f"weights.{number}"] for number in layers], axis=1)
        return [
            Forced(
                found["log_probs"][row, : len(target) + 1],
                weights[row, :, :, : len(target) + 1, : len(source) + 1],
            )
            for row, (source, target) in enumerate(zip(sources, targets, strict=True))
        ]

    def trace(self, source: Ids, target: Ids, bias: Float[np.ndarray, "_ _"]) -> Trace:
        """Read `target` and </s> behind it as a translation of `source`; tell all."""
        given = self.known([source], [target])
        added = np.broadcast_to(bias, (len(target) + 1, len(source) + 1))
        given["bias"] = added.astype(np.float32)[None, None]
        found = self.session(onnx_graphs.tracing).run(given)
        layers = tuple(
            Looking(*(found[f"{part}.{number}"][0] for part in Looking._fields))
            for number in range(self.options.decoder_layers)
        )
        return Trace(found["states"][0], layers, found["log_probs"][0])

    def known(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> Arrays:
        return {
            **read(sources, self.options),
            "before": pad([[START, *target] for target in targets]),
            "after": pad([[*target, END] for target in targets]),
        }


@cache
def beginning_of_beam(size: int) -> Arrays:
    """One row is alive at first; </s> is found where it is among the `size` likeliest."""
    return {
        "size": np.array([size]),
        "enough": np.array(size, np.float32),
        "first_log_prob": np.where(np.arange(size) == 0, 0.0, -np.inf),
        "may_end": (np.arange(2 * size) < size).astype(np.float32),
    }


def written_alone(found: Arrays, rounds: int) -> Written:
    return cut(found["written"].ravel(), found["log_probs"].ravel(), rounds)


def cut(tokens: Int[np.ndarray, " T"], log_probs: Float[np.ndarray, " T"], rounds: int) -> Written:
    """What a loop wrote, up to </s>, or to where it would have been stopped for going round in
    circles."""
    ids = tokens.tolist()
    end, run = len(ids), no_circles(1).run[0]
    if END in ids:
        end = ids.index(END) + 1
    if end - len(set(ids[:end])) >= rounds:  # else it cannot have made so many
        end, run = end_of_circles(tokens[:end], rounds)
    return Written(tokens[:end], float(log_probs[:end].sum(dtype=np.float64)), run)


class OnnxDecoding:
    """A batch of sentences that is being translated.

    The graph wants as many rows N for each sentence; where a sentence has fewer, rows that nobody
    reads fill the gap.
    """

    def __init__(self, engine: OnnxEngine, sources: Sequence[Ids]) -> None:
        self.engine, given = engine, read(sources, engine.options)
        found = engine.session(onnx_graphs.encoding).run(given)
        self.memory = {
            name: value for name, value in found.items() if not name.startswith("carried")
        }
        self.memory["closed"] = given["closed"]
        self.carried = {name: value for name, value in found.items() if name.startswith("carried")}
        self.held = np.arange(len(given["source"]))
        """The sentences in memory."""
        self.sentence, self.slot = self.held, self.held
        """Of each former row its sentence, and where its state is."""
        self.words: Arrays = {}
        """The tokens that the batch may need, where the engine is limited to them."""
        if engine.is_limited:
            own = [engine.allowed(source) for source in sources]
            together = fill_up(np.unique(np.concatenate(own)))
            self.words = engine.session(onnx_graphs.picking).run({"allowed": together})
            self.words["allowed"] = together
            is_own = self.memory["words.own"] = whose(own, together)
            self.memory["words.mask"] = np.where(is_own, 0.0, -np.inf).astype(np.float32)[:, None]

    def advance(
        self,
        rows: Int[np.ndarray, " R"],
        tokens: Int[np.ndarray, "R T"],
        k: int,
        bias: Float[np.ndarray, "_ _"],
        adjustment: Adjustment,
    ) -> Ranked:
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
        return Ranked(found["likely"].reshape(flat)[slot], found["log_probs"].reshape(flat)[slot])

    def step(
        self,
        dense: Arrays,
        adjustment: Adjustment,
        block: Int[np.ndarray, " R"],
        place: Int[np.ndarray, " R"],
        k: int,
    ) -> Arrays:
        draw = onnx_graphs.stepping_allowed if self.words else onnx_graphs.stepping
        session = self.engine.session(draw)
        if len(adjustment.rows) or k > FEW:
            session = self.engine.session(onnx_graphs.adjusting)
            where = block[adjustment.rows], place[adjustment.rows], adjustment.tokens
            dense["adjusted"] = np.stack(where, axis=-1).astype(np.int64)
            dense["amounts"] = adjustment.amounts.astype(np.float32)
        return self.go_on(session, dense)

    def write(self, limits: Int[np.ndarray, " B"], rounds: Int[np.ndarray, " B"]) -> list[Written]:
        """The likeliest tokens of each sentence, `STEPS` at a call; who has ended leaves."""
        draw = onnx_graphs.writing_together_allowed if self.words else onnx_graphs.writing_together
        session = self.engine.session(draw)
        found: list[Written] = [NOTHING] * len(limits)
        tokens = np.full((len(limits), 1), START)
        log_probs = np.zeros((len(limits), 1), np.float32)
        while len(self.held):
            longest, length = limits[self.held], tokens.shape[1] - 1
            steps = np.array(min(STEPS, longest.max() - length))
            made = self.go_on(session, {"token": tokens[:, -1:], "steps": steps})
            tokens = np.concatenate([tokens, made["written"][:, :, 0].T], axis=1)
            log_probs = np.concatenate([log_probs, made["log_probs"][:, :, 0].T], axis=1)
            length, is_going = tokens.shape[1] - 1, np.full(len(self.held), True)
            may_stop = (tokens == END).any(axis=1) | (length >= longest)
            may_stop |= may_circle(tokens, rounds[self.held])
            for row in np.flatnonzero(may_stop):
                sentence, end = self.held[row], longest[row] + 1
                own = cut(tokens[row, 1:end], log_probs[row, 1:end], int(rounds[sentence]))
                found[sentence] = own
                is_going[row] = len(own.tokens) == length < longest[row] and own.tokens[-1] != END
            self.keep(np.flatnonzero(is_going))
            tokens, log_probs = tokens[is_going], log_probs[is_going]
            self.carried = {name: value[is_going] for name, value in self.carried.items()}
        return found

    def keep(self, kept: Int[np.ndarray, " B"]) -> None:
        """Hold these of the sentences in memory alone."""
        if len(kept) < len(self.held):
            self.memory = {name: value[kept] for name, value in self.memory.items()}
            self.held = self.held[kept]

    def go_on(self, session: Session, given: Arrays) -> Arrays:
        """What a graph finds; what it hands on is carried."""
        found = session.run({**self.memory, **self.words, **self.carried, **given})
        self.carried = {
            name.replace("after", "carried"): value
            for name, value in found.items()
            if name.startswith("after")
        }
        return found


def place_in_block(block: Int[np.ndarray, " R"]) -> Int[np.ndarray, " R"]:
    """0, 1, 2, ... for the rows of each block, wherever they stand."""
    order = np.argsort(block, kind="stable")
    place = np.empty_like(order)
    place[order] = place_in_run(block[order])
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


def load_bundle(bundle: Bundle, where: str, threads: int) -> OnnxEngine:
    """Raises RegardError if the weights are not those of the card's model."""
    card, options = bundle.card, bundle.card.config.model
    ours = belong(bundle.tensors, options, len(card.source), len(card.target))
    wanted = set(products_of(options)) if ours and are_int8(bundle.tensors) else set()
    if not ours or bundle.ranges.keys() != wanted:
        raise RegardError(
            "the weights are those of another model", where, "copy it again, or export it again"
        )
    return OnnxEngine(options, bundle.tensors, bundle.ranges, threads, bundle.shortlist)


def observe(
    options: ModelOptions, tensors: Tensors, pairs: Sequence[tuple[Ids, Ids]]
) -> dict[str, tuple[float, float]]:
    """The least and the greatest input of each product, in reading these pairs in fp32."""
    engine = OnnxEngine(options, tensors, {})
    engine.arithmetic = Observed(tensors)
    ranges: dict[str, tuple[float, float]] = {}
    for source, target in pairs:
        found = engine.session(onnx_graphs.reading).run(engine.known([source], [target]))
        for name in products_of(options):
            least, greatest = float(found[f"{name}.Min"]), float(found[f"{name}.Max"])
            before = ranges.get(name, (least, greatest))
            ranges[name] = min(least, before[0]), max(greatest, before[1])
    return ranges
