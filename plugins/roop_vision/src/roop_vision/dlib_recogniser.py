"""dlib's recogniser, on the crop that the eyes' corners and the nose's base align."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import dlib
import numpy as np
from numpy.typing import NDArray

from roop_host import FrameView, Sessions
from roop_vision.align import aligned_crop, similarity
from roop_vision.models import DLIB_RESNET
from roop_vision.topology import BELOW_NOSE, EYE_LEFT, EYE_RIGHT

#: Side in pixels of what the network sees, and how much there is around the face, in its sides.
_SIZE, _PADDING = 150, 0.25
#: Where a face has the points, in its own square: outer and inner corner of the right eye, of the left one, base of the nose
#: (dlib, image_transforms/interpolation.h, get_face_chip_details).
_PLACES = (
    (0.8595674595992, 0.2134981538014),
    (0.6460604764104, 0.2289674387677),
    (0.1205750620789, 0.2137274526848),
    (0.3340850613712, 0.2290642403242),
    (0.4901123135679, 0.6277975316475),
)
_VERTICES = (EYE_RIGHT[0], EYE_RIGHT[8], EYE_LEFT[0], EYE_LEFT[8], BELOW_NOSE)


class DlibRecogniser:
    """Runs on the CPU, wherever the other networks do: 160 ms of one core for each vector."""

    size = _SIZE

    def __init__(self, sessions: Sessions) -> None:
        """Raises ``ModelError`` for weights that are missing or not the known ones."""
        data = sessions.read(DLIB_RESNET)
        # dlib reads files only: it is given the very bytes that were verified, not what may lie in their place by now.
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.dat"
            path.write_bytes(data)
            self._network = dlib.face_recognition_model_v1(str(path))
        # dlib counts from the corner of the first pixel, a crop from its middle.
        self._template = ((np.array(_PLACES) + _PADDING) / (1 + 2 * _PADDING) * _SIZE - 0.5).astype(np.float32)

    def embedding(self, frame: FrameView, mesh: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Float32 ``(128,)``, about 1.4 long, of the face with this mesh; None of one outside the picture."""
        chip = self.chip(frame, mesh)
        return None if chip is None else self.described(chip)

    def chip(self, frame: FrameView, mesh: NDArray[np.float32]) -> NDArray[np.uint8] | None:
        """What the network sees, uint8 B, G, R ``(150, 150, 3)``."""
        return aligned_crop(frame, self.matrix(mesh), self.size)

    def matrix(self, mesh: NDArray[np.float32]) -> NDArray[np.float64]:
        """``(2, 3)``, picture to chip."""
        return similarity(mesh[list(_VERTICES), :2], self._template)

    def described(self, chip_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The vector of a chip."""
        rgb = np.ascontiguousarray(chip_bgr[:, :, ::-1])
        return np.array(self._network.compute_face_descriptor(rgb), np.float32)
