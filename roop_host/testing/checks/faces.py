"""Faces as analysers give them: asked for as the host does, compared, and held against what ``Face`` says."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from roop_host.testing.checking import Failed
from roop_host.testing.handling import asked_of
from roop_host.types.faces import Face
from roop_host.types.frame import Frame
from roop_host.types.objects import Analyser
from roop_host.types.window import Segment

_SHAPES: dict[str, tuple[int, int]] = {
    "landmarks_5": (5, 2),
    "mesh_468": (468, 3),
    "landmarks_68": (68, 3),
    "landmarks_106": (106, 2),
}


def found_by(analyser: Analyser, frame: Frame, what: str) -> Sequence[Face]:
    """The faces of a picture that stands alone."""
    with asked_of(what):
        return _faces(analyser.analyse_picture(frame.view()))


def seen_by(analyser: Analyser, frames: Sequence[Frame], *, begins: bool = True) -> list[Sequence[Face]]:
    """The faces of each frame of a clip, in order; a segment ``begins`` with the first."""
    if begins:
        analyser.start(Segment(frames[0].index // 250, frames[0].index, frames[0].index + 250))
    seen = []
    for frame in frames:
        with asked_of(f"frame {frame.index}"):
            seen.append(_faces(analyser.analyse(frame.view())))
    return seen


def _faces(given: object) -> Sequence[Face]:
    if not isinstance(given, Sequence) or not all(isinstance(face, Face) for face in given):
        raise Failed(f"it gives {type(given).__name__}, which is no sequence of Face")
    return given


def wrong_with(face: Face, width: int, height: int, recognisers: Collection[str]) -> str:
    """What is not as ``Face`` tells, in a frame of that size, as the rest of a sentence; empty where all is right."""
    return next(_wrongs(face, width, height, recognisers), "")


def _wrongs(face: Face, width: int, height: int, recognisers: Collection[str]) -> Iterator[str]:
    if type(face.id) is not int:
        yield f"has the id {face.id!r}, which is no int"
    box = face.box_xyxy
    if not isinstance(box, tuple) or len(box) != 4 or not all(map(_is_number, box)):
        yield f"has the box {box!r}, which is not a tuple of four finite numbers"
    elif not (box[0] < box[2] and box[1] < box[3]):
        yield f"has the box {box}, which is not left, top, right, bottom"
    elif box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height:
        yield f"has the box {box}, which lies outside of the picture of {width} x {height}"
    if not _is_number(face.score):
        yield f"has the score {face.score!r}, which is no finite number"
    yield from _wrong_points(face)
    yield from _wrong_embedding(face, recognisers)
    for name, value in (("yaw_degrees", face.yaw_degrees), ("age", face.age)):
        if value is not None and not _is_number(value):
            yield f"has {name} {value!r}, which is no finite number"
    pose = face.pose_degrees
    if pose is not None and not (isinstance(pose, tuple) and len(pose) == 3 and all(map(_is_number, pose))):
        yield f"has pose_degrees {pose!r}, which is not a tuple of three finite numbers"
    if face.gender not in (None, "female", "male"):
        yield f"has the gender {face.gender!r}, which is neither female nor male nor None"


def _wrong_points(face: Face) -> Iterator[str]:
    for name, shape in _SHAPES.items():
        points = getattr(face, name)
        if points is None and name != "landmarks_5":
            continue
        if not isinstance(points, np.ndarray) or points.dtype != np.float32 or points.shape != shape:
            yield f"has {name} of {_form(points)}, not float32 {shape}"
        elif not np.isfinite(points).all():
            yield f"has {name} that are not finite"


def _wrong_embedding(face: Face, recognisers: Collection[str]) -> Iterator[str]:
    vector, name = face.embedding, face.recogniser
    if (vector is None) != (name is None):
        yield f"has {'no' if vector is None else 'an'} embedding and the recogniser {name!r}: one goes with the other"
    if vector is None:
        return
    if not isinstance(vector, np.ndarray) or vector.dtype != np.float32 or vector.ndim != 1 or not vector.size:
        yield f"has an embedding of {_form(vector)}, not one row of float32"
    elif not np.isfinite(vector).all() or not vector.any():
        yield "has an embedding that is not finite or all 0"
    if name is not None and name not in recognisers:
        yield f"has the recogniser {name!r}, which is not among the declared ones: {', '.join(recognisers) or 'none'}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _form(value: object) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def difference(expected: Sequence[Face], seen: Sequence[Face], *, ids: bool, near: float) -> str:
    """How the faces of two looks at one frame differ, as the rest of a sentence; empty where they don't."""
    if len(expected) != len(seen):
        return f"has {len(seen)} faces and not {len(expected)}"
    for one, other in zip(*(sorted(faces, key=lambda face: face.box_xyxy) for faces in (expected, seen)), strict=True):
        for field in fields(Face):
            if (ids or field.name != "id") and not _alike(getattr(one, field.name), getattr(other, field.name), near):
                return f"has another {field.name} of a face"
    return ""


def _alike(one: Any, other: Any, near: float) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, (np.ndarray, tuple, float)):
        a, b = np.asarray(one), np.asarray(other)
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=near))
    return bool(one == other)
