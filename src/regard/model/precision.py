"""Precision of sums: where a network computes in bf16, sums and states are kept in fp32."""

import torch
from torch import Tensor


def sum_type(tensor: Tensor) -> torch.dtype:
    """fp32, or fp64 for a tensor in fp64."""
    return torch.promote_types(tensor.dtype, torch.float32)


def widened(tensor: Tensor) -> Tensor:
    return tensor.to(sum_type(tensor))
