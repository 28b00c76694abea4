"""The frame's own grain on a restored face."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Face, FrameView


class Grain:
    """One per step. ``amount`` in 0..1 is how much of the frame's grain a face is brought to; 0 is nothing."""

    def __init__(self, amount: float) -> None:
        self._amount = amount

    def start(self) -> None:
        """A new segment."""

    def grained(self, frame: FrameView, face: Face, box: Box, bgr: NDArray[Any], share: NDArray[np.float32]) -> NDArray[Any]:
        """``bgr``, what is to be shown of ``box``, with the grain that the frame has around the face.

        ``bgr`` is ``(box.height, box.width, 3)``, uint8 or float32 in 0..1, ``share`` float32 in 0..1: how much of it is
        shown. ``frame`` still is as it was before. Equal frames and indices give equal grain.
        """
        return bgr
