"""How the face moved between two frames, seen on its own skin: far steadier than two runs of a network."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import FrameView
from roop_vision.landmarker import Crop, cut

_STEP = 4  # every fourth vertex is followed: a hundred points pin an affine movement down
_LEAST = 24
_ROUNDS = 3
_OUTLIER = 0.5  # crop pixels; points that go their own way (lids, lips, glints) count little


def patch(frame: FrameView, crop: Crop) -> NDArray[np.uint8] | None:
    """The crop in grey, uint8 ``(192, 192)``."""
    box = crop.box().clip(frame.width, frame.height)
    if box.empty:
        return None
    return cv2.cvtColor(cut(frame.bgr(box), box, crop), cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def carried(
    before: NDArray[np.uint8], after: NDArray[np.uint8], crop: Crop, mesh: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """``mesh`` of the frame before, float32 ``(468, 3)``, moved as the skin under it moved; None if that can't be told.

    Both patches are cut with the same ``crop``. The movement is one 3-D affine map, so a turning head is followed too.
    """
    axes = crop.axes()
    inverse = np.linalg.inv(axes[:, :2])
    points = ((mesh[:, :2] - axes[:, 2]) @ inverse.T).astype(np.float32)
    start = points[::_STEP, None]
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.01)
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, start, start.copy(), winSize=(17, 17), maxLevel=2, criteria=criteria, minEigThreshold=1e-3
    )
    good = status[:, 0] > 0
    if int(good.sum()) < _LEAST:
        return None
    moved = (found - start)[good, 0].astype(np.float64)
    spread = np.concatenate([points, mesh[:, 2:] / (crop.side / 192)], axis=1).astype(np.float64)
    spread = np.concatenate([(spread - spread.mean(0)) / 64, np.ones((len(spread), 1))], axis=1)
    rows = spread[::_STEP][good]
    weight = np.ones(len(rows))
    change = np.zeros((4, 2))
    for _ in range(_ROUNDS):
        weighted = rows * weight[:, None]
        change = np.linalg.solve(weighted.T @ rows + 0.05 * np.diag([1, 1, 1, 0.01]), weighted.T @ moved)
        weight = 1 / (1 + ((rows @ change - moved) ** 2).sum(1) / _OUTLIER**2)
    if weight.sum() < _LEAST / 2:
        return None
    out = mesh.copy()
    out[:, :2] += ((spread @ change) @ axes[:, :2].T).astype(np.float32)
    return out
