"""Draw the alignment head (`model.alignment_head`) into a graph, which computes in fp32.

Letters: B sentences, S source tokens, T target tokens, D size of a vector.
"""

from collections.abc import Sequence

import numpy as np

from regard.engine.onnx.candidates import CandidateTokens
from regard.engine.onnx.encoders import SOURCE_INPUT
from regard.engine.onnx.graph import Graph, Value, concat, draw
from regard.engine.onnx.network import Network
from regard.engine.onnx.products import Arithmetic, Int8
from regard.engine.quantize import are_int8, dequantize
from regard.engine.weight_names import DIRECTION_CELLS
from regard.files import Tensors

GATES = (0, 3, 1, 2)
"""Of PyTorch's order of gates (input, forget, cell, output) in ONNX's."""


def alignment_graph(g: Graph, network: Network, _: CandidateTokens) -> None:
    """The vectors of all tokens, and after them the logit of no link."""
    states = network.encoder.encode(g).states
    [source] = g.input_table(SOURCE_INPUT)
    target = g.input("target", "int64", "B", "T")
    head = network.alignment_head
    tables = Int8(head, {}, False) if are_int8(head) else Arithmetic(head)
    weights = dequantize({name: head[name] for name in head if ".embed." not in name})
    sides = ("source", source, states, "S"), ("target", target, network.decoder.embed(target), "T")
    for side, tokens, inputs, axis in sides:
        lengths = g.input(f"{side}_lengths", "int32", "B")
        table = f"{side}.embed.table.weight"
        own = tables.embed(table, tokens, head[table].shape[1] ** 0.5)
        both = concat([inputs, own], axis=2).transpose(1, 0, 2)
        vectors = read(g, weights, side, both, lengths)
        g.output(vectors.transpose(1, 0, 2), f"{side}_vectors", "B", axis, "D")


def read(g: Graph, tensors: Tensors, side: str, inputs: Value, lengths: Value) -> Value:
    """Inputs [T B _] to vectors [T B D+1]."""
    cells = [f"{side}.layer.{direction}.cell" for direction in DIRECTION_CELLS["bidirectional"]]
    size = tensors[f"{cells[0]}.weight_hh_l0"].shape[1]
    weights = [
        g.tensor(f"{side}.{kind}", array)
        for kind, array in zip("WRB", lstm_weights(tensors, cells), strict=True)
    ]
    given = [inputs, *weights, lengths]
    hidden = draw("LSTM", given, ["float32"], direction="bidirectional", hidden_size=size)[0]
    states = hidden.transpose(0, 2, 1, 3).reshape(0, 0, 2 * size)
    matrix, bias = (tensors[f"{side}.project.{part}"] for part in ("weight", "bias"))
    columns = g.tensor(f"{side}.project.weight", np.ascontiguousarray(matrix.T))
    return states @ columns + g.tensor(f"{side}.project.bias", bias)


def lstm_weights(tensors: Tensors, cells: Sequence[str]) -> list[np.ndarray]:
    """W, R and B of ONNX's LSTM, each of all directions."""

    def stacked(kind: str) -> np.ndarray:
        return np.stack([in_onnx(tensors[f"{cell}.{kind}_l0"]) for cell in cells])

    biases = np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1)
    return [stacked("weight_ih"), stacked("weight_hh"), biases]


def in_onnx(gates: np.ndarray) -> np.ndarray:
    parts = np.split(gates, len(GATES))
    return np.concatenate([parts[gate] for gate in GATES])
