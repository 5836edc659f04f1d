"""Translate a batch of sentences on the CPU, one step or many steps at a call."""

from collections.abc import Sequence
from functools import cache, lru_cache
from math import ceil

import numpy as np

from regard.engine.onnx.beam_loop import BEAM_STATE, LIMITS, NO_REPETITION, STEP_OUTPUTS
from regard.engine.onnx.builders import GraphKind
from regard.engine.onnx.candidates import MAX_TOP_K
from regard.engine.onnx.graphs import MASK_BIAS
from regard.engine.onnx.layout import search_inputs
from regard.engine.onnx.outputs import BeamSteps, WrittenOutput
from regard.engine.onnx.search_state import CACHES, MISSING, NEXT, STATES
from regard.engine.onnx.session import Arrays, Sessions
from regard.engine.onnx.shortlist import pad_to_blocks, put_leading_first
from regard.search.beam import index_in_group
from regard.search.placeholders import symbols_of
from regard.search.protocols import LogitBias, TopK
from regard.search.repetition import PERIODS, cut_repetition, may_repeat, zero_counts
from regard.shapes import Bool, Float, Int
from regard.special import END, START, Ids

RowIndices = Int[np.ndarray, " R"]
Sentences = Int[np.ndarray, " B"]

SHRINK_BELOW = 0.85
"""When less than this share of the sentences in memory is unfinished, the others are dropped."""

TOKENS_PER_CALL = 8
"""Tokens that greedy search of a batch adds at a call; then finished sentences are dropped."""


class OnnxDecoding:
    """A batch of sentences that is being translated.

    A graph wants equally many rows N for each sentence; unused rows fill the gaps.
    """

    def __init__(
        self,
        sessions: Sessions,
        sources: Sequence[Ids],
        required: Sequence[Ids],
        allowed: Sequence[Int[np.ndarray, " _"]] | None = None,
    ) -> None:
        """Encode `sources`; `required` are the placeholder symbols of each translation, and
        `allowed` restricts it to these tokens."""
        self.sessions, inputs = sessions, search_inputs(sources, sessions.network.sizes)
        encoded = sessions.run(GraphKind("encoder"), inputs)
        self.states = {name: encoded[name] for name in encoded if name.startswith(STATES)}
        self.memory = {name: encoded[name] for name in encoded if name not in self.states}
        self.memory[MASK_BIAS] = inputs[MASK_BIAS]
        self.sentences_in_memory = np.arange(len(sources))
        self.sentence, self.slot = self.sentences_in_memory, self.sentences_in_memory
        """Of each row of the last step its sentence, and the index of its states."""
        self.source_lengths = [len(source) + 1 for source in sources]
        self.has_shortlist, self.has_symbols = allowed is not None, any(required)
        if self.has_symbols:
            self.states |= symbols_state(required)
        if allowed is not None:
            arranged = put_leading_first(allowed) if self.has_symbols else allowed
            padded = {"allowed": pad_to_blocks(arranged)}
            kind = GraphKind("shortlist", symbols=self.has_symbols)
            self.memory |= padded | sessions.run(kind, padded)

    def advance(
        self,
        rows: RowIndices,
        tokens: Int[np.ndarray, "R T"],
        k: int,
        attention_bias: Float[np.ndarray, "_ _"],
        logit_bias: LogitBias,
    ) -> TopK:
        """Append `tokens` to the rows `rows` of the last step; rank the k best next tokens."""
        sentence, parent = self.sentence[rows], self.slot[rows]
        unfinished = np.unique(sentence)
        if len(unfinished) < SHRINK_BELOW * len(self.sentences_in_memory):
            self.select(np.searchsorted(self.sentences_in_memory, unfinished))
        block = np.searchsorted(self.sentences_in_memory, sentence)
        index = index_in_block(block)
        shape = len(self.sentences_in_memory), int(index.max()) + 1
        slot = block * shape[1] + index
        kind = self.kind("step")
        width = self.memory[MASK_BIAS].shape[-1]
        bias = dense_bias((*shape, width), block, index, attention_bias)
        inputs = {"bias": bias, "k": np.array([k])}
        if len(logit_bias.rows) or k > MAX_TOP_K:
            kind = GraphKind("biased_step", symbols=self.has_symbols)
            where = block[logit_bias.rows], index[logit_bias.rows], logit_bias.tokens
            inputs["adjusted_index"] = np.stack(where, axis=-1).astype(np.int64)
            inputs["amounts"] = logit_bias.biases.astype(np.float32)
        weights = np.zeros((), np.float32)
        for column in tokens.T:
            inputs["tokens"] = to_dense(shape, slot, column)
            inputs["parents"] = to_dense(shape, slot, parent)
            ranked, parent = self.run(kind, inputs), slot
            weights = np.maximum(weights, ranked["weights"][:, 0, :, : max(self.source_lengths)])
        self.sentence, self.slot = sentence, slot
        outputs = ranked["best"], ranked["log_probs"], weights
        return TopK(*(value[block, index] for value in outputs))

    def kind(self, name: str) -> GraphKind:
        return GraphKind(name, shortlist=self.has_shortlist, symbols=self.has_symbols)

    def greedy(self, max_lengths: Sentences, max_repeats: Sentences) -> list[WrittenOutput]:
        """Greedy search, TOKENS_PER_CALL at a call."""
        results: dict[int, WrittenOutput] = {}
        tokens = np.full((len(max_lengths), 1), START)
        log_probs = np.zeros((len(max_lengths), 1), np.float32)
        source_width = (
            self.memory[MASK_BIAS].shape[-1] if self.sessions.network.decoder.compares else 0
        )
        weights = np.zeros((len(max_lengths), 0, source_width), np.float32)
        while len(self.sentences_in_memory):
            sentences, length = self.sentences_in_memory, tokens.shape[1] - 1
            limit, repeats = max_lengths[sentences], max_repeats[sentences]
            steps = np.array(min(TOKENS_PER_CALL, limit.max() - length))
            output = self.run(self.kind("greedy"), {"token": tokens[:, -1:], "steps": steps})
            tokens = np.concatenate([tokens, output["tokens"][:, :, 0].T], axis=1)
            log_probs = np.concatenate([log_probs, output["log_probs"][:, :, 0].T], axis=1)
            weights = np.concatenate(
                [weights, output["weights"][:, :, 0, 0].swapaxes(0, 1)], axis=1
            )
            length, unfinished = tokens.shape[1] - 1, np.full(len(sentences), True)
            may_stop = (tokens == END).any(axis=1) | (length >= limit) | may_repeat(tokens, repeats)
            for row in np.flatnonzero(may_stop):
                end, sentence = limit[row] + 1, sentences[row]
                own = weights[row, : end - 1, : self.source_lengths[sentence]]
                written = tokens[row, 1:end], log_probs[row, 1:end], own
                result = results[sentence] = truncate(*written, int(repeats[row]))
                is_all = len(result.tokens) == length < limit[row]
                unfinished[row] = is_all and result.tokens[-1] != END
            self.drop(~unfinished)
            tokens, log_probs, weights = (
                array[unfinished] for array in (tokens, log_probs, weights)
            )
        return [results[sentence] for sentence in range(len(max_lengths))]

    def beam(self, max_lengths: Sentences, max_repeats: Sentences, size: int) -> list[BeamSteps]:
        """Beam search. A call ends when few sentences are unfinished; the others are dropped."""
        self.states = {name: value.repeat(size, axis=1) for name, value in self.states.items()}
        self.states |= first_beam_state(len(max_lengths), size)
        outputs: Arrays = {}
        steps, length = 0 * max_lengths, 0
        while len(self.sentences_in_memory):
            left = max_lengths[self.sentences_in_memory] - length
            bounds = beam_limits(left, max_repeats[self.sentences_in_memory], size)
            output = self.run(self.kind("beam"), bounds)
            unfinished = output["unfinished"]
            outputs = outputs or allocate_steps(max_lengths, output)
            for name, array in outputs.items():
                array[length : length + len(unfinished), self.sentences_in_memory] = output[name]
            steps[self.sentences_in_memory] += unfinished.sum(axis=0) + ~unfinished[-1]
            length += len(unfinished)
            self.drop(~unfinished[-1])
        return [
            beam_steps(outputs, sentence, count, source_length)
            for sentence, (count, source_length) in enumerate(
                zip(steps.tolist(), self.source_lengths, strict=True)
            )
        ]

    def select(self, index: Sentences) -> None:
        """Keep only these of the sentences in memory."""
        if len(index) < len(self.sentences_in_memory):
            self.memory = {name: value[index] for name, value in self.memory.items()}
            self.sentences_in_memory = self.sentences_in_memory[index]

    def drop(self, is_finished: Bool[np.ndarray, " B"]) -> None:
        """Drop these of the sentences in memory, with their states."""
        if is_finished.any():
            index = np.flatnonzero(~is_finished)
            self.select(index)
            self.states = {name: value[index] for name, value in self.states.items()}

    def run(self, kind: GraphKind, inputs: Arrays) -> Arrays:
        """The outputs of a graph; the next states and caches that it outputs are kept here."""
        outputs = self.sessions.run(kind, {**self.memory, **self.states, **inputs})
        kept = {name.removeprefix(NEXT): name for name in outputs if name.startswith(NEXT)}
        after = {name: outputs.pop(output) for name, output in kept.items()}
        self.states = {name: value for name, value in after.items() if name.startswith(STATES)}
        self.memory |= {name: value for name, value in after.items() if name.startswith(CACHES)}
        return outputs


@lru_cache(maxsize=8)
def first_beam_state(sentences: int, size: int) -> Arrays:
    """BEAM_STATE before the first token: one row of each sentence is alive."""
    alive = np.where(np.arange(size) == 0, 0.0, -np.inf)
    state = (
        np.full((sentences, size), START),
        np.tile(alive, (sentences, 1)),
        np.zeros(sentences, np.float32),
        np.tile(NO_REPETITION, (sentences, size, 1)),
    )
    return {f"{STATES}.{name}": value for name, value in zip(BEAM_STATE, state, strict=True)}


@cache
def limits_of_size(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`size`, `may_end` and `enough` of LIMITS: </s> must be among the `size` best candidates."""
    may_end = (np.arange(2 * size) < size).astype(np.float32)
    return np.array([size]), may_end, np.array(size, np.float32)


def beam_limits(max_lengths: Sentences, max_repeats: Sentences, size: int) -> Arrays:
    """LIMITS of a search of at most so many tokens and max_repeats of a repetition."""
    count, (width, may_end, enough) = len(max_lengths), limits_of_size(size)
    first_row, too_long = np.arange(count)[:, None] * size, max_repeats[:, None, None] * PERIODS
    fewest = np.array(ceil(SHRINK_BELOW * count) - 1)
    steps = np.array(max_lengths.max())
    arrays = width, first_row, may_end, too_long, enough, max_lengths - 1, fewest, steps
    return dict(zip(LIMITS, arrays, strict=True))


def allocate_steps(max_lengths: Sentences, output: Arrays) -> Arrays:
    """Room for STEP_OUTPUTS of all steps, which have the shapes of the `output` of the first ones.

    The greatest are the attention weights: 4 bytes for each step, row and source token of a
    sentence, 1.3 MB for 250 steps, 5 rows and 250 source tokens.
    """
    steps = max_lengths.max(), len(max_lengths)
    return {
        name: np.empty((*steps, *output[name].shape[2:]), output[name].dtype)
        for name in STEP_OUTPUTS
    }


def beam_steps(outputs: Arrays, sentence: int, steps: int, source_length: int) -> BeamSteps:
    """The first `steps` steps of a sentence."""
    own = {name: outputs[name][:steps, sentence] for name in STEP_OUTPUTS}
    own["weights"] = own["weights"][:, 0, :, :source_length]
    return BeamSteps(**own)


def symbols_state(required: Sequence[Ids]) -> Arrays:
    """The state of `graphs.missing_inputs` before the first token."""
    return {f"{STATES}.{MISSING}": symbols_of(required)[:, None]}


def truncate(
    tokens: Int[np.ndarray, " T"],
    log_probs: Float[np.ndarray, " T"],
    weights: Float[np.ndarray, "T S"],
    max_repeats: int,
) -> WrittenOutput:
    """The output of a loop up to </s>, or up to where a repetition had too many max_repeats."""
    ids = tokens.tolist()
    end, run = len(ids), zero_counts(1).repeated[0]
    if END in ids:
        end = ids.index(END) + 1
    repeats = end - len(set(ids[:end])) >= max_repeats
    if repeats and may_repeat(tokens[None, :end], np.array([max_repeats]))[0]:
        end, run = cut_repetition(tokens[:end], max_repeats)
    log_prob = float(log_probs[:end].sum(dtype=np.float64))
    return WrittenOutput(tokens[:end], log_prob, run, weights[:end].max(axis=0))


def index_in_block(block: RowIndices) -> RowIndices:
    """0, 1, 2, ... for the rows of each block, in any order of blocks."""
    order = np.argsort(block, kind="stable")
    index = np.empty_like(order)
    index[order] = index_in_group(block[order])
    return index


def to_dense(
    shape: tuple[int, int], slot: RowIndices, values: RowIndices
) -> Int[np.ndarray, "B N"]:
    dense = np.zeros(shape[0] * shape[1], np.int64)
    dense[slot] = values
    return dense.reshape(shape)


def dense_bias(
    shape: tuple[int, int, int],
    block: RowIndices,
    index: RowIndices,
    bias: Float[np.ndarray, "_ _"],
) -> Float[np.ndarray, "b 1 n s"]:
    if bias.shape == (1, 1):
        return bias.astype(np.float32)[None, None]
    dense = np.zeros((shape[0], 1, *shape[1:]), np.float32)
    dense[block, 0, index, : bias.shape[1]] = bias
    return dense
