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
from regard.engine.onnx.cells import CELLS, Carried, Scanned, scan
from regard.engine.onnx.graph import Graph
from regard.engine.onnx.products import Arithmetic, Picked
from regard.special import PAD, START


class Memory(NamedTuple):
    """What the decoder looks at."""

    states: str
    """B A S C"""
    keys: tuple[str, ...]
    """Of each layer, [B A K S], or [B A S K] where the score adds; "" where nothing is compared."""
    closed: str
    """B 1 1 S: 0 where a look may rest, -inf elsewhere; "" where it may rest everywhere."""


class Look(NamedTuple):
    scores: str
    weights: str
    context: str


class Read(NamedTuple):
    """What one layer makes of a known translation."""

    hidden: str
    """B T H"""
    look: Look
    output: str
    """B T M"""


EVERY = Picked("", "", "")
"""All tokens of the vocabulary."""

LARGEST_TABLE = 16_000_000
"""Bytes: what a decoder reads of each token is worked out beforehand where this is enough room."""


class Network:
    """Draws the parts of one network into graphs."""

    def __init__(self, options: ModelOptions, arithmetic: Arithmetic) -> None:
        self.options, self.arithmetic = options, arithmetic
        self.source_table = self.target_table = "encoder.embed.table.weight"
        if options.tie != "all":
            self.target_table = "decoder.embed.table.weight"
        self.word = "decoder.output_layer.weight" if options.tie == "none" else self.target_table
        self.tokens = len(arithmetic.vector("decoder.output_layer.bias"))
        self.compares = options.attention not in ("none", "uniform")
        cell, hidden = CELLS[options.layer_type], options.decoder_size
        self.cells = [
            cell(arithmetic, [f"decoder.layers.{n}.recur"], hidden)
            for n in range(options.decoder_layers)
        ]
        self.deep = options.decoder_layers > 1
        table = 4 * self.tokens * self.cells[0].gates * hidden
        self.has_table = not self.deep and table <= LARGEST_TABLE

    # Both sides

    def embed(self, g: Graph, tokens: str, table: str) -> str:
        return self.arithmetic.rows(g, table, tokens, sqrt(self.options.embedding_size))

    def linear(self, g: Graph, inputs: str, name: str) -> str:
        """Of a step, with its bias."""
        bias = self.arithmetic.vector(f"{name}.bias")
        return self.arithmetic.product(g, inputs, name, [f"{name}.weight"], bias)

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

    def encode(self, g: Graph, source: str, onward: str, back: str) -> str:
        """The states [B S E] of `source` [B S].

        `onward` and `back` [S B D] are places in a reading [S B D]: what each direction reads as
        its next token, and where its state at each token stands. The encoder goes through the
        tokens one by one, so they come first here.
        """
        options = self.options
        states = self.embed(g, g("Transpose", source, perm=[1, 0]), self.source_table)
        for number in range(options.encoder_layers):
            carry = f"encoder.norms.{number}"
            written = self.read(g, states, f"encoder.layers.{number}", onward, back)
            if number:
                states = self.normalise(g, g("Add", states, written), carry)
            else:
                first = options.encoder_layers > 1
                states = self.normalise(g, written, carry) if first else written
        return g("Transpose", states, perm=[1, 0, 2])

    def read(self, g: Graph, inputs: str, name: str, onward: str, back: str) -> str:
        """One layer of the encoder, [S B _] to [S B E]; all directions go side by side."""
        options, kind = self.options, CELLS[self.options.layer_type]
        if options.encoder == "bidirectional":
            directions = [f"{name}.forward_rnn", f"{name}.backward_rnn"]
        else:
            directions = [f"{name}.forward_rnn"]
        size = options.encoder_size // len(directions)
        cell = kind(self.arithmetic, directions, size)
        read = self.arithmetic.product(
            g, inputs, f"{name}.read", cell.input_weights(), cell.input_bias()
        )
        rows = g("Reshape", read, g.ints(-1, cell.gates // cell.parts * size))
        first = g("Mul", onward, g.constant(cell.parts, "int64"))
        places = [g("Add", first, g.constant(part, "int64")) for part in range(cell.parts)]
        prepared = cell.prepare(g, [g("Gather", rows, place) for place in places])
        batch = g("Shape", inputs, start=1, end=2)
        shape = g("Concat", batch, g.ints(len(directions), size), axis=0)
        zeros = g("ConstantOfShape", shape, value=np.zeros(1, np.float32))
        hidden = scan(g, name, cell, prepared, [zeros] * cell.carried).hidden
        states = g("Reshape", hidden, g.ints(-1, size))
        return g("Reshape", g("Gather", states, back), g.ints(0, 0, options.encoder_size))

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
        keys = states
        if attention != "dot":
            keys = self.arithmetic.product(g, keys, f"{name}.key", [f"{name}.key.weight"], None)
        if attention == "scaled":
            keys = g("Mul", keys, g.number(1 / sqrt(self.options.decoder_size / heads)))
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
        scores = g("Add", scores, memory.closed) if memory.closed else scores
        return g("Add", scores, bias) if bias else scores

    def feed_forward(self, g: Graph, number: int, inputs: str, hidden: str, look: Look) -> str:
        """Put hidden state and context together and feed them forward."""
        name = f"decoder.layers.{number}"
        context = join_heads(g, look.context, self.options.heads)
        both = g("Concat", hidden, context, axis=-1)
        written = g("Tanh", self.linear(g, both, f"{name}.feed_forward.0"))
        if not self.deep:
            return written
        return self.normalise(g, g("Add", inputs, written), f"{name}.norm")

    def recur(self, g: Graph, number: int, inputs: str) -> list[str]:
        """What the layer's recurrence wants to know of its inputs [B Q M]."""
        cell = self.cells[number]
        name = f"{cell.directions[0]}.read"
        read = self.arithmetic.product(g, inputs, name, cell.input_weights(), cell.input_bias())
        return cell.prepare(g, cell.split(g, read))

    def tables(self, g: Graph, tokens: str) -> list[str]:
        """What the recurrence of a decoder of one layer wants to know of these tokens [B Q]."""
        return self.recur(g, 0, self.embed(g, tokens, self.target_table))

    def look_up(self, g: Graph, tokens: str) -> list[str]:
        """The same, from tables of all tokens that are given to the graph."""
        width = self.cells[0].gates // self.cells[0].parts * self.options.decoder_size
        return [
            g("Gather", g.root.input(f"table.{part}", "float32", self.tokens, width), tokens)
            for part in range(self.cells[0].parts)
        ]

    def step(
        self, g: Graph, tokens: str, carried: Sequence[Carried], memory: Memory, bias: str = ""
    ) -> tuple[str, list[Carried]]:
        """One token [B N] further: what is fed forward [B N M], and what is carried [B N H]."""
        inputs, after = "" if self.has_table else self.embed(g, tokens, self.target_table), []
        for number, cell in enumerate(self.cells):
            read = self.look_up(g, tokens) if self.has_table else self.recur(g, number, inputs)
            now = cell.once(g, read, carried[number])
            hidden = cell.hidden(g, now[0])
            look = self.look(g, number, hidden, memory, bias)
            inputs = self.feed_forward(g, number, inputs, hidden, look)
            after.append(now)
        return inputs, after

    def read_known(
        self, g: Graph, tokens: str, first: list[Carried], memory: Memory, bias: str = ""
    ) -> list[Read]:
        """All tokens [B T] of a known translation at once, layer by layer."""
        inputs, layers = self.embed(g, tokens, self.target_table), []
        for number in range(len(self.cells)):
            scanned = self.go_through(g, number, self.recur(g, number, inputs), first[number])
            hidden = g("Transpose", g("Squeeze", scanned.hidden, g.ints(2)), perm=[1, 0, 2])
            look = self.look(g, number, hidden, memory, bias)
            inputs = self.feed_forward(g, number, inputs, hidden, look)
            layers.append(Read(hidden, look, inputs))
        return layers

    def go_through(self, g: Graph, number: int, read: Sequence[str], first: Carried) -> Scanned:
        """A layer's recurrence over known tokens, of which `read` [B T _] tells all."""
        prepared = [g("Unsqueeze", g("Transpose", one, perm=[1, 0, 2]), g.ints(2)) for one in read]
        cell = self.cells[number]
        return scan(g, cell.directions[0], cell, prepared, first)

    def skim(self, g: Graph, tokens: str, first: list[Carried]) -> list[Carried]:
        """What a decoder of one layer carries behind known tokens [B T]; it need not look there."""
        return [self.go_through(g, 0, self.look_up(g, tokens), first[0]).after]

    def logits(self, g: Graph, output: str, words: Picked = EVERY) -> str:
        """Which token is next? <pad> and <s> never are."""
        if words == EVERY:
            bias = self.word_bias()
            return self.arithmetic.product(g, output, "decoder.output_layer", [self.word], bias)
        return self.arithmetic.picked_product(g, output, "decoder.output_layer", words)

    def pick_words(self, g: Graph, tokens: str) -> Picked:
        """What `logits` of these tokens [B W] alone need."""
        bias = g("Gather", g.tensor("decoder.output_layer.bias", self.word_bias()), tokens)
        return self.arithmetic.pick(g, self.word, tokens, g("Unsqueeze", bias, g.ints(1)))

    def word_bias(self) -> np.ndarray:
        bias = self.arithmetic.vector("decoder.output_layer.bias").copy()
        bias[[PAD, START]] = -np.inf
        return bias


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
