"""How the face moved between two frames, seen on its own skin: far steadier than two runs of a network."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import FrameView
from roop_vision.landmarker import Crop, cut

_STEP = 4  # every fourth vertex is followed: a hundred points pin an affine movement down
_LEAST = 24
_ROUNDS = 3
_CALM = 0.05 * np.diag([1, 1, 1, 0.01])  # what the points leave open is no movement
_OUTLIER = 0.5  # crop pixels; points that go their own way (lids, lips, glints) count little


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A crop in grey, uint8 ``(192, 192)``."""

    grey: NDArray[np.uint8]
    crop: Crop

    def seen(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Points of the picture ``(n, 2)`` in pixels of the patch."""
        axes = self.crop.axes()
        return ((points - axes[:, 2]) @ np.linalg.inv(axes[:, :2]).T).astype(np.float32)


def patch(frame: FrameView, crop: Crop) -> Patch | None:
    """None for a crop outside the picture."""
    box = crop.box().clip(frame.width, frame.height)
    if box.empty:
        return None
    grey = cv2.cvtColor(frame.bgr(box), cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    return Patch(cut(grey, box, crop), crop)


def carried(before: Patch, after: Patch, mesh: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """``mesh`` of the frame before, float32 ``(468, 3)``, moved as the skin under it moved; None if that can't be told.

    The movement is one 3-D affine map, so a turning head is followed too. The crops of the two may differ a little.
    """
    points = after.seen(mesh[:, :2])
    resting = points[::_STEP, None]  # where the points would be if nothing had moved
    start = np.ascontiguousarray(before.seen(mesh[::_STEP, :2])[:, None])
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.01)
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        before.grey,
        after.grey,
        start,
        resting.copy(),
        winSize=(17, 17),
        maxLevel=2,
        criteria=criteria,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        minEigThreshold=1e-3,
    )
    good = status[:, 0] > 0
    if int(good.sum()) < _LEAST:
        return None
    moved = (found - resting)[good, 0].astype(np.float64)
    spread = np.concatenate([points, mesh[:, 2:] / (after.crop.side / 192)], axis=1).astype(np.float64)
    spread = np.concatenate([(spread - spread.mean(0)) / 64, np.ones((len(spread), 1))], axis=1)
    change = _affine(spread[::_STEP][good], moved)
    if change is None:
        return None
    out = mesh.copy()
    out[:, :2] += ((spread @ change) @ after.crop.axes()[:, :2].T).astype(np.float32)
    return out


def _affine(rows: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.floating] | None:
    """``(4, 2)``: what makes ``moved`` ``(n, 2)`` of ``rows`` ``(n, 4)`` for most of them; None if too few agree."""
    weight = np.ones(len(rows))
    change: NDArray[np.floating] = np.zeros((4, 2))
    for _ in range(_ROUNDS):
        weighted = (rows * weight[:, None]).T
        change = np.linalg.solve(weighted @ rows + _CALM, weighted @ moved)
        off = rows @ change - moved
        weight = 1 / (1 + np.einsum("nk,nk->n", off, off) / _OUTLIER**2)
    return None if weight.sum() < _LEAST / 2 else change
