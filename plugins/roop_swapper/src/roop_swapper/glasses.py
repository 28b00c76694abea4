"""Frames of glasses in a face's texture: found as thin dark or strongly coloured lines around the eyes, and painted over."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_swapper import skin
from roop_vision import topology as t
from roop_vision.masks import smooth_step

_SIZE = 192  # of the texture that is looked at; shares below are of the texture's side
_BAR = 0.075  # a frame's bar is narrower than this
_BRIDGE = (slice(0.31, 0.39), slice(0.465, 0.535))  # rows and columns between the eyes: smooth on a bare face
#: Least contrast of a bar across the bridge. Three faces with glasses had 9 to 16, eight without at most 3.
_WORN = 5.0
_FROM, _OVER = 6.0, 4.0  # contrast from which a line is a frame's, and over which that becomes sure
_BROW_FROM, _BROW_OVER = 30.0, 8.0  # the same on the brows, which are dark lines of their own
_GLARE_FROM, _GLARE_OVER = 9.0, 6.0
_LIT, _NEARBY = 60.0, 0.06  # L of skin in good light, and how far around its light is measured
_AROUND = 0.022  # how far from an eye's lids its own lines reach
_SHADE = 18.0  # L below the face's median from which on a pixel is no bare skin
_REACHES = ((0.025, 1.0), (0.08, 0.02))  # how far skin is looked for, and its weight: the near counts if there is any
_HEM = 0.012  # painted over beside what was found: a frame's edge is mixed with skin


def frame_mask(texture_bgr: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Where frames and their glare hide skin, float32 0..1 of the texture's size; None for a face without glasses.

    ``texture_bgr`` is uint8 B, G, R ``(n, n, 3)`` in texture space.
    """
    small = cv2.resize(texture_bgr, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    lines, glare = _contrast(small)
    if bridge_contrast(lines) < _WORN:
        return None
    zone, brows = _zone(), _brows()
    least, over = _FROM + (_BROW_FROM - _FROM) * brows, _OVER + (_BROW_OVER - _OVER) * brows
    bright = smooth_step((glare - _GLARE_FROM) / _GLARE_OVER) * (1 - brows)
    found = np.maximum(smooth_step((lines - least) / over), bright) * zone
    found = np.asarray(cv2.dilate(found, _disk(_HEM)), np.float32) * zone
    found = np.asarray(cv2.GaussianBlur(found, (0, 0), 0.8), np.float32)
    return np.asarray(cv2.resize(found, texture_bgr.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def worn(chart_bgr: NDArray[np.uint8]) -> float:
    """How surely a face wears glasses, 0..1, from its texture uint8 ``(c, c, 3)``, by the bridge over the nose alone."""
    size = chart_bgr.shape[0]
    rows, columns = (slice(round((p.start - _BAR) * size), round((p.stop + _BAR) * size)) for p in _BRIDGE)
    part = chart_bgr[rows, columns]
    scale = _SIZE / size
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    margin = round(_BAR * _SIZE)
    contrast = float(np.percentile(_contrast(small)[0][margin:-margin, margin:-margin].max(0), 25))
    return float(smooth_step(np.array((contrast - _WORN) / _WORN + 0.5)))


def without_glasses(texture_bgr: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The texture with what ``mask`` (see ``frame_mask``) marks painted over from the skin beside; eyes stay."""
    filled = _skin_beside(texture_bgr, mask)
    return cv2.blendLinear(filled, texture_bgr, mask, 1 - mask).astype(np.uint8, copy=False)


def _skin_beside(bgr: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The colour of bare skin nearby: what is masked, and what is much darker than the rest, has no say in it."""
    light = skin.lab(bgr)[..., 0]
    size = bgr.shape[0]
    rows, columns = slice(size // 4, size * 2 // 3), slice(size // 5, size * 4 // 5)
    typical = float(np.median(light[rows, columns][mask[rows, columns] < 0.5]))
    bare = (1 - smooth_step(mask / 0.3)) * smooth_step((light - typical + _SHADE) / (_SHADE / 2))
    total = np.zeros((size, size, 3), np.float32)
    weight = np.full((size, size), 1e-6, np.float32)
    for reach, share in _REACHES:
        sigma = size * reach
        total += np.float32(share) * cv2.GaussianBlur(bgr * bare[..., None], (0, 0), sigma)
        weight += np.float32(share) * cv2.GaussianBlur(bare, (0, 0), sigma)
    filled: NDArray[np.uint8] = np.clip(total / weight[..., None], 0, 255).astype(np.uint8)
    return filled


def bridge_contrast(lines: NDArray[np.float32]) -> float:
    """How strongly a bar crosses the nose between the eyes: the weakest column of the strongest row, nearly."""
    rows, columns = (slice(int(part.start * len(lines)), int(part.stop * len(lines))) for part in _BRIDGE)
    return float(np.percentile(lines[rows, columns].max(0), 25))


def _contrast(bgr: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is darker or more colourful, and what is brighter, than all a bar's width away; in L of well-lit skin."""
    values = skin.lab(bgr)
    light = np.asarray(cv2.GaussianBlur(values[..., 0], (0, 0), 0.7), np.float32)
    chroma = np.asarray(cv2.GaussianBlur(np.hypot(values[..., 1], values[..., 2]), (0, 0), 1.2), np.float32)
    disk = _disk(_BAR)
    dark = cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, disk)
    colourful = cv2.morphologyEx(chroma, cv2.MORPH_TOPHAT, disk)
    bright = cv2.morphologyEx(light, cv2.MORPH_TOPHAT, disk)
    lit = np.float32(_LIT) / np.maximum(cv2.GaussianBlur(light, (0, 0), _SIZE * _NEARBY), np.float32(_LIT / 3))
    return (np.maximum(dark, 0.6 * colourful) * lit).astype(np.float32), (bright * lit).astype(np.float32)


def _zone() -> NDArray[np.float32]:
    """Where frames sit: from the brows to the cheeks, without the eyes themselves."""
    uv = t.topology().uv
    cells = (np.arange(_SIZE, dtype=np.float32) + 0.5) / _SIZE
    rows = smooth_step((cells - 0.265) / 0.02) * smooth_step((0.56 - cells) / 0.02)
    eyes = np.zeros((_SIZE, _SIZE), np.uint8)
    for eye in (t.EYE_LEFT, t.EYE_RIGHT):
        cv2.fillPoly(eyes, [np.round(uv[list(eye)] * _SIZE - 0.5).astype(np.int32)], 1)
    away = np.asarray(cv2.distanceTransform(1 - eyes, cv2.DIST_L2, 5), np.float32) / _SIZE
    nose = smooth_step((np.abs(cells - 0.5) - 0.05) / 0.02)[None, :]
    low = smooth_step((cells - 0.44) / 0.03)[:, None]
    return rows[:, None] * smooth_step((away - _AROUND) / 0.01) * (1 - low * (1 - nose))


def _brows() -> NDArray[np.float32]:
    uv = t.topology().uv
    brows = np.zeros((_SIZE, _SIZE), np.float32)
    for brow in (t.BROW_LEFT, t.BROW_RIGHT):
        cv2.fillConvexPoly(brows, cv2.convexHull(np.round(uv[list(brow)] * _SIZE - 0.5).astype(np.int32)), 1.0)
    return np.asarray(cv2.GaussianBlur(brows, (0, 0), 1.0), np.float32)


def _disk(share: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(share * _SIZE / 2)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
