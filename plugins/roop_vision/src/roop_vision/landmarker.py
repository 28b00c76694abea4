"""FaceMesh: 468 points on a square crop with level eyes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Session

SIZE = 192
#: Gives the uint8 B, G, R pixels of a box that lies inside the picture.
Pixels = Callable[[Box], NDArray[np.uint8]]
_FACE_TO_CROP = 1.5
_EYE_CORNER_LEFT, _EYE_CORNER_RIGHT = 33, 263


@dataclass(frozen=True, slots=True)
class Crop:
    """A rotated square in picture pixels: centre, side, and turn in radians (clockwise in the picture)."""

    x: float
    y: float
    side: float
    turn: float

    def grown(self, factor: float) -> Crop:
        return Crop(self.x, self.y, self.side * factor, self.turn)

    def axes(self) -> NDArray[np.float64]:
        """2 x 3: crop pixels (0..192) to picture pixels."""
        s = self.side / SIZE
        cos, sin = np.cos(self.turn) * s, np.sin(self.turn) * s
        half = SIZE / 2
        return np.array([[cos, -sin, self.x - cos * half + sin * half], [sin, cos, self.y - sin * half - cos * half]])

    def box(self) -> Box:
        """The upright box around it."""
        reach = self.side / 2 * (abs(np.cos(self.turn)) + abs(np.sin(self.turn))) + 2
        return Box(int(self.x - reach), int(self.y - reach), int(self.x + reach) + 1, int(self.y + reach) + 1)


def crop_of_detection(box_xyxy: NDArray[np.float32], keypoints: NDArray[np.float32]) -> Crop:
    """The crop for a fresh detection: 1.5 times the longer side of its box, eyes level."""
    centre, size = (box_xyxy[:2] + box_xyxy[2:]) / 2, box_xyxy[2:] - box_xyxy[:2]
    eyes = keypoints[1] - keypoints[0]
    return Crop(float(centre[0]), float(centre[1]), float(size.max()) * _FACE_TO_CROP, float(np.arctan2(eyes[1], eyes[0])))


def crop_of_mesh(mesh: NDArray[np.float32]) -> Crop:
    """The crop for the frame after one with this mesh."""
    eyes = mesh[_EYE_CORNER_RIGHT, :2] - mesh[_EYE_CORNER_LEFT, :2]
    turn = float(np.arctan2(eyes[1], eyes[0]))
    cos, sin = np.cos(turn), np.sin(turn)
    level = mesh[:, :2] @ np.array([[cos, -sin], [sin, cos]])
    low, high = level.min(0), level.max(0)
    middle = (low + high) / 2
    x, y = cos * middle[0] - sin * middle[1], sin * middle[0] + cos * middle[1]
    return Crop(float(x), float(y), float((high - low).max()) * _FACE_TO_CROP, turn)


class Landmarker:
    """Runs the mesh on crops. Holds no state between calls."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def mesh(self, pixels: Pixels, picture: Box, crop: Crop) -> tuple[NDArray[np.float32], float]:
        """Float32 ``(468, 3)`` in picture pixels (z in the scale of x, smaller is nearer) and presence 0..1."""
        box = crop.box().clip(picture.width, picture.height)
        if box.empty or crop.side < 4:
            return np.zeros((468, 3), np.float32), 0.0
        tensor = cut(pixels(box), box, crop).astype(np.float32)
        tensor *= 1 / 255
        outputs = self._session.run({self._session.input_names[0]: tensor[None]})
        points = next(o for o in outputs if o.size == 468 * 3).reshape(468, 3).astype(np.float64)
        logit = float(next(o for o in outputs if o.size == 1).reshape(-1)[0])
        axes = crop.axes()
        mesh = np.empty((468, 3), np.float32)
        mesh[:, :2] = points[:, :2] @ axes[:, :2].T + axes[:, 2]
        mesh[:, 2] = points[:, 2] * (crop.side / SIZE)
        return mesh, float(1 / (1 + np.exp(-np.clip(logit, -80, 80))))


def cut(region_bgr: NDArray[np.uint8], box: Box, crop: Crop) -> NDArray[np.uint8]:
    """The crop as R, G, B ``(192, 192, 3)``; what lies outside the picture repeats its edge.

    Large faces are halved first: plain interpolation would skip pixels, and the mesh would tremble with the grain.
    """
    axes = crop.axes()
    axes[:, 2] -= (box.x0, box.y0)
    step = crop.side / SIZE
    while step >= 2 and min(region_bgr.shape[:2]) > 2:
        height, width = region_bgr.shape[:2]
        even = region_bgr[: height // 2 * 2, : width // 2 * 2]
        region_bgr = cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        axes[:, :2] /= 2
        axes[:, 2] = axes[:, 2] / 2 - 0.25
        step /= 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(region_bgr, axes, (SIZE, SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cv2.cvtColor(out, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
