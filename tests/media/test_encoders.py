"""Every encoder in every container it claims: depth, chroma, colour, fields, HDR and alpha come out as they went in."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from numpy.typing import NDArray

from roop_host import MediaOptions
from roop_host.errors import OutputError, UsageError
from roop_host.media import encode
from roop_host.media.choosing import choose_encoder
from roop_host.media.conversion import Converter, colour_in, losses
from roop_host.media.encode import ALPHA_SIDE_DATA, EncoderPlan, SegmentEncoder, apply_plan, decode_segments, intermediate
from roop_host.media.encoders import ENCODERS, QUALITY_POINTS, formats_of, quality_rows
from roop_host.media.info import Colour, FieldOrder, Hdr, MediaInfo
from roop_host.media.marks import Marks
from roop_host.media.mux import mux
from roop_host.media.pixel_formats import layout_of
from roop_host.media.reader import AvPixels
from roop_host.media.segments import SegmentPackets, segment_name, write_segment
from roop_host.media.settings import settings_of
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
    mux(plan, info, [output.parent / segment_name(0)], output, MARKS, cancel=threading.Event())
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


CLAIMS = [(row.name, suffix) for row in SOFTWARE for suffix in sorted(row.containers)]
#: What each is tried with: the least and the most of depth, chroma and colour it claims.
TRIED = {
    "libx264": [("yuv420p", FULL_601), ("yuv422p10le", PQ), ("yuv444p", LIMITED_709)],
    "libx265": [("yuv420p10le", PQ), ("yuv444p12le", FULL_601), ("gbrp", Colour(2, 1, 13, 0))],
    "libvpx-vp9": [("yuv420p", FULL_601), ("yuv422p", LIMITED_709), ("yuv444p", LIMITED_709), ("gbrp", Colour(2, 1, 13, 0))],
    "libsvtav1": [("yuv420p", FULL_601), ("yuv420p10le", PQ)],
    "prores_ks": [("yuv422p10le", LIMITED_709), ("yuv444p10le", PQ), ("yuva444p10le", LIMITED_709)],
    "ffv1": [("yuv420p", FULL_601), ("yuva444p16le", PQ), ("gbrp14le", Colour(2, 1, 13, 0)), ("gray16le", LIMITED_709)],
}


@pytest.mark.parametrize(("name", "suffix"), CLAIMS)
def test_an_encoder_in_each_container_it_claims(name: str, suffix: str, tmp_path: Path) -> None:
    for pix_fmt, colour in TRIED[name]:
        info = target(pix_fmt, colour=colour)
        frames = frames_of(info)
        plan = choose_encoder(info, MediaOptions(encoder=name), tmp_path / f"o{suffix}", threads=2)
        assert (plan.name, plan.pix_fmt) == (name, pix_fmt)
        shown = read(written(plan, info, frames, tmp_path / f"o{suffix}"))
        assert len(shown) == len(frames)
        # Of ProRes 4444 the decoder always gives 12 bit.
        assert shown[0].format.name.replace("j", "") == (
            pix_fmt.replace("444p10", "444p12") if name == "prores_ks" else pix_fmt
        )
        assert colour_of(shown[0]) == colour
        if shown[0].format.name.replace("j", "") == pix_fmt:
            of_frames = [psnr(a, b.pixels.av_frame, info.layout.peak) for a, b in zip(shown, frames, strict=True)]  # type: ignore[attr-defined]
            assert min(of_frames) > (60 if name in ("ffv1", "prores_ks") else 38)


@pytest.mark.parametrize("name", [row.name for row in SOFTWARE])
@pytest.mark.parametrize("width", [134, 202])
def test_equal_bytes_when_repeated_whatever_lies_beside_the_picture(name: str, width: int, tmp_path: Path) -> None:
    row = ENCODERS[name]
    suffix = sorted(row.containers)[0]
    for pix_fmt in {TRIED[name][0][0], TRIED[name][-1][0]}:
        info = target(pix_fmt, size=(width, 98))
        plan = choose_encoder(info, MediaOptions(encoder=name), tmp_path / f"o{suffix}", threads=2)
        assert len({encoded(plan, frames_of(info, 12, padding=padding)).packets for padding in (0, 99, 0)}) == 1


# Kind of input, container, and what auto makes of it.
AUTO = [
    (target(), ".mp4", "libx264", "yuv420p"),
    (target("yuv422p10le"), ".mov", "libx264", "yuv422p10le"),
    (target("yuv420p10le"), ".mkv", "libx264", "yuv420p10le"),
    (target("yuv420p10le", colour=PQ, codec="hevc"), ".mp4", "libx265", "yuv420p10le"),
    (target("yuv420p10le", colour=PQ, codec="hevc"), ".mov", "libx265", "yuv420p10le"),
    (target("yuv422p12le"), ".mkv", "libx265", "yuv422p12le"),
    (target("yuv422p10le", codec="prores"), ".mov", "prores_ks", "yuv422p10le"),
    (target("yuv422p10le", codec="prores"), ".mkv", "prores_ks", "yuv422p10le"),
    (target("yuv422p10le", codec="prores"), ".mp4", "libx264", "yuv422p10le"),
    (target("yuva444p12le", codec="prores"), ".mov", "prores_ks", "yuva444p10le"),
    (target("gbrap", codec="png"), ".mov", "prores_ks", "yuva444p10le"),
    (target("gbrp", codec="png"), ".mkv", "ffv1", "bgr0"),
    (target("gbrap", codec="qtrle"), ".mkv", "ffv1", "bgra"),
    (target("yuv422p", codec="utvideo"), ".mkv", "ffv1", "yuv422p"),
    (target("yuv422p", codec="huffyuv"), ".mp4", "libx264", "yuv422p"),
    (target("yuva420p", codec="libvpx-vp9"), ".webm", "libvpx-vp9", "yuva420p"),
    (target("yuva420p", codec="libvpx-vp9"), ".mkv", "libvpx-vp9", "yuva420p"),
    (target("yuv444p"), ".webm", "libvpx-vp9", "yuv444p"),
    (target("yuv420p10le", colour=PQ), ".webm", "libsvtav1", "yuv420p10le"),
    (target(size=(131, 97)), ".mp4", "libvpx-vp9", "yuv420p"),
    (target("yuv420p10le", size=(131, 97)), ".mp4", "libsvtav1", "yuv420p10le"),
    (target("yuv444p", size=(131, 97)), ".mp4", "libx264", "yuv444p"),
    (target(field_order="tff"), ".mp4", "libx264", "yuv420p"),
    (target("yuv420p12le", field_order="bff"), ".mkv", "ffv1", "yuv420p12le"),
    (target("gray"), ".mov", "libx264", "gray"),
]


@pytest.mark.parametrize(("info", "suffix", "name", "pix_fmt"), AUTO)
def test_auto_loses_nothing_of_the_kind(info: MediaInfo, suffix: str, name: str, pix_fmt: str) -> None:
    plan = choose_encoder(info, MediaOptions(), Path(f"o{suffix}"), threads=2)
    assert (plan.name, plan.pix_fmt) == (name, pix_fmt)
    encoded(plan, frames_of(info, 2))


# What nothing in the container carries: the sentence names what can.
REFUSED: list[tuple[MediaInfo, str, dict[str, Any], str]] = [
    (
        target("yuva420p"),
        ".mp4",
        {},
        r"no encoder for \.mp4 keeps all of yuva420p at 128x96; name an output in \.mov with prores_ks or \.mkv with "
        r"libvpx-vp9 or \.webm with libvpx-vp9, or add --pixel-format yuv420p \(no alpha\)$",
    ),
    (
        target("yuv422p10le"),
        ".webm",
        {},
        r"\.mp4 with libx264.*--pixel-format yuv420p10le \(chroma 4:2:0 instead of 4:2:2\)$",
    ),
    (target(field_order="tff"), ".webm", {}, r"yuv420p at 128x96 interlaced; .*\.mkv with libx264, or add --deinterlace$"),
    (
        target(field_order="tff"),
        ".mp4",
        {"encoder": "libx265"},
        r"interlaced frames; add --deinterlace; --encoder libx264 can",
    ),
    (
        target(),
        ".mp4",
        {"encoder": "prores_ks"},
        r"\.mp4 does not hold ProRes \(these do: \.mkv, \.mov\); --encoder libx264",
    ),
    (
        target(size=(131, 97)),
        ".mp4",
        {"encoder": "libx265", "pixel_format": "yuv420p"},
        r"it does not carry yuv420p at the odd size 131x97; --encoder libvpx-vp9 can",
    ),
    (target(), ".mp4", {"encoder": "libx264x"}, r"no encoder is called 'libx264x'; did you mean 'libx264'\?"),
    (target(), ".mp4", {"pixel_format": "yuv42p"}, r"'yuv42p' is one that no encoder has; did you mean 'yuv42\dp'\?"),
    (target(), ".mp4", {"pixel_format": "cuda"}, r"one that no encoder has"),
    (
        target(),
        ".mp4",
        {"encoder": "libsvtav1", "pixel_format": "yuv444p"},
        r"it has no yuv444p; did you mean 'yuv420p'\? \(it has yuv420p, yuv420p10le\)",
    ),
    (target(), ".webm", {"pixel_format": "yuv422p10le"}, r"no encoder for \.webm has yuv422p10le"),
    (
        target(),
        ".mp4",
        {"preset": "10"},
        r"libx264 has no preset '10'; it is one of --encoder libsvtav1 \(there are: ultraf",
    ),
    (target(), ".mkv", {"encoder": "ffv1", "preset": "10"}, "ffv1 has no --preset"),
    (target(), ".mp4", {"encoder": "h264_videotoolbox"}, "this build of FFmpeg does not have it; --encoder libx264 can"),
]


@pytest.mark.parametrize(("info", "suffix", "asked", "message"), REFUSED)
def test_what_is_refused_and_what_can(info: MediaInfo, suffix: str, asked: dict[str, Any], message: str) -> None:
    if "videotoolbox" in asked.get("encoder", "") and formats_of(asked["encoder"]):
        pytest.skip("this build has it")
    with pytest.raises(UsageError, match=message):
        choose_encoder(info, MediaOptions(**asked), Path(f"o{suffix}"), threads=1)


# --pixel-format: what is lost is said.
ON_REQUEST = [
    (target("yuv422p10le"), "yuv420p", ["8 bit instead of 10, chroma 4:2:0 instead of 4:2:2"], LIMITED_709),
    (target("yuva420p"), "yuv420p", ["gives no alpha"], LIMITED_709),
    (target("gbrp", colour=Colour(2, 1, 13, 0)), "yuv420p", ["chroma 4:2:0 instead of 4:4:4"], LIMITED_709),
    (target("yuv420p10le", colour=PQ), "yuv420p", ["8 bit instead of 10", "HDR in 8 bit shows steps"], PQ),
    (target("yuv420p"), "yuv444p10le", [], LIMITED_709),
]


@pytest.mark.parametrize(("info", "asked", "told", "colour"), ON_REQUEST)
def test_conversion_on_request(info: MediaInfo, asked: str, told: list[str], colour: Colour, tmp_path: Path) -> None:
    plan = choose_encoder(info, MediaOptions(pixel_format=asked), tmp_path / "o.mp4", threads=1)
    assert plan.pix_fmt == asked
    assert len(plan.notices) == len(told)
    assert all(part in notice for part, notice in zip(told, plan.notices, strict=True))
    (shown, *_) = read(written(plan, info, frames_of(info), tmp_path / "o.mp4"))
    assert (shown.format.name, colour_of(shown)) == (asked, colour)


def test_an_unusual_format_is_said_but_not_of_a_target_that_is_so_already() -> None:
    (told,) = choose_encoder(target("yuv444p", codec="vp9"), MediaOptions(), Path("o.mp4"), threads=1).notices
    assert told == "yuv444p keeps all of the target; players that can't show it take --pixel-format yuv420p"
    assert not choose_encoder(target("yuv444p", codec="h264"), MediaOptions(), Path("o.mp4"), threads=1).notices
    (told,) = choose_encoder(target("yuva444p12le", codec="prores"), MediaOptions(), Path("o.mov"), threads=1).notices
    assert told == "the encoder prores_ks gives 10 bit instead of 12"


def converted(info: MediaInfo, pix_fmt: str) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """The planes of the first frame, and what becomes of them."""
    frame = frames_of(info, 1)[0]
    colour = colour_in(pix_fmt, info.colour, info.layout, full_range=True)
    picture = Converter(pix_fmt, colour, None)(frame.pixels.av_frame, info.layout)  # type: ignore[attr-defined]
    return list(frame.pixels.planes), planes_of(picture)


def test_rgb_becomes_bt709_of_limited_range() -> None:
    info = target("gbrp", colour=Colour(2, 1, 13, 0))
    (b, g, r), (y, u, v) = converted(info, "yuv444p10le")
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    exact = [
        4 * (16 + luma * 219 / 255),
        512 + 4 * (b - luma) / 1.8556 * 224 / 255,
        512 + 4 * (r - luma) / 1.5748 * 224 / 255,
    ]
    for got, wanted in zip((y, u, v), exact, strict=True):
        assert np.abs(got - wanted).max() < 1.6
        assert abs((got - wanted).mean()) < 0.3


@pytest.mark.parametrize(
    ("pix_fmt", "packed", "back"),
    [
        ("yuv420p", "nv12", "yuv420p"),
        ("yuv420p10le", "p010le", "yuv420p10le"),
        ("gbrp", "bgr0", "gbrp"),
        ("gbrap", "bgra", "gbrap"),
    ],
)
def test_repacking_changes_no_sample(pix_fmt: str, packed: str, back: str) -> None:
    info = target(pix_fmt, size=(134, 98))
    frame = frames_of(info, 1)[0]
    before = [plane.copy() for plane in frame.pixels.planes]
    picture = Converter(packed, info.colour, None)(frame.pixels.av_frame, info.layout)  # type: ignore[attr-defined]
    assert picture.format.name == packed
    after = planes_of(Converter(back, info.colour, None)(picture, info.layout))
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_full_range_reaches_an_encoder_without_it_as_limited(tmp_path: Path) -> None:
    info = target("yuv422p", colour=FULL_601, codec="mjpeg")
    plan = choose_encoder(info, MediaOptions(encoder="prores_ks"), tmp_path / "o.mov", threads=1)
    assert plan.colour == Colour(1, 6, 6, 6)
    assert plan.notices == ("the encoder prores_ks gives limited range instead of full",)
    frames = frames_of(info)
    (shown, *_) = read(written(plan, info, frames, tmp_path / "o.mov"))
    assert colour_of(shown) == plan.colour
    wanted = 4 * (16 + frames[0].pixels.planes[0].astype(float) * 219 / 255)
    assert np.abs(planes_of(shown)[0] - wanted).mean() < 1.5


@pytest.mark.parametrize(
    ("name", "suffix"), [("libx265", ".mp4"), ("libx265", ".mkv"), ("libx264", ".mp4"), ("libsvtav1", ".mkv")]
)
def test_hdr_metadata_reaches_the_frames(name: str, suffix: str, tmp_path: Path) -> None:
    info = target("yuv420p10le", colour=PQ, hdr=GRADED)
    plan = choose_encoder(info, MediaOptions(encoder=name), tmp_path / f"o{suffix}", threads=1)
    (shown, *_) = read(written(plan, info, frames_of(info), tmp_path / f"o{suffix}"))
    beside = {data.type.name: np.frombuffer(data, np.int32) for data in shown.side_data if len(bytes(data)) % 4 == 0}  # type: ignore[call-overload]
    # AVMasteringDisplayMetadata: red, green, blue, white, least, most as fractions; AVContentLightMetadata: two numbers.
    numbers = beside["MASTERING_DISPLAY_METADATA"][:20].reshape(-1, 2)
    told = numbers[:, 0] / numbers[:, 1]
    gx, gy, bx, by, rx, ry, wx, wy, most, least = GRADED.mastering
    exact = np.array([rx, ry, gx, gy, bx, by, wx, wy]) / 50_000
    assert np.abs(told[:8] - exact).max() < 1e-4
    assert told[8:] == pytest.approx([least / 10_000, most / 10_000], abs=1e-4)
    assert tuple(beside["CONTENT_LIGHT_LEVEL"]) == GRADED.light
    assert not plan.notices


def test_what_does_not_keep_hdr_metadata_says_so() -> None:
    info = target("yuv420p10le", colour=PQ, hdr=GRADED)
    assert "brightness" in choose_encoder(info, MediaOptions(encoder="ffv1"), Path("o.mkv"), threads=1).notices[0]


@pytest.mark.parametrize(
    ("name", "suffix", "pix_fmt", "field_order"),
    [
        (name, suffix, pix_fmt, order)
        for (name, suffix, pix_fmt), order in product(
            [("libx264", ".mp4", "yuv420p"), ("ffv1", ".mkv", "yuv420p"), ("prores_ks", ".mov", "yuv422p10le")],
            ("tff", "bff"),
        )
    ],
)
def test_fields_are_kept(name: str, suffix: str, pix_fmt: str, field_order: FieldOrder, tmp_path: Path) -> None:
    info = target(pix_fmt, field_order=field_order)
    plan = choose_encoder(info, MediaOptions(encoder=name), tmp_path / f"o{suffix}", threads=1)
    shown = read(written(plan, info, frames_of(info), tmp_path / f"o{suffix}"))
    assert all(picture.interlaced_frame for picture in shown)
    assert first_fields(tmp_path / f"o{suffix}") == {field_order}


def first_fields(path: Path) -> set[str]:
    """Which field of each frame FFmpeg takes as the first: it alone looks at that flag, so a filter is asked."""
    shown = set()
    for picture in read(path):
        kept = planes_of(picture)[0]
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 25)
        )
        split, sink = graph.add("separatefields"), graph.add("buffersink")
        source.link_to(split)
        split.link_to(sink)
        graph.configure()
        graph.push(picture)
        first = planes_of(graph.pull())[0]  # type: ignore[arg-type]
        shown.add("tff" if np.array_equal(first, kept[0::2]) else "bff")
    return shown


def test_fields_are_converted_each_for_itself(tmp_path: Path) -> None:
    info = target("yuv444p", field_order="tff")
    frame = frames_of(info, 1)[0]
    for plane in frame.pixels.planes[1:]:
        plane[0::2], plane[1::2] = 60, 200
    plan = choose_encoder(info, MediaOptions(pixel_format="yuv420p"), Path("o.mkv"), threads=1)
    pair = [Converter("yuv444p", info.colour, "tff"), Converter("yuv420p", plan.colour, "tff")]
    picture = frame.pixels.av_frame  # type: ignore[attr-defined]
    picture.pts, picture.time_base = 0, info.time_base
    for convert in pair:  # the first only marks the frame, as a decoder does
        picture = convert(picture, info.layout)
    chroma = planes_of(picture)[1]
    assert set(np.unique(chroma[0::2])) == {60}
    assert set(np.unique(chroma[1::2])) == {200}


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_alpha_of_vp9_goes_beside_the_packets(suffix: str, tmp_path: Path) -> None:
    info = target("yuva420p")
    frames = frames_of(info)
    plan = choose_encoder(info, MediaOptions(quality=100), tmp_path / f"o{suffix}", threads=2)
    segment = encoded(plan, frames)
    assert [(place, kind) for place, kind, _ in segment.side_data] == [(n, ALPHA_SIDE_DATA) for n in range(len(frames))]
    shown = read(muxed_plainly(plan, segment, tmp_path / f"o{suffix}"), "libvpx-vp9")
    assert len(shown) == len(frames)
    for picture, frame in zip(shown, frames, strict=True):
        assert picture.format.name == "yuva420p"
        assert np.abs(planes_of(picture)[3].astype(int) - frame.pixels.planes[3]).mean() < 2


@pytest.mark.parametrize(("pix_fmt", "channels"), [("gbrp", 3), ("gbrap", 4)])
def test_an_intermediate_is_exact(pix_fmt: str, channels: int, tmp_path: Path) -> None:
    info = target(pix_fmt, size=(131, 97), codec="gif")
    plan = intermediate(info, threads=2)
    frames = frames_of(info, 10)
    for index, some in enumerate((frames[:6], frames[6:])):
        write_segment(tmp_path, index, encoded(plan, some))
    got = list(decode_segments(plan, [tmp_path / segment_name(0), tmp_path / segment_name(1)]))
    assert [(pts, duration) for pts, duration, _ in got] == [(frame.pts, frame.duration) for frame in frames]
    for (_, _, picture), frame in zip(got, frames, strict=True):
        b, g, r, *alpha = frame.pixels.planes
        assert picture.shape == (97, 131, channels)
        assert np.array_equal(picture, np.dstack([r, g, b, *alpha]))


def test_a_damaged_intermediate_is_told(tmp_path: Path) -> None:
    info = target("gbrp")
    plan = intermediate(info, threads=1)
    write_segment(tmp_path, 0, encoded(plan, frames_of(info, 3)))
    path = tmp_path / segment_name(0)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(OutputError, match="is damaged"):
        list(decode_segments(plan, [path]))


class Failing:
    """An encoder of a driver that gave up."""

    def encode(self, picture: object) -> list[av.Packet]:
        raise av.error.ExternalError(1, "out of luck")


def test_an_encoder_that_fails_in_the_middle_names_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    info = target()
    plan = choose_encoder(info, MediaOptions(), Path("o.mp4"), threads=1)
    encoder = SegmentEncoder(plan)
    with pytest.raises(
        OutputError, match=r"libx264 failed at frame 4 \(it is 64x48 and not 128x96\); take another --encoder"
    ):
        encoder.encode(frames_of(target(size=(64, 48)), 5)[4])
    monkeypatch.setattr(encode, "open_context", lambda plan: Failing())
    encoder = SegmentEncoder(plan)
    with pytest.raises(OutputError, match=r"failed at frame 0 \(out of luck\)"):
        encoder.encode(frames_of(info, 1)[0])
    with pytest.raises(OutputError, match=r"failed at the last of 1 frames of a segment \(out of luck\)"):
        encoder.finish()


def test_grey_in_h264_is_grey_of_which_decoders_make_colour(tmp_path: Path) -> None:
    info = target("gray")
    frames = frames_of(info)
    plan = choose_encoder(info, MediaOptions(quality=100), tmp_path / "o.mp4", threads=1)
    assert plan.pix_fmt == "gray"
    shown = read(written(plan, info, frames, tmp_path / "o.mp4"))
    for picture, frame in zip(shown, frames, strict=True):
        luma, *chroma = planes_of(picture)
        assert np.abs(luma.astype(int) - frame.pixels.planes[0]).mean() < 1.5
        assert all(set(np.unique(plane)) == {128} for plane in chroma)


def test_chroma_is_upsampled_only_where_nothing_else_can_or_on_request() -> None:
    info = target(size=(131, 97))
    plan = choose_encoder(info, MediaOptions(encoder="libx265"), Path("o.mp4"), threads=1)
    assert plan.pix_fmt == "yuv444p"
    assert plan.notices[0].startswith("yuv444p keeps all")
    assert choose_encoder(info, MediaOptions(), Path("o.mp4"), threads=1).pix_fmt == "yuv420p"
    assert choose_encoder(info, MediaOptions(), Path("o.mov"), threads=1).pix_fmt == "yuv444p"


@pytest.mark.parametrize("row", SOFTWARE, ids=lambda row: row.name)
def test_quality_and_presets_reach_the_encoder(row: Any) -> None:
    suffix, pix_fmt = sorted(row.containers)[0], TRIED[row.name][0][0]
    info = target(pix_fmt, size=(256, 192))
    frames = frames_of(info, 6)

    def size(**options: Any) -> int:
        plan = choose_encoder(info, MediaOptions(encoder=row.name, **options), Path(f"o{suffix}"), threads=1)
        return sum(len(data) for _, _, data in encoded(plan, frames).packets)

    if row.lossless:
        assert size(quality=0) == size(quality=100)
    else:
        assert size(quality=0) < size(quality=50) < size(quality=100)
    plans = [
        choose_encoder(info, MediaOptions(encoder=row.name, preset=preset), Path(f"o{suffix}"), threads=1)
        for preset in (*row.presets[:1], *row.presets[-1:])
    ]
    assert len({encoded(plan, frames).packets for plan in plans}) == len(plans)


def test_the_table_of_qualities() -> None:
    rows = {name: more for name, *more in quality_rows()}
    assert rows["libx264"][:6] == ["crf", "40", "33.12", "26.25", "18", "12.5"]
    assert rows["ffv1"][1] == "lossless"
    assert rows["prores_ks"][4] == "hq / 4444"
    assert all(len(row) == 2 + len(QUALITY_POINTS) and row[-1] for row in rows.values())


def test_the_hardware_encoders_know_the_options_and_presets_they_are_given() -> None:
    """FFmpeg passes over an option it does not know, so a wrong name would do nothing."""
    tried = 0
    for row in ENCODERS.values():
        if row.hardware and formats_of(row.name):
            known = av.CodecContext.create(row.name, "w").supported_options
            names = {option.name: option for option in (*known.generic, *known.private)}
            options = dict(settings_of(row, target(), MediaOptions(), "nv12"))
            assert set(options) <= set(names), row.name
            assert set(row.presets) <= {choice.name for choice in names["preset"].choices}, row.name
            assert row.reorder == 0
            # They list these, and drop alpha and depth without a word.
            assert not {"bgra", "rgba", "p016le", "gbrp", "cuda", "qsv", "amf"} & set(formats_of(row.name))
            assert options.get("bf", "0") == "0"
            tried += 1
    assert tried


def test_hardware_is_never_taken_unasked() -> None:
    names = {choose_encoder(info, MediaOptions(), Path(f"o{suffix}"), threads=1).name for info, suffix, *_ in AUTO}
    assert not any(ENCODERS[name].hardware for name in names)


def test_losses_are_said_in_words() -> None:
    assert losses("yuv420p", layout_of("yuv420p", LIMITED_709, 96)) == []
    assert losses("gbrp", layout_of("yuv444p", LIMITED_709, 96)) == ["no colours that R, G, B can't hold"]
    assert losses("yuv440p", layout_of("yuv422p", LIMITED_709, 96)) == ["chroma 4:4:0 instead of 4:2:2"]


def test_svtav1_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    choose_encoder(target(), MediaOptions(encoder="libsvtav1"), Path("o.mp4"), threads=1)
    assert os.environ["SVT_LOG"]
    assert "Svt" not in capfd.readouterr().err
