"""A verified file gets its name in the store. What the user brought is never overwritten, and never deleted."""

from __future__ import annotations

import logging
import os
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from roop_host.errors import ModelError
from roop_host.models.checking import digest, wrong_graph_of
from roop_host.models.places import forget_parts, sync_folder, writing
from roop_host.models.records import By, forget_record, read_record, write_record

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec


def is_model(path: Path, model: ModelSpec, cancel: threading.Event) -> bool:
    """Whether the bytes of ``path`` are the model's."""
    try:
        with path.open("rb") as file:
            return path.stat().st_size == model.size and digest(file, cancel) == model.sha256
    except OSError:
        return False


def is_ours(path: Path, cancel: threading.Event) -> bool:
    """Whether roop put this very file there: as it left it, or with the same bytes after somebody copied the store."""
    record = read_record(path)
    if record is None:
        return False
    if record.untouched(path):
        return True
    try:
        with path.open("rb") as file:
            return digest(file, cancel) == record.sha256
    except OSError:
        return False


def require_free_name(path: Path, model: ModelSpec) -> None:
    """Raise ``ModelError`` where another file stands under the model's name that roop did not put there."""
    if os.path.lexists(path) and (path.is_dir() or read_record(path) is None):
        raise ModelError(
            f"{path} is not the {model.name} that it should be, and roop did not put it there; move it away, then do the "
            f"same again (wanted: {model.size:,} bytes, SHA-256 {model.sha256})"
        )


def require_single_file(file: BinaryIO, model: ModelSpec) -> None:
    """Raise ``ModelError`` for a file that has the right hash and still can't be used."""
    if wrong := wrong_graph_of(file):
        raise ModelError(f"the model {model.name} {wrong}; tell the authors of the plugin that names it")


def place(part: Path, path: Path, model: ModelSpec, by: By, source: str, cancel: threading.Event) -> None:
    """Give a verified, closed part file its name, and note whose it is. Raises ``ModelError``."""
    with writing(path.parent):
        if os.path.lexists(path):
            if is_model(path, model, cancel):  # the user was faster
                part.unlink()
                return
            require_free_name(path, model)
            if not is_ours(path, cancel):
                _set_aside(path)
        part.replace(path)
        sync_folder(path.parent)
        write_record(path, model.sha256, by, source)
        forget_parts(path)


def remove(path: Path, model: ModelSpec, cancel: threading.Event) -> bool:
    """Take away what roop put there, and what was begun; whether there was any. Raises ``ModelError`` for a user's file."""
    with writing(path.parent):
        begun = forget_parts(path)
        if not os.path.lexists(path):
            forget_record(path)
            return begun
        if not is_ours(path, cancel):
            raise ModelError(
                f"{path} was not put there by roop, or was changed since, so it stays; delete it yourself to be rid "
                f"of {model.name}"
            )
        path.unlink()
        forget_record(path)
        return True


def _set_aside(path: Path) -> None:
    """Somebody changed what roop had put there: perhaps to something of their own."""
    names = (path.with_name(f"{path.name}.set-aside-{number}") for number in count(1))
    aside = next(name for name in names if not os.path.lexists(name))
    path.rename(aside)
    logging.getLogger("roop").warning("%s was changed since roop put it there; it is now %s", path, aside.name)
