"""Which heads of a frame are to be covered: those that were found, and those that were lost nearby."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from roop_host import Face, FrameView

_Xyxy = tuple[float, float, float, float]
#: Of the face: a detector's box ends at the brow, and hair and crown are above it.
_CROWN = 0.2
#: A head that is not seen may have moved: so much wider a frame, as a share of the face.
_GROWTH = 0.02


@dataclass(frozen=True, slots=True)
class Head:
    """A face to cover. ``longest`` is its longer side, the largest around; ``away`` how many frames off it was seen."""

    box: _Xyxy
    longest: float
    away: int = 0
    face_id: int | None = None

    def widened(self, margin: float) -> _Xyxy:
        """Its box with ``margin`` on each side, more where it was not seen."""
        x0, y0, x1, y1 = self.box
        share = margin + self.away * _GROWTH
        dx, dy = share * (x1 - x0), share * (y1 - y0)
        return x0 - dx, y0 - dy, x1 + dx, y1 + dy


def heads_of(frames: Sequence[FrameView], at: int, hold: int, is_wanted: Callable[[Face], bool]) -> tuple[Head, ...]:
    """The heads to cover in ``frames[at]``. What was found up to ``hold`` frames before and after it counts, nothing else.

    So it is the same wherever a segment begins, and in a run that was interrupted.
    """
    now = frames[at].index
    around = [frame for frame in frames if 0 < abs(frame.index - now) <= hold]
    before = _nearest([frame for frame in reversed(around) if frame.index < now], now)
    after = _nearest([frame for frame in around if frame.index > now], now)
    longest: dict[int, float] = {}
    for frame in (frames[at], *around):
        for face in frame.faces:
            longest[face.id] = max(longest.get(face.id, 0.0), _longer(face.box_xyxy))
    here = {face.id for face in frames[at].faces}
    heads = [Head(with_crown(face), longest[face.id], 0, face.id) for face in frames[at].faces if is_wanted(face)]
    for track in sorted((before.keys() | after.keys()) - here):
        sightings = [found[track] for found in (before, after) if track in found]
        if any(is_wanted(face) for face, _ in sightings):
            heads += _held(sightings, longest[track])
    return tuple(heads)


def _nearest(frames: Sequence[FrameView], now: int) -> dict[int, tuple[Face, int]]:
    """Where each track was seen first in ``frames``, and how far that is away."""
    found: dict[int, tuple[Face, int]] = {}
    for frame in frames:
        for face in frame.faces:
            found.setdefault(face.id, (face, abs(frame.index - now)))
    return found


def _held(sightings: Sequence[tuple[Face, int]], longest: float) -> Iterator[Head]:
    """Between two sightings of one head it is on its way; else, or where they are far apart, it may be at each."""
    if len(sightings) == 2:
        (one, gone), (other, coming) = sightings
        if _apart(one.box_xyxy, other.box_xyxy) <= longest:
            box = _between(with_crown(one), with_crown(other), gone / (gone + coming))
            yield Head(box, longest, min(gone, coming))
            return
    for face, away in sightings:
        yield Head(with_crown(face), longest, away)


def with_crown(face: Face) -> _Xyxy:
    """The face's box and the head above it, which of somebody who lies is to the side."""
    x0, y0, x1, y1 = face.box_xyxy
    eyes, mouth = face.landmarks_5[:2].mean(0), face.landmarks_5[3:].mean(0)
    right, down = float(eyes[0] - mouth[0]), float(eyes[1] - mouth[1])
    length = math.hypot(right, down)
    if not length:
        return face.box_xyxy
    reach = _CROWN * _longer(face.box_xyxy) / length
    right, down = reach * right, reach * down
    return x0 + min(right, 0), y0 + min(down, 0), x1 + max(right, 0), y1 + max(down, 0)


def _longer(box: _Xyxy) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _apart(one: _Xyxy, other: _Xyxy) -> float:
    """How far the middles are apart, along the axis where it is more."""
    return max(abs(one[0] + one[2] - other[0] - other[2]), abs(one[1] + one[3] - other[1] - other[3])) / 2


def _between(one: _Xyxy, other: _Xyxy, share: float) -> _Xyxy:
    x0, y0, x1, y1 = ((1 - share) * a + share * b for a, b in zip(one, other, strict=True))
    return x0, y0, x1, y1
