"""The network of `model/` once more, as an ONNX graph; the names of its weights are the same.

Letters as everywhere: B sentences, S source tokens, T target tokens, N hypotheses of a sentence,
E size of an encoder state, H of a hidden state, A attention heads, L layers. A step reads one token
of each hypothesis [B N], a reading of a known translation all its tokens [B T]; to a look both are
the same, so Q, what looks at once, is N or T.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from regard.config import ModelOptions
from regard.engine.arithmetic import Arithmetic
from regard.engine.onnx_graph import Graph
from regard.special import PAD, START

Carried = list[str]


class Cell:
    """A recurrence: `read` is the product with the inputs, for all tokens at once."""

    carried: int
    """How many vectors go from one token to the next."""
    skipped: int = 0
    """Vectors at the front of PyTorch's state that follow from the others."""

    def __init__(self, arithmetic: Arithmetic, weights: str, hidden: int, is_alone: bool) -> None:
        self.arithmetic, self.weights, self.hidden_size = arithmetic, weights, hidden
        self.is_alone = is_alone

    def input_weights(self) -> str:
        raise NotImplementedError(f"{type(self).__name__} does not say what reads its inputs")

    def input_bias(self) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} does not say what is added")

    def prepare(self, g: Graph, read: str) -> list[str]:  # noqa: ARG002
        """What `once` wants to know of each token."""
        return [read]

    def once(self, g: Graph, prepared: Sequence[str], carried: Sequence[str]) -> Carried:
        """One token further."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it goes on")

    def hidden(self, g: Graph, carried: str) -> str:  # noqa: ARG002
        """The hidden state, from the first vector that is carried."""
        return carried

    def recall(self, g: Graph, hidden: str, bias: np.ndarray | None) -> str:
        name, weights = self.weights + ".recall", [self.weights + ".cell.weight_hh_l0"]
        product = self.arithmetic.row_product if self.is_alone else self.arithmetic.product
        return product(g, hidden, name, weights, bias)


class GRU(Cell):
    carried = 1

    def input_weights(self) -> str:
        return self.weights + ".cell.weight_ih_l0"

    def input_bias(self) -> np.ndarray:
        vector = self.arithmetic.vector
        both = vector(self.weights + ".cell.bias_ih_l0").copy()
        both[: 2 * self.hidden_size] += vector(self.weights + ".cell.bias_hh_l0")[
            : 2 * self.hidden_size
        ]
        return both

    def once(self, g: Graph, prepared: Sequence[str], carried: Sequence[str]) -> Carried:
        size = self.hidden_size
        bias = self.arithmetic.vector(self.weights + ".cell.bias_hh_l0").copy()
        bias[: 2 * size] = 0.0
        recalled = self.recall(g, carried[0], bias)
        sizes = g.ints(2 * size, size)
        gates, fresh = g.many("Split", [prepared[0], sizes], 2, axis=-1)
        more_gates, old = g.many("Split", [recalled, sizes], 2, axis=-1)
        gates = g("Sigmoid", g("Add", gates, more_gates))
        reset, update = g.many("Split", [gates, g.ints(size, size)], 2, axis=-1)
        new = g("Tanh", g("Add", fresh, g("Mul", reset, old)))
        return [g("Add", new, g("Mul", update, g("Sub", carried[0], new)))]


class LSTM(Cell):
    carried = 2

    def input_weights(self) -> str:
        return self.weights + ".cell.weight_ih_l0"

    def input_bias(self) -> np.ndarray:
        vector = self.arithmetic.vector
        return vector(self.weights + ".cell.bias_ih_l0") + vector(self.weights + ".cell.bias_hh_l0")

    def once(self, g: Graph, prepared: Sequence[str], carried: Sequence[str]) -> Carried:
        size = self.hidden_size
        both = g("Add", prepared[0], self.recall(g, carried[0], None))
        sizes = g.ints(2 * size, size, size)
        gates, candidate, out = g.many("Split", [both, sizes], 3, axis=-1)
        enter, forget = g.many("Split", [g("Sigmoid", gates), g.ints(size, size)], 2, axis=-1)
        kept = g("Mul", forget, carried[1])
        cell = g("Add", kept, g("Mul", enter, g("Tanh", candidate)))
        return [g("Mul", g("Sigmoid", out), g("Tanh", cell)), cell]


class SSRU(Cell):
    carried = 1
    skipped = 1

    def input_weights(self) -> str:
        return self.weights + ".gate_and_fresh.weight"

    def input_bias(self) -> np.ndarray:
        return self.arithmetic.vector(self.weights + ".gate_and_fresh.bias")

    def prepare(self, g: Graph, read: str) -> list[str]:
        sizes = g.ints(self.hidden_size, self.hidden_size)
        gate, fresh = g.many("Split", [read, sizes], 2, axis=-1)
        forget = g("Sigmoid", gate)
        return [forget, g("Sub", fresh, g("Mul", forget, fresh))]

    def once(self, g: Graph, prepared: Sequence[str], carried: Sequence[str]) -> Carried:
        return [g("Add", g("Mul", prepared[0], carried[0]), prepared[1])]

    def hidden(self, g: Graph, carried: str) -> str:
        return g("Relu", carried)


CELLS: dict[str, type[Cell]] = {"gru": GRU, "lstm": LSTM, "ssru": SSRU}


def scan(
    g: Graph, name: str, cells: Sequence[Cell], prepared: Sequence[list[str]], first: list[Carried]
) -> list[str]:
    """What each cell carries first ([B T H]) behind each token, from what is prepared [B T _]."""
    body = Graph(f"{g.prefix}{name}/", g)
    given = [
        [
            body.input(f"carried.{c}.{n}", "float32", "B", cell.hidden_size)
            for n in range(cell.carried)
        ]
        for c, cell in enumerate(cells)
    ]
    read = [
        [body.input(f"read.{c}.{n}", "float32", "B", "size") for n in range(len(parts))]
        for c, parts in enumerate(prepared)
    ]
    after = [
        cell.once(body, parts, carried)
        for cell, parts, carried in zip(cells, read, given, strict=True)
    ]
    kept = [carried[0] for carried in after]
    sizes = [cell.hidden_size for cell in cells for _ in range(cell.carried)]
    for one, size in zip([one for carried in after for one in carried], sizes, strict=True):
        body.result(one, "float32", "B", size)
    for one, cell in zip(kept, cells, strict=True):
        body.result(one, "float32", "B", cell.hidden_size)
    scanned = [part for parts in prepared for part in parts]
    states = [one for carried in first for one in carried]
    made = g.many(
        "Scan",
        [*states, *scanned],
        len(states) + len(cells),
        body=body.proto(),
        num_scan_inputs=len(scanned),
        scan_input_axes=[1] * len(scanned),
        scan_output_axes=[1] * len(cells),
    )
    return made[len(states) :]


class Memory(NamedTuple):
    """What the decoder looks at."""

    states: str
    """B A S C"""
    keys: tuple[str, ...]
    """Of each layer, [B A K S], or [B A S K] where the score adds; "" where nothing is compared."""
    closed: str
    """B 1 1 S: 0 where a look may rest, -inf elsewhere."""


class Look(NamedTuple):
    scores: str
    weights: str
    context: str


class Network:
    """Draws the parts of one network into graphs.

    A network `is_alone` where it steps with one row at a time: one hypothesis of one sentence. Its
    numbers are the same; its products are drawn for one row, and nothing is closed to its looks.
    """

    def __init__(
        self, options: ModelOptions, arithmetic: Arithmetic, names: set[str], is_alone: bool
    ) -> None:
        self.options, self.arithmetic, self.is_alone = options, arithmetic, is_alone
        self.step_product = arithmetic.row_product if is_alone else arithmetic.product
        self.source_table = "encoder.embed.table.weight"
        self.target_table = next(
            (n for n in ("decoder.embed.table.weight",) if n in names), self.source_table
        )
        self.word = "decoder.word.weight" if "decoder.word.weight" in names else self.target_table
        self.tokens = len(arithmetic.vector("decoder.word.bias"))
        self.compares = options.attention not in ("none", "uniform")
        self.deep = options.decoder_layers > 1
        cell, hidden = CELLS[options.recurrence], options.hidden
        self.cells = [
            cell(arithmetic, f"decoder.layers.{n}.recur", hidden, is_alone)
            for n in range(options.decoder_layers)
        ]

    # Both sides

    def embed(self, g: Graph, tokens: str, table: str) -> str:
        scaled = self.arithmetic.matrix(table) * np.float32(sqrt(self.options.embedding))
        return g("Gather", g.tensor(f"{table}.rows", scaled), tokens)

    def linear(self, g: Graph, inputs: str, name: str) -> str:
        """Of a step, with its bias."""
        bias = self.arithmetic.vector(f"{name}.bias")
        return self.step_product(g, inputs, name, [f"{name}.weight"], bias)

    def normalise(self, g: Graph, inputs: str, name: str) -> str:
        vector = self.arithmetic.vector
        return g(
            "LayerNormalization",
            inputs,
            g.tensor(f"{name}.weight", vector(f"{name}.weight")),
            g.tensor(f"{name}.bias", vector(f"{name}.bias")),
            axis=-1,
            epsilon=1e-5,
        )

    # Encoder

    def encode(self, g: Graph, source: str, mirrored: str, back: str) -> str:
        """The states [B S E] of `source` [B S]; the places [B·S] are those of `places`."""
        options = self.options
        states = self.embed(g, source, self.source_table)
        for number in range(options.encoder_layers):
            name = f"encoder.layers.{number}"
            carry = f"encoder.carry.{number}.norm"
            written = self.read(g, states, name, mirrored, back)
            if number:
                states = self.normalise(g, g("Add", states, written), carry)
            else:
                first = options.encoder_layers > 1
                states = self.normalise(g, written, carry) if first else written
        return states

    def read(self, g: Graph, inputs: str, name: str, mirrored: str, back: str) -> str:
        """One layer of the encoder; both directions go through the tokens side by side."""
        options, kind = self.options, CELLS[self.options.recurrence]
        if options.encoder == "two-sided":
            half = options.states // 2
            names = {
                f"{name}.onward.onward": options.states - half,
                f"{name}.backward_.onward": half,
            }
        else:
            names = {f"{name}.onward": options.states}
        cells = [kind(self.arithmetic, each, size, self.is_alone) for each, size in names.items()]
        sizes = [len(cell.input_bias()) for cell in cells]
        read = self.arithmetic.product(
            g,
            inputs,
            f"{name}.read",
            [cell.input_weights() for cell in cells],
            np.concatenate([cell.input_bias() for cell in cells]),
        )
        parts = g.many("Split", [read, g.ints(*sizes)], len(cells), axis=-1)
        if len(cells) > 1:
            parts[1] = pick_places(g, parts[1], mirrored)
        batch = g("Shape", inputs, start=0, end=1)
        first = [[zeros(g, batch, cell.hidden_size)] * cell.carried for cell in cells]
        prepared = [cell.prepare(g, part) for cell, part in zip(cells, parts, strict=True)]
        states = [
            cell.hidden(g, carried)
            for cell, carried in zip(cells, scan(g, name, cells, prepared, first), strict=True)
        ]
        if len(cells) == 1:
            return states[0]
        return g("Concat", states[0], pick_places(g, states[1], back), axis=-1)

    def remember(self, g: Graph, states: str, closed: str) -> Memory:
        """What looks compare with; asked once for a sentence."""
        heads = self.options.heads
        keys = [
            self.keys(g, states, f"decoder.layers.{number}.score")
            for number in range(self.options.decoder_layers)
        ]
        return Memory(split_heads(g, states, heads), tuple(keys), closed)

    def keys(self, g: Graph, states: str, name: str) -> str:
        """B A K S (or B A S K) of one layer's score."""
        attention, heads = self.options.attention, self.options.heads
        if not self.compares:
            return ""
        keys = (
            states
            if attention == "dot"
            else self.arithmetic.product(g, states, f"{name}.key", [f"{name}.key.weight"], None)
        )
        if attention == "scaled":
            keys = g("Mul", keys, g.number(1 / sqrt(self.options.hidden / heads)))
        slices = split_heads(g, keys, heads)
        return slices if attention == "additive" else g("Transpose", slices, perm=[0, 1, 3, 2])

    def begin(self, g: Graph, final: str) -> list[Carried]:
        """What each layer carries before the first token, from the final state [B E]."""
        begun = []
        for number, cell in enumerate(self.cells):
            bridge = g("Tanh", self.linear(g, final, f"decoder.layers.{number}.bridge.0"))
            count = cell.skipped + cell.carried
            sizes = g.ints(*[cell.hidden_size] * count)
            begun.append(g.many("Split", [bridge, sizes], count, axis=-1)[cell.skipped :])
        return begun

    # Decoder

    def look(self, g: Graph, number: int, hidden: str, memory: Memory, bias: str) -> Look:
        """From the hidden states [B Q H] to the context [B Q E]; a `bias` of "" adds nothing."""
        attention, heads = self.options.attention, self.options.heads
        name = f"decoder.layers.{number}.score"
        if not self.compares:
            scores = g("Add", memory.closed, bias) if bias else memory.closed
            count = g("Shape", hidden, start=1, end=2)
            shape = g("Concat", g.ints(1, heads), count, g.ints(1), axis=0)
            scores = g("Expand", scores, shape)
        elif attention == "additive":
            query = split_heads(g, self.linear(g, hidden, f"{name}.query"), heads)
            both = g(
                "Tanh",
                g(
                    "Add",
                    g("Unsqueeze", query, g.ints(3)),
                    g("Unsqueeze", memory.keys[number], g.ints(2)),
                ),
            )
            energy = self.arithmetic.vector(f"{name}.energy")[:, None, :, None]
            compared = g("MatMul", both, g.tensor(f"{name}.energy", energy))
            scores = self.closed(g, g("Squeeze", compared, g.ints(-1)), memory, bias)
        else:
            query = split_heads(g, hidden, heads)
            scores = self.closed(g, g("MatMul", query, memory.keys[number]), memory, bias)
        weights = g("Softmax", scores, axis=-1)
        return Look(scores, weights, g("MatMul", weights, memory.states))

    def closed(self, g: Graph, scores: str, memory: Memory, bias: str) -> str:
        """The scores with -inf where no look may rest, and with a caller's bias."""
        scores = scores if self.is_alone else g("Add", scores, memory.closed)
        return g("Add", scores, bias) if bias else scores

    def feed_forward(self, g: Graph, number: int, inputs: str, hidden: str, look: Look) -> str:
        """Put hidden state and context together and feed them forward."""
        name = f"decoder.layers.{number}"
        context = join_heads(g, look.context, self.options.heads)
        both = g("Concat", hidden, context, axis=-1)
        written = g("Tanh", self.linear(g, both, f"{name}.feed_forward.0"))
        if not self.deep:
            return written
        return self.normalise(g, g("Add", inputs, written), f"{name}.carry.norm")

    def recur(self, g: Graph, number: int, inputs: str) -> list[str]:
        """What the layer's recurrence wants to know of its inputs [B Q M]."""
        cell = self.cells[number]
        read = self.step_product(
            g, inputs, f"{cell.weights}.read", [cell.input_weights()], cell.input_bias()
        )
        return cell.prepare(g, read)

    def step(
        self, g: Graph, tokens: str, carried: Sequence[Carried], memory: Memory, bias: str = ""
    ) -> tuple[str, list[Carried]]:
        """One token [B N] further: what is fed forward [B N M], and what is carried [B N H]."""
        inputs, after = self.embed(g, tokens, self.target_table), []
        for number, cell in enumerate(self.cells):
            now = cell.once(g, self.recur(g, number, inputs), carried[number])
            hidden = cell.hidden(g, now[0])
            look = self.look(g, number, hidden, memory, bias)
            inputs = self.feed_forward(g, number, inputs, hidden, look)
            after.append(now)
        return inputs, after

    def read_known(
        self, g: Graph, tokens: str, first: list[Carried], memory: Memory, bias: str = ""
    ) -> tuple[str, list[Look]]:
        """All tokens [B T] of a known translation at once: [B T M], and every look."""
        inputs, looks = self.embed(g, tokens, self.target_table), []
        for number, cell in enumerate(self.cells):
            prepared = self.recur(g, number, inputs)
            carried = scan(g, cell.weights, [cell], [prepared], [first[number]])[0]
            hidden = cell.hidden(g, carried)
            look = self.look(g, number, hidden, memory, bias)
            inputs = self.feed_forward(g, number, inputs, hidden, look)
            looks.append(look)
        return inputs, looks

    def logits(self, g: Graph, output: str) -> str:
        """Which token is next? <pad> and <s> never are."""
        bias = self.arithmetic.vector("decoder.word.bias").copy()
        bias[[PAD, START]] = -np.inf
        return self.step_product(g, output, "decoder.word", [self.word], bias)


def split_heads(g: Graph, vectors: str, heads: int) -> str:
    """[B Q D] as [B A Q C]"""
    if heads == 1:
        return g("Unsqueeze", vectors, g.ints(1))
    return g("Transpose", g("Reshape", vectors, g.ints(0, 0, heads, -1)), perm=[0, 2, 1, 3])


def join_heads(g: Graph, slices: str, heads: int) -> str:
    """[B A Q C] as [B Q D]"""
    if heads == 1:
        return g("Squeeze", slices, g.ints(1))
    return g("Reshape", g("Transpose", slices, perm=[0, 2, 1, 3]), g.ints(0, 0, -1))


def pick_places(g: Graph, vectors: str, places: str) -> str:
    """[B S D] with each vector taken from its place among all B · S."""
    size = g("Shape", vectors, start=2, end=3)
    flat = g("Reshape", vectors, g("Concat", g.ints(-1), size, axis=0))
    return g("Reshape", g("Gather", flat, places), g("Shape", vectors))


def zeros(g: Graph, batch: str, size: int) -> str:
    shape = g("Concat", batch, g.ints(size), axis=0)
    return g("ConstantOfShape", shape, value=np.zeros(1, np.float32))
