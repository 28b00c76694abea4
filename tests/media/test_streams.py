"""What comes in goes out as it was: times, sound, depth, turn; and segments give the bytes of the unbroken run."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_clip, matrix_offset, pts_of, sound_of

from roop_host import MediaOptions
from roop_host.errors import InputError, UsageError
from roop_host.media.info import Known
from roop_host.media.marks import Marks
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.media.segments import segment_name, write_segment
from roop_host.media.writing.check import check_output, expected_of
from roop_host.media.writing.choosing import choose_encoder
from roop_host.media.writing.encode import SegmentEncoder
from roop_host.media.writing.mux import mux
from roop_host.media.writing.tracks import TrackPlan, choose_tracks

MARKS = Marks("compositeSynthetic", "Synthetic media: a test")


def transcode(
    source: Path, output: Path, folder: Path, length: int = 250, order: Sequence[int] | None = None, **options: object
) -> Path:
    """Read, encode segment by segment (in any order, from fresh readers), join."""
    info = probe(source)
    plan = choose_encoder(info, MediaOptions(preset="veryfast", **options), output, threads=2)  # type: ignore[arg-type]
    tracks = choose_tracks(info, MediaOptions(), output)
    folder.mkdir(exist_ok=True)
    with VideoReader(info, threads=1) as reader:
        times = [frame.pts for frame in reader.frames()]
    count = -(-len(times) // length)
    for index in order or range(count):
        encoder = SegmentEncoder(plan)
        start = index * length
        with VideoReader(info, threads=2) as reader:
            for frame in reader.frames(start, known=Known(start, times[start])):
                if frame.index >= start + length:
                    break
                encoder.encode(frame)
        write_segment(folder, index, encoder.finish())
    segments = [folder / segment_name(i) for i in range(count)]
    mux(plan, info, tracks, segments, output, MARKS, cancel=threading.Event())
    check_output(output, expected_of(plan, info, tracks, segments, output))
    return output


@pytest.mark.skipif(os.name != "posix", reason="elsewhere names hold no colon")
def test_a_colon_in_a_relative_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_clip(tmp_path / "12:30.mkv", frames=4)
    monkeypatch.chdir(tmp_path)
    info = probe(Path("12:30.mkv"))
    plan = choose_encoder(info, MediaOptions(preset="veryfast"), Path("13:30.mkv"), threads=1)
    encoder = SegmentEncoder(plan)
    with VideoReader(info, threads=1) as reader:
        for frame in reader.frames():
            encoder.encode(frame)
    write_segment(tmp_path, 0, encoder.finish())
    tracks = choose_tracks(info, MediaOptions(), Path("13:30.mkv"))
    mux(plan, info, tracks, [tmp_path / segment_name(0)], Path("13:30.mkv"), MARKS, cancel=threading.Event())
    assert probe(Path("13:30.mkv")).audio_codecs == info.audio_codecs


VFR = [0, 40, 90, 100, 180, 1200, 1210, 1300, 3333, 3400, 3440, 3480, 3600]
CLIPS = {
    "25": {},
    "ntsc": {"rate": Fraction(30000, 1001)},
    "vfr": {"pts": VFR, "frames": len(VFR), "time_base": Fraction(1, 1000)},
    "no-b": {"options": {"bf": "0"}},
    "silent": {"sound": False},
    "10bit": {"pix_fmt": "yuv420p10le"},
    "422": {"pix_fmt": "yuv422p"},
    "444": {"pix_fmt": "yuv444p", "size": (101, 77)},
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("kind", CLIPS)
def test_times_sound_and_depth_are_kept(kind: str, suffix: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", **CLIPS[kind])  # type: ignore[arg-type]
    output = transcode(source, tmp_path / f"out{suffix}", tmp_path / "work", 7)
    if suffix == ".mkv":  # Matroska counts in milliseconds
        assert all(abs(a - b) <= Fraction(1, 1000) for a, b in zip(pts_of(source), pts_of(output), strict=True))
    else:
        assert pts_of(output) == pts_of(source)
    assert probe(output).pix_fmt == probe(source).pix_fmt
    if kind != "silent":
        made, given = sound_of(output), sound_of(source)
        assert made == given[len(given) - len(made) :]
        assert len(given) - len(made) <= (1 if suffix == ".mkv" else 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("kind", ["25", "vfr"])
@pytest.mark.parametrize("size", [(128, 96), (240, 136)], ids=str)
def test_segments_in_fresh_objects_give_the_bytes_of_the_unbroken_run(
    kind: str, suffix: str, size: tuple[int, int], tmp_path: Path
) -> None:
    source = make_clip(tmp_path / "in.mp4", size=size, **CLIPS[kind])  # type: ignore[arg-type]
    whole = transcode(source, tmp_path / f"whole{suffix}", tmp_path / "a", 5)
    parts = transcode(
        source, tmp_path / f"parts{suffix}", tmp_path / "b", 5, order=[2, 0, 1, *range(3, 6)][: -(-len(pts_of(source)) // 5)]
    )
    assert whole.read_bytes() == parts.read_bytes()


def test_decoding_times_grow_and_never_pass_the_shown(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", **CLIPS["vfr"])  # type: ignore[arg-type]
    with av.open(str(transcode(source, tmp_path / "out.mp4", tmp_path / "w", 4))) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert all(a.dts < b.dts for a, b in pairwise(packets))
    assert all(packet.dts <= packet.pts for packet in packets)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_clip_stays_turned(turn: int, suffix: str, tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", size=(96, 64), frames=6)
    turned = turn_clip(plain, tmp_path / "turned.mp4", turn)
    assert probe(turned).rotation == turn
    output = transcode(turned, tmp_path / f"out{suffix}", tmp_path / "w")
    assert probe(output).rotation == turn
    assert (probe(output).width, probe(output).height) == (96, 64)


def turn_clip(path: Path, output: Path, turn: int) -> Path:
    """Set the track's display matrix so that upright is ``numpy.rot90(coded, turn // 90)``."""
    data = bytearray(path.read_bytes())
    data[(at := matrix_offset(data)) : at + 36] = matrix_bytes(*_TURNS[turn])
    output.write_bytes(data)
    return output


# By degrees anticlockwise from coded to upright; ISO/IEC 14496-12, which turns clockwise.
_TURNS = {90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}


def matrix_bytes(*turn: float) -> bytes:
    """The 36 bytes of a display matrix; 16.16 fixed point, last column 2.30."""
    a, b, c, d = (round(value * 65536) for value in turn)
    return struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize(
    ("matrix", "word"),
    [((-1, 0, 0, 1), "mirrored"), ((1, 0, 0, -1), "mirrored"), ((0.7071, 0.7071, -0.7071, 0.7071), "turned by")],
    ids=str,
)
def test_what_cannot_be_kept_upright_is_refused(matrix: tuple[float, ...], word: str, tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", frames=3)
    data = bytearray(plain.read_bytes())
    data[(at := matrix_offset(data)) : at + 36] = matrix_bytes(*matrix)
    plain.write_bytes(data)
    with pytest.raises(InputError, match=word):
        probe(plain)


def test_the_container_says_how_wide_a_sample_is(tmp_path: Path) -> None:
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for number in range(3):
            picture = av.VideoFrame(64, 48, "yuv420p")
            picture.pts = number
            sink.mux(stream.encode(picture))
        sink.mux(stream.encode(None))
    assert probe(path).sample_aspect_ratio == Fraction(4, 3)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"pasp" + struct.pack(">2I", 4, 3), b"pasp" + struct.pack(">2I", 2, 1)))
    assert path.read_bytes() != data
    assert probe(path).sample_aspect_ratio == Fraction(2, 1)


def test_marks_and_title_are_there(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", metadata={"title": "A title", "location": "+51.5-0.1/"})
    for suffix in (".mp4", ".mov", ".mkv"):
        output = transcode(source, tmp_path / f"out{suffix}", tmp_path / f"w{suffix}")
        with av.open(str(output)) as container:
            known = {key.lower(): value for key, value in container.metadata.items()}
        assert known["title"] == "A title"
        assert known["comment"] == MARKS.note
        assert not [key for key in known if "location" in key]
        if suffix == ".mkv":
            assert known["digital_source_type"].endswith("/compositeSynthetic")
        else:
            with av.open(str(output), options={"export_xmp": "1"}) as container:
                assert "digitalsourcetype/compositeSynthetic" in container.metadata["xmp"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("turn", [0, 90])
def test_chapters_are_kept(suffix: str, turn: int, tmp_path: Path) -> None:
    plain, source = make_clip(tmp_path / "plain.mp4", size=(96, 64)), tmp_path / "in.mp4"
    with av.open(str(turn_clip(plain, tmp_path / "t.mp4", turn) if turn else plain)) as a, av.open(str(source), "w") as b:
        b.set_chapters([chapter(1, 0, 500, "One"), chapter(2, 500, 1200, "Two")])
        streams = {stream.index: b.add_stream_from_template(stream) for stream in a.streams}
        for packet in a.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                b.mux(packet)
    with av.open(str(transcode(source, tmp_path / f"out{suffix}", tmp_path / "w"))) as made:
        kept = [(c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]) for c in made.chapters()]
    half, end = Fraction(1, 2), Fraction(6, 5)
    assert kept == [(0, half, {"title": "One"}), (half, end, {"title": "Two"})]


def chapter(number: int, start_ms: int, end_ms: int, title: str) -> Any:
    metadata = {"title": title}
    return {"id": number, "start": start_ms, "end": end_ms, "time_base": Fraction(1, 1000), "metadata": metadata}


def test_edits_reach_the_file(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=3, sound=False)
    info = probe(source)
    plan = choose_encoder(info, MediaOptions(quality=100), tmp_path / "out.mp4", threads=1)
    encoder = SegmentEncoder(plan)
    with VideoReader(info, threads=1) as reader:
        for frame in reader.frames():
            if frame.index == 1:
                frame.put(frame.box, np.full((96, 128, 3), (40, 90, 200), np.uint8))
            encoder.encode(frame)
    write_segment(tmp_path, 0, encoder.finish())
    mux(plan, info, TrackPlan(), [tmp_path / segment_name(0)], tmp_path / "out.mp4", MARKS, cancel=threading.Event())
    with VideoReader(probe(tmp_path / "out.mp4"), threads=1) as reader:
        means = [frame.bgr().mean((0, 1)) for frame in reader.frames()]
    assert np.abs(means[1] - (40, 90, 200)).max() < 4
    assert np.abs(means[0] - (40, 90, 200)).max() > 20


def test_encoders_say_what_they_cannot_do(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "odd.mp4", pix_fmt="yuv444p", size=(101, 77), sound=False))
    for encoder, message in (("nonsense", "no encoder is called"), ("libvpx-vp9x", "no encoder"), ("ffv1", "does not hold")):
        with pytest.raises(UsageError, match=message):
            choose_encoder(info, MediaOptions(encoder=encoder), tmp_path / "o.mp4", threads=1)
    with pytest.raises(UsageError, match="libx264"):
        choose_encoder(info, MediaOptions(encoder="libsvtav1"), tmp_path / "o.mp4", threads=1)
    with pytest.raises(UsageError, match="quality"):
        choose_encoder(info, MediaOptions(quality=101), tmp_path / "o.mp4", threads=1)


@pytest.mark.parametrize("encoder", ["libvpx-vp9", "libsvtav1"])
def test_quicktime_is_not_offered_what_it_does_not_hold(encoder: str, tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "in.mp4", frames=2, sound=False))
    with pytest.raises(UsageError, match=r"\.mov does not hold (VP9|AV1).*; --encoder libx264 can$"):
        choose_encoder(info, MediaOptions(encoder=encoder), tmp_path / "o.mov", threads=1)
    for suffix in (".mp4", ".m4v", ".mkv"):
        assert choose_encoder(info, MediaOptions(encoder=encoder), tmp_path / f"o{suffix}", threads=1).name == encoder


@pytest.mark.parametrize("encoder", ["auto", "libx264", "libx265"])
def test_a_preset_is_tried_before_the_first_frame(encoder: str, tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "in.mp4", frames=2, sound=False))
    with pytest.raises(UsageError, match=r"^libx26[45] has no preset 'nonsense' \(there are: ultrafast, .*placebo\)$"):
        choose_encoder(info, MediaOptions(encoder=encoder, preset="nonsense"), tmp_path / "o.mp4", threads=1)


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libvpx-vp9", "libsvtav1", "ffv1"])
def test_many_cores_are_no_reason_to_refuse(encoder: str, tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "in.mp4", frames=2, sound=False))
    assert choose_encoder(info, MediaOptions(encoder=encoder), tmp_path / "o.mkv", threads=64).name == encoder


def test_a_cut_off_file_is_noticed(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", frames=100, size=(320, 240))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    with VideoReader(probe(cut), threads=1) as reader, pytest.raises(InputError, match="cut off"):
        list(reader.frames())
    fast = tmp_path / "fast.mp4"
    slow = make_clip(tmp_path / "m.mp4", frames=100, size=(320, 240), sound=False)
    with av.open(str(slow)) as a, av.open(str(fast), "w", options={"movflags": "faststart"}) as b:
        stream = b.add_stream_from_template(a.streams.video[0])
        for packet in a.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                b.mux(packet)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(fast.read_bytes()[: fast.stat().st_size * 2 // 3])
    with VideoReader(probe(cut), threads=1) as reader, pytest.raises(InputError, match="cut off"):
        list(reader.frames())
