"""Every kind of video comes in as it is: depth, chroma, alpha, range, colour, fields, shape, and which track."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_clip, matrix_offset
from numpy.typing import NDArray

from roop_host import Box, MediaOptions, StreamInfo
from roop_host.media.info import Hdr, MediaInfo
from roop_host.media.raw import raw_frame, raw_info
from roop_host.media.reading.course import Shot
from roop_host.media.reading.filters import Deinterlacer, Scaler, deinterlaces
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.media.reading.timing import as_read, reading_of
from roop_host.types.frame import Frame

X264 = {"crf": "10", "bf": "2"}
HDR10 = (
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400:log-level=error"
)


def read(path: Path, **asked: Any) -> tuple[MediaInfo, list[Frame]]:
    info = as_read(probe(path), reading_of(MediaOptions(**asked)))
    with VideoReader(info, threads=2) as reader:
        return info, list(reader.frames())


def write(path: Path, encoder: str, pix_fmt: str, pictures: list[NDArray[Any]], **more: Any) -> Path:
    """A clip of R, G, B (and alpha) pictures; ``more`` are attributes of the encoder."""
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream(encoder, rate=25, options=more.pop("options", {}))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        flags = more.pop("flags", 0)
        for name, value in more.items():
            setattr(stream.codec_context, name, value)
        stream.codec_context.flags |= flags
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[2] == 4 else "rgb24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts = number
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


def gradient(size: tuple[int, int] = (64, 48), number: int = 0) -> NDArray[np.uint8]:
    y, x = np.mgrid[: size[1], : size[0]]
    return np.stack([(x * 3 + number * 4) % 200, (y * 4) % 200, (x + y) % 200], -1).astype(np.uint8) + 20


@pytest.mark.parametrize(
    ("name", "encoder", "pix_fmt", "options", "read_as"),
    [
        ("a.mp4", "libx264", "yuv420p", X264, "yuv420p"),
        ("a.mov", "libx264", "yuv422p", X264, "yuv422p"),
        ("a.m4v", "libx264", "yuv444p", X264, "yuv444p"),
        ("a.mkv", "libx264", "yuvj420p", X264, "yuv420p"),
        ("a.mkv", "libx264", "yuv420p10le", X264, "yuv420p10le"),
        ("b.mkv", "libx264", "yuv422p10le", X264, "yuv422p10le"),
        ("c.mkv", "libx264", "gray", X264, "yuv420p"),  # so FFmpeg's decoder gives it
        ("e.mkv", "libx265", "gray", {"x265-params": "log-level=error"}, "gray"),
        ("d.mkv", "libx264rgb", "rgb24", {"crf": "10"}, "gbrp"),
        ("a.ts", "libx264", "yuv420p", X264, "yuv420p"),
        ("a.avi", "libx264", "yuv420p", {"crf": "10", "bf": "0"}, "yuv420p"),
        ("e.mp4", "libx265", "yuv420p", {"x265-params": "log-level=error"}, "yuv420p"),
        ("f.mp4", "libx265", "yuv420p12le", {"x265-params": "log-level=error"}, "yuv420p12le"),
        ("a.webm", "libvpx", "yuv420p", {"crf": "8", "b": "1M"}, "yuv420p"),
        ("b.webm", "libvpx-vp9", "yuv420p", {"crf": "20", "b": "0"}, "yuv420p"),
        ("g.mp4", "libsvtav1", "yuv420p10le", {"crf": "20"}, "yuv420p10le"),
        ("b.avi", "mpeg4", "yuv420p", {"qscale": "2"}, "yuv420p"),
        ("h.mov", "prores_ks", "yuv422p10le", {}, "yuv422p10le"),
        ("c.avi", "mjpeg", "yuvj422p", {"qmin": "2", "qmax": "2"}, "yuv422p"),
        ("i.mov", "png", "rgb24", {"pred": "none"}, "gbrp"),
        ("j.mov", "png", "gray", {"pred": "none"}, "gray"),
        ("k.mov", "png", "rgb48be", {"pred": "none"}, "gbrp16le"),
        ("l.mkv", "ffv1", "yuv411p", {}, "yuv411p"),
        ("m.mkv", "ffv1", "yuv440p", {}, "yuv440p"),
        ("n.mkv", "ffv1", "yuv444p16le", {}, "yuv444p16le"),
        ("o.mkv", "ffv1", "gray10le", {}, "gray10le"),
        ("p.3gp", "mpeg4", "yuv420p", {"qscale": "2"}, "yuv420p"),
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (62, 46)])
def test_every_kind_is_read(
    name: str, encoder: str, pix_fmt: str, options: dict[str, str], read_as: str, size: tuple[int, int], tmp_path: Path
) -> None:
    pictures = [gradient(size, number) for number in range(4)]
    path = write(tmp_path / name, encoder, pix_fmt, pictures, options=options)
    info, frames = read(path)
    assert (info.pix_fmt, info.width, info.height, len(frames)) == (read_as, *size, 4)
    assert info.layout.full_range == (pix_fmt.startswith("yuvj") or info.layout.model == "rgb" or name == "j.mov")
    assert info.left_out == ()
    for number, frame in enumerate(frames):
        wanted = pictures[number][..., ::-1].astype(int)
        if pix_fmt.startswith("gray"):
            wanted = np.repeat((wanted @ [0.114, 0.587, 0.299])[..., None], 3, -1)
        near = 16 if name == "c.mkv" else {"yuv420p": 11, "yuv411p": 14}.get(read_as, 9 if "420" in read_as else 7)
        assert np.abs(frame.bgr().astype(int) - wanted).mean() < near
        assert frame.time == Fraction(number, 25) + (Fraction(2, 25) if name == "a.ts" else 0)


ODD = [("yuv420p", "ffv1"), ("yuv422p", "ffv1"), ("yuv411p", "ffv1"), ("yuv444p", "libx264"), ("gray", "libx264")]


@pytest.mark.parametrize(("pix_fmt", "encoder"), ODD)
def test_odd_sizes(pix_fmt: str, encoder: str, tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", encoder, pix_fmt, [gradient((61, 47))] * 2)
    info, frames = read(path)
    assert (info.width, info.height, frames[0].bgr().shape) == (61, 47, (47, 61, 3))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("name", "encoder", "pix_fmt", "options", "decoder", "read_as"),
    [
        ("a.webm", "libvpx-vp9", "yuva420p", {"crf": "10", "b": "0"}, "libvpx-vp9", "yuva420p"),
        ("a.mkv", "libvpx", "yuva420p", {"crf": "4", "b": "2M"}, "libvpx", "yuva420p"),
        ("a.mov", "prores_ks", "yuva444p10le", {"profile": "4444"}, None, "yuva444p12le"),
        ("b.mov", "png", "rgba", {"pred": "none"}, None, "gbrap"),
        ("c.mov", "qtrle", "argb", {}, None, "gbrap"),
        ("b.mkv", "ffv1", "yuva420p", {}, None, "yuva420p"),
    ],
)
def test_alpha_comes_in(
    name: str,
    encoder: str,
    pix_fmt: str,
    options: dict[str, str],
    decoder: str | None,
    read_as: str,
    threads: int,
    tmp_path: Path,
) -> None:
    pictures = []
    for number in range(6):
        alpha = np.full((48, 64, 1), 255, np.uint8)
        alpha[8:32, 4 * number : 4 * number + 24] = 40
        pictures.append(np.concatenate([gradient(number=number), alpha], -1))
    info = probe(
        write(
            tmp_path / name,
            encoder,
            pix_fmt,
            pictures,
            options={"auto-alt-ref": "0", **options} if "vpx" in encoder else options,
        )
    )
    assert (info.decoder, info.pix_fmt, info.layout.alpha) == (decoder, read_as, True)
    with VideoReader(info, threads=threads) as reader:
        frames = list(reader.frames())
    assert len(frames) == 6
    for frame, picture in zip(frames, pictures, strict=True):
        alpha_in = frame.alpha()
        assert alpha_in is not None
        assert np.abs(alpha_in * 255 - picture[..., 3]).mean() < 3


def test_hdr_and_its_tags(tmp_path: Path) -> None:
    tags = {"color_primaries": 9, "color_trc": 16, "colorspace": 9, "color_range": 1}
    path = write(tmp_path / "a.mp4", "libx265", "yuv420p10le", [gradient()] * 3, options={"x265-params": HDR10}, **tags)
    info = probe(path)
    mastering = (13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10000000, 50)
    assert info.hdr == Hdr(mastering, (1000, 400))
    assert info.colour.hdr
    assert info.layout.matrix == "bt2020"
    plain = probe(make_clip(tmp_path / "b.mp4", frames=2, sound=False))
    assert plain.hdr == Hdr()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p12le"])
@pytest.mark.parametrize("full", [1, 2])
@pytest.mark.parametrize(("space", "transfer"), [(1, 1), (6, 6), (9, 16), (9, 18), (2, 2)])
def test_a_region_put_back_keeps_every_code_value(
    pix_fmt: str, full: int, space: int, transfer: int, tmp_path: Path
) -> None:
    tags = {"color_primaries": space, "color_trc": transfer, "colorspace": space, "color_range": full}
    path = tmp_path / "a.mkv"
    random = np.random.default_rng(0)
    deep = pix_fmt.endswith("le")
    depth = int(pix_fmt[-4:-2]) if deep else 8
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for number, (least, most) in enumerate([(0.0, 1.0), (0.45, 0.55)]):  # colours that cannot be, and those that can
            frame = av.VideoFrame(64, 48, pix_fmt)
            for plane in frame.planes:
                values = random.uniform(least, most, plane.buffer_size // (2 if deep else 1)) * ((1 << depth) - 1)
                plane.update(values.astype(np.uint16 if deep else np.uint8).tobytes())
            frame.pts = number
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    info, (wild, tame) = read(path)
    assert (info.colour.space, info.colour.transfer, info.layout.full_range) == (space, transfer, full == 2)
    box = Box(9, 7, 50, 41)
    for frame_in in (wild, tame):
        before = [plane.copy() for plane in frame_in.pixels.planes]
        for kind in (np.uint8, np.float32):
            frame_in.put(box, frame_in.bgr(box, kind))
        assert all(np.array_equal(a, b) for a, b in zip(before, frame_in.pixels.planes, strict=True))
    before = [plane.copy() for plane in tame.pixels.planes]
    tame.put(box, np.full((box.height, box.width, 3), (0.2, 0.5, 0.7), np.float32))
    assert np.abs(tame.bgr(Box(12, 10, 48, 38), np.float32) - (0.2, 0.5, 0.7)).max() < 0.02
    after = tame.pixels.planes[0].copy()
    after[box.y0 : box.y1, box.x0 : box.x1] = before[0][box.y0 : box.y1, box.x0 : box.x1]
    assert np.array_equal(after, before[0])


def weaved(number: int, size: tuple[int, int] = (128, 96)) -> NDArray[np.uint8]:
    """Two fields of a moving square, upper first."""
    picture = np.full((size[1], size[0], 3), 40, np.uint8)
    for field in (0, 1):
        x = 8 * number + 4 * field
        picture[20 + field : 70 : 2, x : x + 24] = 220
    return picture


def interlaced(path: Path, first: str = "tff", frames: int = 8) -> Path:
    flags = int(av.codec.context.Flags.interlaced_dct) | int(av.codec.context.Flags.interlaced_me)
    options = {"crf": "6", "bf": "2", "x264-params": f"{first}=1"}
    return write(path, "libx264", "yuv420p", [weaved(n) for n in range(frames)], flags=flags, options=options)


@pytest.mark.parametrize("first", ["tff", "bff"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_fields_are_known_and_stay_known_in_a_copy(first: str, suffix: str, tmp_path: Path) -> None:
    info, frames = read(interlaced(tmp_path / f"in{suffix}", first))
    assert info.field_order == first
    pixels: Any = frames[2].pixels
    assert pixels.av_frame.interlaced_frame
    frames[2].view()
    frames[2].put(Box(0, 0, 8, 8), np.zeros((8, 8, 3), np.uint8))
    changed: Any = frames[2].pixels
    assert changed is not pixels
    assert changed.av_frame.interlaced_frame
    assert bytes(pixels.av_frame.planes[0]) != bytes(changed.av_frame.planes[0])
    assert not np.shares_memory(pixels.planes[0], changed.planes[0])


def combed(frame: Frame) -> float:
    """How much neighbouring lines differ more than those two apart."""
    luma = frame.pixels.planes[0].astype(int)
    return float(np.abs(luma[1:-1] - luma[:-2]).mean() - np.abs(luma[2:] - luma[:-2]).mean())


def test_full_frames_are_made_of_interlaced_ones(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "in.mp4")
    _, kept = read(path)
    info, full = read(path, deinterlace=True)
    assert (info.field_order, len(full)) == (None, len(kept))
    assert [f.pts for f in full] == [f.pts for f in kept]
    assert all(combed(frame) > 3 for frame in kept[1:-1])
    assert all(combed(frame) < 0 for frame in full[1:-1])
    assert not full[3].pixels.av_frame.interlaced_frame  # type: ignore[attr-defined]


def test_interlaced_frames_that_do_not_say_so(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", "ffv1", "yuv420p", [weaved(n) for n in range(6)])
    info, full = read(path, deinterlace=True)
    assert info.reading.deinterlace == "all"
    assert all(combed(frame) < 0 for frame in full[1:-1])


def test_progressive_frames_among_interlaced_ones_stay(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=5, sound=False)
    info = replace(probe(path), field_order="tff")
    with VideoReader(as_read(info, reading_of(MediaOptions(deinterlace=True))), threads=1) as reader:
        made = [bytes(frame.pixels.av_frame.planes[0]) for frame in reader.frames()]  # type: ignore[attr-defined]
    with VideoReader(probe(path), threads=1) as reader:
        assert made == [bytes(frame.pixels.av_frame.planes[0]) for frame in reader.frames()]  # type: ignore[attr-defined]


PLANAR = (
    "gray gray16le yuv410p yuv411p yuv420p yuv422p yuv440p yuv444p yuv420p10le yuv422p12le yuv444p16le yuva420p yuva444p10le"
)


@pytest.mark.parametrize(
    "pix_fmt", [*PLANAR.split(), "gbrp", "gbrp10le", "gbrap16le", "gbrap", "gray10le", "gbrap12le", "yuva444p12le"]
)
def test_filters_keep_format_and_levels(pix_fmt: str) -> None:
    """Flat pictures of extreme values stay as they are: no range is guessed, nothing is rounded."""
    deep = pix_fmt.endswith("le")
    values = (3, 250, 17, 140) if not deep else (70, 990, 4, 600)

    def flat(pts: int) -> av.VideoFrame:
        frame = av.VideoFrame(64, 48, pix_fmt)
        for plane, value in zip(frame.planes, values, strict=False):
            kind = np.uint16 if deep else np.uint8
            plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, value, kind).tobytes())
        frame.pts, frame.time_base = pts, Fraction(1, 25)
        return frame

    def levels(frame: av.VideoFrame) -> list[int]:
        return [int(np.frombuffer(p, np.uint16 if deep else np.uint8)[3]) for p in frame.planes]

    small = Scaler(40, 30).scaled(flat(3))
    assert (small.format.name, small.width, small.height, small.pts) == (pix_fmt, 40, 30, 3)
    # swscale works with 14 bits or so, and gives the alpha of deep R, G, B only 8.
    near = 16 if pix_fmt == "gbrap12le" else 1 if pix_fmt.endswith("16le") else 0
    assert np.abs(np.subtract(levels(small), values[: len(small.planes)])).max() <= near
    shots = [Shot(number, 1, flat(number)) for number in range(3)]
    full = [shot.what for shot in Deinterlacer(every=True).shots(shots)]
    assert len(full) == 3
    assert (full[1].format.name == pix_fmt) == deinterlaces(pix_fmt)
    if deinterlaces(pix_fmt):
        assert levels(full[1]) == list(values[: len(full[1].planes)])


def test_scaling_is_of_the_upright_picture_and_keeps_detail(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", size=(160, 128), frames=3, sound=False, options={"crf": "4"})
    _, large = read(path)
    info, small = read(path, scale="80x64")
    assert (info.width, info.height, small[0].box) == (80, 64, Box(0, 0, 80, 64))
    means = large[0].bgr().reshape(64, 2, 80, 2, 3).astype(float).mean((1, 3))
    assert np.abs(means - small[0].bgr()).mean() < 2.5
    turned = replace(probe(path), rotation=90)
    with VideoReader(as_read(turned, reading_of(MediaOptions(scale="64x80"))), threads=1) as reader:
        frame = next(reader.frames())
    assert (frame.width, frame.height, frame.pixels.width, frame.pixels.height) == (64, 80, 80, 64)


def test_fields_are_scaled_each_by_themselves(tmp_path: Path) -> None:
    info, small = read(interlaced(tmp_path / "in.mp4"), scale="128x48")
    assert info.field_order == "tff"
    assert all(combed(frame) > 3 for frame in small[1:-1])


def test_frames_before_an_edit_are_not_shown(tmp_path: Path) -> None:
    """An MP4 cut at 1.37 s without encoding holds frames from the keyframe before on, and says where it begins."""
    whole = make_clip(tmp_path / "whole.mp4", frames=100, options={"crf": "20", "g": "25", "bf": "2"})
    path, cut = tmp_path / "in.mp4", Fraction(137, 100)
    with av.open(str(whole)) as a, av.open(str(path), "w") as b:
        streams = {stream.index: b.add_stream_from_template(stream) for stream in a.streams}
        for packet in a.demux():
            if packet.dts is None or packet.pts is None:
                continue
            first = cut if packet.stream.type == "audio" else Fraction(9, 10)
            if packet.dts * packet.time_base >= first:
                moved = round(cut / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - moved, packet.dts - moved, streams[packet.stream.index]
                b.mux(packet)
    info, frames = read(path)
    _, before = read(whole)
    with av.open(str(path)) as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) > len(frames)
    assert len(frames) == 65
    assert abs(frames[0].time - Fraction(3, 100)) < Fraction(1, 25)
    assert [f.bgr().tobytes() for f in frames] == [f.bgr().tobytes() for f in before[35:]]
    assert info.begin_s <= frames[0].time


def test_the_default_video_is_taken_and_others_are_told(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as sink:
        streams: list[Any] = []
        for size in ((64, 48), (96, 64), (32, 32)):
            stream = sink.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.disposition = av.stream.Disposition.default if size == (96, 64) else av.stream.Disposition(0)
            streams.append(stream)
        streams[2].metadata["title"] = "behind the scenes"
        for number in range(3):
            for stream in streams:
                frame = av.VideoFrame(stream.width, stream.height, "yuv420p")
                frame.pts = number
                sink.mux(stream.encode(frame))
        for stream in streams:
            sink.mux(stream.encode(None))
    info, frames = read(path)
    assert (info.width, info.height, len(frames)) == (96, 64, 3)
    assert frames[0].bgr().shape == (64, 96, 3)
    assert [track.label for track in info.tracks] == ["video track 0 (ffv1)", "video track 2 (ffv1, behind the scenes)"]
    assert [track.kind for track in info.tracks] == ["video", "video"]


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "in.mp4"
    plain = make_clip(tmp_path / "plain.mp4", frames=4)
    cover = write(tmp_path / "cover.mov", "png", "rgb24", [gradient((32, 32))])
    with av.open(str(plain)) as a, av.open(str(cover)) as c, av.open(str(path), "w") as b:
        streams = {stream.index: b.add_stream_from_template(stream) for stream in a.streams}
        picture = b.add_stream_from_template(c.streams.video[0])
        picture.disposition = av.stream.Disposition.attached_pic
        still = next(packet for packet in c.demux(video=0) if packet.size)
        still.stream = picture
        b.mux(still)
        for packet in a.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                b.mux(packet)
    info, frames = read(path)
    assert (info.width, info.codec, len(frames)) == (128, "h264", 4)
    assert [track.kind for track in info.tracks] == ["audio", "cover"]
    assert "cover picture 2 (png)" in [track.label for track in info.tracks]


def test_when_a_clip_begins(tmp_path: Path) -> None:
    late = probe(make_clip(tmp_path / "late.mp4", frames=13, pts=list(range(12, 25))))
    assert (late.begin_s, late.start_s) == (0, 0.48)
    ts = probe(make_clip(tmp_path / "in.ts", frames=5, sound=False))
    assert ts.begin_s == Fraction(2, 25) == Fraction(ts.start_s).limit_denominator(1000)


PACKED = b"\x00\x00\x01\xb2DivX503b1393p"


def test_packed_frames_of_an_avi_come_out_one_by_one(tmp_path: Path) -> None:
    """DivX put a P and a B frame into one packet, and an empty one after it."""
    plain = make_clip(
        tmp_path / "plain.avi", frames=16, sound=False, encoder="mpeg4", options={"bf": "1", "qscale": "3", "g": "12"}
    )
    path = tmp_path / "in.avi"
    with av.open(str(plain)) as a, av.open(str(path), "w") as b:
        source = a.streams.video[0]
        coded = [bytes(packet) for packet in a.demux(source) if packet.size]
        kinds = [data[data.index(b"\x00\x00\x01\xb6") + 4] >> 6 for data in coded]
        stream = b.add_stream_from_template(source)
        stream.codec_context.extradata = (source.codec_context.extradata or b"") + PACKED
        packed: list[bytes] = []
        for number, data in enumerate(coded):
            if kinds[number] == 2:
                packed[-1] += data
                packed.append(data[data.index(b"\x00\x00\x01\xb6") :][:4] + b"\x5b\x3f")
            else:
                packed.append(data)
        for number, data in enumerate(packed):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), number, number
            packet.is_keyframe = number == 0
            b.mux(packet)
    _, frames = read(path)
    _, wanted = read(plain)
    assert [frame.time for frame in frames] == [Fraction(k, 25) for k in range(16)]
    assert [f.bgr().tobytes() for f in frames] == [f.bgr().tobytes() for f in wanted]


def test_the_matrix_is_kept_as_it_is(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=2, sound=False)
    data = bytearray(path.read_bytes())
    at = matrix_offset(data)
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 96 << 16, 0, 1 << 30)
    path.write_bytes(data)
    info = probe(path)
    assert info.rotation == 270
    assert info.matrix[:6] == (0, 1 << 16, 0, -(1 << 16), 0, 0)
    assert len(info.matrix) == 9


@pytest.mark.parametrize("size", [(320, 240), (62, 46)])
def test_frames_that_come_as_arrays_keep_their_levels(size: tuple[int, int]) -> None:
    width, height = size
    info = raw_info("camera:", StreamInfo(width, height, Fraction(1, 30), Fraction(30)))
    blocks = np.random.default_rng(5).integers(40, 200, (height // 2, width // 2, 3))
    given = np.kron(np.repeat(blocks[..., :1], 3, axis=2), np.ones((2, 2, 1))).astype(np.uint8)
    seen = raw_frame(given, info, index=0, pts=0).bgr()
    assert abs((seen.astype(float) - given).mean()) < 0.1
    flat = np.empty_like(given)
    for colour in ([200, 60, 90], [30, 180, 120], [90, 90, 210]):
        flat[:] = colour
        seen = raw_frame(flat, info, index=0, pts=0).bgr()
        assert np.abs(seen.astype(int) - flat).max() <= 2
        assert abs((seen.astype(float) - flat).mean()) < 1
