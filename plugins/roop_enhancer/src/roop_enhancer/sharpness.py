"""How sharp and how noisy parts of a picture are: what the level without a download goes by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Scratch

Mask = NDArray[np.uint8]

_CALM = 0.7  # pixels: a first blur, so that noise and blocks of a codec pass for edges less
_AGAIN = 1.5  # pixels: the second blur, which takes more from a sharp edge than from a soft one
#: Of the steepest edges' steepness: what counts as an edge; and of these the quarter that is least blurred decides.
_STEEP, _SHARPEST = 0.35, 0.75
_STEEPEST = 0.99
_LEAST_STEP = 1.0  # grey levels to a pixel: below that, it is a shade and no edge
_NOISE_STEP = 1.2  # of the noise: as little can be an edge
_FEW_EDGES, _FEW_FLAT = 30, 200  # pixels; of fewer nothing can be said
_PLACES, _FEW_PLACES = 4, 3  # places across and down into which a region is cut; how many must tell something
_NEAREST = 0.02  # of the squared ratio over 1: an edge of ten pixels, beyond which nothing can be told
_FLAT = 0.4  # share of a region that is taken for flat
_DARKEST, _BRIGHTEST = 6, 249  # grey levels: beyond, noise is cut off
_NORMAL = 0.6745  # the median of |x| of a normal x with deviation 1
#: Second differences in both directions, whose answer to noise is six times the noise (Immerkaer 1996).
_DIFFERENCES, _SIX = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32), 6.0
#: Sobel's answer to a slope of one grey level to a pixel, and its part in the planes of 8 bits that are counted.
_SOBEL, _COARSE = 8.0, 0.5


@dataclass(frozen=True, slots=True)
class Looks:
    """Of a region: how wide its sharpest edges are, as the deviation of a Gaussian blur in pixels, and its noise's
    deviation in grey levels of 255. None is what could not be told: no edges, or nothing flat."""

    blur: float | None
    noise: float | None


class Sharpness:
    """The edges and the noise of one picture, looked at by regions. ``grey`` is uint8 ``(h, w)``.

    Whole numbers all the way: they take a third of the time.
    """

    def __init__(self, grey: Mask, scratch: Scratch) -> None:
        def buffer(name: str, kind: type[Any]) -> NDArray[Any]:
            return scratch.array(f"roop_enhancer.sharpness {name}", grey.shape, kind)

        calm, again = buffer("calm", np.uint8), buffer("again", np.uint8)
        x, y, self._steep, self._soft = (buffer(name, np.int16) for name in ("x", "y", "steep", "soft"))
        self._slope, self._rough = buffer("slope", np.uint8), buffer("rough", np.uint8)
        cv2.GaussianBlur(grey, (5, 5), _CALM, dst=calm)
        cv2.GaussianBlur(calm, (9, 9), _AGAIN, dst=again)
        for seen, steepness in ((calm, self._steep), (again, self._soft)):
            cv2.Sobel(seen, cv2.CV_16S, 1, 0, dst=x)
            cv2.Sobel(seen, cv2.CV_16S, 0, 1, dst=y)
            # The sum of both, not their length: of two slopes in one direction, the ratio is the same.
            cv2.add(np.abs(x, out=x), np.abs(y, out=y), dst=steepness)
        cv2.convertScaleAbs(self._steep, dst=self._slope, alpha=_COARSE)
        cv2.filter2D(grey, cv2.CV_16S, _DIFFERENCES, dst=x)
        cv2.convertScaleAbs(x, dst=self._rough)
        self._in_range = ((grey >= _DARKEST) & (grey <= _BRIGHTEST)).view(np.uint8)

    def looks(self, mask: Mask) -> Looks:
        """Of the pixels where ``mask``, uint8 ``(h, w)``, is 1."""
        noise = self._noise(mask & self._in_range)
        return Looks(self._blur(mask, noise or 0.0), noise)

    def looks_by_places(self, mask: Mask, sharper: float) -> Looks:
        """The same, but each place in the region has one say about the blur, however many edges it has, and of the places
        the share ``sharper`` is sharper than what is taken."""
        noise = self._noise(mask & self._in_range)
        rows, columns = (np.linspace(0, side, _PLACES + 1).astype(int) for side in mask.shape)
        places = [np.s_[y0:y1, x0:x1] for y0, y1 in pairwise(rows) for x0, x1 in pairwise(columns)]
        blurs = [blur for at in places if (blur := self._blur(mask, noise or 0.0, at)) is not None]
        if len(blurs) < _FEW_PLACES:
            return Looks(self._blur(mask, noise or 0.0), noise)
        return Looks(float(np.quantile(blurs, sharper)), noise)

    def _noise(self, mask: Mask) -> float | None:
        pixels, limit = _quantile(self._slope, mask, _FLAT)
        if pixels < _FEW_FLAT:
            return None
        flat = mask & (self._slope <= int(limit)).view(np.uint8)
        return _quantile(self._rough, flat, 0.5)[1] / (_NORMAL * _SIX)

    def _blur(self, mask: Mask, noise: float, at: tuple[slice, slice] = np.s_[:, :]) -> float | None:
        """A second blur of known width makes an edge less steep by a ratio that tells how wide it was (Zhuo, Sim 2011)."""
        mask, slope = mask[at], self._slope[at]
        steepest = _quantile(slope, mask, _STEEPEST)[1]
        limit = max(_STEEP * steepest, _SOBEL * _COARSE * max(_NOISE_STEP * noise, _LEAST_STEP))
        edges = np.flatnonzero(mask & (slope > int(limit)).view(np.uint8))
        if edges.size < _FEW_EDGES:
            return None
        steep, soft = (plane[at].ravel()[edges].astype(np.float32) for plane in (self._steep, self._soft))
        ratios = steep / np.maximum(soft, np.float32(1))
        ratio = float(np.partition(ratios, place := int(_SHARPEST * ratios.size))[place])
        return float(np.sqrt(max(_AGAIN**2 / max(ratio**2 - 1, _NEAREST) - _CALM**2, 0)))


def _quantile(plane: Mask, mask: Mask, share: float) -> tuple[float, float]:
    """How many pixels there are, and what ``share`` of them lies below; between whole numbers, so that it moves smoothly."""
    counts = cv2.calcHist([plane], [0], mask, [256], [0, 256]).ravel()
    below = np.cumsum(counts, dtype=np.float64)
    if not below[-1]:
        return 0.0, 0.0
    wanted = share * below[-1]
    place = int(np.searchsorted(below, wanted))
    within = (float(below[place]) - wanted) / max(1.0, float(counts[place]))
    return float(below[-1]), max(0.0, place + 0.5 - within)
