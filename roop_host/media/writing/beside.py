"""The tracks beside the video as packets of the output: moved and cut to the used part, copied or encoded anew."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from io import BytesIO
from typing import Any, Protocol

import av

from roop_host.errors import OutputError
from roop_host.media.info import Track
from roop_host.media.writing.clocks import Clocks
from roop_host.media.writing.faults import Faults
from roop_host.media.writing.fonts import font_of
from roop_host.media.writing.hidden import draws, without_comments
from roop_host.media.writing.sound import SoundEncoder, settle, sound_encoder
from roop_host.media.writing.span import Span
from roop_host.media.writing.subtitles import TextEncoder, open_text_stream
from roop_host.media.writing.tracks import TrackPlan, TrackWay

#: Tags of a track that are kept; others are of the old file (statistics) or may tell of places and devices.
_TAGS = ("language", "title", "handler_name")
_RUN_IN_S = 1
# Recordings begin anywhere; what is missing for longer is not only a decoder that finds its feet.
_LEAD_S = 1
# Matroska's CodecDelay (RFC 9559), an unsigned number of nanoseconds, as FFmpeg writes 1024 samples: in four bytes.
_CODEC_DELAY = bytes.fromhex("56aa84")


class _Feed(Protocol):
    """Makes packets of the output from those of one track."""

    def take(self, packet: Any) -> Iterator[Any]: ...

    def finish(self) -> Iterator[Any]: ...


def add_tracks(sink: Any, source: Any, plan: TrackPlan, span: Span, faults: Faults, *, matroska: bool) -> dict[int, _Feed]:
    """Add a stream for every track of ``plan``, in its order; the feeds are by the source's index."""
    feeds: dict[int, _Feed] = {}
    for way in plan.ways:
        stream: Any = source.streams[way.track.index]
        if way.how == "attach":
            if (font := font_of(stream)) is not None:
                sink.add_attachment(*font, stream.data)
            continue
        feed, twin = _feed(sink, stream, way, span, faults, matroska=matroska)
        twin.metadata.update(kept_tags(stream))
        twin.disposition = stream.disposition
        feeds[way.track.index] = feed
    return feeds


def kept_tags(stream: Any) -> dict[str, str]:
    """Of a track of the source, those tags that its twin keeps."""
    return {key: value for key, value in stream.metadata.items() if key.lower() in _TAGS}


def _feed(sink: Any, stream: Any, way: TrackWay, span: Span, faults: Faults, *, matroska: bool) -> tuple[_Feed, Any]:
    text = way.track.kind == "subtitle"
    if way.how == "encode" and text:
        twin = open_text_stream(sink, way.encoder, stream.codec_context)
        return _Texts(twin, span, TextEncoder(stream.codec_context, twin), way.track, faults), twin
    if way.how == "encode":
        ready = sound_encoder(way.encoder, stream.codec_context)
        if ready is None:
            raise OutputError(f"{way.track.label} can't be encoded as {way.encoder}; add --skip-audio or take .mkv")
        twin = sink.add_stream(way.encoder, rate=ready.sample_rate)
        settle(twin.codec_context, way.encoder, stream.codec_context, ready.layout.name)
        twin.codec_context.open()
        return _EncodedSound(stream, twin, span, way.track, faults), twin
    padding = way.padding if span.begin is None else 0
    padded = _padded_stream(sink, stream, padding) if padding else None
    twin = padded or sink.add_stream_from_template(stream)
    if stream.codec_context.name == "vorbis":
        twin.codec_context.extradata = without_comments(bytes(stream.codec_context.extradata))
    if text:
        return _Texts(twin, span, None, way.track, faults), twin
    return _CopiedSound(twin, span, stream, drop_discarded=matroska and padded is None), twin


def track_packets(source: Any, feeds: dict[int, _Feed], span: Span, clocks: Clocks, faults: Faults) -> Iterator[Any]:
    """What the feeds make of the source's packets, in the source's order. Raises ``InputError`` for broken ones."""
    packets = source.demux(tuple(source.streams[index] for index in feeds)) if feeds else ()
    for packet in span.used(clocks.straight(_read(packets, faults))):
        if packet.size:
            yield from feeds[packet.stream.index].take(packet)
    for feed in feeds.values():
        yield from feed.finish()


def _read(packets: Iterable[Any], faults: Faults) -> Iterator[Any]:
    """The packets up to where the file breaks off, if that may be."""
    try:
        yield from packets
    except av.FFmpegError as error:
        faults.cut_off(error)


class _CopiedSound:
    """Packets as they are. One that begins inside the used part is kept whole, any other not at all."""

    def __init__(self, twin: Any, span: Span, stream: Any, *, drop_discarded: bool) -> None:
        self._twin, self._span, self._drop = twin, span, drop_discarded
        # A tick of AVI is a whole packet, one of Matroska a millisecond: what is moved counts in samples.
        rate = stream.codec_context.sample_rate
        self._unit = min(stream.time_base, Fraction(1, rate)) if rate else stream.time_base
        self._before: int | None = None
        self._next: int | None = None
        self._last: int | None = None

    def take(self, packet: Any) -> Iterator[Any]:
        # Matroska would move everything by what is discarded at the start.
        if self._drop and packet.is_discard:
            return
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            pts = self._next
        if pts is None:
            return
        # Matroska tells no length of some codecs' packets; MP4 would cut off a last one that has none.
        duration = packet.duration or (pts - self._before if self._before is not None else 0)
        self._before, self._next = pts, pts + duration
        seconds = pts * packet.time_base - self._span.offset
        if self._span.begin is not None and seconds < self._span.begin:
            return
        if self._span.end is not None and seconds >= self._span.end:
            return
        moved = round(seconds / self._unit)
        if self._last is not None and moved <= self._last:
            moved = self._last + 1  # rounded times: no container takes two packets of one
        self._last = moved
        packet.duration = round(duration * packet.time_base / self._unit)
        packet.time_base, packet.pts, packet.dts = self._unit, moved, moved
        packet.stream = self._twin
        yield packet

    def finish(self) -> Iterator[Any]:
        yield from ()


class _Texts:
    """Subtitles, copied or encoded anew. What is shown over an edge of the used part is cut there."""

    def __init__(self, twin: Any, span: Span, encoder: TextEncoder | None, track: Track, faults: Faults) -> None:
        self._twin, self._span, self._encoder = twin, span, encoder
        self._track, self._faults = track, faults

    def take(self, packet: Any) -> Iterator[Any]:
        if packet.pts is None:
            return
        unit = packet.time_base
        start = packet.pts * unit - self._span.offset
        end = start + (packet.duration or 0) * unit
        start = max(start, Fraction(0) if self._span.begin is None else self._span.begin)
        if self._span.end is not None:
            end = min(end, self._span.end)
        if end < start or (end == start and packet.duration):
            return
        if draws(bytes(packet)):
            self._faults.drawn(self._track)
            return
        try:
            made = packet if self._encoder is None else self._encoder.encode(packet)
        except av.FFmpegError:
            self._faults.broken(self._track, packet.pts * unit)
            return
        if made is None:
            return
        made.time_base = unit
        made.pts = made.dts = round(start / unit)
        made.duration = round(end / unit) - made.pts
        made.stream, made.is_keyframe = self._twin, True
        yield made

    def finish(self) -> Iterator[Any]:
        yield from ()


class _EncodedSound:
    """Sound that is decoded and encoded anew. Silence stands for what is broken, where that is salvaged."""

    def __init__(self, stream: Any, twin: Any, span: Span, track: Track, faults: Faults) -> None:
        self._twin, self._offset, self._begin, self._end = twin, span.offset, span.begin, span.end
        self._track, self._faults = track, faults
        self._heard = False
        self._unled: list[Fraction] = []  # the seconds of what can't be decoded before the first that can
        self._decoder = stream.codec_context
        self._encoder = SoundEncoder(twin.codec_context, begin=span.begin, end=span.end)

    def take(self, packet: Any) -> Iterator[Any]:
        if not self._near(packet, _RUN_IN_S):
            return
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            if self._near(packet, 0):
                self._miss(packet)
            return
        if frames and not self._heard:
            self._heard = True
            if self._unled:
                self._faults.led_in_by(self._track, len(self._unled))
                self._encoder.silent_from(self._unled[0] - self._offset)
        yield from self._encode(frames)

    def _miss(self, packet: Any) -> None:
        seconds = None if packet.pts is None else packet.pts * packet.time_base
        if self._heard or seconds is None or (self._unled and seconds - self._unled[0] > _LEAD_S):
            self._faults.broken(self._track, seconds)
        elif not self._heard:
            self._unled.append(seconds)

    def _near(self, packet: Any, run_in: int) -> bool:
        """Whether a packet is in the used part, or so little before it that a decoder needs it to run in."""
        if packet.pts is None:
            return True
        start = packet.pts * packet.time_base - self._offset
        end = start + (packet.duration or 0) * packet.time_base
        early = self._begin is not None and end < self._begin - run_in
        return not early and (self._end is None or start < self._end)

    def finish(self) -> Iterator[Any]:
        if self._unled and not self._heard:
            self._faults.broken(self._track, self._unled[0])
        try:
            rest = self._decoder.decode(None)
        except av.FFmpegError:
            self._faults.broken(self._track, None)
            rest = []
        yield from self._encode(rest)
        yield from self._sent(self._encoder.finish())

    def _encode(self, frames: list[Any]) -> Iterator[Any]:
        for frame in frames:
            seconds = frame.pts * frame.time_base - self._offset if frame.pts is not None else None
            yield from self._sent(self._encoder.encode(frame, seconds))

    def _sent(self, packets: Iterator[Any]) -> Iterator[Any]:
        for packet in packets:
            packet.stream = self._twin
            yield packet


def _padded_stream(sink: Any, stream: Any, samples: int) -> Any:
    """A stream of ``sink``, like ``stream``, of which its muxer writes ``samples`` of AAC as the run-in; None if it can't.

    PyAV can't set that number; a demuxer does, from a file in memory that says so.
    """
    context = sound_encoder("aac", stream.codec_context)
    if context is None or context.sample_rate != stream.codec_context.sample_rate:
        return None
    memory = BytesIO()
    with av.open(memory, "w", format="matroska") as made:
        twin = made.add_stream("aac", rate=context.sample_rate)
        settle(twin.codec_context, "aac", stream.codec_context, context.layout.name)
        twin.codec_context.open()
        for packet in (*twin.codec_context.encode(_silence(twin)), *twin.codec_context.encode(None)):
            packet.stream = twin
            made.mux(packet)
    header = bytearray(memory.getvalue())
    at = header.find(_CODEC_DELAY)
    if at < 0:
        return None
    nanoseconds = round(Fraction(samples * 10**9, context.sample_rate))
    header[at + 3 : at + 7] = struct.pack(">I", nanoseconds)
    with av.open(BytesIO(header), format="matroska") as told:
        padded = sink.add_stream_from_template(told.streams.audio[0])
    padded.codec_context.extradata = stream.codec_context.extradata
    padded.time_base = stream.time_base
    return padded


def _silence(stream: Any) -> Any:
    context = stream.codec_context
    frame = av.AudioFrame(context.format.name, context.layout.name, context.frame_size or 1024)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = context.sample_rate, 0, Fraction(1, context.sample_rate)
    return frame
