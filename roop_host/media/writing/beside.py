"""The tracks beside the video as packets of the output: moved and cut to the used part, copied or encoded anew."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import Any, Protocol

import av

from roop_host.errors import OutputError
from roop_host.media.writing.sound import SoundEncoder, settle, sound_encoder
from roop_host.media.writing.span import Span
from roop_host.media.writing.subtitles import TextEncoder, open_text_stream
from roop_host.media.writing.tracks import TrackPlan, TrackWay

#: Tags of a track that are kept; others are of the old file (statistics) or may tell of places and devices.
_TAGS = ("language", "title", "handler_name")
_RUN_IN_S = 1
# Matroska's CodecDelay (RFC 9559), an unsigned number of nanoseconds, as FFmpeg writes 1024 samples: in four bytes.
_CODEC_DELAY = bytes.fromhex("56aa84")


class _Feed(Protocol):
    """Makes packets of the output from those of one track."""

    def take(self, packet: Any) -> Iterator[Any]: ...

    def finish(self) -> Iterator[Any]: ...


def add_tracks(sink: Any, source: Any, plan: TrackPlan, span: Span, *, matroska: bool) -> dict[int, _Feed]:
    """Add a stream for every track of ``plan``, in its order; the feeds are by the source's index."""
    feeds: dict[int, _Feed] = {}
    for way in plan.ways:
        stream: Any = source.streams[way.track.index]
        if way.how == "attach":
            kind = stream.metadata.get("mimetype", "application/octet-stream")
            sink.add_attachment(stream.metadata.get("filename", "font"), kind, stream.data)
            continue
        feed, twin = _feed(sink, stream, way, span, matroska=matroska)
        twin.metadata.update(kept_tags(stream))
        twin.disposition = stream.disposition
        feeds[way.track.index] = feed
    return feeds


def kept_tags(stream: Any) -> dict[str, str]:
    """Of a track of the source, those tags that its twin keeps."""
    return {key: value for key, value in stream.metadata.items() if key.lower() in _TAGS}


def _feed(sink: Any, stream: Any, way: TrackWay, span: Span, *, matroska: bool) -> tuple[_Feed, Any]:
    text = way.track.kind == "subtitle"
    if way.how == "encode" and text:
        twin = open_text_stream(sink, way.encoder, stream.codec_context)
        return _Texts(twin, span, TextEncoder(stream.codec_context, twin)), twin
    if way.how == "encode":
        ready = sound_encoder(way.encoder, stream.codec_context)
        if ready is None:
            raise OutputError(f"{way.track.label} can't be encoded as {way.encoder}; add --skip-audio or take .mkv")
        twin = sink.add_stream(way.encoder, rate=ready.sample_rate)
        settle(twin.codec_context, way.encoder, stream.codec_context, ready.layout.name)
        twin.codec_context.open()
        return _EncodedSound(stream, twin, span), twin
    padding = way.padding if span.begin is None else 0
    template = _padded_template(stream, padding) if padding else None
    if template is not None:
        twin = sink.add_stream_from_template(template)
        twin.codec_context.extradata = stream.codec_context.extradata
        twin.time_base = stream.time_base
    else:
        twin = sink.add_stream_from_template(stream)
    if text:
        return _Texts(twin, span, None), twin
    return _CopiedSound(twin, span, stream, drop_discarded=matroska and template is None), twin


def track_packets(source: Any, feeds: dict[int, _Feed], span: Span, *, forgiving: bool) -> Iterator[Any]:
    """What the feeds make of the source's packets, in the source's order; a ``forgiving`` read ends at a break."""
    if feeds:
        try:
            for packet in span.used(source.demux(tuple(source.streams[index] for index in feeds))):
                if packet.size:
                    yield from feeds[packet.stream.index].take(packet)
        except av.FFmpegError:
            if not forgiving:
                raise
    for feed in feeds.values():
        yield from feed.finish()


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
            moved = self._last + 1  # no container takes two packets of one time
        self._last = moved
        packet.duration = round(duration * packet.time_base / self._unit)
        packet.time_base, packet.pts, packet.dts = self._unit, moved, moved
        packet.stream = self._twin
        yield packet

    def finish(self) -> Iterator[Any]:
        yield from ()


class _Texts:
    """Subtitles, copied or encoded anew. What is shown over an edge of the used part is cut there."""

    def __init__(self, twin: Any, span: Span, encoder: TextEncoder | None) -> None:
        self._twin, self._span, self._encoder = twin, span, encoder

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
        made = packet if self._encoder is None else self._encoder.encode(packet)
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
    def __init__(self, stream: Any, twin: Any, span: Span) -> None:
        self._twin, self._offset, self._begin = twin, span.offset, span.begin
        self._decoder = stream.codec_context
        self._encoder = SoundEncoder(twin.codec_context, begin=span.begin, end=span.end)

    def take(self, packet: Any) -> Iterator[Any]:
        if self._early(packet):
            return
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            return  # silence stands for what is broken
        yield from self._encode(frames)

    def _early(self, packet: Any) -> bool:
        """Whether a packet ends so long before the used part that no decoder needs it to run in."""
        if self._begin is None or packet.pts is None:
            return False
        end = (packet.pts + (packet.duration or 0)) * packet.time_base - self._offset
        return bool(end < self._begin - _RUN_IN_S)

    def finish(self) -> Iterator[Any]:
        yield from self._encode(self._decoder.decode(None))
        yield from self._sent(self._encoder.finish())

    def _encode(self, frames: list[Any]) -> Iterator[Any]:
        for frame in frames:
            seconds = frame.pts * frame.time_base - self._offset if frame.pts is not None else None
            yield from self._sent(self._encoder.encode(frame, seconds))

    def _sent(self, packets: Iterator[Any]) -> Iterator[Any]:
        for packet in packets:
            packet.stream = self._twin
            yield packet


def _padded_template(stream: Any, samples: int) -> Any:
    """A stream that makes a Matroska muxer write ``samples`` of AAC as the decoder's run-in, or None.

    PyAV can't set that number; a demuxer does, from a file in memory that says so.
    """
    context = sound_encoder("aac", stream.codec_context)
    if context is None or context.sample_rate != stream.codec_context.sample_rate:
        return None
    memory = BytesIO()
    with av.open(memory, "w", format="matroska") as sink:
        twin = sink.add_stream("aac", rate=context.sample_rate)
        settle(twin.codec_context, "aac", stream.codec_context, context.layout.name)
        twin.codec_context.open()
        for packet in (*twin.codec_context.encode(_silence(twin)), *twin.codec_context.encode(None)):
            packet.stream = twin
            sink.mux(packet)
    header = bytearray(memory.getvalue())
    at = header.find(_CODEC_DELAY)
    if at < 0:
        return None
    nanoseconds = round(Fraction(samples * 10**9, context.sample_rate))
    header[at + 3 : at + 7] = struct.pack(">I", nanoseconds)
    return av.open(BytesIO(header)).streams.audio[0]


def _silence(stream: Any) -> Any:
    context = stream.codec_context
    frame = av.AudioFrame(context.format.name, context.layout.name, context.frame_size or 1024)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = context.sample_rate, 0, Fraction(1, context.sample_rate)
    return frame
