"""Translate on the CPU by ONNX Runtime: the same network without PyTorch and without a compiler."""

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import numpy as np

from regard.alignment.head import HeadOutput, head_outputs
from regard.config import ModelOptions
from regard.engine import weight_names
from regard.engine.memory import PROCESSOR, sentences_that_fit
from regard.engine.onnx.batch import (
    OnnxDecoding,
    beam_limits,
    beam_steps,
    first_beam_state,
    symbols_state,
    truncate,
)
from regard.engine.onnx.builders import GraphKind
from regard.engine.onnx.candidates import MAX_TOP_K
from regard.engine.onnx.decoder import ENCODER_STATES
from regard.engine.onnx.encoders import ENCODERS
from regard.engine.onnx.graphs import FINAL_INDEX, WRITTEN_SYMBOLS
from regard.engine.onnx.layout import encoder_inputs, search_inputs
from regard.engine.onnx.network import DECODERS, NO_HEAD, Network
from regard.engine.onnx.outputs import BeamSteps, WrittenOutput
from regard.engine.onnx.products import Arithmetic, Int8
from regard.engine.onnx.scores import SCORES
from regard.engine.onnx.search_state import CACHES, NEXT
from regard.engine.onnx.session import Arrays, Sessions, int8_saturates
from regard.engine.onnx.shortlist import allowed_tokens, pad_to_blocks, put_leading_first
from regard.engine.placeholders import tensors_to_run
from regard.engine.quantize import are_int8
from regard.engine.sizes import sizes_of, sizes_of_model
from regard.engine.weight_shapes import head_sizes, match_shapes, products_of
from regard.errors import RegardError
from regard.files import Tensors
from regard.search.placeholders import symbols_of
from regard.search.protocols import Forced, Hypothesis
from regard.search.trace import LayerTrace, SelfAttentionTrace, Trace, architecture_of
from regard.shapes import Float, Int
from regard.special import END, START, Ids
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
        alignment_head: Tensors = NO_HEAD,
    ) -> None:
        """`alignment_head`: its weights as they are stored, or none."""
        self.tokens = len(tensors[f"{weight_names.OUTPUT}.bias"])
        self.sizes = sizes_of(options, len(tensors[weight_names.SOURCE_TABLE]), self.tokens)
        self.shortlist = shortlist
        self.has_alignment_head = bool(alignment_head)
        self.uses_shortlist = False
        """Whether translations consist of the shortlist's tokens alone."""
        self.architecture = architecture_of(self.sizes)
        arithmetic = Arithmetic(tensors)
        if are_int8(tensors):
            arithmetic = Int8(tensors, ranges, int8_saturates())
        self.sessions = Sessions(Network(self.sizes, arithmetic, alignment_head), threads)

    @staticmethod
    def supports(options: ModelOptions) -> bool:
        """Whether graphs can be drawn of such a network."""
        sizes = sizes_of(options, 0, 0)
        types = sizes.encoder_layer_type in ENCODERS, sizes.decoder_layer_type in DECODERS
        return all(types) and sizes.attention in SCORES

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

    def encode(self, sources: Sequence[Ids], required: Sequence[Ids] = ()) -> OnnxDecoding:
        """Encode the sentences, given without </s>; `required` are the placeholder symbols of each
        translation."""
        required, allowed = required or [()] * len(sources), None
        if self.uses_shortlist:
            pairs = zip(sources, required, strict=True)
            allowed = [self.allowed(source, symbols) for source, symbols in pairs]
        return OnnxDecoding(self.sessions, sources, required, allowed)

    def allowed(self, source: Ids, required: Ids = ()) -> Int[np.ndarray, " W"]:
        """The shortlist of a sentence, with the symbols that it requires, in ascending order."""
        allowed = allowed_tokens(self.shortlist, source, self.tokens)
        return np.union1d(allowed, [END, *required]) if required else allowed

    def batch_size(self, length: int, beam: int) -> int:
        """How many sentences of `length` tokens to translate together, with this beam."""
        size = self.sizes.encoder_size
        return sentences_that_fit(PROCESSOR, size, self.tokens, length, beam)

    def greedy(
        self,
        sources: Sequence[Ids],
        max_lengths: Maxima,
        max_repeats: Maxima,
        required: Sequence[Ids],
    ) -> list[Hypothesis]:
        """Greedy search, many tokens at a call."""
        if len(sources) == 1:
            bounds = max_lengths[0], max_repeats[0], required[0]
            outputs = [self.greedy_single(sources[0], *bounds)]
        else:
            decoding = self.encode(sources, required)
            outputs = decoding.greedy(np.array(max_lengths), np.array(max_repeats))
        return [
            output.hypothesis(repeats, symbols)
            for output, repeats, symbols in zip(outputs, max_repeats, required, strict=True)
        ]

    def greedy_single(
        self, source: Ids, max_length: int, max_repeats: int, required: Ids
    ) -> WrittenOutput:
        """All tokens in one call."""
        inputs = self.single_inputs(source, required) | {"limit": np.array(max_length)}
        can_draft = self.sessions.network.decoder.can_draft and len(self.shortlist.likely) > 0
        if can_draft and not self.uses_shortlist and not required:
            return self.draft(source, inputs, max_repeats)
        return self.greedy_loop(inputs, max_repeats, required)

    def single_inputs(self, source: Ids, required: Ids) -> Arrays:
        inputs = search_inputs([source], self.sizes)
        if required:
            inputs |= symbols_state([required])
        if self.uses_shortlist:
            allowed = [self.allowed(source, required)]
            inputs["allowed"] = pad_to_blocks(put_leading_first(allowed) if required else allowed)
        return inputs

    def single_kind(self, name: str, required: Ids) -> GraphKind:
        return GraphKind(name, True, self.uses_shortlist, bool(required))

    def greedy_loop(self, inputs: Arrays, max_repeats: int, required: Ids) -> WrittenOutput:
        output = self.sessions.run(self.single_kind("greedy", required), inputs)
        return truncate(*steps_of_single(output, "tokens", inputs), max_repeats)

    def draft(self, source: Ids, sentence: Arrays, max_repeats: int) -> WrittenOutput:
        """The same by speculative decoding: drafts among the shortlist's tokens are verified.

        Where a draft chose another token than the whole vocabulary would, the next draft continues
        after the right one. This pays where the output product is a large part of a step.
        """
        allowed, limit = self.allowed(source), int(sentence["limit"])
        memory, inputs = sentence, {"allowed": pad_to_blocks([allowed])}
        kind = GraphKind("draft", True)
        parts: list[SingleSteps] = []
        for _ in range(MAX_DRAFTS + 1):
            draft = self.sessions.run(kind, memory | inputs)
            parts.append(accept_draft(draft, sentence))
            written = SingleSteps(*map(np.concatenate, zip(*parts, strict=True)))
            tokens = written.tokens
            if tokens[-1] == END or len(tokens) >= limit:
                return truncate(*written, max_repeats)
            memory = memory | draft | truncate_caches(draft, len(tokens))
            kind, allowed = GraphKind("continued_draft", True), np.union1d(allowed, draft["best"])
            inputs = {
                "allowed": pad_to_blocks([allowed]),
                "prefix": np.array([[START, *tokens[:-1]]]),
                "token": tokens[None, -1:],
                "limit": np.array(limit - len(tokens)),
            }
        return self.greedy_loop(sentence, max_repeats, ())

    def beam(
        self,
        sources: Sequence[Ids],
        max_lengths: Maxima,
        max_repeats: Maxima,
        required: Sequence[Ids],
        size: int,
    ) -> list[list[Hypothesis]]:
        """Beam search, many steps at a call: the hypotheses that ended."""
        if len(sources) == 1:
            single = max_lengths[0], max_repeats[0], required[0], size
            searched = [self.beam_single(sources[0], *single)]
        else:
            decoding = self.encode(sources, required)
            searched = decoding.beam(np.array(max_lengths), np.array(max_repeats), size)
        bounds = zip(max_lengths, max_repeats, required, strict=True)
        return [steps.hypotheses(*own, size) for steps, own in zip(searched, bounds, strict=True)]

    def beam_single(
        self, source: Ids, max_length: int, max_repeats: int, required: Ids, size: int
    ) -> BeamSteps:
        """All steps in one call."""
        inputs = self.single_inputs(source, required) | first_beam_state(1, size)
        inputs |= beam_limits(np.array([max_length]), np.array([max_repeats]), size)
        output = self.sessions.run(self.single_kind("beam", required), inputs)
        return beam_steps(output, 0, len(output["token"]), len(source) + 1)

    def force(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Forced]:
        """Force-decode a translation of each sentence, its tokens and </s>."""
        inputs = self.forced_inputs(sources, targets)
        output = self.sessions.run(forced_kind("forced", inputs), inputs)
        layers = range(self.sizes.decoder_layers)
        weights = np.stack([output[f"weights.{number}"] for number in layers], axis=1)
        return [
            Forced(
                output["log_probs"][row, : len(target) + 1],
                weights[row, :, :, : len(target) + 1, : len(source) + 1],
            )
            for row, (source, target) in enumerate(zip(sources, targets, strict=True))
        ]

    def token_vectors(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[HeadOutput]:
        """What the alignment head says of the tokens of each sentence and its translation."""
        inputs = {
            **encoder_inputs(sources, self.sizes),
            "target": pad([[*target, END] for target in targets]),
            "source_lengths": np.array([len(source) + 1 for source in sources], np.int32),
            "target_lengths": np.array([len(target) + 1 for target in targets], np.int32),
        }
        output = self.sessions.run(GraphKind("alignment"), inputs)
        return head_outputs(output["source_vectors"], output["target_vectors"], sources, targets)

    def trace(self, source: Ids, target: Ids, bias: Float[np.ndarray, "_ _"]) -> Trace:
        """All intermediate results of reading `target` and </s> as a translation of `source`."""
        inputs = self.forced_inputs([source], [target])
        added = np.broadcast_to(bias, (len(target) + 1, len(source) + 1))
        inputs["bias"] = added.astype(np.float32)[None, None]
        output = self.sessions.run(forced_kind("trace", inputs), inputs)
        layers = tuple(
            LayerTrace(*(output[f"{part}.{number}"][0] for part in LayerTrace._fields))
            for number in range(self.sizes.decoder_layers)
        )
        self_attentions = [read_self_attentions(output, side) for side in ("encoder", "decoder")]
        names = self.sessions.network.decoder.memory_names
        values = tuple(output[name][0] for name in names if name != ENCODER_STATES)
        states, log_probs = output[ENCODER_STATES][0], output["log_probs"][0]
        return Trace(states, values, layers, log_probs, *self_attentions)

    def forced_inputs(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> Arrays:
        return {
            **encoder_inputs(sources, self.sizes),
            "previous_tokens": pad([[START, *target] for target in targets]),
            "tokens": pad([[*target, END] for target in targets]),
            WRITTEN_SYMBOLS: symbols_of(targets)[:, None],
        }


def read_self_attentions(output: Arrays, side: str) -> tuple[SelfAttentionTrace, ...]:
    """Of each layer of one side; none where its layers are recurrent."""
    numbers = sum(name.startswith(f"{side}_scores.") for name in output)
    return tuple(
        SelfAttentionTrace(
            output[f"{side}_scores.{number}"][0], output[f"{side}_weights.{number}"][0]
        )
        for number in range(numbers)
    )


def forced_kind(name: str, inputs: Arrays) -> GraphKind:
    """The graph `name` for `OnnxEngine.forced_inputs`."""
    return GraphKind(name, symbols=bool(inputs[WRITTEN_SYMBOLS].any()))


class SingleSteps(NamedTuple):
    """What a graph wrote for a single sentence."""

    tokens: Int[np.ndarray, " T"]
    log_probs: Float[np.ndarray, " T"]
    weights: Float[np.ndarray, "T S"]


def steps_of_single(output: Arrays, tokens: str, sentence: Arrays) -> SingleSteps:
    """The steps of a graph, of which the output `tokens` are written, without the padding of the
    sentence, whose inputs are given."""
    length = int(sentence[FINAL_INDEX][0]) + 1
    weights = output["weights"][:, 0, 0, 0, :length]
    return SingleSteps(output[tokens].ravel(), output["log_probs"].ravel(), weights)


def truncate_caches(draft: Arrays, tokens: int) -> Arrays:
    """The caches of a draft after its first tokens, so many with <s>."""
    return {
        name.removeprefix(NEXT): array[:, :, :tokens]
        if array.ndim > 1
        else np.full_like(array, tokens)
        for name, array in draft.items()
        if name.startswith(NEXT + CACHES)
    }


def accept_draft(draft: Arrays, sentence: Arrays) -> SingleSteps:
    """The tokens of a draft up to the first wrong one, which is put right."""
    best = steps_of_single(draft, "best", sentence)
    wrong = np.flatnonzero(draft["tokens"].ravel() != best.tokens)
    accepted = int(wrong[0]) + 1 if len(wrong) else len(best.tokens)
    return SingleSteps(*(part[:accepted] for part in best))


def load_onnx_engine(model: ModelFile, where: str, threads: int) -> OnnxEngine:
    """Raises RegardError if the weights are those of another network, or if no graph can be drawn
    of this one."""
    info, options = model.info, model.info.config.model
    sizes = sizes_of_model(info)
    if not OnnxEngine.supports(options):
        raise RegardError(
            f"ONNX Runtime does not run {sizes.encoder_layer_type} and {sizes.decoder_layer_type}"
            f" layers with the score {sizes.attention} here",
            where,
            "install PyTorch, which runs every network: pip install '.[train]'",
        )
    matches = sizes.target_tokens >= MAX_TOP_K and match_shapes(model.tensors, sizes)
    expected = set(products_of(sizes)) if matches and are_int8(model.tensors) else set()
    head_matches = not model.alignment_head or head_sizes(model.alignment_head, sizes)
    if not matches or not head_matches or model.calibration.keys() != expected:
        raise RegardError(
            "the weights are those of another model", where, "copy it again, or export it again"
        )
    return OnnxEngine(
        options,
        tensors_to_run(model),
        model.calibration,
        threads,
        model.shortlist,
        model.alignment_head,
    )
