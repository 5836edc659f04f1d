"""Draw the network of `model` into ONNX graphs; the names of its weights are the same.

Letters as everywhere: B sentences, S source tokens, T target tokens, N hypotheses of a sentence,
E size of an encoder state, H of a hidden state, M of the feed-forward output, A attention heads,
L layers. A step reads one token of each hypothesis [B N], a forced pass all tokens of given
translations [B T]. Attention treats both alike: Q queries are N or T.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from regard.config import ModelOptions
from regard.engine import weight_names as names
from regard.engine.onnx.cells import CELLS, States, scan
from regard.engine.onnx.graph import Value, concat, draw
from regard.engine.onnx.products import Arithmetic, GatheredRows
from regard.engine.onnx.scores import SCORES, join_heads, split_heads


class Memory(NamedTuple):
    """What the decoder attends to."""

    states: Value
    """B A S C"""
    keys: tuple[Value | None, ...]
    """Of each layer [B A K S], or [B A S K] for the additive score; None without comparison."""
    mask_bias: Value | None
    """B 1 1 S: 0 where the decoder may attend, -inf elsewhere; None without padding."""


class Attention(NamedTuple):
    scores: Value
    """B A Q S"""
    weights: Value
    """B A Q S"""
    context: Value
    """B A Q C"""


class LayerOutput(NamedTuple):
    """The results of one decoder layer in a forced pass."""

    hidden: Value
    """B T H"""
    attention: Attention
    output: Value
    """B T M"""


class Step(NamedTuple):
    """The results of one token of each hypothesis."""

    output: Value
    """B N M"""
    states: list[States]
    """Of each layer, after the token [B N H]."""
    weights: Value
    """B 1 N S: the last layer's, the mean of its heads; S is 0 for scores of fixed weights."""


LARGEST_TABLE = 16_000_000
"""Bytes. The decoder's input products of all tokens are computed once if they take no more."""


class Network:
    """Draws the parts of one network into graphs."""

    def __init__(self, options: ModelOptions, arithmetic: Arithmetic) -> None:
        self.options, self.arithmetic = options, arithmetic
        self.target_table = names.target_table(options)
        self.tokens = len(arithmetic.vector(f"{names.OUTPUT}.bias"))
        layers = [names.decoder_layer(number) for number in range(options.decoder_layers)]
        score, self.cell_type = SCORES[options.attention], CELLS[options.layer_type]
        self.scores = [score(options, arithmetic, f"{layer}.{names.SCORE}") for layer in layers]
        cell, hidden = self.cell_type, options.decoder_size
        self.cells = [cell(arithmetic, [f"{layer}.{names.RECUR}"], hidden) for layer in layers]
        self.compares = score.compares
        self.deep = options.decoder_layers > 1
        table = 4 * self.tokens * self.cell_type.gates * hidden
        self.has_input_table = not self.deep and table <= LARGEST_TABLE

    # Encoder and decoder

    def embed(self, tokens: Value, table: str) -> Value:
        return self.arithmetic.embed(table, tokens, sqrt(self.options.embedding_size))

    def normalize(self, inputs: Value, name: str) -> Value:
        parts = (f"{name}.weight", f"{name}.bias")
        weights = [inputs.graph.tensor(part, self.arithmetic.vector(part)) for part in parts]
        return inputs.draw("LayerNormalization", *weights, axis=-1, epsilon=1e-5)

    # Encoder

    def encode(self, source: Value, read_index: Value, restore_index: Value) -> Value:
        """The states [B S E] of `source` [B S].

        The indices [S B D] point into a tensor [S B D]: to the next token that each direction
        reads, and to its state at each token. Time is the first axis here.
        """
        options = self.options
        states = self.embed(source.transpose(1, 0), names.SOURCE_TABLE)
        for number in range(options.encoder_layers):
            output = self.encoder_layer(number, states, read_index, restore_index)
            states = states + output if number else output
            if options.encoder_layers > 1:
                states = self.normalize(states, names.encoder_norm(number))
        return states.transpose(1, 0, 2)

    def encoder_layer(
        self, number: int, inputs: Value, read_index: Value, restore_index: Value
    ) -> Value:
        """[S B _] to [S B E]; all directions are computed side by side."""
        options, name = self.options, names.encoder_layer(number)
        directions = names.directions(options, number)
        size = options.encoder_size // len(directions)
        cell = self.cell_type(self.arithmetic, directions, size)
        product = cell.input_product(inputs, f"{name}.read").reshape(-1, cell.part_width)
        first = read_index * cell.parts
        indices = [first + part for part in range(cell.parts)]
        precomputed = cell.precompute([product[index] for index in indices])
        shape = inputs.graph.shape(inputs.size(1), len(directions), size)
        zeros = draw("ConstantOfShape", [shape], ["float32"], value=np.zeros(1, np.float32))[0]
        hidden = scan(name, cell, precomputed, [zeros] * cell.state_tensors)[-1]
        return hidden.reshape(-1, size)[restore_index].reshape(0, 0, options.encoder_size)

    def memory(self, states: Value, mask_bias: Value) -> Memory:
        """What the decoder attends to; computed once a sentence."""
        keys = tuple(score.keys(states) for score in self.scores)
        return Memory(split_heads(states, self.options.heads), keys, mask_bias)

    def first_states(self, final: Value) -> list[States]:
        """The states of each layer before the first token, from the final encoder state [B E]."""
        first = []
        for number, cell in enumerate(self.cells):
            name = f"{names.decoder_layer(number)}.{names.BRIDGE}"
            bridge = self.arithmetic.linear(final, name).tanh()
            count = cell.derived_states + cell.state_tensors
            first.append(bridge.split(*[cell.hidden_size] * count)[cell.derived_states :])
        return first

    def by_layer(self, states: Sequence[Value]) -> list[States]:
        """The states of all layers in one row, as those of each layer."""
        count = self.cell_type.state_tensors
        return [list(states[first : first + count]) for first in range(0, len(states), count)]

    # Decoder

    def attend(self, number: int, hidden: Value, memory: Memory, bias: Value | None) -> Attention:
        """From the hidden states [B Q H] to the context [B A Q C]."""
        keys = memory.keys[number]
        scores = self.scores[number].scores(hidden, keys, memory.mask_bias, bias)
        weights = scores.softmax()
        return Attention(scores, weights, weights @ memory.states)

    def feed_forward(
        self, number: int, inputs: Value | None, hidden: Value, attention: Attention
    ) -> Value:
        """The output [B Q M] of a layer; `inputs` are added where there are several layers."""
        name = names.decoder_layer(number)
        context = join_heads(attention.context, self.options.heads)
        both = concat([hidden, context], axis=-1)
        output = self.arithmetic.linear(both, f"{name}.{names.FEED_FORWARD}").tanh()
        if not self.deep or inputs is None:
            return output
        return self.normalize(inputs + output, f"{name}.{names.NORM}")

    def precompute(self, number: int, inputs: Value) -> list[Value]:
        """What a layer's cell precomputes from its inputs [B Q M]."""
        cell = self.cells[number]
        product = cell.input_product(inputs, f"{cell.directions[0]}.read")
        return cell.precompute(cell.split(product))

    def input_tables(self, tokens: Value) -> list[Value]:
        """What the cell of a decoder of one layer precomputes for `tokens` [B Q]."""
        return self.precompute(0, self.embed(tokens, self.target_table))

    def lookup_inputs(self, tokens: Value) -> list[Value]:
        """`input_tables` of `tokens`, from tables of the vocabulary that the graph is given."""
        g, cell = tokens.graph.root, self.cells[0]
        return [
            g.input(f"table.{part}", "float32", self.tokens, cell.part_width)[tokens]
            for part in range(cell.parts)
        ]

    def step(
        self, tokens: Value, states: Sequence[States], memory: Memory, bias: Value | None = None
    ) -> Step:
        """One token [B N] of each hypothesis, after `states` [B N H]."""
        inputs = None if self.has_input_table else self.embed(tokens, self.target_table)
        after, weights = [], None
        for number, cell in enumerate(self.cells):
            precomputed = (
                self.lookup_inputs(tokens) if inputs is None else self.precompute(number, inputs)
            )
            after.append(cell.step(precomputed, states[number]))
            hidden = cell.hidden(after[-1][0])
            attention = self.attend(number, hidden, memory, bias)
            inputs = self.feed_forward(number, inputs, hidden, attention)
            weights = attention.weights
        assert inputs is not None and weights is not None
        return Step(inputs, after, self.token_weights(weights))

    def token_weights(self, weights: Value) -> Value:
        """The weights [B A N S] as [B 1 N S], or as [B 1 N 0] for scores of fixed weights."""
        if not self.compares:
            weights = weights.draw("Slice", [0], [0], [-1])
        return weights if self.options.heads == 1 else weights.mean(1)

    def forced_pass(
        self, tokens: Value, first: list[States], memory: Memory, bias: Value | None = None
    ) -> list[LayerOutput]:
        """All tokens [B T] of given translations at once, layer by layer."""
        inputs, layers = self.embed(tokens, self.target_table), []
        for number in range(len(self.cells)):
            scanned = self.scan_layer(number, self.precompute(number, inputs), first[number])
            hidden = scanned[-1].squeeze(2).transpose(1, 0, 2)
            attention = self.attend(number, hidden, memory, bias)
            inputs = self.feed_forward(number, inputs, hidden, attention)
            layers.append(LayerOutput(hidden, attention, inputs))
        return layers

    def scan_layer(self, number: int, precomputed: Sequence[Value], first: States) -> list[Value]:
        """A layer's recurrence (`cells.scan`) over `precomputed` [B T _]."""
        by_time = [one.transpose(1, 0, 2).unsqueeze(2) for one in precomputed]
        cell = self.cells[number]
        return scan(cell.directions[0], cell, by_time, first)

    def run_recurrence_only(self, tokens: Value, first: list[States]) -> list[States]:
        """The states of a decoder of one layer after `tokens` [B T]: they need no attention."""
        return [self.scan_layer(0, self.lookup_inputs(tokens), first[0])[:-1]]

    def logits(self, output: Value, columns: int, impossible: Sequence[int]) -> Value:
        """The logits of the next token; `impossible` tokens have -inf.

        They are padded with -inf to `columns`, if that is more than the vocabulary.
        """
        bias = np.full(max(columns, self.tokens), -np.inf, np.float32)
        bias[: self.tokens] = self.output_bias(impossible)
        matrix = names.output_matrix(self.options)
        return self.arithmetic.product(output, names.OUTPUT, [matrix], bias)

    def gathered_logits(self, output: Value, rows: GatheredRows) -> Value:
        """The same of gathered rows of the output matrix."""
        return self.arithmetic.gathered_product(output, names.OUTPUT, rows)

    def gather_output(self, tokens: Value, impossible: Sequence[int]) -> GatheredRows:
        """The rows of the output matrix for `tokens` [B W]."""
        biases = tokens.graph.tensor(f"{names.OUTPUT}.biases", self.output_bias(impossible))
        bias = biases[tokens].unsqueeze(1)
        return self.arithmetic.gather(names.output_matrix(self.options), tokens, bias)

    def output_bias(self, impossible: Sequence[int]) -> np.ndarray:
        bias = self.arithmetic.vector(f"{names.OUTPUT}.bias").copy()
        bias[[token for token in impossible if token < self.tokens]] = -np.inf
        return bias
