"""Every encoder in every container it claims: depth, chroma, colour, fields, HDR and alpha come out as they went in."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from made import (
    FULL_601,
    GRADED,
    PQ,
    SOFTWARE,
    TRIED,
    colour_of,
    encoded,
    frames_of,
    muxed_plainly,
    planes_of,
    psnr,
    read,
    target,
    written,
)
from numpy.typing import NDArray

from roop_host import MediaOptions
from roop_host.errors import OutputError
from roop_host.media.info import Colour, FieldOrder, MediaInfo
from roop_host.media.reading.probe import probe
from roop_host.media.segments import segment_name, write_segment
from roop_host.media.writing import encode
from roop_host.media.writing.choosing import choose_encoder
from roop_host.media.writing.conversion import Converter, colour_in
from roop_host.media.writing.encode import ALPHA_SIDE_DATA, SegmentEncoder, decode_segments, intermediate
from roop_host.media.writing.encoders import ENCODERS

CLAIMS = [(row.name, suffix) for row in SOFTWARE for suffix in sorted(row.containers)]


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
    assert probe(tmp_path / f"o{suffix}").field_order == field_order


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
