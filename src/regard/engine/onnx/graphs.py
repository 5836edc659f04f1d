"""The graphs of the CPU engine that hold no loop of a search, and what all graphs share."""

from collections.abc import Sequence

from regard.engine.onnx.candidates import (
    CandidateTokens,
    candidate_inputs,
    impossible_tokens,
    output_picked,
)
from regard.engine.onnx.cells import States
from regard.engine.onnx.graph import Graph, Spec, Value
from regard.engine.onnx.network import Memory, Network
from regard.engine.onnx.scores import join_heads
from regard.engine.onnx.symbols import SYMBOLS, forced_bias, strike_out

ENCODER_INPUTS: dict[str, Spec] = {
    "source": ("int64", ("B", "S")),
    "read_index": ("int64", ("S", "B", "D")),
    "restore_index": ("int64", ("S", "B", "D")),
    "mask_bias": ("float32", ("B", 1, 1, "S")),
    "final_index": ("int64", ("B",)),
}
"""Made by `layout.encoder_inputs`."""

MASK_BIAS = "mask_bias"
WRITTEN_SYMBOLS = "written_symbols"
STATES, NEXT_STATES = "state", "next_state"
"""Prefixes of the states of a search that a graph is given, and of those that it outputs."""
MISSING = "missing"
"""The state of the placeholder symbols that a hypothesis has not written yet."""


def encoder_graph(g: Graph, network: Network, _: CandidateTokens) -> None:
    """What the decoder attends to, and its first states [B 1 H], from the source."""
    output_memory(g, *encode(g, network))


def shortlist_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """The rows of the output matrix for the allowed tokens, once for a batch."""
    rows = candidate_inputs(g, network, candidates.has_symbols).rows
    assert rows is not None
    output_picked(g, rows)


def input_table_graph(g: Graph, network: Network, _: CandidateTokens) -> None:
    """The tables that steps look up (`Network.lookup_inputs`)."""
    for part, table in enumerate(network.input_tables(g.input("vocabulary", "int64", 1, "V"))):
        g.output(table.squeeze(0), f"table.{part}", "V", "_")


def step_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """One step, and the k most likely candidates; k is at most MAX_TOP_K."""
    logits = draw_step(g, network, candidates)
    output_ranked(g, *candidates.top_k(logits, g.input("k", "int64", 1)))


def biased_step_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """One step with adjusted logits, and any number of most likely tokens."""
    logits = draw_step(g, network, candidates._replace(columns=network.tokens))
    index, amounts = g.input("adjusted_index", "int64", "J", 3), g.input("amounts", "float32", "J")
    logits = logits.draw("ScatterND", index, amounts, reduction="add")
    log_probs, tokens = logits.log_softmax().top_k(g.input("k", "int64", 1))
    output_ranked(g, tokens, log_probs)


def forced_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """Given translations, all tokens at once: log-probabilities and attention weights."""
    memory, first = encode(g, network)
    previous = g.input("previous_tokens", "int64", "B", "T")
    layers = network.forced_pass(previous, first, memory)
    log_probs = forced_log_probs(g, network, candidates, layers[-1].output)
    tokens = g.input("tokens", "int64", "B", "T")
    chosen = log_probs.gather_elements(tokens.unsqueeze(-1), axis=2).squeeze(-1)
    g.output(chosen, "log_probs", "B", "T")
    for number, layer in enumerate(layers):
        g.output(layer.attention.weights, f"weights.{number}", "B", "A", "T", "S")


def trace_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """Given translations, with all intermediate results; `bias` is added to the scores."""
    memory, first = encode(g, network)
    bias = g.input("bias", "float32", "B", 1, "T", "S")
    previous = g.input("previous_tokens", "int64", "B", "T")
    layers = network.forced_pass(previous, first, memory, bias)
    log_probs = forced_log_probs(g, network, candidates, layers[-1].output)
    g.output(log_probs, "log_probs", "B", "T", "V")
    heads = network.options.heads
    g.output(join_heads(memory.states, heads), "encoder_states", "B", "S", "E")
    for number, (hidden, attention, output) in enumerate(layers):
        g.output(hidden, f"hidden.{number}", "B", "T", "H")
        g.output(attention.scores, f"scores.{number}", "B", "A", "T", "S")
        g.output(attention.weights, f"weights.{number}", "B", "A", "T", "S")
        g.output(join_heads(attention.context, heads), f"context.{number}", "B", "T", "E")
        g.output(output, f"output.{number}", "B", "T", "M")


# What they share


def encode(g: Graph, network: Network) -> tuple[Memory, list[States]]:
    source, read_index, restore_index, mask_bias, final_index = g.input_table(ENCODER_INPUTS)
    states = network.encode(source, read_index, restore_index)
    first = network.first_states(states.reshape(-1, network.options.encoder_size)[final_index])
    memory = network.memory(states, mask_bias)
    return memory, [[one.unsqueeze(1) for one in layer] for layer in first]


def encode_single(g: Graph, network: Network) -> tuple[Memory, list[States]]:
    """The same of a single sentence, which has no padding."""
    memory, first = encode(g, network)
    return without_mask(memory, network), first


def without_mask(memory: Memory, network: Network) -> Memory:
    return memory._replace(mask_bias=None) if network.compares else memory


def output_memory(g: Graph, memory: Memory, first: list[States]) -> None:
    """Output what `memory_inputs` and `state_inputs` declare, except for the mask."""
    g.output(memory.states, "encoder_states", "B", "A", "S", "C")
    for number, keys in enumerate(memory.keys):
        if keys is not None:
            g.output(keys, f"keys.{number}", "B", "A", "K", "S")
    output_states(g, first, STATES, "B", 1)


def forced_log_probs(
    g: Graph, network: Network, candidates: CandidateTokens, output: Value
) -> Value:
    """Of every next token [B T V]; symbols that a translation does not hold are impossible."""
    impossible = impossible_tokens(candidates.has_symbols)
    logits = network.logits(output, network.tokens, impossible)
    if candidates.has_symbols:
        written = g.input(WRITTEN_SYMBOLS, "float32", "B", 1, SYMBOLS)
        logits = logits + forced_bias(written, network.tokens)
    return logits.log_softmax()


def draw_step(g: Graph, network: Network, candidates: CandidateTokens) -> Value:
    """The logits [B N W] after one token of each hypothesis, from its parent's states."""
    tokens, parents = g.input("tokens", "int64", "B", "N"), g.input("parents", "int64", "B", "N")
    bias, memory = g.input("bias", "float32", "b", 1, "n", "s"), memory_inputs(g, network)
    states = [
        [one.reshape(-1, network.options.decoder_size)[parents] for one in layer]
        for layer in state_inputs(g, network, "_", "n")
    ]
    missing = [
        strike_out(one.reshape(-1, SYMBOLS)[parents], tokens)
        for one in missing_inputs(g, candidates, "_", "n")
    ]
    step = network.step(tokens, states, memory, bias)
    output_states(g, step.states, NEXT_STATES, "B", "N")
    output_missing(g, missing, "B", "N")
    g.output(step.weights, "weights", "B", 1, "N", "S")
    return candidates.logits(network, step.output, missing)


def output_ranked(g: Graph, tokens: Value, log_probs: Value) -> None:
    g.output(tokens, "best", "B", "N", "k")
    g.output(log_probs, "log_probs", "B", "N", "k")


def memory_inputs(g: Graph, network: Network) -> Memory:
    keys = tuple(
        g.input(f"keys.{number}", "float32", "B", "A", "K", "S") if network.compares else None
        for number in range(len(network.cells))
    )
    states = g.input("encoder_states", "float32", "B", "A", "S", "C")
    return Memory(states, keys, g.input(MASK_BIAS, "float32", "B", 1, 1, "S"))


def state_inputs(g: Graph, network: Network, sentences: int | str, rows: int | str) -> list[States]:
    return [
        [
            g.input(f"{STATES}.{number}.{part}", "float32", sentences, rows, cell.hidden_size)
            for part in range(cell.state_tensors)
        ]
        for number, cell in enumerate(network.cells)
    ]


def missing_inputs(
    g: Graph, candidates: CandidateTokens, sentences: int | str, rows: int | str
) -> list[Value]:
    """The state of the missing symbols (`symbols`); none in graphs without symbols."""
    if not candidates.has_symbols:
        return []
    return [g.input(f"{STATES}.{MISSING}", "float32", sentences, rows, SYMBOLS)]


def output_missing(g: Graph, missing: Sequence[Value], *rows: int | str) -> None:
    for value in missing:
        g.output(value, f"{NEXT_STATES}.{MISSING}", *rows, SYMBOLS)


def output_states(g: Graph, layers: list[States], prefix: str, *rows: int | str) -> None:
    """Output states under the names of `state_inputs` with another prefix."""
    for number, layer in enumerate(layers):
        for part, value in enumerate(layer):
            g.output(value, f"{prefix}.{number}.{part}", *rows, "H")


def output_search_states(
    g: Graph, network: Network, candidates: CandidateTokens, final: list[Value], *rows: int | str
) -> None:
    """Output the final states of a loop: those of the decoder, and then the missing symbols."""
    decoder = len(final) - (1 if candidates.has_symbols else 0)
    output_states(g, network.by_layer(final[:decoder]), NEXT_STATES, *rows)
    output_missing(g, final[decoder:], *rows)


def flat(layers: list[States]) -> list[Value]:
    return [value for layer in layers for value in layer]
