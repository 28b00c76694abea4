"""Pixel boost: a crop ``k`` times as wide as a network takes is redrawn as ``k * k`` whole faces of every k-th pixel.

The polyphase way of FaceFusion 3.8 (processors/pixel_boost.py), with two additions, since a face that skips pixels is noisy,
and faces that are redrawn apart differ from each other, which shows as a pattern of period ``k``.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Of a tile's own pixel. Before the split the crop is softened so far that a tile at its finest has two thirds of what is
# there, and a sixth of what would fold over to the coarsest. More would take away what the boost is for.
_SOFT = 0.3
# What tiles must agree on: all that is coarser than this. Narrower, the kernel on a tile's pixels is no Gaussian any more,
# and wider ones leave more of the pattern.
_COARSE = 0.7


def wider(matrix: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """A crop's matrix (2 x 3, picture to crop) for a crop of the same place with ``k`` times as many pixels across."""
    made = matrix * k
    made[:, 2] += (k - 1) / 2  # pixels are counted from their middles: so the tiles lie around the plain crop
    return made


def split(crop: NDArray[np.uint8], k: int) -> NDArray[np.uint8]:
    """uint8 ``(k * k, m, m, 3)`` of ``(k * m, k * m, 3)``: tile ``i * k + j`` holds the pixels ``y * k + i, x * k + j``."""
    if k == 1:
        return crop[None]
    soft = np.asarray(cv2.GaussianBlur(crop, (0, 0), _SOFT * k, borderType=cv2.BORDER_REPLICATE), np.uint8)
    m = crop.shape[0] // k
    return np.ascontiguousarray(soft.reshape(m, k, m, k, 3).transpose(1, 3, 0, 2, 4)).reshape(k * k, m, m, 3)


def join(tiles: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Float32 ``(k * m, k * m, 3)`` of tiles ``(k * k, m, m, 3)``, which are made to agree on all that is coarse.

    What a tile has of its own, its light or a colour, would lie over the others as a grid: it gives up its own coarse part
    for that of all together. Of tiles that agree, nothing changes.
    """
    made: NDArray[np.float32] = tiles[0]
    if k == 1:
        return made
    together = _laid(tiles, k)
    own = np.stack([_blurred(tile, _COARSE) for tile in tiles])
    made = together + _blurred(together, _COARSE * k) - _laid(own, k)
    return made


def _laid(tiles: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    m = tiles.shape[1]
    woven = np.ascontiguousarray(tiles.reshape(k, k, m, m, 3).transpose(2, 0, 3, 1, 4), np.float32)
    made: NDArray[np.float32] = woven.reshape(k * m, k * m, 3)
    return made


def _blurred(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    # Mirrored, pixels of all tiles lie beyond the edge; repeated, those of one.
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
