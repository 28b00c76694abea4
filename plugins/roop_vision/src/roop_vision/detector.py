"""Where faces are: what is asked of a detector, and BlazeFace, on a letterboxed copy of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import FrameView, Session

#: Sides of what the two graphs see.
SHORT_SIDE, FULL_SIDE = 128, 192
_SCORE_CLIP = 80.0  # keeps exp() finite in float32
#: Default of both detectors' authors.
SCORE = 0.5
_SAME_FACE = 0.3  # intersection over union at which two boxes are one face
_SMALLEST_SIDE = 8  # pixels; no face can be told in fewer, and tiles would shrink to nothing
_TILE_STEP = 0.6  # of a tile's side from one to the next: a face up to two fifths of it lies whole in one of them


class Effort(IntEnum):
    """How hard a whole picture is searched. Each takes more time and finds smaller faces than the one before."""

    #: In a clip, between two searches, while nobody is followed.
    QUICK = 0
    #: In a clip: at two scales, for close-ups and for small faces.
    FULL = 1
    #: A picture that stands alone.
    CAREFUL = 2


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face in pixels: ``box_xyxy`` float32 ``(4,)``, ``keypoints`` float32 ``(n, 2)``, ``score`` 0..1.

    The first three points are the left eye, the right eye and the nose tip, whatever the detector: left and right as seen
    in the picture, or, of a face that lies or stands on its head, as seen with the picture turned until it is upright.
    """

    box_xyxy: NDArray[np.float32]
    score: float
    keypoints: NDArray[np.float32]


class FaceFinder(Protocol):
    """What the tracker follows faces with. ``certain`` is whether a find is a face even where the mesh sees none."""

    certain: bool

    def detect(self, bgr: NDArray[np.uint8], effort: Effort = Effort.FULL) -> list[Detection]:
        """Upright faces of a whole picture, uint8 B, G, R ``(H, W, 3)``."""
        ...

    def around(self, frame: FrameView, box_xyxy: NDArray[np.float32], turn: int = 0) -> list[Detection]:
        """Faces in the neighbourhood of a box, in pixels of the picture, which are upright after ``turn`` (see ``turned``).

        None from a detector that is not for following.
        """
        ...


def turned(bgr: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """The picture by ``turn`` quarters counter-clockwise."""
    return np.ascontiguousarray(np.rot90(bgr, turn)) if turn % 4 else bgr


def turned_back(detection: Detection, turn: int, width: int, height: int) -> Detection:
    """What was seen in a picture of ``width`` and ``height`` after ``turned``, in the pixels of the picture before."""
    if not turn % 4:
        return detection
    points = np.concatenate([detection.box_xyxy.reshape(2, 2), detection.keypoints])
    x, y = points.T
    back = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turn % 4]
    placed = np.stack(back, axis=1).astype(np.float32)
    box = np.concatenate([placed[:2].min(0), placed[:2].max(0)])
    return Detection(box, detection.score, placed[2:])


def quarter_of(eyes: NDArray[np.float32]) -> int:
    """``turn`` after which a face is upright, 0..3; ``eyes`` are its left and its right one, ``(2, 2)`` or more."""
    x, y = eyes[1, :2] - eyes[0, :2]
    return round(float(np.arctan2(y, x)) / (np.pi / 2)) % 4


def anchors(size: int, layers: tuple[tuple[int, int], ...]) -> NDArray[np.float32]:
    """Anchor centres in 0..1, ``(n, 2)``; ``layers`` are (stride, anchors per cell), in the graph's order."""
    parts = []
    for stride, repeat in layers:
        cells = size // stride
        axis = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        x, y = np.meshgrid(axis, axis)
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeat, axis=0))
    return np.concatenate(parts).astype(np.float32)


class BlazeFace:
    """One graph. ``short_range`` sees faces above about a sixth of the picture, ``full_range`` smaller ones.

    Six keypoints: left eye, right eye, nose tip, mouth, left ear, right ear, left and right as seen in the picture.
    """

    def __init__(self, session: Session, size: int, layers: tuple[tuple[int, int], ...], score: float) -> None:
        self._session, self._size, self._score = session, size, score
        self._anchors = anchors(size, layers)

    @classmethod
    def short_range(cls, session: Session, score: float = SCORE) -> BlazeFace:
        """128 x 128, 896 anchors: stride 8 with two a cell, then three layers of stride 16 with two each."""
        return cls(session, SHORT_SIDE, ((8, 2), (16, 6)), score)

    @classmethod
    def full_range(cls, session: Session, score: float = SCORE) -> BlazeFace:
        """192 x 192, 2304 anchors: stride 4, one a cell."""
        return cls(session, FULL_SIDE, ((4, 1),), score)

    def detect(self, bgr: NDArray[np.uint8]) -> list[Detection]:
        """Faces of a uint8 B, G, R picture ``(H, W, 3)``, best first, in its pixels."""
        height, width = bgr.shape[:2]
        scale = self._size / max(height, width)
        small_size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(bgr, small_size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        left, top = (self._size - small_size[0]) // 2, (self._size - small_size[1]) // 2
        padded = np.zeros((self._size, self._size, 3), np.uint8)
        padded[top : top + small_size[1], left : left + small_size[0]] = small
        tensor = padded[None, :, :, ::-1].astype(np.float32) / 127.5 - 1.0
        outputs = self._session.run({self._session.input_names[0]: tensor})
        regressors = next(o for o in outputs if o.shape[-1] == 16).reshape(-1, 8, 2)
        logits = next(o for o in outputs if o.shape[-1] == 1).reshape(-1)
        scores = 1 / (1 + np.exp(-np.clip(logits, -_SCORE_CLIP, _SCORE_CLIP)))
        keep = scores > self._score
        points = regressors[keep].astype(np.float32)
        points /= self._size
        centre_free = [0, *range(2, 8)]  # row 1 is the box's size, all others are offsets from the anchor
        points[:, centre_free] += self._anchors[keep][:, None]
        padding = np.array([left, top], np.float32)
        points[:, centre_free] = (points[:, centre_free] * self._size - padding) / scale
        points[:, 1] *= self._size / scale
        return suppress(_detections(points, scores[keep]))


def _detections(points: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Detection]:
    found = []
    for row, score in zip(points, scores, strict=True):
        half = row[1] / 2
        if (half > 0).all():
            box = np.concatenate([row[0] - half, row[0] + half]).astype(np.float32)
            found.append(Detection(box, float(score), row[2:].copy()))
    return found


def suppress(found: list[Detection]) -> list[Detection]:
    """Weighted non-maximum suppression: boxes of one face become their mean, weighted by score."""
    rest = sorted(found, key=lambda d: -d.score)
    kept = []
    while rest:
        best = rest[0]
        same = [d for d in rest if overlap(best.box_xyxy, d.box_xyxy) > _SAME_FACE]
        rest = [d for d in rest[1:] if overlap(best.box_xyxy, d.box_xyxy) <= _SAME_FACE]
        weights = np.array([d.score for d in same], np.float32)
        weights /= weights.sum()
        box = np.tensordot(weights, np.stack([d.box_xyxy for d in same]), 1).astype(np.float32)
        points = np.tensordot(weights, np.stack([d.keypoints for d in same]), 1).astype(np.float32)
        kept.append(Detection(box, best.score, points))
    return kept


def overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union of two ``x0, y0, x1, y1`` boxes."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    both = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - shared
    return shared / both if both > 0 else 0.0


class Detector:
    """Both ranges together. ``size`` is the longest side at which a whole picture is searched; 0 is as its shape asks."""

    certain = False  # it also fires on what only looks like a face

    def __init__(self, short: BlazeFace, full: BlazeFace, size: int = 0) -> None:
        self._short, self._full, self._size = short, full, size

    def detect(self, bgr: NDArray[np.uint8], effort: Effort = Effort.FULL) -> list[Detection]:
        """Upright faces of a picture. Full range and tiles are for small ones; in a clip, tiles only if none is large."""
        if min(bgr.shape[:2]) < _SMALLEST_SIDE:
            return []
        found = self._short.detect(bgr)
        if self._reaches(FULL_SIDE) and (effort > Effort.QUICK or not found):
            found = suppress(found + self._full.detect(bgr))
        if self._reaches(FULL_SIDE + 1) and (effort is Effort.CAREFUL or (effort is Effort.FULL and not found)):
            found = suppress(found + self._tiles(bgr))
        return found

    def around(self, frame: FrameView, box_xyxy: NDArray[np.float32], turn: int = 0) -> list[Detection]:
        """None: between two looks the mesh follows the face by itself."""
        return []

    def _reaches(self, size: int) -> bool:
        return not self._size or self._size >= size

    def _tiles(self, bgr: NDArray[np.uint8]) -> list[Detection]:
        """Faces found in overlapping squares.

        Unless a size is asked for: squares along the longer side; in a square picture, four quarters.
        """
        height, width = bgr.shape[:2]
        side, network = min(height, width), self._short
        if self._size:
            side, network = max(_SMALLEST_SIDE, round(max(height, width) * FULL_SIDE / self._size)), self._full
        elif max(height, width) < 1.25 * side:
            side = int(side * 0.6)
        found: list[Detection] = []
        for y in _starts(height, side):
            for x in _starts(width, side):
                for d in network.detect(np.ascontiguousarray(bgr[y : y + side, x : x + side])):
                    move = np.array([x, y], np.float32)
                    found.append(Detection(d.box_xyxy + np.tile(move, 2), d.score, d.keypoints + move))
        return suppress(found)


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = max(2, int(np.ceil((length - side) / (side * _TILE_STEP))) + 1)
    return [round(k * (length - side) / (count - 1)) for k in range(count)]
