"""The frame's own grain on a restored face.

The frame's noise is measured in flat places around the face, and on the face itself unless another step has drawn that,
and so is what will be seen of noise there without more; the rest is added, as strong in each brightness, as coarse, and as
lively as the frame's own: of what is new in each frame what the face shows already is taken off.
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
from roop_enhancer.tracks import Tracks
from roop_host import Box, Face, FrameView

#: Frames before this one by which the frame's grain is judged, in the picture as it is without this step. Of what the step
#: shows, this frame counts and the last.
MEMORY = 4
#: Of the box's sides: how wide the ring is in which the frame's own grain is looked for, and its least width in pixels.
_RING, _NARROW = 0.4, 24
#: Levels: so much is in a picture without grain, by rounding and by what a codec left.
_CLEAN = 0.4
_COARSEST = 5.0  # levels of luma: what seems more is mostly paint, cloth or print, and would hide the face
#: Of the largest share: from the first on a pixel is the face's; below the second it is the ring's.
_INSIDE, _OUTSIDE = 0.5, 0.01
_AS_BRIGHT = 30.0  # levels by which places of the ring may be brighter or darker than the face's
_ENOUGH = 12  # squares of the ring: of so many those that are as bright as the face count alone
_MOST = 2.0  # times as much as is missing is drawn where a face is shown by half; not more where it is shown by less
_RANGE = (0.7, 1.3)  # of the strength in the shadows and highlights of one face
_SOME = 0.25  # levels: less of colour is not worth its time
#: Of Cr and Cb to B, G, R: what ``cv2.COLOR_YCrCb2BGR`` has.
_CR, _CB = (0.0, -0.714, 1.403), (1.773, -0.344, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Of one frame: its noise, and what of it is new.

    ``by_level`` is how much stronger it is, in shares, for each level of brightness. ``change`` is None where that is not
    known.
    """

    wanted: Noise
    by_level: float
    change: _Change | None


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What a face shows before its grain is added: squares of Y, Cr, Cb in levels, and their corners in the picture."""

    corners: NDArray[np.intp]
    blocks: NDArray[np.float32]

    def sigmas(self) -> NDArray[np.float32] | None:
        """Float32 ``(3,)``: its noise."""
        noise = measured(self.blocks)
        return None if noise is None else noise.sigmas

    def new_since(self, before: _Shown | None) -> NDArray[np.float32]:
        """Float32 ``(3,)``: of that what is another one than in the frame before; 0 where that is not known."""
        if before is None:
            return np.zeros(3, np.float32)
        # Squares lie on one grid of the picture, so that most of them are those of the frame before.
        here, there = np.nonzero((self.corners[:, None] == before.corners).all(2))
        if not len(here):
            return np.zeros(3, np.float32)
        now = self.blocks[here]
        flat = flattest(now)
        return _strengths(fine_of(now[flat] - before.blocks[there[flat]]))


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """``share`` in 0..1: the deviation of the noise that is another one than in the frame before; and its likeness."""

    share: float
    likeness: NDArray[np.float32]


@dataclass(slots=True)
class _Track:
    """``before`` is the picture around the face in the last frame, and where it lay; ``shown`` what the face then was."""

    # What is new in the oldest of these is told by the frame before it.
    seen: deque[_Seen | None] = field(default_factory=lambda: deque(maxlen=MEMORY))
    before: _Around | None = None
    shown: _Shown | None = None


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
        self._tracks = Tracks(_Track)

    def start(self) -> None:
        """A new segment."""
        self._tracks.start()

    def grained(self, frame: FrameView, face: Face, box: Box, bgr: NDArray[Any], share: NDArray[np.float32]) -> NDArray[Any]:
        """``bgr``, what is to be shown of ``box``, with the grain that the frame has around the face.

        ``bgr`` is ``(box.height, box.width, 3)``, uint8 or float32 in 0..1, ``share`` float32 in 0..1: how much of it is
        shown. ``frame`` still is as it was before. Equal frames and indices give equal grain.
        """
        most = float(share.max(initial=0))
        if not self._amount or not most:
            return bgr
        track = self._tracks.of(face.id, frame.index)
        around = _around(frame, face, box, bgr.dtype.type, share / np.float32(most))
        face_blocks = _luma_colour(squares(around.bgr, around.face))
        track.seen.append(_seen(frame, face, around, track.before, face_blocks))
        shown = _shown(face_blocks, around, box, bgr, share)
        sigmas, new = shown.sigmas(), shown.new_since(track.shown)
        track.before, track.shown = around, shown
        lately = [seen for seen in track.seen if seen is not None]
        if sigmas is None or not lately:
            return bgr
        return self._with_grain(frame.index, box, bgr, lately, (sigmas, new), min(1 / most, _MOST))

    def _with_grain(
        self,
        index: int,
        box: Box,
        bgr: NDArray[Any],
        lately: list[_Seen],
        shown: tuple[NDArray[np.float32], NDArray[np.float32]],
        gain: float,
    ) -> NDArray[Any]:
        """``shown`` is the noise that is there, and what of it is new."""
        wanted = np.mean([seen.wanted.sigmas for seen in lately], axis=0)
        wanted *= self._amount * min(1.0, _COARSEST / max(float(wanted[0]), _CLEAN))
        missing = np.maximum(np.square(wanted) - np.square(np.maximum(shown[0], _CLEAN)), 0)
        likeness = np.mean([seen.wanted.likeness for seen in lately], axis=0)
        changes = [seen.change for seen in lately if seen.change is not None]
        share = float(np.mean([change.share for change in changes])) if changes else 0.0
        alike = np.mean([change.likeness for change in changes], axis=0) if changes else likeness
        new = np.clip(np.square(share * wanted) - np.square(shown[1]), 0, missing)
        fields: list[NDArray[np.float32] | None] = [None] * 3
        for number in np.flatnonzero(gain * np.sqrt(missing) >= _SOME).tolist():
            fresh = (float(alike[number]), gain * float(new[number]) ** 0.5)
            still = (float(likeness[number]), gain * float(missing[number] - new[number]) ** 0.5)
            fields[number] = self._field(number, index, box, fresh, still)
        if all(made is None for made in fields):
            return bgr
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
    frame: FrameView, face: Face, around: _Around, before: _Around | None, face_blocks: NDArray[np.float32]
) -> _Seen | None:
    """None where there is too little of the picture to say anything."""
    if not len(around.face):
        return None
    ring_blocks = _luma_colour(squares(around.bgr, around.ring))
    drawn = bool(frame.changed_by(face.id))
    true = [ring_blocks] if drawn else [ring_blocks, face_blocks]
    ring = measured(_as_bright(ring_blocks, face_blocks))
    own = measured(face_blocks) if not drawn or ring is None else None
    wanted = _weaker(ring, own)
    if wanted is None:
        return None
    # A face that stands still before what moves has grain that stands still as well; of one that was drawn nothing is known.
    looked_at = [(face_blocks, around.face), (ring_blocks, around.ring)]
    changes = (
        _change(blocks, places, around, before, float(wanted.sigmas[0]))
        for blocks, places in (reversed(looked_at) if drawn else looked_at)
    )
    return _Seen(wanted, by_level(np.concatenate(true)), next((change for change in changes if change is not None), None))


def _shown(
    face_blocks: NDArray[np.float32], around: _Around, box: Box, bgr: NDArray[Any], share: NDArray[np.float32]
) -> _Shown:
    """``face_blocks`` as they were, with that share of what is to be shown."""
    places = around.face - (box.y0 - around.box.y0, box.x0 - around.box.x0)
    part = squares(share[..., None], places)
    mixed = face_blocks + part * (_luma_colour(squares(bgr, places)) - face_blocks)
    return _Shown(np.add(around.face, (around.box.y0, around.box.x0)), mixed)


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
    return _Change(min(1.0, float(_strengths(off)[0]) / max(sigma, _CLEAN)), likeness_of(off))


def _strengths(off: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 ``(c,)``: the deviation of noise of which these are differences of two frames, ``(n, h, w, c)``."""
    return np.asarray(np.median(sigmas_of(off), axis=0) / 2**0.5, np.float32)


def _luma_colour(blocks: NDArray[Any]) -> NDArray[np.float32]:
    """Squares of B, G, R as Y, Cr, Cb in levels."""
    scaled = blocks.astype(np.float32) if blocks.dtype == np.uint8 else blocks * np.float32(255)
    if not len(scaled):
        return scaled
    return np.asarray(
        cv2.cvtColor(scaled.reshape(-1, blocks.shape[2], 3), cv2.COLOR_BGR2YCrCb).reshape(scaled.shape), np.float32
    )
