"""Draw beam search (`search.beam`) as a Loop: of a single sentence and of a batch.

Each of B sentences has N rows, one for each hypothesis. Of the C = 2 N best candidates of a step at
most N are </s>; the N best others are the rows of the next step. A dead row has a log-probability
of -inf.
"""

import numpy as np

from regard.engine.onnx import graphs
from regard.engine.onnx.candidates import CandidateTokens, block_top_k
from regard.engine.onnx.graph import Graph, LoopBody, Spec, Value, concat, where
from regard.engine.onnx.network import Memory, Network
from regard.search.protocols import Candidates
from regard.search.repetition import CIRCLE
from regard.special import END, START

STEP_OUTPUTS: dict[str, Spec] = {
    name: (element, (axis,))
    for name, element, axis in zip(
        Candidates._fields, ("int64", "int64", "float64", "int64", "bool"), "CCCNN", strict=True
    )
}
"""What a step outputs for each sentence: the fields of `Candidates`."""

BEAM_STATE: dict[str, Spec] = {
    "token": ("int64", ("N",)),
    "log_prob": ("float64", ("N",)),
    "found": ("float32", ()),
    "trail": ("int64", ("N", 2 * CIRCLE)),
}
"""The states of the loop for each sentence: the last token of each row, its log-probability, how
many hypotheses have ended, and the repetition state of each row."""

LIMITS: dict[str, Spec] = {
    "size": ("int64", (1,)),
    "first_row": ("int64", ("B", 1)),
    "may_end": ("float32", ("C",)),
    "too_long": ("int64", ("B", 1, CIRCLE)),
    "enough": ("float32", ()),
    "last_step": ("int64", ("B",)),
    "fewest": ("int64", ()),
    "steps": ("int64", ()),
}
"""The bounds of a search: N; each sentence's first row among those of all; 1 for each candidate
that may end a hypothesis; the run of each period that is too long; the number of hypotheses that
end a sentence; its last step; the number of unfinished sentences that end the loop; its steps."""

NO_REPETITION = np.array([0] * CIRCLE + [START] + [-1] * (CIRCLE - 1))
"""The repetition state before the first token: the run of each period (`repetition.Circles`), and
the last tokens, the last one first."""

DEAD = -np.inf


def limit(g: Graph, name: str) -> Value:
    element, shape = LIMITS[name]
    return g.root.input(name, element, *shape)


def beam_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """A single sentence from its source to all that a beam finds."""
    memory, first = graphs.encode_single(g, network)
    rows = g.shape(1, limit(g, "size"), 1)
    draw_beam(g, network, candidates, memory, [value.expand(rows) for value in graphs.flat(first)])


def beam_batch_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """Some steps of the beams of a batch, until few of its sentences are unfinished."""
    memory, first = graphs.memory_inputs(g, network), graphs.state_inputs(g, network, "B", "N")
    limit(g, "size")
    final = draw_beam(g, network, candidates, memory, graphs.flat(first))
    graphs.output_states(
        g, network.by_layer(final[len(BEAM_STATE) :]), graphs.NEXT_STATES, "B", "N"
    )
    for (name, (_, shape)), value in zip(BEAM_STATE.items(), final, strict=False):
        g.output(value, f"{graphs.NEXT_STATES}.{name}", "B", *shape)


def draw_beam(
    g: Graph, network: Network, candidates: CandidateTokens, memory: Memory, first: list[Value]
) -> list[Value]:
    """The loop and its outputs of each step; returns the final states."""
    first = [*g.input_table(BEAM_STATE, "B", prefix=f"{graphs.STATES}."), *first]
    body = draw_beam_step(g, network, candidates, memory)
    results = body.loop(limit(g, "steps"), first)
    unfinished, *outputs = results[len(first) :]
    g.output(unfinished, "is_open", "T", "B")
    for (name, (_, shape)), value in zip(STEP_OUTPUTS.items(), outputs, strict=True):
        g.output(value, name, "T", "B", *shape)
    return results[: len(first)]


def draw_beam_step(
    g: Graph, network: Network, candidates: CandidateTokens, memory: Memory
) -> LoopBody:
    """One step of all beams: the body of the loop."""
    size = limit(g, "size")
    k, count, first_row = size.draw("Add", [1]), size.draw("Mul", [2]), limit(g, "first_row")
    body = LoopBody(g)
    token, log_prob, ended, repetition = body.input_table(BEAM_STATE, "B")
    output, states = network.step(token, graphs.state_inputs(body, network, "B", "N"), memory)
    logits = candidates.logits(network, output)
    parent, token, total = expand(*block_top_k(logits, k, candidates), log_prob, k, count)
    g.constant(0.0, "float32"), g.constant(DEAD, "float64")
    ending, going_on = split_off_ended(token, total, limit(g, "may_end"))
    log_prob, kept = going_on.top_k(size)
    next_token = token.gather_elements(kept, axis=1)
    row = parent.gather_elements(kept, axis=1) + first_row
    repetition = repetition.reshape(-1, 2 * CIRCLE)[row]
    repetition, repeats = update_repetition(repetition, next_token)
    stopped = repeats & (log_prob > DEAD)
    ended = ended + (ending + where(stopped, 1.0, g.constant(0.0, "float32")).sum(1))
    unfinished = (ended < limit(g, "enough")) & (body.number < limit(g, "last_step"))
    body.result(unfinished.cast("int64").sum() > limit(g, "fewest"))
    after = next_token, where(stopped, DEAD, log_prob), ended, repetition
    for value, (_, shape) in zip(after, BEAM_STATE.values(), strict=True):
        body.result(value, "B", *shape)
    for state in graphs.flat(states):
        body.result(state.reshape(-1, network.options.hidden)[row], "B", "N", "H")
    body.result(unfinished, "B")
    outputs = parent, token, total, kept, stopped
    for value, (_, shape) in zip(outputs, STEP_OUTPUTS.values(), strict=True):
        body.result(value, "B", *shape)
    return body


def expand(
    tokens: Value, log_probs: Value, log_prob: Value, k: Value, count: Value
) -> tuple[Value, Value, Value]:
    """The `count` best candidates [B C] of all rows: parent row, token and total log-probability.

    totals = (log_probs + log_prob[..., None]).reshape(B, N * k)
    best = argsort(-totals)[:, :count]
    parent, token, total = best // k, tokens.reshape(B, N * k)[best], totals[best]
    """
    totals = log_probs.cast("float64") + log_prob.unsqueeze(-1)
    total, best = totals.reshape(0, -1).top_k(count)
    token = tokens.reshape(0, -1).gather_elements(best, axis=1)
    return best // k, token, total


def split_off_ended(token: Value, total: Value, may_end: Value) -> tuple[Value, Value]:
    """How many candidates end a hypothesis [B], and the totals [B C] of those that go on.

    (may_end * (token == END)).sum(1), where(token == END, -inf, total)
    """
    is_end = token.equals(END)
    ended = where(is_end, may_end, is_end.graph.constant(0.0, "float32")).sum(1)
    return ended, where(is_end, DEAD, total)


def update_repetition(state: Value, token: Value) -> tuple[Value, Value]:
    """The repetition states [B N 2P] after `token` [B N], and whether a row repeats too much.

    run = (run + 1) * (last == token)
    last = [token, *last[:-1]]
    too_much = (run >= too_long).any()
    """
    run, last = state.split(CIRCLE, CIRCLE)
    token = token.unsqueeze(-1)
    same = last.equals(token).cast("int64")
    run = (run + 1) * same
    longest = (run - limit(token.graph, "too_long")).max(-1)
    state = concat([run, token, last], axis=-1).draw("Slice", [0], [2 * CIRCLE], [-1])
    return state, longest >= 0
