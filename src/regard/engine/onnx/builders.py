"""The table of all graphs of the CPU engine."""

from collections.abc import Callable
from typing import NamedTuple

from regard.engine.onnx.beam_loop import beam_batch_graph, beam_graph
from regard.engine.onnx.candidates import (
    CandidateTokens,
    allowed_tokens,
    picked_tokens,
    whole_vocabulary,
)
from regard.engine.onnx.graph import Graph
from regard.engine.onnx.graphs import (
    biased_step_graph,
    encoder_graph,
    forced_graph,
    input_table_graph,
    shortlist_graph,
    step_graph,
    trace_graph,
)
from regard.engine.onnx.greedy_loop import (
    continued_draft_graph,
    draft_graph,
    greedy_batch_graph,
    greedy_graph,
)
from regard.engine.onnx.network import Network


class GraphKind(NamedTuple):
    """What tells the graphs of a network apart."""

    name: str
    single: bool = False
    """Whether it translates a single sentence from its source on."""
    shortlist: bool = False
    """Whether it chooses among the tokens of a shortlist."""


GraphBuilder = Callable[[Graph, Network, CandidateTokens], None]

BUILDERS: dict[tuple[str, bool], GraphBuilder] = {
    ("encoder", False): encoder_graph,
    ("shortlist", False): shortlist_graph,
    ("input_table", False): input_table_graph,
    ("step", False): step_graph,
    ("biased_step", False): biased_step_graph,
    ("forced", False): forced_graph,
    ("trace", False): trace_graph,
    ("greedy", True): greedy_graph,
    ("greedy", False): greedy_batch_graph,
    ("draft", True): draft_graph,
    ("continued_draft", True): continued_draft_graph,
    ("beam", True): beam_graph,
    ("beam", False): beam_batch_graph,
}
"""By name and `single`."""


def build(kind: GraphKind, network: Network) -> Graph:
    g = Graph()
    if not kind.shortlist:
        candidates = whole_vocabulary(network.tokens)
    else:
        candidates = (allowed_tokens if kind.single else picked_tokens)(g, network)
    BUILDERS[kind.name, kind.single](g, network, candidates)
    return g
