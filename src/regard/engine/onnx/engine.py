"""The CPU engine: the same network through ONNX Runtime; no PyTorch, no compiler."""

from collections.abc import Sequence
from copy import copy

import numpy as np

from regard.config import ModelOptions
from regard.engine.memory import sentences_that_fit
from regard.engine.onnx import graphs as onnx_graphs
from regard.engine.onnx import loops as onnx_loops
from regard.engine.onnx.batch import (
    OnnxDecoding,
    beginning_of_beam,
    bounds_of_beam,
    cut,
    size_of_beam,
)
from regard.engine.onnx.candidates import FEW
from regard.engine.onnx.layout import read
from regard.engine.onnx.network import Network
from regard.engine.onnx.outputs import BeamSteps, GreedyOutput
from regard.engine.onnx.products import Arithmetic, EightBits, Fp32
from regard.engine.onnx.session import Arrays, Sessions, overflows
from regard.engine.onnx.shortlist import allowed_tokens, fill_up
from regard.engine.quantize import are_int8
from regard.engine.weight_shapes import belong, products_of
from regard.errors import RegardError
from regard.search.protocols import Forced, Hypothesis
from regard.search.trace import LayerTrace, Trace, architecture_of
from regard.shapes import Float, Int
from regard.special import END, START, Ids
from regard.storage.folder import Tensors
from regard.storage.model_file import NO_SHORTLIST, Calibration, ModelFile, Shortlist
from regard.text.padding import pad

DRAFTS = 6
"""Times that a draft goes on behind a wrong token before its sentence is written among all."""


class OnnxEngine:
    """Draws a graph for each of its uses when it is first asked for."""

    largest_beam = FEW - 1

    def __init__(
        self,
        options: ModelOptions,
        tensors: Tensors,
        ranges: Calibration,
        threads: int = 1,
        shortlist: Shortlist = NO_SHORTLIST,
    ) -> None:
        self.options, self.shortlist = options, shortlist
        self.is_limited = False
        """Whether translations are made of the shortlist's tokens alone."""
        self.architecture = architecture_of(options)
        arithmetic: Arithmetic = Fp32(tensors)
        if are_int8(tensors):
            arithmetic = EightBits(tensors, ranges, overflows())
        self.sessions = Sessions(Network(options, arithmetic), threads)
        self.tokens = len(tensors["decoder.output_layer.bias"])

    def with_shortlist(self) -> "OnnxEngine":
        """The same engine, which makes its translations of the shortlist's tokens alone.

        A step that ranks more than FEW tokens (samples, beams of more than `largest_beam`), or that
        hooks adjust, is still among all.
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

    def encode(self, sources: Sequence[Ids]) -> OnnxDecoding:
        """Read the sentences, given without </s>."""
        own = [self.allowed(source) for source in sources] if self.is_limited else None
        return OnnxDecoding(self.sessions, sources, own)

    def allowed(self, source: Ids) -> Int[np.ndarray, " W"]:
        return allowed_tokens(self.shortlist, source, self.tokens)

    def batch_size(self, length: int, beam: int) -> int:
        """How many sentences of `length` tokens to translate together, with this beam."""
        return sentences_that_fit(self.options.encoder_size, self.tokens, length, beam)

    def greedy(
        self, sources: Sequence[Ids], max_lengths: Sequence[int], max_repeats: Sequence[int]
    ) -> list[Hypothesis]:
        """Pick the likeliest next token of each sentence, many tokens a call."""
        if len(sources) == 1:
            outputs = [self.write_alone(sources[0], max_lengths[0], max_repeats[0])]
        else:
            outputs = self.encode(sources).write(np.array(max_lengths), np.array(max_repeats))
        return [
            output.hypothesis(repeats) for output, repeats in zip(outputs, max_repeats, strict=True)
        ]

    def write_alone(self, source: Ids, limit: int, rounds: int) -> GreedyOutput:
        """All tokens in one call."""
        given = read([source], self.options) | {"limit": np.array(limit)}
        if self.is_limited:
            given["allowed"] = fill_up([self.allowed(source)])
            return written_alone(self.sessions.run(onnx_loops.writing_allowed, given), rounds)
        if self.sessions.network.has_table and len(self.shortlist.likely):
            return self.draft(source, given, rounds)
        return written_alone(self.sessions.run(onnx_loops.writing, given), rounds)

    def draft(self, source: Ids, given: Arrays, rounds: int) -> GreedyOutput:
        """The same, through drafts among the shortlist's tokens.

        Where a draft chose what the whole vocabulary would not have, the next one goes on from
        there. It pays where little but the output product is done at each step.
        """
        allowed, limit = self.allowed(source), int(given["limit"])
        drafted = self.sessions.run(onnx_loops.drafting, given | {"allowed": fill_up([allowed])})
        tokens, log_probs = checked(drafted)
        memory, more_drafts = given | drafted, DRAFTS
        while tokens[-1] != END and len(tokens) < limit:
            if not more_drafts:
                return written_alone(self.sessions.run(onnx_loops.writing, given), rounds)
            more_drafts -= 1
            allowed = np.union1d(allowed, drafted["best"])
            behind = {
                "allowed": fill_up([allowed]),
                "known": np.array([[START, *tokens[:-1]]]),
                "token": tokens[None, -1:],
                "limit": np.array(limit - len(tokens)),
            }
            drafted = self.sessions.run(onnx_loops.drafting_on, memory | behind)
            more_tokens, more_log_probs = checked(drafted)
            tokens = np.concatenate([tokens, more_tokens])
            log_probs = np.concatenate([log_probs, more_log_probs])
        return cut(tokens, log_probs, rounds)

    def beam(
        self,
        sources: Sequence[Ids],
        max_lengths: Sequence[int],
        max_repeats: Sequence[int],
        size: int,
    ) -> list[list[Hypothesis]]:
        """The hypotheses of a beam search that ended, many steps a call."""
        if len(sources) == 1:
            searched = [self.search_alone(sources[0], max_lengths[0], max_repeats[0], size)]
        else:
            decoding = self.encode(sources)
            searched = decoding.search(np.array(max_lengths), np.array(max_repeats), size)
        return [
            steps.hypotheses(length, repeats, size)
            for steps, length, repeats in zip(searched, max_lengths, max_repeats, strict=True)
        ]

    def search_alone(self, source: Ids, limit: int, rounds: int, size: int) -> BeamSteps:
        """All steps in one call."""
        bounds = bounds_of_beam(np.array([limit]), np.array([rounds]), size)
        given = read([source], self.options) | beginning_of_beam(1, size)
        given |= size_of_beam(size) | bounds
        draw = onnx_loops.searching
        if self.is_limited:
            given["allowed"], draw = fill_up([self.allowed(source)]), onnx_loops.searching_allowed
        found = self.sessions.run(draw, given)
        return BeamSteps(**{name: found[name][:, 0] for name in BeamSteps._fields})

    def force(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Forced]:
        """Read given translations: of each its tokens and </s>."""
        found = self.sessions.run(onnx_graphs.reading, self.known(sources, targets))
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
        found = self.sessions.run(onnx_graphs.tracing, given)
        layers = tuple(
            LayerTrace(*(found[f"{part}.{number}"][0] for part in LayerTrace._fields))
            for number in range(self.options.decoder_layers)
        )
        return Trace(found["states"][0], layers, found["log_probs"][0])

    def known(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> Arrays:
        return {
            **read(sources, self.options),
            "before": pad([[START, *target] for target in targets]),
            "after": pad([[*target, END] for target in targets]),
        }


def checked(drafted: Arrays) -> tuple[Int[np.ndarray, " T"], Float[np.ndarray, " T"]]:
    """The tokens of a draft that are right, and the one that belongs behind them if there is a
    wrong one; their ln probabilities."""
    best, log_probs = drafted["best"].ravel(), drafted["log_probs"].ravel()
    wrong = np.flatnonzero(drafted["written"].ravel() != best)
    right = int(wrong[0]) + 1 if len(wrong) else len(best)
    return best[:right], log_probs[:right]


def written_alone(found: Arrays, rounds: int) -> GreedyOutput:
    return cut(found["written"].ravel(), found["log_probs"].ravel(), rounds)


def load_bundle(bundle: ModelFile, where: str, threads: int) -> OnnxEngine:
    """Raises RegardError if the weights are not those of the card's model."""
    card, options = bundle.card, bundle.card.config.model
    ours = len(card.target) >= FEW
    ours = ours and belong(bundle.tensors, options, len(card.source), len(card.target))
    wanted = set(products_of(options)) if ours and are_int8(bundle.tensors) else set()
    if not ours or bundle.calibration.keys() != wanted:
        raise RegardError(
            "the weights are those of another model", where, "copy it again, or export it again"
        )
    return OnnxEngine(options, bundle.tensors, bundle.calibration, threads, bundle.shortlist)
