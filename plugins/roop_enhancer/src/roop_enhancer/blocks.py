"""The blocks of a codec (JPEG, MPEG): where their borders lie, how much they stand out, and a plane without them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Plane = NDArray[np.float32]

SIDE = 8  # pixels of a block, of JPEG and of most video
_NO_STEP = 24  # grey levels: what is higher is an edge of the picture
_FEW = 400  # pixels; of fewer nothing can be said
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
    """Of uint8 ``grey`` where ``mask``, both ``(h, w)``, is not 0. ``at`` is where they begin in the picture, x and y."""
    (across, x), (down, y) = (_border(plane, where) for plane, where in ((grey, mask), (grey.T, mask.T)))
    return Blocks((across + down) / 2, (x + at[0]) % SIDE, (y + at[1]) % SIDE)


def _border(grey: Mask, mask: Mask) -> tuple[float, int]:
    """How much the columns at one place of eight stand out by their step from the one on the left, and that place."""
    step = cv2.absdiff(grey[:, 1:], grey[:, :-1])
    cv2.min(step, _NO_STEP, dst=step)
    both = mask[:, 1:] & mask[:, :-1]
    step *= both
    sums, pixels = (np.zeros(-(-step.shape[1] // SIDE) * SIDE) for _ in range(2))
    for plane, of_columns in ((step, sums), (both, pixels)):
        of_columns[: step.shape[1]] = cv2.reduce(plane, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0]
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
    """A new plane: ``luma``, in grey levels, with ``share`` of the steps at the borders of ``blocks`` made even. ``at`` is
    where it begins in the picture, x and y."""
    out = luma.copy()
    _evened(out, (blocks.x - at[0]) % SIDE, blocks.step, share)
    turned = np.ascontiguousarray(out.T)
    _evened(turned, (blocks.y - at[1]) % SIDE, blocks.step, share)
    return np.ascontiguousarray(turned.T)


def _evened(plane: Plane, first: int, step: float, share: float) -> None:
    """Across the columns' borders, in its place; ``first`` is the first column to the right of one."""
    columns = np.arange(first, plane.shape[1] - _BESIDE, SIDE)
    columns = columns[columns > _BESIDE]
    if not columns.size or not step:
        return
    near = plane[:, columns[:, None] + np.arange(-_BESIDE - 1, _BESIDE + 1)]
    steps = np.diff(near, axis=2)
    border = steps[..., _BESIDE] - (steps[..., _BESIDE - 1] + steps[..., _BESIDE + 1]) / 2
    steep = (np.abs(steps).sum(2) - np.abs(steps[..., _BESIDE])) / (2 * _BESIDE)
    extra, steep = (np.asarray(cv2.blur(one, (1, _ALONG)), np.float32) for one in (border, steep))
    for value, most in ((np.abs(extra), _HIGHEST * step), (steep, _STEEPEST * step)):
        extra *= np.clip(2 - value / np.float32(most), 0, 1)  # wholly up to there, and nothing from twice that on
    for away in range(_REACH):
        part = np.float32(0.5 * share * (1 - (away + 0.5) / _REACH))
        plane[:, columns - 1 - away] += part * extra
        plane[:, columns + away] -= part * extra
