"""The table of all graphs of the CPU engine."""

from collections.abc import Callable
from typing import NamedTuple

from regard.engine.onnx import alignment_head, beam_loop, candidates, graphs, greedy_loop
from regard.engine.onnx.graph import Graph
from regard.engine.onnx.network import Network


class GraphKind(NamedTuple):
    """What tells the graphs of a network apart."""

    name: str
    single: bool = False
    """Whether it translates a single sentence from its source on."""
    shortlist: bool = False
    """Whether it chooses among the tokens of a shortlist."""
    symbols: bool = False
    """Whether sentences may require placeholder symbols; without them all are impossible."""


GraphBuilder = Callable[[Graph, Network, candidates.CandidateTokens], None]

BUILDERS: dict[tuple[str, bool], GraphBuilder] = {
    ("encoder", False): graphs.encoder_graph,
    ("shortlist", False): graphs.shortlist_graph,
    ("input_table", False): graphs.input_table_graph,
    ("step", False): graphs.step_graph,
    ("biased_step", False): graphs.biased_step_graph,
    ("forced", False): graphs.forced_graph,
    ("trace", False): graphs.trace_graph,
    ("alignment", False): alignment_head.alignment_graph,
    ("greedy", True): greedy_loop.greedy_graph,
    ("greedy", False): greedy_loop.greedy_batch_graph,
    ("draft", True): greedy_loop.draft_graph,
    ("continued_draft", True): greedy_loop.continued_draft_graph,
    ("beam", True): beam_loop.beam_graph,
    ("beam", False): beam_loop.beam_batch_graph,
}
"""By name and `single`."""


def build(kind: GraphKind, network: Network) -> Graph:
    g = Graph()
    if not kind.shortlist:
        tokens = candidates.full_vocabulary(network.tokens, kind.symbols)
    elif kind.single:
        tokens = candidates.candidate_inputs(g, network, kind.symbols)
    else:
        tokens = candidates.picked_tokens(g, network, kind.symbols)
    BUILDERS[kind.name, kind.single](g, network, tokens)
    return g
