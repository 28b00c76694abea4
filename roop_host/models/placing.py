"""Verified bytes become a file of the store, and a record says so. What the user brought is never overwritten or deleted."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from roop_host.errors import Interrupted, ModelError
from roop_host.models.checking import digest, wrong_bytes, wrong_graph_of
from roop_host.models.part import Part
from roop_host.models.places import forget_parts, part_path, sync_folder, write_whole, writing

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec

By = Literal["pull", "import"]


@dataclass(frozen=True, slots=True)
class Record:
    """One file as roop left it: hash, size in bytes, time of change in ns; how and from where it came, and when (UTC).

    Size and time tell the very file from another one under its name, even from one of the same bytes. The inode would too,
    but some file systems give a new one at every mount.
    """

    sha256: str
    size: int
    mtime_ns: int
    by: By
    source: str
    date: str

    def is_of(self, path: Path) -> bool:
        """Whether this very file stands there, as roop left it, as far as the system tells. A link is somebody's own."""
        try:
            found = path.lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)


def record_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.json")


def write_record(path: Path, placed: Path, sha256: str, by: By, source: str) -> None:
    """Note that roop puts the file ``placed`` there as ``path``: a rename changes neither size nor time."""
    found = placed.stat()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    record = Record(sha256, found.st_size, found.st_mtime_ns, by, source, date)
    write_whole(record_path(path), json.dumps(asdict(record), indent=2) + "\n")


def own_record(path: Path) -> Record | None:
    """What is noted of the file that stands there; None where it is not the one that roop left, or nothing is noted."""
    try:
        said = json.loads(record_path(path).read_text(encoding="utf-8"))
        record = Record(**said)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    kinds = {"sha256": str, "size": int, "mtime_ns": int, "by": str, "source": str, "date": str}
    sound = all(type(getattr(record, name)) is kind for name, kind in kinds.items())
    return record if sound and record.is_of(path) else None


def size_of(path: Path) -> int | None:
    """In bytes; -1 for what is no file, None for nothing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def is_there(path: Path, model: ModelSpec, cancel: threading.Event, *, check: bool) -> bool:
    """Whether ``path`` is the model by its size, or, to ``check``, by its bytes."""
    if size_of(path) != model.size or not check:
        return size_of(path) == model.size
    try:
        with path.open("rb") as file:
            return digest(file, cancel) == model.sha256
    except OSError:
        return False


def require_free_name(path: Path, model: ModelSpec) -> None:
    """Raise ``ModelError`` where something stands under the model's name that is not as roop left it."""
    if os.path.lexists(path) and own_record(path) is None:
        raise ModelError(
            f"{path} is not the {model.name} that it should be, and roop did not put it there, or it was changed since; "
            f"move it away, then do the same again (wanted: {model.size:,} bytes, SHA-256 {model.sha256})"
        )


def require_single_file(file: BinaryIO, model: ModelSpec) -> None:
    """Raise ``ModelError`` for a file that has the right hash and still can't be used."""
    if wrong := "" if model.form == "data" else wrong_graph_of(file):
        raise ModelError(f"the model {model.name} {wrong}; tell the authors of the plugin that names it")


def place(part: Path, path: Path, model: ModelSpec, by: By, source: str, cancel: threading.Event) -> None:
    """Give a verified, closed part file its name, and note whose it is. Raises ``ModelError``."""
    with writing(path.parent):
        if os.path.lexists(path):
            if is_there(path, model, cancel, check=True):  # the user was faster
                forget_parts(path)
                return
            require_free_name(path, model)
            path.unlink()  # first, so that no record ever stands beside an older file
        # Before the rename: a file without a record would be taken for the user's for ever.
        write_record(path, part, model.sha256, by, source)
        part.replace(path)
        sync_folder(path.parent)
        forget_parts(path)


def copy_in(path: Path, model: ModelSpec, data: Iterable[bytes], by: By, source: str, cancel: threading.Event) -> None:
    """Write ``data``, verify it, and name it ``path``. The caller holds the lock. May raise ``Interrupted``."""
    require_free_name(path, model)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    copy = part_path(path, f"copy-{model.sha256}")  # beside what a download may have begun
    try:
        with Part(copy, model.size) as part:
            _write(part, model, data, source, cancel)
        place(copy, path, model, by, source, cancel)
    finally:
        copy.unlink(missing_ok=True)


def remove(path: Path, model: ModelSpec) -> bool:
    """Take away what roop put there, and what was begun; whether there was any. Raises ``ModelError`` for a user's file."""
    with writing(path.parent):
        begun = forget_parts(path)
        there = os.path.lexists(path)
        if there and own_record(path) is None:
            raise ModelError(
                f"{path} was not put there by roop, or was changed since, so it stays; delete it yourself to be rid "
                f"of {model.name}"
            )
        path.unlink(missing_ok=True)
        record_path(path).unlink(missing_ok=True)
        return there or begun


def _write(part: Part, model: ModelSpec, data: Iterable[bytes], source: str, cancel: threading.Event) -> None:
    part.clear()
    hashed = hashlib.sha256()
    for chunk in data:
        if cancel.is_set():
            raise Interrupted(f"stopped while {model.name} was copied; do the same again")
        part.add(chunk)
        hashed.update(chunk)
    if wrong := wrong_bytes(model, part.size, hashed.hexdigest()):
        raise ModelError(f"what {source} holds as {model.name} is not that ({wrong}); get it from elsewhere")
    require_single_file(part.file, model)
    part.settle()
