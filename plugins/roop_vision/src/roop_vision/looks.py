"""Whether what is shown is still the same: a frame after a cut, a face that another one took the place of."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, FrameView

_STRIPS, _BINS = 6, 32
#: A mean difference in grey levels, and the correlation below which two frames that differ by so much are of two scenes. In
#: five clips neighbouring frames had 4 levels at most and 0.99 at least; a picture full of contrast, moved by 10 pixels a
#: frame, had up to 28 levels and down to 0.64; frames of two clips had 16 levels at least and 0.7 at most. Beyond
#: 30 levels the pattern is not asked: a flash counts as a cut, which costs a new search.
_CUTS = ((10.0, 0.5), (30.0, 1.01))
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
    strips = [frame.bgr(Box(0, y, frame.width, y + 2)).mean((0, 2), dtype=np.float32) for y in rows]
    bins = [np.array([part.mean() for part in np.array_split(strip, _BINS) if part.size], np.float32) for strip in strips]
    return np.stack(bins)


def look_of(patch_grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A face's own look, float32 ``(32, 32)``, of a grey crop that its mesh aligns."""
    return cv2.resize(patch_grey, (_LOOK, _LOOK), interpolation=cv2.INTER_AREA).astype(np.float32)


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
