"""Draw beam search (`search.beam`) as a Loop: of a single sentence and of a batch.

Each of B sentences has N rows, one for each hypothesis. Of the C = 2 N best candidates of a step at
most N are </s>; the N best others are the rows of the next step. A dead row has a log-probability
of -inf.
"""

from collections.abc import Sequence

import numpy as np

from regard.engine.onnx import graphs
from regard.engine.onnx.candidates import CandidateTokens
from regard.engine.onnx.decoder import Memory
from regard.engine.onnx.graph import Graph, LoopBody, Result, Spec, Value, concat, where
from regard.engine.onnx.network import Network
from regard.engine.onnx.search_state import NEXT, STATES, SearchState, StateLayout
from regard.search.repetition import MAX_PERIOD
from regard.special import END, PAD, START

STEP_OUTPUTS: dict[str, Spec] = {
    "parent": ("int64", ("C",)),
    "token": ("int64", ("C",)),
    "total": ("float64", ("C",)),
    "kept": ("int64", ("N",)),
    "is_repeating": ("bool", ("N",)),
    "weights": ("float32", (1, "N", "S")),
}
"""What a step outputs for each sentence: the fields of `BeamSteps`."""

BEAM_STATE: dict[str, Spec] = {
    "token": ("int64", ("N",)),
    "log_prob": ("float64", ("N",)),
    "ended": ("float32", ()),
    "repetition": ("int64", ("N", 2 * MAX_PERIOD)),
}
"""The states of the loop for each sentence: the last token of each row, its log-probability, how
many hypotheses have ended, and the repetition state of each row."""

LIMITS: dict[str, Spec] = {
    "size": ("int64", (1,)),  # N
    "first_row": ("int64", ("B", 1)),  # of each sentence, among the rows of all
    "may_end": ("float32", ("C",)),  # 1 for each candidate that may end a hypothesis
    "too_long": ("int64", ("B", 1, MAX_PERIOD)),  # run of each period that ends a hypothesis
    "enough": ("float32", ()),  # ended hypotheses that finish a sentence
    "last_step": ("int64", ("B",)),  # of each sentence
    "fewest": ("int64", ()),  # unfinished sentences that end the loop
    "steps": ("int64", ()),  # of the loop, at most
}
"""The inputs that bound a search; `batch.beam_limits` computes them."""

NO_REPETITION = np.array([0] * MAX_PERIOD + [START] + [-1] * (MAX_PERIOD - 1))
"""The repetition state before the first token: the run of each period
(`repetition.RepetitionCounts`), and the last tokens, the last one first."""

DEAD = -np.inf


def limit(g: Graph, name: str) -> Value:
    element, shape = LIMITS[name]
    return g.root.input(name, element, *shape)


def beam_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """A single sentence from its source to all that a beam finds."""
    memory, first = graphs.encode_single(g, network, candidates, "N")
    draw_beam(g, network, candidates, memory, first.repeat(limit(g, "size")))


def beam_batch_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """Some steps of the beams of a batch, until few of its sentences are unfinished."""
    layout = StateLayout(network, candidates.has_symbols, "B", "N")
    memory, first = graphs.memory_inputs(g, network), layout.inputs(g)
    final = draw_beam(g, network, candidates, memory, first)
    layout.output(g, layout.unflatten(final[len(BEAM_STATE) :]))
    for (name, (_, shape)), value in zip(BEAM_STATE.items(), final, strict=False):
        g.output(value, f"{NEXT}{STATES}.{name}", "B", *shape)


def draw_beam(
    g: Graph, network: Network, candidates: CandidateTokens, memory: Memory, state: SearchState
) -> list[Value]:
    """The loop and its outputs of each step; returns the final states."""
    first = [*g.input_table(BEAM_STATE, "B", prefix=f"{STATES}."), *state.flat()]
    body, go_on, step_results = draw_beam_step(g, network, candidates, memory)
    results = body.loop(limit(g, "steps"), first, go_on, step_results)
    unfinished, *outputs = results[len(first) :]
    g.output(unfinished, "unfinished", "T", "B")
    for (name, (_, shape)), value in zip(STEP_OUTPUTS.items(), outputs, strict=True):
        g.output(value, name, "T", "B", *shape)
    return results[: len(first)]


def draw_beam_step(
    g: Graph, network: Network, candidates: CandidateTokens, memory: Memory
) -> tuple[LoopBody, Value, list[Result]]:
    """One step of all beams: the body of the loop, whether to go on, and its results."""
    body, size = LoopBody(g), limit(g, "size")
    token, log_prob, ended, repetition = body.input_table(BEAM_STATE, "B")
    layout = StateLayout(network, candidates.has_symbols, "B", "N")
    before = layout.inputs(body)
    missing = before.strike_out(token)
    step = network.decoder.step(token, before.decoder, memory, None, has_one_row=False)
    tokens, log_probs = candidates.top_k(candidates.logits(network, step.output, missing), size + 1)
    if candidates.has_symbols:  # an impossible </s> ends nothing
        tokens = where(log_probs > DEAD, tokens, PAD)
    parent, token, total = expand(tokens, log_probs, log_prob, size)
    newly_ended, total_unended = split_off_ended(token, total)
    log_prob, kept, row, next_token = keep_best(parent, token, total_unended, size)
    repetition, repeats = count_repetition(repetition, row, next_token)
    stopped = repeats & (log_prob > DEAD)
    ended = ended + newly_ended + stopped.cast("float32").sum(1)
    unfinished = (ended < limit(g, "enough")) & (body.number < limit(g, "last_step"))
    go_on = unfinished.cast("int64").sum() > limit(g, "fewest")
    next_state = next_token, where(stopped, DEAD, log_prob), ended, repetition
    outputs = parent, token, total, kept, stopped, step.weights
    results = with_shapes(next_state, BEAM_STATE)
    results += layout.results(SearchState(step.state, missing).pick(row))
    return body, go_on, [*results, (unfinished, "B"), *with_shapes(outputs, STEP_OUTPUTS)]


def with_shapes(values: Sequence[Value], specs: dict[str, Spec]) -> list[Result]:
    return [(value, "B", *shape) for value, (_, shape) in zip(values, specs.values(), strict=True)]


def expand(tokens: Value, log_probs: Value, log_prob: Value, size: Value) -> tuple[Value, ...]:
    """The candidates [B C]: parent row, token and total log-probability; `tokens` are [B N k].

    In numpy: totals = (log_probs + log_prob[..., None]).reshape(B, N * k);
    best = argsort(-totals)[:, :2 * N]; best // k, tokens.reshape(B, N * k)[best], totals[best].
    """
    totals = log_probs.cast("float64") + log_prob.unsqueeze(-1)
    total, best = totals.reshape(0, -1).top_k(size * 2)
    return best // (size + 1), tokens.reshape(0, -1).gather_elements(best, axis=1), total


def split_off_ended(token: Value, total: Value) -> tuple[Value, Value]:
    """How many candidates end a hypothesis [B], and the totals [B C] of the others.

    In numpy: is_end = token == END; where(is_end, may_end, 0).sum(1), where(is_end, -inf, total).
    """
    is_end = token.equals(END)
    return where(is_end, limit(token.graph, "may_end"), 0.0).sum(1), where(is_end, DEAD, total)


def keep_best(parent: Value, token: Value, total: Value, size: Value) -> tuple[Value, ...]:
    """The next rows [B N]: log-probability, candidate, row that they continue, and token.

    In numpy: kept = argsort(-total)[:, :N]; total[kept], kept, parent[kept] + first_row,
    token[kept].
    """
    log_prob, kept = total.top_k(size)
    row = parent.gather_elements(kept, axis=1) + limit(total.graph, "first_row")
    return log_prob, kept, row, token.gather_elements(kept, axis=1)


def count_repetition(state: Value, row: Value, token: Value) -> tuple[Value, Value]:
    """The repetition states [B N 2P] of the next rows, and whether a row repeats itself too much.

    In numpy: run, last = split(state.reshape(B * N, 2 * P)[row], 2, -1);
    run = (run + 1) * (last == token); last = [token, *last[:-1]]; (run >= too_long).any(-1).
    """
    run, last = state.reshape(-1, 2 * MAX_PERIOD)[row].split(MAX_PERIOD, MAX_PERIOD)
    token = token.unsqueeze(-1)
    run = (run + 1) * last.equals(token).cast("int64")
    longest = (run - limit(token.graph, "too_long")).max(-1)
    state = concat([run, token, last], axis=-1).draw("Slice", [0], [2 * MAX_PERIOD], [-1])
    return state, longest >= 0
