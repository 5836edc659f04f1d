"""The frequencies by which self-attention is told the order of tokens; numpy only."""

import numpy as np

from regard.shapes import Float, Int


def frequencies(size: int) -> Float[np.ndarray, " _"]:
    """Of the sinusoids that encode a position in `size` numbers, in radians a position: of
    wavelengths from 2π to 20,000π (Vaswani et al. 2017, section 3.5)."""
    count = -(-size // 2)
    return (10_000.0 ** (-np.arange(count) / max(1, count - 1))).astype(np.float32)


def encodings(positions: Int[np.ndarray, " T"], size: int) -> Float[np.ndarray, "T M"]:
    """The encodings of positions: sines, then cosines."""
    angle = positions[:, None].astype(np.float32) * frequencies(size)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)[:, :size]
