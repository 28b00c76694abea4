"""A file that the user has: recognised by its hash, whatever it is called, and copied into the store."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from roop_host.errors import InputError, ModelError
from roop_host.models.checking import CHUNK, digest
from roop_host.models.packs import chunks, member, opened
from roop_host.models.places import final_path, locked
from roop_host.models.placing import copy_in, is_there

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec

Brought = tuple[tuple["ModelSpec", Path], ...]


def bring(root: Path, source: Path, known: Iterable[ModelSpec], cancel: threading.Event) -> Brought:
    """What ``source`` is, and where its copy lies now. It is not touched.

    A zip archive gives every known model in it. Raises ``InputError`` for a file that can't be read, ``ModelError`` for one
    that is no known model, and ``Interrupted``.
    """
    models = [model for model in dict.fromkeys(known) if not model.embedded]
    try:
        if not source.is_file():  # a pipe or a device may give bytes for ever
            raise InputError(f"{source} is {'not a file' if source.exists() else 'not there'}; name a file with a model")
        with source.open("rb") as file:
            if zipfile.is_zipfile(file):
                return tuple(_from_archive(root, source, file, models, cancel))
            return tuple(_single(root, source, file, models, cancel))
    except OSError as error:
        raise InputError(
            f"{source} can't be read ({error.strerror or error}); check the name and its permissions"
        ) from error


def _single(
    root: Path, source: Path, file: BinaryIO, models: list[ModelSpec], cancel: threading.Event
) -> Iterator[tuple[ModelSpec, Path]]:
    sha256 = digest(file, cancel)
    size = file.tell()
    fits = [model for model in models if (model.size, model.sha256) == (size, sha256)]
    if not fits:
        raise ModelError(
            f"{source} is none of the models that the installed plugins know ({size:,} bytes, SHA-256 {sha256}); "
            + _meant(source, models)
        )
    for model in fits:
        file.seek(0)
        yield model, _copied(root, model, iter(lambda: file.read(CHUNK), b""), str(source), cancel)


def _from_archive(
    root: Path, source: Path, file: BinaryIO, models: list[ModelSpec], cancel: threading.Event
) -> Iterator[tuple[ModelSpec, Path]]:
    found = False
    with opened(file, str(source)) as archive:
        for model in models:
            info = member(archive, model, str(source))
            if info is not None:
                found = True
                with archive.open(info) as stream:
                    yield model, _copied(root, model, chunks(stream, model.size), str(source), cancel)
    if not found:
        raise ModelError(
            f"the archive {source} holds none of the models that the installed plugins know; roop models list shows them"
        )


def _copied(root: Path, model: ModelSpec, data: Iterable[bytes], source: str, cancel: threading.Event) -> Path:
    path = final_path(root, model)
    with locked(final_path(root, model.pack or model), cancel):
        if not is_there(path, model, cancel, check=True):
            copy_in(path, model, data, "import", source, cancel)
    return path


def _meant(source: Path, models: list[ModelSpec]) -> str:
    """Which model its name makes one think of."""
    by_name = {model.name: model for model in models}
    near = get_close_matches(
        source.name.removesuffix(".onnx").removesuffix(".dat").replace(".", "_"), by_name, n=1, cutoff=0.85
    )
    if not near:
        return "roop models list --json shows those and their hashes"
    model = by_name[near[0]]
    return (
        f"different files go by the name {model.name}, and the one that is known to work has {model.size:,} bytes and "
        f"SHA-256 {model.sha256}"
    )
