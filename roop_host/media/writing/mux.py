"""Joining: segments and the source's other tracks into one file, byte for byte the same every time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from av.stream import Disposition

from roop_host.errors import Interrupted, OutputError
from roop_host.media.info import MediaInfo
from roop_host.media.kinds import suffix_of
from roop_host.media.marks import Marks
from roop_host.media.output import unwritable
from roop_host.media.reading.clips import rate_of, side_data_of
from roop_host.media.reading.probe import file_name, open_clip
from roop_host.media.segments import SegmentPackets, read_times, shown_segments, stored_packets
from roop_host.media.writing.beside import add_tracks, kept_tags, track_packets
from roop_host.media.writing.clocks import Clocks
from roop_host.media.writing.encode import ALPHA_SIDE_DATA, EncoderPlan, apply_plan
from roop_host.media.writing.faults import Faults
from roop_host.media.writing.span import Span, later_timecode, moved_chapters, span_of_paths
from roop_host.media.writing.tags import comment_of, tags_of
from roop_host.media.writing.tracks import TrackPlan

# FFmpeg's AVFieldOrder for frames of two interleaved fields, the top or the bottom one shown first.
_FIELD_ORDERS = {"tff": 4, "bff": 5}
_ROUNDING_S = Fraction(1, 500)  # Matroska counts in milliseconds, and so may the source


def mux(
    plan: EncoderPlan,
    info: MediaInfo,
    tracks: TrackPlan,
    segments: Sequence[Path],
    output: Path,
    marks: Marks,
    *,
    cancel: threading.Event,
) -> tuple[str, ...]:
    """Write ``output`` from stored segments and the tracks of the target, and tell what of these could not be used.

    Raises ``OutputError``, ``Interrupted``, and ``InputError`` where a track is broken and that is not salvaged.

    All tracks are moved by the segments' ``origin``; where ``info.reading`` says so, they are cut to the used part.
    """
    suffix = suffix_of(output)
    if suffix is None or not suffix.muxer:
        raise OutputError(f"{output.suffix} is no container for video; name an output in .mkv")
    span, faults = span_of_paths(plan, info, segments, output), Faults(info.path, salvage=info.reading.salvage)
    clocks = Clocks(info, tracks, span)
    matroska = suffix.matroska
    try:
        with ExitStack() as files:
            has_file = info.is_file and info.kind == "video"
            source = files.enter_context(open_clip(info.path)) if has_file else None
            sink = files.enter_context(av.open(file_name(output), "w", format=suffix.muxer, options=_options(matroska)))
            _describe(sink, info, source, span, marks, matroska=matroska)
            video = _video_stream(sink, plan, info, next(shown_segments(segments))[1])
            feeds = {}
            if source is not None:
                _tag_video(video, source, info, span)
                feeds = add_tracks(sink, source, tracks, span, faults, matroska=matroska)
            beside = track_packets(source, feeds, span, clocks, faults)
            for packet in _by_time(_video_packets(plan, segments, video, span, matroska=matroska), beside):
                if cancel.is_set():
                    raise Interrupted
                sink.mux(packet)
        if not matroska:
            marks.append_xmp_box(output)
    except OSError as error:  # FFmpeg's errors of the file system are OSErrors too
        raise unwritable(output, error) from error
    except (av.FFmpegError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise OutputError(
            f"the parts could not be joined into {output.suffix} ({why}); the times of {info.path} may be broken, so remux "
            "it first, or try an output in .mkv"
        ) from error
    return (*clocks.notices, *faults.notices, *_unsaid(info, output))


def _unsaid(info: MediaInfo, output: Path) -> tuple[str, ...]:
    """A notice of the side data that did not come through, by the first picture of the output."""
    if not info.side_data:
        return ()
    try:
        with open_clip(output) as written:
            kept = side_data_of(next(written.decode(video=0)))
    except (av.FFmpegError, ValueError, StopIteration):  # the last look at the whole says what is wrong
        return ()
    lost = [what for what in info.side_data if what not in kept]
    return (f"not in the output: {', '.join(lost)}",) if lost else ()


def _options(matroska: bool) -> dict[str, str]:
    if matroska:
        # Without these: random numbers in the file; all times moved by a run-in; default flags that nobody set.
        return {"fflags": "+bitexact", "avoid_negative_ts": "disabled", "default_mode": "passthrough"}
    return {"movflags": "+faststart"}


def _describe(sink: Any, info: MediaInfo, source: Any, span: Span, marks: Marks, *, matroska: bool) -> None:
    sink.metadata.update(tags_of(info))
    before = {} if source is None else {key.lower(): value for key, value in source.metadata.items()}
    sink.metadata["comment"] = comment_of(marks.note, before.get("comment", ""))
    if matroska:
        sink.metadata["DIGITAL_SOURCE_TYPE"] = marks.term
    sink.set_chapters(moved_chapters(source.chapters(), span) if source is not None else [])


def _video_stream(sink: Any, plan: EncoderPlan, info: MediaInfo, first: SegmentPackets) -> Any:
    stream = sink.add_stream(plan.name, rate=plan.rate, options=dict(plan.options))
    context = stream.codec_context
    apply_plan(context, plan)
    context.thread_count = plan.threads
    if sink.format.name != "matroska" and context.codec.canonical_name == "hevc":
        context.codec_tag = "hvc1"  # the parameter sets stand in the header only, and QuickTime plays nothing else
    context.open()
    if info.field_order is not None:  # only now: an encoder may say that it makes whole frames
        context.field_order = _FIELD_ORDERS[info.field_order]
    context.extradata = first.extradata
    stream.time_base, stream.disposition = plan.time_base, Disposition.default
    if info.matrix:
        stream.set_display_matrix(info.matrix)
    elif info.rotation:
        stream.set_display_rotation(info.rotation)
    if any(kind == ALPHA_SIDE_DATA for _, kind, _ in first.side_data):
        stream.metadata["alpha_mode"] = "1"
    return stream


def _tag_video(video: Any, source: Any, info: MediaInfo, span: Span) -> None:
    """Name, language, disposition and timecode of the track that was worked on: the one that is not among the others."""
    others = {track.index for track in info.tracks}
    own = next((stream for stream in source.streams.video if stream.index not in others), None)
    if own is None:
        return
    video.metadata.update(kept_tags(own))
    video.disposition = own.disposition
    text = own.metadata.get("timecode") or source.metadata.get("timecode")
    if text:
        counted = rate_of(own) or Fraction(25)
        begin = Fraction(own.start_time or 0) * own.time_base
        cut = span.first + span.offset - begin if span.begin is not None else Fraction(0)
        moved = later_timecode(text, cut, counted, info.reading.rate or counted)
        if moved:
            video.metadata["timecode"] = moved


def _video_packets(plan: EncoderPlan, segments: Sequence[Path], stream: Any, span: Span, *, matroska: bool) -> Iterator[Any]:
    """Packets with new decoding times: packet k of the whole file gets the time of frame k - D, which streams."""
    move = round(span.video_shift / plan.time_base)
    shown: deque[int] = deque(maxlen=plan.reorder + 1)
    first: SegmentPackets | None = None
    last: int | None = None
    sent = 0
    step = plan.step
    ending = next(path for path in reversed(segments) if read_times(path).frame_pts)
    for path, segment in shown_segments(segments):
        first = first or segment
        if segment.extradata != first.extradata:
            raise OutputError(f"the segments in {path.parent} do not fit together; delete that folder and run again")
        durations = _durations(segment, step)
        beside = {place: (kind, data) for place, kind, data in segment.side_data}
        for place, (pts, key, data) in enumerate(stored_packets(path)):
            pts = pts if pts in durations else segment.frame_pts[0]  # the first frame may be shown earlier than it was
            shown.append(segment.frame_pts[place])
            dts = shown[0] if sent >= plan.reorder else first.frame_pts[0] - (plan.reorder - sent) * step
            if dts > pts or (last is not None and dts <= last):
                raise OutputError(f"the encoder {plan.name} reorders more frames than expected; take another --encoder")
            last = dts
            sent += 1
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, plan.time_base
            packet.pts, packet.dts, packet.is_keyframe = pts + move, dts + move, key
            packet.duration = durations[pts]
            if not matroska and path == ending and place + 1 == len(segment.frame_pts) and _stands_long(plan, segment, step):
                # MP4 and MOV add up the packets as they are decoded: the last of them lasts until the last picture is over.
                packet.duration = segment.frame_pts[-1] + durations[segment.frame_pts[-1]] - pts
            if place in beside:
                packet.set_sidedata(_side_data(*beside[place]), move=True)
            yield packet


def _stands_long(plan: EncoderPlan, segment: SegmentPackets, step: int) -> bool:
    """Whether the last frame lasts longer than the one before: of an even rate nothing may change."""
    before = segment.frame_pts[-1] - segment.frame_pts[-2] if len(segment.frame_pts) > 1 else step
    return ((segment.durations[-1] or step) - before) * plan.time_base > _ROUNDING_S


def _side_data(kind: Any, data: bytes) -> PacketSideData:
    made: PacketSideData = PacketSideData(packet_sidedata_type_from_literal(kind), len(data))  # type: ignore[call-arg]
    made.update(data)
    return made


def _durations(segment: SegmentPackets, step: int) -> dict[int, int]:
    """How long each frame is shown, by its pts: up to the next one, the last as it says itself."""
    lengths = {a: b - a for a, b in pairwise(segment.frame_pts)}
    lengths[segment.frame_pts[-1]] = segment.durations[-1] or step
    return lengths


def _by_time(video: Iterator[Any], beside: Iterator[Any]) -> Iterator[Any]:
    """Both in the order of decoding times, video first among equals; each is pulled only when it is its turn."""
    a, b = next(video, None), next(beside, None)
    while a is not None or b is not None:
        if b is None or (a is not None and _when(a) <= _when(b)):
            yield a
            a = next(video, None)
        else:
            yield b
            b = next(beside, None)


def _when(packet: Any) -> Fraction:
    return Fraction(packet.dts * packet.time_base)
