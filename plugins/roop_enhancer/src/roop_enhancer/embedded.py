"""The level without a download: what is there is made clear, nothing is drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_enhancer.blocks import blocks_of, without_blocks
from roop_enhancer.clarity import Amounts, Clarity, Seen
from roop_enhancer.deconvolve import Hold, clearer
from roop_enhancer.engine import Asked
from roop_enhancer.grain import MEMORY as GRAIN_MEMORY
from roop_enhancer.grain import Grain
from roop_enhancer.holding import MEMORY, Held
from roop_enhancer.options import EnhancerOptions
from roop_enhancer.sharpness import Sharpness
from roop_host import Box, Face, Frame, Scratch, Sessions
from roop_vision.align import aligned_crop, crop_matrix, place_of, template_points
from roop_vision.masking import Masker
from roop_vision.paste import placed_alpha

Plane = NDArray[np.float32]
#: Given where a plane begins in the picture, it and what is to be added to it.
_Hold = Callable[[tuple[int, int], Plane, Plane], None]

_CROP = 256  # pixels of the crop by which the mask is made
_AROUND = 0.05  # of the crop's side: how far around it the picture is looked at
_INSIDE = 153  # of 255 that are shown: where a pixel is the face's own
_EDGE = 1 / 40  # of the width: what lies so near to the mask's edge is neither face nor surroundings
#: Of the places around a face, the share that may be sharper than it is to be: hair's fine lines pass for edges sharper
#: than any of a face in the same focus. More of them, where nothing has changed the face.
_SHARPER, _SHARPER_UNTOUCHED = 0.4, 0.67
#: Most pixels that are looked at, and that are worked on: a larger face is averaged over squares first, and what is added
#: to it is enlarged.
_MOST_SEEN, _MOST_MADE = 600_000, 250_000
#: B, G, R in luma (BT.601), as OpenCV's grey has it.
_LUMA = np.array([[0.114, 0.587, 0.299]], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A face that is to be changed: its box, what of that is shown, float32 in 0..1, and the box's B, G, R before."""

    frame: Frame
    face: Face
    box: Box
    share: NDArray[np.float32]
    bgr: NDArray[Any]
    amounts: Amounts


class EmbeddedEngine:
    """Brings the face to the sharpness and the noise of the frame around it, in the frame's own pixels and in luma alone.

    What it goes by is a mean over a few frames; those before ``memory`` are looked at only, since nothing is made of them.
    """

    memory = max(MEMORY + 1, GRAIN_MEMORY)  # grain also looks at the frame before

    def __init__(self, options: EnhancerOptions, sessions: Sessions) -> None:
        self._masker = Masker(options, sessions)
        self._blend = np.float32(options.blend / 100)
        self._clarity, self._grain = Clarity(options.steady, options.grain), Grain(options.grain)
        self._held = Held(options.steady)
        self._template = template_points("arcface_128") * np.float32(_CROP)

    def start(self) -> None:
        self._masker.start()
        self._clarity.start()
        self._held.start()
        self._grain.start()

    def learn(self, asked: Sequence[Asked]) -> None:
        for one in asked:
            self._take(one)

    def process(self, asked: Sequence[Asked]) -> None:
        # All of a frame are looked at before any is changed: where two overlap, each is seen as it was.
        for _, of_frame in groupby(asked, key=lambda one: one.frame.index):
            for taken in [self._take(one) for one in of_frame]:
                if taken is not None:
                    self._put(taken)

    def _take(self, one: Asked) -> _Taken | None:
        frame, face = one.frame, one.face
        matrix = crop_matrix(face.landmarks_5, self._template)
        if matrix is None:
            return None
        wide = place_of(matrix, *(edge * _CROP for edge in (-_AROUND, -_AROUND, 1 + _AROUND, 1 + _AROUND)))
        wide = Box(wide.x0 - 2, wide.y0 - 2, wide.x1 + 2, wide.y1 + 2).clip(frame.width, frame.height)
        frame.bgr(wide)  # all that is read of it below is a part of this
        crop = aligned_crop(frame, matrix, _CROP, outside=cv2.BORDER_REPLICATE)
        if crop is None:
            return None
        placed = placed_alpha(self._masker.alpha(frame, face, matrix, crop), matrix, frame)
        if placed is None:
            return None
        box, share = placed[0], placed[1].copy()
        changed = bool(frame.changed_by(face.id))
        look = partial(_seen, frame, wide, box, share, _SHARPER if changed else _SHARPER_UNTOUCHED)
        amounts = self._clarity.step(face.id, frame.index, look, box.width, changed=changed)
        return _Taken(frame, face, box, share, frame.bgr(box, np.float32 if frame.depth > 8 else np.uint8), amounts)

    def _put(self, one: _Taken) -> None:
        share = one.share * self._blend
        unit = 1.0 if one.bgr.dtype == np.uint8 else 1 / 255
        luma = np.asarray(cv2.transform(np.asarray(one.bgr, np.float32), _LUMA / np.float32(unit)), np.float32)
        made = _added(luma, one.box, one.amounts, partial(self._hold, one), one.frame.scratch)
        bgr = _with_luma(one.bgr, made, one.share, unit)
        if one.frame.changed_by(one.face.id):  # else it has the grain that was taken with it
            bgr = self._grain.grained(one.frame, one.face, one.box, bgr, share)
        if not np.array_equal(bgr, one.bgr):
            one.frame.put(one.box, bgr, share, face_id=one.face.id)

    def _hold(self, one: _Taken, at: tuple[int, int], base: Plane, made: Plane) -> None:
        self._held.step(one.face.id, one.frame.index, at, base, made, one.amounts.noise, one.frame.scratch)


def _seen(frame: Frame, wide: Box, box: Box, share: NDArray[np.float32], sharper: float) -> Seen:
    """Edges and noise of the face in ``box``, and of what is around it in ``wide``."""
    grey = np.asarray(cv2.cvtColor(frame.bgr(wide), cv2.COLOR_BGR2GRAY), np.uint8)
    shown = frame.scratch.array("roop_enhancer.shown", grey.shape, np.uint8)
    shown[:] = 0
    inner = shown[box.y0 - wide.y0 : box.y1 - wide.y0, box.x0 - wide.x0 : box.x1 - wide.x0]
    cv2.convertScaleAbs(share, dst=inner, alpha=255)
    blocks = blocks_of(grey, (shown > _INSIDE).view(np.uint8), (wide.x0, wide.y0))
    step, size = _smaller(grey, _MOST_SEEN)
    if step > 1:
        grey, shown = (np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8) for p in (grey, shown))
    side = 2 * max(1, round(_EDGE * box.width / step)) + 1
    kernel = np.ones((side, side), np.uint8)
    face = np.asarray(cv2.erode((shown > _INSIDE).view(np.uint8), kernel), np.uint8)
    around = (cv2.dilate(shown, kernel) == 0).view(np.uint8)
    picture = Sharpness(grey, frame.scratch)
    return Seen.of(picture.looks(face), picture.looks_by_places(around, sharper), step, blocks)


def _added(luma: Plane, box: Box, amounts: Amounts, hold: _Hold, scratch: Scratch) -> Plane:
    """What makes the face clear, in grey levels of luma. A large one is worked on at a smaller size."""
    base = without_blocks(luma, amounts.blocks, (box.x0, box.y0), min(1.0, amounts.blur)) if amounts.blur > 0 else luma
    step, _ = _smaller(base, _MOST_MADE)
    if step == 1:
        made = _clear(base, amounts, partial(hold, (box.x0, box.y0)), scratch)
    else:
        made = _added_small(base, box, amounts, hold, step, scratch)
    if base is not luma:
        made += base - luma
    return made


def _added_small(luma: Plane, box: Box, amounts: Amounts, hold: _Hold, step: int, scratch: Scratch) -> Plane:
    # On the picture's own grid: on one that moves with the face, squares would average differently each time.
    left, top, right, bottom = box.x0 % step, box.y0 % step, -box.x1 % step, -box.y1 % step
    wide = cv2.copyMakeBorder(luma, top, bottom, left, right, cv2.BORDER_REPLICATE)
    size = (wide.shape[1] // step, wide.shape[0] // step)
    small = np.asarray(cv2.resize(wide, size, interpolation=cv2.INTER_AREA), np.float32)
    fewer = replace(amounts, blur=amounts.blur / step, noise=amounts.noise / step)
    made = _clear(small, fewer, partial(hold, (box.x0 // step, box.y0 // step)), scratch)
    large = cv2.resize(made, (wide.shape[1], wide.shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(large[top : top + luma.shape[0], left : left + luma.shape[1]], np.float32)


def _clear(luma: Plane, amounts: Amounts, hold: Hold, scratch: Scratch) -> Plane:
    # What a codec did is as little to be made stronger as noise, but noise is told where it is flat, within the blocks.
    noise = float(np.hypot(amounts.noise, amounts.blocks.step))
    return clearer(
        luma, blur=amounts.blur, noise=noise, grain=amounts.grain, contrast=amounts.contrast, hold=hold, scratch=scratch
    )


def _with_luma(bgr: NDArray[Any], made: Plane, share: Plane, unit: float) -> NDArray[Any]:
    """``bgr`` in the type it came, with ``made`` added to its luma; the mean brightness under ``share`` stays."""
    made -= np.float32(cv2.mean(cv2.multiply(made, share))[0] / max(cv2.mean(share)[0], 1e-6))
    made *= np.float32(unit)
    depth = cv2.CV_8U if bgr.dtype == np.uint8 else cv2.CV_32F
    out = np.asarray(cv2.add(bgr, cv2.merge([made] * 3), dtype=depth), bgr.dtype)
    return out if bgr.dtype == np.uint8 else np.clip(out, 0, 1)


def _smaller(plane: NDArray[Any], most: int) -> tuple[int, tuple[int, int]]:
    """Pixels across of the squares over which a plane of more than ``most`` pixels is averaged, and its size then."""
    height, width = plane.shape
    step = int(np.ceil(np.sqrt(height * width / most)))
    return step, (max(1, width // step), max(1, height // step))
