"""What is skin: a colour model of one face, learnt from its own cheeks and nose."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_swapper.regions import Halves, Regions
from roop_vision.masks import smooth_step

# Least spread of skin in L (0..100), a and b: a narrower model would cut into blush and shadow.
_LEAST = np.array([7.0, 4.0, 5.0], np.float32)
_MOST = np.array([10.0, 6.0, 8.0], np.float32)
_DARKER, _BRIGHTER = 1.0, 0.55  # highlights are skin more often than dark spots are
_SURE, _FADE = 1.9, 1.5  # deviations up to which it is surely skin, and over which that fades

_OPEN_EYE, _SHUT_EYE = 5.0, 5.0  # L: up to which an eye is open, and how much more until it is shut
_SHINE = 2.0  # deviations of brightness that count for shine
_SHADE = 6.0  # L below the cheeks that a forehead may have without being hair


@dataclass(frozen=True, slots=True, eq=False)
class SkinColour:
    """Mean and spread of L, a, b, float32 ``(3,)`` each."""

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    def towards(self, other: SkinColour, rate: float) -> SkinColour:
        keep = np.float32(1 - rate)
        rate32 = np.float32(rate)
        return SkinColour(self.mean * keep + other.mean * rate32, self.spread * keep + other.spread * rate32)


def lab(bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """L 0..100, a, b of a uint8 B, G, R picture, float32."""
    return cv2.cvtColor(bgr.astype(np.float32) / np.float32(255), cv2.COLOR_BGR2Lab).astype(np.float32, copy=False)


def learn(lab_chart: NDArray[np.float32], weight: NDArray[np.float32]) -> SkinColour:
    """The colour of the cells with weight above a half, by medians: a few hairs or a spot of light don't move them."""
    cells = lab_chart[weight > 0.5]
    if len(cells) < 20:
        cells = lab_chart[weight > 0]
    if not len(cells):
        return SkinColour(np.array([60, 12, 15], np.float32), _LEAST * 2)
    mean = np.median(cells, axis=0).astype(np.float32)
    spread = 1.4826 * np.median(np.abs(cells - mean), axis=0)
    return SkinColour(mean, np.clip(spread.astype(np.float32), _LEAST, _MOST))


def likeness(
    lab_chart: NDArray[np.float32],
    colour: SkinColour,
    seen: NDArray[np.float32],
    regions: Regions,
    strict: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """How surely each cell is skin, 0..1; features count as skin.

    A forehead shines: what is brighter and paler than the cheeks is skin there, as it may be a wall or a collar at a jaw.

    ``seen`` is how well the camera sees a cell; where ``strict`` is 1, shade may not excuse what is darker than the cheeks.
    """
    off = (lab_chart - colour.mean) / colour.spread
    shine = 1 + regions.forehead * np.clip(off[..., 0], 0, _SHINE)
    chroma = (off[..., 1] ** 2 + off[..., 2] ** 2) / np.where(off[..., 2] < 0, shine**2, np.float32(1))
    rough = smooth_step((3.2 - np.sqrt(chroma + (off[..., 0] * 0.6) ** 2)) / 1.2) * regions.skin * seen
    # Brightness is judged against skin nearby, so that a shaded cheek stays skin and a dark strand on it does not.
    sigma = lab_chart.shape[0] / 9
    total = cv2.GaussianBlur(rough, (0, 0), sigma) + 0.04
    local = (cv2.GaussianBlur(rough * lab_chart[..., 0], (0, 0), sigma) + 0.04 * colour.mean[0]) / total
    sharp = np.zeros_like(rough) if strict is None else strict
    local = local + sharp * np.maximum(colour.mean[0] - _SHADE - local, 0)
    spread = colour.spread[0] + sharp * np.minimum(_LEAST[0] - colour.spread[0], 0)
    light = (lab_chart[..., 0] - local) / spread
    light *= np.where(light < 0, np.float32(_DARKER), np.float32(_BRIGHTER))
    sure = smooth_step((_SURE + _FADE - np.sqrt(light**2 + chroma)) / _FADE)
    return np.maximum(cv2.GaussianBlur(sure, (0, 0), lab_chart.shape[0] / 80), regions.feature).astype(np.float32)


def eye_shut(lab_chart: NDArray[np.float32], opening: Halves) -> float:
    """How far an eye is closed, 0..1, from its own pixels: FaceMesh draws the same lids around a closed eye as an open one.

    A lid is brighter than the lashes below it; an iris under its lid is darker than the white and the lower lid. On five
    clips the upper half of the opening was 8 to 16 brighter (L) than the lower one when closed, at most 4 when open.
    """
    upper, lower = (float(lab_chart[half, 0].mean()) for half in opening)
    return float(smooth_step(np.array((upper - lower - _OPEN_EYE) / _SHUT_EYE)))
