"""What a network draws of a face is held on from frame to frame, as far as the face itself stays as it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Frames after which what was before them has no part in a result.
MEMORY = 4


class Steady:
    """One per step. ``amount`` in 0..0.9 is how much of the frame before is held on where nothing moves; 0 is nothing."""

    def __init__(self, amount: float) -> None:
        self._amount = amount

    def start(self) -> None:
        """A new segment."""

    def step(
        self, face_id: int, index: int, crop_bgr: NDArray[np.uint8], made_bgr: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """``made_bgr``, float32 ``(s, s, 3)`` in 0..1 of this crop, steadied by the same face in the frames before.

        Called once for each face of a frame, in the order of frames, whose number is ``index``.
        """
        return made_bgr
