"""The last look at a finished video: does it hold what it must, when it must? Packets are read, nothing is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from roop_host.errors import InputError, OutputError
from roop_host.media.info import MediaInfo
from roop_host.media.reading.probe import open_clip
from roop_host.media.segments import shown_ends, shown_segments
from roop_host.media.writing.clocks import Clocks
from roop_host.media.writing.encode import EncoderPlan
from roop_host.media.writing.span import Span, span_of
from roop_host.media.writing.tracks import TrackPlan, TrackWay

_ROUNDING_S = Fraction(1, 500)  # Matroska counts in milliseconds, and so may the source
# A copied packet's length may be told anew by the container; an encoder fills its last packet up.
_LENGTH_S = Fraction(1, 20)
# Of copied packets, those that only run a decoder in may fall away.
_FEWER = 2
# What containers cut and join anew: PCM is a stream of samples, E-AC-3 comes in parts of a frame.
_RECUT = ("pcm_", "eac3")
_AGAIN = "nothing was kept, run again"


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound track: heard from ``start`` to ``end`` (output seconds), each up to ``slack`` off.

    ``packets`` and their mean time ``middle`` are of a copied track whose packets stay what they are, else 0; one that is
    encoded anew is ``whole``: it has no gaps.
    """

    label: str
    start: Fraction
    end: Fraction
    slack: Fraction = _ROUNDING_S
    packets: int = 0
    middle: Fraction = Fraction(0)
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What a finished video must hold. Times are output seconds; ``over`` is when the last frame ends."""

    frames: int
    first: Fraction
    last: Fraction
    over: Fraction
    sounds: tuple[Sound, ...] = ()
    subtitles: int = 0


@dataclass(slots=True)
class _Seen:
    """What one track's packets say, in seconds; ``longest`` is one packet's greatest length.

    ``first`` is when the track is first seen or heard: what only runs a decoder in (of ``rate`` samples a second) is not.
    """

    rate: int = 0
    count: int = 0
    first: Fraction | None = None
    last: Fraction = Fraction(0)
    over: Fraction = Fraction(0)
    longest: Fraction = Fraction(0)
    times: Fraction = Fraction(0)
    length: Fraction = Fraction(0)

    @property
    def middle(self) -> Fraction:
        return self.times / max(1, self.count)

    def take(self, packet: Any) -> None:
        told = packet.pts if packet.pts is not None else packet.dts
        time = told * packet.time_base if told is not None else self.over
        length = Fraction(packet.duration or 0) * packet.time_base
        run_in = self._run_in(packet)
        if packet.is_discard and not run_in:
            return
        if self.first is None or (not self.rate and time < self.first):
            self.first = time + run_in
        self.last = time if not self.count else max(self.last, time)
        self.over = time + length if not self.count else max(self.over, time + length)
        self.longest = max(self.longest, length)
        self.times += time
        self.length += length
        self.count += 1

    def _run_in(self, packet: Any) -> Fraction:
        if self.count or not self.rate or not packet.has_sidedata("skip_samples"):
            return Fraction(0)
        return Fraction(int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little"), self.rate)


def expected_of(plan: EncoderPlan, info: MediaInfo, tracks: TrackPlan, segments: Sequence[Path], output: Path) -> Expected:
    """What ``mux`` must make of the same: told from the segments and the source's packets, not from what it did."""
    frames = sum(len(segment.frame_pts) for _, segment in shown_segments(segments))
    first, last = shown_ends(segments)
    span = span_of(plan, info, first, last, output)
    shown = last.frame_pts[-1] * plan.time_base + span.video_shift
    heard = _expected_sounds(info, tracks, span)
    return Expected(frames, span.first, shown, span.over, heard, len(tracks.of_kind("subtitle")))


def _expected_sounds(info: MediaInfo, tracks: TrackPlan, span: Span) -> tuple[Sound, ...]:
    ways = {way.track.index: way for way in tracks.of_kind("audio")}
    if not ways:
        return ()
    seen: dict[int, _Seen] = {}
    try:
        with open_clip(info.path) as source:
            streams: Any = tuple(source.streams[index] for index in ways)
            seen = {stream.index: _Seen(_rate(stream)) for stream in streams}
            clocks = Clocks(info, tracks, span)
            for packet in span.used(clocks.straight(source.demux(streams))):
                if packet.size and _used(packet, ways[packet.stream.index], span):
                    seen[packet.stream.index].take(packet)
    except av.FFmpegError as error:
        if not info.reading.salvage:
            raise InputError(f"the sound of {info.path} can't be read to its end ({error}); add --salvage") from error
    return tuple(_sound(way, seen[index], span) for index, way in ways.items() if index in seen and seen[index].count)


def _used(packet: Any, way: TrackWay, span: Span) -> bool:
    if packet.pts is None:
        return True
    start = packet.pts * packet.time_base - span.offset
    end = start + (packet.duration or 0) * packet.time_base if way.how == "encode" else start
    before = span.begin is not None and (end <= span.begin if way.how == "encode" else start < span.begin)
    return not before and (span.end is None or start < span.end)


def _rate(stream: Any) -> int:
    """Samples a second of a sound track, 0 of a video."""
    return int(stream.codec_context.sample_rate or 48000) if stream.type == "audio" else 0


def _sound(way: TrackWay, seen: _Seen, span: Span) -> Sound:
    start, end = (seen.first or Fraction(0)) - span.offset, seen.over - span.offset
    # A decoder's run-in may fall away where the container has no word for it.
    slack = _ROUNDING_S + min(seen.longest, _LENGTH_S)
    if way.how == "copy":
        recut = way.track.codec.startswith(_RECUT)
        counted = (0, Fraction(0)) if recut else (seen.count, seen.middle - span.offset)
        return Sound(way.track.label, start, end, slack, *counted)
    if span.begin is not None:
        start = max(start, span.begin)
    if span.end is not None:
        end = min(end, span.end)
    return Sound(way.track.label, start, end, slack + Fraction(1024, seen.rate), whole=True)  # AAC's frame, which runs in


def check_output(path: Path, expected: Expected) -> None:
    """Compare a finished file with what it must hold. Raises ``OutputError`` with the first thing that is wrong."""
    try:
        with open_clip(path) as container:
            if not container.streams.video:
                raise OutputError(f"the finished file holds no video; {_AGAIN}")
            video = container.streams.video[0]
            streams = (video, *container.streams.audio)
            seen = {stream.index: _Seen(_rate(stream)) for stream in streams}
            for packet in container.demux(streams):
                if packet.size:
                    seen[packet.stream.index].take(packet)
            pictures = seen[video.index]
            sounds = [seen[stream.index] for stream in container.streams.audio]
            subtitles = len(container.streams.subtitles)
            whole = Fraction(container.duration or 0, av.time_base)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise OutputError(f"the finished file could not be read back ({error}); {_AGAIN}") from error
    _check_video(pictures, expected, whole)
    _check_sounds(sounds, expected)
    if subtitles != expected.subtitles:
        raise OutputError(f"the finished file holds {subtitles} subtitle tracks instead of {expected.subtitles}; {_AGAIN}")


def _check_video(seen: _Seen, expected: Expected, whole: Fraction) -> None:
    if seen.count != expected.frames:
        raise OutputError(f"the finished file holds {seen.count} frames instead of {expected.frames}; {_AGAIN}")
    for what, is_, must in (("first", seen.first or Fraction(0), expected.first), ("last", seen.last, expected.last)):
        if abs(is_ - must) > _ROUNDING_S:
            raise OutputError(f"the finished file's {what} frame is at {_s(is_)} instead of {_s(must)}; {_AGAIN}")
    # Matroska tells no length of single frames, only of the whole; MP4 counts that from the first frame on.
    length = expected.over - max(expected.first, Fraction(0))
    if max(seen.over - max(expected.first, Fraction(0)), whole) < length - _ROUNDING_S:
        raise OutputError(f"the finished file is {_s(whole)} long instead of {_s(length)}; {_AGAIN}")


def _check_sounds(sounds: Sequence[_Seen], expected: Expected) -> None:
    heard = [sound for sound in sounds if sound.count]
    if len(heard) != len(expected.sounds):
        raise OutputError(
            f"the finished file holds {len(heard)} sound tracks that are heard instead of {len(expected.sounds)}; {_AGAIN}"
        )
    for is_, must in zip(heard, expected.sounds, strict=True):
        start = is_.first or Fraction(0)
        if abs(start - must.start) > must.slack:
            raise OutputError(f"{must.label} begins at {_s(start)} instead of {_s(must.start)}; {_AGAIN}")
        if abs(is_.over - must.end) > must.slack + is_.longest + _LENGTH_S:
            raise OutputError(f"{must.label} ends at {_s(is_.over)} instead of {_s(must.end)}; {_AGAIN}")
        _check_between(is_, must)


def _check_between(is_: _Seen, must: Sound) -> None:
    """Raise ``OutputError`` for what is wrong between the first packet and the last."""
    gap = must.end - must.start - is_.length
    if must.whole and gap > must.slack + is_.longest + _LENGTH_S:
        raise OutputError(f"{must.label} has gaps of {_s(gap)}; {_AGAIN}")
    if not must.packets:
        return
    fewer = abs(is_.count - must.packets)
    if fewer > _FEWER:
        raise OutputError(f"{must.label} has {is_.count} packets instead of {must.packets}; {_AGAIN}")
    off = is_.middle - must.middle
    if abs(off) > _ROUNDING_S + fewer * is_.longest:
        raise OutputError(f"{must.label} has its packets {_s(off)} from where they belong; {_AGAIN}")


def _s(seconds: Fraction) -> str:
    return f"{float(seconds):.3f} s"
