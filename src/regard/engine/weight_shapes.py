"""The names and shapes of a network's weights, from its sizes alone."""

from collections.abc import Iterable, Iterator

import numpy as np

from regard.engine import weight_names as names
from regard.engine.onnx.cells import CELLS
from regard.engine.onnx.encoders import ENCODERS
from regard.engine.onnx.network import DECODERS
from regard.engine.onnx.products import linear_shapes
from regard.engine.onnx.sublayers import prefixed
from regard.engine.quantize import SCALE, are_int8, is_matrix
from regard.files import Tensors
from regard.model.sizes import HeadSizes, Sizes


def weight_shapes(sizes: Sizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every weight once, by name; a shared weight has the first of its names."""
    width, source, target = sizes.embedding_size, sizes.source_tokens, sizes.target_tokens
    yield names.SOURCE_TABLE, (source, width)
    matrices = {names.target_table(sizes), names.output_matrix(sizes)} - {names.SOURCE_TABLE}
    yield from ((name, (target, width)) for name in sorted(matrices))
    yield f"{names.OUTPUT}.bias", (target,)
    for shapes in ENCODERS[sizes.encoder_layer_type].weights(sizes):
        yield from shapes.items()
    for shapes in DECODERS[sizes.decoder_layer_type].weights(sizes):
        yield from shapes.items()


def products_of(sizes: Sizes) -> Iterator[str]:
    """Every product that needs a calibrated range; hidden states have theirs by definition."""
    yield from ENCODERS[sizes.encoder_layer_type].products(sizes)
    yield from DECODERS[sizes.decoder_layer_type].products(sizes)
    yield names.OUTPUT


def match_shapes(tensors: Tensors, sizes: Sizes) -> bool:
    """Whether `tensors` can be the weights of such a network: all finite and in fp32, or the
    matrices in int8 with their scales."""
    if sizes.encoder_layers + sizes.decoder_layers > len(tensors):
        return False
    return are_stored(tensors, weight_shapes(sizes))


def are_stored(tensors: Tensors, shapes: Iterable[tuple[str, tuple[int, ...]]]) -> bool:
    """Whether `tensors` are weights of these names and shapes."""
    with_scales, expected = are_int8(tensors), {}
    for name, shape in shapes:
        is_quantized = with_scales and is_matrix(name, shape)
        expected[name] = "int8" if is_quantized else "float32", shape
        if is_quantized:
            expected[name + SCALE] = "float32", shape[:1]
    stored = {name: (str(tensor.dtype), tensor.shape) for name, tensor in tensors.items()}
    return stored == expected and all(
        tensor.dtype == np.int8 or np.isfinite(tensor).all() for tensor in tensors.values()
    )


def head_sizes(tensors: Tensors, sizes: Sizes) -> HeadSizes | None:
    """Of the alignment head for a network of these sizes; None if `tensors` cannot be one."""
    bias = tensors.get("source.project.bias", np.zeros(0))
    table = tensors.get("source.embed.table.weight", np.zeros((0, 0)))
    head = HeadSizes(
        sizes.source_tokens,
        sizes.target_tokens,
        table.shape[-1],
        sizes.encoder_size,
        sizes.embedding_size,
        bias.size - 1,
    )
    return head if are_stored(tensors, head_shapes(head)) else None


def head_shapes(sizes: HeadSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every weight of an alignment head."""
    own = sizes.embedding_size
    for side, tokens, inputs in (
        ("source", sizes.source_tokens, own + sizes.source_size),
        ("target", sizes.target_tokens, own + sizes.target_size),
    ):
        yield f"{side}.embed.table.weight", (tokens, own)
        for direction in names.DIRECTION_CELLS["bidirectional"]:
            weights = CELLS["lstm"].weights(inputs, sizes.size // 2)
            yield from prefixed(f"{side}.layer.{direction}", weights).items()
        yield from linear_shapes(f"{side}.project", sizes.size, sizes.size + 1).items()
