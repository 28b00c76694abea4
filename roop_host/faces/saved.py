"""Faces kept under a name, for ``face:NAME`` in place of a picture: the pictures' heads, and what is known of each face.

One file ``NAME.safetensors`` a person: tensors and text, so that reading one runs no code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roop_host.types.objects import SourceFace


@dataclass(frozen=True, slots=True)
class SavedFace:
    """What a file holds. ``pictures`` as they were saved, each with its own raw embedding; ``recognisers`` made them.

    ``created`` is ISO 8601 in UTC, ``version`` that of roop.
    """

    name: str
    path: Path
    created: str
    version: str
    recognisers: tuple[str, ...]
    pictures: tuple[SourceFace, ...]


def faces_folder() -> Path:
    """The folder: ``ROOP_FACES``, or the one in the user's data. It need not exist. Raises ``UsageError``."""
    raise NotImplementedError


def is_saved(text: str) -> bool:
    """Whether a source or a reference is ``face:NAME``. A picture of such a name can be given as ``./face:NAME``."""
    raise NotImplementedError


def file_of(text: str) -> Path:
    """The file behind a source or a reference: that of a saved face, or the picture itself. Raises ``UsageError``."""
    raise NotImplementedError


def save(name: str, pictures: Sequence[SourceFace], folder: Path | None = None, *, overwrite: bool = False) -> Path:
    """Keep a person of at least one picture under ``name``, whole or not at all; the file.

    Kept of each is the head around the face, so a picture of many people keeps one. Raises ``UsageError`` for a name that is
    no name, is taken (but with ``overwrite``), or pictures of two recognisers; ``OutputError`` where it can't be written.
    """
    raise NotImplementedError


def load(name: str, folder: Path | None = None, *, recogniser: str | None = None) -> SavedFace:
    """The saved face, its embeddings those of ``recogniser``, or None where the file has none of it.

    With no ``recogniser`` the file's first is taken. Raises ``UsageError`` for a name that is not there, ``InputError`` for
    a damaged file.
    """
    raise NotImplementedError


def names(folder: Path | None = None) -> list[str]:
    """The names of all saved faces, sorted."""
    raise NotImplementedError


def remove(name: str, folder: Path | None = None) -> None:
    """Delete a saved face. Raises ``UsageError`` for one that is not there."""
    raise NotImplementedError
