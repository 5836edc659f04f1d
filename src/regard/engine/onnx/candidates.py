"""Choose the next token among candidates: the whole vocabulary, or a shortlist."""

from collections.abc import Sequence
from typing import NamedTuple

from regard.engine.onnx.graph import Graph, Operand, Size, Value
from regard.engine.onnx.network import Network
from regard.engine.onnx.products import GatheredRows
from regard.engine.onnx.shortlist import BLOCK
from regard.engine.onnx.symbols import search_bias
from regard.special import PAD, PLACEHOLDER_IDS, START

MAX_TOP_K = BLOCK
"""The greatest k of `CandidateTokens.top_k`."""

WIDTH = 64
"""The width of a block of logits of the whole vocabulary."""


class CandidateTokens(NamedTuple):
    """The tokens among which a graph chooses."""

    rows: GatheredRows | None
    """Their rows of the output matrix; None for the whole vocabulary."""
    tokens: Value | None
    """B W; None for the whole vocabulary."""
    width: int
    """The width of a block of logits in `CandidateTokens.top_k`."""
    columns: Size
    """The number of logits; those of the whole vocabulary are padded to at least MAX_TOP_K full
    blocks."""
    has_symbols: bool
    """Whether sentences may require placeholder symbols; without them all are impossible."""

    def logits(self, network: Network, output: Value, missing: Sequence[Value]) -> Value:
        """Of the next token; `missing` is empty in graphs without symbols (`missing_inputs`)."""
        if self.rows is not None:
            logits = network.gathered_logits(output, self.rows)
        else:
            assert isinstance(self.columns, int)
            logits = network.logits(output, self.columns, impossible_tokens(self.has_symbols))
        for symbols in missing:
            logits = logits + search_bias(symbols, self.columns)
        return logits

    def top_k(self, logits: Value, k: Operand) -> tuple[Value, Value]:
        """The k most likely tokens [B N k] by `logits` [B N W], and their log-probabilities.

        They are in the k blocks of logits with the greatest maxima. k is at most MAX_TOP_K.
        """
        blocks = logits.log_softmax().reshape(0, 0, -1, self.width)
        block = blocks.max(-1).top_k(k)[1]
        chosen = blocks.gather_batched(block, batch_dims=2)
        log_probs, index = chosen.reshape(0, 0, -1).top_k(k)
        first = block.gather_elements(index // self.width, axis=-1)
        return self.tokens_at(first * self.width + index % self.width), log_probs

    def tokens_at(self, index: Value) -> Value:
        """The tokens of the logits at `index` [B ...]."""
        return index if self.tokens is None else self.tokens.gather_batched(index, batch_dims=1)


def impossible_tokens(has_symbols: bool) -> Sequence[int]:
    """The tokens that no search of a graph writes, with or without placeholder symbols."""
    return [PAD, START] if has_symbols else [PAD, START, *PLACEHOLDER_IDS]


def full_vocabulary(tokens: int, has_symbols: bool) -> CandidateTokens:
    width = block_width(tokens)
    blocks = max(MAX_TOP_K, -(-tokens // width))
    return CandidateTokens(None, None, width, blocks * width, has_symbols)


def candidate_inputs(g: Graph, network: Network, has_symbols: bool) -> CandidateTokens:
    """The tokens that the graph is given (`shortlist.pad_to_blocks`)."""
    tokens = g.input("allowed", "int64", "B", "W")
    rows = network.gather_output(tokens, impossible_tokens(has_symbols))
    return CandidateTokens(rows, tokens, BLOCK, tokens.size(1), has_symbols)


def picked_tokens(g: Graph, network: Network, has_symbols: bool) -> CandidateTokens:
    """The same, with the rows that another graph has gathered (`output_picked`)."""
    scale_type = network.arithmetic.scale_type
    columns = g.input("output_rows.columns", network.arithmetic.column_type, "B", "M", "W")
    scales = g.input("output_rows.scales", scale_type, "B", 1, "W") if scale_type else None
    bias = g.input("output_rows.bias", "float32", "B", 1, "W")
    rows = GatheredRows(columns, scales, bias)
    tokens = g.input("allowed", "int64", "B", "W")
    return CandidateTokens(rows, tokens, BLOCK, tokens.size(1), has_symbols)


def output_picked(g: Graph, rows: GatheredRows) -> None:
    g.output(rows.columns, "output_rows.columns", "B", "M", "W")
    if rows.scales is not None:
        g.output(rows.scales, "output_rows.scales", "B", 1, "W")
    g.output(rows.bias, "output_rows.bias", "B", 1, "W")


def block_width(tokens: int) -> int:
    """WIDTH, or less where a small vocabulary would not fill MAX_TOP_K blocks."""
    return min(WIDTH, -(-tokens // MAX_TOP_K))
