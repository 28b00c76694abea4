"""What is kept of each track while a clip goes by: sums, and the one picture that shows the face best."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.faces.likeness import unit
from roop_host.faces.ordering import turned_degrees
from roop_host.types.faces import Face
from roop_host.types.geometry import BoxXyxy, overlap
from roop_host.types.people import Sighting

#: A picture is taken again only where it is so much better: each time the frame is looked at once more.
_BETTER = 1.15
#: Of the face's box, kept on every side; and the longest side in pixels of what is kept.
_AROUND, _SIDE = 0.4, 320
_QUALITY = 92
#: The least share of two boxes' union that both cover, for them to be of one face.
_SAME = 0.3


@dataclass(slots=True, eq=False)
class Track:
    """A face from coming into view to leaving it. ``crop`` is a JPEG around the face of ``best``."""

    first_frame: int
    first_s: float
    last_frame: int = 0
    last_s: float = 0.0
    frames: int = 0
    score: float = 0.0
    best: Sighting | None = None
    quality: float = 0.0
    #: How often its face was not found again in its frame, and how many frames are to go by before that is tried again.
    misses: int = 0
    rests_until: int = 0
    crop: bytes = b""
    ages: list[float] = field(default_factory=lambda: [0.0, 0.0])
    genders: Counter[Literal["female", "male"]] = field(default_factory=Counter)
    recogniser: str | None = None
    _sum: NDArray[np.float32] | None = None

    def note(self, face: Face, frame: int, time_s: float) -> None:
        """The face in one more frame."""
        self.last_frame, self.last_s = frame, time_s
        self.frames += 1
        self.score = max(self.score, face.score)
        if face.gender is not None:
            self.genders[face.gender] += 1
        if face.age is not None:
            self.ages[0] += face.age
            self.ages[1] += 1
        if face.embedding is not None:
            one = unit(face.embedding)
            self._sum = one if self._sum is None else self._sum + one
            self.recogniser = face.recogniser

    def wants(self, quality: float) -> bool:
        """Whether a picture of this quality is worth taking."""
        return self.best is None or (quality > _BETTER * self.quality and self.frames >= self.rests_until)

    def missed(self) -> None:
        """The frame, looked at once more, did not show the face: it rests for a while, each time for twice as long."""
        self.misses += 1
        self.rests_until = self.frames + 2**self.misses

    @property
    def embedding(self) -> NDArray[np.float32] | None:
        """The mean of all, of length 1."""
        return None if self._sum is None else unit(self._sum)


def quality_of(face: Face, width: int, height: int) -> float:
    """How well a frame of that size shows the face: its size in pixels, less where unsure, turned away or cut off."""
    x0, y0, x1, y1 = face.box_xyxy
    side = math.sqrt(max(face.area, 1.0))
    inside = (max(0.0, min(x1, width) - max(x0, 0.0)) * max(0.0, min(y1, height) - max(y0, 0.0))) / max(face.area, 1.0)
    turned = turned_degrees(face)
    facing = 1.0 if math.isinf(turned) else max(0.1, math.cos(math.radians(min(turned, 90.0))))
    return side * max(face.score, 0.01) * facing * inside


def sighting_of(face: Face, frame: int, time_s: float, position: int, file: str = "") -> Sighting:
    """What is told of a face in a frame."""
    pitch, yaw, roll = face.pose_degrees or (None, face.yaw_degrees, rolled_degrees(face))
    x0, y0, x1, y1 = (round(float(value), 1) for value in face.box_xyxy)
    score = round(float(face.score), 3)
    return Sighting(frame, time_s, position, (x0, y0, x1, y1), score, _tenth(yaw), _tenth(pitch), _tenth(roll), file)


def _tenth(angle: float | None) -> float | None:
    return None if angle is None else round(float(angle), 1)


def rolled_degrees(face: Face) -> float:
    """How far the line between the eyes leans, clockwise as it is seen."""
    (x0, y0), (x1, y1) = face.landmarks_5[0], face.landmarks_5[1]
    return math.degrees(math.atan2(float(y1 - y0), float(x1 - x0)))


def position_among(face: Face, faces: Sequence[Face]) -> int | None:
    """The place of the same face among others of the same picture; None where it is not there."""
    shares = [overlap(face.box_xyxy, other.box_xyxy) for other in faces]
    best = max(range(len(shares)), key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] >= _SAME else None


def crop_of(bgr: NDArray[np.uint8], box: BoxXyxy) -> bytes:
    """The picture around a face, as JPEG: there may be thousands of tracks."""
    height, width = bgr.shape[:2]
    x0, y0, x1, y1 = box
    margin = _AROUND * max(x1 - x0, y1 - y0)
    left, top = max(0, int(x0 - margin)), max(0, int(y0 - margin))
    part = bgr[top : max(top + 1, min(height, int(y1 + margin))), left : max(left + 1, min(width, int(x1 + margin)))]
    scale = _SIDE / max(part.shape[:2])
    if scale < 1:
        size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, packed = cv2.imencode(".jpg", np.ascontiguousarray(part), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError(f"a picture of {part.shape} can't be packed")
    return packed.tobytes()


def opened_crop(crop: bytes) -> NDArray[np.uint8]:
    """What ``crop_of`` packed, uint8 ``(H, W, 3)``."""
    return np.asarray(cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR), np.uint8)
