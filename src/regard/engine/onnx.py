"""The CPU engine: the same network through ONNX Runtime; no PyTorch, no compiler."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import onnxruntime
from jaxtyping import Float, Int

from regard.bundle import Bundle, Ranges
from regard.config import ModelOptions
from regard.engine.arithmetic import Arithmetic, Fp32, Int8, Observed, Tensors, are_int8
from regard.engine.onnx_graph import Graph
from regard.engine.onnx_network import Look, Memory, Network
from regard.engine.weights import belong, products_of
from regard.errors import RegardError
from regard.search import CIRCLE, PERIODS, Adjustment, Alone, Decoding, Forced, Ids, Ranked
from regard.special import END, PAD, START
from regard.text.batches import pad

Arrays = dict[str, np.ndarray]

FEW = 16
"""As many likeliest tokens are found through the greatest of each block of logits."""

LEAVE = 0.85
"""When less than this share of the sentences in memory is still alive, the others are let go."""


class OnnxEngine:
    """Draws a graph for each of its uses when it is first asked for."""

    def __init__(
        self, options: ModelOptions, tensors: Tensors, ranges: Ranges, threads: int = 1
    ) -> None:
        self.options, self.threads = options, threads
        arithmetic: Arithmetic = Int8(tensors, ranges) if are_int8(tensors) else Fp32(tensors)
        self.network = Network(options, arithmetic, set(tensors))
        self.tokens = len(tensors["decoder.word.bias"])

    # Graphs

    @cached_property
    def encoding(self) -> onnxruntime.InferenceSession:
        g = Graph()
        memory, first = self.draw_encoder(g, self.network)
        for name, value in memory_ports(memory).items():
            g.output(value, name, "float32", "B", "A", "S", "K")
        for number, carried in enumerate(first):
            for part, value in enumerate(carried):
                g.output(value, f"carried.{number}.{part}", "float32", "B", 1, "H")
        return open_session(g, self.threads)

    def draw_encoder(self, g: Graph, network: Network) -> tuple[Memory, list[list[str]]]:
        """From the source to what the decoder looks at, and what it carries first [B 1 H]."""
        source = g.input("source", "int64", "B", "S")
        mirrored, back = g.input("mirrored", "int64", "P"), g.input("back", "int64", "P")
        closed = g.input("closed", "float32", "B", 1, 1, "S")
        last = g.input("last", "int64", "B")
        states = network.encode(g, source, mirrored, back)
        flat = g("Reshape", states, g.ints(-1, self.options.states))
        first = network.begin(g, g("Gather", flat, last))
        return (
            network.remember(g, states, closed),
            [[g("Unsqueeze", value, g.ints(1)) for value in carried] for carried in first],
        )

    @cached_property
    def stepping(self) -> onnxruntime.InferenceSession:
        """One step, and the few likeliest tokens."""
        g = Graph()
        logits = self.draw_step(g)
        likely, log_probs = few_likeliest(g, logits, g.input("k", "int64", 1), self.tokens)
        return self.ranked(g, likely, log_probs)

    @cached_property
    def adjusting(self) -> onnxruntime.InferenceSession:
        """One step, with something added to the logits, and any number of likeliest tokens."""
        g = Graph()
        logits = self.draw_step(g)
        places = g.input("adjusted", "int64", "J", 3)
        amounts = g.input("amounts", "float32", "J")
        logits = g("ScatterND", logits, places, amounts, reduction="add")
        all_log_probs = g("LogSoftmax", logits, axis=-1)
        log_probs, likely = g.many("TopK", [all_log_probs, g.input("k", "int64", 1)], 2)
        return self.ranked(g, likely, log_probs)

    def ranked(self, g: Graph, likely: str, log_probs: str) -> onnxruntime.InferenceSession:
        g.output(likely, "likely", "int64", "B", "N", "k")
        g.output(log_probs, "log_probs", "float32", "B", "N", "k")
        return open_session(g, self.threads)

    def draw_step(self, g: Graph) -> str:
        """The logits [B N V] behind each token, from where its parent's state was."""
        tokens, parents = (
            g.input("tokens", "int64", "B", "N"),
            g.input("parents", "int64", "B", "N"),
        )
        bias = g.input("bias", "float32", "b", 1, "n", "s")
        memory = self.memory_inputs(g)
        carried = []
        for number, cell in enumerate(self.network.cells):
            size = cell.hidden_size
            former = [
                g.input(f"carried.{number}.{part}", "float32", "_", "n", size)
                for part in range(cell.carried)
            ]
            flat = [g("Reshape", one, g.ints(-1, size)) for one in former]
            carried.append([g("Gather", one, parents) for one in flat])
        output, after = self.network.step(g, tokens, carried, memory, bias)
        for number, parts in enumerate(after):
            for part, value in enumerate(parts):
                g.output(value, f"after.{number}.{part}", "float32", "B", "N", "H")
        return self.network.logits(g, output)

    def memory_inputs(self, g: Graph) -> Memory:
        compares = self.options.attention not in ("none", "uniform")
        keys = [
            g.input(f"keys.{number}", "float32", "B", "A", "K", "S") if compares else ""
            for number in range(self.options.decoder_layers)
        ]
        return Memory(
            g.input("states", "float32", "B", "A", "S", "C"),
            tuple(keys),
            g.input("closed", "float32", "B", 1, 1, "S"),
        )

    @cached_property
    def reading(self) -> onnxruntime.InferenceSession:
        """Known translations, all tokens at once."""
        g = Graph()
        self.draw_reading(g, self.network)
        return open_session(g, self.threads)

    def draw_reading(self, g: Graph, network: Network) -> None:
        memory, first = self.draw_encoder(g, network)
        first = [[g("Squeeze", value, g.ints(1)) for value in carried] for carried in first]
        before, after = g.input("before", "int64", "B", "T"), g.input("after", "int64", "B", "T")
        output, looks = network.read_known(g, before, first, memory, g.number(0.0))
        log_probs = g("LogSoftmax", network.logits(g, output), axis=-1)
        chosen = g("GatherElements", log_probs, g("Unsqueeze", after, g.ints(-1)), axis=2)
        g.output(g("Squeeze", chosen, g.ints(-1)), "log_probs", "float32", "B", "T")
        for number, look in enumerate(looks):
            for part in Look._fields:
                name = f"{part}.{number}"
                g.output(getattr(look, part), name, "float32", "B", "A", "T", "D")

    @cached_property
    def writing(self) -> onnxruntime.InferenceSession:
        """One sentence from its tokens to its translation, the whole greedy loop in one call."""
        g = Graph()
        memory, first = self.draw_encoder(g, self.network)
        limit, allowed = g.input("limit", "int64"), g.input("allowed", "int64")
        body = Graph("loop/", g)
        body.input("number", "int64")
        body.input("goes_on", "bool")
        token = body.input("token", "int64", 1, 1)
        total = body.input("total", "float32", 1, 1, 1)
        run = body.input("run", "int64", CIRCLE)
        behind = body.input("behind", "int64", CIRCLE)
        carried = [
            [
                body.input(f"carried.{number}.{part}", "float32", 1, 1, cell.hidden_size)
                for part in range(cell.carried)
            ]
            for number, cell in enumerate(self.network.cells)
        ]
        output, after = self.network.step(body, token, carried, memory, body.number(0.0))
        logits = self.network.logits(body, output)
        likely, log_prob = few_likeliest(body, logits, body.ints(1), self.tokens)
        likely = body("Reshape", likely, body.ints(1, 1))
        total = body("Add", total, log_prob)
        # the circles of search.Circles, for one row
        same = body("Cast", body("Equal", behind, likely), to=7)
        run = body("Mul", body("Add", run, body.ints(1)), body("Reshape", same, body.ints(-1)))
        rounds = body("ReduceMax", body("Div", run, body.constant(PERIODS.tolist(), "int64")))
        is_circling = body("GreaterOrEqual", body("Reshape", rounds, body.ints()), allowed)
        kept = body("Slice", behind, body.ints(0), body.ints(CIRCLE - 1))
        behind = body("Concat", body("Reshape", likely, body.ints(1)), kept, axis=0)
        is_end = body("Equal", body("Reshape", likely, body.ints()), body.constant(END, "int64"))
        goes_on = body("Not", body("Or", is_end, is_circling))
        body.output(goes_on, "then", "bool")
        body.output(likely, "likely", "int64", 1, 1)
        body.output(total, "sum", "float32", 1, 1, 1)
        body.output(run, "ran", "int64", CIRCLE)
        body.output(behind, "left", "int64", CIRCLE)
        for number, parts in enumerate(after):
            for part, value in enumerate(parts):
                body.output(value, f"after.{number}.{part}", "float32", 1, 1, "H")
        body.output(likely, "written", "int64", 1, 1)
        states = [value for parts in first for value in parts]
        start = [
            g.constant([[START]], "int64"),
            g.constant([[[0.0]]], "float32"),
            g.constant([0] * CIRCLE, "int64"),
            g.constant([START] + [-1] * (CIRCLE - 1), "int64"),
        ]
        made = g.many(
            "Loop",
            [limit, g.constant(True, "bool"), *start, *states],
            len(start) + len(states) + 1,
            body=body.proto(),
        )
        g.output(made[-1], "written", "int64", "T", 1, 1)
        g.output(made[1], "log_prob", "float32", 1, 1, 1)
        g.output(made[2], "run", "int64", CIRCLE)
        return open_session(g, self.threads)

    # What search asks for

    def encode(self, sources: Sequence[Ids]) -> Decoding:
        """Read the sentences, given without </s>."""
        return OnnxDecoding(self, read(sources, self.options.attention))

    def write_alone(self, source: Ids, limit: int, rounds: int) -> Alone:
        """Pick the likeliest next token, one at a time: all in one call."""
        given = read([source], self.options.attention)
        written, log_prob, run = self.writing.run(
            None, {**given, "limit": np.array(limit), "allowed": np.array(rounds)}
        )
        return Alone(written.ravel(), float(log_prob.item()), run)

    def force(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Forced]:
        """Read given translations: of each its tokens and </s>."""
        found = self.run(self.reading, self.known(sources, targets))
        layers = range(self.options.decoder_layers)
        weights = np.stack([found[f"weights.{number}"] for number in layers], axis=1)
        return [
            Forced(
                found["log_probs"][row, : len(target) + 1],
                weights[row, :, :, : len(target) + 1, : len(source) + 1],
            )
            for row, (source, target) in enumerate(zip(sources, targets, strict=True))
        ]

    def known(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> Arrays:
        return {
            **read(sources, self.options.attention),
            "before": pad([[START, *target] for target in targets]),
            "after": pad([[*target, END] for target in targets]),
        }

    @staticmethod
    def run(session: onnxruntime.InferenceSession, given: Arrays) -> Arrays:
        names = [one.name for one in session.get_outputs()]
        wanted = {one.name: given[one.name] for one in session.get_inputs()}
        return dict(zip(names, session.run(names, wanted), strict=True))


class OnnxDecoding:
    """A batch of sentences that is being translated.

    The graph wants as many rows N for each sentence; where a sentence has fewer, rows that nobody
    reads fill the gap.
    """

    def __init__(self, engine: OnnxEngine, given: Arrays) -> None:
        self.engine = engine
        found = engine.run(engine.encoding, given)
        self.memory = {
            name: value for name, value in found.items() if not name.startswith("carried")
        }
        self.memory["closed"] = given["closed"]
        self.carried = {name: value for name, value in found.items() if name.startswith("carried")}
        self.held = np.arange(len(given["source"]))
        """The sentences in memory."""
        self.sentence, self.slot = self.held, self.held
        """Of each former row its sentence, and where its state is."""

    def advance(
        self,
        rows: Int[np.ndarray, " R"],
        tokens: Int[np.ndarray, "R T"],
        k: int,
        bias: Float[np.ndarray, "_ _"],
        adjustment: Adjustment,
    ) -> Ranked:
        """Go on from the former rows `rows` with `tokens`; the `k` likeliest tokens behind them."""
        sentence, parent = self.sentence[rows], self.slot[rows]
        live = np.unique(sentence)
        if len(live) < LEAVE * len(self.held):
            kept = np.searchsorted(self.held, live)
            self.memory = {name: value[kept] for name, value in self.memory.items()}
            self.held = live
        block = np.searchsorted(self.held, sentence)
        order = np.argsort(block, kind="stable")
        counts = np.bincount(block, minlength=len(self.held))
        width = int(counts.max())
        place = np.empty_like(order)
        place[order] = np.arange(len(order)) - (np.cumsum(counts) - counts)[block[order]]
        slot = block * width + place
        shape = len(self.held), width
        for column in range(tokens.shape[1]):
            dense = {
                "tokens": fill(shape, slot, tokens[:, column]),
                "parents": fill(shape, slot, parent),
                "bias": self.dense_bias(bias, shape, block, place),
                "k": np.array([k]),
            }
            found = self.step(dense, adjustment, block, place, k)
            parent = slot
        self.sentence, self.slot = sentence, slot
        flat = (-1, found["likely"].shape[2])
        return Ranked(found["likely"].reshape(flat)[slot], found["log_probs"].reshape(flat)[slot])

    def step(
        self,
        dense: Arrays,
        adjustment: Adjustment,
        block: Int[np.ndarray, " R"],
        place: Int[np.ndarray, " R"],
        k: int,
    ) -> Arrays:
        session = self.engine.stepping
        if len(adjustment.rows) or k > FEW:
            session = self.engine.adjusting
            where = block[adjustment.rows], place[adjustment.rows], adjustment.tokens
            dense["adjusted"] = np.stack(where, axis=-1).astype(np.int64)
            dense["amounts"] = adjustment.amounts.astype(np.float32)
        found = self.engine.run(session, {**self.memory, **self.carried, **dense})
        self.carried = {
            name.replace("after", "carried"): value
            for name, value in found.items()
            if name.startswith("after")
        }
        return found

    @staticmethod
    def dense_bias(
        bias: Float[np.ndarray, "_ _"],
        shape: tuple[int, int],
        block: Int[np.ndarray, " R"],
        place: Int[np.ndarray, " R"],
    ) -> Float[np.ndarray, "b 1 n s"]:
        if len(bias) == 1:
            return bias.astype(np.float32)[None, None]
        dense = np.zeros((shape[0], 1, shape[1], bias.shape[1]), np.float32)
        dense[block, 0, place] = bias
        return dense


def open_session(graph: Graph, threads: int) -> onnxruntime.InferenceSession:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(graph.model(), settings, providers=["CPUExecutionProvider"])


def fill(
    shape: tuple[int, int], slot: Int[np.ndarray, " R"], values: Int[np.ndarray, " R"]
) -> Int[np.ndarray, "B N"]:
    dense = np.zeros(shape[0] * shape[1], np.int64)
    dense[slot] = values
    return dense.reshape(shape)


def read(sources: Sequence[Ids], attention: str) -> Arrays:
    """The sentences padded, and the places that the encoder looks at (model.encoder.places)."""
    source = pad([[*ids, END] for ids in sources])
    batch, length = source.shape
    is_token = source != PAD
    place = np.arange(length)
    final = is_token.sum(axis=1, keepdims=True) - 1
    first = np.arange(batch)[:, None] * length
    mirrored = np.where(place <= final, final - place, place)
    is_open = place == final if attention == "none" else is_token
    return {
        "source": source,
        "mirrored": (first + mirrored).ravel(),
        "back": (first + np.where(place == final, final, mirrored)).ravel(),
        "last": (first + final).ravel(),
        "closed": np.where(is_open, 0.0, -np.inf).astype(np.float32)[:, None, None],
    }


def memory_ports(memory: Memory) -> dict[str, str]:
    keys = {f"keys.{number}": value for number, value in enumerate(memory.keys) if value}
    return {"states": memory.states, **keys}


def few_likeliest(g: Graph, logits: str, k: str, tokens: int) -> tuple[str, str]:
    """The `k` likeliest tokens [B N k] of `logits` [B N V], at most FEW, and their ln probability.

    They stand in those k blocks of logits whose greatest is greatest.
    """
    width = block_width(tokens)
    rows = g("Shape", logits, start=0, end=2)
    blocks = g("Reshape", logits, g.ints(0, 0, tokens // width, width))
    greatest = g("ReduceMax", blocks, g.ints(-1), keepdims=0)
    block = g.many("TopK", [greatest, k], 2)[1]
    candidates = g("GatherND", blocks, g("Unsqueeze", block, g.ints(-1)), batch_dims=2)
    flat = g("Reshape", candidates, g("Concat", rows, g.ints(-1), axis=0))
    values, place = g.many("TopK", [flat, k], 2)
    size = g.constant(width, "int64")
    first = g("GatherElements", block, g("Div", place, size), axis=-1)
    likely = g("Add", g("Mul", first, size), g("Mod", place, size))
    # ln Σ exp, from the probability of the likeliest, which is never too small to be a number
    best = g("Slice", likely, g.ints(0), g.ints(1), g.ints(-1))
    chance = g("GatherElements", g("Softmax", logits, axis=-1), best, axis=-1)
    total = g("Sub", g("Slice", values, g.ints(0), g.ints(1), g.ints(-1)), g("Log", chance))
    return likely, g("Sub", values, total)


def block_width(tokens: int) -> int:
    """The divisor of `tokens` that lies nearest to 64, where there are at least FEW blocks."""
    divisors = [width for width in range(1, tokens // FEW + 1) if tokens % width == 0]
    return min(divisors, key=lambda width: abs(width - 64))


def load_bundle(bundle: Bundle, where: str, threads: int) -> OnnxEngine:
    """Raises RegardError if the weights are not those of the card's model."""
    card, options = bundle.card, bundle.card.config.model
    ours = belong(bundle.tensors, options, len(card.source), len(card.target))
    ranged = not are_int8(bundle.tensors) or bundle.ranges.keys() == set(products_of(options))
    if not (ours and ranged):
        raise RegardError(
            "the weights are those of another model", where, "copy it again, or export it again"
        )
    return OnnxEngine(options, bundle.tensors, bundle.ranges, threads)


def observe(
    options: ModelOptions, tensors: Tensors, pairs: Sequence[tuple[Ids, Ids]]
) -> dict[str, tuple[float, float]]:
    """The least and the greatest input of each product, in reading these pairs in fp32."""
    engine = OnnxEngine(options, tensors, {})
    g = Graph()
    engine.draw_reading(g, Network(options, Observed(tensors), set(tensors)))
    session = open_session(g, 1)
    ranges: dict[str, tuple[float, float]] = {}
    for source, target in pairs:
        found = engine.run(session, engine.known([source], [target]))
        for name in [name for name in found if name.endswith(".Min")]:
            product = name.removesuffix(".Min")
            least, greatest = float(found[name]), float(found[f"{product}.Max"])
            before = ranges.get(product, (least, greatest))
            ranges[product] = min(least, before[0]), max(greatest, before[1])
    return ranges
