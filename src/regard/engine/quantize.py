"""Weights as int8 with one scale a row, and back."""

from collections.abc import Iterable, Sequence

import numpy as np

from regard.storage.folder import Tensors

MATRICES = (".weight", ".weight_ih_l0", ".weight_hh_l0")
"""How the names of those weights end that are multiplied with, if they have two dimensions."""


SCALE = ".scale"
"""What the name of an int8 matrix's scales ends with."""


def is_matrix(name: str, shape: Sequence[int]) -> bool:
    """Whether a weight is multiplied with, and so int8 in a model of int8."""
    return len(shape) == 2 and name.endswith(MATRICES)


def quantize(tensors: Tensors) -> dict[str, np.ndarray]:
    """Every matrix as int8 with one scale a row; all else stays as it is."""
    made: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        if is_matrix(name, tensor.shape):
            scale = np.maximum(np.abs(tensor).max(axis=1) / 127, 1e-12).astype(np.float32)
            made[name] = np.rint(tensor / scale[:, None]).astype(np.int8)
            made[name + SCALE] = scale
        else:
            made[name] = tensor.astype(np.float32)
    return made


def dequantize(tensors: Tensors) -> dict[str, np.ndarray]:
    """What int8 weights stand for, in fp32; weights of fp32 stay as they are."""
    return {
        name: tensor * tensors[name + SCALE][:, None] if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }


def are_int8(tensors: Iterable[str]) -> bool:
    return any(name.endswith(SCALE) for name in tensors)
