"""Pictures as networks take and give them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Of each channel, R, G, B.
Colour = tuple[float, float, float]


def input_of(crops_bgr: NDArray[np.uint8], mean: Colour, std: Colour) -> NDArray[np.float32]:
    """Float32 R, G, B ``(n, 3, h, w)`` of uint8 ``(n, h, w, 3)``: ``(value - mean) / std`` of values in 0..1."""
    made = np.ascontiguousarray(crops_bgr[..., ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)
    made -= _plane(mean)
    made /= _plane(std)
    return made


def output_of(made: NDArray[np.float32], mean: Colour, std: Colour, *, denormalised: bool) -> NDArray[np.float32]:
    """Float32 R, G, B ``(n, h, w, 3)``, meant to be in 0..1, of what a network gives, ``(n, 3, h, w)``."""
    if denormalised:
        made = made * _plane(std) + _plane(mean)
    return np.ascontiguousarray(made.transpose(0, 2, 3, 1))


def picture_of(rgb: NDArray[np.float32], *, deep: bool) -> NDArray[Any]:
    """B, G, R of float32 ``(h, w, 3)``, cut off at 0 and 1: uint8, or for ``deep`` frames float32 in 0..1."""
    bgr = np.clip(np.ascontiguousarray(rgb[..., ::-1]), 0, 1)
    return bgr if deep else np.rint(bgr * 255).astype(np.uint8)


def _plane(colour: Colour) -> NDArray[np.float32]:
    return np.array(colour, np.float32).reshape(1, 3, 1, 1)
