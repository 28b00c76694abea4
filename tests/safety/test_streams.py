"""Clips that try to get a bad frame past the screener: what is decoded is looked at, and nothing else reaches the output."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import matrix_offset
from kit import FAST, OneFace, analyser, job, plugins, processor, refused, run, screener
from PIL import Image
from screened import BAD, Red, clip_of, failed, flat, is_bad, let_through, pictures_in, stopped, with_bad
from tracked import damaged_packet, remuxed

from roop_host import Box, Processor, Stage, Window

ALL_KEY = {"g": "1", "bf": "0"}


@pytest.mark.parametrize(
    ("suffix", "encoder"),
    [(".mp4", "libx264"), (".mkv", "ffv1"), (".webm", "libvpx-vp9"), (".avi", "mpeg4"), (".ts", "libx264")],
)
def test_a_bad_frame_is_named(suffix: str, encoder: str, tmp_path: Path) -> None:
    clip = clip_of(tmp_path / f"in{suffix}", with_bad(20, 13), encoder=encoder)
    refusal = stopped(clip, tmp_path / "out.mp4")
    assert (refusal.stage, refusal.frame, refusal.screener) == ("target", 13, "red")


@pytest.mark.parametrize(
    ("at", "count"),
    [(0, 1000), (999, 1000), *(pytest.param(at, 10_000, marks=pytest.mark.slow) for at in (0, 4999, 5000, 9999))],
)
def test_one_bad_frame_among_thousands_is_found(at: int, count: int, tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "in.mp4", with_bad(count, at, size=(16, 16)), options={"preset": "ultrafast"})
    refusal = stopped(clip, tmp_path / "out.mp4", segment_frames=250)
    assert (refusal.frame, refusal.seconds) == (at, at / 25)


# What can't be read.


def damaged(path: Path, *bad: int) -> Path:
    """Thirty frames, each a keyframe, the one numbered 15 garbled; ``bad`` ones are red."""
    whole = clip_of(path.with_name(f"whole{path.suffix}"), with_bad(30, *bad), encoder="libx264", options=ALL_KEY)
    garbled = lambda packet, place: damaged_packet(packet, b"\xff" * 60) if place == 16 else packet  # noqa: E731
    return remuxed(whole, path, garbled)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_behind_an_unreadable_frame_nothing_passes_unseen(suffix: str, tmp_path: Path) -> None:
    clip = damaged(tmp_path / f"in{suffix}", 20)
    assert "broken" in failed(clip, tmp_path / "out.mp4")
    report = let_through(clip, tmp_path / "out.mp4", salvage=True)
    assert report.frames == 15
    assert report.screening[0].looks == 30


def test_before_an_unreadable_frame_everything_is_looked_at(tmp_path: Path) -> None:
    clip = damaged(tmp_path / "in.mp4", 14)
    assert stopped(clip, tmp_path / "out.mp4", salvage=True).frame == 14


def test_a_transport_stream_that_goes_on_behind_damage_is_looked_at_there(tmp_path: Path) -> None:
    options = {"g": "10", "bf": "0", "crf": "18"}
    noisy = [np.random.default_rng(n).integers(60, 120, (96, 128, 3)).astype(np.uint8) for n in range(40)]
    noisy[35][:] = BAD
    whole = clip_of(tmp_path / "whole.ts", noisy, options=options)
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2 // 188 * 188
    data[middle : middle + 188 * 5] = b"\xaa" * (188 * 5)
    (tmp_path / "in.ts").write_bytes(data)
    assert stopped(tmp_path / "in.ts", tmp_path / "out.mp4").stage == "target"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_stream_without_frames_gives_nothing(suffix: str, tmp_path: Path) -> None:
    whole = clip_of(tmp_path / f"whole{suffix}", with_bad(3))
    clip = tmp_path / f"in{suffix}"
    if suffix == ".ts":  # it has no header that could stand alone: the tables, and no packet of the video
        data = whole.read_bytes()
        packets = [data[at : at + 188] for at in range(0, len(data), 188)]
        clip.write_bytes(b"".join(packet for packet in packets if int.from_bytes(packet[1:3]) & 0x1FFF != 0x100))
    else:
        with av.open(str(whole)) as a, av.open(str(clip), "w") as b:
            b.add_stream_from_template(a.streams.video[0])
            b.start_encoding()
    failed(clip, tmp_path / "out.mp4")
    failed(clip, tmp_path / "out.mp4", salvage=True)


def test_frames_behind_a_change_of_size_do_not_pass(tmp_path: Path) -> None:
    parts = [
        clip_of(tmp_path / "one.ts", with_bad(10), options=ALL_KEY),
        clip_of(tmp_path / "two.ts", with_bad(10, *range(10), size=(128, 96)), options=ALL_KEY),
    ]
    clip = tmp_path / "in.ts"
    clip.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert "changes its size" in failed(clip, tmp_path / "out.mp4")
    assert 5 < let_through(clip, tmp_path / "out.mp4", salvage=True).frames <= 10


# When frames are shown.


def test_a_frame_every_thousand_seconds(tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "in.mp4", with_bad(4, 2), rate=Fraction(1, 1000))
    refusal = stopped(clip, tmp_path / "out.mp4")
    assert (refusal.frame, refusal.seconds) == (2, 2000)


def test_ninety_thousand_frames_a_second_are_refused_and_no_frame_of_them_passes(tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "in.mp4", with_bad(30, 20), rate=Fraction(90_000))
    assert "frames a second" in failed(clip, tmp_path / "out.mp4")


@pytest.mark.parametrize("claimed", [1, 900])
def test_a_rate_that_lies_hides_no_frame(claimed: int, tmp_path: Path) -> None:
    times = [40 * number for number in range(30)]
    clip = clip_of(
        tmp_path / "in.mkv", with_bad(30, 17), rate=Fraction(claimed), pts=times, time_base=Fraction(1, 1000), encoder="ffv1"
    )
    refusal = stopped(clip, tmp_path / "out.mp4")
    assert (refusal.frame, refusal.seconds) == (17, 0.68)


def test_frames_of_one_time_are_all_looked_at(tmp_path: Path) -> None:
    whole = clip_of(tmp_path / "whole.mkv", with_bad(12, 6), encoder="ffv1")

    def at_once(packet: Any, place: int) -> Any:
        packet.pts = packet.dts = min(packet.pts, 200)  # from the sixth on all at 0.2 s
        return packet

    assert stopped(remuxed(whole, tmp_path / "in.mkv", at_once), tmp_path / "out.mp4").frame == 6


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_frames_before_nought_are_looked_at_where_they_come_out(suffix: str, tmp_path: Path) -> None:
    whole = clip_of(tmp_path / f"whole{suffix}", with_bad(20, 3), options={"bf": "0"})

    def earlier(packet: Any, _: int) -> Any:
        moved = round(Fraction(10, 25) / packet.time_base)
        packet.pts, packet.dts = packet.pts - moved, packet.dts - moved
        return packet

    clip = remuxed(whole, tmp_path / f"in{suffix}", earlier, avoid_negative_ts="disabled")
    if suffix == ".mkv":  # it comes out and is refused; in MP4 an edit list hides it
        assert stopped(clip, tmp_path / "out.mp4").frame is not None
    else:
        assert let_through(clip, tmp_path / "out.mp4").frames == 10


def test_what_an_edit_list_shows_is_looked_at(tmp_path: Path) -> None:
    whole = clip_of(tmp_path / "whole.mp4", with_bad(20, 12), options={"bf": "0"})

    def earlier(packet: Any, _: int) -> Any:
        moved = round(Fraction(10, 25) / packet.time_base)
        packet.pts, packet.dts = packet.pts - moved, packet.dts - moved
        return packet

    clip = remuxed(whole, tmp_path / "in.mp4", earlier, avoid_negative_ts="disabled")
    assert stopped(clip, tmp_path / "out.mp4").frame == 2


@pytest.mark.parametrize(
    ("start", "end", "frame"), [("", "", 10), ("5f", "", 5), ("0.4", "", 0), ("", "11f", 10), ("10f", "11f", 0)]
)
def test_a_part_that_holds_the_bad_frame_is_refused(start: str, end: str, frame: int, tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "in.mp4", with_bad(30, 10))
    assert stopped(clip, tmp_path / "out.mp4", trim_start=start, trim_end=end).frame == frame


@pytest.mark.parametrize(("start", "end", "frames"), [("11f", "", 19), ("0.44", "", 19), ("", "10f", 10), ("", "0.4", 10)])
def test_of_a_part_without_the_bad_frame_the_output_shows_only_that(
    start: str, end: str, frames: int, tmp_path: Path
) -> None:
    clip = clip_of(tmp_path / "in.mp4", with_bad(30, 10))
    report = let_through(clip, tmp_path / "out.mp4", trim_start=start, trim_end=end)
    assert report.frames == frames
    assert report.screening[0].looks == 2 * frames


def test_a_part_that_selects_nothing_gives_nothing(tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "in.mp4", with_bad(30))
    failed(clip, tmp_path / "out.mp4", code=2, trim_start="10")
    failed(clip, tmp_path / "out.mp4", trim_start="0.401", trim_end="0.43")


@pytest.mark.parametrize("rate", ["5", "10", "60", "24000/1001"])
def test_at_another_rate_every_frame_of_the_output_is_looked_at(rate: str, tmp_path: Path) -> None:
    seen = Red()
    clip = clip_of(tmp_path / "in.mp4", with_bad(30))
    found = plugins(processor(_Leave, "leave"), screener(lambda: seen, "red"), quiet=False)
    report = run(found, job(clip, tmp_path / "out.mp4", "leave", media=replace(FAST, fps=rate)))
    assert seen.looks[Stage.OUTPUT] == report.frames == len(list(pictures_in(tmp_path / "out.mp4")))


class _Leave(Processor):
    def process(self, window: Window) -> None:
        pass


def test_a_bad_frame_between_those_that_another_rate_takes_is_not_in_the_output(tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "in.mp4", with_bad(30, 7))
    assert let_through(clip, tmp_path / "out.mp4", fps="5").frames == 6
    assert stopped(clip, tmp_path / "up.mp4", fps="50").frame == 14
    assert stopped(clip_of(tmp_path / "on.mp4", with_bad(30, 5)), tmp_path / "out2.mp4", fps="5").frame == 1


# What lies in a frame, and how it is shown.


class UpperLeft(Red):
    """Finds only red in the upper left of an upright picture bad."""

    def screen(self, frames: Any, stage: Stage) -> Any:
        return [
            0.99 if is_bad(frame.bgr(Box(0, 0, frame.width // 2, frame.height // 2))[..., ::-1]) else 0.01
            for frame in frames
        ]


def test_a_turned_frame_is_looked_at_upright(tmp_path: Path) -> None:
    corner = flat(size=(64, 48))
    corner[:24, 32:] = BAD  # the upper right of what is coded
    plain = clip_of(tmp_path / "plain.mp4", [flat()] * 3 + [corner] + [flat()] * 3)
    assert (
        run(
            plugins(processor(_Leave, "leave"), screener(UpperLeft, "red"), quiet=False),
            job(plain, tmp_path / "plain_out.mp4", "leave"),
        ).frames
        == 7
    )
    data = bytearray(plain.read_bytes())
    at = matrix_offset(data)
    data[at : at + 36] = struct.pack(">9i", 0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)  # a quarter anticlockwise
    (tmp_path / "in.mp4").write_bytes(data)
    assert stopped(tmp_path / "in.mp4", tmp_path / "out.mp4", make=UpperLeft).frame == 3


def test_between_bars_is_looked_at_too(tmp_path: Path) -> None:
    boxed = np.zeros((96, 128, 3), np.uint8)
    boxed[40:56] = BAD
    clip = clip_of(tmp_path / "in.mp4", [np.zeros((96, 128, 3), np.uint8)] * 5 + [boxed])
    assert stopped(clip, tmp_path / "out.mp4").frame == 5


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def grown(data: bytes, inner: bytes, more: bytes) -> bytes:
    """An MP4 whose index stands last, with ``more`` behind the sample entry ``inner``, and all lengths around it right."""
    path = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", inner]
    out, at = bytearray(data), 0
    for kind in path:
        at = data.index(kind, at) - 4
        size = struct.unpack_from(">I", data, at)[0]
        struct.pack_into(">I", out, at, size + len(more))
        end, at = at + size, at + 8
    return bytes(out[:end]) + more + bytes(out[end:])


def test_outside_of_a_clean_aperture_is_looked_at_and_inside_is_no_larger_than_it_was_seen(tmp_path: Path) -> None:
    edge, middle = flat(size=(128, 96)), flat(size=(128, 96))
    edge[:, :20] = BAD
    middle[44:52, 60:68] = BAD  # so small a part that nobody minds it
    clap = _box(b"clap", struct.pack(">8I", 8, 1, 8, 1, 0, 1, 0, 1))
    hidden = clip_of(tmp_path / "edge.mp4", [flat(size=(128, 96)), edge])
    hidden.write_bytes(grown(hidden.read_bytes(), b"avc1", clap))
    assert stopped(hidden, tmp_path / "out.mp4").frame == 1
    shown = clip_of(tmp_path / "middle.mp4", [flat(size=(128, 96)), middle])
    shown.write_bytes(grown(shown.read_bytes(), b"avc1", clap))
    for suffix in (".mp4", ".mov", ".mkv"):
        output = tmp_path / f"out{suffix}"
        let_through(shown, output)
        assert b"clap" not in output.read_bytes()
        with av.open(str(output)) as container:
            assert all((frame.width, frame.height) == (128, 96) for frame in container.decode(video=0))


# What lies beside the frames.


def beside(path: Path, second: Callable[[Any], Any], *, cover: bool) -> Path:
    """A calm clip with another track."""
    calm = clip_of(path.with_name(f"calm{path.suffix}"), with_bad(6))
    other = second(path)
    with av.open(str(calm)) as a, av.open(str(other)) as c, av.open(str(path), "w") as b:
        twin, odd = b.add_stream_from_template(a.streams.video[0]), b.add_stream_from_template(c.streams.video[0])
        if cover:
            odd.disposition = av.stream.Disposition.attached_pic
        packets = [(packet, odd) for packet in c.demux(video=0) if packet.size]
        packets += [(packet, twin) for packet in a.demux(video=0) if packet.size]
        for packet, stream in packets:
            packet.stream = stream
            b.mux(packet)
    return path


@pytest.mark.parametrize(("suffix", "cover"), [(".mp4", True), (".mp4", False), (".mov", False), (".mkv", False)])
def test_a_cover_and_a_second_track_of_pictures_stay_behind(suffix: str, cover: bool, tmp_path: Path) -> None:
    def red(path: Path) -> Path:
        encoder, pix_fmt, kind = ("png", "rgb24", ".mov") if cover else ("libx264", "yuv420p", path.suffix)
        return clip_of(path.with_name(f"red{kind}"), [flat(BAD)] * (1 if cover else 6), encoder=encoder, pix_fmt=pix_fmt)

    clip = beside(tmp_path / f"in{suffix}", red, cover=cover)
    assert any(is_bad(picture) for picture in pictures_in(clip))
    for out in (".mp4", ".mov", ".mkv"):
        report = let_through(clip, tmp_path / f"out{out}", encoder="libx264")
        with av.open(report.output or "") as container:
            assert [stream.type for stream in container.streams] == ["video"]
        assert any("may show the face as it was" in said for said in report.notices)


def test_pictures_attached_to_matroska_stay_behind(tmp_path: Path) -> None:
    calm = clip_of(tmp_path / "calm.mkv", with_bad(4), encoder="ffv1")
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(tmp_path / "cover.png")
    secret = (tmp_path / "cover.png").read_bytes()
    with av.open(str(calm)) as a, av.open(str(tmp_path / "in.mkv"), "w") as b:
        twin = b.add_stream_from_template(a.streams.video[0])
        for number, kind in enumerate(("image/png", "image/jpeg", "font/ttf")):
            b.add_attachment(f"{number}.png", kind, secret)
        for packet in a.demux(video=0):
            if packet.size:
                packet.stream = twin
                b.mux(packet)
    report = let_through(tmp_path / "in.mkv", tmp_path / "out.mkv", encoder="libx264")
    assert secret[60:200] not in (tmp_path / "out.mkv").read_bytes()
    assert len([said for said in report.notices if "left out" in said]) == 3


@pytest.mark.parametrize("kind", ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"])
def test_subtitles_that_are_pictures_stay_behind(kind: str, tmp_path: Path) -> None:
    calm = clip_of(tmp_path / "calm.mkv", with_bad(4), encoder="ffv1")
    secret = bytes(range(200, 256)) * 4
    with av.open(str(calm)) as a, av.open(str(tmp_path / "in.mkv"), "w") as b:
        twin = b.add_stream_from_template(a.streams.video[0])
        pictures = b.add_mux_stream(kind)
        pictures.time_base = Fraction(1, 1000)
        for packet in a.demux(video=0):
            if packet.size:
                packet.stream = twin
                b.mux(packet)
        shown = av.Packet(b"\x15" + struct.pack(">H", len(secret)) + secret + b"\x80\0\0")  # an object, and its end
        shown.stream, shown.time_base, shown.pts, shown.dts, shown.duration = pictures, Fraction(1, 1000), 40, 40, 80
        b.mux(shown)
    report = let_through(tmp_path / "in.mkv", tmp_path / "out.mkv", encoder="libx264")
    assert secret not in (tmp_path / "out.mkv").read_bytes()
    assert any("nobody looks at" in said for said in report.notices)


# What a step or the job makes of frames.


class Paint(Processor):
    """Paints frame 9 red."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            if frame.index == 9:
                frame.put(Box(0, 0, 64, 48), np.full((48, 64, 3), BAD[::-1], np.uint8))


@pytest.mark.parametrize("way", ["keep", "hold", "drop"])
def test_what_is_held_or_dropped_was_looked_at(way: Any, tmp_path: Path) -> None:
    found = plugins(
        processor(_Leave, "leave", needs_faces=True),
        processor(Paint, "paint", needs_faces=True),
        analyser(lambda: OneFace(blind=lambda index: index in (4, 10))),
        screener(Red, "red"),
        quiet=False,
    )
    bad = clip_of(tmp_path / "bad.mp4", with_bad(16, 4))
    error = refused(found, job(bad, tmp_path / "out.mp4", "leave", on_no_face=way))
    assert error.report is not None
    assert error.report.refusal is not None
    assert (error.exit_code, error.report.refusal.stage, error.report.refusal.frame) == (5, "target", 4)
    calm = clip_of(tmp_path / "calm.mp4", with_bad(16))
    error = refused(found, job(calm, tmp_path / "out.mp4", "paint", on_no_face=way))
    assert error.report is not None
    assert error.report.refusal is not None
    assert (error.exit_code, error.report.refusal.stage, error.report.refusal.frame) == (5, "output", 9)
    assert not (tmp_path / "out.mp4").exists()
