"""The graphs of the CPU engine, one for each of its uses, drawn from the parts of the network."""

from regard.engine.onnx.candidates import (
    Words,
    allowed_words,
    few_likeliest,
    hand_out,
    picked_words,
    whole_vocabulary,
)
from regard.engine.onnx.cells import Carried
from regard.engine.onnx.graph import Graph
from regard.engine.onnx.network import Memory, Network, join_heads


def encoding(network: Network) -> Graph:
    """From the source to what the decoder looks at, and what it carries first [B 1 H]."""
    g = Graph()
    tell_memory(g, *draw_encoder(g, network))
    return g


def picking(network: Network) -> Graph:
    """What the allowed tokens' logits need, once for a batch."""
    g = Graph()
    hand_out(g, network, allowed_words(g, network).picked)
    return g


def tabling(network: Network) -> Graph:
    """What steps look up of each token (`Network.look_up`)."""
    g = Graph()
    for part, table in enumerate(network.tables(g, g.input("every", "int64", 1, "V"))):
        g.output(g("Squeeze", table, g.ints(0)), f"table.{part}", "float32", "V", "_")
    return g


def stepping(network: Network) -> Graph:
    """One step, and the few likeliest tokens."""
    g = Graph()
    return draw_few(g, network, whole_vocabulary(network))


def stepping_allowed(network: Network) -> Graph:
    """The same, of the allowed tokens."""
    g = Graph()
    return draw_few(g, network, picked_words(g, network))


def draw_few(g: Graph, network: Network, words: Words) -> Graph:
    logits = network.logits(g, draw_step(g, network), words.picked)
    likely, log_probs = few_likeliest(g, logits, g.input("k", "int64", 1), words)
    return ranked(g, likely, log_probs)


def adjusting(network: Network) -> Graph:
    """One step, with something added to the logits, and any number of likeliest tokens."""
    g = Graph()
    logits = network.logits(g, draw_step(g, network))
    places, amounts = g.input("adjusted", "int64", "J", 3), g.input("amounts", "float32", "J")
    logits = g("ScatterND", logits, places, amounts, reduction="add")
    all_log_probs = g("LogSoftmax", logits, axis=-1)
    log_probs, likely = g.many("TopK", [all_log_probs, g.input("k", "int64", 1)], 2)
    return ranked(g, likely, log_probs)


def reading(network: Network) -> Graph:
    """Known translations, all tokens at once: ln probabilities, and every look."""
    g = Graph()
    memory, first = draw_encoder(g, network)
    before, after = g.input("before", "int64", "B", "T"), g.input("after", "int64", "B", "T")
    layers = network.read_known(g, before, first, memory)
    log_probs = g("LogSoftmax", network.logits(g, layers[-1].output), axis=-1)
    chosen = g("GatherElements", log_probs, g("Unsqueeze", after, g.ints(-1)), axis=2)
    g.output(g("Squeeze", chosen, g.ints(-1)), "log_probs", "float32", "B", "T")
    for number, layer in enumerate(layers):
        g.output(layer.look.weights, f"weights.{number}", "float32", "B", "A", "T", "S")
    return g


def tracing(network: Network) -> Graph:
    """Known translations, and all that is worked out on the way; `bias` [B 1 T S] added."""
    g = Graph()
    memory, first = draw_encoder(g, network)
    bias = g.input("bias", "float32", "B", 1, "T", "S")
    layers = network.read_known(g, g.input("before", "int64", "B", "T"), first, memory, bias)
    log_probs = g("LogSoftmax", network.logits(g, layers[-1].output), axis=-1)
    g.output(log_probs, "log_probs", "float32", "B", "T", "V")
    g.output(
        join_heads(g, memory.states, network.options.heads), "states", "float32", "B", "S", "E"
    )
    for number, (hidden, look, output) in enumerate(layers):
        g.output(hidden, f"hidden.{number}", "float32", "B", "T", "H")
        g.output(look.scores, f"scores.{number}", "float32", "B", "A", "T", "S")
        g.output(look.weights, f"weights.{number}", "float32", "B", "A", "T", "S")
        context = join_heads(g, look.context, network.options.heads)
        g.output(context, f"context.{number}", "float32", "B", "T", "E")
        g.output(output, f"output.{number}", "float32", "B", "T", "M")
    return g


# What they are made of


def draw_encoder(g: Graph, network: Network) -> tuple[Memory, list[Carried]]:
    source = g.input("source", "int64", "B", "S")
    onward, back = (
        g.input("onward", "int64", "S", "B", "D"),
        g.input("back", "int64", "S", "B", "D"),
    )
    closed = g.input("closed", "float32", "B", 1, 1, "S")
    last = g.input("last", "int64", "B")
    states = network.encode(g, source, onward, back)
    flat = g("Reshape", states, g.ints(-1, network.options.encoder_size))
    first = network.begin(g, g("Gather", flat, last))
    return (
        network.remember(g, states, closed),
        [[g("Unsqueeze", value, g.ints(1)) for value in carried] for carried in first],
    )


def tell_memory(g: Graph, memory: Memory, first: list[Carried]) -> None:
    """What `memory_inputs` and `carried_inputs` ask for, but for where a look may rest."""
    g.output(memory.states, "states", "float32", "B", "A", "S", "C")
    for number, value in enumerate(memory.keys):
        if value:
            g.output(value, f"keys.{number}", "float32", "B", "A", "K", "S")
    for name, value in named(first, "carried").items():
        g.output(value, name, "float32", "B", 1, "H")


def draw_step(g: Graph, network: Network) -> str:
    """What is fed forward [B N M] behind each token, from where its parent's state was."""
    tokens, parents = g.input("tokens", "int64", "B", "N"), g.input("parents", "int64", "B", "N")
    bias = g.input("bias", "float32", "b", 1, "n", "s")
    memory = memory_inputs(g, network)
    carried = [
        [g("Gather", g("Reshape", one, g.ints(-1, cell.hidden_size)), parents) for one in former]
        for former, cell in zip(carried_inputs(g, network, "_", "n"), network.cells, strict=True)
    ]
    output, after = network.step(g, tokens, carried, memory, bias)
    for name, value in named(after, "after").items():
        g.output(value, name, "float32", "B", "N", "H")
    return output


def ranked(g: Graph, likely: str, log_probs: str) -> Graph:
    g.output(likely, "likely", "int64", "B", "N", "k")
    g.output(log_probs, "log_probs", "float32", "B", "N", "k")
    return g


def memory_inputs(g: Graph, network: Network) -> Memory:
    keys = [
        g.input(f"keys.{number}", "float32", "B", "A", "K", "S") if network.compares else ""
        for number in range(len(network.cells))
    ]
    return Memory(
        g.input("states", "float32", "B", "A", "S", "C"),
        tuple(keys),
        g.input("closed", "float32", "B", 1, 1, "S"),
    )


def carried_inputs(
    g: Graph, network: Network, sentences: int | str, rows: int | str
) -> list[Carried]:
    return [
        [
            g.input(f"carried.{number}.{part}", "float32", sentences, rows, cell.hidden_size)
            for part in range(cell.carried)
        ]
        for number, cell in enumerate(network.cells)
    ]


def named(layers: list[Carried], name: str) -> dict[str, str]:
    """What the layers carry, by name."""
    return {
        f"{name}.{number}.{part}": value
        for number, carried in enumerate(layers)
        for part, value in enumerate(carried)
    }
