"""Draw the encoders of `model.encoder` into graphs."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

from regard.engine import weight_names as names
from regard.engine.onnx.cells import CELLS, scan
from regard.engine.onnx.graph import Graph, Spec, Value, full
from regard.engine.onnx.products import Arithmetic
from regard.engine.onnx.self_attention import SelfAttended, SelfAttention
from regard.engine.onnx.sublayers import (
    FeedForward,
    Shapes,
    causal_bias,
    count_up,
    layer_norm,
    norm_shapes,
    prefixed,
    sinusoids,
)
from regard.model.sizes import Sizes

SOURCE_INPUT: dict[str, Spec] = {"source": ("int64", ("B", "S"))}
REVERSAL_INPUTS: dict[str, Spec] = {
    "read_index": ("int64", ("S", "B", "D")),
    "restore_index": ("int64", ("S", "B", "D")),
}
PADDING_INPUT: dict[str, Spec] = {"padding_bias": ("float32", ("B", 1, 1, "S"))}
"""Made by `layout.encoder_inputs`."""


class EncoderOutput(NamedTuple):
    states: Value
    """B S E"""
    self_attentions: list[SelfAttended]
    """Of each layer of self-attention; a recurrence has none."""


class Encoder(ABC):
    """From the source [B S] to the states [B S E]."""

    def __init__(self, sizes: Sizes, arithmetic: Arithmetic) -> None:
        self.sizes, self.arithmetic = sizes, arithmetic
        inner_size = sizes.encoder_feed_forward_size
        self.feed_forwards = [
            FeedForward(arithmetic, names.encoder_feed_forward(number), inner_size)
            for number in range(sizes.encoder_layers)
        ]

    @staticmethod
    @abstractmethod
    def weights(sizes: Sizes) -> Iterator[Shapes]:
        """The shape of each weight but the embeddings."""

    @staticmethod
    @abstractmethod
    def products(sizes: Sizes) -> Iterator[str]:
        """Every product that needs a calibrated range."""

    @abstractmethod
    def encode(self, g: Graph) -> EncoderOutput:
        """Read the graph's input."""

    def embed(self, source: Value) -> Value:
        factor = sqrt(self.sizes.embedding_size)
        return self.arithmetic.embed(names.SOURCE_TABLE, source, factor)


class RecurrentEncoder(Encoder):
    """Time is the first axis here."""

    @staticmethod
    def weights(sizes: Sizes) -> Iterator[Shapes]:
        cell, states = CELLS[sizes.encoder_layer_type], sizes.encoder_size
        for number in range(sizes.encoder_layers):
            directions = names.directions(sizes, number)
            inputs = states if number else sizes.embedding_size
            for direction in directions:
                yield prefixed(direction, cell.weights(inputs, states // len(directions)))
            if sizes.encoder_layers > 1:
                yield norm_shapes(names.encoder_norm(number), states)
            sublayer = FeedForward.weights(states, sizes.encoder_feed_forward_size)
            yield prefixed(names.encoder_feed_forward(number), sublayer)

    @staticmethod
    def products(sizes: Sizes) -> Iterator[str]:
        for number in range(sizes.encoder_layers):
            yield f"{names.encoder_layer(number)}.read"
            sublayer = names.encoder_feed_forward(number)
            yield from FeedForward.products(sublayer, sizes.encoder_feed_forward_size)

    def encode(self, g: Graph) -> EncoderOutput:
        """The indices [S B D] point into a tensor [S B D]: to the next token that each direction
        reads, and to its state at each token."""
        [source] = g.input_table(SOURCE_INPUT)
        read_index, restore_index = g.input_table(REVERSAL_INPUTS)
        states = self.embed(source.transpose(1, 0))
        for number, feed_forward in enumerate(self.feed_forwards):
            output = self.layer(number, states, read_index, restore_index)
            states = states + output if number else output
            if self.sizes.encoder_layers > 1:
                states = layer_norm(self.arithmetic, states, names.encoder_norm(number))
            states = feed_forward(states)
        return EncoderOutput(states.transpose(1, 0, 2), [])

    def layer(self, number: int, inputs: Value, read_index: Value, restore_index: Value) -> Value:
        """[S B _] to [S B E]; all directions are computed side by side."""
        sizes, name = self.sizes, names.encoder_layer(number)
        directions = names.directions(sizes, number)
        size = sizes.encoder_size // len(directions)
        cell = CELLS[sizes.encoder_layer_type](self.arithmetic, directions, size)
        product = cell.input_product(inputs, f"{name}.read").reshape(-1, cell.part_width)
        first = read_index * cell.parts
        indices = [first + part for part in range(cell.parts)]
        precomputed = cell.precompute([product[index] for index in indices])
        zeros = full(0.0, inputs.graph.shape(inputs.size(1), len(directions), size))
        hidden = scan(name, cell, precomputed, [zeros] * cell.state_tensors)[-1]
        return hidden.reshape(-1, size)[restore_index].reshape(0, 0, sizes.encoder_size)


class SelfAttentionEncoder(Encoder):
    def __init__(self, sizes: Sizes, arithmetic: Arithmetic) -> None:
        super().__init__(sizes, arithmetic)
        size, heads = sizes.encoder_size, sizes.self_attention_heads
        self.layers = [
            SelfAttention(arithmetic, names.encoder_layer(number), size, heads)
            for number in range(sizes.encoder_layers)
        ]

    @staticmethod
    def weights(sizes: Sizes) -> Iterator[Shapes]:
        size = sizes.encoder_size
        for number in range(sizes.encoder_layers):
            yield prefixed(names.encoder_layer(number), SelfAttention.weights(size))
            sublayer = FeedForward.weights(size, sizes.encoder_feed_forward_size)
            yield prefixed(names.encoder_feed_forward(number), sublayer)
        yield norm_shapes(names.ENCODER_NORM, size)

    @staticmethod
    def products(sizes: Sizes) -> Iterator[str]:
        for number in range(sizes.encoder_layers):
            yield from SelfAttention.products(names.encoder_layer(number))
            sublayer = names.encoder_feed_forward(number)
            yield from FeedForward.products(sublayer, sizes.encoder_feed_forward_size)

    def encode(self, g: Graph) -> EncoderOutput:
        [source] = g.input_table(SOURCE_INPUT)
        size = self.sizes.encoder_size
        states = self.embed(source) + sinusoids(count_up(source, 1), size)
        bias = self.bias(g, source)
        attended = []
        for layer, feed_forward in zip(self.layers, self.feed_forwards, strict=True):
            attended.append(layer.attend(states, bias))
            states = feed_forward(attended[-1].output)
        return EncoderOutput(layer_norm(self.arithmetic, states, names.ENCODER_NORM), attended)

    def bias(self, g: Graph, source: Value) -> Value:
        """What is added to the scores [B A S S]: -inf where a token may not attend."""
        [padding] = g.input_table(PADDING_INPUT)
        is_causal = self.sizes.encoder == "unidirectional"
        return padding + causal_bias(source, 1) if is_causal else padding


ENCODERS: dict[str, type[Encoder]] = {
    **dict.fromkeys(CELLS, RecurrentEncoder),
    "self-attention": SelfAttentionEncoder,
}
