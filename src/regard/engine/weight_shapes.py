"""Which weights a network has: their names and shapes, from its options alone."""

from collections.abc import Iterator

import numpy as np

from regard.config import ModelOptions
from regard.engine.quantize import SCALE, are_int8, is_matrix
from regard.storage.folder import Tensors

Shape = tuple[int, ...]

GATES = {"gru": 3, "lstm": 4}
CARRIED = {"gru": 1, "lstm": 2, "ssru": 2}


def shapes_of(
    options: ModelOptions, source_tokens: int, target_tokens: int
) -> Iterator[tuple[str, Shape]]:
    """Every weight of the network once, by name; shared ones under the first of their names."""
    size, states = options.embedding_size, options.encoder_size
    yield "encoder.embed.table.weight", (source_tokens, size)
    for number in range(options.encoder_layers):
        name, inputs = f"encoder.layers.{number}", states if number else size
        if options.encoder == "bidirectional":
            yield from cell(f"{name}.forward_rnn", options.layer_type, inputs, states // 2)
            yield from cell(f"{name}.backward_rnn", options.layer_type, inputs, states // 2)
        else:
            yield from cell(f"{name}.forward_rnn", options.layer_type, inputs, states)
        if options.encoder_layers > 1:
            yield from norm(f"encoder.norms.{number}", states)
    if options.tie != "all":
        yield "decoder.embed.table.weight", (target_tokens, size)
    if options.tie == "none":
        yield "decoder.output_layer.weight", (target_tokens, size)
    yield "decoder.output_layer.bias", (target_tokens,)
    for number in range(options.decoder_layers):
        yield from decoder_layer(f"decoder.layers.{number}", options)


def decoder_layer(name: str, options: ModelOptions) -> Iterator[tuple[str, Shape]]:
    size, states, hidden = options.embedding_size, options.encoder_size, options.decoder_size
    yield from cell(f"{name}.recur", options.layer_type, size, hidden)
    if options.attention in ("general", "scaled", "additive"):
        yield f"{name}.score.key.weight", (hidden, states)
    if options.attention == "additive":
        yield from linear(f"{name}.score.query", hidden, hidden)
        yield f"{name}.score.energy", (options.heads, hidden // options.heads)
    yield from linear(f"{name}.feed_forward.0", hidden + states, size)
    yield from linear(f"{name}.bridge.0", states, hidden * CARRIED[options.layer_type])
    if options.decoder_layers > 1:
        yield from norm(f"{name}.norm", size)


def products_of(options: ModelOptions) -> Iterator[str]:
    """Every product whose range int8 must know; hidden states have theirs by nature."""
    for number in range(options.encoder_layers):
        yield f"encoder.layers.{number}.read"
    for number in range(options.decoder_layers):
        name = f"decoder.layers.{number}"
        yield from (f"{name}.recur.read", f"{name}.bridge.0", f"{name}.feed_forward.0")
        if options.attention in ("general", "scaled", "additive"):
            yield f"{name}.score.key"
        if options.attention == "additive":
            yield f"{name}.score.query"
    yield "decoder.output_layer"


def cell(name: str, recurrence: str, inputs: int, hidden: int) -> Iterator[tuple[str, Shape]]:
    if recurrence == "ssru":
        yield from linear(f"{name}.gate_and_candidate", inputs, 2 * hidden)
        return
    gates = GATES[recurrence] * hidden
    yield f"{name}.cell.weight_ih_l0", (gates, inputs)
    yield f"{name}.cell.weight_hh_l0", (gates, hidden)
    yield f"{name}.cell.bias_ih_l0", (gates,)
    yield f"{name}.cell.bias_hh_l0", (gates,)


def linear(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def norm(name: str, size: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (size,)
    yield f"{name}.bias", (size,)


def belong(tensors: Tensors, options: ModelOptions, source_tokens: int, target_tokens: int) -> bool:
    """Whether these can be the weights of such a network: all of float32 and finite, or the
    matrices of int8 with scales."""
    left = dict(tensors)
    if options.encoder_layers + options.decoder_layers > len(left):
        return False
    with_scales = are_int8(tensors)
    for name, shape in shapes_of(options, source_tokens, target_tokens):
        wanted = {name: ("float32", shape)}
        if with_scales and is_matrix(name, shape):
            wanted = {name: ("int8", shape), name + SCALE: ("float32", shape[:1])}
        for each, kind in wanted.items():
            tensor = left.pop(each, None)
            if tensor is None or tensor.dtype != kind[0] or tensor.shape != kind[1]:
                return False
            if tensor.dtype == np.float32 and not np.isfinite(tensor).all():
                return False
    return not left
