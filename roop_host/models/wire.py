"""The bytes of an ONNX file, a message of Protocol Buffers, without making objects of its weights.

A network's file is nearly all weights. What is read here are the heads of fields, so that half a gigabyte is looked through
in milliseconds and nothing of it is copied (https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

#: Numbers of fields (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): of a model, a graph, a node, an attribute, a
#: function and a tensor.
MODEL_GRAPH, MODEL_FUNCTION = 7, 25
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_VALUE_INFO, GRAPH_SPARSE = 1, 5, 13, 15
_NODE_INPUT, _NODE_OP_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 4, 5, 7
_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS = 6, 11
FUNCTION_NAME, FUNCTION_NODE, FUNCTION_DOMAIN = 1, 7, 10
#: float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data.
TENSOR_DATA = frozenset({4, 5, 6, 7, 9, 10, 11})
_BYTES = 2
Data = bytes | mmap.mmap | memoryview


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field lies: its head begins at ``head``, its content is from ``begin`` to ``end``.

    Only bytes have a content; of a whole number ``value`` is what it is, of anything else 0.
    """

    number: int
    head: int
    begin: int
    end: int
    value: int


@dataclass(frozen=True, slots=True)
class Node:
    """What a node does, without what it works with. ``inner`` are the nodes of its branches and loops, in any depth."""

    field: Field
    op_type: str
    domain: str
    inputs: int
    inner: tuple[Node, ...]

    @property
    def standard(self) -> bool:
        """Whether it is one of ONNX's own operators."""
        return self.domain in ("", "ai.onnx")


def fields(data: Data, begin: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message from ``begin`` to ``end``. Raises ``ValueError`` for what is none."""
    end = len(data) if end is None else end
    while begin < end:
        head = begin
        key, begin = _varint(data, begin, end)
        value = size = 0
        match key & 7:
            case 0:
                value, begin = _varint(data, begin, end)
            case 1:
                begin += 8
            case 2:
                size, begin = _varint(data, begin, end)
            case 5:
                begin += 4
            case kind:
                raise ValueError(f"it is no ONNX model (wire type {kind})")
        if begin + size > end or key >> 32 or not key >> 3:
            raise ValueError("it is no ONNX model, or cut off")
        yield Field(key >> 3, head, begin, begin + size, value)
        begin += size


def nodes(data: memoryview, begin: int, end: int, number: int = GRAPH_NODE) -> Iterator[Node]:
    """Those of a graph, or with ``number`` of a function. Raises ``ValueError``."""
    for field in fields(data, begin, end):
        if field.number == number:
            yield _node(data, field)


def text(data: memoryview, field: Field) -> str:
    """Raises ``ValueError`` where it is none."""
    return str(data[field.begin : field.end], "utf-8")


def replaced(data: memoryview, graph: Field, new: dict[Field, bytes]) -> bytes:
    """The file with other nodes, messages without a head, in the place of some of its ``graph``."""
    parts: list[bytes | memoryview] = []
    at = graph.begin
    for field, node in sorted(new.items(), key=lambda pair: pair[0].head):
        parts += [data[at : field.head], _head(field.number, len(node)), node]
        at = field.end
    parts.append(data[at : graph.end])
    head = _head(graph.number, sum(map(len, parts)))
    return b"".join([data[: graph.head], head, *parts, data[graph.end :]])


def _node(data: memoryview, field: Field) -> Node:
    op_type, domain, inputs = "", "", 0
    inner: list[Node] = []
    for part in fields(data, field.begin, field.end):
        if part.number == _NODE_OP_TYPE:
            op_type = text(data, part)
        elif part.number == _NODE_DOMAIN:
            domain = text(data, part)
        elif part.number == _NODE_INPUT:
            inputs += 1
        elif part.number == _NODE_ATTRIBUTE:
            inner += _inside(data, part)
    return Node(field, op_type, domain, inputs, tuple(inner))


def _inside(data: memoryview, attribute: Field) -> Iterator[Node]:
    for part in fields(data, attribute.begin, attribute.end):
        if part.number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
            for node in nodes(data, part.begin, part.end):
                yield node
                yield from node.inner


def _varint(data: Data, at: int, end: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise ValueError("it is no ONNX model, or cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("it is no ONNX model (a number too long)")


def _head(number: int, size: int) -> bytes:
    """Of a field that holds so many bytes."""
    return _number(number << 3 | _BYTES) + _number(size)


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
