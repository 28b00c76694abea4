"""The blocks of a codec (JPEG, MPEG): where their borders lie, how much they stand out, and a plane without them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Plane = NDArray[np.float32]

SIDE = 8  # pixels of a block, of JPEG and of most video
_NO_STEP = 24  # grey levels: what is higher is an edge of the picture
_FEW, _MANY = 400, 250_000  # pixels; of fewer nothing can be said, and of more not all are looked at
_LOWEST = 0.5  # grey levels by which blocks stand out; less is hardly seen
#: Of how much blocks stand out on the mean: as high may one step at their border be that is smoothed, and as steep what
#: is on both sides of it. Blocks are seen where the picture is flat; where it is not, smoothing takes more than it gives.
_HIGHEST, _STEEPEST = 2.0, 0.3
_ALONG = 5  # pixels: a step is a mean along the border, since a block's own goes on
_BESIDE = 3  # steps on each side by which is told how steep it is there
_REACH = 2  # pixels on each side that are moved


@dataclass(frozen=True, slots=True)
class Blocks:
    """``x``, ``y``: of the first border in the picture, the pixel on its right, and below it, 0..7. ``step``: by how many
    grey levels a step between pixels is higher there than elsewhere. 0 is a picture without blocks."""

    step: float
    x: int
    y: int


NONE = Blocks(0.0, 0, 0)


def blocks_of(grey: Mask, mask: Mask, at: tuple[int, int]) -> Blocks:
    """Of uint8 ``grey`` where ``mask``, both ``(h, w)``, is 1. ``at`` is where they begin in the picture, x and y."""
    every = 1 + int(np.sqrt(grey.size / _MANY))
    # Of a large region, some rows tell of the columns, and some columns of the rows.
    across, x = _border(grey[::every], mask[::every], 1)
    down, y = _border(np.ascontiguousarray(grey[:, ::every]), np.ascontiguousarray(mask[:, ::every]), 0)
    return Blocks((across + down) / 2, (x + at[0]) % SIDE, (y + at[1]) % SIDE)


def _border(grey: Mask, mask: Mask, axis: int) -> tuple[float, int]:
    """How much the columns (axis 1) or rows at one place of eight stand out by their step from the one before; the place."""
    if grey.shape[axis] <= SIDE:
        return 0.0, 0
    sums, pixels = np.zeros((2, -(-grey.shape[axis] // SIDE) * SIDE))
    first, second = (np.s_[:-1], np.s_[1:]) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
    step = cv2.threshold(cv2.absdiff(grey[second], grey[first]), _NO_STEP, 0, cv2.THRESH_TRUNC)[1]
    both = mask[second] & mask[first]
    for plane, along in ((cv2.multiply(step, both), sums), (both, pixels)):
        along[: plane.shape[axis]] = cv2.reduce(plane, 1 - axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    counts = pixels.reshape(-1, SIDE).sum(0)
    if counts.min() < _FEW / SIDE:
        return 0.0, 0
    mean = sums.reshape(-1, SIDE).sum(0) / counts
    beyond = mean - (np.roll(mean, 1) + np.roll(mean, -1)) / 2
    place = int(beyond.argmax())
    # A picture's own edges stand out by chance, at any place.
    chance = np.delete(beyond, [(place + shift) % SIDE for shift in (-1, 0, 1)]).max()
    return max(0.0, float(beyond[place] - max(chance, 0.0))), (place + 1) % SIDE


def without_blocks(luma: Plane, blocks: Blocks, at: tuple[int, int], share: float = 1.0) -> Plane:
    """``luma``, float32 ``(h, w)`` in grey levels, with ``share`` of the steps at the borders of ``blocks`` made even: a new
    plane, or ``luma`` itself where they are too low to be seen. ``at`` is where it begins in the picture, x and y."""
    if blocks.step < _LOWEST:
        return luma
    out = luma.copy()
    _evened(out, (blocks.x - at[0]) % SIDE, blocks.step, share)
    _evened(out.T, (blocks.y - at[1]) % SIDE, blocks.step, share)
    return out


def _evened(plane: Plane, first: int, step: float, share: float) -> None:
    """Across the columns' borders, in its place; ``first`` is the first column to the right of one."""
    first += SIDE if first <= _BESIDE else 0
    count = (plane.shape[1] - _BESIDE - 1 - first) // SIDE + 1
    if count < 1:
        return

    def column(place: int) -> Plane:
        return plane[:, first + place : first + place + (count - 1) * SIDE + 1 : SIDE]

    near = [column(place) for place in range(-_BESIDE - 1, _BESIDE + 1)]
    steps = [after - before for before, after in pairwise(near)]
    border = steps.pop(_BESIDE)
    border -= (steps[_BESIDE - 1] + steps[_BESIDE]) / 2
    steep = np.add.reduce([np.abs(one, out=one) for one in steps]) / np.float32(2 * _BESIDE)
    extra, steep = (_along(one) for one in (border, steep))
    for value, most in ((np.abs(extra), _HIGHEST * step), (steep, _STEEPEST * step)):
        extra *= np.clip(2 - value / np.float32(most), 0, 1)  # wholly up to there, and nothing from twice that on
    for away in range(_REACH):
        part = np.float32(0.5 * share * (1 - (away + 0.5) / _REACH)) * extra
        column(-1 - away)[:] += part
        column(away)[:] -= part


def _along(plane: Plane) -> Plane:
    """Its mean along the border, for a plane of columns, or a transposed one of rows, in the order it lies in memory."""
    if plane.flags.c_contiguous:
        return np.asarray(cv2.blur(plane, (1, _ALONG)), np.float32)
    return np.asarray(cv2.blur(np.ascontiguousarray(plane.T), (_ALONG, 1)), np.float32).T
