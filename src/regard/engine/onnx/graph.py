"""ONNX graphs, written by hand: what of the format's protobuf we need, and no library for it.

An ONNX file is a protobuf message: fields of (number, kind, value). The numbers below are those of
onnx.proto3 (ONNX 1.16, IR version 10).
"""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

OPSET = 21
IR_VERSION = 10
MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""

ELEMENTS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
"""TensorProto.DataType"""

Parts = list[bytes | memoryview]
"""Of a message, in order; large ones are put together once, at the end."""

Value = int | float | str | Sequence[int] | np.ndarray | bytes


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def whole(field: int, number: int) -> bytes:
    return varint(field << 3) + varint(number)


def piece(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def pieces(field: int, content: Parts) -> Parts:
    """What `piece` gives of the parts put together, which are not copied."""
    return [varint(field << 3 | 2) + varint(sum(map(len, content))), *content]


def tensor_proto(name: str, array: np.ndarray) -> Parts:
    """TensorProto"""
    dims = b"".join(whole(1, size) for size in array.shape)
    kind = whole(2, ELEMENTS[array.dtype.name])
    numbers = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return [dims + kind + piece(8, name), *pieces(9, [numbers])]


def attribute_proto(name: str, value: Value) -> bytes:
    """AttributeProto; bytes are a graph."""
    match value:
        case bool() | int():
            return piece(1, name) + whole(3, value) + whole(20, 2)
        case float():
            return piece(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + whole(20, 1)
        case str():
            return piece(1, name) + piece(4, value) + whole(20, 3)
        case np.ndarray():
            return piece(1, name) + piece(5, b"".join(tensor_proto("", value))) + whole(20, 4)
        case bytes():
            return piece(1, name) + piece(6, value) + whole(20, 5)
    return piece(1, name) + b"".join(whole(8, number) for number in value) + whole(20, 7)


class Port(NamedTuple):
    """An input or output: its element type, and its sizes (a name is a size not yet known)."""

    name: str
    element: str
    shape: Sequence[int | str]

    def proto(self) -> bytes:
        """ValueInfoProto"""
        sizes = (whole(1, d) if isinstance(d, int) else piece(2, d) for d in self.shape)
        shape = b"".join(piece(1, size) for size in sizes)
        kind = whole(1, ELEMENTS[self.element]) + piece(2, shape)
        return piece(1, self.name) + piece(2, piece(1, kind))


class Graph:
    """Operators in the order of their making; every one returns the names of its results."""

    def __init__(self, prefix: str = "", around: "Graph | None" = None) -> None:
        """A graph, or the body of a loop that stands in the graph `around` it."""
        self.prefix = prefix
        self.root: Graph = around.root if around else self
        self.nodes: list[bytes] = []
        self.tensors: dict[str, Parts] = {}
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []

    def input(self, name: str, element: str, *shape: int | str) -> str:
        """What is given to the graph under `name`; asked for twice, it is the same."""
        port = Port(self.prefix + name, element, shape)
        if port not in self.inputs:
            self.inputs.append(port)
        return port.name

    def output(self, value: str, name: str, element: str, *shape: int | str) -> None:
        """Hand `value` out under `name`."""
        self.node("Identity", [value], [self.prefix + name])
        self.outputs.append(Port(self.prefix + name, element, shape))

    def result(self, value: str, element: str, *shape: int | str) -> None:
        """Hand `value` out of a loop, where places count and names do not."""
        if any(port.name == value for port in self.outputs):
            value = self("Identity", value)
        self.outputs.append(Port(value, element, shape))

    def tensor(self, name: str, array: np.ndarray) -> str:
        """A constant that is stored under `name` once, where all loops see it."""
        if name not in self.root.tensors:
            self.root.tensors[name] = tensor_proto(name, array)
        return name

    def constant(self, value: object, element: str) -> str:
        array = np.array(value, element)
        flat = "_".join(map(str, array.ravel().tolist()))
        return self.tensor(f"{element}.{array.ndim}.{flat}", array)

    def ints(self, *numbers: int) -> str:
        """A constant vector of int64."""
        return self.constant(list(numbers), "int64")

    def number(self, value: float) -> str:
        """A constant float32 without dimensions."""
        return self.constant(value, "float32")

    def node(
        self,
        operator: str,
        inputs: Iterable[str],
        outputs: Iterable[str],
        domain: str = "",
        **attributes: Value,
    ) -> None:
        message = b"".join(piece(1, name) for name in inputs)
        message += b"".join(piece(2, name) for name in outputs)
        message += piece(4, operator)
        message += b"".join(
            piece(5, attribute_proto(key, value)) for key, value in attributes.items()
        )
        self.nodes.append(message + (piece(7, domain) if domain else b""))

    def many(
        self, operator: str, inputs: Iterable[str], count: int, domain: str = "", **attrs: Value
    ) -> list[str]:
        """The results of an operator that has `count` of them."""
        made = [f"{self.prefix}{operator}.{len(self.nodes)}.{place}" for place in range(count)]
        self.node(operator, inputs, made, domain, **attrs)
        return made

    def __call__(self, operator: str, *inputs: str, domain: str = "", **attrs: Value) -> str:
        """The one result of `operator`."""
        return self.many(operator, inputs, 1, domain, **attrs)[0]

    def parts(self) -> Parts:
        """GraphProto"""
        nodes = b"".join(piece(1, node) for node in self.nodes)
        ports = [piece(11, port.proto()) for port in self.inputs]
        ports += [piece(12, port.proto()) for port in self.outputs]
        tensors = [part for tensor in self.tensors.values() for part in pieces(5, tensor)]
        return [nodes, piece(2, self.prefix or "regard"), *tensors, *ports]

    def proto(self) -> bytes:
        """The same as bytes: the body of a loop."""
        return b"".join(self.parts())

    def model(self) -> bytes:
        """ModelProto"""
        opsets = ((("", OPSET)), (MICROSOFT, 1))
        versions = (piece(8, piece(1, name) + whole(2, version)) for name, version in opsets)
        head = whole(1, IR_VERSION) + piece(2, "regard")
        return b"".join([head, *pieces(7, self.parts()), *versions])
