"""When frames are shown, and which: times repaired, clips trimmed and brought to another rate, all in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Generic, TypeVar

from roop_host.media.info import Known, MediaInfo

T = TypeVar("T")
#: Matroska counts in milliseconds: a frame that is shown so little later was rounded.
_ROUNDED_S = Fraction(1, 1000)
#: A step back by more is a new clock and no disorder.
_NEW_CLOCK_S = 1
#: A gap by more is a broken time: filled up, or waited for, it would never end.
_LONGEST_GAP_S = 86400


@dataclass(slots=True)
class Shot(Generic[T]):
    """A picture as it comes: ``pts`` and ``duration`` in ticks of the source.

    ``number`` counts decoded frames from the clip's beginning, None where decoding began elsewhere. ``alone`` is one whose
    picture hangs on a neighbour that was not decoded.
    """

    pts: int
    duration: int
    what: T
    number: int | None = None
    alone: bool = False


@dataclass(slots=True)
class Placed(Generic[T]):
    """A picture and where it is shown: once, or as often as the rate asks, in ticks of ``MediaInfo.time_base``."""

    what: T
    pts: range | tuple[int, ...]
    duration: int


class LostPlace(Exception):
    """The frame to begin at was not found, or not with what it needs."""


class GapTooLong(ValueError):
    """Times jump by more than a day."""


class Clock:
    """Gives decoded pictures times that grow, whatever the file says. ``repaired`` counts those that are not the file's.

    A missing time is a step after the one before. One that does not grow lies a quarter of a step after the one before, so
    that those behind it keep theirs; where it falls back by more than a second, all that follows is moved.
    """

    def __init__(self, time_base: Fraction, step: int, start: int) -> None:
        self._time_base, self._step, self._start = time_base, max(1, step), start
        self._last: int | None = None
        self._reach: int | None = None
        self._shift = 0
        self.repaired = 0

    def miss(self, pts: int, *, sure: bool) -> None:
        """A picture of this time was left out: where the clock starts again, it is as if it had been there.

        Only a ``sure`` time is taken for such a start.
        """
        if self._last is None:
            return
        time, reach = pts + self._shift, self._farthest(self._last)
        if sure and (reach - time) * self._time_base > _NEW_CLOCK_S:
            self._shift = reach + self._step - pts
            self._reach = reach + self._step
        elif (time - reach) * self._time_base <= _NEW_CLOCK_S:
            self._reach = max(time, reach)

    def _farthest(self, last: int) -> int:
        return last if self._reach is None else max(last, self._reach)

    def after(self) -> int:
        """A step after the one before."""
        self._last = self._start if self._last is None else self._last + self._step
        return self._last

    def at(self, pts: int | None) -> int:
        """The time of the next picture. Raises ``GapTooLong``."""
        last = self._last
        if pts is None:
            self.repaired += 1
            return self.after()
        if last is None or pts + self._shift > last:
            time = pts + self._shift
            self.repaired += self._shift != 0
        else:
            self.repaired += 1
            if (last - pts - self._shift) * self._time_base > _NEW_CLOCK_S:
                time = self._farthest(last) + self._step
                self._shift = time - pts
            else:
                time = last + max(1, self._step // 4)
        if last is not None and (time - last) * self._time_base > _LONGEST_GAP_S:
            raise GapTooLong
        self._last = time
        return time


class Course(Generic[T]):
    """What is used of a clip, and when it is shown. One per pass; ``MediaInfo`` is as ``as_read`` gave it.

    ``origin`` is the moment of the source, in seconds, that is 0 in the output, right once the first frame came. A clip used
    from its beginning keeps its own times (0); a trimmed one is shown from 0 on. At another rate the first frame stands on
    the grid, and ``origin`` is not after the clip's beginning, so that no sound is shown before 0. ``end_s`` is where the
    last used frame ends in the source, known when all were taken.
    """

    def __init__(self, info: MediaInfo, time_base: Fraction, *, step: int = 1) -> None:
        self._info, self._reading, self._tick, self._step = info, info.reading, time_base, max(1, step)
        self.origin = Fraction(0)
        self.end_s = Fraction(0)

    @property
    def can_seek_start(self) -> bool:
        """Whether the first used frame can be told without those before it having been counted."""
        return isinstance(self._reading.start, Fraction) and not isinstance(self._reading.end, int)

    def can_go_on(self, known: Known) -> bool:
        """Whether ``known`` tells all that decoding from the beginning would."""
        counted = isinstance(self._reading.end, int)
        return known.steady and not (counted and (self._reading.rate or isinstance(self._reading.start, Fraction)))

    def from_beginning(self, shots: Iterable[Shot[T]]) -> Iterator[Placed[T]]:
        """All used frames, ``shots`` being all of the clip."""
        return self._place(self._until_end(self._lasting(self._from_start(shots, sought=False))), None)

    def from_start(self, shots: Iterable[Shot[T]]) -> Iterator[Placed[T]]:
        """All used frames, ``shots`` beginning before the first used one. Raises ``LostPlace`` if they don't."""
        return self._place(self._until_end(self._lasting(self._from_start(shots, sought=True))), None)

    def from_known(self, shots: Iterable[Shot[T]], known: Known) -> Iterator[Placed[T]]:
        """The used frames from ``known`` on. Raises ``LostPlace`` where ``shots`` do not lead there."""
        self.origin = known.origin
        return self._place(self._until_end(self._lasting(self._from_time(shots, known))), known)

    def start_s(self) -> Fraction:
        """The source's second of the first used frame or a little before, for ``can_seek_start``."""
        return self._info.begin_s + Fraction(self._reading.start or 0)

    def _from_start(self, shots: Iterable[Shot[T]], *, sought: bool) -> Iterator[Shot[T]]:
        start, led = self._reading.start, not sought
        begun = False
        for shot in shots:
            if not begun:
                early = self._early(shot, start)
                if early:
                    led = True
                    continue
                if not led or shot.alone:
                    raise LostPlace
                begun = True
            yield shot

    def _early(self, shot: Shot[T], start: Fraction | int | None) -> bool:
        if start is None:
            return False
        if isinstance(start, Fraction):
            return shot.pts * self._tick < self._info.begin_s + start - self._rounded
        return shot.number is not None and shot.number < start

    def _from_time(self, shots: Iterable[Shot[T]], known: Known) -> Iterator[Shot[T]]:
        """From the frame that ``known`` shows: the last that is not after it."""
        time = known.origin + known.pts * self._info.time_base
        late = self._rounded if self._reading.rate else 0
        held: Shot[T] | None = None
        after: list[Shot[T]] = []
        rest = iter(shots)
        for shot in rest:
            if shot.pts * self._tick > time + late:
                after = [shot]
                break
            held = shot
        if held is None or held.alone or not (self._reading.rate or held.pts * self._tick == time):
            raise LostPlace
        first = known.index + (self._reading.start if isinstance(self._reading.start, int) else 0)
        for number, shot in enumerate(chain([held], after, rest), first):
            shot.number = number
            yield shot

    def _lasting(self, shots: Iterable[Shot[T]]) -> Iterator[Shot[T]]:
        """Each with the time up to the next as its duration: what files say of reordered frames is that of decoding."""
        held: Shot[T] | None = None
        for shot in shots:
            if held is not None:
                held.duration = shot.pts - held.pts
                yield held
            held = shot
        if held is not None:
            held.duration = self._last_duration(held)
            yield held

    def _last_duration(self, shot: Shot[T]) -> int:
        """Of MP4 and MOV the track's end tells it; other files say it themselves."""
        info = self._info
        if not info.container.startswith("mov") or info.duration_s is None:
            return shot.duration
        left = round(Fraction(info.start_s + info.duration_s) / self._tick) - shot.pts
        torn = info.reading.salvage and left > 2 * self._step  # where it ends is where it breaks off then
        return left if left > 0 and not torn else self._step

    def _until_end(self, shots: Iterable[Shot[T]]) -> Iterator[Shot[T]]:
        end = self._reading.end
        for shot in shots:
            if isinstance(end, Fraction) and shot.pts * self._tick >= self._info.begin_s + end - self._rounded:
                return
            if isinstance(end, int) and shot.number is not None and shot.number >= end:
                return
            yield shot

    @property
    def _rounded(self) -> Fraction:
        return min(self._tick, _ROUNDED_S)

    def _place(self, shots: Iterable[Shot[T]], known: Known | None) -> Iterator[Placed[T]]:
        return self._resampled(shots, known) if self._reading.rate else self._kept(shots, known)

    def _kept(self, shots: Iterable[Shot[T]], known: Known | None) -> Iterator[Placed[T]]:
        first = round(self.origin / self._tick) if known is not None else None
        for shot in shots:
            if first is None:
                first = shot.pts if self._reading.start is not None else 0
                self.origin = first * self._tick
            self.end_s = (shot.pts + (shot.duration or self._step)) * self._tick
            yield Placed(shot.what, (shot.pts - first,), shot.duration)

    def _resampled(self, shots: Iterable[Shot[T]], known: Known | None) -> Iterator[Placed[T]]:
        """Output frame k is what the source shows at ``origin + k / rate``."""
        rate = self._reading.rate or Fraction(1)
        k = 0 if known is None else known.pts
        held: Shot[T] | None = None
        least = 1  # a clip is never shorter than one frame
        for shot in shots:
            if held is None:
                k = self._on_grid(shot.pts * self._tick, rate) if known is None else k
            else:
                past = max(k, self._first_at(shot.pts * self._tick, rate))
                if past > k:
                    yield Placed(held.what, range(k, past), 1)
                    k, least = past, 0
            held = shot
        if held is not None:
            past = max(k + least, self._first_at(self._end_of(held), rate))
            if past > k:
                yield Placed(held.what, range(k, past), 1)
            self.end_s = self.origin + past / rate

    def _end_of(self, shot: Shot[T]) -> Fraction:
        end = (shot.pts + (shot.duration or self._step)) * self._tick
        asked = self._reading.end
        return min(end, self._info.begin_s + asked) if isinstance(asked, Fraction) else end

    def _on_grid(self, time: Fraction, rate: Fraction) -> int:
        """Set ``origin`` and give the number of the first frame."""
        lead = Fraction(0) if self._reading.start is not None else max(Fraction(0), time - self._info.begin_s)
        k = -(-lead * rate // 1)
        self.origin = time - Fraction(k) / rate
        return int(k)

    def _first_at(self, time: Fraction, rate: Fraction) -> int:
        """The first output frame that is not before ``time``, as far as times of the source are exact."""
        return int(-(-(time - self._rounded - self.origin) * rate // 1))
