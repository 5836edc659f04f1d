"""The graphs of the CPU engine, one for each of its uses, drawn from the parts of the network."""

from collections.abc import Callable

import numpy as np

from regard.circles import CIRCLE
from regard.engine.onnx_cells import Carried
from regard.engine.onnx_graph import ELEMENTS, Graph
from regard.engine.onnx_network import Memory, Network, join_heads
from regard.engine.onnx_words import (
    Words,
    allowed_words,
    few_likeliest,
    hand_out,
    picked_words,
    whole_vocabulary,
)
from regard.special import END, START

Draw = Callable[[Network], Graph]


def encoding(network: Network) -> Graph:
    """From the source to what the decoder looks at, and what it carries first [B 1 H]."""
    g = Graph()
    memory, first = draw_encoder(g, network)
    g.output(memory.states, "states", "float32", "B", "A", "S", "C")
    for number, value in enumerate(memory.keys):
        if value:
            g.output(value, f"keys.{number}", "float32", "B", "A", "K", "S")
    for name, value in named(first, "carried").items():
        g.output(value, name, "float32", "B", 1, "H")
    return g


def picking(network: Network) -> Graph:
    """What the allowed tokens' logits need, once for a batch."""
    g = Graph()
    hand_out(g, network, allowed_words(g, network).picked)
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


def writing(network: Network) -> Graph:
    """One sentence from its tokens to its translation: the whole greedy loop in one call."""
    every = whole_vocabulary(network)
    return draw_greedy(Graph(), network, every, every)


def drafting(network: Network) -> Graph:
    """The same, but the loop chooses among the allowed tokens; what it would have chosen among all
    is told afterwards."""
    g = Graph()
    return draw_greedy(g, network, allowed_words(g, network), whole_vocabulary(network))


def writing_allowed(network: Network) -> Graph:
    """The same, of the allowed tokens."""
    g = Graph()
    words = allowed_words(g, network)
    return draw_greedy(g, network, words, words)


def draw_greedy(g: Graph, network: Network, tried: Words, words: Words) -> Graph:
    """The loop chooses among the words that are tried. Behind it the best of all words and their ln
    probability are found for all tokens at once."""
    memory, first = draw_encoder(g, network)
    if network.compares:
        memory = memory._replace(closed="")  # a sentence alone has no padding
    body = Graph("loop/", g)
    body.input("number", "int64")
    body.input("goes_on", "bool")
    token = body.input("token", "int64", 1, 1)
    output, after = network.step(body, token, carried_inputs(body, network, 1, 1), memory)
    logits = network.logits(body, output, tried.picked)
    token = tried.named(body, body("ArgMax", logits, axis=-1, keepdims=0))
    is_end = body("Equal", token, body.constant(END, "int64"))
    body.result(body("Not", body("Reshape", is_end, body.ints())), "bool")
    body.result(token, "int64", 1, 1)
    for value in named(after, "after").values():
        body.result(value, "float32", 1, 1, "H")
    body.result(token, "int64", 1, 1)
    body.result(output, "float32", 1, 1, "M")
    start = [g.constant([[START]], "int64"), *named(first, "carried").values()]
    limit, going = g.input("limit", "int64"), g.constant(True, "bool")
    made = g.many("Loop", [limit, going, *start], len(start) + 2, body=body.proto())
    outputs = g("Squeeze", made[-1], g.ints(1))
    logits = network.logits(g, outputs, words.picked)
    best, log_probs = few_likeliest(g, logits, g.ints(1), words)
    g.output(made[-2], "written", "int64", "T", 1, 1)
    g.output(best, "best", "int64", "T", 1, 1)
    g.output(log_probs, "log_probs", "float32", "T", 1, 1)
    return g


def writing_together(network: Network) -> Graph:
    """Some steps of the greedy loop for sentences side by side, until all of them have ended."""
    g = Graph()
    return draw_greedy_together(g, network, whole_vocabulary(network))


def writing_together_allowed(network: Network) -> Graph:
    """The same, of the allowed tokens."""
    g = Graph()
    return draw_greedy_together(g, network, picked_words(g, network))


def draw_greedy_together(g: Graph, network: Network, words: Words) -> Graph:
    memory = memory_inputs(g, network)
    token = g.input("token", "int64", "B", 1)
    first = named(carried_inputs(g, network, "B", 1), "carried")
    body = Graph("loop/", g)
    body.input("number", "int64")
    body.input("goes_on", "bool")
    before, is_open = body.input("token", "int64", "B", 1), body.input("open", "bool", "B", 1)
    output, after = network.step(body, before, carried_inputs(body, network, "B", 1), memory)
    logits = network.logits(body, output, words.picked)
    likely, log_probs = few_likeliest(body, logits, body.ints(1), words)
    written = body("Squeeze", likely, body.ints(-1))
    is_end = body("Equal", written, body.constant(END, "int64"))
    is_open = body("And", is_open, body("Not", is_end))
    open_ones = body("ReduceSum", body("Cast", is_open, to=ELEMENTS["int64"]), keepdims=0)
    body.result(body("Greater", open_ones, body.constant(0, "int64")), "bool")
    body.result(written, "int64", "B", 1)
    body.result(is_open, "bool", "B", 1)
    for value in named(after, "after").values():
        body.result(value, "float32", "B", 1, "H")
    body.result(written, "int64", "B", 1)
    body.result(body("Squeeze", log_probs, body.ints(-1)), "float32", "B", 1)
    all_open = g("Equal", token, token)
    going = g.constant(True, "bool")
    start = [token, all_open, *first.values()]
    steps = g.input("steps", "int64")
    made = g.many("Loop", [steps, going, *start], len(start) + 2, body=body.proto())
    for name, value in zip(named(after, "after"), made[2:], strict=False):
        g.output(value, name, "float32", "B", 1, "H")
    g.output(made[-2], "written", "int64", "T", "B", 1)
    g.output(made[-1], "log_probs", "float32", "T", "B", 1)
    return g


TOLD = {
    "parent": ("int64", "C"),
    "token": ("int64", "C"),
    "total": ("float64", "C"),
    "kept": ("int64", "N"),
    "goes_round": ("bool", "N"),
}
"""What a beam tells of each step, as `search.Candidates`."""


def searching(network: Network) -> Graph:
    """One sentence from its tokens to all that a beam finds."""
    return draw_search(Graph(), network, whole_vocabulary(network))


def searching_allowed(network: Network) -> Graph:
    """The same, of the allowed tokens."""
    g = Graph()
    return draw_search(g, network, allowed_words(g, network))


def draw_search(g: Graph, network: Network, words: Words) -> Graph:
    """`search.beam` inside a loop's body.

    N rows go on at each step, dead ones with a log-probability of -inf. Of the 2 N likeliest
    candidates, for at most N are </s>, the N likeliest others go on.
    """
    memory, first = draw_encoder(g, network)
    if network.compares:
        memory = memory._replace(closed="")  # a sentence alone has no padding
    size, may_end = g.input("size", "int64", 1), g.input("may_end", "float32", "C")
    k, candidates = g("Add", size, g.ints(1)), g("Mul", size, g.ints(2))
    body = Graph("loop/", g)
    body.input("number", "int64")
    body.input("goes_on", "bool")
    token, log_prob = body.input("token", "int64", 1, "N"), body.input("log_prob", "float64", "N")
    found, trail = body.input("found", "float32"), body.input("trail", "int64", "N", 2 * CIRCLE)
    output, after = network.step(body, token, carried_inputs(body, network, 1, "N"), memory)
    logits = network.logits(body, output, words.picked)
    likely, log_probs = few_likeliest(body, logits, k, words)
    added = body("Cast", body("Squeeze", log_probs, body.ints(0)), to=ELEMENTS["float64"])
    totals = body("Add", added, body("Unsqueeze", log_prob, body.ints(-1)))
    total, best = body.many("TopK", [body("Reshape", totals, body.ints(-1)), candidates], 2)
    token = body("Gather", body("Reshape", likely, body.ints(-1)), best)
    parent = body("Div", best, k)
    none, dead = body.number(0.0), body.constant(-np.inf, "float64")
    is_end = body("Equal", token, body.constant(END, "int64"))
    ended = body("ReduceSum", body("Where", is_end, may_end, none), keepdims=0)
    log_prob, kept = body.many("TopK", [body("Where", is_end, dead, total), size], 2)
    trail, rounds = go_round(body, body("Gather", trail, parent), token)
    is_alive = body("Greater", log_prob, dead)
    goes_round = body("And", is_alive, body("Gather", rounds, kept))
    stopped = body("ReduceSum", body("Where", goes_round, body.number(1.0), none), keepdims=0)
    found = body("Add", found, body("Add", ended, stopped))
    body.result(body("Less", found, g.input("enough", "float32")), "bool")
    body.result(body("Unsqueeze", body("Gather", token, kept), body.ints(0)), "int64", 1, "N")
    body.result(body("Where", goes_round, dead, log_prob), "float64", "N")
    body.result(found, "float32")
    body.result(body("Gather", trail, kept), "int64", "N", 2 * CIRCLE)
    from_row = body("Gather", parent, kept)
    for value in named(after, "after").values():
        body.result(body("Gather", value, from_row, axis=1), "float32", 1, "N", "H")
    told = parent, token, total, kept, goes_round
    for value, (element, place) in zip(told, TOLD.values(), strict=True):
        body.result(value, element, place)
    states = g("Concat", g.ints(1), size, g.ints(1), axis=0)
    start = [
        g("Expand", g.constant([[START]], "int64"), g("Concat", g.ints(1), size, axis=0)),
        g.input("first_log_prob", "float64", "N"),
        g.number(0.0),
        g("Expand", g.constant(NO_TRAIL, "int64"), g("Concat", size, g.ints(1), axis=0)),
        *(g("Expand", value, states) for value in named(first, "carried").values()),
    ]
    limit, going = g.input("limit", "int64"), g.constant(True, "bool")
    made = g.many("Loop", [limit, going, *start], len(start) + len(TOLD), body=body.proto())
    for value, (name, (element, place)) in zip(made[len(start) :], TOLD.items(), strict=True):
        g.output(value, name, element, "T", place)
    return g


NO_TRAIL = [[0] * CIRCLE + [START] + [-1] * (CIRCLE - 1)]
"""How long a row has repeated itself with each period, as in `circles.Circles`, and the tokens that
it has written last, the last one first."""


def go_round(g: Graph, trail: str, token: str) -> tuple[str, str]:
    """The trails [C 2P] with `token` [C] written, and whether each has made too many rounds."""
    run, behind = g.many("Split", [trail, g.ints(CIRCLE, CIRCLE)], 2, axis=1)
    token = g("Unsqueeze", token, g.ints(-1))
    same = g("Cast", g("Equal", behind, token), to=ELEMENTS["int64"])
    run = g("Mul", g("Add", run, g.constant(1, "int64")), same)
    longest = g("ReduceMax", g("Sub", run, g.root.input("too_long", "int64", CIRCLE)), g.ints(1))
    trail = g("Concat", run, token, behind, axis=1)
    trail = g("Slice", trail, g.ints(0), g.ints(2 * CIRCLE), g.ints(1))
    rounds = g("GreaterOrEqual", g("Squeeze", longest, g.ints(1)), g.constant(0, "int64"))
    return trail, rounds


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
    flat = g("Reshape", states, g.ints(-1, network.options.states))
    first = network.begin(g, g("Gather", flat, last))
    return (
        network.remember(g, states, closed),
        [[g("Unsqueeze", value, g.ints(1)) for value in carried] for carried in first],
    )


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
