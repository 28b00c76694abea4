"""Clips with many tracks, for tests: sounds of any codec, subtitles, chapters, attachments, timecode."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from clips import make_clip

from roop_host import MediaOptions
from roop_host.media.info import MediaInfo, Reading
from roop_host.media.marks import Marks
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.media.segments import segment_name, write_segment
from roop_host.media.writing.check import Expected, check_output, expected_of
from roop_host.media.writing.choosing import choose_encoder
from roop_host.media.writing.encode import SegmentEncoder
from roop_host.media.writing.mux import mux
from roop_host.media.writing.tracks import TrackPlan, choose_tracks

MARKS = Marks("compositeSynthetic", "Synthetic media: a test")
RATE = 48000


@dataclass(frozen=True)
class Tone:
    """A sound track of silence with a click (10 ms of noise) at each of ``clicks``, in seconds of the clip."""

    codec: str = "aac"
    start: float = 0.0
    seconds: float = 1.2
    clicks: Sequence[float] = (0.3, 0.9)
    rate: int = RATE
    tags: tuple[tuple[str, str], ...] = ()
    disposition: int = 0
    layout: str = "stereo"


def make_tracks(
    path: Path,
    *tones: Tone,
    texts: Sequence[str] = (),
    chapters: Sequence[Any] = (),
    fonts: Sequence[tuple[str, str, bytes]] = (),
    timecode: str = "",
    frames: int = 30,
    start: int = 0,
    encoder: str = "libx264",
) -> Path:
    """A clip of 25 frames a second, 128x96, with these tracks; a text track shows "One" at 0.2 s, "Two" at 0.7 s."""
    plain = make_clip(path.with_name("plain.mp4"), frames=frames, sound=False, encoder=encoder, options={"bf": "0"})
    with av.open(str(plain)) as source, av.open(str(path), "w") as sink:
        sink.set_chapters(list(chapters))
        video = sink.add_stream_from_template(source.streams.video[0])
        if timecode:
            video.metadata["timecode"] = timecode
        sounds = [_sound(sink, tone) for tone in tones]
        words = [_text(sink, name) for name in texts]
        for name, kind, data in fonts:
            sink.add_attachment(name, kind, data)
        packets = []
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                packet.pts = packet.dts = (packet.pts or 0) + start * round(1 / 25 / packet.time_base)
                packets.append(packet)
        for stream, tone in zip(sounds, tones, strict=True):
            packets += _sound_packets(stream, tone)
        for stream in words:
            packets += _text_packets(stream)
        for packet in sorted(packets, key=lambda p: (p.dts * p.time_base, p.stream.index)):
            sink.mux(packet)
    return path


def _sound(sink: Any, tone: Tone) -> Any:
    stream = sink.add_stream(tone.codec, rate=tone.rate, options={"strict": "experimental"})
    stream.layout = tone.layout
    stream.metadata.update(dict(tone.tags))
    stream.disposition = tone.disposition
    stream.codec_context.open()
    return stream


def _sound_packets(stream: Any, tone: Tone) -> list[Any]:
    count = round(tone.seconds * tone.rate)
    wave = np.zeros(count, np.float32)
    noise = np.random.default_rng(5).uniform(-0.7, 0.7, tone.rate // 100).astype(np.float32)
    for click in tone.clicks:
        at = round((click - tone.start) * tone.rate)
        wave[at : at + len(noise)] = noise[: max(0, count - at)]
    packets = []
    channels = stream.codec_context.layout.nb_channels
    for at in range(0, count, 1024):
        piece = np.stack([wave[at : at + 1024]] * channels)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=tone.layout)
        frame.sample_rate, frame.time_base = tone.rate, Fraction(1, tone.rate)
        frame.pts = at + round(tone.start * tone.rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _text(sink: Any, name: str) -> Any:
    words = BytesSubtitles()
    stream = sink.add_stream(name)
    stream.codec_context.subtitle_header = words.header
    stream.metadata["language"] = "eng"
    stream.time_base = Fraction(1, 1000)
    return stream


class BytesSubtitles:
    """The header of a text decoder: styles that every text encoder needs."""

    def __init__(self) -> None:
        decoder: Any = av.CodecContext.create("srt", "r")
        decoder.open()
        self.header = decoder.subtitle_header


def _text_packets(stream: Any) -> list[Any]:
    packets = []
    for start, end, text in ((200, 600, "One"), (700, 1100, "Two")):
        shown = av.subtitles.subtitle.SubtitleSet.create(f"0,0,Default,,0,0,0,,{text}".encode(), 0, end - start)
        packet = stream.codec_context.encode_subtitle(shown)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = end - start
        packet.is_keyframe = True
        packets.append(packet)
    return packets


def remuxed(source: Path, path: Path, change: Callable[[Any, int], Any] = lambda packet, _: packet, **options: str) -> Path:
    """The file again; ``change`` gives the packet to write (given its place in its track)."""
    with av.open(str(source)) as a, av.open(str(path), "w", options=options) as b:
        twins = {stream.index: b.add_stream_from_template(stream) for stream in a.streams}
        places = dict.fromkeys(twins, 0)
        packets = []
        for packet in a.demux():
            index = packet.stream.index
            if packet.size:
                places[index] += 1
                made = change(packet, places[index])
                made.stream = twins[index]
                packets.append(made)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            b.mux(packet)
    return path


def damaged_packet(packet: Any, data: bytes) -> Any:
    """Other bytes at the same time."""
    made = av.Packet(data)
    made.pts, made.dts, made.time_base, made.duration = packet.pts, packet.dts, packet.time_base, packet.duration
    made.is_keyframe = True
    return made


def join(
    source: Path,
    output: Path,
    folder: Path,
    *,
    trim: tuple[int, int] | None = None,
    info: MediaInfo | None = None,
    check: bool = True,
    told: list[str] | None = None,
    **options: Any,
) -> tuple[TrackPlan, Expected]:
    """Encode and join as the runner does; ``trim`` is the frames that are used, the first shown at 0.

    ``told`` is given what the joining says of its own.
    """
    info = info or probe(source)
    if trim is not None:
        info = replace(info, reading=Reading(start=trim[0], end=trim[1]))
    fast = {"preset": "auto" if output.suffix == ".webm" else "ultrafast", "quality": 10}
    chosen = MediaOptions(**{**fast, **options})
    # WebM holds what Matroska holds of VP9.
    video = MediaOptions(encoder="libvpx-vp9", quality=10) if output.suffix == ".webm" else chosen
    plan = choose_encoder(info, video, output.with_suffix(".mkv"), threads=1)
    tracks = choose_tracks(info, chosen, output)
    folder.mkdir(exist_ok=True)
    encoder, origin = SegmentEncoder(plan), Fraction(0)
    with VideoReader(probe(source), threads=1) as reader:
        for frame in reader.frames():
            if trim is not None and not trim[0] <= frame.index < trim[1]:
                continue
            if trim is not None and frame.index == trim[0]:
                origin = frame.pts * info.time_base
            frame.pts -= round(origin / info.time_base)
            encoder.encode(frame)
    write_segment(folder, 0, replace(encoder.finish(), origin=origin))
    segments = [folder / segment_name(0)]
    said = mux(plan, info, tracks, segments, output, MARKS, cancel=threading.Event())
    (told if told is not None else []).extend(said)
    expected = expected_of(plan, info, tracks, segments, output)
    if check:
        check_output(output, expected)
    return tracks, expected


def clicks_of(path: Path, track: int = 0) -> list[float]:
    """When the clicks of a sound track are heard, in seconds, by what a decoder gives."""
    heard: list[float] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=track):
            samples = frame.to_ndarray()
            if not frame.format.is_planar:
                samples = samples.reshape(-1, frame.layout.nb_channels).T
            level = np.abs(samples[0].astype(np.float64))
            scale = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
            for place in np.flatnonzero(level > 0.15 * scale):
                time = float(frame.pts * frame.time_base) + place / frame.sample_rate
                if not heard or time - heard[-1] > 0.05:
                    heard.append(time)
    return heard


def packets_of(path: Path, kind: str, track: int = 0) -> list[tuple[Fraction, Fraction, bytes]]:
    """(start, length, bytes) of a track's packets, without those that only end a subtitle."""
    with av.open(str(path)) as container:
        stream = [stream for stream in container.streams if stream.type == kind][track]
        return [
            (packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base, bytes(packet))
            for packet in container.demux(stream)
            if packet.size and bytes(packet) != b"\0\0"
        ]
