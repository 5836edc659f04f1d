"""Between which numbers the inputs of each int8 product lie, found by reading text."""

from collections.abc import Sequence

import numpy as np

from regard.config import ModelOptions
from regard.engine.onnx import graphs as onnx_graphs
from regard.engine.onnx.engine import OnnxEngine
from regard.engine.onnx.network import Network
from regard.engine.onnx.products import Observed
from regard.engine.onnx.session import Sessions
from regard.engine.quantize import quantise
from regard.engine.weight_shapes import products_of
from regard.shapes import Float
from regard.special import Ids
from regard.storage.folder import Tensors
from regard.storage.model_file import Calibration

Pairs = Sequence[tuple[Ids, Ids]]

JUDGES = 60
"""Pairs whose reading tells whether a range is better cut."""

TOGETHER = 20
"""Pairs that are read side by side."""

NARROWER = 0.75
"""What is left of a range that is cut."""

GAIN = 0.05
"""Least part of the error that a cut must take away."""

TOO_FAR = 2.0
"""Times the least error: beyond it nothing is gained by cutting more."""

CUTS = 24
"""Times that a range is cut, at most."""


def observe(options: ModelOptions, tensors: Tensors, pairs: Pairs) -> Calibration:
    """The least and the greatest input of each product, in reading these pairs in fp32."""
    engine = OnnxEngine(options, tensors, {})
    engine.sessions = Sessions(Network(options, Observed(tensors)), 1)
    ranges: dict[str, tuple[float, float]] = {}
    for source, target in pairs:
        found = engine.sessions.run(onnx_graphs.reading, engine.known([source], [target]))
        for name in products_of(options):
            least, greatest = float(found[f"{name}.Min"]), float(found[f"{name}.Max"])
            before = ranges.get(name, (least, greatest))
            ranges[name] = min(least, before[0]), max(greatest, before[1])
    return ranges


def narrow(
    options: ModelOptions, tensors: Tensors, ranges: Calibration, pairs: Pairs
) -> Calibration:
    """The same ranges, cut where int8 then reads these pairs more as fp32 does.

    The 256 steps have to cover the whole range, so one number far out makes them coarse for all
    others; states of an SSRU have no bounds. What lies outside of a cut range counts as its end.
    """
    places = np.unique(np.linspace(0, len(pairs) - 1, JUDGES).astype(np.int64))
    judges = [pairs[place] for place in places]
    wanted = log_probs(OnnxEngine(options, tensors, {}), judges)
    rounded = quantise(tensors)

    def error(tried: Calibration) -> float:
        found = log_probs(OnnxEngine(options, rounded, tried), judges)
        return float(np.mean((found - wanted) ** 2))

    def cut(name: str, begun: Calibration, least: float) -> tuple[float, Calibration]:
        """The best cut of one range, and the error it leaves."""
        best, (low, high) = begun, begun[name]
        for times in range(1, CUTS + 1):
            left = NARROWER**times
            tried = {**begun, name: (left * low, left * high)}
            found = error(tried)
            if found < (1 - GAIN) * least:
                least, best = found, tried
            if not found < TOO_FAR * least:
                break
        return least, best

    least, best = error(ranges), ranges
    alone = {name: cut(name, ranges, least)[0] for name in ranges}
    # where one range spoils all, what others seem to gain is chance: the worst comes first
    for name in sorted((name for name in alone if alone[name] < least), key=alone.__getitem__):
        least, best = cut(name, best, least)
    return best


def log_probs(engine: OnnxEngine, pairs: Pairs) -> Float[np.ndarray, " T"]:
    """Natural logarithms, of all tokens of these translations in a row."""
    readings = []
    for begin in range(0, len(pairs), TOGETHER):
        sources, targets = zip(*pairs[begin : begin + TOGETHER], strict=True)
        readings += [one.log_probs for one in engine.force(sources, targets)]
    return np.concatenate(readings)
