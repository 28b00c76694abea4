"""The target's face as the mesh engine looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box
from roop_swapper.raster import Chart


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A face in ``box`` of the picture: its pixels, uint8 B, G, R, and its mesh ``(468, 3)`` in the picture's pixels.

    ``hidden`` is how far something stands before it, float32 0..1 for each pixel of the box; None where nothing does.
    """

    box: Box
    bgr: NDArray[np.uint8]
    mesh: NDArray[np.float32]
    hidden: NDArray[np.float32] | None = None

    def unrolled(self, chart: Chart) -> NDArray[np.uint8]:
        """The face in texture space, B, G, R."""
        return np.asarray(self._flat(self.bgr, chart), np.uint8)

    def free(self, chart: Chart) -> NDArray[np.float32] | None:
        """How far each cell of texture space is not hidden; None where all are free."""
        return None if self.hidden is None else np.asarray(1 - self._flat(self.hidden, chart), np.float32)

    def share_hidden(self, contour: Sequence[int]) -> float:
        """Of the points of a contour, 0..1."""
        if self.hidden is None:
            return 0.0
        x, y = np.round(self.mesh[list(contour), :2] - (self.box.x0, self.box.y0)).astype(int).T
        height, width = self.hidden.shape
        return float(self.hidden[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].mean())

    def _flat(self, picture: NDArray[Any], chart: Chart) -> NDArray[Any]:
        """Halved first so that no pixel is skipped."""
        step = 1
        while min(picture.shape[:2]) > 2 * chart.size:
            height, width = picture.shape[:2]
            even = picture[: height // 2 * 2, : width // 2 * 2]
            picture = cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            step *= 2
        points = ((self.mesh[:, :2] - (self.box.x0, self.box.y0) + 0.5) / step - 0.5).astype(np.float32)
        x, y = chart.spread(points)
        return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
