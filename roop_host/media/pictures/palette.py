"""One palette for a whole animation, and a dither that hangs on the place alone: what stands still keeps its pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roop_host.types.planes import Pixels

#: GIF's.
MOST_COLOURS = 256
#: Alpha below this is shown as nothing at all.
OPAQUE = 128
# Colours are counted by the upper 6 bits of each channel: 2 MiB for each sum, however long the animation is.
_BITS = 6
_DROPPED = 8 - _BITS
_CELLS = 1 << (3 * _BITS)
_BLOCK = 1 << 14
_REFINEMENTS = 6
# A threshold pattern bridges the step to the next colour; 2 * sqrt(3) times the error would bridge all of it, and show.
_DITHER = 1.6
# Bayer's 8x8 matrix (1973), grown from [[0, 2], [3, 1]].
_B2 = np.array([[0, 2], [3, 1]])
_B4 = np.block([[4 * _B2 + add for add in row] for row in _B2])
_BAYER = np.block([[4 * _B4 + add for add in row] for row in _B2])


def cut_alpha(pixels: Pixels) -> None:
    """Make half transparent pixels clear or opaque, in place."""
    if pixels.layout.alpha:
        pixels.make_writable()
        alpha, peak = pixels.planes[-1], pixels.layout.peak
        alpha[...] = np.where(alpha >= OPAQUE / 255 * peak, peak, 0)


@dataclass(frozen=True, slots=True)
class Palette:
    """``colours`` is uint8 ``(n, 3)``. ``exact`` where these are all there are; else ``cells`` is the index for each cell.

    ``transparent`` is an index beyond the colours, None where all 256 are taken.
    """

    colours: NDArray[np.uint8]
    transparent: int | None
    cells: NDArray[np.uint8]
    exact: bool
    spread: float = 0.0

    def index(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 ``(H, W)`` for R, G, B ``(H, W, 3)`` or with alpha ``(H, W, 4)``: the same for the same pixel at a place."""
        rgb = picture[..., :3]
        if self.exact:
            found = np.searchsorted(_packed(self.colours), _packed(rgb)).astype(np.uint8)
        else:
            height, width = rgb.shape[:2]
            pattern = np.rint(((_BAYER + 0.5) / _BAYER.size - 0.5) * self.spread).astype(np.int16)
            tiled = np.tile(pattern, (-(-height // 8), -(-width // 8)))[:height, :width]
            found = self.cells[_cell(np.clip(rgb.astype(np.int16) + tiled[..., None], 0, 255))]
        if picture.shape[2] == 4 and self.transparent is not None:
            found[picture[..., 3] < OPAQUE] = self.transparent
        return found


def palette_of(pictures: Iterable[NDArray[np.uint8]]) -> Palette:
    """The palette for all of these, which are looked at one by one and once."""
    counts = np.zeros(_CELLS)
    sums = np.zeros((3, _CELLS))
    known: NDArray[np.int64] | None = np.empty(0, np.int64)
    holes = False
    for picture in pictures:
        rgb = picture[..., :3].reshape(-1, 3)
        if picture.shape[2] == 4:
            there = picture[..., 3].reshape(-1) >= OPAQUE
            holes = holes or not there.all()
            rgb = rgb[there]
        if known is not None:
            known = np.union1d(known, _packed(rgb))
            known = known if len(known) <= MOST_COLOURS - holes else None
        cell = _cell(rgb)
        counts += np.bincount(cell, minlength=_CELLS)
        for channel in range(3):
            sums[channel] += np.bincount(cell, weights=rgb[:, channel], minlength=_CELLS)
    if known is not None and len(known) <= MOST_COLOURS - holes:
        colours = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=-1).astype(np.uint8)
        spare = len(colours) if len(colours) < MOST_COLOURS else None
        return Palette(colours, spare, np.empty(0, np.uint8), exact=True)
    return _chosen(counts, sums)


def _chosen(counts: NDArray[np.float64], sums: NDArray[np.float64]) -> Palette:
    used = np.flatnonzero(counts)
    weights = counts[used]
    points = (sums[:, used] / weights).T
    centres = _cut(points, weights, MOST_COLOURS - 1)
    for _ in range(_REFINEMENTS):  # Lloyd's
        nearest = _nearest(points, centres)
        mass = np.bincount(nearest, weights, len(centres))
        for channel in range(3):
            moved = np.bincount(nearest, weights * points[:, channel], len(centres))
            centres[:, channel] = np.where(mass > 0, moved / np.maximum(mass, 1e-9), centres[:, channel])
    colours = np.unique(np.rint(centres).astype(np.uint8), axis=0)
    off = points - colours[_nearest(points, colours.astype(np.float64))]
    error = float(np.sqrt((weights[:, None] * off**2).sum() / (3 * weights.sum())))
    grid = np.arange(_CELLS)
    middle = (1 << _DROPPED) / 2 - 0.5
    levels = [((grid >> shift & (1 << _BITS) - 1) << _DROPPED) + middle for shift in (2 * _BITS, _BITS, 0)]
    cells = _nearest(np.stack(levels, axis=-1), colours.astype(np.float64)).astype(np.uint8)
    return Palette(colours, len(colours), cells, exact=False, spread=error * 2 * 3**0.5 * _DITHER / 2)


def _cut(points: NDArray[np.float64], weights: NDArray[np.float64], wanted: int) -> NDArray[np.float64]:
    """Centres ``(<= wanted, 3)``: the box with the largest error is halved at its mean, along its widest channel."""
    boxes = [np.arange(len(points))]
    errors = [_error(points, weights)]
    while len(boxes) < wanted:
        worst = int(np.argmax(errors))
        box = boxes[worst]
        if errors[worst] <= 0 or len(box) < 2:
            break
        part, mass = points[box], weights[box]
        mean = np.average(part, axis=0, weights=mass)
        axis = int(np.argmax((mass[:, None] * (part - mean) ** 2).sum(axis=0)))
        low = part[:, axis] <= mean[axis]
        for side, place in ((low, worst), (~low, len(boxes))):
            half = box[side]
            if place == len(boxes):
                boxes.append(half)
                errors.append(_error(points[half], weights[half]))
            else:
                boxes[place], errors[place] = half, _error(points[half], weights[half])
    return np.stack([np.average(points[box], axis=0, weights=weights[box]) for box in boxes])


def _error(points: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    if len(points) < 2:
        return 0.0
    mean = np.average(points, axis=0, weights=weights)
    return float((weights[:, None] * (points - mean) ** 2).sum())


def _nearest(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.intp]:
    squares = (centres**2).sum(axis=1)
    found = np.empty(len(points), np.intp)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        found[start : start + _BLOCK] = np.argmin(squares - 2 * block @ centres.T, axis=1)
    return found


def _cell(rgb: NDArray[np.integer]) -> NDArray[np.intp]:
    parts = rgb.astype(np.intp) >> _DROPPED
    cell: NDArray[np.intp] = parts[..., 0] << (2 * _BITS) | parts[..., 1] << _BITS | parts[..., 2]
    return cell


def _packed(rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    parts = rgb.astype(np.int64)
    packed: NDArray[np.int64] = parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]
    return packed
