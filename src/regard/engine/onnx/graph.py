"""Draw ONNX graphs: a graph collects the operators that expressions of its values draw into it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Union

import numpy as np

from regard.engine.onnx import proto

Size = Union[int, "Value"]
Operand = Union["Value", int, float, Sequence[int]]
"""A number is a constant without dimensions, of the element type of the value that it meets; a
sequence is a vector of int64."""

Spec = tuple[str, tuple[int | str, ...]]
"""Element type and shape of an input or output."""

Result = tuple[Any, ...]
"""A value and its shape."""


def binary(operator: str, element: str = "") -> Callable[["Value", Operand], "Value"]:
    """A method that draws `operator`; its result is of type `element`, or of that of the value."""
    return lambda self, other: draw(operator, [self, other], [element or self.element])[0]


def unary(
    operator: str, element: str = "", **fixed: proto.Attribute
) -> Callable[["Value"], "Value"]:
    """The same of one operand, with these attributes."""
    return lambda self: draw(operator, [self], [element or self.element], **fixed)[0]


class Value:
    """A tensor in a graph: the result of an operator, an input or a constant.

    Python's operators and the methods mean what they mean for numpy arrays. Each draws one ONNX
    operator into the innermost graph of its operands. `equals` compares elements; `==` and `!=`
    keep Python's meaning, so that values can be compared with None.
    """

    __slots__ = ("element", "graph", "name")

    def __init__(self, graph: "Graph", name: str, element: str) -> None:
        self.graph, self.name, self.element = graph, name, element

    def draw(
        self, operator: str, *others: Operand | None, **attributes: proto.Attribute
    ) -> "Value":
        """`operator` on this value and `others`; None omits an optional input."""
        return draw(operator, [self, *others], [self.element], **attributes)[0]

    __add__, __sub__, __mul__ = binary("Add"), binary("Sub"), binary("Mul")
    __floordiv__, __mod__ = binary("Div"), binary("Mod")
    """Of integers of the same sign."""
    __matmul__, __and__, __invert__ = binary("MatMul"), binary("And"), unary("Not")
    __lt__, __gt__ = binary("Less", "bool"), binary("Greater", "bool")
    __ge__, equals = binary("GreaterOrEqual", "bool"), binary("Equal", "bool")
    relu, sigmoid, tanh, log = unary("Relu"), unary("Sigmoid"), unary("Tanh"), unary("Log")
    softmax, log_softmax = unary("Softmax", axis=-1), unary("LogSoftmax", axis=-1)
    argmax = unary("ArgMax", "int64", axis=-1, keepdims=0)
    """Over the last axis, as the softmax."""

    def __getitem__(self, index: "Value") -> "Value":
        """The rows at `index`, along the first axis."""
        return self.draw("Gather", index)

    def gather_elements(self, index: "Value", axis: int) -> "Value":
        """numpy's `take_along_axis`"""
        return self.draw("GatherElements", index, axis=axis)

    def gather_batched(self, index: "Value", batch_dims: int) -> "Value":
        """The slices at `index` along the axis that follows `batch_dims` axes, which both share."""
        return self.draw("GatherND", index.unsqueeze(-1), batch_dims=batch_dims)

    def max(self, axis: int) -> "Value":
        return self.draw("ReduceMax", [axis], keepdims=0)

    def mean(self, axis: int) -> "Value":
        """The axis keeps a size of 1."""
        return self.draw("ReduceMean", [axis], keepdims=1)

    def sum(self, *axes: int) -> "Value":
        """Over all axes where none is given."""
        return self.draw("ReduceSum", *([axes] if axes else []), keepdims=0)

    def top_k(self, k: Operand) -> list["Value"]:
        """The k greatest along the last axis in descending order, and their indices."""
        return draw("TopK", [self, k], [self.element, "int64"])

    def transpose(self, *perm: int) -> "Value":
        return self.draw("Transpose", perm=perm)

    def reshape(self, *sizes: Size) -> "Value":
        """A size of 0 keeps that of the axis; -1 is inferred."""
        return self.draw("Reshape", self.graph.shape(*sizes))

    def expand(self, *sizes: Size) -> "Value":
        """numpy's `broadcast_to`"""
        return self.draw("Expand", self.graph.shape(*sizes))

    def squeeze(self, axis: int) -> "Value":
        return self.draw("Squeeze", [axis])

    def unsqueeze(self, axis: int) -> "Value":
        return self.draw("Unsqueeze", [axis])

    def split(self, *sizes: int) -> list["Value"]:
        """Along the last axis."""
        return draw("Split", [self, sizes], [self.element] * len(sizes), axis=-1)

    def split_evenly(self, count: int, axis: int) -> list["Value"]:
        return draw("Split", [self], [self.element] * count, axis=axis, num_outputs=count)

    def size(self, axis: int) -> "Value":
        """The size of one axis, as a vector of one number."""
        return draw("Shape", [self], ["int64"], start=axis, end=axis + 1)[0]

    def cast(self, element: str) -> "Value":
        return draw("Cast", [self], [element], to=proto.ELEMENTS[element])[0]

    def inside(self, graph: "Graph") -> "Value":
        """This value, whose operators are drawn into the body of a loop."""
        return Value(graph, self.name, self.element)


def draw(
    operator: str,
    inputs: Sequence[Operand | None],
    elements: Sequence[str],
    **attributes: proto.Attribute,
) -> list[Value]:
    """The results of `operator`, of these element types, in the innermost graph of its inputs."""
    values = [one for one in inputs if isinstance(one, Value)]
    graph = max((value.graph for value in values), key=lambda graph: graph.depth)
    element = values[0].element
    names = ["" if one is None else graph.lift(one, element).name for one in inputs]
    prefix = f"{graph.prefix}{operator}.{len(graph.nodes)}."
    outputs = [f"{prefix}{number}" for number in range(len(elements))]
    graph.nodes.append(proto.node_proto(operator, names, outputs, attributes))
    return [Value(graph, *output) for output in zip(outputs, elements, strict=True)]


def concat(values: Sequence[Value], axis: int) -> Value:
    return values[0] if len(values) == 1 else values[0].draw("Concat", *values[1:], axis=axis)


def full(number: float, shape: Value) -> Value:
    """A tensor of this shape, each element of which is `number`."""
    value = np.full(1, number, np.float32)
    return draw("ConstantOfShape", [shape], ["float32"], value=value)[0]


def where(condition: Value, chosen: Operand, other: Operand) -> Value:
    """`chosen` where the condition holds, `other` elsewhere; at least one of them is a value."""
    element = next(one.element for one in (chosen, other) if isinstance(one, Value))
    lifted = [condition.graph.lift(one, element) for one in (chosen, other)]
    return draw("Where", [condition, *lifted], [element])[0]


class Graph:
    """Operators in the order of their drawing, with inputs, outputs and constants."""

    def __init__(self, prefix: str = "", around: "Graph | None" = None) -> None:
        """A graph, or the body of a loop that sees the values of the graph `around` it."""
        self.prefix = prefix
        self.root: Graph = around.root if around else self
        self.depth: int = around.depth + 1 if around else 0
        self.nodes: list[bytes] = []
        self.tensors: dict[str, proto.Parts] = {}
        self.tables: dict[str, np.ndarray] = {}
        """Large constants that are given to each run, so that all graphs share their memory."""
        self.inputs: list[proto.Port] = []
        self.outputs: list[proto.Port] = []

    def input(self, name: str, element: str, *shape: int | str) -> Value:
        """The input `name`, which is declared at the first call."""
        port = proto.Port(self.prefix + name, element, shape)
        if port not in self.inputs:
            self.inputs.append(port)
        return Value(self, port.name, element)

    def input_table(
        self, specs: Mapping[str, Spec], *batch: int | str, prefix: str = ""
    ) -> list[Value]:
        """An input for each row of a table; axes `batch` stand before those of its shape."""
        return [
            self.input(prefix + name, element, *batch, *shape)
            for name, (element, shape) in specs.items()
        ]

    def output(self, value: Value, name: str, *shape: int | str) -> None:
        """Declare `value` as the output `name`."""
        port = proto.Port(self.prefix + name, value.element, shape)
        self.nodes.append(proto.node_proto("Identity", [value.name], [port.name], {}))
        self.outputs.append(port)

    def result(self, value: Value, *shape: int | str) -> None:
        """Declare `value` as the next output of a loop's body; only their order counts."""
        if any(port.name == value.name for port in self.outputs):
            value = value.draw("Identity")
        self.outputs.append(proto.Port(value.name, value.element, shape))

    def tensor(self, name: str, array: np.ndarray) -> Value:
        """A constant, stored once under `name`."""
        if name not in self.root.tensors:
            self.root.tensors[name] = proto.tensor_proto(name, array)
        return Value(self.root, name, array.dtype.name)

    def table(self, name: str, array: np.ndarray) -> Value:
        """A large constant whose rows are looked up; it is not copied into the graph."""
        self.root.tables[name] = array
        return self.root.input(name, array.dtype.name, *array.shape)

    def constant(self, value: object, element: str) -> Value:
        """A constant, stored under a name that tells its value."""
        array = np.array(value, element)
        numbers = "_".join(map(str, array.ravel().tolist()))
        return self.tensor(f"{element}.{array.ndim}.{numbers}", array)

    def lift(self, operand: Operand, element: str) -> Value:
        """An operand as a value."""
        if isinstance(operand, Value):
            return operand
        return self.constant(operand, element if isinstance(operand, (int, float)) else "int64")

    def shape(self, *sizes: Size) -> Value:
        """A vector of sizes, each known now or while the graph runs."""
        vectors: list[Any] = []
        for is_known, group in groupby(sizes, key=lambda size: isinstance(size, int)):
            known = [*group]
            vectors += [self.constant(known, "int64")] if is_known else known
        return concat(vectors or [self.constant([], "int64")], axis=0)

    def parts(self) -> proto.Parts:
        """GraphProto"""
        nodes = b"".join(proto.bytes_field(1, node) for node in self.nodes)
        ports = [proto.bytes_field(11, port.proto()) for port in self.inputs]
        ports += [proto.bytes_field(12, port.proto()) for port in self.outputs]
        tensors = [
            part for tensor in self.tensors.values() for part in proto.parts_field(5, tensor)
        ]
        return [nodes, proto.bytes_field(2, self.prefix or "regard"), *tensors, *ports]

    def model(self) -> bytes:
        """ModelProto"""
        return proto.model_proto(self.parts())


class Body(Graph):
    """The body of a Loop or a Scan."""

    def run(self, operator: str, *inputs: Value, **attributes: proto.Attribute) -> list[Value]:
        """All results of Loop or Scan: the final states, then the outputs of each step, stacked."""
        elements = [port.element for port in self.outputs[operator == "Loop" :]]
        return draw(operator, inputs, elements, body=b"".join(self.parts()), **attributes)


class LoopBody(Body):
    """The body of a Loop."""

    def __init__(self, around: Graph) -> None:
        super().__init__("loop/", around)
        self.number = self.input("number", "int64")
        """Of the step, from 0."""
        self.input("condition", "bool")

    def loop(
        self, limit: Value, first: Sequence[Value], go_on: Value, results: Sequence[Result]
    ) -> list[Value]:
        """Run at most `limit` steps from the states `first`, and stop where `go_on` is false.

        `results` are the next states, and then what each step outputs, with their shapes.
        """
        for value, *shape in [(go_on,), *results]:
            self.result(value, *shape)
        return self.run("Loop", limit, limit.graph.constant(True, "bool"), *first)
