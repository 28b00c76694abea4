"""Bytes that lie here already, out of an archive or of a file of the user's, become a file of the store."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host.errors import Interrupted, ModelError
from roop_host.models.checking import wrong_bytes
from roop_host.models.part import Part
from roop_host.models.places import part_path, writing
from roop_host.models.placing import place, require_free_name, require_single_file

if TYPE_CHECKING:
    from roop_host.models.records import By
    from roop_host.types.models import ModelSpec


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
