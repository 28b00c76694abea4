"""Soft masks around points."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


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
