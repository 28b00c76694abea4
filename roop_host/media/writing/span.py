"""Which part of the source's time the output shows, and where in the output a moment of the source lies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from roop_host.media.info import MediaInfo
from roop_host.media.kinds import suffix_of
from roop_host.media.segments import SegmentPackets, shown_ends
from roop_host.media.writing.encode import EncoderPlan

# Tracks of a file that plays are no further apart than this in it.
_INTERLEAVED_S = 10
# Drop-frame timecode leaves out two numbers a minute for every 30 a second, but for each tenth minute (SMPTE ST 12-1).
_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d{2,3})")
_DROPPING = (Fraction(30000, 1001), Fraction(60000, 1001))


@dataclass(frozen=True, slots=True)
class Span:
    """``offset`` is what source second is 0 in the output; ``begin`` and ``end`` are where tracks are cut (None: nowhere).

    All but ``offset`` count in output seconds.

    ``video_shift`` is what the frames' own times are moved by, in seconds, a whole number of the plan's ticks;
    ``first`` and ``over`` are when the first frame is shown and the last one ends, in output seconds.
    """

    offset: Fraction
    begin: Fraction | None
    end: Fraction | None
    video_shift: Fraction
    first: Fraction
    over: Fraction

    def used(self, packets: Iterable[Any]) -> Iterator[Any]:
        """Packets of several tracks of the source up to where every sound track among them is well past ``end``."""
        sounds: dict[int, bool] = {}
        for packet in packets:
            yield packet
            if self.end is not None and packet.pts is not None and packet.stream.type == "audio":
                sounds[packet.stream.index] = packet.pts * packet.time_base - self.offset > self.end + _INTERLEAVED_S
                if all(sounds.values()):
                    return


def span_of(plan: EncoderPlan, info: MediaInfo, first: SegmentPackets, last: SegmentPackets, output: Path) -> Span:
    """The span of a finished run, by the first and the last of its segments that show a frame."""
    tick = plan.time_base
    start, over = first.frame_pts[0] * tick, _end(plan, last) * tick
    shift = Fraction(0)
    if "mpegts" in info.container and not first.origin and info.reading.start is None:
        shift = -round(info.begin_s / tick) * tick  # broadcast clocks start anywhere
    suffix = suffix_of(output)
    if suffix is not None and suffix.matroska and start + shift < 0:
        shift = -start  # Matroska has no time before 0
    cut_end = info.reading.end is not None or info.reading.salvage
    return Span(
        offset=first.origin - shift,
        begin=start + shift if info.reading.start is not None else None,
        end=over + shift if cut_end else None,
        video_shift=shift,
        first=start + shift,
        over=over + shift,
    )


def span_of_paths(plan: EncoderPlan, info: MediaInfo, segments: Sequence[Path], output: Path) -> Span:
    """``span_of`` for stored segments. Raises ``OutputError`` for damaged ones."""
    return span_of(plan, info, *shown_ends(segments), output)


def _end(plan: EncoderPlan, segment: SegmentPackets) -> int:
    return segment.frame_pts[-1] + (segment.durations[-1] or plan.step)


def moved_chapters(chapters: Sequence[Any], span: Span) -> list[Any]:
    """Chapters of the used part, with their titles and nothing else: other tags may tell places."""
    moved = []
    for chapter in chapters:
        unit = Fraction(chapter["time_base"])
        start, end = (chapter[key] * unit - span.offset for key in ("start", "end"))
        start = max(start, span.begin if span.begin is not None else Fraction(0))
        end = end if span.end is None else min(end, span.end)
        if start < end:
            metadata = {key: value for key, value in chapter["metadata"].items() if key.lower() == "title"}
            times = {"start": round(start / unit), "end": round(end / unit)}
            moved.append({**chapter, **times, "metadata": metadata})
    return moved


def later_timecode(text: str, seconds: Fraction, source: Fraction, rate: Fraction) -> str | None:
    """Timecode ``text`` (hh:mm:ss:ff, or ;ff with dropped numbers) ``seconds`` later, or None if it is none.

    ``text`` counts frames at the rate ``source``. The result counts at ``rate``: the same second, and as far into it. Only
    at 30000/1001 and 60000/1001 numbers can be dropped: else they are all counted from there on.
    """
    found = _TIMECODE.fullmatch(text.strip())
    if found is None or source <= 0 or rate <= 0:
        return None
    hours, minutes, seconds_said, mark, number = found.groups()
    count = max(1, round(source))
    dropped = 0 if mark == ":" else max(1, count // 30) * 2
    passed = int(hours) * 60 + int(minutes)
    total = (passed * 60 + int(seconds_said)) * count + int(number) - dropped * (passed - passed // 10)
    total += round(seconds * source)
    if dropped:
        tens, rest = divmod(total, 600 * count - 9 * dropped)
        total += 9 * dropped * tens + dropped * max(0, (rest - dropped) // (60 * count - dropped))
    total %= 24 * 3600 * count
    passed, number_there = divmod(total, count)
    shown = number_there * max(1, round(rate)) // count
    if source != rate and rate not in _DROPPING:
        mark = ":"
    return f"{passed // 3600:02}:{passed // 60 % 60:02}:{passed % 60:02}{mark}{shown:02}"
