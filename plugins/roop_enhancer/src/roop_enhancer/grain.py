"""The frame's own grain on a restored face.

The frame's noise is measured in flat places around the face, and on the face itself unless another step has drawn that,
and so is what will be seen of noise there without more; the rest is added, as strong in each brightness, as coarse, and as
lively as the frame's own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_enhancer.noise import (
    Noise,
    by_level,
    fine_of,
    flattest,
    levels_of,
    likeness_of,
    measured,
    places_of,
    sigmas_of,
    squares,
)
from roop_enhancer.pattern import Pattern
from roop_enhancer.steady import MEMORY
from roop_host import Box, Face, FrameView

#: Of the box's sides: how wide the ring is in which the frame's own grain is looked for, and its least width in pixels.
_RING, _NARROW = 0.15, 24
#: Levels: so much is in a picture without grain, by rounding and by what a codec left.
_CLEAN = 0.4
#: Of the largest share: from the first on a pixel is the face's; below the second it is the ring's.
_INSIDE, _OUTSIDE = 0.5, 0.01
_AS_BRIGHT = 30.0  # levels by which places of the ring may be brighter or darker than the face's
_ENOUGH = 12  # squares of the ring: of so many those that are as bright as the face count alone
_MOST = 2.0  # times as much as is missing is drawn where a face is shown by half; not more where it is shown by less
_RANGE = (0.6, 1.5)  # of the strength in the shadows and highlights of one face
_SOME = 0.25  # levels: less of colour is not worth its time
#: Of Cr and Cb to B, G, R: what ``cv2.COLOR_YCrCb2BGR`` has.
_CR, _CB = (0.0, -0.714, 1.403), (1.773, -0.344, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Of one frame: its noise, what a face shows of noise, float32 ``(3,)`` of Y, Cr, Cb in levels, and what of it is new.

    ``by_level`` is how much stronger it is, in shares, for each level of brightness. ``change`` is None where that is not
    known.
    """

    wanted: Noise
    by_level: float
    shown: NDArray[np.float32]
    change: _Change | None


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """``share`` in 0..1: the deviation of the noise that is another one than in the frame before; and its likeness."""

    share: float
    likeness: NDArray[np.float32]


@dataclass(slots=True)
class _Track:
    """``before`` is the picture around the face in the last frame, and where it lay."""

    index: int
    # What is new in the oldest of these is told by the frame before it.
    seen: deque[_Seen | None] = field(default_factory=lambda: deque(maxlen=MEMORY))
    before: _Around | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Around:
    """The picture around a face, B, G, R of ``box``, and corners of squares of it: of the ring, and of the face."""

    box: Box
    bgr: NDArray[Any]
    ring: NDArray[np.intp]
    face: NDArray[np.intp]


class Grain:
    """One per step. ``amount`` in 0..1 is how much of the frame's grain a face is brought to; 0 is nothing."""

    def __init__(self, amount: float) -> None:
        self._amount = amount
        self._patterns = [Pattern(number) for number in range(3)]
        self._tracks: dict[int, _Track] = {}

    def start(self) -> None:
        """A new segment."""
        self._tracks = {}

    def grained(self, frame: FrameView, face: Face, box: Box, bgr: NDArray[Any], share: NDArray[np.float32]) -> NDArray[Any]:
        """``bgr``, what is to be shown of ``box``, with the grain that the frame has around the face.

        ``bgr`` is ``(box.height, box.width, 3)``, uint8 or float32 in 0..1, ``share`` float32 in 0..1: how much of it is
        shown. ``frame`` still is as it was before. Equal frames and indices give equal grain.
        """
        most = float(share.max(initial=0))
        if not self._amount or not most:
            return bgr
        track = self._track(face.id, frame.index)
        around = _around(frame, face, box, bgr.dtype.type, share / np.float32(most))
        track.seen.append(_seen(frame, face, around, track.before, box, bgr, share))
        track.before = around
        lately = [seen for seen in track.seen if seen is not None]
        return self._with_grain(frame.index, box, bgr, lately, min(1 / most, _MOST)) if lately else bgr

    def _track(self, face_id: int, index: int) -> _Track:
        """What is known of this face; nothing where the frame before did not show it. Who is gone is forgotten."""
        self._tracks = {one: track for one, track in self._tracks.items() if index - 1 <= track.index <= index}
        track = self._tracks.get(face_id)
        if track is None or track.index != index - 1:
            track = self._tracks[face_id] = _Track(index)
        track.index = index
        return track

    def _with_grain(self, index: int, box: Box, bgr: NDArray[Any], lately: list[_Seen], gain: float) -> NDArray[Any]:
        wanted = np.mean([seen.wanted.sigmas for seen in lately], axis=0)
        shown = np.mean([seen.shown for seen in lately], axis=0)
        missing = np.square(self._amount * wanted) - np.square(np.maximum(shown, _CLEAN))
        luma, *colour = (gain * np.sqrt(np.maximum(missing, 0))).tolist()
        if luma < _SOME and max(colour) < _SOME:
            return bgr
        likeness = np.mean([seen.wanted.likeness for seen in lately], axis=0)
        changes = [seen.change for seen in lately if seen.change is not None]
        share = float(np.mean([change.share for change in changes])) if changes else 0.0
        alike = np.mean([change.likeness for change in changes], axis=0) if changes else likeness
        fields: list[NDArray[np.float32] | None] = [None] * 3
        for number, strength in enumerate((luma, *colour)):
            if strength >= _SOME:
                new = (float(alike[number]), strength * share)
                still = (float(likeness[number]), strength * (1 - share**2) ** 0.5)
                fields[number] = self._field(number, index, box, new, still)
        if fields[0] is not None:
            fields[0] *= _by_brightness(bgr, lately)
        return _added(bgr, fields)

    def _field(
        self, number: int, index: int, box: Box, new: tuple[float, float], still: tuple[float, float]
    ) -> NDArray[np.float32]:
        """Of one channel: a part that is new in each frame, and one that stands still; each by likeness and strength."""
        shape, (row, column) = (box.height, box.width), np.random.default_rng((number, index)).integers(1 << 16, size=2)
        fresh = self._patterns[number].of(new[0], shape, (box.y0 + int(row), box.x0 + int(column)))
        fixed = self._patterns[number].of(still[0], shape, (box.y0, box.x0))
        return np.asarray(cv2.addWeighted(fresh, new[1], fixed, still[1], 0), np.float32)


def _added(bgr: NDArray[Any], fields: list[NDArray[np.float32] | None]) -> NDArray[Any]:
    """With fields of Y, Cr and Cb in levels."""
    luma = np.zeros(bgr.shape[:2], np.float32) if fields[0] is None else fields[0]
    planes = [luma.copy() for _ in range(3)] if any(one is not None for one in fields[1:]) else [luma] * 3
    for made, parts in zip(fields[1:], (_CR, _CB), strict=True):
        for plane, part in zip(planes, parts, strict=True):
            if made is not None and part:
                cv2.scaleAdd(made, part, plane, dst=plane)
    grain = cv2.merge(planes)
    if bgr.dtype == np.uint8:
        return np.asarray(cv2.add(bgr, grain, dtype=cv2.CV_8U))
    return np.asarray(np.clip(bgr + grain * np.float32(1 / 255), 0, 1), np.float32)


def _by_brightness(bgr: NDArray[Any], lately: list[_Seen]) -> NDArray[np.float32] | np.float32:
    """Float32 ``(h, w)``: how much stronger the frame's grain is in a brightness than where it was measured."""
    slope = float(np.mean([seen.by_level for seen in lately]))
    if not slope:
        return np.float32(1)
    level = float(np.mean([seen.wanted.level for seen in lately]))
    grey = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.float32)
    strength = grey * np.float32(slope * (1 if bgr.dtype == np.uint8 else 255)) + np.float32(1 - slope * level)
    return np.asarray(np.clip(strength, *_RANGE), np.float32)


def _around(frame: FrameView, face: Face, box: Box, kind: type[Any], share: NDArray[np.float32]) -> _Around:
    """``share`` is that of the box, the largest being 1. Of the ring what other faces show is left out, once changed."""
    wide, high = (max(_NARROW, round(_RING * length)) for length in (box.width, box.height))
    whole = Box(box.x0 - wide, box.y0 - high, box.x1 + wide, box.y1 + high).clip(frame.width, frame.height)
    ring, inside = np.ones((whole.height, whole.width), bool), np.zeros((whole.height, whole.width), bool)
    part = (slice(box.y0 - whole.y0, box.y1 - whole.y0), slice(box.x0 - whole.x0, box.x1 - whole.x0))
    ring[part], inside[part] = share < _OUTSIDE, share > _INSIDE
    for other in frame.faces:
        if other.id != face.id and other.id in frame.edited:
            x0, y0, x1, y1 = (round(edge) for edge in other.box_xyxy)
            ring[max(0, y0 - whole.y0) : max(0, y1 - whole.y0), max(0, x0 - whole.x0) : max(0, x1 - whole.x0)] = False
    origin = (whole.y0, whole.x0)
    return _Around(whole, frame.bgr(whole, kind), places_of(ring, origin), places_of(inside, origin))


def _seen(
    frame: FrameView,
    face: Face,
    around: _Around,
    before: _Around | None,
    box: Box,
    bgr: NDArray[Any],
    share: NDArray[np.float32],
) -> _Seen | None:
    """None where there is too little of the picture to say anything."""
    if not len(around.face):
        return None
    offset = (box.y0 - around.box.y0, box.x0 - around.box.x0)
    old, new = squares(around.bgr, around.face), squares(bgr, around.face - offset)
    part = squares(share[..., None], around.face - offset)
    face_blocks = _luma_colour(old)
    shown = measured(face_blocks + part * (_luma_colour(new) - face_blocks))
    ring_blocks = _luma_colour(squares(around.bgr, around.ring))
    true = [ring_blocks] if frame.changed_by(face.id) else [ring_blocks, face_blocks]
    ring = measured(_as_bright(ring_blocks, face_blocks))
    own = measured(face_blocks) if len(true) > 1 or ring is None else None
    wanted = _weaker(ring, own)
    if shown is None or wanted is None:
        return None
    changes = [
        _change(blocks, places, around, before, float(wanted.sigmas[0]))
        for blocks, places in ((ring_blocks, around.ring), (face_blocks, around.face))
    ]
    known = [change for change in changes if change is not None]
    return _Seen(
        wanted, by_level(np.concatenate(true)), shown.sigmas, max(known, key=lambda change: change.share) if known else None
    )


def _weaker(ring: Noise | None, own: Noise | None) -> Noise | None:
    """Cloth and hair, and the features of a small face, are taken for more grain than there is, never for less."""
    if ring is None or own is None:
        return own if ring is None else ring
    return ring if ring.sigmas[0] <= own.sigmas[0] else own


def _as_bright(ring: NDArray[np.float32], face: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the squares of the ring those that are as bright as the face; all where they are few."""
    levels, faces = levels_of(ring), levels_of(face)
    as_bright = (levels > faces.min() - _AS_BRIGHT) & (levels < faces.max() + _AS_BRIGHT)
    return ring[as_bright] if as_bright.sum() >= _ENOUGH else ring


def _change(
    blocks: NDArray[np.float32], places: NDArray[np.intp], around: _Around, before: _Around | None, sigma: float
) -> _Change | None:
    """What is new since the frame before in squares at these places, where the deviation of the noise is ``sigma``."""
    if before is None or before.bgr.dtype != around.bgr.dtype:
        return None
    were = np.add(places, (around.box.y0 - before.box.y0, around.box.x0 - before.box.x0))
    there = (were >= 0).all(1) & (were + blocks.shape[1] <= before.bgr.shape[:2]).all(1)
    if not there.any():
        return None
    now = blocks[there]
    flat = flattest(now)
    off = fine_of(now[flat] - _luma_colour(squares(before.bgr, were[there][flat])))
    strength = float(np.median(sigmas_of(off)[:, 0])) / 2**0.5
    return _Change(min(1.0, strength / max(sigma, _CLEAN)), likeness_of(off))


def _luma_colour(blocks: NDArray[Any]) -> NDArray[np.float32]:
    """Squares of B, G, R as Y, Cr, Cb in levels."""
    scaled = blocks.astype(np.float32) if blocks.dtype == np.uint8 else blocks * np.float32(255)
    if not len(scaled):
        return scaled
    return np.asarray(
        cv2.cvtColor(scaled.reshape(-1, blocks.shape[2], 3), cv2.COLOR_BGR2YCrCb).reshape(scaled.shape), np.float32
    )
