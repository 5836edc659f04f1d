"""Draw greedy search as a Loop: of a single sentence, of a batch, and as a draft to be verified."""

from typing import NamedTuple

from regard.engine.onnx import graphs
from regard.engine.onnx.candidates import CandidateTokens, candidate_inputs, full_vocabulary
from regard.engine.onnx.decoder import Memory
from regard.engine.onnx.graph import Graph, LoopBody, Result, Value
from regard.engine.onnx.network import Network
from regard.engine.onnx.search_state import SearchState, StateLayout
from regard.special import END, START


def greedy_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """A single sentence from its source to its translation in one call."""
    loop = SingleLoop(network, candidates, *graphs.encode_single(g, network, candidates, 1))
    log_probs = loop.logits.log_softmax()
    chosen = log_probs.draw("ReduceMax", [2])
    steps = loop.run(g.constant([[START]], "int64"), log_probs, chosen, 1)
    output_written(g, steps.tokens, steps.weights, 1)
    g.output(steps.reported, "log_probs", "T", 1, 1, 1)


def output_written(g: Graph, tokens: Value, weights: Value, sentences: int | str) -> None:
    g.output(tokens, "tokens", "T", sentences, 1)
    g.output(weights, "weights", "T", sentences, 1, 1, "S")


def draft_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """Greedy search among the allowed tokens; then the choice among all, for all tokens at once.

    The memory and the first state are output for `continued_draft_graph`, with the caches after the
    last token.
    """
    memory, first = graphs.encode_single(g, network, candidates, 1)
    graphs.output_memory(g, network, memory)
    final = draw_draft(g, network, memory, first, g.constant([[START]], "int64"))
    layout = StateLayout(network, False, 1, 1)
    layout.output_first(g, first)
    layout.output_caches(g, final)


def continued_draft_graph(g: Graph, network: Network, _: CandidateTokens) -> None:
    """The same after the tokens `prefix` [1 P], of which <s> is the first, and `token` [1 1]; the
    caches are those of the prefix."""
    memory = graphs.memory_inputs(g, network)
    layout = StateLayout(network, False, 1, 1)
    prefix, token = g.input("prefix", "int64", 1, "P"), g.input("token", "int64", 1, 1)
    resumed = network.decoder.resume(prefix, layout.inputs(g).decoder)
    final = draw_draft(g, network, memory, SearchState(resumed, []), token)
    layout.output_caches(g, final)


def draw_draft(
    g: Graph, network: Network, memory: Memory, first: SearchState, token: Value
) -> SearchState:
    """The draft and its verification; returns the state after the last token."""
    everything, width = full_vocabulary(network.tokens, False), network.sizes.embedding_size
    loop = SingleLoop(network, candidate_inputs(g, network, False), memory, first)
    steps = loop.run(token, loop.logits, loop.step.output, width)
    logits = everything.logits(network, steps.reported.reshape(1, -1, width), [])
    best, log_probs = everything.top_k(logits, [1])
    output_written(g, steps.tokens, steps.weights, 1)
    g.output(best, "best", 1, "T", 1)
    g.output(log_probs, "log_probs", 1, "T", 1)
    return steps.final


class LoopSteps(NamedTuple):
    """What each step of a loop outputs."""

    tokens: Value
    """T 1 1"""
    weights: Value
    """T 1 1 1 S"""
    reported: Value
    """T 1 1 W"""
    final: SearchState
    """After the last token but one, which is the last that was read."""


class SingleLoop:
    """The greedy loop of a single sentence, up to the logits [1 1 W] of a step."""

    def __init__(
        self, network: Network, candidates: CandidateTokens, memory: Memory, first: SearchState
    ) -> None:
        self.candidates, self.first = candidates, first
        self.layout = StateLayout(network, candidates.has_symbols, 1, 1)
        self.body = LoopBody(memory.states[0].graph)
        token = self.body.input("token", "int64", 1, 1)
        before = self.layout.inputs(self.body)
        self.missing = before.strike_out(token)
        self.step = network.decoder.step(token, before.decoder, memory, None, has_one_row=True)
        self.logits = candidates.logits(network, self.step.output, self.missing)

    def run(self, token: Value, scores: Value, output: Value, width: int) -> LoopSteps:
        """Choose the tokens of greatest `scores` after `token`, until </s> or the limit; `output`
        [1 1 W] of each step is reported."""
        g, body = self.body.root, self.body
        token_after = self.candidates.tokens_at(scores.argmax())
        # the logits of <pad> and <s> are -inf, and all tokens but these are greater than </s>
        go_on, after = (token_after > END).reshape(), SearchState(self.step.state, self.missing)
        results: list[Result] = [(token_after, 1, 1), *self.layout.results(after)]
        results += [(token_after, 1, 1), (self.step.weights, 1, 1, 1, "S"), (output, 1, 1, width)]
        first = [token, *self.first.flat()]
        _, *final, tokens, weights, reported = body.loop(
            g.input("limit", "int64"), first, go_on, results
        )
        return LoopSteps(tokens, weights, reported, self.layout.unflatten(final))


def greedy_batch_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """Some steps of greedy search of a batch, until all its sentences have ended."""
    memory, token = graphs.memory_inputs(g, network), g.input("token", "int64", "B", 1)
    layout, body = StateLayout(network, candidates.has_symbols, "B", 1), LoopBody(g)
    before = body.input("token", "int64", "B", 1)
    unfinished = body.input("unfinished", "bool", "B", 1)
    state = layout.inputs(body)
    missing = state.strike_out(before)
    step = network.decoder.step(before, state.decoder, memory, None, has_one_row=True)
    best, log_probs = candidates.top_k(candidates.logits(network, step.output, missing), [1])
    tokens = best.squeeze(-1)
    unfinished = unfinished & ~tokens.equals(END)
    go_on = unfinished.cast("int64").sum() > 0
    results: list[Result] = [(tokens, "B", 1), (unfinished, "B", 1)]
    results += layout.results(SearchState(step.state, missing))
    results += [(tokens, "B", 1), (log_probs.squeeze(-1), "B", 1), (step.weights, "B", 1, 1, "S")]
    first = [token, token.equals(token), *layout.inputs(g).flat()]
    *final, tokens, log_probs, weights = body.loop(g.input("steps", "int64"), first, go_on, results)
    layout.output(g, layout.unflatten(final[2:]))
    output_written(g, tokens, weights, "B")
    g.output(log_probs, "log_probs", "T", "B", 1)
