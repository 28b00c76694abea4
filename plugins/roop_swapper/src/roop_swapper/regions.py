"""Fixed masks in texture space: which part of a face a cell shows. All float32 ``(size, size)`` in 0..1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_vision import topology as t
from roop_vision.masks import smooth_step

#: The upper and the lower half of an opening between two lids.
Halves = tuple[NDArray[np.bool_], NDArray[np.bool_]]

_SIDE = 0.07  # of the face's width, left out at each side


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Parts of a face. ``oval`` fades to 0 at the outline; ``feature`` is brows, eyes, nostrils, lips.

    ``skin`` is the rest inside; ``reference`` is cheeks and nose, skin on every face; ``forehead`` is what a fringe may
    hang into, ``rim`` what ears, hair and collars may reach into, ``glasses`` what frames may cover, ``eyes`` the left and
    the right eye with their lids, ``lips`` the lips. ``openings`` are bool: the upper and the lower half between the lids,
    of the left and the right eye.
    """

    oval: NDArray[np.float32]
    feature: NDArray[np.float32]
    skin: NDArray[np.float32]
    reference: NDArray[np.float32]
    forehead: NDArray[np.float32]
    rim: NDArray[np.float32]
    glasses: NDArray[np.float32]
    eyes: tuple[NDArray[np.float32], NDArray[np.float32]]
    lips: NDArray[np.float32]
    openings: tuple[Halves, Halves]

    @classmethod
    def make(cls, size: int, feather: float) -> Regions:
        """``feather`` is the width of the outline's fade, as a share of the face's width."""
        uv = t.topology().uv
        outline = _polygon(uv, t.OVAL, size)
        outline[[0, -1]], outline[:, [0, -1]] = 0, 0
        depth = np.asarray(cv2.distanceTransform(outline, cv2.DIST_L2, 5), np.float32) / size
        across = np.abs((np.arange(size, dtype=np.float32)[None, :] + 0.5) / size - 0.5)
        # The mesh reaches to the ears, where a source shows ear, hair and background: at the sides the fade begins later.
        side = _SIDE * smooth_step((across - 0.2) / 0.2)
        oval = smooth_step((depth - 0.012 - side) / feather)
        feature = np.zeros((size, size), np.float32)
        for contour, grow in (
            *((e, 0.042) for e in (t.EYE_LEFT, t.EYE_RIGHT)),
            *((b, 0.01) for b in (t.BROW_LEFT, t.BROW_RIGHT)),
            (t.LIPS_OUTER, 0.03),
            (t.NOSTRILS, 0.02),
        ):
            feature = np.maximum(feature, _grown(_polygon(uv, contour, size), grow * size))
        reference = np.zeros((size, size), np.float32)
        for part in (t.CHEEK_LEFT, t.CHEEK_RIGHT, (6, 197, 195, 5, 51, 281)):
            reference = np.maximum(reference, _grown(_polygon(uv, part, size), 0.015 * size))
        forehead = _above_brows(uv, size)
        skin = (outline > 0).astype(np.float32) * (1 - feature)
        rim = smooth_step((0.155 + side - depth) / 0.05) * (1 - 0.5 * feature)
        openings = (_halves(uv, t.EYE_LEFT, size), _halves(uv, t.EYE_RIGHT, size))
        lips = _grown(_polygon(uv, t.LIPS_OUTER, size), 0.02 * size)
        left, right = (_grown(_polygon(uv, eye, size), 0.045 * size) for eye in (t.EYE_LEFT, t.EYE_RIGHT))
        reference *= 1 - feature
        return cls(oval, feature, skin, reference, forehead, rim, _around_eyes(size), (left, right), lips, openings)


def _around_eyes(size: int) -> NDArray[np.float32]:
    """From the brows to the cheeks, and as far to the sides as frames are seen from the front."""
    cells = (np.arange(size, dtype=np.float32) + 0.5) / size
    rows = smooth_step((cells - 0.25) / 0.03) * smooth_step((0.58 - cells) / 0.03)
    columns = smooth_step((0.42 - np.abs(cells - 0.5)) / 0.04)
    return (rows[:, None] * columns[None, :]).astype(np.float32)


def _halves(uv: NDArray[np.float32], eye: Sequence[int], size: int) -> Halves:
    between = _polygon(uv, eye, size) > 0
    rows = np.arange(size)[:, None]
    upper = rows < float(np.nonzero(between)[0].mean())
    return between & upper, between & ~upper


def _above_brows(uv: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """All above the brows; beyond their tails the line falls to the eyes, since hair hangs there too."""
    top = uv[[46, 70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 276]]
    xs = np.concatenate([[0, top[0, 0] - 0.03], top[:, 0], [top[-1, 0] + 0.03, 1]])
    eyes = float(uv[33, 1])
    ys = np.concatenate([[eyes, eyes], top[:, 1], [eyes, eyes]])
    order = np.argsort(xs, kind="stable")
    cells = (np.arange(size, dtype=np.float32) + 0.5) / size
    line = np.interp(cells, xs[order], ys[order]).astype(np.float32)
    return smooth_step((line[None, :] - 0.005 - cells[:, None]) / 0.03)


def _polygon(uv: NDArray[np.float32], contour: Sequence[int], size: int) -> NDArray[np.uint8]:
    mask = np.zeros((size, size), np.uint8)
    points = uv[list(contour)] * size - 0.5
    if len(contour) < 12 or contour == t.NOSTRILS:
        points = np.asarray(cv2.convexHull(points.astype(np.float32)), np.float32)[:, 0]
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    return mask


def _grown(mask: NDArray[np.uint8], pixels: float) -> NDArray[np.float32]:
    """The mask with a soft edge ``pixels`` wide outside of it."""
    far = np.asarray(cv2.distanceTransform(255 - mask, cv2.DIST_L2, 5), np.float32)
    return smooth_step(1.5 - far / max(1.0, pixels))
