"""How much of a changed crop is shown: where a face is, and where nothing stands before it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Face, FrameView, Sessions
from roop_vision.align import Template, aligned_crop, arcface_template, crop_matrix
from roop_vision.framing import framing_of
from roop_vision.keeping import area_mask, eyes_open, kept_parts
from roop_vision.mask_models import OCCLUDERS, PARSERS
from roop_vision.mask_options import BLUR, MaskOptions
from roop_vision.masks import outline_mask, rounded_box
from roop_vision.occlusion import GRID, SkinOccluder
from roop_vision.parsing import Parser, XSeg, region_of, soft_inside
from roop_vision.parts import Parts, parts_of

__all__ = ["MaskOptions", "Masker"]

# With dense landmarks the outline narrows the box: hair and background keep their own sharpness. It is widened so far that
# half of the fade lies on it, which puts the jaw inside.
_OUTLINE_GROW = 0.08 / BLUR  # of the fade
#: Where there is no crop: ArcFace's with some room around, so that the forehead lies inside.
_ROOM, _OWN = 0.88, 256
_NOTHING = 1 / 255
_DRAWN = 256  # most pixels of the side at which the outline is drawn


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A crop, B, G, R ``(s, s, 3)``, and the matrix (2 x 3, picture to crop) that took it."""

    bgr: NDArray[np.uint8]
    matrix: NDArray[np.float64]


class Masker:
    """Makes the masks of one step, whose crops are by ``template``. ``start`` forgets what it learnt of earlier frames.

    To be asked for the faces of one frame after the other, in their order: with ``learns``, what it says of a frame hangs
    on those before it.
    """

    def __init__(self, options: MaskOptions, sessions: Sessions, template: Template = "arcface_128") -> None:
        self._options, self._framing = options, framing_of(template)
        self._blur = options.mask_blur * self._framing.feather / BLUR
        wanted = options.mask_occluder if "occlusion" in options.mask_types else ()
        self._skin = SkinOccluder() if "skin" in wanted else None
        self._xsegs = [XSeg(OCCLUDERS[name], sessions) for name in wanted if name != "skin"]
        self._parser = None if options.mask_parser == "none" else Parser(PARSERS[options.mask_parser], sessions)
        self._boxes: dict[int, NDArray[np.float32]] = {}
        self._frame: int | None = None
        self._told: dict[int, NDArray[np.float32]] = {}

    @property
    def learns(self) -> bool:
        """Whether what it says of a frame depends on those before it."""
        return self._skin is not None

    def start(self) -> None:
        """A new segment."""
        self._frame, self._told = None, {}
        if self._skin is not None:
            self._skin.start()

    def alpha(
        self,
        frame: FrameView,
        face: Face,
        matrix: NDArray[np.float64],
        crop_bgr: NDArray[np.uint8],
    ) -> NDArray[np.float32]:
        """Float32 ``(size, size)`` in 0..1: how much of a changed crop is shown.

        ``crop_bgr`` is the target's own, uint8 B, G, R ``(size, size, 3)``, taken by ``matrix`` (2 x 3, picture to crop).
        """
        size, parts, seen = crop_bgr.shape[0], parts_of(face), _Seen(crop_bgr, matrix)
        alpha = self._box(size)
        if parts is not None and "outline" in self._options.mask_types:
            alpha = np.minimum(alpha, self._outline(parts, seen))
        kept = self._kept(frame, face, seen, parts, matrix, (size, size))
        return alpha if kept is None else np.minimum(alpha, 1 - kept)

    def kept(self, frame: FrameView, face: Face, box: Box) -> NDArray[np.float32] | None:
        """Float32 ``(box.height, box.width)`` in 0..1: how far this box of the picture stays the target's; None: nowhere.

        All but box and outline: for what draws no crop and knows itself where the face ends.
        """
        own = crop_matrix(face.landmarks_5, (arcface_template(_OWN) - _OWN / 2) * np.float32(_ROOM) + _OWN / 2)
        crop = None if own is None else aligned_crop(frame, own, _OWN, outside=cv2.BORDER_REPLICATE)
        if own is None or crop is None:
            return None
        to_box = np.array([[1, 0, -box.x0], [0, 1, -box.y0]], np.float64)
        return self._kept(frame, face, _Seen(crop, own), parts_of(face), to_box, (box.height, box.width))

    def _box(self, size: int) -> NDArray[np.float32]:
        if "box" not in self._options.mask_types:
            return np.ones((size, size), np.float32)
        if size not in self._boxes:
            top, right, bottom, left = self._options.mask_padding
            a, b, c, d = map(max, (left, top, right, bottom), self._framing.margins)
            feather = max(self._blur, 1 / size)
            self._boxes[size] = rounded_box(size, margins=(a, b, c, d), radius=self._framing.radius, feather=feather)
        return self._boxes[size]

    def _outline(self, parts: Parts, seen: _Seen) -> NDArray[np.float32]:
        """On the crop. It is smooth: on a large one it is drawn smaller, and enlarged."""
        size, blur = seen.bgr.shape[0], self._blur
        side = min(size, _DRAWN)
        points = parts.moved(_onto(seen, side)).outline
        mask = outline_mask(points, side, grow=_OUTLINE_GROW * blur, feather=blur)
        return mask if side == size else np.asarray(cv2.resize(mask, (size, size)), np.float32)

    def _kept(
        self,
        frame: FrameView,
        face: Face,
        seen: _Seen,
        parts: Parts | None,
        matrix: NDArray[np.float64],
        size: tuple[int, int],
    ) -> NDArray[np.float32] | None:
        """How far the raster of ``size`` (height, width) to which ``matrix`` leads from the picture stays the target's."""
        options = self._options
        masks = [1 - xseg.face(seen.bgr) for xseg in self._xsegs]
        if self._parser is not None:
            classes = self._parser.classes(seen.bgr)
            if "region" in options.mask_types:
                masks.append(1 - soft_inside(region_of(classes, options.mask_regions)))
            if "glasses" in options.mask_keep:
                masks.append(cv2.blur(region_of(classes, ("glasses",)), (5, 5)).astype(np.float32, copy=False))
        if self._skin is not None and parts is not None:
            masks.append(self._covered(self._skin, frame, face, seen, parts))
        found = [_placed(mask, seen, matrix, size) for mask in masks if mask.max() > _NOTHING]
        if parts is not None and "area" in options.mask_types:
            found.append(1 - area_mask(parts.moved(matrix), options.mask_areas, size))
        if parts is not None and options.mask_keep:
            eyes = eyes_open(seen.bgr, parts.moved(seen.matrix)) if "eyes" in options.mask_keep else ()
            kept = kept_parts(parts.moved(matrix), options.mask_keep, eyes, size)
            found += [] if kept is None else [kept]
        return np.maximum.reduce(found) if found else None

    def _covered(self, skin: SkinOccluder, frame: FrameView, face: Face, seen: _Seen, parts: Parts) -> NDArray[np.float32]:
        """What the skin's colour says, once for each face of a frame."""
        if frame.index != self._frame:
            self._frame, self._told = frame.index, {}
            skin.only({other.id for other in frame.faces} | {face.id})
        if face.id not in self._told:
            self._told[face.id] = skin.covered(face.id, _on_grid(seen.bgr), parts.moved(_onto(seen, GRID)))
        return self._told[face.id]


def _on_grid(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop at the grid's size: averaged over whole squares, which is quick, and from there by straight lines."""
    step = max(1, bgr.shape[0] // GRID)
    if step > 1:
        side = bgr.shape[0] // step
        bgr = np.asarray(cv2.resize(bgr[: side * step, : side * step], (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(bgr, (GRID, GRID), interpolation=cv2.INTER_LINEAR), np.uint8)


def _onto(seen: _Seen, side: int) -> NDArray[np.float64]:
    """From the picture to the crop at another size; pixels are counted from their middles."""
    factor = side / seen.bgr.shape[0]
    matrix: NDArray[np.float64] = seen.matrix * factor
    matrix[:, 2] += 0.5 * factor - 0.5
    return matrix


def _placed(
    mask: NDArray[np.float32], seen: _Seen, matrix: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32]:
    """A mask ``(m, m)`` over the crop on the raster to which ``matrix`` leads; 0 beyond the crop."""
    if mask.shape == size and matrix is seen.matrix:
        return mask
    whole = np.vstack([_onto(seen, mask.shape[0]), [0, 0, 1]]) @ np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    border = cv2.BORDER_REPLICATE if matrix is seen.matrix else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(mask, whole[:2], (size[1], size[0]), flags=flags, borderMode=border), np.float32)
