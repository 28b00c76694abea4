"""The store's folder: where it is, what lies in it beside the models, and the lock that keeps processes apart."""

from __future__ import annotations

import glob
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from roop_host.errors import Interrupted, ModelError, UsageError
from roop_host.types.models import ModelSpec, Pack, allowed
from roop_host.types.options import said_folder

_VARIABLE = "ROOP_MODELS"
_MIRROR = "ROOP_MODELS_MIRROR"
_POLL_S = 0.1


def store_root() -> Path:
    """The folder: ``ROOP_MODELS``, ``models/`` of a checkout, or the one in the user's data. Raises ``UsageError``."""
    said = said_folder(_VARIABLE)
    if said is not None:
        return said
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "models" / "make_embedded.py").is_file():
        return checkout / "models"
    from platformdirs import user_data_path

    return user_data_path("roop", appauthor=False) / "models"


def mirror() -> str:
    """``ROOP_MODELS_MIRROR``: the address of a folder that is asked first; empty for none. Raises ``UsageError``."""
    said = os.environ.get(_MIRROR, "").strip().rstrip("/")
    if said and not allowed(said):
        raise UsageError(f"{_MIRROR} takes the https address of a folder with models; correct it or unset it")
    if "?" in said or "#" in said:
        raise UsageError(
            f"{_MIRROR} takes the address of a folder, to which the name of a file is added, so it can't have a ? or #; "
            "correct it or unset it"
        )
    return said


def final_path(root: Path, what: ModelSpec | Pack) -> Path:
    """Where a download lies, or would lie, when it is whole."""
    return root / (f"{what.name}.zip" if isinstance(what, Pack) else what.file)


def part_path(final: Path, sha256: str) -> Path:
    """Where it lies until then. The hash is in the name: what was begun of an older version is not gone on with."""
    return final.with_name(f".{final.name}.{sha256[:12]}.part")


def forget_parts(final: Path) -> bool:
    """Remove what was begun of ``final``; whether there was any. The name is roop's own, so no file of the user's goes."""
    found = list(final.parent.glob(f".{glob.escape(final.name)}.*.part*"))
    for path in found:
        path.unlink(missing_ok=True)
    return bool(found)


def write_whole(path: Path, text: str) -> None:
    """A small file, as a whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with new.open("x", encoding="utf-8") as file:  # new, so that no link is followed
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def sync_folder(folder: Path) -> None:
    """Make a rename last, where the system knows how."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def free_bytes(folder: Path) -> int | None:
    """What may still be written into ``folder``, or into the first of those above it that exists; None when nobody knows."""
    for place in (folder, *folder.parents):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What the system refuses in ``folder``, as an error that says what to do."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise ModelError(
            f"the model folder {folder} can't be written ({why}); make it writable or name another one by {_VARIABLE}"
        ) from error


@contextmanager
def locked(final: Path, cancel: threading.Event) -> Iterator[None]:
    """Alone with ``final`` among all processes and threads. Raises ``Interrupted`` on a cancel, or ``ModelError``."""
    from filelock import FileLock, Timeout

    with writing(final.parent):
        final.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(final.with_name(f".{final.name}.lock"))
    told = False
    while True:
        with writing(final.parent), suppress(Timeout):
            lock.acquire(blocking=False)
            break
        if not told:
            logging.getLogger("roop").warning("another process is at %s; waiting for it", final.name)
            told = True
        if cancel.wait(_POLL_S):
            raise Interrupted(f"stopped while another process was at {final.name}; nothing was fetched")
    try:
        yield
    finally:
        lock.release()
