"""What covers a head: a mosaic of means, a blur of it, or black. Cells lie in a grid that belongs to the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from roop_host import Box

from roop_pixelate.options import Shape, Style

_Xyxy = tuple[float, float, float, float]
#: Smaller cells are no cells: a mean of four pixels is a picture of half the size.
_LEAST_CELL = 4
#: Outside of what is covered in full a cover fades away, over so much of the shape's radius.
_FADES = {"mosaic": 0.0, "blur": 0.15, "fill": 0.02}


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """``box`` lies inside the picture; ``alpha``, float32 of its size, is 1 where nothing may be seen of what was there."""

    box: Box
    alpha: NDArray[np.float32]
    cell: int


def cell_px(longest: float, cells: int) -> int:
    """The side of a cell for a face of that longer side, so that at most ``cells`` of them are on it.

    Sizes come in few steps, so that the grid stays while a head moves a little to and fro, and are even, as chroma is shared
    by two pixels.
    """
    least = max(_LEAST_CELL, math.ceil(longest / cells))
    step = max(2, 1 << (least.bit_length() - 3))
    return -(-least // step) * step


def cover_of(around: _Xyxy, cell: int, shape: Shape, style: Style, width: int, height: int) -> Cover | None:
    """The cover of a head, which the box ``around`` encloses, in a picture of that size; None where it is not in it."""
    cx, cy = (around[0] + around[2]) / 2, (around[1] + around[3]) / 2
    rx, ry = max((around[2] - around[0]) / 2, 1.0), max((around[3] - around[1]) / 2, 1.0)
    fade = _FADES[style]
    reach_x, reach_y = rx * (1 + fade), ry * (1 + fade)
    box = Box(
        math.floor((cx - reach_x) / cell) * cell,
        math.floor((cy - reach_y) / cell) * cell,
        math.ceil((cx + reach_x) / cell) * cell,
        math.ceil((cy + reach_y) / cell) * cell,
    ).clip(width, height)
    if box.empty:
        return None
    grain = cell if style == "mosaic" else 1
    dx, dy = _nearest(box.x0, box.x1, grain, cx) / rx, _nearest(box.y0, box.y1, grain, cy) / ry
    far = np.maximum(dx[None], dy[:, None]) if shape == "box" else np.hypot(dx[None], dy[:, None])
    alpha = np.clip((1 + fade - far) / fade, 0, 1) if fade else far < 1
    pixels = np.repeat(np.repeat(alpha, grain, 0), grain, 1)[: box.height, : box.width]
    return Cover(box, np.ascontiguousarray(pixels, np.float32), cell)


def spared(cover: Cover, faces: list[_Xyxy]) -> Cover:
    """``cover`` without what lies in the ellipses of these faces."""
    alpha = cover.alpha
    for x0, y0, x1, y1 in faces:
        cx, cy, rx, ry = (x0 + x1) / 2, (y0 + y1) / 2, max((x1 - x0) / 2, 1.0), max((y1 - y0) / 2, 1.0)
        dx = (np.arange(cover.box.x0, cover.box.x1) + 0.5 - cx) / rx
        dy = (np.arange(cover.box.y0, cover.box.y1) + 0.5 - cy) / ry
        alpha = np.where(np.hypot(dx[None], dy[:, None]) < 1, np.float32(0), alpha)
    return Cover(cover.box, alpha, cover.cell)


def painted(cover: Cover, bgr: NDArray[Any], style: Style) -> NDArray[np.float32]:
    """What stands in ``cover.box`` in place of its picture ``bgr``, which is float32 as what is returned."""
    if style == "fill":
        return np.zeros_like(bgr)
    means = _means(bgr, cover.cell)
    height, width = bgr.shape[:2]
    if style == "mosaic":
        return np.repeat(np.repeat(means, cover.cell, 0), cover.cell, 1)[:height, :width]
    size = means.shape[1] * cover.cell, means.shape[0] * cover.cell
    blurred = cv2.resize(cv2.GaussianBlur(means, (3, 3), 0), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(blurred[:height, :width], 0, 1), np.float32)


def _nearest(start: int, end: int, grain: int, middle: float) -> NDArray[np.float64]:
    """How near each cell between ``start`` and ``end`` comes to ``middle``."""
    low = np.arange(start, end, grain, dtype=np.float64)
    high = np.minimum(low + grain, end)
    return np.maximum(np.maximum(low - middle, middle - high), 0)


def _means(bgr: NDArray[Any], cell: int) -> NDArray[np.float32]:
    """The mean of each cell, ``(rows, columns, 3)``; those at the end may be cut off by the picture's edge."""
    height, width = bgr.shape[:2]
    rows, columns = np.arange(0, height, cell), np.arange(0, width, cell)
    sums = np.add.reduceat(np.add.reduceat(bgr, rows, 0, dtype=np.float64), columns, 1)
    tall, wide = np.diff(rows, append=height), np.diff(columns, append=width)
    return np.asarray(sums / (tall[:, None] * wide)[..., None], np.float32)
