"""How much of a changed crop is shown: where a face is, and where nothing stands before it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Face, FrameView, Sessions
from roop_vision.align import Template, aligned_crop, arcface_template, crop_matrix
from roop_vision.framing import RIM, framing_of
from roop_vision.keeping import area_mask, eyes_open, kept_parts
from roop_vision.mask_models import OCCLUDERS, PARSERS
from roop_vision.mask_options import BLUR, MaskOptions
from roop_vision.masks import outline_mask, rounded_box
from roop_vision.occlusion import SkinOccluder
from roop_vision.parsing import Parser, XSeg, region_of, soft_inside
from roop_vision.parts import Parts, Points, parts_of
from roop_vision.places import GRID
from roop_vision.standing import before_mask, faces_before

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
    """A crop, B, G, R ``(s, s, 3)``, the matrix (2 x 3, picture to crop) that took it, and the parts in the picture."""

    bgr: NDArray[np.uint8]
    matrix: NDArray[np.float64]
    parts: Parts | None


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
        networks = self._parser is not None or bool(self._xsegs)
        self._side = _OWN if networks or "eyes" in options.mask_keep else GRID
        self._boxes: dict[tuple[int, bool], NDArray[np.float32]] = {}
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
        seen = _Seen(crop_bgr, matrix, parts_of(face))
        size = crop_bgr.shape[0]
        alpha = self._box(size, self._boxed(seen))
        if seen.parts is not None and "outline" in self._options.mask_types:
            alpha = np.minimum(alpha, self._outline(seen.parts.outline, seen))
        kept = self._kept(frame, face, seen, matrix, (size, size))
        return alpha if kept is None else np.minimum(alpha, 1 - kept)

    def kept(self, frame: FrameView, face: Face, box: Box) -> NDArray[np.float32] | None:
        """Float32 ``(box.height, box.width)`` in 0..1: how far this box of the picture stays the target's; None: nowhere.

        All but box and outline: for what draws no crop and knows itself where the face ends.
        """
        matrix = crop_matrix(face.landmarks_5, (arcface_template(_OWN) - _OWN / 2) * np.float32(_ROOM) + _OWN / 2)
        own = None if matrix is None else _scaled(matrix, self._side / _OWN)
        # Networks want their surroundings; the skin's colour is looked for inside the face only.
        near = box if self._side == GRID else None
        crop = None if own is None else aligned_crop(frame, own, self._side, outside=cv2.BORDER_REPLICATE, within=near)
        if own is None or crop is None:
            return None
        to_box = np.array([[1, 0, -box.x0], [0, 1, -box.y0]], np.float64)
        return self._kept(frame, face, _Seen(crop, own, parts_of(face)), to_box, (box.height, box.width))

    def _boxed(self, seen: _Seen) -> bool:
        """Whether the box acts: also where no mask that was asked for can say where this face is."""
        types = self._options.mask_types
        return "box" in types or (seen.parts is None and "region" not in types)

    def _box(self, size: int, boxed: bool) -> NDArray[np.float32]:
        """The box, or all of the crop but its rim, where a network has seen only half of what it drew."""
        if (size, boxed) not in self._boxes:
            top, right, bottom, left = self._options.mask_padding
            a, b, c, d = map(max, (left, top, right, bottom), self._framing.margins) if boxed else (RIM,) * 4
            feather = max(self._blur if boxed else self._framing.feather, 1 / size)
            radius = self._framing.radius if boxed else feather
            self._boxes[size, boxed] = rounded_box(size, margins=(a, b, c, d), radius=radius, feather=feather)
        return self._boxes[size, boxed]

    def _outline(self, outline: Points, seen: _Seen) -> NDArray[np.float32]:
        """On the crop. It is smooth: on a large one it is drawn smaller, and enlarged."""
        size, blur = seen.bgr.shape[0], self._blur
        side = min(size, _DRAWN)
        matrix = _onto(seen, side)
        points = outline @ matrix[:, :2].T + matrix[:, 2]
        mask = outline_mask(points, side, grow=_OUTLINE_GROW * blur, feather=blur)
        return mask if side == size else np.asarray(cv2.resize(mask, (size, size)), np.float32)

    def _kept(
        self, frame: FrameView, face: Face, seen: _Seen, matrix: NDArray[np.float64], size: tuple[int, int]
    ) -> NDArray[np.float32] | None:
        """How far the raster of ``size`` (height, width) to which ``matrix`` leads from the picture stays the target's."""
        found = [_placed(mask, seen, matrix, size) for mask in self._on_crop(frame, face, seen) if mask.max() > _NOTHING]
        larger = faces_before(frame, face)
        before = before_mask(larger, matrix, size) if larger else None
        found += [] if before is None else [before]
        found += [] if seen.parts is None else self._by_landmarks(seen.parts, seen, matrix, size)
        return None if not found else found[0] if len(found) == 1 else np.maximum.reduce(found)

    def _on_crop(self, frame: FrameView, face: Face, seen: _Seen) -> list[NDArray[np.float32]]:
        """What networks and the skin's colour keep, each float32 ``(m, m)`` over the whole crop."""
        options = self._options
        masks = [1 - xseg.face(seen.bgr) for xseg in self._xsegs]
        if self._parser is not None:
            classes = self._parser.classes(seen.bgr)
            if "region" in options.mask_types:
                masks.append(1 - soft_inside(region_of(classes, options.mask_regions)))
            if "glasses" in options.mask_keep:
                masks.append(cv2.blur(region_of(classes, ("glasses",)), (5, 5)).astype(np.float32, copy=False))
        if self._skin is not None and seen.parts is not None:
            masks.append(self._covered(self._skin, frame, face, seen, seen.parts))
        return masks

    def _by_landmarks(
        self, parts: Parts, seen: _Seen, matrix: NDArray[np.float64], size: tuple[int, int]
    ) -> list[NDArray[np.float32]]:
        options = self._options
        if "area" not in options.mask_types and not options.mask_keep:
            return []
        there = parts.moved(matrix)
        found = [1 - area_mask(there, options.mask_areas, size)] if "area" in options.mask_types else []
        if options.mask_keep:
            in_crop = there if matrix is seen.matrix else parts.moved(seen.matrix)
            eyes = eyes_open(seen.bgr, in_crop) if "eyes" in options.mask_keep else ()
            kept = kept_parts(there, options.mask_keep, eyes, size)
            found += [] if kept is None else [kept]
        return found

    def _covered(self, skin: SkinOccluder, frame: FrameView, face: Face, seen: _Seen, parts: Parts) -> NDArray[np.float32]:
        """What the skin's colour says, once for each face of a frame."""
        if frame.index != self._frame:
            self._frame, self._told = frame.index, {}
            skin.at(frame.index, {other.id for other in frame.faces} | {face.id})
        if face.id not in self._told:
            self._told[face.id] = skin.covered(face.id, _on_grid(seen.bgr), parts.moved(_onto(seen, GRID)))
        return self._told[face.id]


def _on_grid(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop at the grid's size: averaged over whole squares, which is quick, and from there by straight lines."""
    if bgr.shape[0] == GRID:
        return bgr
    step = max(1, bgr.shape[0] // GRID)
    if step > 1:
        side = bgr.shape[0] // step
        bgr = np.asarray(cv2.resize(bgr[: side * step, : side * step], (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(bgr, (GRID, GRID), interpolation=cv2.INTER_LINEAR), np.uint8)


def _onto(seen: _Seen, side: int) -> NDArray[np.float64]:
    """From the picture to the crop at another size."""
    return _scaled(seen.matrix, side / seen.bgr.shape[0])


def _scaled(matrix: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """To a raster of another size; pixels are counted from their middles."""
    scaled: NDArray[np.float64] = matrix * factor
    scaled[:, 2] += 0.5 * factor - 0.5
    return scaled


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
