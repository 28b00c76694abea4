"""Putting an aligned crop back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Frame, FrameView, Scratch
from roop_vision.align import place_of, scale_of

#: What is last done in the picture's own pixels: of a box, what is to be shown there, B, G, R in the crop's type, and how
#: much of it, float32 in 0..1; it gives a picture of the same kind.
Finish = Callable[[Box, NDArray[Any], NDArray[np.float32]], NDArray[Any]]
#: A crop that is enlarged much is first put on a grid so much finer, by cubic interpolation, and from there by straight
#: lines: within a level of a cubic warp, and quicker. Odd, so that the crop's own pixels are points of the grid.
_FINER = 5
#: Pixels of the crop to one of the picture, from which a cubic warp itself is the quicker one, and needs no finer grid.
_LITTLE = 0.5
_LARGE = 512  # pixels of the side, beyond which a finer grid would take some hundred megabytes


def paste_crop(
    frame: Frame,
    crop_bgr: NDArray[np.uint8] | NDArray[np.float32],
    matrix: NDArray[np.float64],
    alpha: NDArray[np.float32],
    *,
    face_id: int | None = None,
    finish: Finish | None = None,
) -> None:
    """Put a crop where ``matrix`` (2 x 3, picture to crop) took it from; only the region that ``alpha`` shows is touched.

    ``crop_bgr`` is ``(h, w, 3)``, uint8 or, for frames of more than 8 bits, float32 in 0..1. ``alpha`` is float32 ``(h, w)``
    in 0..1; its outermost rows and columns count as 0, so that a crop has no hard edge. ``finish`` is given what is to be
    shown before it is.
    """
    placed = placed_alpha(alpha, matrix, frame)
    if placed is None:
        return
    box, share = placed
    bgr = placed_crop(crop_bgr, matrix, box, frame.scratch)
    if finish is not None:
        bgr = finish(box, bgr, share)
    frame.put(box, bgr, share, face_id=face_id)


def placed_alpha(
    alpha: NDArray[np.float32], matrix: NDArray[np.float64], frame: FrameView
) -> tuple[Box, NDArray[np.float32]] | None:
    """The box of the picture in which ``alpha``, float32 ``(h, w)`` over a crop, shows something, and how much of it there.

    The latter is float32 ``(box.height, box.width)`` and lies in ``frame.scratch`` until the next call; None where nothing
    is shown. The outermost rows and columns of ``alpha`` count as 0.
    """
    cover = np.zeros(alpha.shape, np.float32)
    cover[1:-1, 1:-1] = alpha[1:-1, 1:-1]
    x, y, width, height = cv2.boundingRect((cover > 0).astype(np.uint8))
    box = place_of(matrix, x - 1, y - 1, x + width, y + height)
    # Whole chroma samples of 4:2:0: a region that cuts through some takes half as long again to put.
    box = Box(box.x0 // 2 * 2, box.y0 // 2 * 2, (box.x1 + 1) // 2 * 2, (box.y1 + 1) // 2 * 2).clip(frame.width, frame.height)
    if not width or box.empty:
        return None
    return box, _placed(cover, matrix, box, frame.scratch.array("roop_vision.placed share", (box.height, box.width)))


def placed_crop(crop_bgr: NDArray[Any], matrix: NDArray[np.float64], box: Box, scratch: Scratch) -> NDArray[Any]:
    """What ``box`` of the picture shows of a crop, B, G, R ``(box.height, box.width, 3)`` in the crop's type.

    It lies in ``scratch`` until the next call. Beyond the crop it is anything.
    """
    # Three channels with an empty fourth are warped in half the time of three.
    patch, moved, kind = at_scale(cv2.cvtColor(crop_bgr, cv2.COLOR_BGR2BGRA), matrix)
    # By straight lines, a crop that was not shrunk reaches as far as its cover: its outside is never seen, so the quickest
    # border will do.
    inside = kind == cv2.INTER_LINEAR and patch.shape[0] >= crop_bgr.shape[0]
    border = cv2.BORDER_CONSTANT if inside else cv2.BORDER_REPLICATE
    placed = scratch.array("roop_vision.placed", (box.height, box.width, 4), crop_bgr.dtype.type)
    bgr = scratch.array("roop_vision.placed bgr", (box.height, box.width, 3), crop_bgr.dtype.type)
    cv2.cvtColor(_placed(patch, moved, box, placed, border, kind), cv2.COLOR_BGRA2BGR, dst=bgr)
    if bgr.dtype == np.float32 and kind == cv2.INTER_CUBIC:  # overshoots; of whole numbers it is cut off already
        np.clip(bgr, 0, 1, out=bgr)
    return bgr


def _placed(
    patch: NDArray[Any],
    matrix: NDArray[np.float64],
    box: Box,
    out: NDArray[Any],
    border: int = cv2.BORDER_CONSTANT,
    kind: int = cv2.INTER_LINEAR,
) -> NDArray[Any]:
    """``out``: what ``box`` of the picture shows of a patch, by ``matrix`` from picture to patch."""
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (box.x0, box.y0)
    flags = kind | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(patch, moved, (box.width, box.height), dst=out, flags=flags, borderMode=border)
    return out


def at_scale(crop: NDArray[Any], matrix: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64], int]:
    """The crop at a size from which it is warped to its place, the matrix to it, and OpenCV's kind of interpolation."""
    scale = scale_of(matrix)
    height, width = crop.shape[:2]
    if _LITTLE <= scale < 2 or (scale < 1 and max(height, width) > _LARGE):
        return crop, matrix, cv2.INTER_CUBIC
    if scale < 1:
        size = (width * _FINER, height * _FINER)
        patch: NDArray[Any] = cv2.resize(crop, size, interpolation=cv2.INTER_CUBIC)
        if patch.dtype == np.float32:  # a cubic curve overshoots; of whole numbers it is cut off already
            patch = np.clip(patch, 0, 1)
    else:
        # The other way round: a small face would be made of every second pixel, and shimmer.
        size = (max(1, round(width / int(scale))), max(1, round(height / int(scale))))
        patch = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    factors = np.array([[size[0] / width], [size[1] / height]])
    moved = matrix * factors
    moved[:, 2:] += 0.5 * factors - 0.5  # pixels are counted from their middles
    return patch, moved, cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
