"""Two people whom every check of a plugin may see: pictures with all that an analyser tells of a face.

Eileen Collins (NASA) and Grace Hopper (US Navy), both public domain; ``scripts/kit.py`` made the files. What no analyser of
this repository tells without a download is made up: embeddings are random, by a recogniser called ``kit``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import cv2
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from roop_host.testing.making import frame_of
from roop_host.types.faces import Face
from roop_host.types.frame import Frame
from roop_host.types.objects import SourceFace

Person = Literal["collins", "hopper"]
_DATA = files("roop_host.testing") / "data"
_AGES = {"collins": 36.0, "hopper": 78.0}
#: The name that the made-up embeddings bear.
RECOGNISER = "kit"


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """``bgr`` is a picture of one head, uint8 ``(224, 224, 3)``, read-only; ``face`` lies in it."""

    name: str
    bgr: NDArray[np.uint8]
    face: Face

    def as_source(self) -> SourceFace:
        """The portrait as a job's source."""
        return SourceFace(f"{self.name}.jpg", self.bgr, self.face)


@cache
def portrait(person: Person) -> Portrait:
    """The picture of a person, and the face in it."""
    bgr = cv2.imdecode(np.frombuffer((_DATA / f"{person}.jpg").read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    arrays = safetensors.numpy.load((_DATA / "faces.safetensors").read_bytes())
    known = {name.removeprefix(f"{person}_"): array for name, array in arrays.items() if name.startswith(person)}
    picture = np.asarray(bgr, np.uint8)
    for array in (picture, *known.values()):
        array.setflags(write=False)
    x0, y0, x1, y1 = map(float, known["box"])
    pitch, yaw, roll = map(float, known["pose"])
    embedding = np.random.default_rng(sum(person.encode())).standard_normal(512).astype(np.float32)
    face = Face(
        id=1,
        box_xyxy=(x0, y0, x1, y1),
        score=0.95,
        landmarks_5=known["five"],
        mesh_468=known["mesh"],
        embedding=embedding,
        recogniser=RECOGNISER,
        yaw_degrees=yaw,
        landmarks_68=known["ibug"],
        pose_degrees=(pitch, yaw, roll),
        gender="female",
        age=_AGES[person],
    )
    return Portrait(person, picture, face)


def moved(face: Face, dx: float, dy: float, **more: Any) -> Face:
    """``face``, so many pixels to the right and down; ``more`` are fields that change with it."""
    x0, y0, x1, y1 = face.box_xyxy
    shift = np.array((dx, dy, 0), np.float32)
    points = {
        name: getattr(face, name) + shift[: getattr(face, name).shape[1]]
        for name in ("landmarks_5", "mesh_468", "landmarks_68", "landmarks_106")
        if getattr(face, name) is not None
    }
    return replace(face, box_xyxy=(x0 + dx, y0 + dy, x1 + dx, y1 + dy), **points, **more)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A coded picture, uint8 ``(H, W, 3)``, and the faces in it; it doesn't change, so many frames are made of one."""

    bgr: NDArray[np.uint8]
    faces: tuple[Face, ...] = ()

    def frame(self, index: int = 0) -> Frame:
        """A fresh frame of it."""
        return frame_of(self.bgr, index, faces=self.faces)

    def without_faces(self) -> Picture:
        """The same, with nobody seen in it."""
        return Picture(self.bgr)


#: Upright width and height of ``gathering``.
WIDTH, HEIGHT = 480, 256


def gathering(number: int = 0) -> Picture:
    """Both people side by side, ``number`` pixels further apart: Hopper is chosen and gets source 0, Collins is not.

    They move by at most 7 pixels and begin again; the light goes up and down by at most a tenth, and is full at 0.
    """
    wall = np.random.default_rng(7).integers(60, 120, (HEIGHT // 8, WIDTH // 8, 3)).astype(np.uint8)
    bgr = np.asarray(cv2.resize(wall, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)
    hopper, collins = portrait("hopper"), portrait("collins")
    left, right, top = 8 - number % 8, 248 + number % 8, 16
    for one, x in ((hopper, left), (collins, right)):
        bgr[top : top + 224, x : x + 224] = one.bgr
    bgr = np.asarray(np.rint(bgr * np.float32(_light(number))), np.uint8)
    faces = (
        moved(hopper.face, left, top, id=1, source=0, chosen=True),
        moved(collins.face, right, top, id=2),
    )
    return Picture(bgr, faces)


def _light(number: int) -> float:
    """The share of the light there is; never more than all, so that nothing bright is cut off."""
    return 0.9 + 0.02 * abs(number % 10 - 5)


def clip(count: int) -> tuple[Picture, ...]:
    """The first ``count`` pictures of a clip in which the two move slowly apart, and the light changes."""
    return tuple(gathering(number) for number in range(count))
