"""Draw the decoder of recurrent layers (`model.decoder`) into graphs; letters as in `decoder`."""

from collections.abc import Iterator, Sequence

from regard.engine import weight_names as names
from regard.engine.onnx.cells import CELLS, States, scan
from regard.engine.onnx.decoder import (
    ENCODER_STATES,
    Attention,
    Decoder,
    DecoderState,
    ForcedPass,
    LayerOutput,
    Memory,
    Step,
    score_products,
)
from regard.engine.onnx.graph import Spec, Value, concat
from regard.engine.onnx.products import Arithmetic, linear_shapes
from regard.engine.onnx.scores import SCORES, join_heads, split_heads
from regard.engine.onnx.sublayers import FeedForward, Shapes, layer_norm, norm_shapes, prefixed
from regard.model.sizes import Sizes

LARGEST_TABLE = 16_000_000
"""Bytes. The decoder's input products of all tokens are computed once if they take no more."""


class RecurrentDecoder(Decoder):
    def __init__(self, sizes: Sizes, arithmetic: Arithmetic) -> None:
        super().__init__(sizes, arithmetic)
        self.cell_type, hidden = CELLS[sizes.decoder_layer_type], sizes.decoder_size
        self.cells = [
            self.cell_type(arithmetic, [f"{one}.{names.RECUR}"], hidden) for one in self.names
        ]
        inner_size = sizes.decoder_feed_forward_size
        self.sublayers = [
            FeedForward(arithmetic, f"{one}.{names.SUBLAYER}", inner_size) for one in self.names
        ]
        self.deep = sizes.decoder_layers > 1
        table = 4 * sizes.target_tokens * self.cell_type.gates * hidden
        self.has_input_table = self.can_draft = not self.deep and table <= LARGEST_TABLE

    @staticmethod
    def weights(sizes: Sizes) -> Iterator[Shapes]:
        size, states, hidden = sizes.embedding_size, sizes.encoder_size, sizes.decoder_size
        cell = CELLS[sizes.decoder_layer_type]
        for number in range(sizes.decoder_layers):
            name = names.decoder_layer(number)
            yield prefixed(f"{name}.{names.RECUR}", cell.weights(size, hidden))
            yield prefixed(f"{name}.{names.SCORE}", SCORES[sizes.attention].weights(sizes))
            yield prefixed(name, linear_shapes(names.FEED_FORWARD, hidden + states, size))
            tensors = cell.derived_states + cell.state_tensors
            yield prefixed(name, linear_shapes(names.BRIDGE, states, hidden * tensors))
            if sizes.decoder_layers > 1:
                yield norm_shapes(f"{name}.{names.NORM}", size)
            sublayer = FeedForward.weights(size, sizes.decoder_feed_forward_size)
            yield prefixed(f"{name}.{names.SUBLAYER}", sublayer)

    @staticmethod
    def products(sizes: Sizes) -> Iterator[str]:
        for number in range(sizes.decoder_layers):
            name = names.decoder_layer(number)
            yield f"{name}.{names.RECUR}.read"
            yield from (f"{name}.{names.BRIDGE}", f"{name}.{names.FEED_FORWARD}")
            yield from score_products(sizes, name)
            sublayer = f"{name}.{names.SUBLAYER}"
            yield from FeedForward.products(sublayer, sizes.decoder_feed_forward_size)

    @property
    def memory_names(self) -> list[str]:
        return [ENCODER_STATES]

    def row_states(self, has_one_row: bool) -> dict[str, int | str]:
        return {
            f"{number}.{part}": cell.hidden_size
            for number, cell in enumerate(self.cells)
            for part in range(cell.state_tensors)
        }

    def caches(self) -> dict[str, Spec]:
        return {}

    def memory(self, states: Value, mask_bias: Value) -> Memory:
        keys = tuple(score.keys(states) for score in self.scores)
        split = split_heads(states, self.sizes.heads)
        return Memory((split,) * len(self.names), keys, mask_bias)

    def first_state(self, final: Value, has_one_row: bool) -> DecoderState:
        first = []
        for name, cell in zip(self.names, self.cells, strict=True):
            bridge = self.arithmetic.linear(final, f"{name}.{names.BRIDGE}").tanh()
            count = cell.derived_states + cell.state_tensors
            first += bridge.split(*[cell.hidden_size] * count)[cell.derived_states :]
        return DecoderState([one.unsqueeze(1) for one in first], [])

    def by_layer(self, rows: Sequence[Value]) -> list[States]:
        """The states of all layers in one row, as those of each layer."""
        count = self.cell_type.state_tensors
        return [list(rows[first : first + count]) for first in range(0, len(rows), count)]

    def feed_forward(
        self,
        number: int,
        inputs: Value | None,
        hidden: Value,
        attention: Attention,
        has_one_row: bool,
    ) -> Value:
        """The output [B Q M] of a layer; `inputs` are added where there are several layers."""
        name = self.names[number]
        context = join_heads(attention.context, self.sizes.heads, has_one_row)
        both = concat([hidden, context], axis=-1)
        output = self.arithmetic.linear(both, f"{name}.{names.FEED_FORWARD}").tanh()
        if self.deep and inputs is not None:
            output = layer_norm(self.arithmetic, inputs + output, f"{name}.{names.NORM}")
        return self.sublayers[number](output)

    def precompute(self, number: int, inputs: Value) -> list[Value]:
        """What a layer's cell precomputes from its inputs [B Q M]."""
        cell = self.cells[number]
        product = cell.input_product(inputs, f"{cell.directions[0]}.read")
        return cell.precompute(cell.split(product))

    def input_tables(self, tokens: Value) -> list[Value]:
        """What the cell of a decoder of one layer precomputes for `tokens` [B Q]."""
        return self.precompute(0, self.embed(tokens))

    def lookup_inputs(self, tokens: Value) -> list[Value]:
        """`input_tables` of `tokens`, from tables of the vocabulary that the graph is given."""
        g, cell, count = tokens.graph.root, self.cells[0], self.sizes.target_tokens
        return [
            g.input(f"table.{part}", "float32", count, cell.part_width)[tokens]
            for part in range(cell.parts)
        ]

    def step(
        self,
        tokens: Value,
        state: DecoderState,
        memory: Memory,
        bias: Value | None,
        has_one_row: bool,
    ) -> Step:
        inputs = None if self.has_input_table else self.embed(tokens)
        after, weights = list[Value](), None
        for number, (cell, states) in enumerate(
            zip(self.cells, self.by_layer(state.rows), strict=True)
        ):
            precomputed = (
                self.lookup_inputs(tokens) if inputs is None else self.precompute(number, inputs)
            )
            after += (stepped := cell.step(precomputed, states))
            hidden = cell.hidden(stepped[0])
            attention = self.attend(number, hidden, memory, bias, has_one_row)
            inputs = self.feed_forward(number, inputs, hidden, attention, has_one_row)
            weights = attention.weights
        assert inputs is not None and weights is not None
        return Step(inputs, DecoderState(after, []), self.token_weights(weights))

    def forced_pass(
        self, tokens: Value, first: DecoderState, memory: Memory, bias: Value | None
    ) -> ForcedPass:
        inputs, layers = self.embed(tokens), []
        for number, states in enumerate(self.by_layer(first.rows)):
            scanned = self.scan_layer(number, self.precompute(number, inputs), states)
            hidden = scanned[-1].squeeze(2).transpose(1, 0, 2)
            attention = self.attend(number, hidden, memory, bias, has_one_row=False)
            inputs = self.feed_forward(number, inputs, hidden, attention, has_one_row=False)
            layers.append(LayerOutput(hidden, attention, inputs, None))
        return ForcedPass(layers, inputs)

    def scan_layer(self, number: int, precomputed: Sequence[Value], first: States) -> list[Value]:
        """A layer's recurrence (`cells.scan`) over `precomputed` [B T _]."""
        by_time = [one.transpose(1, 0, 2).unsqueeze(2) for one in precomputed]
        cell = self.cells[number]
        return scan(cell.directions[0], cell, by_time, first)

    def resume(self, prefix: Value, state: DecoderState) -> DecoderState:
        """The recurrence of a decoder of one layer needs no attention."""
        return DecoderState(self.scan_layer(0, self.lookup_inputs(prefix), state.rows)[:-1], [])
