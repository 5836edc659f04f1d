"""Encode the protobuf messages of an ONNX file (field numbers of onnx.proto3, ONNX 1.16, IR 10).

A protobuf message is a sequence of fields (number, wire type, value).
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

IR_VERSION = 10
MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""
OPSETS = {"": 21, MICROSOFT: 1}
"""The version of the operators of each domain."""
MICROSOFT_OPERATORS = {"FusedMatMul", "MatMulIntegerToFloat", "MultiHeadAttention"}

ELEMENTS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
"""TensorProto.DataType"""

Parts = list[bytes | memoryview]
"""A message in parts, in order. Large parts are joined only once, for the model."""

Attribute = int | float | str | Sequence[int] | np.ndarray | bytes


def varint(number: int) -> bytes:
    if 0 <= number < 0x80:
        return number.to_bytes()
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def varint_field(field: int, number: int) -> bytes:
    return varint(field << 3) + varint(number)


def bytes_field(field: int, content: bytes | str) -> bytes:
    """A field of wire type 2: bytes, a string or a message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def parts_field(field: int, content: Parts) -> Parts:
    """`bytes_field` of the joined parts, without a copy of them."""
    return [varint(field << 3 | 2) + varint(sum(map(len, content))), *content]


def tensor_proto(name: str, array: np.ndarray) -> Parts:
    """TensorProto"""
    dims = b"".join(varint_field(1, size) for size in array.shape)
    element = varint_field(2, ELEMENTS[array.dtype.name])
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return [dims + element + bytes_field(8, name), *parts_field(9, [data])]


def attribute_proto(name: str, value: Attribute) -> bytes:
    """AttributeProto; a value of bytes is a GraphProto."""
    encoded = bytes_field(1, name)
    match value:
        case bool() | int():
            return encoded + varint_field(3, value) + varint_field(20, 2)
        case float():
            return encoded + varint(2 << 3 | 5) + struct.pack("<f", value) + varint_field(20, 1)
        case str():
            return encoded + bytes_field(4, value) + varint_field(20, 3)
        case np.ndarray():
            tensor = b"".join(tensor_proto("", value))
            return encoded + bytes_field(5, tensor) + varint_field(20, 4)
        case bytes():
            return encoded + bytes_field(6, value) + varint_field(20, 5)
    return encoded + b"".join(varint_field(8, number) for number in value) + varint_field(20, 7)


class Port(NamedTuple):
    """An input or output of a graph: its element type and its shape; unknown sizes have names."""

    name: str
    element: str
    shape: Sequence[int | str]

    def proto(self) -> bytes:
        """ValueInfoProto"""
        sizes = (
            varint_field(1, size) if isinstance(size, int) else bytes_field(2, size)
            for size in self.shape
        )
        shape = b"".join(bytes_field(1, size) for size in sizes)
        tensor = varint_field(1, ELEMENTS[self.element]) + bytes_field(2, shape)
        return bytes_field(1, self.name) + bytes_field(2, bytes_field(1, tensor))


def node_proto(
    operator: str, inputs: Sequence[str], outputs: Sequence[str], attributes: dict[str, Attribute]
) -> bytes:
    """NodeProto"""
    fields = [bytes_field(1, name) for name in inputs]
    fields += [bytes_field(2, name) for name in outputs]
    fields.append(bytes_field(4, operator))
    fields += [bytes_field(5, attribute_proto(*attribute)) for attribute in attributes.items()]
    if operator in MICROSOFT_OPERATORS:
        fields.append(bytes_field(7, MICROSOFT))
    return b"".join(fields)


def model_proto(graph: Parts) -> bytes:
    """ModelProto"""
    versions = (
        bytes_field(8, bytes_field(1, domain) + varint_field(2, version))
        for domain, version in OPSETS.items()
    )
    head = varint_field(1, IR_VERSION) + bytes_field(2, "regard")
    return b"".join([head, *parts_field(7, graph), *versions])
