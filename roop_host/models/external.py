"""Does an ONNX file keep weights in other files? A walk of its protobuf that needs no library.

Loading from bytes does not keep ONNX Runtime from such files: tried with 1.23 and 1.32, an initialiser that no optimiser
touches is read from the current folder (1.23: from any absolute path too), unverified. So the bytes are
looked through first.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap

# onnx.proto: by message, the fields that lead to tensors and the message each holds.
_WAYS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
#: ONNX Runtime also takes its own format, recognised by these bytes; it is not looked through, so it is not taken.
_ORT_FORMAT = b"ORTM"


def refers_to_other_files(data: bytes | mmap) -> bool:
    """Whether any tensor of the model lies elsewhere. Raises ``ValueError`` for bytes that are no plain ONNX model."""
    if data[4:8] == _ORT_FORMAT:
        raise ValueError("it is in ONNX Runtime's own format, not ONNX")
    todo = [("model", 0, len(data))]  # a stack: nested graphs can't exhaust recursion
    while todo:
        message, start, end = todo.pop()
        for number, value, first, last in _fields(data, start, end):
            if message == "tensor":
                # Stricter than the format: any trace of external data counts, whatever the location says.
                if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and (value != 0 or first != last)):
                    return True
            elif number in _WAYS[message] and first != last:
                todo.append((_WAYS[message][number], first, last))
    return False


def _fields(data: bytes | mmap, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Field number, number value, and where a bytes value begins and ends (equal for none)."""
    while at < end:
        tag, at = _varint(data, at, end)
        value = first = last = 0
        match tag & 7:
            case 0:
                value, at = _varint(data, at, end)
            case 1:
                at += 8
            case 2:
                length, first = _varint(data, at, end)
                at = last = first + length
            case 5:
                at += 4
            case kind:
                raise ValueError(f"it is no ONNX model (wire type {kind})")
        if at > end or tag >> 32 or not tag >> 3:
            raise ValueError("it is no ONNX model, or cut off")
        yield tag >> 3, value, first, last


def _varint(data: bytes | mmap, at: int, end: int) -> tuple[int, int]:
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
