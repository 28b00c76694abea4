"""The engine of the networks: an aligned crop of each face is drawn anew, steadied, and put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_enhancer.alignment import Alignment
from roop_enhancer.engine import Asked, Restorer
from roop_enhancer.grain import MEMORY as GRAIN_MEMORY
from roop_enhancer.grain import Grain
from roop_enhancer.options import EnhancerOptions
from roop_enhancer.steady import MEMORY, Steady
from roop_host import Box, Context, Face, Frame
from roop_vision.align import aligned_crop, scale_of, template_points
from roop_vision.colour import matched
from roop_vision.masking import Masker
from roop_vision.paste import paste_crop, placed_crop

#: Most pixels of one run: what a network keeps in memory grows with them.
_TOGETHER = 4 * 512**2
#: Pixels of the crop to one of the frame: up to the first the face is larger than its crop, from the second on smaller.
_AS_LARGE = (0.8, 1.25)


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A face to be changed: its crop, B, G, R, and the matrix (2 x 3, picture to crop) that took it."""

    frame: Frame
    face: Face
    crop_bgr: NDArray[np.uint8]
    matrix: NDArray[np.float64]


class RestoringEngine:
    """A network that makes crops clear, and all that makes them fit the frame."""

    memory = max(MEMORY + 1, GRAIN_MEMORY)  # grain also looks at the frame before

    def __init__(self, restorer: Restorer, options: EnhancerOptions, ctx: Context) -> None:
        self._restorer, self._match_colour = restorer, options.match_colour
        self._masker = Masker(options, ctx.sessions, restorer.template)
        self._blend = np.float32(options.blend / 100)
        self._steady, self._grain = Steady(options.steady), Grain(options.grain)
        template = template_points(restorer.template) * np.float32(restorer.size)
        self._alignment = Alignment(template, restorer.size, options.steady)

    def start(self) -> None:
        self._masker.start()
        self._alignment.start()
        self._steady.start()
        self._grain.start()

    def learn(self, asked: Sequence[Asked]) -> None:
        """Where the faces are, and the masks; what the network would make of these faces is not needed."""
        if not self._masker.learns:
            for one in asked:
                self._matrix(one)
            return
        for taken in self._taken(asked):
            self._masker.alpha(taken.frame, taken.face, taken.matrix, taken.crop_bgr)

    def process(self, asked: Sequence[Asked]) -> None:
        # All are taken before any is put back: where two faces overlap, the network sees both as they were.
        taken = self._taken(asked)
        at_once = max(1, _TOGETHER // self._restorer.size**2)
        for first in range(0, len(taken), at_once):
            some = taken[first : first + at_once]
            made = self._restorer.restore(np.stack([one.crop_bgr for one in some]))
            for one, rgb in zip(some, made, strict=True):
                self._put(one, np.ascontiguousarray(rgb[..., ::-1]))

    def _taken(self, asked: Sequence[Asked]) -> list[_Taken]:
        return [taken for one in asked if (taken := self._take(one)) is not None]

    def _take(self, one: Asked) -> _Taken | None:
        matrix = self._matrix(one)
        if matrix is None:
            return None
        # Where a face is cut by the picture's edge black would be drawn into the picture.
        size, outside = self._restorer.size, cv2.BORDER_REPLICATE
        crop = aligned_crop(one.frame, matrix, size, outside=outside, kind=cv2.INTER_CUBIC)
        return None if crop is None else _Taken(one.frame, one.face, crop, matrix)

    def _matrix(self, one: Asked) -> NDArray[np.float64] | None:
        return self._alignment.matrix(one.face.id, one.frame.index, one.face.landmarks_5)

    def _put(self, one: _Taken, bgr: NDArray[np.float32]) -> None:
        alpha = self._masker.alpha(one.frame, one.face, one.matrix, one.crop_bgr)
        bgr = self._steady.step(one.face.id, one.frame.index, one.crop_bgr, bgr, alpha)
        bgr = matched(bgr, one.crop_bgr, alpha, self._match_colour)
        made: NDArray[Any] = bgr if one.frame.depth > 8 else np.rint(bgr * 255).astype(np.uint8)
        finish = partial(self._finished, one)
        paste_crop(one.frame, made, one.matrix, alpha * self._blend, face_id=one.face.id, finish=finish)

    def _finished(self, one: _Taken, box: Box, bgr: NDArray[Any], share: NDArray[np.float32]) -> NDArray[Any]:
        """In the frame's own pixels: with what of a large face is finer than its crop shows, and with the frame's grain."""
        kept = float(np.interp(scale_of(one.matrix), _AS_LARGE, (1.0, 0.0)))
        if kept > 0:
            bgr = _with_finer(one, box, bgr, kept)
        return self._grain.grained(one.frame, one.face, box, bgr, share)


def _with_finer(one: _Taken, box: Box, bgr: NDArray[Any], kept: float) -> NDArray[Any]:
    """Only the difference that the network made is put into the frame: what its crop does not hold is not lost."""
    made = bgr.copy()  # what is placed next lies in its place
    deep = made.dtype == np.float32
    crop = one.crop_bgr * np.float32(1 / 255) if deep else one.crop_bgr
    seen = placed_crop(crop, one.matrix, box, one.frame.scratch)
    finer = cv2.subtract(one.frame.bgr(box, made.dtype.type), seen, dtype=cv2.CV_32F)
    out = cv2.add(made, finer * np.float32(kept), dtype=cv2.CV_32F if deep else cv2.CV_8U)
    return np.clip(out, 0, 1) if deep else out
