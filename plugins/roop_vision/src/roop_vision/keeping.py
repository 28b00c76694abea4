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
_MOUTH_OPENS, _MOUTH_OPEN = 0.06, 0.18
_EYE_OPENS, _EYE_OPEN = 0.10, 0.18
# Shares of the way between the eyes: how far a kept part reaches beyond its landmarks, and its fade.
_MOUTH_GROW, _EYE_GROW, _BROW_GROW, _FADE = 0.03, 0.05, 0.05, 0.04
_MOUTH_AREA = 0.08


def kept_parts(parts: Parts, keep: Iterable[Keep], size: tuple[int, int]) -> NDArray[np.float32] | None:
    """Float32 ``size`` (height, width) in 0..1: how far mouth, eyes and brows stay the target's; None where none does.

    A mouth or an eye is kept as far as it is open: of closed lips there is nothing that a swap would lose. Of ``keep``
    other words are left to others.
    """
    unit = _unit(parts)
    drawn: list[NDArray[np.float32]] = []
    for part in keep:
        if part == "mouth":
            share = _opened(openness(parts.mouth, parts.lips), _MOUTH_OPENS, _MOUTH_OPEN)
            drawn += _drawn([(parts.mouth, share)], size, _MOUTH_GROW * unit)
        elif part == "eyes":
            shares = [(eye, _opened(openness(eye, eye), _EYE_OPENS, _EYE_OPEN)) for eye in parts.eyes]
            drawn += _drawn(shares, size, _EYE_GROW * unit)
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
    return [filled(size, points, grow=grow) * np.float32(share / 255) for points, share in shares if share > 0]


def _opened(value: float, begins: float, full: float) -> float:
    return float(smooth_step(np.array((value - begins) / (full - begins))))


def _unit(parts: Parts) -> float:
    """The way between the eyes, in pixels."""
    return float(np.hypot(*(parts.eyes[1].mean(0) - parts.eyes[0].mean(0))))
