"""Is a file the model it should be? Its size, its hash, and that all of its weights are in it."""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from roop_host.errors import Interrupted, ModelError
from roop_host.models.external import refers_to_other_files

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec

CHUNK = 1 << 20


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
            graph = wrong or wrong_graph_of(file)
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
    if graph := wrong_graph(data):
        raise ModelError(f"the model {model.name} in {path} {graph}")
    return data


def missing(model: ModelSpec, why: str, repair: str) -> ModelError:
    """That it can't be had, and why."""
    return ModelError(f"the model {model.name} is missing ({why}); {repair}")


def _other(model: ModelSpec, path: Path, wrong: str, repair: str) -> ModelError:
    return ModelError(f"the model file {path} is not the {model.name} it should be ({wrong}); {repair}")
