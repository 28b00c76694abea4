"""Patterns of grain: white noise made as coarse as is asked."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_enhancer.noise import fine_of, likeness_of, places_of, sigmas_of, squares

_SIDE = 512  # of the pattern, which goes on at its other side
#: Deviations in pixels of the blurs that make it coarse.
_BLURS = (0.0, 0.4, 0.55, 0.7, 0.85, 1.0, 1.2)
_SEED = 20


class Pattern:
    """One field of noise, each coarseness made when it is first asked for."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng((_SEED, seed))
        self._white = rng.standard_normal((_SIDE, _SIDE), np.float32)
        self._made: dict[int, tuple[NDArray[np.float32], float]] = {}

    def of(self, likeness: float, shape: tuple[int, int], at: tuple[int, int]) -> NDArray[np.float32]:
        """Float32 of ``shape`` from the place ``at`` (row, column) on: noise whose neighbouring pixels are about so alike.

        It is as strong as white noise of the deviation 1 by ``noise.sigmas_of``.
        """
        (row, column), (height, width) = (edge % _SIDE for edge in at), shape
        part = self._alike(likeness)[row : row + min(height, _SIDE), column : column + min(width, _SIDE)]
        more = (max(0, height - _SIDE), max(0, width - _SIDE))
        return part if not any(more) else np.asarray(cv2.copyMakeBorder(part, 0, more[0], 0, more[1], cv2.BORDER_WRAP))

    def _alike(self, likeness: float) -> NDArray[np.float32]:
        """The first that is as coarse, by the measure itself."""
        for number in range(len(_BLURS)):
            pattern, own = self._coarse(number)
            following = self._coarse(min(number + 1, len(_BLURS) - 1))[1]
            if likeness < (own + following) / 2:
                break
        return pattern

    def _coarse(self, number: int) -> tuple[NDArray[np.float32], float]:
        """Twice as high and wide as it is, so that any part lies in one piece; and how alike its neighbouring pixels are."""
        if number not in self._made:
            pattern = cv2.copyMakeBorder(self._white, 0, _SIDE, 0, _SIDE, cv2.BORDER_WRAP)
            if _BLURS[number]:
                pattern = cv2.GaussianBlur(pattern, (9, 9), _BLURS[number], borderType=cv2.BORDER_REFLECT)
            fine = fine_of(squares(pattern[..., None], places_of(np.ones(pattern.shape, bool))))
            strength = np.float32(np.median(sigmas_of(fine)))
            self._made[number] = (np.asarray(pattern / strength, np.float32), float(likeness_of(fine)[0]))
        return self._made[number]
