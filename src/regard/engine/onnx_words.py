"""The tokens among which a graph chooses the next: the whole vocabulary, or a shortlist's."""

from typing import NamedTuple

from regard.engine.arithmetic import Picked
from regard.engine.onnx_graph import Graph
from regard.engine.onnx_network import EVERY, Network
from regard.engine.shortlist import BLOCK

FEW = 16
"""As many likeliest tokens are found through the greatest of each block of logits."""


class Words(NamedTuple):
    """The tokens among which is chosen."""

    picked: Picked
    tokens: str
    """W; "" where they are the whole vocabulary."""
    own: str
    """B W: 1 for the tokens of a sentence, 0 for those of others; "" where all are its own."""
    mask: str
    """B 1 W: 0 for the tokens of a sentence, -inf for those of others; "" as above."""
    width: int
    """Of a block of logits."""

    def named(self, g: Graph, places: str) -> str:
        """The tokens at these places among the words."""
        return g("Gather", self.tokens, places) if self.tokens else places


def whole_vocabulary(network: Network) -> Words:
    return Words(EVERY, "", "", "", block_width(network.tokens))


def allowed_words(g: Graph, network: Network) -> Words:
    """Those that are given to the graph; see `shortlist.fill_up`."""
    tokens = g.input("allowed", "int64", "W")
    return Words(network.pick_words(g, tokens), tokens, "", "", BLOCK)


def picked_words(g: Graph, network: Network) -> Words:
    """Those that another graph has picked (`hand_out`); some are closed to some sentences."""
    columns, scales = network.arithmetic.picked_types
    picked = Picked(
        g.input("words.columns", columns, "M", "W"),
        g.input("words.scales", scales, "W") if scales else "",
        g.input("words.bias", "float32", "W"),
    )
    own, mask = (
        g.input("words.own", "float32", "B", "W"),
        g.input("words.mask", "float32", "B", 1, "W"),
    )
    return Words(picked, g.input("allowed", "int64", "W"), own, mask, BLOCK)


def hand_out(g: Graph, network: Network, picked: Picked) -> None:
    columns, scales = network.arithmetic.picked_types
    g.output(picked.columns, "words.columns", columns, "M", "W")
    if scales:
        g.output(picked.scales, "words.scales", scales, "W")
    g.output(picked.bias, "words.bias", "float32", "W")


def few_likeliest(g: Graph, logits: str, k: str, words: Words) -> tuple[str, str]:
    """The `k` likeliest of the words [B N k], at most FEW, from `logits` [B N W]; ln probability.

    They stand in those k blocks of logits whose greatest is greatest.
    """
    blocks = g("Add", logits, words.mask) if words.mask else logits
    blocks = g("Reshape", blocks, g.ints(0, 0, -1, words.width))
    greatest = g("ReduceMax", blocks, g.ints(-1), keepdims=0)
    block = g.many("TopK", [greatest, k], 2)[1]
    candidates = g("GatherND", blocks, g("Unsqueeze", block, g.ints(-1)), batch_dims=2)
    flat = g("Reshape", candidates, g.ints(0, 0, -1))
    values, place = g.many("TopK", [flat, k], 2)
    size = g.constant(words.width, "int64")
    first = g("GatherElements", block, g("Div", place, size), axis=-1)
    places = g("Add", g("Mul", first, size), g("Mod", place, size))
    # ln Σ exp, from the probability of the likeliest, which is never too small to be a number
    front = g.ints(0), g.ints(1), g.ints(-1)
    best = g("Slice", places, *front)
    chances = g("Softmax", logits, axis=-1)
    chance = g("GatherElements", chances, best, axis=-1)
    if words.mask:
        chance = g("Div", chance, g("MatMul", chances, g("Unsqueeze", words.own, g.ints(-1))))
    total = g("Sub", g("Slice", values, *front), g("Log", chance))
    return words.named(g, places), g("Sub", values, total)


def block_width(tokens: int) -> int:
    """The divisor of `tokens` that lies nearest to 64, where there are at least FEW blocks."""
    divisors = [width for width in range(1, tokens // FEW + 1) if tokens % width == 0]
    return min(divisors, key=lambda width: abs(width - 64))
