"""What of the target stays: parts of its face, and places that are not to be changed, from landmarks."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_vision.mask_options import Area, Keep
from roop_vision.masks import smooth_step
from roop_vision.parts import Parts, Points, filled, openness

# Height of an opening as a share of the mouth's or the eye's width: from where on it counts as open, and is fully so.
_MOUTH_OPENS, _MOUTH_OPEN = 0.08, 0.16
_EYE_OPENS, _EYE_OPEN = 0.10, 0.18
_SHUTS, _SHUT = 5.0, 10.0  # of L, by which the upper half between the lids is brighter: from where on an eye is shut, and is
# Shares of the way between the eyes: how far a kept part reaches beyond its landmarks, and its fade.
_MOUTH_GROW, _EYE_GROW, _BROW_GROW, _FADE = 0.03, 0.05, 0.05, 0.04
_MOUTH_AREA = 0.08


def eyes_open(bgr: NDArray[np.uint8], parts: Parts) -> tuple[float, ...]:
    """How far each eye is open, 0..1, by its landmarks and by what is seen between the lids.

    Dense landmarks draw the same lids around a closed eye as an open one. A lid is brighter than the lashes below it; an
    iris under its lid is darker than the white and the lower lid. ``bgr`` is upright, uint8, and ``parts`` lie in it.
    """
    shares = []
    for eye in parts.eyes:
        x0, y0 = np.maximum(np.floor(eye.min(0)).astype(int), 0)
        x1, y1 = np.ceil(eye.max(0)).astype(int) + 1
        lab = cv2.cvtColor(bgr[y0:y1, x0:x1], cv2.COLOR_BGR2Lab) if bgr[y0:y1, x0:x1].size else np.zeros((0, 0, 3))
        between = filled(lab.shape[:2], eye - (x0, y0), hull=False) > 0 if lab.size else np.zeros((0, 0), bool)
        upper = np.arange(between.shape[0])[:, None] + y0 < eye[:, 1].mean()
        above, below = lab[..., 0][between & upper], lab[..., 0][between & ~upper]
        shut = (above.mean() - below.mean()) * 100 / 255 if len(above) and len(below) else 0.0
        shares.append(_opened(openness(eye, eye), _EYE_OPENS, _EYE_OPEN) * (1 - _opened(shut, _SHUTS, _SHUT)))
    return tuple(shares)


def kept_parts(
    parts: Parts, keep: Iterable[Keep], eyes: tuple[float, ...], size: tuple[int, int]
) -> NDArray[np.float32] | None:
    """Float32 ``size`` (height, width) in 0..1: how far mouth, eyes and brows stay the target's; None where none does.

    A mouth or an eye is kept as far as it is open: of closed lips there is nothing that a swap would lose. ``eyes`` says
    how far they are, the mouth's landmarks tell it themselves. Of ``keep`` other words are left to others.
    """
    unit = _unit(parts)
    drawn: list[NDArray[np.float32]] = []
    for part in keep:
        if part == "mouth":
            share = _opened(openness(parts.mouth, parts.lips), _MOUTH_OPENS, _MOUTH_OPEN)
            drawn += _drawn([(parts.mouth, share)], size, _MOUTH_GROW * unit)
        elif part == "eyes":
            drawn += _drawn(zip(parts.eyes, eyes, strict=True), size, _EYE_GROW * unit)
        elif part == "brows":
            drawn += _drawn([(brow, 1.0) for brow in parts.brows], size, _BROW_GROW * unit)
    if not drawn:
        return None
    whole = drawn[0] if len(drawn) == 1 else np.maximum.reduce(drawn)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), max(0.5, _FADE * unit)), np.float32)


def area_mask(parts: Parts, areas: Iterable[Area], size: tuple[int, int]) -> NDArray[np.float32]:
    """Float32 ``size`` (height, width) in 0..1: 1 inside any of the areas, with a soft edge."""
    unit = _unit(parts)
    up = (parts.eyes[0].mean(0) + parts.eyes[1].mean(0)) / 2 - parts.lips.mean(0)
    above = (parts.outline - parts.nostrils[(parts.nostrils @ up).argmin()]) @ up > 0
    whole = np.zeros(size, np.uint8)
    for area in areas:
        if area == "mouth":
            whole |= filled(size, parts.lips, grow=_MOUTH_AREA * unit)
        else:
            rest = parts.outline[above if area == "upper-face" else ~above]
            whole |= filled(size, np.concatenate([rest, parts.nostrils]))
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), max(0.5, _FADE * unit)), np.float32) / np.float32(255)


def _drawn(shares: Iterable[tuple[Points, float]], size: tuple[int, int], grow: float) -> list[NDArray[np.float32]]:
    return [filled(size, points, grow=grow, hull=False) * np.float32(share / 255) for points, share in shares if share > 0]


def _opened(value: float, begins: float, full: float) -> float:
    return float(smooth_step(np.array((value - begins) / (full - begins))))


def _unit(parts: Parts) -> float:
    """The way between the eyes, in pixels."""
    return float(np.hypot(*(parts.eyes[1].mean(0) - parts.eyes[0].mean(0))))
