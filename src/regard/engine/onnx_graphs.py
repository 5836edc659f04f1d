"""The graphs of the CPU engine, one for each of its uses, drawn from the parts of the network."""

from collections.abc import Callable, Sequence

import numpy as np

from regard.circles import CIRCLE, PERIODS
from regard.engine.onnx_cells import Carried
from regard.engine.onnx_graph import Graph
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
    best = g("ArgMax", logits, axis=-1, keepdims=1)
    chance = g("GatherElements", g("Softmax", logits, axis=-1), best, axis=-1)
    g.output(made[-2], "written", "int64", "T", 1, 1)
    g.output(words.named(g, best), "best", "int64", "T", 1, 1)
    g.output(g("Log", chance), "log_probs", "float32", "T", 1, 1)
    return g


TOLD = {
    "parent": "int64",
    "token": "int64",
    "total": "float64",
    "kept": "int64",
    "run": "int64",
    "is_end": "bool",
    "is_circling": "bool",
    "is_full": "bool",
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

    N rows go on at each step, dead ones with a log-probability of -inf.
    """
    memory, first = draw_encoder(g, network)
    limit, size = g.input("limit", "int64"), g.input("size", "int64", 1)
    body = draw_beam(g, network, memory, words, [limit, size, g.input("rounds", "int64")])
    rows = g("Concat", size, g.ints(CIRCLE), axis=0)
    states = g("Concat", g.ints(1), size, g.ints(1), axis=0)
    start = [
        g("Expand", g.constant([[START]], "int64"), g("Concat", g.ints(1), size, axis=0)),
        g.input("first_log_prob", "float64", "N"),
        g.ints(0),
        *(g("Expand", value, rows) for value in no_rounds(g, 1)),
        *(g("Expand", value, states) for value in named(first, "carried").values()),
    ]
    going = g.constant(True, "bool")
    made = g.many("Loop", [limit, going, *start], len(start) + len(TOLD), body=body.proto())
    for (name, element), value in zip(TOLD.items(), made[len(start) :], strict=True):
        g.output(value, name, element, "T", *places_of(name))
    return g


def places_of(name: str) -> tuple[int | str, ...]:
    return ("C", CIRCLE) if name == "run" else ("C",)


def draw_beam(
    g: Graph, network: Network, memory: Memory, words: Words, bounds: Sequence[str]
) -> Graph:
    """One step of a beam. The 2 N likeliest candidates are looked at, for at most N are </s>.

    Its bounds: tokens of a translation, hypotheses, and rounds of a circle.
    """
    limit, size, allowed = bounds
    body = Graph("loop/", g)
    number = body.input("number", "int64")
    body.input("goes_on", "bool")
    token, log_prob = body.input("token", "int64", 1, "N"), body.input("log_prob", "float64", "N")
    found = body.input("found", "int64", 1)
    run, behind = (body.input(name, "int64", "N", CIRCLE) for name in ("run", "behind"))
    output, after = network.step(body, token, carried_inputs(body, network, 1, "N"), memory)
    logits = network.logits(body, output, words.picked)
    token, parent, total = likeliest_candidates(body, logits, log_prob, size, words)
    is_end, is_other = likeliest_of_each_kind(body, total, token, size)
    run, behind, rounds = go_round(
        body,
        body("Unsqueeze", token, body.ints(-1)),
        body("Gather", run, parent),
        body("Gather", behind, parent),
    )
    too_many = body("Greater", body("Squeeze", rounds, body.ints(-1)), allowed)
    is_circling = body("And", is_other, too_many)
    is_last = body("GreaterOrEqual", body("Add", number, body.constant(1, "int64")), limit)
    is_full = body("And", body("And", is_other, body("Not", is_circling)), is_last)
    is_found = body("Or", body("Or", is_end, is_circling), is_full)
    found = body("Add", found, count(body, is_found))
    goes_on = body("And", is_other, body("Not", body("Or", is_circling, is_full)))
    goes_on = body("And", goes_on, body("Less", found, size))
    order, kept = first_true(body, goes_on, size)
    body.result(body("Squeeze", body("Greater", count(body, goes_on), body.ints(0))), "bool")
    body.result(body("Unsqueeze", body("Gather", token, kept), body.ints(0)), "int64", 1, "N")
    is_alive = body("Greater", order, body.constant(0, "int64"))
    dead = body.constant(-np.inf, "float64")
    body.result(body("Where", is_alive, body("Gather", total, kept), dead), "float64", "N")
    body.result(found, "int64", 1)
    body.result(body("Gather", run, kept), "int64", "N", CIRCLE)
    body.result(body("Gather", behind, kept), "int64", "N", CIRCLE)
    from_row = body("Gather", parent, kept)
    for value in named(after, "after").values():
        body.result(body("Gather", value, from_row, axis=1), "float32", 1, "N", "H")
    told = parent, token, total, kept, run, is_end, is_circling, is_full
    for (name, element), value in zip(TOLD.items(), told, strict=True):
        body.result(value, element, *places_of(name))
    return body


def likeliest_candidates(
    g: Graph, logits: str, log_prob: str, size: str, words: Words
) -> tuple[str, str, str]:
    """Token, parent and ln probability of the C likeliest continuations, likeliest first."""
    k = g("Add", size, g.ints(1))
    likely, log_probs = few_likeliest(g, logits, k, words)
    added = g("Cast", g("Squeeze", log_probs, g.ints(0)), to=11)
    totals = g("Add", added, g("Unsqueeze", log_prob, g.ints(-1)))
    flat = g("Reshape", totals, g.ints(-1))
    total, best = g.many("TopK", [flat, g("Mul", size, g.ints(2))], 2)
    return g("Gather", g("Reshape", likely, g.ints(-1)), best), g("Div", best, k), total


def likeliest_of_each_kind(g: Graph, total: str, token: str, size: str) -> tuple[str, str]:
    """Which candidates [C] are </s> and among the `size` likeliest, and which among as many others.

    The candidates come likeliest first.
    """
    is_possible = g("Greater", total, g.constant(-1e30, "float64"))
    is_end = g("And", g("Equal", token, g.constant(END, "int64")), is_possible)
    is_other = g("And", g("Not", is_end), is_possible)
    zero = g.constant(0, "int64")
    others = g("CumSum", g("Cast", is_other, to=7), zero, exclusive=1)
    place = g("Range", zero, g("Squeeze", g("Size", total)), g.constant(1, "int64"))
    return (
        g("And", is_end, g("Less", place, size)),
        g("And", is_other, g("Less", others, size)),
    )


def first_true(g: Graph, chosen: str, size: str) -> tuple[str, str]:
    """The places of the first `size` that are chosen; behind them others, whose order is 0."""
    zero = g.constant(0, "int64")
    behind = g("Range", g("Squeeze", g("Size", chosen)), zero, g.constant(-1, "int64"))
    order, place = g.many("TopK", [g("Where", chosen, behind, zero), size], 2)
    return order, place


def count(g: Graph, chosen: str) -> str:
    """How many are chosen, as a vector of one."""
    return g("ReduceSum", g("Cast", chosen, to=7), keepdims=1)


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


# Circles, as circles.Circles counts them


def no_rounds(g: Graph, rows: int) -> list[str]:
    return [
        g.tensor("no_run", np.zeros((rows, CIRCLE), np.int64)),
        g.tensor("nothing_behind", np.tile([START] + [-1] * (CIRCLE - 1), (rows, 1))),
    ]


def go_round(g: Graph, token: str, run: str, behind: str) -> tuple[str, str, str]:
    """`run` and `behind` [N P] with `token` [N 1] written, and the rounds [N 1] that it makes."""
    same = g("Cast", g("Equal", behind, token), to=7)
    run = g("Mul", g("Add", run, g.constant(1, "int64")), same)
    behind = g(
        "Slice",
        g("Concat", token, behind, axis=-1),
        g.ints(0),
        g.ints(CIRCLE),
        g.ints(-1),
    )
    full = g("Div", run, g.constant(PERIODS.tolist(), "int64"))
    most = g("ReduceMax", full, g.ints(-1), keepdims=1)
    return run, behind, g("Add", most, g.constant(1, "int64"))
