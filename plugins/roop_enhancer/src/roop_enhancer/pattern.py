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
        pattern = self._alike(likeness)
        rows = (np.arange(shape[0]) + at[0]) % _SIDE
        columns = (np.arange(shape[1]) + at[1]) % _SIDE
        return np.asarray(pattern.take(rows, axis=0).take(columns, axis=1), np.float32)

    def _alike(self, likeness: float) -> NDArray[np.float32]:
        """The first that is as coarse, by the measure itself."""
        for number in range(len(_BLURS)):
            pattern, own = self._coarse(number)
            following = self._coarse(min(number + 1, len(_BLURS) - 1))[1]
            if likeness < (own + following) / 2:
                break
        return pattern

    def _coarse(self, number: int) -> tuple[NDArray[np.float32], float]:
        if number not in self._made:
            blur = _BLURS[number]
            pattern = self._white
            if blur:
                wrapped = cv2.copyMakeBorder(pattern, 8, 8, 8, 8, cv2.BORDER_WRAP)
                pattern = np.ascontiguousarray(cv2.GaussianBlur(wrapped, (0, 0), blur)[8:-8, 8:-8])
            places = places_of(np.ones(pattern.shape, bool))
            fine = fine_of(squares(pattern[..., None], places))
            strength = float(np.sqrt(np.square(sigmas_of(fine)).mean()))
            self._made[number] = (pattern / np.float32(strength), float(likeness_of(fine)[0]))
        return self._made[number]
