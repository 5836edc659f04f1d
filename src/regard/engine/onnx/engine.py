"""Translate on the CPU by ONNX Runtime: the same network without PyTorch and without a compiler."""

from collections.abc import Sequence
from copy import copy

import numpy as np

from regard.config import ModelOptions
from regard.engine import weight_names
from regard.engine.memory import sentences_that_fit
from regard.engine.onnx.batch import OnnxDecoding, beam_limits, first_beam_state, truncate
from regard.engine.onnx.builders import GraphKind
from regard.engine.onnx.candidates import MAX_TOP_K
from regard.engine.onnx.cells import CELLS
from regard.engine.onnx.layout import encoder_inputs
from regard.engine.onnx.network import Network
from regard.engine.onnx.outputs import BeamSteps, GreedyOutput
from regard.engine.onnx.products import Arithmetic, Int8
from regard.engine.onnx.scores import SCORES
from regard.engine.onnx.session import Arrays, Sessions, int8_saturates
from regard.engine.onnx.shortlist import allowed_tokens, pad_to_blocks
from regard.engine.placeholders import tensors_to_run
from regard.engine.quantize import are_int8
from regard.engine.weight_shapes import match_shapes, products_of
from regard.errors import RegardError
from regard.search.protocols import Forced, Hypothesis
from regard.search.trace import LayerTrace, Trace, architecture_of
from regard.shapes import Float, Int
from regard.special import END, START, Ids
from regard.storage.folder import Tensors
from regard.storage.model_file import NO_SHORTLIST, Calibration, ModelFile, Shortlist
from regard.text.padding import pad

MAX_DRAFTS = 6
"""Times that a draft is continued after a wrong token before its sentence is translated anew."""

Maxima = Sequence[int]
"""A number of tokens or repeats for each sentence."""


class OnnxEngine:
    """One model; each of its graphs is drawn when it first runs."""

    largest_beam = MAX_TOP_K - 1

    def __init__(
        self,
        options: ModelOptions,
        tensors: Tensors,
        ranges: Calibration,
        threads: int = 1,
        shortlist: Shortlist = NO_SHORTLIST,
    ) -> None:
        self.options, self.shortlist = options, shortlist
        self.uses_shortlist = False
        """Whether translations consist of the shortlist's tokens alone."""
        self.architecture = architecture_of(options)
        arithmetic = Arithmetic(tensors)
        if are_int8(tensors):
            arithmetic = Int8(tensors, ranges, int8_saturates())
        self.sessions = Sessions(Network(options, arithmetic), threads)
        self.tokens = len(tensors[f"{weight_names.OUTPUT}.bias"])

    @staticmethod
    def supports(options: ModelOptions) -> bool:
        """Whether graphs can be drawn of such a network."""
        return options.layer_type in CELLS and options.attention in SCORES

    def with_shortlist(self) -> "OnnxEngine":
        """The same engine, whose translations consist of the shortlist's tokens alone.

        A step that ranks more than MAX_TOP_K tokens (samples, beams of more than `largest_beam`),
        or that hooks adjust, still ranks the whole vocabulary.
        """
        if not len(self.shortlist.likely):
            raise RegardError(
                "this model has no shortlist",
                "the search",
                "export it again, from a folder that holds its training text",
            )
        engine = copy(self)
        engine.uses_shortlist = True
        return engine

    def encode(self, sources: Sequence[Ids]) -> OnnxDecoding:
        """Encode the sentences, given without </s>."""
        allowed = [self.allowed(source) for source in sources] if self.uses_shortlist else None
        return OnnxDecoding(self.sessions, sources, allowed)

    def allowed(self, source: Ids) -> Int[np.ndarray, " W"]:
        return allowed_tokens(self.shortlist, source, self.tokens)

    def batch_size(self, length: int, beam: int) -> int:
        """How many sentences of `length` tokens to translate together, with this beam."""
        return sentences_that_fit(self.options.encoder_size, self.tokens, length, beam)

    def greedy(
        self, sources: Sequence[Ids], max_lengths: Maxima, max_repeats: Maxima
    ) -> list[Hypothesis]:
        """Greedy search, many tokens at a call."""
        if len(sources) == 1:
            outputs = [self.greedy_single(sources[0], max_lengths[0], max_repeats[0])]
        else:
            outputs = self.encode(sources).greedy(np.array(max_lengths), np.array(max_repeats))
        return [
            output.hypothesis(repeats) for output, repeats in zip(outputs, max_repeats, strict=True)
        ]

    def greedy_single(self, source: Ids, max_length: int, max_repeats: int) -> GreedyOutput:
        """All tokens in one call."""
        inputs = self.single_inputs(source) | {"limit": np.array(max_length)}
        can_draft = self.sessions.network.has_input_table and len(self.shortlist.likely) > 0
        if can_draft and not self.uses_shortlist:
            return self.draft(source, inputs, max_repeats)
        return self.greedy_loop(inputs, max_repeats)

    def single_inputs(self, source: Ids) -> Arrays:
        inputs = encoder_inputs([source], self.options)
        if self.uses_shortlist:
            inputs["allowed"] = pad_to_blocks([self.allowed(source)])
        return inputs

    def greedy_loop(self, inputs: Arrays, max_repeats: int) -> GreedyOutput:
        output = self.sessions.run(GraphKind("greedy", True, self.uses_shortlist), inputs)
        return truncate(output["tokens"].ravel(), output["log_probs"].ravel(), max_repeats)

    def draft(self, source: Ids, sentence: Arrays, max_repeats: int) -> GreedyOutput:
        """The same by speculative decoding: drafts among the shortlist's tokens are verified.

        Where a draft chose another token than the whole vocabulary would, the next draft continues
        after the right one. This pays where a step is little more than the output product.
        """
        allowed, limit = self.allowed(source), int(sentence["limit"])
        memory, inputs = sentence, {"allowed": pad_to_blocks([allowed])}
        kind = GraphKind("draft", True)
        tokens, log_probs = np.zeros(0, np.int64), np.zeros(0, np.float32)
        for _ in range(MAX_DRAFTS + 1):
            draft = self.sessions.run(kind, memory | inputs)
            more_tokens, more_log_probs = accept_draft(draft)
            tokens = np.concatenate([tokens, more_tokens])
            log_probs = np.concatenate([log_probs, more_log_probs])
            if tokens[-1] == END or len(tokens) >= limit:
                return truncate(tokens, log_probs, max_repeats)
            memory = memory | draft if kind.name == "draft" else memory
            kind, allowed = GraphKind("continued_draft", True), np.union1d(allowed, draft["best"])
            inputs = {
                "allowed": pad_to_blocks([allowed]),
                "prefix": np.array([[START, *tokens[:-1]]]),
                "token": tokens[None, -1:],
                "limit": np.array(limit - len(tokens)),
            }
        return self.greedy_loop(sentence, max_repeats)

    def beam(
        self, sources: Sequence[Ids], max_lengths: Maxima, max_repeats: Maxima, size: int
    ) -> list[list[Hypothesis]]:
        """Beam search, many steps at a call: the hypotheses that ended."""
        if len(sources) == 1:
            searched = [self.beam_single(sources[0], max_lengths[0], max_repeats[0], size)]
        else:
            decoding = self.encode(sources)
            searched = decoding.beam(np.array(max_lengths), np.array(max_repeats), size)
        return [
            steps.hypotheses(length, repeats, size)
            for steps, length, repeats in zip(searched, max_lengths, max_repeats, strict=True)
        ]

    def beam_single(self, source: Ids, max_length: int, max_repeats: int, size: int) -> BeamSteps:
        """All steps in one call."""
        inputs = self.single_inputs(source) | first_beam_state(1, size)
        inputs |= beam_limits(np.array([max_length]), np.array([max_repeats]), size)
        output = self.sessions.run(GraphKind("beam", True, self.uses_shortlist), inputs)
        return BeamSteps(**{name: output[name][:, 0] for name in BeamSteps._fields})

    def force(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Forced]:
        """Force-decode a translation of each sentence, its tokens and </s>."""
        output = self.sessions.run(GraphKind("forced"), self.forced_inputs(sources, targets))
        layers = range(self.options.decoder_layers)
        weights = np.stack([output[f"weights.{number}"] for number in layers], axis=1)
        return [
            Forced(
                output["log_probs"][row, : len(target) + 1],
                weights[row, :, :, : len(target) + 1, : len(source) + 1],
            )
            for row, (source, target) in enumerate(zip(sources, targets, strict=True))
        ]

    def trace(self, source: Ids, target: Ids, bias: Float[np.ndarray, "_ _"]) -> Trace:
        """All intermediate results of reading `target` and </s> as a translation of `source`."""
        inputs = self.forced_inputs([source], [target])
        added = np.broadcast_to(bias, (len(target) + 1, len(source) + 1))
        inputs["bias"] = added.astype(np.float32)[None, None]
        output = self.sessions.run(GraphKind("trace"), inputs)
        layers = tuple(
            LayerTrace(*(output[f"{part}.{number}"][0] for part in LayerTrace._fields))
            for number in range(self.options.decoder_layers)
        )
        return Trace(output["encoder_states"][0], layers, output["log_probs"][0])

    def forced_inputs(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> Arrays:
        return {
            **encoder_inputs(sources, self.options),
            "previous_tokens": pad([[START, *target] for target in targets]),
            "tokens": pad([[*target, END] for target in targets]),
        }


def accept_draft(draft: Arrays) -> tuple[Int[np.ndarray, " T"], Float[np.ndarray, " T"]]:
    """The tokens of a draft up to the first wrong one, which is put right; log-probabilities."""
    best, log_probs = draft["best"].ravel(), draft["log_probs"].ravel()
    wrong = np.flatnonzero(draft["tokens"].ravel() != best)
    accepted = int(wrong[0]) + 1 if len(wrong) else len(best)
    return best[:accepted], log_probs[:accepted]


def load_onnx_engine(model: ModelFile, where: str, threads: int) -> OnnxEngine:
    """Raises RegardError if the weights are those of another network, or if no graph can be drawn
    of this one."""
    info, options = model.info, model.info.config.model
    if not OnnxEngine.supports(options):
        raise RegardError(
            f"ONNX Runtime does not run {options.layer_type} layers with the score"
            f" {options.attention} here",
            where,
            "install PyTorch, which runs every network: pip install '.[train]'",
        )
    tokens = len(info.source), len(info.target)
    matches = tokens[1] >= MAX_TOP_K and match_shapes(model.tensors, options, *tokens)
    expected = set(products_of(options)) if matches and are_int8(model.tensors) else set()
    if not matches or model.calibration.keys() != expected:
        raise RegardError(
            "the weights are those of another model", where, "copy it again, or export it again"
        )
    tensors = tensors_to_run(model)
    return OnnxEngine(options, tensors, model.calibration, threads, model.shortlist)
