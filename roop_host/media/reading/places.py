"""Where in a clip a frame lies, read from its packets and without decoding: so that one frame is reached at once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import av

from roop_host.media.info import Known, MediaInfo
from roop_host.media.reading.clips import video_of
from roop_host.media.reading.probe import open_clip

#: Packets stand at most so far from where they are shown: the largest buffer of reordered pictures is 16 (H.264, HEVC).
_REORDERED = 32
#: Of what these hold, one packet is one shown picture. Others have packets that show nothing.
_ONE_EACH = frozenset("h264 hevc mpeg4 mpeg2video mjpeg prores vp9 av1 libdav1d libaom-av1 ffv1".split())  # noqa: SIM905
#: As ``Course`` has it: Matroska counts in milliseconds.
_ROUNDED_S = Fraction(1, 1000)


def known_at(info: MediaInfo, index: int) -> Known | None:
    """Used frame ``index``, or the last one where the clip ends before, as a place to begin reading at.

    None where packets don't tell: of a clip that is brought to another rate, that is damaged, or whose pictures have no
    times of their own; and for the first frame, which needs no seeking. ``info`` is as ``as_read`` gave it.
    """
    if not _tells(info):
        return None
    start, end = info.reading.start, info.reading.end
    most = index + _REORDERED + (start if isinstance(start, int) else 0)
    after = _ticks(start, info) if isinstance(start, Fraction) else None
    found = _times(info, most=most, after=after)
    if found is None:
        return None
    ticks, whole = found
    first = _number(start, info, ticks) or 0
    last = len(ticks) - (1 if whole else _REORDERED)
    ends = _number(end, info, ticks)
    place = min(first + index, last if ends is None else min(last, ends - 1))
    if place <= first:
        return None
    base = ticks[first] if start is not None else 0
    return Known(place - first, ticks[place] - base, base * info.time_base)


def shown_at(info: MediaInfo, seconds: Fraction) -> int | None:
    """The number among the used frames of the one that is shown so many seconds after the clip's beginning.

    It is below 0 for a moment before the first used frame, and may be beyond the last. None as in ``known_at``.
    """
    if not _tells(info):
        return None
    until = (info.begin_s + seconds) / info.time_base
    found = _times(info, until=until)
    if found is None:
        return None
    ticks, whole = found
    number = bisect_right(ticks, until) - 1
    step = 1 / (info.average_rate or Fraction(1)) / info.time_base
    if whole and until >= ticks[-1] + step:
        number += 1
    return number - (_number(info.reading.start, info, ticks) or 0)


def first_used(info: MediaInfo) -> int | None:
    """The number that the first used frame has in the whole clip. None as in ``known_at``."""
    start = info.reading.start
    if not isinstance(start, Fraction):
        return start or 0
    found = _times(info, until=_ticks(start, info) + 1) if _tells(info) else None
    return None if found is None else bisect_left(found[0], _ticks(start, info))


def _tells(info: MediaInfo) -> bool:
    return info.kind == "video" and info.codec in _ONE_EACH and info.container != "avi" and info.reading.rate is None


def _ticks(place: Fraction, info: MediaInfo) -> Fraction:
    """The earliest moment that counts as so many seconds after the clip's beginning."""
    return (info.begin_s + place - min(info.time_base, _ROUNDED_S)) / info.time_base


def _number(place: Fraction | int | None, info: MediaInfo, ticks: Sequence[int]) -> int | None:
    """The number of the first picture that is not before ``place``."""
    return bisect_left(ticks, _ticks(place, info)) if isinstance(place, Fraction) else place


def _times(
    info: MediaInfo, *, most: int | None = None, after: Fraction | None = None, until: Fraction | None = None
) -> tuple[list[int], bool] | None:
    """When pictures are shown, in ticks and in order, and whether these are all.

    At least ``most`` that are not before ``after``, or all that are not after ``until``, and some more.
    """
    ticks: list[int] = []
    counted, whole = 0, True
    try:
        with open_clip(info.path) as container:
            for packet in container.demux(video_of(container)):
                if packet.dts is None and not packet.size:
                    continue
                if packet.pts is None or packet.is_corrupt or packet.is_discard or not (ticks or packet.is_keyframe):
                    return None
                ticks.append(packet.pts)
                counted += after is None or packet.pts >= after
                far = until is not None and packet.dts is not None and packet.dts > until
                if far or (most is not None and counted > most):
                    whole = False
                    break
    except (av.FFmpegError, ValueError):
        return None
    ordered = sorted(ticks)
    even = all(one < other for one, other in pairwise(ordered))
    # What is shown before the first keyframe hangs on pictures that are not there.
    return (ordered, whole) if ordered and even and ordered[0] == ticks[0] else None
