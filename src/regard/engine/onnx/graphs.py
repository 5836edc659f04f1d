"""The graphs of the CPU engine that hold no loop of a search, and what all graphs share."""

from collections.abc import Sequence

from regard.engine.onnx.candidates import (
    CandidateTokens,
    candidate_inputs,
    impossible_tokens,
    output_picked,
)
from regard.engine.onnx.decoder import ENCODER_STATES, Memory
from regard.engine.onnx.graph import Graph, Spec, Value, concat, full
from regard.engine.onnx.network import Network
from regard.engine.onnx.recurrent_decoder import RecurrentDecoder
from regard.engine.onnx.scores import join_heads
from regard.engine.onnx.search_state import Axis, SearchState, StateLayout
from regard.engine.onnx.self_attention import SelfAttended
from regard.engine.onnx.symbols import SYMBOLS, forced_bias

MEMORY_INPUTS: dict[str, Spec] = {
    "mask_bias": ("float32", ("B", 1, 1, "S")),
    "final_index": ("int64", ("B",)),
}
"""Made by `layout.encoder_inputs`, as the inputs of the encoders."""

MASK_BIAS, FINAL_INDEX = MEMORY_INPUTS
WRITTEN_SYMBOLS = "written_symbols"


def encoder_graph(g: Graph, network: Network, _: CandidateTokens) -> None:
    """What the decoder attends to, and its first state, from the source."""
    memory, first = encode(g, network, "N")
    output_memory(g, network, memory)
    StateLayout(network, False, "B", "N").output(g, first, prefix="")


def shortlist_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """The rows of the output matrix for the allowed tokens, once for a batch."""
    rows = candidate_inputs(g, network, candidates.has_symbols).rows
    assert rows is not None
    output_picked(g, rows)


def input_table_graph(g: Graph, network: Network, _: CandidateTokens) -> None:
    """The tables that steps look up (`RecurrentDecoder.lookup_inputs`)."""
    assert isinstance(network.decoder, RecurrentDecoder)
    vocabulary = g.input("vocabulary", "int64", 1, "V")
    for part, table in enumerate(network.decoder.input_tables(vocabulary)):
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
    memory, first = encode(g, network, 1)
    previous = g.input("previous_tokens", "int64", "B", "T")
    layers, output = network.decoder.forced_pass(previous, first.decoder, memory, None)
    log_probs = forced_log_probs(g, network, candidates, output)
    tokens = g.input("tokens", "int64", "B", "T")
    chosen = log_probs.gather_elements(tokens.unsqueeze(-1), axis=2).squeeze(-1)
    g.output(chosen, "log_probs", "B", "T")
    for number, layer in enumerate(layers):
        g.output(layer.attention.weights, f"weights.{number}", "B", "A", "T", "S")


def trace_graph(g: Graph, network: Network, candidates: CandidateTokens) -> None:
    """Given translations, with all intermediate results; `bias` is added to the scores."""
    states, encoder_attentions = network.encoder.encode(g)
    mask_bias, final_index = g.input_table(MEMORY_INPUTS)
    memory = network.decoder.memory(states, mask_bias)
    first = network.decoder.first_state(final_states(network, states, final_index), True)
    bias = g.input("bias", "float32", "B", 1, "T", "S")
    previous = g.input("previous_tokens", "int64", "B", "T")
    layers, output = network.decoder.forced_pass(previous, first, memory, bias)
    log_probs = forced_log_probs(g, network, candidates, output)
    g.output(log_probs, "log_probs", "B", "T", "V")
    g.output(states, ENCODER_STATES, "B", "S", "E")
    for name, values in zip(network.decoder.memory_names, memory.states, strict=False):
        if name != ENCODER_STATES:
            g.output(join_heads(values, network.sizes.heads), name, "B", "S", "C")
    output_self_attentions(g, "encoder", encoder_attentions, "S")
    output_self_attentions(
        g, "decoder", [layer.self_attention for layer in layers if layer.self_attention], "T"
    )
    for number, (hidden, attention, output, _) in enumerate(layers):
        g.output(hidden, f"hidden.{number}", "B", "T", "H")
        g.output(attention.scores, f"scores.{number}", "B", "A", "T", "S")
        g.output(attention.weights, f"weights.{number}", "B", "A", "T", "S")
        context = join_heads(attention.context, network.sizes.heads)
        g.output(context, f"context.{number}", "B", "T", "C")
        g.output(output, f"output.{number}", "B", "T", "M")


# What they share


def encode(g: Graph, network: Network, rows: Axis) -> tuple[Memory, SearchState]:
    """What the decoder attends to, and its first state with one hypothesis, for a search of so many
    `rows`."""
    states = network.encoder.encode(g).states
    mask_bias, final_index = g.input_table(MEMORY_INPUTS)
    final = final_states(network, states, final_index)
    first = network.decoder.first_state(final, has_one_row=rows == 1)
    padded = pad_states(states, mask_bias.size(3), network.sizes.encoder_size)
    return network.decoder.memory(padded, mask_bias), SearchState(first, [])


def pad_states(states: Value, width: Value, size: int) -> Value:
    """The encoder states [B S E] with zeros, as many as the mask has more columns."""
    shape = states.graph.shape(states.size(0), width - states.size(1), size)
    return concat([states, full(0.0, shape)], axis=1)


def final_states(network: Network, states: Value, final_index: Value) -> Value:
    """The states at </s> [B E]."""
    return states.reshape(-1, network.sizes.encoder_size)[final_index]


def encode_single(
    g: Graph, network: Network, candidates: CandidateTokens, rows: Axis
) -> tuple[Memory, SearchState]:
    """The same of a single sentence, with the symbols that it requires."""
    memory, first = encode(g, network, rows)
    layout = StateLayout(network, candidates.has_symbols, 1, 1)
    missing = [g.input(part.name, part.element, *part.shape) for part in layout.missing]
    return memory, first._replace(missing=missing)


def output_memory(g: Graph, network: Network, memory: Memory) -> None:
    """Output what `memory_inputs` declares, except for the mask."""
    for name, states in zip(network.decoder.memory_names, memory.states, strict=False):
        g.output(states, name, "B", "A", "S", "C")
    for number, keys in enumerate(memory.keys):
        if keys is not None:
            g.output(keys, f"keys.{number}", "B", "A", "K", "S")


def output_self_attentions(
    g: Graph, side: str, attentions: Sequence[SelfAttended], axis: str
) -> None:
    for number, attention in enumerate(attentions):
        g.output(attention.scores, f"{side}_scores.{number}", "B", "A", axis, axis)
        g.output(attention.weights, f"{side}_weights.{number}", "B", "A", axis, axis)


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
    before = StateLayout(network, candidates.has_symbols, "_", "n").inputs(g).pick(parents)
    missing = before.strike_out(tokens)
    step = network.decoder.step(tokens, before.decoder, memory, bias, has_one_row=False)
    after = StateLayout(network, candidates.has_symbols, "B", "N")
    after.output(g, SearchState(step.state, missing))
    g.output(step.weights, "weights", "B", 1, "N", "S")
    return candidates.logits(network, step.output, missing)


def output_ranked(g: Graph, tokens: Value, log_probs: Value) -> None:
    g.output(tokens, "best", "B", "N", "k")
    g.output(log_probs, "log_probs", "B", "N", "k")


def memory_inputs(g: Graph, network: Network) -> Memory:
    decoder, layers = network.decoder, network.sizes.decoder_layers
    keys = tuple(
        g.input(f"keys.{number}", "float32", "B", "A", "K", "S") if decoder.compares else None
        for number in range(layers)
    )
    states = [g.input(name, "float32", "B", "A", "S", "C") for name in decoder.memory_names]
    of_layers = states if len(states) == layers else states * layers
    return Memory(tuple(of_layers), keys, g.input(MASK_BIAS, "float32", "B", 1, 1, "S"))
