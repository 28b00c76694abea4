"""Faces kept under a name, for ``face:NAME`` in place of a picture: the pictures' heads, and what is known of each face.

One file ``NAME.safetensors`` a person: tensors and text, so that reading one runs no code.
"""

from __future__ import annotations

import os
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roop_host.errors import InputError, UsageError, one_line
from roop_host.faces.face_file import (
    MOST_PICTURES,
    MOST_SIDE,
    RECOGNISER_NAME,
    Content,
    Picture,
    decode,
    encode,
    without_embedding,
)
from roop_host.media.output import save_atomically, unwritable
from roop_host.types.faces import Face
from roop_host.types.objects import SourceFace
from roop_host.types.options import said_folder
from roop_host.types.packages import own_version

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PREFIX, _SUFFIX, _VARIABLE = "face:", ".safetensors", "ROOP_FACES"
_NAME = re.compile(r"\w[\w.-]{0,63}")
#: Of a name in UTF-8, so that the file's own stays under the 255 of most file systems.
_MOST_NAME_BYTES = 128
#: Words after ``roop faces``, and devices of Windows, with whatever suffix.
_WORDS = frozenset({"save", "list", "rm"})
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
#: A face says who somebody is: nobody else's to read.
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
#: Of the longer side of a face's box, kept around it: hair, neck, and room to turn.
_MARGIN = 0.75


@dataclass(frozen=True, slots=True, eq=False)
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
    said = said_folder(_VARIABLE)
    if said is not None:
        return said
    from platformdirs import user_data_path

    return user_data_path("roop", appauthor=False) / "faces"


def is_saved(text: str) -> bool:
    """Whether a source or a reference is ``face:NAME``. A picture of such a name can be given as ``./face:NAME``."""
    return text.startswith(_PREFIX)


def name_in(text: str) -> str:
    """``NAME`` of ``face:NAME``. Raises ``UsageError`` for what is no name."""
    if text == _PREFIX:
        raise UsageError(f"{text} names nobody; say face:NAME with one of the names that roop faces list shows")
    return _checked(text.removeprefix(_PREFIX))


def file_of(text: str) -> Path:
    """The file behind a source or a reference: that of a saved face, or the picture itself. Raises ``UsageError``."""
    return _path(name_in(text), None) if is_saved(text) else Path(text)


def save(name: str, pictures: Sequence[SourceFace], folder: Path | None = None, *, overwrite: bool = False) -> Path:
    """Keep a person of at least one picture under ``name``, whole or not at all; the file.

    Kept of each is the head around the face, so of a picture of many people one remains. ``pictures`` are not merged yet:
    each has the embedding of its own. Raises ``UsageError`` for a name that is no name, is taken (but with ``overwrite``),
    or embeddings without a recogniser's name; ``OutputError`` where it can't be written.
    """
    path = _path(_checked_new(name), folder)
    if not 1 <= len(pictures) <= MOST_PICTURES:
        raise UsageError(f"a saved face is made of 1 to {MOST_PICTURES} pictures, not {len(pictures)}")
    if os.path.lexists(path) and not overwrite:
        raise _taken(name)
    content = Content(_checked(name), _now(), own_version(), tuple(map(_head, pictures)))
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    new = path.with_name(f".{secrets.token_hex(8)}.new")
    save_atomically(new, [encode(content)], mode=_FILE_MODE)
    try:
        if overwrite:
            new.replace(path)
        else:
            _give_name(new, path)
    except FileExistsError as error:  # since it was looked for
        raise _taken(name) from error
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        new.unlink(missing_ok=True)
    return path


def load(name: str, folder: Path | None = None, *, recogniser: str | None = None) -> SavedFace:
    """The saved face, its embeddings those of ``recogniser``, or None where the file has none of it.

    With no ``recogniser`` the file's first is taken. Raises ``UsageError`` for a name that is not there, ``InputError`` for
    a damaged file.
    """
    path = _path(_checked(name), folder)
    if not os.path.lexists(path):
        raise UsageError(f"no face is saved as {name} (saved: {_usable(folder)}); save it: roop faces save {name} PICTURE")
    if not path.is_file():
        what = "a link that leads nowhere" if path.is_symlink() and not path.exists() else "no file"
        raise InputError(f"the saved face {name} ({path}) is damaged: it is {what}; take it away and save the face again")
    try:
        content = decode(path)
        if content.name.casefold() != _checked(name).casefold():
            raise ValueError(f"it says that it is {content.name!r}, so it was renamed")
    except (ValueError, OSError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        again = f"save it again: roop faces save {name} PICTURE --overwrite"
        raise InputError(f"the saved face {name} ({path}) is damaged: {one_line(said)}; {again}") from error
    recognisers = tuple(dict.fromkeys(one for picture in content.pictures for one in picture.embeddings))
    wanted = recogniser or next(iter(recognisers), None)
    pictures = tuple(_as_source(name, picture, wanted) for picture in content.pictures)
    return SavedFace(name, path, content.created, content.version, recognisers, pictures)


def names(folder: Path | None = None) -> list[str]:
    """The names of all saved faces, sorted."""
    where = faces_folder() if folder is None else folder
    if not where.is_dir():
        return []
    found = (path.name.removesuffix(_SUFFIX) for path in where.iterdir() if path.name.endswith(_SUFFIX))
    return sorted(name for name in found if _NAME.fullmatch(name))


def remove(name: str, folder: Path | None = None) -> None:
    """Delete a saved face. Raises ``UsageError`` for one that is not there, ``OutputError``."""
    path = _path(_checked(name), folder)
    try:
        path.unlink()
    except FileNotFoundError as error:
        raise UsageError(f"no face is saved as {name} (saved: {_usable(folder)})") from error
    except OSError as error:
        raise unwritable(path, error) from error


def _usable(folder: Path | None) -> str:
    return ", ".join(name for name in names(folder) if _path(name, folder).is_file()) or "none"


def _path(name: str, folder: Path | None) -> Path:
    return (faces_folder() if folder is None else folder) / f"{name}{_SUFFIX}"


def _checked(name: str) -> str:
    """The name as files are called, one way of writing each letter."""
    normal = unicodedata.normalize("NFC", name)
    if _NAME.fullmatch(normal) and len(normal.encode()) <= _MOST_NAME_BYTES:
        return normal
    odd = next((letter for letter in normal if not re.fullmatch(r"[\w.-]", letter)), None)
    why = "it is empty"
    if odd is not None:
        why = f"it holds {odd!r}"
    elif normal[:1] in ("-", "."):
        why = f"it begins with {normal[0]!r}"
    elif normal:
        why = f"it is longer than 64 letters, or than {_MOST_NAME_BYTES} bytes in UTF-8"
    raise UsageError(
        f"{one_line(repr(name))} is no name of a face, as {why}; take letters of any language, digits, . _ and -, "
        "a letter or digit first"
    )


def _checked_new(name: str) -> str:
    """The same of a name that is to be taken: none that other systems, or people, take for something else."""
    normal = _checked(name)
    if normal.lower() in _WORDS:
        raise UsageError(f"a face can't be saved as {name}, which is a word of roop faces; take another name")
    if normal.lower().split(".")[0] in _DEVICES:
        raise UsageError(f"a face can't be saved as {name}, which is a device on Windows; take another name")
    return normal


def _taken(name: str) -> UsageError:
    return UsageError(f"a face is saved as {name} already; take another name or add --overwrite")


def _give_name(new: Path, path: Path) -> None:
    """Raise ``FileExistsError`` where the name is taken, also by whoever came at the same time."""
    try:
        os.link(new, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        new.replace(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _head(source: SourceFace) -> Picture:
    """The picture around the face, with the face where it lies there."""
    import cv2
    import numpy as np

    x0, y0, x1, y1 = _around(source)
    bgr: NDArray[np.uint8] = source.bgr[y0:y1, x0:x1]
    scale = min(1.0, MOST_SIDE / max(bgr.shape[:2]))
    if scale < 1:
        size = (max(1, round(bgr.shape[1] * scale)), max(1, round(bgr.shape[0] * scale)))
        bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    face = source.face
    embeddings = {}
    if face.embedding is not None:
        if face.recogniser is None or not RECOGNISER_NAME.fullmatch(face.recogniser):
            raise UsageError(f"the analyser does not say which recogniser knows the face of {source.name}; use another one")
        embeddings[face.recogniser] = np.asarray(face.embedding, np.float32).reshape(-1)
    return Picture(Path(source.name).name, bgr, without_embedding(_moved(face, (x0, y0), scale)), embeddings)


def _around(source: SourceFace) -> tuple[int, int, int, int]:
    height, width = source.bgr.shape[:2]
    x0, y0, x1, y1 = source.face.box_xyxy
    margin = _MARGIN * max(x1 - x0, y1 - y0)
    left, top = max(0, int(x0 - margin)), max(0, int(y0 - margin))
    return left, top, min(width, int(x1 + margin) + 1), min(height, int(y1 + margin) + 1)


def _moved(face: Face, origin: tuple[int, int], scale: float) -> Face:
    """All coordinates in a part of the picture, made smaller."""
    import numpy as np

    def points(values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        if values is None:
            return None
        shift = np.zeros(values.shape[1], np.float32)
        shift[:2] = origin
        return ((values - shift) * np.float32(scale)).astype(np.float32)

    x0, y0, x1, y1 = ((float(number) - origin[place % 2]) * scale for place, number in enumerate(face.box_xyxy))
    five = points(face.landmarks_5)
    assert five is not None
    more: dict[str, Any] = {name: points(getattr(face, name)) for name in ("mesh_468", "landmarks_68", "landmarks_106")}
    return replace(face, box_xyxy=(x0, y0, x1, y1), landmarks_5=five, **more)


def _as_source(name: str, picture: Picture, recogniser: str | None) -> SourceFace:
    embedding = None if recogniser is None else picture.embeddings.get(recogniser)
    face = picture.face
    if embedding is not None:
        face = replace(face, embedding=embedding, recogniser=recogniser)
    return SourceFace(f"{_PREFIX}{name}", picture.bgr, face)
