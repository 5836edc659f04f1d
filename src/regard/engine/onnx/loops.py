"""Whole searches as graphs: the greedy loop and the beam's, of one sentence and of many."""

import numpy as np

from regard.engine.onnx.candidates import (
    Words,
    allowed_words,
    few_likeliest,
    picked_words,
    whole_vocabulary,
)
from regard.engine.onnx.cells import Carried
from regard.engine.onnx.graph import ELEMENTS, Graph
from regard.engine.onnx.graphs import (
    carried_inputs,
    draw_encoder,
    memory_inputs,
    named,
    tell_memory,
)
from regard.engine.onnx.network import Memory, Network
from regard.search.repetition import MAX_PERIOD
from regard.special import END, START


def writing(network: Network) -> Graph:
    """One sentence from its tokens to its translation: the whole greedy loop in one call."""
    return draw_greedy(Graph(), network, whole_vocabulary(network))


def writing_allowed(network: Network) -> Graph:
    """The same, of the allowed tokens."""
    g = Graph()
    return draw_greedy(g, network, allowed_words(g, network))


def draw_greedy(g: Graph, network: Network, words: Words) -> Graph:
    loop = GreedyLoop(g, network, words, *draw_encoder_of_one(g, network))
    log_probs = loop.body("LogSoftmax", loop.logits, axis=-1)
    chosen = loop.body("ReduceMax", log_probs, loop.body.ints(2))
    written, log_probs = loop.close(g.constant([[START]], "int64"), log_probs, chosen, 1)
    g.output(written, "written", "int64", "T", 1, 1)
    g.output(log_probs, "log_probs", "float32", "T", 1, 1, 1)
    return g


def drafting(network: Network) -> Graph:
    """The loop chooses among the allowed tokens; what it would have chosen among all is found
    behind it, for all tokens at once. What the decoder looks at is told, for `drafting_on`."""
    g = Graph()
    memory, first = draw_encoder_of_one(g, network)
    tell_memory(g, memory, first)
    return draw_draft(g, network, memory, first, g.constant([[START]], "int64"))


def drafting_on(network: Network) -> Graph:
    """The same behind the tokens `known` [1 P], <s> the first: `token` [1 1] is behind them."""
    g = Graph()
    memory, first = of_one(memory_inputs(g, network), network), carried_inputs(g, network, 1, 1)
    known, token = g.input("known", "int64", 1, "P"), g.input("token", "int64", 1, 1)
    return draw_draft(g, network, memory, network.skim(g, known, first), token)


def draw_draft(
    g: Graph, network: Network, memory: Memory, first: list[Carried], token: str
) -> Graph:
    words, width = whole_vocabulary(network), network.options.embedding_size
    loop = GreedyLoop(g, network, allowed_words(g, network), memory, first)
    written, outputs = loop.close(token, loop.logits, loop.output, width)
    outputs = g("Reshape", outputs, g.ints(1, -1, width))
    best, log_probs = few_likeliest(g, network.logits(g, outputs, words.picked), g.ints(1), words)
    g.output(written, "written", "int64", "T", 1, 1)
    g.output(best, "best", "int64", 1, "T", 1)
    g.output(log_probs, "log_probs", "float32", 1, "T", 1)
    return g


class GreedyLoop:
    """One sentence, from what is carried first to the logits [1 1 W] behind each token that is
    written."""

    def __init__(
        self, g: Graph, network: Network, words: Words, memory: Memory, first: list[Carried]
    ) -> None:
        self.g, self.words = g, words
        self.first, body = named(first, "carried"), Graph("loop/", g)
        self.body = body
        body.input("number", "int64")
        body.input("goes_on", "bool")
        token = body.input("token", "int64", 1, 1)
        carried = carried_inputs(body, network, 1, 1)
        self.output, after = network.step(body, token, carried, memory)
        self.after = named(after, "after")
        self.logits = network.logits(body, self.output, words.picked)

    def close(self, first: str, scores: str, told: str, width: int) -> list[str]:
        """Behind the token `first`, write the one whose score is greatest, until </s>: all tokens
        [T 1 1], and what was told with each [T 1 1 W]."""
        g, body = self.g, self.body
        token = self.words.named(body, body("ArgMax", scores, axis=-1, keepdims=0))
        # nobody writes <pad> or <s>, and the others stand behind </s>
        goes_on = body("Greater", token, body.constant(END, "int64"))
        body.result(body("Reshape", goes_on, body.ints()), "bool")
        body.result(token, "int64", 1, 1)
        for value in self.after.values():
            body.result(value, "float32", 1, 1, "H")
        body.result(token, "int64", 1, 1)
        body.result(told, "float32", 1, 1, width)
        start = [first, *self.first.values()]
        limit, going = g.input("limit", "int64"), g.constant(True, "bool")
        made = g.many("Loop", [limit, going, *start], len(start) + 2, body=body.proto())
        return made[-2:]


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
    "is_repeating": ("bool", "N"),
}
"""What a beam tells of each sentence in each step, as `contract.Candidates`."""

BEAM: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "token": ("int64", ("N",)),
    "log_prob": ("float64", ("N",)),
    "found": ("float32", ()),
    "trail": ("int64", ("N", 2 * MAX_PERIOD)),
}
"""What a beam carries of each sentence: what its N rows wrote last, its ln probability (-inf of a
dead row), how many hypotheses have ended, and the trails of its rows."""

NO_TRAIL = np.array([0] * MAX_PERIOD + [START] + [-1] * (MAX_PERIOD - 1))
"""How long a row has repeated itself with each period, as in `circles.Circles`, and the tokens that
it has written last, the last one first."""


def searching(network: Network) -> Graph:
    """One sentence from its tokens to all that a beam finds."""
    return draw_search_alone(Graph(), network, whole_vocabulary(network))


def searching_allowed(network: Network) -> Graph:
    """The same, of the allowed tokens."""
    g = Graph()
    return draw_search_alone(g, network, allowed_words(g, network))


def searching_together(network: Network) -> Graph:
    """Some steps of a beam for sentences side by side, until few enough go on."""
    return draw_search_together(Graph(), network, whole_vocabulary(network))


def searching_together_allowed(network: Network) -> Graph:
    """The same, of the allowed tokens."""
    g = Graph()
    return draw_search_together(g, network, picked_words(g, network))


def draw_search_alone(g: Graph, network: Network, words: Words) -> Graph:
    memory, first = draw_encoder_of_one(g, network)
    size = g.input("size", "int64", 1)
    rows = g("Concat", g.ints(1), size, g.ints(1), axis=0)
    carried = [g("Expand", value, rows) for value in named(first, "carried").values()]
    draw_search(g, network, words, memory, size, carried)
    return g


def draw_search_together(g: Graph, network: Network, words: Words) -> Graph:
    memory, first = memory_inputs(g, network), carried_inputs(g, network, "B", "N")
    carried, size = [*named(first, "carried").values()], g.input("size", "int64", 1)
    after = draw_search(g, network, words, memory, size, carried)
    for name, value in zip(named(first, "after"), after[len(BEAM) :], strict=True):
        g.output(value, name, "float32", "B", "N", "H")
    for (name, (element, shape)), value in zip(BEAM.items(), after, strict=False):
        g.output(value, f"after.{name}", element, "B", *shape)
    return g


def draw_search(
    g: Graph, network: Network, words: Words, memory: Memory, size: str, carried: list[str]
) -> list[str]:
    """`search.beam` as a loop; what is carried behind it.

    N rows of each sentence go on at each step, dead ones with a log-probability of -inf. Of the 2 N
    likeliest candidates, for at most N are </s>, the N likeliest others go on. The loop ends when
    no more than `fewest` sentences go on.
    """
    beam = [g.input(f"carried.{name}", kind, "B", *shape) for name, (kind, shape) in BEAM.items()]
    start = [*beam, *carried]
    body = draw_search_step(g, network, words, memory, size)
    steps, going = g.input("steps", "int64"), g.constant(True, "bool")
    count = len(start) + 1 + len(TOLD)
    made = g.many("Loop", [steps, going, *start], count, body=body.proto())
    g.output(made[len(start)], "is_open", "bool", "T", "B")
    for value, (name, (element, place)) in zip(made[len(start) + 1 :], TOLD.items(), strict=True):
        g.output(value, name, element, "T", "B", place)
    return made[: len(start)]


def draw_search_step(g: Graph, network: Network, words: Words, memory: Memory, size: str) -> Graph:
    k, candidates = g("Add", size, g.ints(1)), g("Mul", size, g.ints(2))
    first_row = g.input("first_row", "int64", "B", 1)
    body = Graph("loop/", g)
    number, _ = body.input("number", "int64"), body.input("goes_on", "bool")
    token, log_prob, found, trail = (
        body.input(name, element, "B", *shape) for name, (element, shape) in BEAM.items()
    )
    output, after = network.step(body, token, carried_inputs(body, network, "B", "N"), memory)
    logits = network.logits(body, output, words.picked)
    likely, log_probs = few_likeliest(body, logits, k, words)
    added = body("Cast", log_probs, to=ELEMENTS["float64"])
    totals = body("Add", added, body("Unsqueeze", log_prob, body.ints(-1)))
    side_by_side = body.ints(0, -1)
    total, best = body.many("TopK", [body("Reshape", totals, side_by_side), candidates], 2)
    token = body("GatherElements", body("Reshape", likely, side_by_side), best, axis=1)
    parent = body("Div", best, k)
    none, dead = body.number(0.0), body.constant(-np.inf, "float64")
    is_end = body("Equal", token, body.constant(END, "int64"))
    may_end = g.input("may_end", "float32", "C")
    ended = body("ReduceSum", body("Where", is_end, may_end, none), body.ints(1), keepdims=0)
    log_prob, kept = body.many("TopK", [body("Where", is_end, dead, total), size], 2)
    written = body("GatherElements", token, kept, axis=1)
    row = body("Add", body("GatherElements", parent, kept, axis=1), first_row)
    trails = body("Reshape", trail, body.ints(-1, 2 * MAX_PERIOD))
    trail, rounds = go_round(body, body("Gather", trails, row), written)
    goes_round = body("And", rounds, body("Greater", log_prob, dead))
    stopped = body("Where", goes_round, body.number(1.0), none)
    stopped = body("ReduceSum", stopped, body.ints(1), keepdims=0)
    found = body("Add", found, body("Add", ended, stopped))
    is_open = body("Less", found, g.input("enough", "float32"))
    has_room = body("Less", number, g.input("last_step", "int64", "B"))
    is_open = body("And", is_open, has_room)
    count = body("ReduceSum", body("Cast", is_open, to=ELEMENTS["int64"]), keepdims=0)
    body.result(body("Greater", count, g.input("fewest", "int64")), "bool")
    body.result(written, "int64", "B", "N")
    body.result(body("Where", goes_round, dead, log_prob), "float64", "B", "N")
    body.result(found, "float32", "B")
    body.result(trail, "int64", "B", "N", 2 * MAX_PERIOD)
    for value in named(after, "after").values():
        states = body("Reshape", value, body.ints(-1, network.options.decoder_size))
        body.result(body("Gather", states, row), "float32", "B", "N", "H")
    body.result(is_open, "bool", "B")
    told = parent, token, total, kept, goes_round
    for value, (element, place) in zip(told, TOLD.values(), strict=True):
        body.result(value, element, "B", place)
    return body


def go_round(g: Graph, trail: str, token: str) -> tuple[str, str]:
    """The trails [B N 2P] with `token` [B N] written, and whether each has made too many rounds."""
    run, behind = g.many("Split", [trail, g.ints(MAX_PERIOD, MAX_PERIOD)], 2, axis=-1)
    token = g("Unsqueeze", token, g.ints(-1))
    same = g("Cast", g("Equal", behind, token), to=ELEMENTS["int64"])
    run = g("Mul", g("Add", run, g.constant(1, "int64")), same)
    too_long = g.root.input("too_long", "int64", "B", 1, MAX_PERIOD)
    longest = g("ReduceMax", g("Sub", run, too_long), g.ints(-1), keepdims=0)
    trail = g("Concat", run, token, behind, axis=-1)
    trail = g("Slice", trail, g.ints(0), g.ints(2 * MAX_PERIOD), g.ints(-1))
    return trail, g("GreaterOrEqual", longest, g.constant(0, "int64"))


def draw_encoder_of_one(g: Graph, network: Network) -> tuple[Memory, list[Carried]]:
    """Of a sentence alone: it has no padding."""
    memory, first = draw_encoder(g, network)
    return of_one(memory, network), first


def of_one(memory: Memory, network: Network) -> Memory:
    return memory._replace(closed="") if network.compares else memory


ALONE = {writing, writing_allowed, drafting, drafting_on, searching, searching_allowed}
"""Graphs of a single sentence."""
