"""What the writers of animations share: pictures with their times, and what changed from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from roop_host.types.geometry import Box

Picture = NDArray[np.uint8]
#: Gives (pts, duration, R, G, B or R, G, B, A as uint8 ``(H, W, 3 or 4)``), in order.
Frames = Callable[[], Iterator[tuple[int, int, Picture]]]


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture that stands up to ``end`` seconds after the animation's beginning."""

    end: Fraction
    lasts: Fraction
    picture: Picture


def moments(frames: Frames, time_base: Fraction, longest: int) -> Iterator[Moment]:
    """Each picture stands until the next, the last for its own duration; the first begins at 0.

    One that stands for more than ``longest`` seconds comes again after these, as often as it must.
    """
    begin = Fraction(0)
    for whole in _moments(frames, time_base):
        while whole.end - begin > longest:
            begin += longest
            yield Moment(begin, Fraction(longest), whole.picture)
        yield Moment(whole.end, whole.end - begin, whole.picture)
        begin = whole.end


def _moments(frames: Frames, time_base: Fraction) -> Iterator[Moment]:
    waiting: tuple[int, int, Picture] | None = None
    begin = 0
    for pts, duration, picture in frames():
        if waiting is None:
            begin = pts
        else:
            yield Moment((pts - begin) * time_base, (pts - waiting[0]) * time_base, waiting[2])
        waiting = (pts, duration, picture)
    if waiting is not None:
        lasts = max(1, waiting[1]) * time_base
        yield Moment((waiting[0] - begin) * time_base + lasts, lasts, waiting[2])


class Ticks:
    """Delays in whole units: of the running sum, so that what rounding takes from one the next gets back."""

    def __init__(self, unit: Fraction) -> None:
        self._unit, self._shown = unit, 0

    def until(self, end: Fraction, least: int) -> int:
        """Units from where the last delay ended to ``end``, never below ``least``."""
        units = max(least, round(end / self._unit) - self._shown)
        self._shown += units
        return units


def spread(ends: Sequence[int], leasts: Sequence[int]) -> list[int]:
    """Delays of all pictures, none below its own least, that end at ``ends`` or, where there is no room, as near as may be.

    All are in units, and ends rise. Where pictures follow one another faster than a format can say, those before them are
    cut short, so that the end stays; only where all together need more, the end moves.
    """
    latest = list(ends)
    for at in range(len(latest) - 2, -1, -1):
        latest[at] = min(latest[at], latest[at + 1] - leasts[at + 1])
    delays, now = [], 0
    for end, least in zip(latest, leasts, strict=True):
        delays.append(max(end - now, least))
        now += delays[-1]
    return delays


def changed(before: Picture, after: Picture) -> Box:
    """The smallest box that holds every difference of two arrays of equal shape; one pixel where there is none."""
    differs = before != after
    if differs.ndim == 3:
        differs = differs.any(axis=2)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return Box(0, 0, 1, 1)
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def part(picture: Picture, box: Box) -> Picture:
    """A contiguous copy of what lies in the box."""
    return np.ascontiguousarray(picture[box.y0 : box.y1, box.x0 : box.x1])
