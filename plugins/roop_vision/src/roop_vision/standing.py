"""Faces that stand before another one: of two that overlap, the larger is nearer as a rule."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Face, FrameView
from roop_vision.parts import Points, filled, parts_of

_FADE = 0.05  # of the nearer face's width: how far its edge fades, all of it outside
_AROUND = 0.15  # of a face's sides: how far a mask may reach beyond its box
_CORNERS = 24  # of the ellipse in the box of a face without landmarks


def faces_before(frame: FrameView, face: Face) -> list[Points]:
    """The outlines, float32 ``(n, 2)`` in the picture, of the larger faces of this frame that ``face`` overlaps.

    Smaller faces are drawn first, so a larger one that is changed too is drawn over whatever reached it; one that is not
    changed would have the smaller one's face drawn on it.
    """
    larger = (other for other in frame.faces if other.id != face.id and other.area > face.area)
    return [_outline(other) for other in larger if _near(face.box_xyxy, other.box_xyxy)]


def before_mask(outlines: list[Points], matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32] | None:
    """Float32 ``size`` (height, width) in 0..1 by ``matrix`` (2 x 3, picture to raster); None where all lie beside it."""
    whole = np.zeros(size, np.uint8)
    for outline in outlines:
        points = np.asarray(outline @ matrix[:, :2].T + matrix[:, 2], np.float32)
        fade = max(1, round(_FADE * float(np.ptp(points, axis=0).max())))
        drawn = filled(size, points, grow=fade / 2)
        if drawn.any():  # two means of squares are nearly round, and cost the same at any width
            whole = np.maximum(whole, cv2.blur(cv2.blur(drawn, (fade, fade)), (fade, fade)))
    return whole.astype(np.float32) / np.float32(255) if whole.any() else None


def _outline(face: Face) -> Points:
    parts = parts_of(face)
    if parts is not None:
        return parts.outline
    x0, y0, x1, y1 = face.box_xyxy
    angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    points = np.stack([np.cos(angles) * (x1 - x0) + x0 + x1, np.sin(angles) * (y1 - y0) + y0 + y1], 1) / 2
    return np.asarray(points, np.float32)


def _near(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    x, y = _AROUND * (a[2] - a[0]), _AROUND * (a[3] - a[1])
    return a[0] - x < b[2] and b[0] < a[2] + x and a[1] - y < b[3] and b[1] < a[3] + y
