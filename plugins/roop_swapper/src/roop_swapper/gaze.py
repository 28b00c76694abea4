"""Where eyes look: measured on both faces, and followed by the source's eyes on the target."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_swapper.regions import Halves
from roop_vision import topology as t
from roop_vision.masks import smooth_step

_FARTHEST = 0.22  # of an eye's width, that an iris may be moved: farther, the white beside it would be torn
_LIDS = 0.02  # of the face's width, over which the lids beside the eye move with it


def side_look(lightness: NDArray[np.float32], openings: Sequence[Halves]) -> float:
    """How far the irises lie to the right of the middle of their eyes, in shares of an eye's width, the mean of both.

    ``lightness`` ``(rows, c)`` is L of a face in texture space, ``openings`` its eyes' bool masks there. An iris is what is
    darker than half of its eye; both eyes count as one because they look the same way.
    """
    looks = []
    for upper, lower in openings:
        rows, columns = np.nonzero(upper | lower)
        light = lightness[rows, columns]
        dark = np.maximum(np.median(light) - light, 0) ** 2
        middle, width = (columns.min() + columns.max()) / 2, np.ptp(columns) + 1
        looks.append(float((dark * (columns - middle)).sum() / (dark.sum() + 1e-3) / width))
    return float(np.mean(looks))


def turned_by(target_look: float, source_look: float) -> float:
    """How far the source's irises have to go, in shares of an eye's width."""
    return float(np.clip(target_look - source_look, -_FARTHEST, _FARTHEST))


def eye_weight(size: int) -> NDArray[np.float32]:
    """Float32 ``(size, size)``: how far a cell moves, in shares of the texture, when both eyes turn by their own width.

    All in the middle of an eye, nothing at its corners, so that the white of an eye stretches and the lids stay.
    """
    uv = t.topology().uv
    cells = (np.arange(size, dtype=np.float32) + 0.5) / size
    weight = np.zeros((size, size), np.float32)
    for eye in (t.EYE_LEFT, t.EYE_RIGHT):
        points = uv[list(eye)]
        low, high = float(points[:, 0].min()), float(points[:, 0].max())
        along = 1 - np.abs(cells - (low + high) / 2) / ((high - low) / 2)
        inside = np.zeros((size, size), np.uint8)
        cv2.fillPoly(inside, [np.round((points * size - 0.5) * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        away = np.asarray(cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5), np.float32) / size
        near = 1 - smooth_step(away / _LIDS)
        weight = np.maximum(weight, near * smooth_step(along / 0.7)[None, :] * np.float32(high - low))
    return weight.astype(np.float32)
