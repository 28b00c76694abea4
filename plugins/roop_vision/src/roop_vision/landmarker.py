"""FaceMesh: 468 points on a crop with level eyes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Session
from roop_vision.masks import smooth_step
from roop_vision.topology import BELOW_NOSE, FOREHEAD, NOSE_TIP, topology

SIZE = 192
#: Gives the uint8 B, G, R pixels of a box that lies inside the picture.
Pixels = Callable[[Box], NDArray[np.uint8]]
_FACE_TO_CROP = 1.5
_EYE_CORNER_LEFT, _EYE_CORNER_RIGHT = 33, 263
_LIP_ABOVE, _LIP_BELOW, _LIP_LEFT, _LIP_RIGHT = 13, 14, 61, 291
#: A closed face's height over that from the forehead's top to below the nose: 1.57 to 1.73 on five people.
_HEIGHT = 1.55
#: How much longer than wide the crop is: with a closed mouth, and more for each mouth width the lips stand apart. In a
#: square the chin comes out too high (by 7 % of the eyes' distance closed, 40 % wide open); in a larger square the cheeks
#: come out too wide. Fitted against dlib's 68 points on five clips: chin within 6 %, jaw line within 5 %, open or closed.
_LONGER, _PER_GAPE, _LEAST_GAPE, _LONGEST = 1.08, 0.5, 0.1, 1.4
_UPPER_FADE = 0.08  # of stretch, over which the upper face passes to a crop of its own


@dataclass(frozen=True, slots=True)
class Crop:
    """A turned rectangle in picture pixels: centre, width, turn in radians (clockwise in the picture), height over width."""

    x: float
    y: float
    side: float
    turn: float
    stretch: float = 1.0

    def grown(self, factor: float) -> Crop:
        return replace(self, side=self.side * factor)

    def stretched(self, stretch: float) -> Crop:
        """With this height over width, reaching farther down only."""
        down = (stretch - self.stretch) / 2 * self.side
        x, y = self.x - math.sin(self.turn) * down, self.y + math.cos(self.turn) * down
        return replace(self, x=x, y=y, stretch=stretch)

    def axes(self) -> NDArray[np.float64]:
        """2 x 3: crop pixels (0..192) to picture pixels."""
        wide, half = self.side / SIZE, SIZE / 2
        cos, sin = wide * math.cos(self.turn), wide * math.sin(self.turn)
        down_x, down_y = -sin * self.stretch, cos * self.stretch
        return np.array([[cos, down_x, self.x - (cos + down_x) * half], [sin, down_y, self.y - (sin + down_y) * half]])

    def box(self) -> Box:
        """The upright box around it."""
        reach = self.side / 2 * max(1.0, self.stretch) * (abs(math.cos(self.turn)) + abs(math.sin(self.turn))) + 2
        return Box(int(self.x - reach), int(self.y - reach), int(self.x + reach) + 1, int(self.y + reach) + 1)


def crop_of_detection(box_xyxy: NDArray[np.float32], keypoints: NDArray[np.float32]) -> Crop:
    """The crop for a fresh detection: 1.5 times the longer side of its box, eyes level."""
    centre, size = (box_xyxy[:2] + box_xyxy[2:]) / 2, box_xyxy[2:] - box_xyxy[:2]
    eyes = keypoints[1] - keypoints[0]
    return Crop(float(centre[0]), float(centre[1]), float(size.max()) * _FACE_TO_CROP, float(np.arctan2(eyes[1], eyes[0])))


def crop_of_mesh(mesh: NDArray[np.float32]) -> Crop:
    """The crop for the next look at a face with this mesh.

    Its place and width come from the face above the mouth: the jaw that one crop gives would feed the next one's error.
    """
    eye, other_eye, forehead, nose = mesh[[_EYE_CORNER_LEFT, _EYE_CORNER_RIGHT, FOREHEAD, BELOW_NOSE], :2].tolist()
    turn = math.atan2(other_eye[1] - eye[1], other_eye[0] - eye[0])
    cos, sin = math.cos(turn), math.sin(turn)
    across = mesh[:, :2] @ np.array([cos, sin])
    left, right = float(across.min()), float(across.max())
    top = cos * forehead[1] - sin * forehead[0]
    height = (cos * nose[1] - sin * nose[0] - top) * _HEIGHT
    side = _FACE_TO_CROP * max(right - left, height)
    stretch = min(_LONGEST, _LONGER + _PER_GAPE * max(0.0, _gape(mesh) - _LEAST_GAPE))
    x, y = (left + right) / 2, top + height / 2
    return Crop(cos * x - sin * y, sin * x + cos * y, side, turn).stretched(stretch)


def _gape(mesh: NDArray[np.float32]) -> float:
    """The inner lips' distance in mouth widths."""
    left, right, above, below = mesh[[_LIP_LEFT, _LIP_RIGHT, _LIP_ABOVE, _LIP_BELOW], :2].tolist()
    return math.dist(above, below) / max(math.dist(left, right), 1.0)


class Landmarker:
    """Runs the mesh on crops. Holds no state between calls."""

    def __init__(self, session: Session) -> None:
        self._session = session
        v = topology().uv[:, 1:]
        self._upper_face = 1 - smooth_step((v - v[NOSE_TIP]) / (v[_LIP_ABOVE] - v[NOSE_TIP]))

    def mesh(self, pixels: Pixels, picture: Box, crop: Crop) -> tuple[NDArray[np.float32], float]:
        """Float32 ``(468, 3)`` in picture pixels (z in the scale of x, smaller is nearer) and presence 0..1."""
        box = crop.box().clip(picture.width, picture.height)
        if box.empty or crop.side < 4:
            return np.zeros((468, 3), np.float32), 0.0
        tensor = cv2.cvtColor(cut(pixels(box), box, crop), cv2.COLOR_BGRA2RGB).astype(np.float32)
        tensor *= 1 / 255
        outputs = self._session.run({self._session.input_names[0]: tensor[None]})
        points = next(o for o in outputs if o.size == 468 * 3).reshape(468, 3).astype(np.float64)
        logit = float(next(o for o in outputs if o.size == 1).reshape(-1)[0])
        axes = crop.axes()
        mesh = np.empty((468, 3), np.float32)
        mesh[:, :2] = points[:, :2] @ axes[:, :2].T + axes[:, 2]
        mesh[:, 2] = points[:, 2] * (crop.side / SIZE)
        return mesh, float(1 / (1 + np.exp(-np.clip(logit, -80, 80))))

    def refined(
        self, pixels: Pixels, picture: Box, mesh: NDArray[np.float32], *, careful: bool = False
    ) -> NDArray[np.float32]:
        """``mesh`` with the upper face taken from a square crop of its own where ``careful`` or the mouth is wide open.

        A fringe or a long crop lifts the brows. The next crop must come from ``mesh``: the square one feeds on itself.
        """
        crop = crop_of_mesh(mesh)
        share = 1.0 if careful else min(1.0, (crop.stretch - _LONGER) / _UPPER_FADE)
        if share <= 0:
            return mesh
        upper, presence = self.mesh(pixels, picture, crop.stretched(1.0))
        return (mesh + np.float32(share * presence) * self._upper_face * (upper - mesh)).astype(np.float32)


def cut(region: NDArray[np.uint8], box: Box, crop: Crop) -> NDArray[np.uint8]:
    """The crop of a grey region as ``(192, 192)``, of a B, G, R one with a fourth channel: four take half the time of three.

    What lies outside the picture repeats its edge.
    Large faces are halved first: plain interpolation would skip pixels, and the mesh would tremble with the grain.
    """
    axes = crop.axes()
    axes[:, 2] -= (box.x0, box.y0)
    step = crop.side / SIZE
    while step >= 2 and min(region.shape[:2]) > 2:
        height, width = region.shape[:2]
        even = region[: height // 2 * 2, : width // 2 * 2]
        region = cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        axes[:, :2] /= 2
        axes[:, 2] = axes[:, 2] / 2 - 0.25
        step /= 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    plain = region if region.ndim == 2 else cv2.cvtColor(region, cv2.COLOR_BGR2BGRA)
    out = cv2.warpAffine(plain, axes, (SIZE, SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return out.astype(np.uint8, copy=False)
