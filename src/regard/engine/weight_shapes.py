"""The names and shapes of a network's weights, from its sizes alone."""

from collections.abc import Iterator

import numpy as np

from regard.engine import weight_names as names
from regard.engine.onnx.encoders import ENCODERS
from regard.engine.onnx.network import DECODERS
from regard.engine.quantize import SCALE, are_int8, is_matrix
from regard.files import Tensors
from regard.model.sizes import Sizes


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
    with_scales, expected = are_int8(tensors), {}
    for name, shape in weight_shapes(sizes):
        is_quantized = with_scales and is_matrix(name, shape)
        expected[name] = "int8" if is_quantized else "float32", shape
        if is_quantized:
            expected[name + SCALE] = "float32", shape[:1]
    stored = {name: (str(tensor.dtype), tensor.shape) for name, tensor in tensors.items()}
    return stored == expected and all(
        tensor.dtype == np.int8 or np.isfinite(tensor).all() for tensor in tensors.values()
    )
