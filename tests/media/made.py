"""Frames made in memory, encoded, written and read again, for tests of encoders."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from numpy.typing import NDArray

from roop_host import MediaOptions
from roop_host.media.av_pixels import AvPixels
from roop_host.media.info import Colour, FieldOrder, Hdr, MediaInfo
from roop_host.media.marks import Marks
from roop_host.media.pixel_formats import layout_of
from roop_host.media.segments import SegmentPackets, segment_name, write_segment
from roop_host.media.writing.encode import EncoderPlan, SegmentEncoder, apply_plan
from roop_host.media.writing.encoders import ENCODERS
from roop_host.media.writing.mux import mux
from roop_host.media.writing.tracks import choose_tracks
from roop_host.types.frame import Frame

MARKS = Marks("compositeSynthetic", "Synthetic media: a test")
SOFTWARE = [row for row in ENCODERS.values() if not row.hardware]
LIMITED_709, FULL_601, PQ = Colour(1, 1, 1, 1), Colour(2, 6, 6, 6), Colour(1, 9, 16, 9)
#: As of a mastering monitor with P3 primaries, and what its clips reach.
GRADED = Hdr((13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50), (1000, 400))
NOT_GRADED = Hdr()
SIZE = (128, 96)


def target(
    pix_fmt: str = "yuv420p",
    *,
    size: tuple[int, int] = SIZE,
    codec: str = "h264",
    colour: Colour = LIMITED_709,
    field_order: FieldOrder | None = None,
    hdr: Hdr = NOT_GRADED,
) -> MediaInfo:
    return MediaInfo(
        Path("made"),
        "video",
        *size,
        codec,
        "mov",
        pix_fmt=pix_fmt,
        layout=layout_of(pix_fmt, colour, size[1]),
        time_base=Fraction(1, 25),
        average_rate=Fraction(25),
        colour=colour,
        field_order=field_order,
        hdr=hdr,
        is_file=False,
    )


def planes_of(picture: av.VideoFrame) -> list[NDArray[Any]]:
    return [np.array(plane) for plane in AvPixels(layout_of(picture.format.name, Colour(), 0), picture).planes]


def frames_of(info: MediaInfo, count: int = 8, *, padding: int = 0) -> list[Frame]:
    """Moving waves, another in each plane; what lies beside the picture in memory is ``padding``."""
    made = []
    for number in range(count):
        picture = av.VideoFrame(info.width, info.height, info.pix_fmt)
        for plane in picture.planes:
            memoryview(plane).cast("B")[:] = bytes([padding]) * plane.buffer_size  # type: ignore[arg-type]
        pixels = AvPixels(info.layout, picture)
        for shift, plane_view in enumerate(pixels.planes):
            y, x = np.mgrid[: plane_view.shape[0], : plane_view.shape[1]]
            waves = 0.45 + 0.2 * np.sin((x + 3 * number) / 9 + shift) + 0.1 * np.cos((y - 2 * number) / 7)
            plane_view[...] = waves * info.layout.peak
        made.append(Frame(pixels, index=number, pts=number, time_base=info.time_base, duration=1))
    return made


def encoded(plan: EncoderPlan, frames: Sequence[Frame]) -> SegmentPackets:
    encoder = SegmentEncoder(plan)
    for frame in frames:
        encoder.encode(frame)
    return encoder.finish()


def written(plan: EncoderPlan, info: MediaInfo, frames: Sequence[Frame], output: Path) -> Path:
    segment = encoded(plan, frames)
    if output.suffix == ".webm" or segment.side_data:
        return muxed_plainly(plan, segment, output)
    write_segment(output.parent, 0, segment)
    mux(
        plan,
        info,
        choose_tracks(info, MediaOptions(), output),
        [output.parent / segment_name(0)],
        output,
        MARKS,
        cancel=threading.Event(),
    )
    return output


def muxed_plainly(plan: EncoderPlan, segment: SegmentPackets, output: Path) -> Path:
    """Of an encoder that sends in display order."""
    beside = {place: (kind, data) for place, kind, data in segment.side_data}
    with av.open(str(output), "w") as sink:
        stream: Any = sink.add_stream(plan.name, rate=plan.rate, options=dict(plan.options))
        apply_plan(stream.codec_context, plan)
        stream.codec_context.open()
        stream.codec_context.extradata = segment.extradata
        for place, (pts, key, data) in enumerate(segment.packets):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, pts, pts, plan.time_base
            packet.is_keyframe = key
            if place in beside:
                kind, alpha = beside[place]
                extra = PacketSideData(packet_sidedata_type_from_literal(kind), len(alpha))  # type: ignore[arg-type]
                extra.update(alpha)
                packet.set_sidedata(extra)
            sink.mux(packet)
    return output


def read(path: Path, decoder: str | None = None) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        if decoder is None:
            return list(container.decode(video=0))
        context: Any = av.CodecContext.create(decoder, "r")
        return [frame for packet in container.demux(video=0) for frame in context.decode(packet)]


def colour_of(picture: av.VideoFrame) -> Colour:
    return Colour(int(picture.color_range), int(picture.color_primaries), int(picture.color_trc), int(picture.colorspace))


def psnr(one: av.VideoFrame, other: av.VideoFrame, peak: int) -> float:
    error = [float(((a.astype(float) - b) ** 2).mean()) for a, b in zip(planes_of(one), planes_of(other), strict=True)]
    return 10 * float(np.log10(peak**2 / max(*error, 1e-9)))


#: What each is tried with: the least and the most of depth, chroma and colour it claims.
TRIED = {
    "libx264": [("yuv420p", FULL_601), ("yuv422p10le", PQ), ("yuv444p", LIMITED_709)],
    "libx265": [("yuv420p10le", PQ), ("yuv444p12le", FULL_601), ("gbrp", Colour(2, 1, 13, 0))],
    "libvpx-vp9": [("yuv420p", FULL_601), ("yuv422p", LIMITED_709), ("yuv444p", LIMITED_709), ("gbrp", Colour(2, 1, 13, 0))],
    "libsvtav1": [("yuv420p", FULL_601), ("yuv420p10le", PQ)],
    "prores_ks": [("yuv422p10le", LIMITED_709), ("yuv444p10le", PQ), ("yuva444p10le", LIMITED_709)],
    "ffv1": [("yuv420p", FULL_601), ("yuva444p16le", PQ), ("gbrp14le", Colour(2, 1, 13, 0)), ("gray16le", LIMITED_709)],
}
