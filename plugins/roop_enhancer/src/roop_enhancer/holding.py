"""What is added to a face is held on from frame to frame where the picture stays: sharpened noise would flicker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Scratch

Plane = NDArray[np.float32]

#: Frames before this one that have a part in it.
MEMORY = 3
_NEAR = 5  # pixels across, over which two frames are compared
#: Grey levels by which they differ that are no movement: so much, and so many deviations of the noise.
_STILL, _STILL_NOISE = 1.0, 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """Of frame number ``index``: what stood in a region whose first pixel is ``x``, ``y``, and what was added to it."""

    index: int
    x: int
    y: int
    base: Plane
    made: Plane


class Held:
    """One per step. ``amount`` in 0..0.9 is the weight of a frame against the one after it; 0 holds nothing."""

    def __init__(self, amount: float) -> None:
        self._amount = amount
        self._faces: dict[int, list[_Made]] = {}

    def start(self) -> None:
        """A new segment."""
        self._faces = {}

    def step(
        self, face_id: int, index: int, at: tuple[int, int], base: Plane, made: Plane, noise: float, scratch: Scratch
    ) -> None:
        """``made``, what is to be added to ``base``, becomes the mean of it and of what was added in frames before.

        Both are float32 ``(h, w)`` in grey levels, ``at`` is where they begin in the picture, in their own pixels. Called
        once for each face of a frame, in the order of frames, whose number is ``index``.
        """
        if not self._amount:
            return
        now = _Made(index, *at, base.copy(), made.copy())
        before = [one for one in self._faces.get(face_id, []) if one.index >= index - MEMORY]
        total = scratch.array("roop_enhancer.held total", made.shape)
        total[:] = 1
        for one in before:
            _add(one, now, self._amount ** (index - one.index), _STILL + _STILL_NOISE * noise, made, total)
        cv2.divide(made, total, dst=made)
        self._faces[face_id] = [*before, now]
        self._faces = {key: all_of for key, all_of in self._faces.items() if all_of[-1].index >= index - MEMORY}


def _add(one: _Made, now: _Made, weight: float, still: float, made: Plane, total: Plane) -> None:
    """To ``made`` and ``total``, of now, what one frame has to say where both are alike."""
    x0, y0 = max(one.x, now.x), max(one.y, now.y)
    x1 = min(one.x + one.base.shape[1], now.x + now.base.shape[1])
    y1 = min(one.y + one.base.shape[0], now.y + now.base.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    then = (slice(y0 - one.y, y1 - one.y), slice(x0 - one.x, x1 - one.x))
    here = (slice(y0 - now.y, y1 - now.y), slice(x0 - now.x, x1 - now.x))
    share = np.asarray(cv2.blur(cv2.absdiff(now.base[here], one.base[then]), (_NEAR, _NEAR)), np.float32)
    # All of the weight up to what is still, and none from twice that on.
    share *= np.float32(-weight / still)
    share += np.float32(2 * weight)
    np.clip(share, 0, weight, out=share)
    total[here] += share
    share *= one.made[then]
    made[here] += share
