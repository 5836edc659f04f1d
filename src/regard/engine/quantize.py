"""Quantize weights to int8 with one scale a row, and dequantize them."""

from collections.abc import Iterable, Sequence

import numpy as np

from regard.files import Tensors

MATRICES = (".weight", ".weight_ih_l0", ".weight_hh_l0")
"""The suffixes of the names of matrices."""

SCALE = ".scale"
"""The suffix of the name of an int8 matrix's scales."""


def is_matrix(name: str, shape: Sequence[int]) -> bool:
    """Whether a weight is a factor of products, which an int8 model stores in int8."""
    return len(shape) == 2 and name.endswith(MATRICES)


def quantize(tensors: Tensors) -> dict[str, np.ndarray]:
    """Every matrix in int8 with one scale a row, and all other weights in fp32."""
    quantized: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        if is_matrix(name, tensor.shape):
            scale = np.maximum(np.abs(tensor).max(axis=1) / 127, 1e-12).astype(np.float32)
            quantized[name] = np.rint(tensor / scale[:, None]).astype(np.int8)
            quantized[name + SCALE] = scale
        else:
            quantized[name] = tensor.astype(np.float32)
    return quantized


def dequantize(tensors: Tensors) -> dict[str, np.ndarray]:
    """All weights in fp32."""
    return {
        name: tensor * tensors[name + SCALE][:, None] if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }


def are_int8(tensors: Iterable[str]) -> bool:
    return any(name.endswith(SCALE) for name in tensors)
