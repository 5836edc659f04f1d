"""The names and shapes of a network's weights, from its options alone."""

from collections.abc import Iterator

import numpy as np

from regard.config import ModelOptions
from regard.engine import weight_names as names
from regard.engine.onnx.cells import CELLS
from regard.engine.onnx.products import linear_shapes
from regard.engine.onnx.scores import SCORES
from regard.engine.quantize import SCALE, are_int8, is_matrix
from regard.storage.folder import Tensors

Shape = tuple[int, ...]
Shapes = Iterator[tuple[str, Shape]]


def weight_shapes(options: ModelOptions, source_tokens: int, target_tokens: int) -> Shapes:
    """Every weight once, by name; a shared weight has the first of its names."""
    size, states, cell = options.embedding_size, options.encoder_size, CELLS[options.layer_type]
    yield names.SOURCE_TABLE, (source_tokens, size)
    for number in range(options.encoder_layers):
        directions = names.directions(options, number)
        inputs, hidden = states if number else size, states // len(directions)
        for direction in directions:
            yield from prefixed(direction, cell.weights(inputs, hidden))
        if options.encoder_layers > 1:
            yield from norm(names.encoder_norm(number), states)
    matrices = {names.target_table(options), names.output_matrix(options)} - {names.SOURCE_TABLE}
    yield from ((name, (target_tokens, size)) for name in sorted(matrices))
    yield f"{names.OUTPUT}.bias", (target_tokens,)
    for number in range(options.decoder_layers):
        yield from decoder_layer_shapes(number, options)


def decoder_layer_shapes(number: int, options: ModelOptions) -> Shapes:
    size, states, hidden = options.embedding_size, options.encoder_size, options.decoder_size
    name, cell = names.decoder_layer(number), CELLS[options.layer_type]
    yield from prefixed(f"{name}.{names.RECUR}", cell.weights(size, hidden))
    score = SCORES[options.attention].weights(options)
    yield from prefixed(f"{name}.{names.SCORE}", score)
    yield from prefixed(name, linear_shapes(names.FEED_FORWARD, hidden + states, size))
    tensors = cell.derived_states + cell.state_tensors
    yield from prefixed(name, linear_shapes(names.BRIDGE, states, hidden * tensors))
    if options.decoder_layers > 1:
        yield from norm(f"{name}.{names.NORM}", size)


def products_of(options: ModelOptions) -> Iterator[str]:
    """Every product that needs a calibrated range; hidden states have theirs by definition."""
    for number in range(options.encoder_layers):
        yield f"{names.encoder_layer(number)}.read"
    for number in range(options.decoder_layers):
        name = names.decoder_layer(number)
        yield f"{name}.{names.RECUR}.read"
        yield from (f"{name}.{names.BRIDGE}", f"{name}.{names.FEED_FORWARD}")
        for weight in SCORES[options.attention].weights(options):
            if weight.endswith(".weight"):
                yield f"{name}.{names.SCORE}.{weight.removesuffix('.weight')}"
    yield names.OUTPUT


def prefixed(name: str, shapes: dict[str, Shape]) -> Shapes:
    return ((f"{name}.{weight}", shape) for weight, shape in shapes.items())


def norm(name: str, size: int) -> Shapes:
    return prefixed(name, {"weight": (size,), "bias": (size,)})


def match_shapes(
    tensors: Tensors, options: ModelOptions, source_tokens: int, target_tokens: int
) -> bool:
    """Whether `tensors` can be the weights of such a network: all finite and in fp32, or the
    matrices in int8 with their scales."""
    if options.encoder_layers + options.decoder_layers > len(tensors):
        return False
    with_scales, expected = are_int8(tensors), {}
    for name, shape in weight_shapes(options, source_tokens, target_tokens):
        is_quantized = with_scales and is_matrix(name, shape)
        expected[name] = "int8" if is_quantized else "float32", shape
        if is_quantized:
            expected[name + SCALE] = "float32", shape[:1]
    stored = {name: (str(tensor.dtype), tensor.shape) for name, tensor in tensors.items()}
    return stored == expected and all(
        tensor.dtype == np.int8 or np.isfinite(tensor).all() for tensor in tensors.values()
    )
