"""Calibrate int8: find the range of the inputs of each product by reading text."""

from collections.abc import Sequence

import numpy as np

from regard.config import ModelOptions
from regard.engine.onnx.builders import GraphKind
from regard.engine.onnx.engine import OnnxEngine
from regard.engine.onnx.network import Network
from regard.engine.onnx.products import Calibrating
from regard.engine.onnx.session import Sessions
from regard.engine.quantize import quantize
from regard.engine.weight_shapes import products_of
from regard.files import Tensors
from regard.shapes import Float
from regard.special import Ids
from regard.storage.model_file import Calibration

Pairs = Sequence[tuple[Ids, Ids]]

VALIDATION_PAIRS = 60
"""Pairs that decide whether a clipped range is better."""

BATCH_PAIRS = 20
"""Pairs that are read in one batch."""

CLIP_FACTOR = 0.75
"""What one clipping leaves of a range."""

MIN_GAIN = 0.05
"""The least share of the error that a clipping must remove."""

TOO_COARSE = 2.0
"""Times the least error; beyond it a range is clipped no more."""

MAX_CLIPS = 24
"""Times that a range is clipped at most."""


def calibrate(options: ModelOptions, tensors: Tensors, pairs: Pairs) -> Calibration:
    """The minimum and the maximum input of each product, reading these pairs in fp32."""
    engine = OnnxEngine(options, tensors, {})
    engine.sessions = Sessions(Network(engine.sizes, Calibrating(tensors)), 1)
    ranges: dict[str, tuple[float, float]] = {}
    for source, target in pairs:
        given = engine.forced_inputs([source], [target])
        output = engine.sessions.run(GraphKind("forced"), given)
        for name in products_of(engine.sizes):
            low, high = float(output[f"{name}.Min"]), float(output[f"{name}.Max"])
            before = ranges.get(name, (low, high))
            ranges[name] = min(low, before[0]), max(high, before[1])
    return ranges


def clip_ranges(
    options: ModelOptions, tensors: Tensors, ranges: Calibration, pairs: Pairs
) -> Calibration:
    """The same ranges, clipped where that brings the log-probabilities of int8 nearer to fp32.

    The 256 steps have to cover the whole range, so that a single outlier makes them coarse for all
    other numbers; states of an SSRU are unbounded. Inputs outside of a clipped range saturate.
    """
    chosen = np.unique(np.linspace(0, len(pairs) - 1, VALIDATION_PAIRS).astype(np.int64))
    validation = [pairs[index] for index in chosen]
    exact = log_probs(OnnxEngine(options, tensors, {}), validation)
    quantized = quantize(tensors)

    def error(tried: Calibration) -> float:
        approximate = log_probs(OnnxEngine(options, quantized, tried), validation)
        return float(np.mean((approximate - exact) ** 2))

    def clip(name: str, begun: Calibration, least: float) -> tuple[float, Calibration]:
        """The least error of clipping one range, and the ranges with it."""
        best, (low, high) = begun, begun[name]
        for times in range(1, MAX_CLIPS + 1):
            left = CLIP_FACTOR**times
            tried = {**begun, name: (left * low, left * high)}
            tried_error = error(tried)
            if tried_error < (1 - MIN_GAIN) * least:
                least, best = tried_error, tried
            if not tried_error < TOO_COARSE * least:
                break
        return least, best

    least, best = error(ranges), ranges
    alone = {name: clip(name, ranges, least)[0] for name in ranges}
    # where one range spoils all, the gains of the others are noise: the worst comes first
    for name in sorted((name for name in alone if alone[name] < least), key=alone.__getitem__):
        least, best = clip(name, best, least)
    return best


def log_probs(engine: OnnxEngine, pairs: Pairs) -> Float[np.ndarray, " T"]:
    """Of all tokens of these translations, concatenated."""
    batches = []
    for begin in range(0, len(pairs), BATCH_PAIRS):
        sources, targets = zip(*pairs[begin : begin + BATCH_PAIRS], strict=True)
        batches += [one.log_probs for one in engine.force(sources, targets)]
    return np.concatenate(batches)
