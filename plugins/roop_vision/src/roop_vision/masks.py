"""Soft masks around points."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_vision.topology import OVAL


def hull_mask(points: NDArray[np.float32], width: int, height: int, feather: float) -> NDArray[np.float32]:
    """Float32 ``(height, width)`` in 0..1: one inside the hull of ``points`` ``(n, 2)``, falling over ``feather`` pixels.

    The fall lies inside the hull, so that nothing outside it is touched.
    """
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(cv2.convexHull(points.astype(np.float32))[:, 0] * 16).astype(np.int32), 255, shift=4)
    if feather <= 0:
        return mask.astype(np.float32) / np.float32(255)
    mask[[0, -1]], mask[:, [0, -1]] = 0, 0
    depth = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 3), np.float32)
    return smooth_step(depth / feather)


def smooth_step(value: NDArray[np.floating]) -> NDArray[np.float32]:
    """0 below 0, 1 above 1, with level ends between."""
    t = np.clip(value, 0, 1).astype(np.float32)
    smooth: NDArray[np.float32] = t * t * (3 - 2 * t)
    return smooth


def rounded_box(
    size: int, *, margins: tuple[float, float, float, float], radius: float, feather: float
) -> NDArray[np.float32]:
    """Float32 ``(size, size)`` in 0..1: a box with round corners, falling to 0 over ``feather`` inside its edge.

    ``margins`` are its distances from the crop's left, top, right and bottom edge, ``radius`` that of its corners; all are
    shares of ``size``. Both radius and fade end where the box has its middle, so that something is shown of a narrow one.
    """
    left, top, right, bottom = margins
    radius = max(min(radius, (1 - left - right) / 2, (1 - top - bottom) / 2), 1 / size)
    feather = min(feather, radius)
    middle = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    beyond_x = np.maximum(np.maximum(left + radius - middle, middle - (1 - right - radius)), 0)
    beyond_y = np.maximum(np.maximum(top + radius - middle, middle - (1 - bottom - radius)), 0)
    return smooth_step((radius - np.hypot(beyond_x[None, :], beyond_y[:, None])) / feather)


def face_mask(
    mesh_468: NDArray[np.float32], matrix: NDArray[np.float64], size: int, *, grow: float, feather: float
) -> NDArray[np.float32]:
    """Float32 ``(size, size)`` in 0..1 on the crop by ``matrix`` (2 x 3, picture to crop): the hull of the face's outline.

    It is widened about its middle by the share ``grow`` and falls to 0 over the share ``feather`` of ``size`` inside.
    """
    return outline_mask(mesh_468[list(OVAL), :2] @ matrix[:, :2].T + matrix[:, 2], size, grow=grow, feather=feather)


def outline_mask(outline: NDArray[np.floating], size: int, *, grow: float, feather: float) -> NDArray[np.float32]:
    """Float32 ``(size, size)`` in 0..1: the hull of ``outline`` ``(n, 2)``, which is in the crop's pixels.

    ``grow`` and ``feather`` are as of ``face_mask``.
    """
    middle = (outline.min(0) + outline.max(0)) / 2
    wide = feather * size
    # Drawn on a larger canvas: a chin that touches the crop's edge is no end of the face.
    pad = int(np.ceil(wide)) + 1
    points = middle + (outline - middle) * (1 + grow) + pad
    canvas = size + 2 * pad
    mask = hull_mask(np.clip(points, -8 * size, 9 * size).astype(np.float32), canvas, canvas, wide)
    return np.ascontiguousarray(mask[pad : pad + size, pad : pad + size])
