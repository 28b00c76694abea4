"""Times of the tracks beside the video, put right as the video's own are, so that they stay together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from roop_host.errors import InputError
from roop_host.media.info import MediaInfo
from roop_host.media.reading.clips import video_of
from roop_host.media.reading.probe import open_clip
from roop_host.media.writing.span import Span
from roop_host.media.writing.tracks import TrackPlan, TrackWay

# As the video's clock has it (``reading.course``): a step back by more is a new clock and no disorder.
_NEW_CLOCK_S = 1
# Nobody keeps so much silence after the last picture only to be heard again.
_LATE_S = 60
# Containers round, and what two packets share may be as much; a packet that lies farther back was never meant to follow.
_ROUNDED_S = Fraction(1, 50)
_UNKNOWN_RATE = Fraction(30)


@dataclass(slots=True)
class _Course:
    """How far one track has come: ``told`` is the file's word, ``last`` what it was made; ``shift`` is between them."""

    way: TrackWay
    told: Fraction | None = None
    last: Fraction | None = None
    restarts: int = 0
    shift: Fraction = Fraction(0)
    late: int = 0
    behind: int = 0


@dataclass(frozen=True, slots=True)
class _Restarts:
    """What is added to the file's times from each start of the video's clock on, the first being 0, and the byte of each."""

    shifts: tuple[Fraction, ...]
    places: tuple[int, ...]


class Clocks:
    """Puts the times of a target's packets right: one object for one pass over them.

    An MPEG-TS may start its clock again at any packet, and then does so in all tracks: sound is moved by what the video is
    moved by. What lies far behind the end of all else, or behind what came before it, is left out. ``notices`` say so, once
    the pass is over.
    """

    def __init__(self, info: MediaInfo, plan: TrackPlan, span: Span) -> None:
        self._info, self._trimmed = info, span.end is not None
        own_end = Fraction(info.start_s + info.duration_s) if info.duration_s is not None else Fraction(0)
        self._end = max(span.over + span.offset, own_end)
        self._courses = {way.track.index: _Course(way) for way in plan.ways if way.how != "attach"}
        self._restarts = self._look() if self._broadcast and self._courses else None

    @property
    def _broadcast(self) -> bool:
        return "mpegts" in self._info.container

    @property
    def notices(self) -> tuple[str, ...]:
        """What was left out, a sentence for each track and reason."""
        said = []
        for course in self._courses.values():
            label = course.way.track.label
            if course.late and not self._trimmed:
                said.append(f"{label}: what lies far behind the clip's end is left out ({course.late} of its packets)")
            if course.behind:
                said.append(f"{label}: what lies behind in time is left out ({course.behind} of its packets)")
        return tuple(said)

    def straight(self, packets: Iterable[Any]) -> Iterator[Any]:
        """Those packets that have a place, with the times of it. Raises ``InputError`` where a clock can't be followed."""
        for packet in packets:
            if not packet.size or self._has_place(packet):
                yield packet

    def _has_place(self, packet: Any) -> bool:
        course = self._courses[packet.stream.index]
        told = packet.pts if packet.pts is not None else packet.dts
        if told is None:
            return True
        unit, told = packet.time_base, told * packet.time_base
        sound = course.way.track.kind == "audio"
        if sound:
            self._follow(course, told)
        elif self._restarts is not None and packet.pos is not None:  # too far apart to tell by their own times
            course.shift = self._restarts.shifts[bisect_right(self._restarts.places, packet.pos) - 1]
        time = told + course.shift
        if time > self._end + _LATE_S and (course.last is None or time - course.last > _LATE_S):
            course.late += 1
            return False
        course.told = told
        if sound and course.way.how == "copy" and course.last is not None and time < course.last - _ROUNDED_S:
            course.behind += 1
            return False
        if sound:
            self._end = max(self._end, time)
        course.last = time if course.last is None else max(course.last, time)
        if course.shift:
            move = round(course.shift / unit)
            packet.pts = packet.pts + move if packet.pts is not None else None
            packet.dts = packet.dts + move if packet.dts is not None else None
        return True

    def _follow(self, course: _Course, told: Fraction) -> None:
        """Set the shift of a sound track whose clock starts again at this packet."""
        if course.told is None or course.told - told <= _NEW_CLOCK_S:
            return
        course.restarts += 1
        if self._restarts is None or course.restarts >= len(self._restarts.shifts):
            raise InputError(
                f"the times of {course.way.track.label} in {self._info.path} fall back from {float(course.told):.2f} s to "
                f"{float(told):.2f} s; repair the file first, or leave its sound out with --skip-audio"
            )
        course.shift = self._restarts.shifts[course.restarts]

    def _look(self) -> _Restarts:
        """Read all packets of video and sound for where their clocks start again. Raises ``InputError``."""
        sounds = {index for index, course in self._courses.items() if course.way.track.kind == "audio"}
        counts = dict.fromkeys(sounds, 0)
        told: dict[int, Fraction] = {}
        with open_clip(self._info.path) as source:
            video = video_of(source)
            if video is None:
                raise InputError(f"{self._info.path} has changed and holds no video any more; run again")
            parts = _Parts()
            for packet in source.demux(tuple(source.streams[index] for index in {video.index, *sounds})):
                index, ticks = packet.stream.index, packet.dts if packet.dts is not None else packet.pts
                if not packet.size or ticks is None:
                    continue
                if index == video.index:
                    parts.take(packet, ticks)
                    continue
                time = ticks * packet.time_base
                counts[index] += index in told and told[index] - time > _NEW_CLOCK_S
                told[index] = time
            found = parts.restarts(video)
        for index, count in counts.items():
            if count != len(found.shifts) - 1:
                label = self._courses[index].way.track.label
                raise InputError(
                    f"the clock of {label} in {self._info.path} starts again {count} times and the video's "
                    f"{len(found.shifts) - 1} times, so they can't be kept together; "
                    "remux the file first, or leave its sound out with --skip-audio"
                )
        return found


class _Parts:
    """Stretches of the video in which decoding times grow, as [first pts, last pts, the byte it begins at]."""

    def __init__(self) -> None:
        self._parts: list[list[int]] = []
        self._before: int | None = None

    def take(self, packet: Any, ticks: int) -> None:
        pts = ticks if packet.pts is None else packet.pts
        if self._before is None or ticks < self._before:
            self._parts.append([pts, pts, packet.pos or 0])
        part = self._parts[-1]
        part[0], part[1] = min(part[0], pts), max(part[1], pts)
        self._before = ticks

    def restarts(self, video: Any) -> _Restarts:
        """By the rule of ``reading.course.Clock``: the first picture after a restart lies one step behind the last one."""
        unit = video.time_base
        step = max(1, round(1 / (Fraction(video.average_rate or video.base_rate or _UNKNOWN_RATE) * unit)))
        shift, shifts, places = 0, [Fraction(0)], [0]
        for before, after in pairwise(self._parts):
            if (before[1] - after[0]) * unit > _NEW_CLOCK_S:
                shift += before[1] + step - after[0]
                shifts.append(shift * unit)
                places.append(after[2])
            else:
                after[1] = max(before[1], after[1])
        return _Restarts(tuple(shifts), tuple(places))
