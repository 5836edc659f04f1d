"""What a search carries from one step to the next, as inputs and outputs of graphs and loops."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from regard.engine.onnx.decoder import DecoderState
from regard.engine.onnx.graph import Graph, Result, Value
from regard.engine.onnx.network import Network
from regard.engine.onnx.symbols import SYMBOLS, strike_out

STATES, NEXT = "state", "next_"
"""The prefix of the names of states of hypotheses that a graph is given; `NEXT` precedes it in the
names of those that it outputs."""
CACHES = "cache"
"""The same of what is kept for a sentence."""
MISSING = "missing"
"""The state of the placeholder symbols that a hypothesis has not written yet."""

Axis = int | str


class SearchState(NamedTuple):
    decoder: DecoderState
    missing: list[Value]
    """The symbols that each hypothesis has yet to write [B N P]; none in graphs without symbols."""

    def flat(self) -> list[Value]:
        return [*self.decoder.rows, *self.decoder.caches, *self.missing]

    def strike_out(self, tokens: Value) -> list[Value]:
        """What is missing after `tokens` [B N]."""
        return [strike_out(one, tokens) for one in self.missing]

    def pick(self, row: Value) -> "SearchState":
        """The hypotheses [B N] of these numbers among those of all sentences; caches stay."""
        rows, caches = self.decoder
        picked = [pick_rows(one, row) for one in rows]
        return SearchState(
            DecoderState(picked, caches), [pick_rows(one, row) for one in self.missing]
        )

    def repeat(self, size: Value) -> "SearchState":
        """`size` equal hypotheses of a single sentence that has one."""
        rows, caches = self.decoder
        repeated = [repeat_row(one, size) for one in rows]
        return SearchState(
            DecoderState(repeated, caches), [repeat_row(one, size) for one in self.missing]
        )


def pick_rows(values: Value, row: Value) -> Value:
    return values.draw("Flatten", axis=2)[row]


def repeat_row(values: Value, size: Value) -> Value:
    return values.expand(1, size, values.size(2))


class StatePart(NamedTuple):
    """One tensor of a search state."""

    name: str
    element: str
    shape: tuple[Axis, ...]


class StateLayout:
    """The parts of the search state of a network, for these sentences and rows."""

    def __init__(self, network: Network, has_symbols: bool, sentences: Axis, rows: Axis) -> None:
        last_axes = network.decoder.row_states(has_one_row=rows == 1)
        self.rows = [
            StatePart(f"{STATES}.{name}", "float32", (sentences, rows, size))
            for name, size in last_axes.items()
        ]
        self.caches = [
            StatePart(f"{CACHES}.{name}", element, (sentences, *shape))
            for name, (element, shape) in network.decoder.caches().items()
        ]
        shape = sentences, rows, SYMBOLS
        self.missing = [StatePart(f"{STATES}.{MISSING}", "float32", shape)] if has_symbols else []

    def __iter__(self) -> Iterator[StatePart]:
        return iter([*self.rows, *self.caches, *self.missing])

    def unflatten(self, values: Sequence[Value]) -> SearchState:
        """What `SearchState.flat` returned, as a state again."""
        end = len(self.rows) + len(self.caches)
        decoder = DecoderState(list(values[: len(self.rows)]), list(values[len(self.rows) : end]))
        return SearchState(decoder, list(values[end:]))

    def inputs(self, g: Graph) -> SearchState:
        return self.unflatten([g.input(part.name, part.element, *part.shape) for part in self])

    def results(self, state: SearchState) -> list[Result]:
        """The state as results of a loop."""
        return [(value, *part.shape) for value, part in zip(state.flat(), self, strict=True)]

    def output(self, g: Graph, state: SearchState, prefix: str = NEXT) -> None:
        for value, part in zip(state.flat(), self, strict=True):
            g.output(value, prefix + part.name, *part.shape)

    def output_first(self, g: Graph, state: SearchState) -> None:
        """The states of the hypotheses, under the names of `inputs`."""
        for value, part in zip(state.decoder.rows, self.rows, strict=True):
            g.output(value, part.name, *part.shape)

    def output_caches(self, g: Graph, state: SearchState) -> None:
        for value, part in zip(state.decoder.caches, self.caches, strict=True):
            g.output(value, NEXT + part.name, *part.shape)
