"""From maps and textures to the pixels that are put: what of the mesh engine knows no mesh."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_vision.masks import smooth_step

_GRAIN_SIGMA, _GRAIN, _LARGEST_GRAIN = 1.1, 0.6, 9.0
_HOLE_SIGMA = 0.9  # pixels of the maps, over which skin ends at an open eye or mouth


def cells(plane: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Texture coordinates 0..1 to pixels inside a texture: OpenCV is slow for those outside, and none of them is seen."""
    cells: NDArray[np.float32] = np.clip(plane * np.float32(size) - np.float32(0.5), 0, np.float32(size - 1.01))
    return cells


def alphas(
    u: NDArray[np.float32], v: NDArray[np.float32], skin_only: NDArray[np.float32], chart: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """At the maps' size: how much of the source shows, 0..255, and where anything is changed at all, 0..1."""
    covered = np.asarray(cv2.blur((u >= 0).astype(np.uint8) * np.uint8(255), (7, 7)), np.uint8)
    cover = _ramp(0.6, 1.0)[covered]
    skin = (skin_only != 0).astype(np.uint8) * np.uint8(255)
    holes = _ramp(0.15, 0.9)[np.asarray(cv2.GaussianBlur(skin, (5, 5), _HOLE_SIGMA), np.uint8)]
    share = cv2.remap(chart, cells(u, len(chart)), cells(v, len(chart)), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.convertScaleAbs(np.asarray(share, np.float32) * holes * cover, alpha=255)
    return np.asarray(alpha, np.uint8), cover


def _ramp(low: float, high: float) -> NDArray[np.float32]:
    """Of each grey level as a share of the highest: 0 below ``low``, 1 above ``high``, a soft step between."""
    return smooth_step((np.arange(256, dtype=np.float32) / 255 - low) / (high - low))


def widened(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With a fourth channel."""
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA).astype(np.uint8, copy=False)


def sampled(wide_bgr: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.uint8]:
    """B, G, R at these places of a picture with a fourth channel: four are sampled in half the time of three."""
    wide = cv2.remap(wide_bgr, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.cvtColor(wide, cv2.COLOR_BGRA2BGR).astype(np.uint8, copy=False)


def grained(bgr: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add the target's own grain: its finest detail, cut off before it becomes a feature."""
    smooth = cv2.GaussianBlur(target, (5, 5), _GRAIN_SIGMA)
    limit = np.full((1, 3), _LARGEST_GRAIN)
    near = cv2.max(cv2.min(target, cv2.add(smooth, limit)), cv2.subtract(smooth, limit))
    grain = cv2.addWeighted(near, _GRAIN, smooth, -_GRAIN, 128)
    return cv2.addWeighted(bgr, 1, grain, 1, -128).astype(np.uint8, copy=False)


def mixed(over: NDArray[np.uint8], under: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One picture over the other, in whole numbers: half the time of floats, and within one grey level."""
    shares = cv2.merge([alpha, alpha, alpha])
    shown, left = cv2.multiply(over, shares, scale=1 / 255), cv2.multiply(under, cv2.bitwise_not(shares), scale=1 / 255)
    return cv2.add(shown, left).astype(np.uint8, copy=False)


def enlarged(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A plane of the maps at the region's size."""
    return cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
