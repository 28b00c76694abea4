"""What is used of a clip and when it is shown, whether read in one go or begun again at a known frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip

from roop_host import Box, MediaOptions
from roop_host.errors import InputError, UsageError
from roop_host.media.info import Known, MediaInfo, Reading
from roop_host.media.reading.course import Clock, GapTooLong
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.media.reading.timing import as_read, reading_of
from roop_host.types.planes import PixelLayout

VFR = {"pts": [0, 1, 2, 5, 6, 9, 10, 11, 40, 41, 42, 43, 50, 51], "time_base": Fraction(1, 25), "frames": 14}
Seen = list[tuple[int, Fraction, Fraction, bytes]]


def seen(path: Path, known: Known | None = None, start: int = 0, **asked: Any) -> tuple[Seen, VideoReader]:
    """Index, time in the output, time in the source, and all pixels of each frame."""
    info = as_read(probe(path), reading_of(MediaOptions(**asked)))
    with VideoReader(info, threads=2) as reader:
        frames = [
            (f.index, f.time, f.time + reader.origin, b"".join(p.tobytes() for p in f.pixels.planes))
            for f in reader.frames(start, known=known)
        ]
    return frames, reader


@pytest.mark.parametrize(
    ("asked", "reading"),
    [
        ({}, Reading()),
        ({"trim_start": "1.5", "trim_end": "1:02.25"}, Reading(Fraction(3, 2), Fraction(249, 4))),
        ({"trim_start": "250f"}, Reading(250)),
        ({"trim_end": "1:00:00"}, Reading(None, Fraction(3600))),
        ({"trim_start": "10f", "trim_end": "3"}, Reading(10, Fraction(3))),
        ({"fps": "30000/1001"}, Reading(rate=Fraction(30000, 1001))),
        ({"fps": "29.97"}, Reading(rate=Fraction(30000, 1001))),
        ({"fps": "23.976"}, Reading(rate=Fraction(24000, 1001))),
        ({"fps": "25/01"}, Reading(rate=Fraction(25))),
        ({"fps": "1/3600"}, Reading(rate=Fraction(1, 3600))),
        ({"fps": "999.999999"}, Reading(rate=Fraction(999999999, 1000000))),
        ({"fps": "12.5"}, Reading(rate=Fraction(25, 2))),
        ({"scale": "1280X720"}, Reading(size=(1280, 720))),
        ({"scale": "720p"}, Reading(size=720)),
        ({"scale": "50%"}, Reading(size=Fraction(1, 2))),
        ({"deinterlace": True, "salvage": True}, Reading(deinterlace="flagged", salvage=True)),
    ],
    ids=str,
)
def test_what_options_mean(asked: dict[str, Any], reading: Reading) -> None:
    assert reading_of(MediaOptions(**asked)) == reading


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"trim_start": "x"}, r"^--trim-start takes seconds, 1:02\.5, or 250f for a frame, and at most ten years, not 'x'$"),
        ({"trim_end": "-1"}, "--trim-end takes seconds"),
        ({"trim_start": "1:75"}, "--trim-start takes seconds"),
        ({"trim_start": "1e3"}, "--trim-start takes seconds"),
        ({"trim_start": "2", "trim_end": "2"}, "nothing is left"),
        ({"trim_start": "9f", "trim_end": "3f"}, "nothing is left"),
        ({"trim_end": "0f"}, "nothing is left"),
        ({"trim_start": "9" * 5000}, "--trim-start takes seconds.* and at most ten years, not '9{40}\\.\\.\\.'$"),
        ({"trim_end": "9" * 30}, "--trim-end takes seconds"),
        ({"trim_start": "0." + "1" * 30}, "--trim-start takes seconds"),
        ({"trim_start": "316300000"}, "at most ten years"),
        ({"trim_start": "99999:00:00"}, "at most ten years"),
        ({"trim_end": "9999999999f"}, "--trim-end takes seconds"),
        ({"trim_end": "\N{ARABIC-INDIC DIGIT FIVE}"}, "--trim-end takes seconds"),
        ({"fps": "0"}, r"at least 1/3600, at most 1000, and"),
        ({"fps": "25/00"}, "--fps takes frames a second"),
        ({"fps": "0/25"}, "at least 1/3600"),
        ({"fps": "1" * 5000}, "--fps takes frames a second"),
        ({"fps": "1/" + "9" * 30}, "--fps takes frames a second"),
        ({"fps": "24.123456789012345678"}, "--fps takes frames a second"),
        ({"fps": "1/3000000000"}, "at least 1/3600"),
        ({"fps": "1000001/1000002"}, "at least 1/3600"),
        ({"fps": "1/3601"}, "at least 1/3600"),
        ({"fps": "4000000001/4000000000"}, "at least 1/3600"),
        ({"scale": "9" * 5000 + "p"}, "--scale takes a size"),
        ({"scale": "9" * 5000 + "%"}, "--scale takes a size"),
        ({"fps": "1001"}, "at most 1000"),
        ({"fps": "25/0"}, "--fps takes frames a second"),
        ({"fps": "1e9"}, "--fps takes frames a second"),
        ({"scale": "0x720"}, "--scale takes a size"),
        ({"scale": "0%"}, "--scale takes a size"),
        ({"scale": "huge"}, "--scale takes a size such as 1280x720, 720p or 50%, not 'huge'"),
    ],
    ids=str,
)
def test_nonsense_is_told(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        reading_of(MediaOptions(**asked))


def made_info(**more: Any) -> MediaInfo:
    layout = PixelLayout("yuv", shift_x=1, shift_y=1, matrix="bt601")
    plain = MediaInfo(Path("c.mp4"), "video", 720, 576, "h264", "mov", pix_fmt="yuv420p", layout=layout)
    return replace(plain, average_rate=Fraction(25), duration_s=10.0, frames=250, **more)


WIDE = Fraction(64, 45)


@pytest.mark.parametrize(
    ("more", "scale", "size", "aspect"),
    [
        ({}, "50%", (360, 288), None),
        ({"sample_aspect_ratio": WIDE}, "50%", (360, 288), WIDE),
        ({"sample_aspect_ratio": WIDE}, "720p", (1280, 720), None),
        ({"sample_aspect_ratio": WIDE}, "1280x720", (1280, 720), None),
        ({"sample_aspect_ratio": WIDE}, "640x720", (640, 720), Fraction(2)),
        ({"rotation": 90}, "288x360", (360, 288), None),
        ({"rotation": 270, "sample_aspect_ratio": WIDE}, "1024p", (1024, 576), None),
        ({}, "33.3%", (240, 192), None),
        ({}, "101x77", (100, 76), Fraction(720 * 76, 576 * 100)),
        ({"pix_fmt": "yuv444p"}, "101x77", (101, 77), Fraction(720 * 77, 576 * 101)),
        ({"pix_fmt": "yuv411p"}, "101x77", (100, 77), Fraction(720 * 77, 576 * 100)),
        ({}, "100%", (720, 576), None),
    ],
    ids=str,
)
def test_sizes_keep_the_shape(more: dict[str, Any], scale: str, size: tuple[int, int], aspect: Fraction | None) -> None:
    info = made_info(**more)
    read = as_read(info, reading_of(MediaOptions(scale=scale)))
    aspect = None if aspect is not None and abs(aspect - 1) < Fraction(1, 100) else aspect
    assert (read.width, read.height, read.sample_aspect_ratio) == (*size, aspect)
    assert read.reading.size == (size[::-1] if read.rotation else size)
    assert read.decoded == (None if size == (720, 576) else (720, 576))


def test_the_matrix_players_would_guess_is_said_when_scaling_changes_it() -> None:
    small = made_info()
    assert as_read(small, Reading(size=720)).colour.space == 6
    assert as_read(small, Reading(size=480)).colour.space == 2
    assert as_read(small, Reading(size=720)).layout.matrix == "bt601"


@pytest.mark.parametrize(
    ("info", "reading", "words"),
    [
        (made_info(), Reading(start=Fraction(60)), "ends after 10.00 s"),
        (made_info(), Reading(start=Fraction(3), end=50), "nothing is left"),
        (made_info(), Reading(size=(20000, 20000)), "more than can be worked on"),
        (made_info(pix_fmt="gray10le"), Reading(deinterlace="flagged"), "no full frames can be made"),
        (replace(made_info(), kind="picture"), Reading(rate=Fraction(25)), "which has no time; leave --fps out"),
        (replace(made_info(), kind="animation"), Reading(deinterlace="flagged"), "leave --deinterlace out"),
    ],
    ids=str,
)
def test_what_cannot_be_had_is_told(info: MediaInfo, reading: Reading, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        as_read(info, reading)


def test_frames_are_estimated_after_trimming_and_resampling() -> None:
    assert as_read(made_info(), Reading(start=Fraction(2), end=Fraction(4))).frames == 50
    assert as_read(made_info(), Reading(start=50, end=100)).frames == 50
    assert as_read(made_info(), Reading(rate=Fraction(50))).frames == 500
    assert as_read(made_info(), Reading()).frames == 250


@pytest.mark.parametrize(
    ("given", "times", "repaired"),
    [
        ([0, 40, 80], [0, 40, 80], 0),
        ([None, None, 80], [0, 40, 80], 2),
        ([0, 40, 40, 120], [0, 40, 50, 120], 1),
        ([0, 40, 160, 80, 120, 200], [0, 40, 160, 170, 180, 200], 2),
        ([0, 40, None, 120], [0, 40, 80, 120], 1),
        ([5000, 5040, 0, 40, 80], [5000, 5040, 5080, 5120, 5160], 3),
        ([5000, 5040, 0, 40, 20], [5000, 5040, 5080, 5120, 5130], 3),
        ([-80, -40, 0], [-80, -40, 0], 0),
    ],
)
def test_times_are_repaired_without_moving_the_others(given: list[int | None], times: list[int], repaired: int) -> None:
    clock = Clock(Fraction(1, 1000), 40, 0)
    assert [clock.at(pts) for pts in given] == times
    assert clock.repaired == repaired


def test_pictures_that_were_left_out_count_where_a_clock_starts_again() -> None:
    clock = Clock(Fraction(1, 1000), 40, 0)
    assert [clock.at(pts) for pts in (5000, 5040)] == [5000, 5040]
    for pts, sure in ((5120, False), (5080, True), (10**6, True), (0, False)):
        clock.miss(pts, sure=sure)
    assert clock.at(0) == 5160
    clock.miss(3, sure=True)
    assert [clock.at(pts) for pts in (40, 160)] == [5200, 5320]
    clock = Clock(Fraction(1, 1000), 40, 0)
    clock.miss(7, sure=True)
    assert clock.at(5000) == 5000
    clock.miss(40, sure=True)
    assert clock.at(80) == 5080


def test_a_jump_by_days_is_no_gap() -> None:
    clock = Clock(Fraction(1, 1000), 40, 0)
    clock.at(0)
    with pytest.raises(GapTooLong):
        clock.at(10**9)


def clip(kind: str, folder: Path) -> Path:
    path = folder / {"avi": "in.avi", "mkv": "in.mkv", "ts": "in.ts"}.get(kind, "in.mp4")
    more: dict[str, Any] = {
        "plain": {"frames": 60},
        "vfr": VFR,
        "open": {"frames": 60, "options": {"crf": "20", "g": "12", "bf": "3", "x264-params": "open-gop=1:keyint=12"}},
        "late": {"frames": 40, "pts": list(range(13, 53))},
        "mkv": {"frames": 60, "rate": Fraction(30), "options": {"crf": "20", "g": "10"}},
        "ts": {"frames": 60, "options": {"crf": "20", "g": "10", "bf": "2"}},
        "avi": {"frames": 30, "encoder": "mpeg4", "options": {"qscale": "3", "bf": "2"}},
        "ntsc": {"frames": 40, "rate": Fraction(30000, 1001)},
    }[kind]
    return make_clip(path, size=(64, 48), sound=kind == "late", **more)


ASKED: list[dict[str, Any]] = [
    {},
    {"trim_start": "0.5"},
    {"trim_start": "7f", "trim_end": "26f"},
    {"trim_start": "0.3", "trim_end": "20f"},
    {"trim_end": "1"},
    {"fps": "50"},
    {"fps": "10"},
    {"fps": "29.97", "trim_start": "0.25", "trim_end": "1.2"},
    {"deinterlace": True},
    {"deinterlace": True, "fps": "12", "trim_start": "0.33"},
    {"scale": "50%", "fps": "30"},
]
REST = ["open", "late", "mkv", "ts", "avi", "ntsc"]


@pytest.mark.parametrize("asked", ASKED, ids=str)
@pytest.mark.parametrize("kind", ["plain", "vfr", *(pytest.param(kind, marks=pytest.mark.slow) for kind in REST)])
def test_begun_again_gives_the_same(kind: str, asked: dict[str, Any], tmp_path: Path) -> None:
    path = clip(kind, tmp_path)
    whole, reader = seen(path, **asked)
    assert [index for index, *_ in whole] == list(range(len(whole)))
    assert all(a[1] < b[1] for a, b in pairwise(whole))
    for index in sorted({1, len(whole) // 2, len(whole) - 1}):
        known = Known(index, round(whole[index][1] / as_read(probe(path), reading_of(MediaOptions(**asked))).time_base))
        known = replace(known, origin=reader.origin, steady=reader.steady)
        again, resumed = seen(path, known, **asked)
        assert again == whole[index:], (kind, index)
        assert resumed.end_s == reader.end_s
        later, _ = seen(path, known, min(index + 2, len(whole)), **asked)
        assert later == whole[index + 2 :]


@pytest.mark.parametrize("kind", ["plain", "vfr", "late", "mkv", "ts", "ntsc"])
def test_trimmed_frames_are_those_in_between(kind: str, tmp_path: Path) -> None:
    path = clip(kind, tmp_path)
    all_of_it, _ = seen(path)
    begin = probe(path).begin_s
    used, reader = seen(path, trim_start="0.4", trim_end="1.2")
    near = Fraction(1, 1000)
    between = [f for f in all_of_it if begin + Fraction(2, 5) - near <= f[2] < begin + Fraction(6, 5) - near]
    assert [f[2:] for f in used] == [f[2:] for f in between]
    assert used[0][1] == 0
    assert reader.origin == between[0][2]
    assert reader.end_s > between[-1][2]
    counted, _ = seen(path, trim_start="3f", trim_end="9f")
    assert [f[2:] for f in counted] == [f[2:] for f in all_of_it[3:9]]


@pytest.mark.parametrize("rate", ["10", "25", "30", "60", "23.976"])
@pytest.mark.parametrize("kind", ["plain", "vfr", "late", "ts", "mkv"])
def test_each_new_frame_is_what_the_source_shows_then(kind: str, rate: str, tmp_path: Path) -> None:
    path = clip(kind, tmp_path)
    source, before = seen(path)
    fixed, reader = seen(path, fps=rate)
    exact = reading_of(MediaOptions(fps=rate)).rate
    assert exact is not None
    steps = {b[1] - a[1] for a, b in pairwise(fixed)}
    assert steps == {1 / exact}
    near = Fraction(1, 1000) if kind == "mkv" else Fraction(1, 10000)
    for _, _, moment, pixels in fixed:
        shown = [frame for frame in source if frame[2] <= moment + near]
        assert pixels == shown[-1][3]
    assert fixed[0][2] == source[0][2]
    assert abs(fixed[-1][2] + 1 / exact - before.end_s) < 1 / exact
    assert reader.origin <= probe(path).begin_s


def test_the_own_rate_of_a_clip_in_milliseconds_changes_nothing(tmp_path: Path) -> None:
    path = clip("mkv", tmp_path)
    assert [f[3] for f in seen(path, fps="30")[0]] == [f[3] for f in seen(path)[0]]


def test_frames_shown_twice_share_pixels_until_changed(tmp_path: Path) -> None:
    path = clip("plain", tmp_path)
    info = as_read(probe(path), reading_of(MediaOptions(fps="75", trim_end="2f")))
    with VideoReader(info, threads=1) as reader:
        frames = list(reader.frames())
    assert len(frames) == 6
    assert frames[0].pixels is frames[1].pixels is frames[2].pixels
    assert frames[2].pixels is not frames[3].pixels
    before = frames[0].bgr().copy()
    frames[1].put(Box(0, 0, 20, 20), np.zeros((20, 20, 3), np.uint8))
    for same in (frames[0], frames[2]):
        assert np.array_equal(same.bgr(), before)
    assert frames[1].bgr(Box(0, 0, 16, 16)).max() < 4


def test_nothing_between_is_told(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", sound=False, **{**VFR, "pts": [*range(13), 100]})  # type: ignore[arg-type]
    info = as_read(probe(path), Reading(start=Fraction(1), end=Fraction(2)))
    with VideoReader(info, threads=1) as reader, pytest.raises(InputError, match="no frame between --trim-start and"):
        list(reader.frames())
    assert reader.steady


def test_reordered_frames_of_an_avi_are_shown_in_order(tmp_path: Path) -> None:
    for encoder, options in (
        ("mpeg4", {"bf": "2", "qscale": "3"}),
        ("libx264", {"bf": "3", "b-pyramid": "normal", "crf": "20"}),
    ):
        path = make_clip(tmp_path / f"{encoder}.avi", frames=20, sound=False, encoder=encoder, options=options)
        frames, reader = seen(path)
        assert [time for _, time, *_ in frames] == [Fraction(k, 25) for k in range(20)]
        assert not reader.steady


@pytest.mark.parametrize(("encoder", "pix_fmt"), [("mjpeg", "yuvj420p"), ("mpeg4", "yuv420p"), ("libx264", "yuv420p")])
def test_an_avi_without_reordering_is_steady(encoder: str, pix_fmt: str, tmp_path: Path) -> None:
    options = {"mjpeg": {"qmin": "2"}, "mpeg4": {"qscale": "3", "bf": "0"}}.get(encoder, {"bf": "0"})
    path = make_clip(tmp_path / "in.avi", frames=12, sound=False, encoder=encoder, pix_fmt=pix_fmt, options=options)
    frames, reader = seen(path)
    assert [time for _, time, *_ in frames] == [Fraction(k, 25) for k in range(12)]
    assert reader.steady
    assert reader.notices == []


def rewrite(path: Path, output: Path, pts: Sequence[int]) -> Path:
    """The clip with other times, in decoding order (it has no B-frames)."""
    import av

    with av.open(str(path)) as a, av.open(str(output), "w", options={"avoid_negative_ts": "disabled"}) as b:
        stream = b.add_stream_from_template(a.streams.video[0])
        packets = [packet for packet in a.demux(video=0) if packet.size]
        for number, (packet, time) in enumerate(zip(packets, pts, strict=True)):
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts, packet.dts = time, min(number, time)
            b.mux(packet)
    return output


@pytest.mark.parametrize(
    ("times", "shown", "repaired"),
    [
        ([0, 1, 2, 2, 4, 5], [0, 40, 80, 90, 160, 200], 1),
        ([0, 1, 4, 2, 3, 5], [0, 40, 160, 170, 180, 200], 2),
    ],
)
def test_repeated_and_backward_times_are_repaired_once_told(
    times: list[int], shown: list[int], repaired: int, tmp_path: Path
) -> None:
    plain = make_clip(tmp_path / "p.mkv", frames=6, sound=False, options={"bf": "0"})
    path = rewrite(plain, tmp_path / "in.mkv", times)
    frames, reader = seen(path)
    assert [round(time * 1000) for _, time, *_ in frames] == shown
    assert not reader.steady
    assert len(reader.notices) == 1
    assert f"of {repaired} frames" in reader.notices[0]
    again, _ = seen(path, Known(4, shown[4], steady=False))
    assert again == frames[4:]
