"""Samples of planes: colours of a layout, chroma repeated and averaged, differences added."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.types.geometry import Box
from roop_host.types.planes import PixelLayout


@lru_cache(maxsize=64)
def to_bgr(layout: PixelLayout, peak: float) -> NDArray[np.float32]:
    """``layout.to_bgr``, made once: for a thin region it would take as long as the region."""
    return read_only(layout.to_bgr(peak))


@lru_cache(maxsize=64)
def from_bgr(layout: PixelLayout, peak: float) -> NDArray[np.float32]:
    return read_only(layout.from_bgr(peak))


def repeated(plane: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    """Each sample of ``(h, w)`` repeated down and across in ``out`` ``(h, down, w, across)``; as one plane."""
    height, down, width, across = out.shape
    if out.dtype == np.uint8 and across == 2:
        # Two equal bytes side by side are one number: a quarter of the time of OpenCV's way.
        out.view(np.uint16)[..., 0] = np.multiply(plane, 257, dtype=np.uint16)[:, None]
    else:
        out[:] = plane[:, None, :, None]
    return out.reshape(height * down, width * across)


def chroma_hull(coded: Box, shift_x: int, shift_y: int) -> Box:
    """The chroma samples that a coded box touches."""
    up_x, up_y = (1 << shift_x) - 1, (1 << shift_y) - 1
    return Box(coded.x0 >> shift_x, coded.y0 >> shift_y, (coded.x1 + up_x) >> shift_x, (coded.y1 + up_y) >> shift_y)


def shrink(part: NDArray[Any], coded: Box, hull: Box, shift_x: int, shift_y: int, width: int, height: int) -> NDArray[Any]:
    """Mean of a difference over each chroma sample; outside the box the difference is zero, at an odd edge it repeats."""
    if not shift_x and not shift_y:
        return part
    left, top = coded.x0 - (hull.x0 << shift_x), coded.y0 - (hull.y0 << shift_y)
    right, bottom = (hull.x1 << shift_x) - coded.x1, (hull.y1 << shift_y) - coded.y1
    if right and coded.x1 == width:
        part, right = cv2.copyMakeBorder(part, 0, 0, 0, right, cv2.BORDER_REPLICATE), 0
    if bottom and coded.y1 == height:
        part, bottom = cv2.copyMakeBorder(part, 0, bottom, 0, 0, cv2.BORDER_REPLICATE), 0
    if left or top or right or bottom:
        part = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    small: NDArray[Any] = cv2.resize(part, (hull.width, hull.height), interpolation=cv2.INTER_AREA)
    return small


def add_to(plane: NDArray[Any], delta: NDArray[Any], peak: int) -> None:
    kind = cv2.CV_8U if plane.dtype == np.uint8 else cv2.CV_16U
    # Of planes whose rows lie upwards, OpenCV would be given a copy, and what it adds there be lost.
    if peak in (255, 65535) and plane.strides[1] == plane.itemsize and plane.strides[0] > 0:
        cv2.add(plane, delta, dst=plane, dtype=kind)
        return
    total = cv2.add(np.ascontiguousarray(plane), delta, dtype=kind)
    plane[...] = total if peak in (255, 65535) else np.minimum(total, peak)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that nobody can switch back to writable."""
    if not array.size:
        array.flags.writeable = False
        return array
    return np.asarray(memoryview(array).toreadonly())  # type: ignore[arg-type]  # numpy arrays are buffers
