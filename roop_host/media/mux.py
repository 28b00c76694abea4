"""Joining: segments and the source's sound into one file, byte for byte the same every time."""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av

from roop_host.errors import Interrupted, OutputError, UsageError
from roop_host.media.encode import EncoderPlan, apply_plan
from roop_host.media.info import MediaInfo
from roop_host.media.marks import Marks
from roop_host.media.output import unwritable
from roop_host.media.probe import FORMAT_WHITELIST, file_name
from roop_host.media.segments import read_segment

_MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
# What movenc takes; Matroska takes all of these and more.
_SOUND_IN_MP4 = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "dts", "mp2", "mp1", "truehd"})
_SOUND_IN_MOV = _SOUND_IN_MP4 - {"opus", "flac", "truehd"} | {
    "pcm_s16le",
    "pcm_s24le",
    "pcm_s16be",
    "pcm_s24be",
    "pcm_f32le",
}
# tkhd matrices (ISO/IEC 14496-12) by clockwise turn of the shown picture; 16.16 fixed point, last column 2.30.
_TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def check_container(info: MediaInfo, output: Path) -> None:
    """Raise ``UsageError`` before any work where the container can't hold the sound as it is."""
    suffix = output.suffix.lower()
    if suffix == ".mkv":
        return
    holds = _SOUND_IN_MOV if suffix == ".mov" else _SOUND_IN_MP4
    lost = [codec for codec in info.audio_codecs if codec not in holds]
    if lost:
        raise UsageError(f"{suffix} does not hold sound in {', '.join(lost)}; name an output that ends in .mkv")


def mux(
    plan: EncoderPlan,
    info: MediaInfo,
    segments: Sequence[Path],
    output: Path,
    marks: Marks,
    *,
    cancel: threading.Event,
) -> None:
    """Write ``output`` from stored segments and the sound of the target. Raises ``OutputError``, ``Interrupted``."""
    muxer = _MUXERS[output.suffix.lower()]
    matroska = muxer == "matroska"
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"} if matroska else {"movflags": "+faststart"}
    try:
        with ExitStack() as files:
            source = files.enter_context(av.open(file_name(info.path), options=FORMAT_WHITELIST)) if info.is_file else None
            sink = files.enter_context(av.open(file_name(output), "w", format=muxer, options=options))
            sink.metadata.update(dict(info.metadata))
            sink.set_chapters(_chapters(source) if source is not None else [])
            sink.metadata["comment"] = marks.note
            if matroska:
                sink.metadata["DIGITAL_SOURCE_TYPE"] = marks.term
            video = _video_stream(sink, plan, info, segments)
            tracks = source.streams.audio if source is not None else ()
            sounds = {stream.index: sink.add_stream_from_template(stream) for stream in tracks}
            for stream in tracks:
                sounds[stream.index].metadata.update(stream.metadata)
            sound = _sound(source, sounds, drop_discarded=matroska)
            for packet in _by_time(_video_packets(plan, segments, video), sound):
                if cancel.is_set():
                    raise Interrupted("stopped on request; nothing was left behind under the output's name")
                sink.mux(packet)
        if not matroska:
            marks.append_xmp_box(output)
    except OSError as error:  # FFmpeg's errors of the file system are OSErrors too
        raise unwritable(output, error) from error
    except (av.FFmpegError, ValueError) as error:
        raise OutputError(f"the parts could not be joined into {output.suffix} ({error}); try an output in .mkv") from error


def _video_stream(sink: Any, plan: EncoderPlan, info: MediaInfo, segments: Sequence[Path]) -> Any:
    extradata = read_segment(segments[0]).extradata
    if info.rotation:
        template = av.open(BytesIO(_turned_stub(plan, info.rotation, segments[0]))).streams.video[0]
        stream = sink.add_stream_from_template(template, opaque=True)
        stream.time_base = plan.time_base
    else:
        stream = sink.add_stream(plan.name, rate=plan.rate, options=dict(plan.options))
        apply_plan(stream.codec_context, plan)
        stream.codec_context.thread_count = plan.threads
        stream.codec_context.open()
    stream.codec_context.extradata = extradata
    stream.time_base = plan.time_base
    return stream


def _turned_stub(plan: EncoderPlan, rotation: int, segment: Path) -> bytes:
    """An MP4 of one packet whose track is turned: PyAV has no other way to hand a display matrix to a muxer."""
    stored = read_segment(segment)
    memory = BytesIO()
    with av.open(memory, "w", format="mp4") as sink:
        stream = sink.add_stream(plan.name, rate=plan.rate, options=dict(plan.options))
        apply_plan(stream.codec_context, plan)
        stream.codec_context.open()
        stream.codec_context.extradata = stored.extradata
        pts, key, data = stored.packets[0]
        packet = av.Packet(data)
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, pts, pts, plan.time_base
        packet.is_keyframe, packet.duration = key, 1
        sink.mux(packet)
    stub = bytearray(memory.getvalue())
    at = matrix_offset(stub)
    stub[at : at + 36] = display_matrix(rotation)
    return bytes(stub)


def matrix_offset(mp4: bytes | bytearray) -> int:
    """Where the first track's matrix stands: in ``tkhd``, after version, times, layer and volume (ISO/IEC 14496-12)."""
    at = mp4.index(b"tkhd") + 4
    return at + 4 + (32 if mp4[at] == 1 else 20) + 16


def display_matrix(rotation: int) -> bytes:
    """36 bytes that turn a coded picture as ``FrameView.rotation`` says; 16.16 fixed point, last column 2.30."""
    # FFmpeg's rotation and numpy.rot90 count anticlockwise, the matrix clockwise.
    a, b, c, d = _TURNS[(360 - rotation) % 360]
    one = 1 << 16
    return struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)


def _video_packets(plan: EncoderPlan, segments: Sequence[Path], stream: Any) -> Iterator[Any]:
    """Packets with new decoding times: packet k of the whole file gets the time of frame k - D, which streams."""
    step = max(1, round(1 / plan.rate / plan.time_base))
    first_extradata: bytes | None = None
    shown: deque[int] = deque(maxlen=plan.reorder + 1)
    last: int | None = None
    frames_before: int = 0
    first_pts = 0
    for path in segments:
        segment = read_segment(path)
        if first_extradata is None:
            first_extradata, first_pts = segment.extradata, segment.frame_pts[0]
        elif segment.extradata != first_extradata:
            raise OutputError(f"the segments in {path.parent} do not fit together; delete that folder and run again")
        rank = {pts: place for place, pts in enumerate(segment.frame_pts)}
        for place, (pts, key, data) in enumerate(segment.packets):
            shown.append(segment.frame_pts[place])
            k = frames_before + place
            dts = shown[0] if k >= plan.reorder else first_pts - (plan.reorder - k) * step
            if dts > pts or (last is not None and dts <= last):
                raise OutputError(f"the encoder {plan.name} reorders more frames than expected; take another --encoder")
            last = dts
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, plan.time_base
            packet.pts, packet.dts, packet.is_keyframe = pts, dts, key
            packet.duration = _duration(segment.frame_pts, segment.durations, rank[pts], step)
            yield packet
        frames_before += len(segment.packets)


def _duration(frame_pts: tuple[int, ...], durations: tuple[int, ...], place: int, step: int) -> int:
    if place + 1 < len(frame_pts):
        return frame_pts[place + 1] - frame_pts[place]
    return durations[place] or step


def _chapters(source: Any) -> list[Any]:
    """The source's chapters with their titles and nothing else: other tags may tell places."""
    return [
        {**chapter, "metadata": {key: value for key, value in chapter["metadata"].items() if key.lower() == "title"}}
        for chapter in source.chapters()
    ]


def _sound(source: Any, sounds: dict[int, Any], *, drop_discarded: bool) -> Iterator[Any]:
    """The source's packets as they are. Matroska would move everything by what is discarded at the start."""
    if not sounds:
        return
    for packet in source.demux(tuple(source.streams.audio)):
        if packet.dts is None or (drop_discarded and packet.is_discard):
            continue
        packet.stream = sounds[packet.stream.index]
        yield packet


def _by_time(video: Iterator[Any], sound: Iterator[Any]) -> Iterator[Any]:
    """Both in the order of decoding times, video first among equals."""
    a, b = next(video, None), next(sound, None)
    while a is not None or b is not None:
        if b is None or (a is not None and _when(a) <= _when(b)):
            yield a
            a = next(video, None)
        else:
            yield b
            b = next(sound, None)


def _when(packet: Any) -> Fraction:
    return Fraction(packet.dts * packet.time_base)
