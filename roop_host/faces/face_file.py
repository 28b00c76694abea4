"""The format of a saved face: safetensors, read as strictly as if somebody else had made it.

Of picture number 0, 1, ... there are the tensors ``0.bgr``, ``0.landmarks_5`` and so on, and ``0.embedding.NAME`` of each
recogniser. The text ``faces`` is JSON, one object for each picture; all coordinates are pixels of the stored picture.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roop_host.types.faces import Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = "1"
#: More pictures of one person than this make no better face.
MOST_PICTURES = 32
#: Of a stored picture, in pixels: more than any engine reads of a face.
MOST_SIDE = 1536
#: All that so many pictures can take, with some room.
MOST_BYTES = MOST_PICTURES * (MOST_SIDE**2 * 3 + 2**17)
_MOST_NUMBERS = 4096
_POINTS = {"landmarks_5": (5, 2), "mesh_468": (468, 3), "landmarks_68": (68, 3), "landmarks_106": (106, 2)}
#: What a face needs, and what may be there.
_NEEDED = ("landmarks_5",)
_TEXTS = ("schema", "name", "created", "roop", "faces")
#: What people are shown of a file, as roop itself writes it.
_FORMS = {
    "created": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", re.ASCII),
    "roop": re.compile(r"[\w.+!-]{1,40}", re.ASCII),
}
#: What a recogniser may be called.
RECOGNISER_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A stored picture, uint8 ``(H, W, 3)``, its face without embedding, and raw embeddings by recogniser."""

    name: str
    bgr: NDArray[np.uint8]
    face: Face
    embeddings: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """All that a file holds."""

    name: str
    created: str
    version: str
    pictures: tuple[Picture, ...]


def encode(content: Content) -> bytes:
    """The bytes of the file."""
    import numpy as np
    from safetensors.numpy import save

    tensors: dict[str, Any] = {}
    told = []
    for number, picture in enumerate(content.pictures):
        face = picture.face
        tensors[f"{number}.bgr"] = np.ascontiguousarray(picture.bgr)
        for name in _POINTS:
            if getattr(face, name) is not None:
                tensors[f"{number}.{name}"] = np.ascontiguousarray(getattr(face, name), np.float32)
        for recogniser, embedding in picture.embeddings.items():
            tensors[f"{number}.embedding.{recogniser}"] = np.ascontiguousarray(embedding, np.float32)
        told.append(_told(picture))
    texts = (SCHEMA, content.name, content.created, content.version, json.dumps(told))
    return save(tensors, dict(zip(_TEXTS, texts, strict=True)))


def decode(path: Path) -> Content:
    """The content of the file. Raises ``ValueError`` that says what is wrong with it, ``OSError``."""
    from safetensors import SafetensorError, safe_open

    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it has {path.stat().st_size:,} bytes, and such a file has {MOST_BYTES:,} at most")
    try:
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            if set(texts) != set(_TEXTS) or texts["schema"] != SCHEMA:
                raise ValueError(f"it is not of schema {SCHEMA}, which this version reads")
            for name, form in _FORMS.items():
                if not form.fullmatch(texts[name]):
                    raise ValueError(f"its {name!r} is not as roop writes it")
            told = _json(texts["faces"])
            if not isinstance(told, list) or not 1 <= len(told) <= MOST_PICTURES:
                raise ValueError(f"it holds no list of 1 to {MOST_PICTURES} faces")
            left = set(file.keys())
            pictures = tuple(_picture(file, left, number, one) for number, one in enumerate(told))
    except SafetensorError as error:
        raise ValueError("it is no whole safetensors file") from error
    if left:
        raise ValueError(f"it holds {min(left)!r}, which no saved face has")
    return Content(texts["name"], texts["created"], texts["roop"], pictures)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("what it says of its faces is no JSON") from error


def _told(picture: Picture) -> dict[str, Any]:
    face = picture.face
    return {
        "picture": picture.name,
        "box_xyxy": [float(number) for number in face.box_xyxy],
        "score": float(face.score),
        "yaw_degrees": None if face.yaw_degrees is None else float(face.yaw_degrees),
        "pose_degrees": None if face.pose_degrees is None else [float(number) for number in face.pose_degrees],
        "gender": face.gender,
        "age": None if face.age is None else float(face.age),
    }


def _picture(file: Any, left: set[str], number: int, told: Any) -> Picture:
    if not isinstance(told, dict) or set(told) != _KEYS or not isinstance(told["picture"], str):
        raise ValueError(f"what it says of face {number} is incomplete")
    bgr = _tensor(file, left, f"{number}.bgr", "U8", (None, None, 3), MOST_SIDE)
    height, width = bgr.shape[:2]
    points: dict[str, Any] = {}
    for name, shape in _POINTS.items():
        key = f"{number}.{name}"
        if key in left or name in _NEEDED:
            points[name] = _near(_tensor(file, left, key, "F32", shape), key, width, height)
    start = f"{number}.embedding."
    embeddings = {
        key.removeprefix(start): _tensor(file, left, key, "F32", (None,), _MOST_NUMBERS)
        for key in sorted(left)
        if key.startswith(start) and RECOGNISER_NAME.fullmatch(key.removeprefix(start))
    }
    box = _numbers(told["box_xyxy"], 4)
    if not (
        box[0] < box[2] and box[1] < box[3] and max(box[2], -box[0]) <= 2 * width and max(box[3], -box[1]) <= 2 * height
    ):
        raise ValueError(f"the box of face {number} does not lie in its picture")
    pose = None if told["pose_degrees"] is None else _numbers(told["pose_degrees"], 3)
    yaw, age = (None if told[name] is None else _numbers([told[name]], 1)[0] for name in ("yaw_degrees", "age"))
    if told["gender"] not in (None, "female", "male"):
        raise ValueError(f"the gender of face {number} is {told['gender']!r}")
    score = _numbers([told["score"]], 1)[0]
    face = Face(0, box, score, yaw_degrees=yaw, pose_degrees=pose, gender=told["gender"], age=age, **points)
    return Picture(told["picture"], bgr, face, embeddings)


_KEYS = {"picture", "box_xyxy", "score", "yaw_degrees", "pose_degrees", "gender", "age"}


def _tensor(file: Any, left: set[str], key: str, kind: str, shape: Sequence[int | None], most: int = 0) -> Any:
    """The tensor, read only after its size is known to be right; sizes of None are free up to ``most``."""
    import numpy as np

    if key not in left:
        raise ValueError(f"it lacks {key}")
    part = file.get_slice(key)
    found = part.get_shape()
    fits = len(found) == len(shape) and all(
        1 <= size <= most if wanted is None else size == wanted for size, wanted in zip(found, shape, strict=True)
    )
    if part.get_dtype() != kind or not fits:
        raise ValueError(f"its {key} is {part.get_dtype()} {tuple(found)}")
    left.discard(key)
    values = file.get_tensor(key)
    if not np.isfinite(values).all():
        raise ValueError(f"its {key} holds what is no number")
    values.flags.writeable = False
    return values


def _near(points: Any, key: str, width: int, height: int) -> Any:
    """Points far outside of the picture would make an engine work on a huge region."""
    if abs(points[:, :2]).max() > 2 * max(width, height):
        raise ValueError(f"its {key} lies outside of the picture")
    return points


def _numbers(values: Any, count: int) -> Any:
    right = isinstance(values, list) and len(values) == count and all(type(one) in (int, float) for one in values)
    try:
        numbers = tuple(map(float, values)) if right else ()
    except OverflowError:  # a whole number beyond all floats
        numbers = ()
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ValueError(f"it holds something else in the place of {count} number{'' if count == 1 else 's'}")
    return numbers


def without_embedding(face: Face) -> Face:
    """The face as a picture of its own has it: no track, nobody assigned, and its embedding kept elsewhere."""
    return replace(face, id=0, embedding=None, recogniser=None, source=None, similarity=None)
