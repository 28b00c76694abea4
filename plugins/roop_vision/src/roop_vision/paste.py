"""Putting an aligned crop back."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Frame


def paste_crop(
    frame: Frame,
    crop_bgr: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    alpha: NDArray[np.float32],
    *,
    face_id: int | None = None,
) -> None:
    """Put ``crop_bgr`` ``(h, w, 3)`` with ``alpha`` ``(h, w)`` where ``matrix`` (2 x 3, picture to crop) took it from."""
    height, width = crop_bgr.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], np.float64)
    back = cv2.invertAffineTransform(matrix)
    reach = corners @ np.asarray(back).T
    low, high = np.floor(reach.min(0)).astype(int), np.ceil(reach.max(0)).astype(int)
    box = Box(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1).clip(frame.width, frame.height)
    if box.empty:
        return
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (box.x0, box.y0)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (box.width, box.height)
    patch = cv2.warpAffine(crop_bgr, moved, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(alpha, moved, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    frame.put(box, patch.astype(np.uint8, copy=False), mask.astype(np.float32, copy=False), face_id=face_id)
