"""Whether what is shown is still the same: a frame after a cut, a face that another one took the place of."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, FrameView
from roop_vision.flow import Patch
from roop_vision.landmarker import SIZE, Crop

_STRIPS, _BINS = 6, 32
#: A mean difference in grey levels, and the correlation below which two frames that differ by so much are of two scenes. In
#: five clips neighbouring frames had 4 levels at most and 0.99 at least; a picture full of contrast, moved by 10 pixels a
#: frame, had up to 28 levels and down to 0.64; frames of two clips had 16 levels at least and 0.7 at most. A flash or a
#: lamp that goes out changes the levels, and leaves the pattern.
_CUTS = ((10.0, 0.5), (30.0, 0.8))
_FLAT = 0.25  # variance in grey levels of what shows nothing
_LOOK = 32  # pixels to a side: fine enough for features, coarse enough for grain and a mesh that trembles
_INNER = (slice(10, 27), slice(7, 25))  # of it, from the brows to the chin: hair, hats and what is behind are left out


class Cuts:
    """Sees scene cuts on a few thin strips of the picture: converting all of it would cost more than the mesh."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def at(self, frame: FrameView) -> bool:
        """Whether another scene begins with this frame; the first one of all begins one too."""
        now, before = _thumbnail(frame), self._before
        self._before = now
        if before is None:
            return True
        apart = float(np.abs(now - before).mean())
        alike = correlation(now, before)
        return any(apart > levels and alike < pattern for levels, pattern in _CUTS)


def _thumbnail(frame: FrameView) -> NDArray[np.float32]:
    rows = [int((k + 0.5) * frame.height / _STRIPS) for k in range(_STRIPS)]
    strips = [frame.bgr(Box(0, y, frame.width, y + 2)) for y in rows]
    bins = [cv2.resize(strip, (_BINS, 1), interpolation=cv2.INTER_AREA) for strip in strips]
    return np.asarray(np.concatenate(bins).mean(2, dtype=np.float32))


def look_of(patch: Patch, crop: Crop) -> NDArray[np.float32]:
    """A face's own look, float32 ``(32, 32)``: what its ``crop`` shows, taken from a patch that need not lie quite there."""
    half = cv2.resize(patch.grey, (2 * _LOOK, 2 * _LOOK), interpolation=cv2.INTER_AREA)
    corners = np.array([[0, 0], [_LOOK, 0], [0, _LOOK]], np.float32)
    axes = crop.axes()
    there = patch.seen((corners * (SIZE / _LOOK) - 0.5) @ axes[:, :2].T + axes[:, 2])
    matrix = cv2.getAffineTransform(corners - 0.5, ((there + 0.5) * (2 * _LOOK / SIZE) - 0.5).astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    look = cv2.warpAffine(half, matrix, (_LOOK, _LOOK), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return look.astype(np.float32)


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """How much two looks are alike, -1..1: as a whole or in the features, whichever is more, since either may be covered."""
    return max(correlation(a, b), correlation(a[_INNER], b[_INNER]))


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """-1..1, whatever the light and the contrast; 1 of two that are both flat, 0 where only one is."""
    x, y = a.ravel() - a.mean(dtype=np.float64), b.ravel() - b.mean(dtype=np.float64)
    spread_x, spread_y = float(x @ x), float(y @ y)
    if min(spread_x, spread_y) < _FLAT * x.size:
        return float(max(spread_x, spread_y) < _FLAT * x.size)
    return float(x @ y) / float(np.sqrt(spread_x * spread_y))
