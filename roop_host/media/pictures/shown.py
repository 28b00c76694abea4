"""Which pictures of a stream are shown when, where all that is given is the pictures and how long each stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from roop_host.media.info import Place, Reading

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Shown(Generic[_T]):
    """A picture that stands for ``lasts`` from ``at`` on, in seconds of the output; in the source, from ``source_at`` on."""

    at: Fraction
    lasts: Fraction
    source_at: Fraction
    picture: _T


def as_shown(pictures: Iterable[tuple[Fraction, _T]], reading: Reading) -> Iterator[Shown[_T]]:
    """The part that ``reading`` wants, at its rate, counted from the first that is used.

    ``pictures`` are (seconds that it stands, picture); the first of them stands from 0 on. A trim by time begins with the
    picture that stands there then: of an animation it may stand for long.
    """
    cut = _cut(pictures, reading)
    return cut if reading.rate is None else _resampled(cut, reading.rate)


def _cut(pictures: Iterable[tuple[Fraction, _T]], reading: Reading) -> Iterator[Shown[_T]]:
    begin: Fraction | None = None
    time = Fraction(0)
    for number, (lasts, picture) in enumerate(pictures):
        now, time = time, time + lasts
        if reading.end is not None and _reaches(reading.end, number, now):
            return
        if begin is None:
            if isinstance(reading.start, Fraction):
                if time <= reading.start:
                    continue
                now = max(now, reading.start)
            elif reading.start is not None and number < reading.start:
                continue
            begin = now
        end = min(time, reading.end) if isinstance(reading.end, Fraction) else time
        yield Shown(now - begin, end - now, now, picture)


def _reaches(place: Place, number: int, time: Fraction) -> bool:
    return number >= place if isinstance(place, int) else time >= place


def _resampled(pictures: Iterable[Shown[_T]], rate: Fraction) -> Iterator[Shown[_T]]:
    """At each tick of ``1 / rate`` the picture that stands there; a shorter one between two ticks is not shown."""
    tick = 0
    for item in pictures:
        while (at := Fraction(tick) / rate) < item.at + item.lasts:
            yield Shown(at, 1 / rate, item.source_at + at - item.at, item.picture)
            tick += 1
