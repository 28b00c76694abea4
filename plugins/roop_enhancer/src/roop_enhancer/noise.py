"""How strong the noise of a picture is: sensor noise, film grain, and what a codec left of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

#: Side in pixels of the squares that are looked at, and how many of their outermost rows the high-pass spoils.
BLOCK, _RIM = 12, 2
_SIGMA = 1.1  # pixels of the low-pass: grain is finer, most of a face is not
_MEDIAN = 0.6745  # of the sizes of normal noise, by its deviation
_OUTLYING, _CUT = 2.0, 0.9596  # deviations at which sizes are cut off, and the deviation of what is left of normal noise
_LEFT = 0.8931  # the share of white noise's deviation that the high-pass leaves
#: Squares of one measurement: of many the spread is a few per cent, of few nothing can be said.
_MANY, _FEW = 80, 4
_FLAT = 0.4  # share of the squares that count, those with the least slope
#: Of the flat squares that one speaks for all below which this share lies: some of the rest are hair or cloth.
_PLAIN = 0.4
#: Levels: where squares are brighter than others by less, nothing is known of other brightness.
_SPREAD = 24.0


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """``sigmas`` float32 ``(c,)`` is the deviation that white noise would have, in the picture's units, of each channel.

    ``likeness`` float32 ``(c,)`` is how alike neighbouring pixels of its fine structure are, as ``likeness_of`` has it.
    ``level`` is the mean of the first channel there.
    """

    sigmas: NDArray[np.float32]
    likeness: NDArray[np.float32]
    level: float


def noise_of(plane: NDArray[np.float32], mask: NDArray[Any] | None = None) -> float:
    """The deviation of the noise of a plane, float32 ``(h, w)``, in its units, from its flattest places.

    ``mask`` ``(h, w)`` is not 0 where to look. 0 where there is too little of it to say.
    """
    return float(noises_of(plane[..., None], mask)[0])


def noises_of(picture: NDArray[np.float32], mask: NDArray[Any] | None = None) -> NDArray[np.float32]:
    """``noise_of`` each channel of a picture, float32 ``(h, w, c)``: float32 ``(c,)``."""
    allowed = np.ones(picture.shape[:2], bool) if mask is None else mask != 0
    blocks = squares(picture, places_of(allowed))
    if len(blocks) < _FEW:
        return np.zeros(picture.shape[2], np.float32)
    return _plain(sigmas_of(fine_of(blocks[flattest(blocks)])))


def places_of(allowed: NDArray[np.bool_], origin: tuple[int, int] = (0, 0)) -> NDArray[np.intp]:
    """``(n, 2)``: row and column of the corners of squares of which every pixel is allowed, not more than some hundred.

    They lie on one grid of the picture, in which the first pixel of ``allowed`` ``(h, w)`` is at ``origin`` (row, column).
    """
    top, left = (-origin[0] % BLOCK, -origin[1] % BLOCK)
    rows, columns = ((length - first) // BLOCK for length, first in zip(allowed.shape, (top, left), strict=True))
    if rows <= 0 or columns <= 0:
        return np.zeros((0, 2), np.intp)
    inside = allowed[top : top + rows * BLOCK, left : left + columns * BLOCK].astype(np.float32)
    whole = cv2.resize(inside, (columns, rows), interpolation=cv2.INTER_AREA) > 1 - 0.5 / BLOCK**2
    step = int(np.ceil(np.sqrt(np.count_nonzero(whole) / _MANY)))
    if step > 1:
        first = [-((at + edge) // BLOCK) % step for at, edge in zip(origin, (top, left), strict=True)]
        some = np.zeros_like(whole)
        some[first[0] :: step, first[1] :: step] = True
        whole &= some
    return np.asarray(np.argwhere(whole) * BLOCK + (top, left), np.intp)


def squares(picture: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
    """``(n, BLOCK, BLOCK, c)`` of a picture ``(h, w, c)``, in its type."""
    found = np.empty((len(places), BLOCK, BLOCK, picture.shape[2]), picture.dtype)
    for one, (row, column) in zip(found, places.tolist(), strict=True):
        one[...] = picture[row : row + BLOCK, column : column + BLOCK]
    return found


def fine_of(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is finer than some pixels in squares ``(n, BLOCK, BLOCK, c)``; without their outermost rows, which it spoils."""
    count, _, _, channels = blocks.shape
    column = np.ascontiguousarray(blocks.reshape(count * BLOCK, BLOCK, channels))
    size = 2 * _RIM + 1
    fine = (column - cv2.GaussianBlur(column, (size, size), _SIGMA).reshape(column.shape)).reshape(blocks.shape)
    return np.asarray(fine[:, _RIM:-_RIM, _RIM:-_RIM], np.float32)


def measured(blocks: NDArray[np.float32]) -> Noise | None:
    """The noise of squares ``(n, BLOCK, BLOCK, c)``, of which some show more than noise; None of too few."""
    if len(blocks) < _FEW:
        return None
    flat = blocks[flattest(blocks)]
    fine = fine_of(flat)
    sigmas = sigmas_of(fine)
    kept = np.argsort(sigmas[:, 0], kind="stable")[: max(_FEW, round(2 * _PLAIN * len(flat)))]
    return Noise(_plain(sigmas), likeness_of(fine[kept]), float(levels_of(flat).mean()))


def by_level(blocks: NDArray[np.float32]) -> float:
    """How much stronger, in shares, the first channel's noise is for each level it is brighter, from the darker half of the
    flat squares to the brighter one. 0 where they are as bright, or too few.
    """
    if len(blocks) < _FEW:
        return 0.0
    flat = blocks[flattest(blocks)]
    half = len(flat) // 2
    if half < _FEW:
        return 0.0
    levels, sigmas = levels_of(flat), sigmas_of(fine_of(np.ascontiguousarray(flat[..., :1])))[:, 0]
    order = np.argsort(levels, kind="stable")
    dark, bright = order[:half], order[-half:]
    apart = float(levels[bright].mean() - levels[dark].mean())
    weak, strong = float(np.median(sigmas[dark])), float(np.median(sigmas[bright]))
    return 0.0 if apart < _SPREAD or not weak + strong else 2 * (strong - weak) / (strong + weak) / apart


def levels_of(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 ``(n,)``: the mean of the first channel of each square, by some of its pixels."""
    return np.asarray(blocks[:, 1::3, 1::3, 0].reshape(len(blocks), (BLOCK // 3) ** 2).mean(1), np.float32)


def flattest(blocks: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which of the squares have the least slope in the first channel."""
    column = np.ascontiguousarray(blocks[..., 0]).reshape(-1, BLOCK)
    cells = cv2.resize(column, (3, 3 * len(blocks)), interpolation=cv2.INTER_AREA).reshape(-1, 9)
    count = max(_FEW, round(_FLAT * len(blocks)))
    return np.asarray(np.argsort(cells.var(1), kind="stable")[:count])


def sigmas_of(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 ``(n, c)``: the deviation of white noise with fine structure as strong as that of most of each square.

    What is far above the median counts as that far only: a line through a square, a hair or a crack in paint, is no noise.
    """
    sizes = np.abs(fine).reshape(len(fine), -1, fine.shape[3])
    most = np.median(sizes, axis=1, keepdims=True) * np.float32(_OUTLYING / _MEDIAN)
    return np.asarray(np.sqrt(np.square(np.minimum(sizes, most)).mean(1)) / np.float32(_LEFT * _CUT), np.float32)


def _plain(sigmas: NDArray[np.float32]) -> NDArray[np.float32]:
    at = int(_PLAIN * len(sigmas))
    return np.asarray(np.partition(sigmas, at, axis=0)[at], np.float32)


def likeness_of(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 ``(c,)``: the correlation of neighbouring pixels in fine structure ``(n, h, w, c)``; less than 0 is white."""
    power = np.einsum("nhwc,nhwc->c", fine, fine) / np.float32(fine.shape[1] * fine.shape[2]) + np.float32(1e-12)
    across = np.einsum("nhwc,nhwc->c", fine[:, :, 1:], fine[:, :, :-1]) / np.float32(fine.shape[1] * (fine.shape[2] - 1))
    down = np.einsum("nhwc,nhwc->c", fine[:, 1:], fine[:, :-1]) / np.float32((fine.shape[1] - 1) * fine.shape[2])
    return np.asarray((across + down) / (2 * power), np.float32)
