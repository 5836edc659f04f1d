"""The tokens among which a graph chooses the next: the whole vocabulary, or a shortlist's."""

from typing import NamedTuple

from regard.engine.onnx.graph import Graph
from regard.engine.onnx.network import EVERY, Network
from regard.engine.onnx.products import Picked
from regard.engine.onnx.shortlist import BLOCK

FEW = BLOCK
"""As many likeliest tokens are found through the greatest of each block of logits."""


class Words(NamedTuple):
    """The tokens among which is chosen."""

    picked: Picked
    tokens: str
    """B W: those of each sentence; "" where they are the whole vocabulary."""
    width: int
    """Of a block of logits."""

    def named(self, g: Graph, places: str) -> str:
        """The tokens at these places [B ...] among the words."""
        if not self.tokens:
            return places
        return g("GatherND", self.tokens, g("Unsqueeze", places, g.ints(-1)), batch_dims=1)


def whole_vocabulary(network: Network) -> Words:
    return Words(EVERY, "", block_width(network.tokens))


def allowed_words(g: Graph, network: Network) -> Words:
    """Those that are given to the graph; see `shortlist.fill_up`."""
    tokens = g.input("allowed", "int64", "B", "W")
    return Words(network.pick_words(g, tokens), tokens, BLOCK)


def picked_words(g: Graph, network: Network) -> Words:
    """Those that another graph has picked (`hand_out`)."""
    columns, scales = network.arithmetic.picked_types
    picked = Picked(
        g.input("words.columns", columns, "B", "M", "W"),
        g.input("words.scales", scales, "B", 1, "W") if scales else "",
        g.input("words.bias", "float32", "B", 1, "W"),
    )
    return Words(picked, g.input("allowed", "int64", "B", "W"), BLOCK)


def hand_out(g: Graph, network: Network, picked: Picked) -> None:
    columns, scales = network.arithmetic.picked_types
    g.output(picked.columns, "words.columns", columns, "B", "M", "W")
    if scales:
        g.output(picked.scales, "words.scales", scales, "B", 1, "W")
    g.output(picked.bias, "words.bias", "float32", "B", 1, "W")


def few_likeliest(g: Graph, logits: str, k: str, words: Words) -> tuple[str, str]:
    """The `k` likeliest of the words [B N k], at most FEW, from `logits` [B N W]; ln probability.

    They stand in those k blocks whose greatest is greatest.
    """
    blocks = g("Reshape", g("LogSoftmax", logits, axis=-1), g.ints(0, 0, -1, words.width))
    greatest = g("ReduceMax", blocks, g.ints(-1), keepdims=0)
    block = g.many("TopK", [greatest, k], 2)[1]
    candidates = g("GatherND", blocks, g("Unsqueeze", block, g.ints(-1)), batch_dims=2)
    flat = g("Reshape", candidates, g.ints(0, 0, -1))
    log_probs, place = g.many("TopK", [flat, k], 2)
    size = g.constant(words.width, "int64")
    first = g("GatherElements", block, g("Div", place, size), axis=-1)
    places = g("Add", g("Mul", first, size), g("Mod", place, size))
    return words.named(g, places), log_probs


def block_width(tokens: int) -> int:
    """The divisor of `tokens` that lies nearest to 64, where there are at least FEW blocks."""
    divisors = [width for width in range(1, tokens // FEW + 1) if tokens % width == 0]
    return min(divisors, key=lambda width: abs(width - 64))
