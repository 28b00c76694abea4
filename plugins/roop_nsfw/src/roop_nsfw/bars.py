"""Bars beside a picture: a narrow film on a wide frame is a small thing in what the network sees."""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, FrameView

# Levels by which a bar's pixels may lie beside its colour, after averaging: coding and grain do not reach that far.
_TOLERANCE = 12
# The share of a line's pixels that may be of other colours: ringing beside what ends there.
_OTHERS = 0.05
# The least range of levels of a picture between bars. A fade leaves less, and then there is nothing to look at.
_LEAST_RANGE = 32
# Bars count when they leave less than this of the area, and each side at least an eighth.
_MOST_AREA, _LEAST_SIDE = 0.6, 1 / 8
# The length to which the lines near an edge are averaged when it is looked for exactly.
_LINE = 64


def content_box(frame: FrameView, small_bgr: NDArray[np.uint8]) -> Box | None:
    """The picture between bars, on even pixels; None where there are none, or they leave 60 % of the area or more.

    ``small_bgr`` is the whole ``frame``, scaled down: bars are found there, and only their edges looked for in the frame.
    """
    rough = _between(small_bgr)
    if rough is None:
        return None
    box = _exact(frame, rough, small_bgr.shape[1], small_bgr.shape[0])
    wide, high = box.width >= _LEAST_SIDE * frame.width, box.height >= _LEAST_SIDE * frame.height
    return box if wide and high and box.width * box.height < _MOST_AREA * frame.width * frame.height else None


def _between(bgr: NDArray[np.uint8]) -> Box | None:
    """What bars leave of a small picture; None for one without bars, and for a flat one."""
    x0, y0, x1, y1 = 0, 0, bgr.shape[1], bgr.shape[0]
    for _ in range(2):  # bars of another colour on the other two sides are found when these are gone
        part = bgr[y0:y1, x0:x1]
        top, bottom = _flat_rows(part, back=False), _flat_rows(part, back=True)
        if top + bottom >= y1 - y0:
            return None
        y0, y1 = y0 + top, y1 - bottom
        part = _turned(bgr[y0:y1, x0:x1])
        left, right = _flat_rows(part, back=False), _flat_rows(part, back=True)
        if left + right >= x1 - x0:
            return None
        x0, x1 = x0 + left, x1 - right
        if (x0, y0, x1, y1) == (0, 0, bgr.shape[1], bgr.shape[0]):
            return None
    low, high = np.percentile(bgr[y0:y1, x0:x1], [2, 98])
    return Box(x0, y0, x1, y1) if high - low >= _LEAST_RANGE else None


def _flat_rows(bgr: NDArray[np.uint8], *, back: bool) -> int:
    """How many rows, from the first on or from the last on, have the colour that is most of that one."""
    row = bgr[-1:] if back else bgr[:1]
    colour = np.sort(row[0], axis=0)[row.shape[1] // 2].astype(int)
    if _others(row, colour)[0]:
        return 0
    others = _others(bgr, colour)
    if back:
        others = others[::-1]
    return int(others.argmax()) if others.any() else len(others)


def _others(bgr: NDArray[np.uint8], colour: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Which rows are not of this colour."""
    alike = cv2.inRange(bgr, colour - _TOLERANCE, colour + _TOLERANCE)
    return np.asarray(cv2.reduce(alike, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[:, 0] < 255 * (1 - _OTHERS))


def _turned(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Columns as rows."""
    return np.asarray(cv2.transpose(bgr), np.uint8)


def _exact(frame: FrameView, rough: Box, across: int, down: int) -> Box:
    """The box of ``rough``, found in a picture of ``across`` x ``down``, by the frame's own rows and columns."""
    x0, x1 = rough.x0 * frame.width / across, rough.x1 * frame.width / across
    y0, y1 = rough.y0 * frame.height / down, rough.y1 * frame.height / down
    reach_x, reach_y = ceil(frame.width / across) + 2, ceil(frame.height / down) + 2
    upright, level = (int(y0), ceil(y1)), (int(x0), ceil(x1))
    if rough.x0:
        x0 = _edge(frame, int(x0), reach_x, upright, by_columns=True, back=False)
    if rough.x1 < across:
        x1 = _edge(frame, ceil(x1), reach_x, upright, by_columns=True, back=True)
    if rough.y0:
        y0 = _edge(frame, int(y0), reach_y, level, by_columns=False, back=False)
    if rough.y1 < down:
        y1 = _edge(frame, ceil(y1), reach_y, level, by_columns=False, back=True)
    return Box(ceil(x0 / 2) * 2, ceil(y0 / 2) * 2, int(x1) // 2 * 2, int(y1) // 2 * 2).clip(frame.width, frame.height)


def _edge(frame: FrameView, near: int, reach: int, along: tuple[int, int], *, by_columns: bool, back: bool) -> int:
    """Where the bar ends, ``near`` a row or column; ``back`` for a bar that lies below or to the right."""
    if by_columns:
        strip = Box(near - reach, along[0], near + reach, along[1]).clip(frame.width, frame.height)
        lines = _turned(frame.shrunk(strip.width, _LINE, strip))
        first, last = strip.x0, strip.x1
    else:
        strip = Box(along[0], near - reach, along[1], near + reach).clip(frame.width, frame.height)
        lines = frame.shrunk(_LINE, strip.height, strip)
        first, last = strip.y0, strip.y1
    return last - _flat_rows(lines, back=True) if back else first + _flat_rows(lines, back=False)
