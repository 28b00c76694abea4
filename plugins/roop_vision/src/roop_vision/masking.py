"""How much of a changed crop is shown: where a face is, and where nothing stands before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from roop_host import Face, FrameView, Sessions
from roop_vision.align import Template
from roop_vision.framing import framing_of
from roop_vision.mask_options import MaskOptions
from roop_vision.masks import face_mask, rounded_box

# With dense landmarks the outline narrows the box: hair and background keep their own sharpness. It is widened so far that
# half of the fade lies on it, which puts the jaw inside.
_OUTLINE_GROW, _OUTLINE_FEATHER = 0.08, 0.065


class Masker:
    """Makes the masks of one step, whose crops are by ``template``. ``start`` forgets what it learnt of earlier frames."""

    #: Whether what it makes of a frame depends on those before it.
    learns = False

    def __init__(self, options: MaskOptions, sessions: Sessions, template: Template = "arcface_128") -> None:
        self._framing = framing_of(template)
        self._boxes: dict[int, NDArray[np.float32]] = {}

    def start(self) -> None:
        """A new segment."""

    def alpha(
        self,
        frame: FrameView,
        face: Face,
        matrix: NDArray[np.float64],
        crop_bgr: NDArray[np.uint8],
        made_bgr: NDArray[np.uint8] | NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Float32 ``(size, size)`` in 0..1: how much of ``made_bgr`` replaces ``crop_bgr``.

        Both are B, G, R ``(size, size, 3)``, taken by ``matrix`` (2 x 3, picture to crop): the target's own, uint8, and
        what a network made of it, uint8 or float32 in 0..1.
        """
        size = crop_bgr.shape[0]
        if size not in self._boxes:
            box = self._framing
            self._boxes[size] = rounded_box(size, margins=box.margins, radius=box.radius, feather=box.feather)
        fixed = self._boxes[size]
        if face.mesh_468 is None:
            return fixed
        outline = face_mask(face.mesh_468, matrix, size, grow=_OUTLINE_GROW, feather=_OUTLINE_FEATHER)
        return np.minimum(fixed, outline)
