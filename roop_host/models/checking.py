"""Is a file the model it should be? Its size, its hash, and that all of its weights are in it.

Loading from bytes does not keep ONNX Runtime from weights in other files: tried with 1.23 and 1.32, an initialiser that no
optimiser touches is read from the current folder (1.23: from any absolute path too), unverified. So the bytes are looked
through first, by a walk of their protobuf that needs no library.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from roop_host.errors import Interrupted, ModelError

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec

CHUNK = 1 << 20
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


def digest(file: BinaryIO, cancel: threading.Event | None = None) -> str:
    """SHA-256 of an open file from its start, read in chunks. Raises ``Interrupted`` on a cancel."""
    hashed = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        if cancel is not None and cancel.is_set():
            raise Interrupted("stopped while a model file was verified; nothing was changed")
        hashed.update(chunk)
    return hashed.hexdigest()


def wrong_graph(data: bytes | mmap.mmap) -> str:
    """What keeps the bytes of a model from being used; empty when nothing does."""
    try:
        elsewhere = refers_to_other_files(data)
    except ValueError as error:
        return f"can't be loaded: {error}; get it again as ONNX"
    return "keeps weights in other files, which no hash covers; get it as a single file" if elsewhere else ""


def wrong_graph_of(file: BinaryIO) -> str:
    """The same of an open file, without reading all of it."""
    file.seek(0, 2)
    if not file.tell():
        return wrong_graph(b"")
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return wrong_graph(data)


def wrong_bytes(model: ModelSpec, size: int, sha256: str) -> str:
    """How a file differs from the model; empty when it is the model."""
    if size != model.size:
        return f"wrong hash and size: {size:,} bytes in place of {model.size:,}"
    return "" if sha256 == model.sha256 else f"wrong hash: SHA-256 {sha256[:12]}... in place of {model.sha256[:12]}..."


def check_file(model: ModelSpec, path: Path, repair: str, cancel: threading.Event | None = None) -> None:
    """Read and hash ``path``. Raises ``ModelError`` that ends with ``repair`` unless it is ``model``."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            wrong = wrong_bytes(model, size, digest(file, cancel) if size == model.size else "")
            graph = "" if wrong or model.form == "data" else wrong_graph_of(file)
    except OSError as error:
        raise missing(model, str(error), repair) from error
    if wrong:
        raise _other(model, path, wrong, repair)
    if graph:
        raise ModelError(f"the model {model.name} in {path} {graph}")


def checked_bytes(model: ModelSpec, path: Path, repair: str) -> bytes:
    """The file's bytes, read once; these very bytes are hashed and looked through. Raises ``ModelError`` as above."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read() if size == model.size else b""
    except OSError as error:
        raise missing(model, str(error), repair) from error
    if wrong := wrong_bytes(model, len(data) or size, hashlib.sha256(data).hexdigest()):
        raise _other(model, path, wrong, repair)
    if graph := "" if model.form == "data" else wrong_graph(data):
        raise ModelError(f"the model {model.name} in {path} {graph}")
    return data


def missing(model: ModelSpec, why: str, repair: str) -> ModelError:
    """That it can't be had, and why."""
    return ModelError(f"the model {model.name} is missing ({why}); {repair}")


def _other(model: ModelSpec, path: Path, wrong: str, repair: str) -> ModelError:
    return ModelError(f"the model file {path} is not the {model.name} it should be ({wrong}); {repair}")


def refers_to_other_files(data: bytes | mmap.mmap) -> bool:
    """Whether any tensor of the model lies elsewhere. Raises ``ValueError`` for bytes that are no plain ONNX model."""
    from roop_host.models.wire import fields

    if data[4:8] == _ORT_FORMAT:
        raise ValueError("it is in ONNX Runtime's own format, not ONNX")
    todo = [("model", 0, len(data))]  # a stack: nested graphs can't exhaust recursion
    while todo:
        message, start, end = todo.pop()
        for field in fields(data, start, end):
            holds = field.begin != field.end
            if message == "tensor":
                # Stricter than the format: any trace of external data counts, whatever the location says.
                if field.number == _EXTERNAL_DATA or (field.number == _DATA_LOCATION and (field.value != 0 or holds)):
                    return True
            elif field.number in _WAYS[message] and holds:
                todo.append((_WAYS[message][field.number], field.begin, field.end))
    return False
