"""Where a face's crop is taken: from one place while the head is still. Of a crop that trembles a network draws another
picture each time, which no mean of some frames makes steady."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roop_vision.align import crop_matrix, scale_of

#: Frames before this one that have a part in its matrix.
MEMORY = 7
#: Distances of two frames' points in shares of the crop's side: up to the first a head is still, from the second on it has
#: moved. A crop is never taken farther than that from where the points are.
_STILL, _MOVED = 0.01, 0.02


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    index: int
    points: NDArray[np.float64]


class Alignment:
    """One per step. ``template`` ``(5, 2)`` is where its crops of ``size`` pixels have the five points, in their pixels.

    With an ``amount`` of 0 nothing is steadied.
    """

    def __init__(self, template: NDArray[np.float32], size: int, amount: float) -> None:
        self._template, self._size, self._on = template, size, amount > 0
        self._faces: dict[int, list[_Seen]] = {}

    def start(self) -> None:
        """A new segment."""
        self._faces = {}

    def matrix(self, face_id: int, index: int, landmarks_5: NDArray[np.floating]) -> NDArray[np.float64] | None:
        """``roop_vision.align.crop_matrix`` of the mean of this frame's points and of those of the frames before, as far as
        they are where these are.

        Called once for each face of a frame, in the order of frames, whose number is ``index``.
        """
        own = crop_matrix(landmarks_5, self._template)
        self._faces = {key: seen for key, seen in self._faces.items() if seen[-1].index >= index - MEMORY}
        if own is None or not self._on:
            return own
        before = [one for one in self._faces.get(face_id, []) if index - MEMORY <= one.index < index]
        now = _Seen(index, landmarks_5.astype(np.float64))
        self._faces[face_id] = [*before, now]
        points = np.stack([one.points for one in (now, *before)])
        apart = np.sqrt(np.square(points - now.points).sum(2).mean(1)) * scale_of(own) / self._size
        age = index - np.array([one.index for one in (now, *before)])
        weights = np.clip((_MOVED - apart) / (_MOVED - _STILL), 0, 1) * (age + 1) * (MEMORY + 1 - age)
        return crop_matrix(np.tensordot(weights, points, 1) / weights.sum(), self._template)
