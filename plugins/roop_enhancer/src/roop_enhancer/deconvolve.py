"""A blurred face made sharp: what a blur of known width took from its edges is put back, within what stands beside them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Scratch

Plane = NDArray[np.float32]

_RADIUS = 2  # pixels of the guided filter: skin's grain is finer, and edges are not wider
#: What differs from its surroundings by less is flat: so many deviations of the noise, and grey levels.
_FLAT_NOISE, _FLAT_LEVELS = 2.0, 1.5
#: Terms of the series beyond the picture itself: fine detail becomes at most so many times stronger, and one. With noise,
#: each has its share of the one before: a grey level of noise takes a fifth.
_TERMS, _DAMPED = 5, 0.2
_FINEST = 0.5  # of the blur: what is finer was not left by it, and is a codec's or the camera's own
_WIDE = 3  # deviations to which a Gaussian is computed
#: How far beyond the darkest and the brightest nearby an edge may go: of their distance, and in grey levels.
_BEYOND, _BEYOND_LEVELS = 0.2, 1.0
_CONTRAST, _MOST_CONTRAST = 0.06, 3.0  # of the distance to the surroundings' mean; grey levels
_SURROUNDINGS = 1 / 10  # of the region's width
_SPECK = 3  # pixels: what stands out alone among so many across is no detail
_COARSE = 8  # pixels to one: the surroundings are smooth


#: Given the plane without its noise and what is to be added to it, the latter to be changed in its place.
Hold = Callable[[Plane, Plane], None]


def clearer(grey: Plane, *, blur: float, noise: float, grain: float, contrast: float, hold: Hold, scratch: Scratch) -> Plane:
    """Float32 ``(h, w)``, in ``scratch``: what is to be added to ``grey``, float32 ``(h, w)`` of 0..255.

    ``blur`` is the Gaussian blur, a deviation in pixels, that is taken back where there are edges; ``noise`` the noise's
    deviation in grey levels, which is not made stronger, and of which the share ``grain`` in 0..1 stays. ``contrast`` in
    0..1 is how much of a gentle contrast against the wider surroundings is added. ``hold`` steadies what makes it sharper.
    """
    base, edges, made, detail, soft = (
        scratch.array(f"roop_enhancer.deconvolve {number}", grey.shape) for number in range(5)
    )
    _guided(grey, (_FLAT_NOISE * noise + _FLAT_LEVELS) ** 2, base, edges, (made, detail, soft))
    _restored(base, blur, 1 / (1 + _DAMPED * noise), (made, detail, soft))
    # Flat skin has nothing to be made sharp but its noise.
    cv2.multiply(made, edges, dst=made)
    if contrast > 0:
        cv2.scaleAdd(_against_surroundings(base), contrast, made, dst=made)
    _limited(base, made, blur, edges, detail, soft)
    np.copyto(made, cv2.medianBlur(made, _SPECK))  # a single pixel is noise that passed for an edge
    hold(base, made)
    if grain < 1:
        cv2.subtract(base, grey, dst=detail)
        cv2.scaleAdd(detail, 1 - grain, made, dst=made)
    return made


def _guided(grey: Plane, flat: float, base: Plane, edges: Plane, buffers: tuple[Plane, Plane, Plane]) -> None:
    """``base``: without what differs from its surroundings by a variance well below ``flat`` (He, Sun and Tang 2010, of a
    picture guided by itself); ``edges`` in 0..1: how far it is ``grey`` itself."""
    mean, square, variance = buffers
    kernel = (2 * _RADIUS + 1, 2 * _RADIUS + 1)
    cv2.blur(grey, kernel, dst=mean)
    cv2.multiply(grey, grey, dst=square)
    cv2.blur(square, kernel, dst=variance)
    cv2.multiply(mean, mean, dst=square)
    cv2.subtract(variance, square, dst=variance)
    np.maximum(variance, 0, out=variance)
    np.add(variance, np.float32(flat), out=square)
    cv2.divide(variance, square, dst=square)  # the slope of a line through each surroundings
    cv2.multiply(mean, square, dst=variance)
    cv2.subtract(mean, variance, dst=mean)  # its height
    cv2.blur(square, kernel, dst=edges)
    cv2.blur(mean, kernel, dst=base)
    cv2.multiply(edges, grey, dst=square)
    cv2.add(base, square, dst=base)


def _restored(base: Plane, blur: float, share: float, buffers: tuple[Plane, Plane, Plane]) -> None:
    """The first buffer: what a Gaussian blur took from ``base``, as a Neumann series (van Cittert). Each term is ``share``
    of what the blur takes from the one before."""
    made, detail, soft = buffers
    _blurred(base, _FINEST * blur, detail)
    for term in range(_TERMS):
        _blurred(detail, blur, soft)
        cv2.subtract(detail, soft, dst=detail)
        detail *= np.float32(share)
        if term:
            cv2.add(made, detail, dst=made)
        else:
            np.copyto(made, detail)


def _blurred(plane: Plane, blur: float, out: Plane) -> None:
    side = 2 * max(1, round(_WIDE * blur)) + 1
    cv2.GaussianBlur(plane, (side, side), max(blur, 1e-3), dst=out)  # OpenCV takes 0 for a blur of its own choice


def _against_surroundings(base: Plane) -> Plane:
    """A little of how far each pixel is from the mean of its wide surroundings."""
    height, width = base.shape
    small = cv2.resize(base, (max(1, width // _COARSE), max(1, height // _COARSE)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(1.0, width * _SURROUNDINGS / _COARSE))
    apart = base - cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    apart *= np.float32(_CONTRAST)
    return np.asarray(np.clip(apart, -_MOST_CONTRAST, _MOST_CONTRAST, out=apart), np.float32)


def _limited(base: Plane, made: Plane, blur: float, low: Plane, high: Plane, margin: Plane) -> None:
    """``made`` goes no farther than to what is darkest and brightest within the blur's reach, and a little: no halos."""
    side = 2 * max(1, round(blur)) + 1
    kernel = np.ones((side, side), np.uint8)
    cv2.erode(base, kernel, dst=low)
    cv2.dilate(base, kernel, dst=high)
    cv2.subtract(high, low, dst=margin)
    margin *= np.float32(_BEYOND)
    margin += np.float32(_BEYOND_LEVELS)
    for bound in (low, high):
        cv2.subtract(bound, base, dst=bound)
    cv2.subtract(low, margin, dst=low)
    cv2.add(high, margin, dst=high)
    cv2.max(made, low, dst=made)
    cv2.min(made, high, dst=made)
