"""What is told of the joined video itself: tags, turn, fields, alpha, timecode and marks."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_clip
from kit import Tint, job, plugins, processor, run
from tracked import MARKS, join

from roop_host import MediaOptions
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.media.segments import segment_name, write_segment
from roop_host.media.writing.choosing import choose_encoder
from roop_host.media.writing.encode import SegmentEncoder
from roop_host.media.writing.mux import mux
from roop_host.media.writing.span import later_timecode
from roop_host.media.writing.tracks import TrackPlan, choose_tracks

NTSC = Fraction(30000, 1001)
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_timecode_is_kept_and_moves(suffix: str, made: Any, tmp_path: Path) -> None:
    source = made("timecode.mov", timecode="01:02:03:20")
    plan, _ = join(source, tmp_path / f"whole{suffix}", tmp_path / "w")
    join(source, tmp_path / f"part{suffix}", tmp_path / "v", trim=(10, 20))
    assert plan.notices == ()
    for name, text in (("whole", "01:02:03:20"), ("part", "01:02:04:05")):
        with av.open(str(tmp_path / f"{name}{suffix}")) as container:
            tags = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
        assert tags["timecode"] == text


@pytest.mark.parametrize(
    ("text", "frames", "source", "rate", "later"),
    [
        ("00:00:59;29", 1, NTSC, NTSC, "00:01:00;02"),
        ("00:09:59;29", 1, NTSC, NTSC, "00:10:00;00"),
        ("00:00:00;00", 17982, NTSC, NTSC, "00:10:00;00"),
        ("00:00:59;59", 1, 2 * NTSC, 2 * NTSC, "00:01:00;04"),
        ("23:59:59:24", 1, Fraction(25), Fraction(25), "00:00:00:00"),
        ("01:00:00:00", 24 * 60 + 5, Fraction(24000, 1001), Fraction(24000, 1001), "01:01:00:05"),
        ("noon", 1, Fraction(25), Fraction(25), None),
        ("00:00:00:40", 0, Fraction(50), Fraction(25), "00:00:00:20"),
        ("00:00:00:40", 15, Fraction(50), Fraction(25), "00:00:01:02"),
        ("00:00:00:20", 0, Fraction(25), Fraction(50), "00:00:00:40"),
        ("10:00:00;30", 0, 2 * NTSC, NTSC, "10:00:00;15"),
        ("00:01:00;02", 0, NTSC, 2 * NTSC, "00:01:00;04"),
        ("00:00:59;20", 0, NTSC, Fraction(25), "00:00:59:16"),
        ("00:00:59;20", 0, NTSC, Fraction(24), "00:00:59:16"),
        ("00:00:59;20", 0, NTSC, Fraction(30), "00:00:59:20"),
        ("00:00:59;29", 1, NTSC, Fraction(25), "00:01:00:01"),
        ("10:00:00:00", 0, NTSC, Fraction(25), "10:00:00:00"),
        ("01:02:03:10", 0, Fraction(25), NTSC, "01:02:03:12"),
        ("00:00:01:110", 0, Fraction(120), Fraction(60), "00:00:01:55"),
    ],
)
def test_timecode_arithmetic(text: str, frames: int, source: Fraction, rate: Fraction, later: str | None) -> None:
    assert later_timecode(text, frames / source, source, rate) == later


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    ("rate", "said", "fps", "later"),
    [
        (Fraction(50), "00:00:00:40", "25", "00:00:00:20"),
        (2 * NTSC, "10:00:00;30", "30000/1001", "10:00:00;15"),
        (NTSC, "00:00:59;20", "24", "00:00:59:16"),
    ],
)
def test_timecode_is_counted_at_another_rate(
    rate: Fraction, said: str, fps: str, later: str, suffix: str, tmp_path: Path
) -> None:
    source = tmp_path / "in.mov"
    with av.open(str(source), "w") as sink:
        stream = sink.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["timecode"] = said
        for number in range(12):
            picture = av.VideoFrame.from_ndarray(np.full((72, 64), 128, np.uint8), format="yuv420p")
            picture.pts, picture.time_base = number, 1 / rate
            sink.mux(stream.encode(picture))
        sink.mux(stream.encode(None))
    output = tmp_path / f"out{suffix}"
    run(plugins(processor(Tint, "tint")), job(source, output, "tint", media=MediaOptions(preset="ultrafast", fps=fps)))
    with av.open(str(output)) as container:
        tags = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
    assert tags["timecode"] == later


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_hevc_has_the_tag_that_quicktime_wants(suffix: str, made: Any, tmp_path: Path) -> None:
    join(made("plain.mkv"), tmp_path / f"out{suffix}", tmp_path / "w", encoder="libx265")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_all_eight_ways_a_clip_can_be_turned_are_kept(made: Any, tmp_path: Path) -> None:
    source = made("plain.mkv")
    matrix = (0, 65536, 0, 65536, 0, 0, 0, 0, 1 << 30)  # turned and mirrored
    info = replace(probe(source), matrix=matrix)
    join(source, tmp_path / "out.mp4", tmp_path / "w", info=info)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
    given = bytes(frame.side_data["DISPLAYMATRIX"])  # type: ignore[arg-type]
    assert tuple(int.from_bytes(given[at : at + 4], "little", signed=True) for at in range(0, 36, 4)) == matrix


def test_alpha_beside_the_packets_reaches_the_file(made: Any, tmp_path: Path) -> None:
    info, folder = probe(made("plain.mkv")), tmp_path / "w"
    for suffix in (".webm", ".mkv"):
        plan = choose_encoder(info, MediaOptions(encoder="libvpx-vp9"), Path("out.mkv"), threads=1)
        encoder = SegmentEncoder(plan)
        with VideoReader(info, threads=1) as reader:
            for frame in reader.frames():
                encoder.encode(frame)
        made_ = encoder.finish()
        # The alpha of each packet is a picture of its own: here the same one, after the number of the addition.
        beside = tuple(
            (place, "matroska_block_additional", (1).to_bytes(8, "big") + data)
            for place, (_, _, data) in enumerate(made_.packets)
        )
        folder.mkdir(exist_ok=True)
        write_segment(folder, 0, replace(made_, side_data=beside))
        output = tmp_path / f"out{suffix}"
        mux(plan, info, TrackPlan(), [folder / segment_name(0)], output, MARKS, cancel=threading.Event())
        with av.open(str(output)) as container:
            stream = container.streams.video[0]
            assert stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) == "1"
            packets = [packet for packet in container.demux(stream) if packet.size]
        assert all(packet.has_sidedata("matroska_block_additional") for packet in packets)
        given = [bytes(packet.get_sidedata("matroska_block_additional")) for packet in packets]
        assert given == [data for _, _, data in beside]


@pytest.mark.parametrize(("order", "number"), [("tff", 9), ("bff", 14)])
def test_prores_has_its_tag_and_the_order_of_its_fields(order: Any, number: int, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=3, pix_fmt="yuv422p10le", sound=False)
    info = replace(probe(source), field_order=order)
    chosen = choose_encoder(info, MediaOptions(), Path("out.mkv"), threads=1)
    plan = replace(chosen, name="prores_ks", options=(("profile", "hq"),), reorder=0)
    encoder = SegmentEncoder(plan)
    with VideoReader(info, threads=1) as reader:
        for frame in reader.frames():
            encoder.encode(frame)
    write_segment(tmp_path, 0, encoder.finish())
    # The box `fiel` of QuickTime, and FlagInterlaced and FieldOrder of Matroska.
    words = {".mov": b"fiel\x02" + bytes([number]), ".mkv": b"\x9a\x81\x01\x9d\x81" + bytes([number])}
    for suffix, word in words.items():
        output = tmp_path / f"out{suffix}"
        mux(plan, info, TrackPlan(), [tmp_path / segment_name(0)], output, MARKS, cancel=threading.Event())
        assert word in output.read_bytes()
        if suffix == ".mov":
            with av.open(str(output)) as container:
                assert container.streams.video[0].codec_context.codec_tag == "apch"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_marks_are_in_every_container(suffix: str, made: Any, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    join(made("plain.mkv"), output, tmp_path / "w")
    assert MARKS.stand_in(output)
    with av.open(str(output), options={"export_xmp": "1"}) as container:
        known = {key.lower(): value for key, value in container.metadata.items()}
    assert known["comment"] == MARKS.note
    assert MARKS.term in known["digital_source_type" if suffix in (".mkv", ".webm") else "xmp"]


TAGS = {"title": "T", "artist": "A", "DIRECTOR": "Ann", "com.apple.quicktime.model": "X", "comment": "shot by me"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_tags_come_along_or_are_named(suffix: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", frames=5, sound=False, metadata=TAGS)
    output = tmp_path / f"out{suffix}"
    plan, _ = join(source, output, tmp_path / "w")
    with av.open(str(output)) as container:
        known = {key.lower(): value for key, value in container.metadata.items()}
    given = {key.lower(): value for key, value in TAGS.items()}
    kept = {key for key in given if known.get(key) == given[key]}
    assert kept >= {"title", "artist"}
    lost = set(given) - kept - {"comment"}
    (named,) = plan.notices or ("",)
    assert lost == {key for key in given if key in named.lower()}
    assert bool(lost) == (suffix not in (".mkv", ".webm"))
    assert known["comment"] == f"{MARKS.note}; was: shot by me"
    # Once more: what was said is not said twice.
    join(output, tmp_path / f"again{suffix}", tmp_path / "v")
    with av.open(str(tmp_path / f"again{suffix}")) as container:
        again = {key.lower(): value for key, value in container.metadata.items()}
    assert again["comment"] == known["comment"]


def test_the_name_of_the_tool_that_wrote_the_target_is_no_loss(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.avi", frames=5, sound=False, encoder="mpeg4", options={"g": "5"})
    assert "software" in dict(probe(source).metadata)
    assert choose_tracks(probe(source), MediaOptions(), Path("out.mp4")).notices == ()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_tags_that_are_not_utf_8_stop_nothing(suffix: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", frames=5, metadata={"title": "ABCDEFGH"})
    source.write_bytes(source.read_bytes().replace(b"ABCDEFGH", b"Caf\xe9 \xe4\xe4\xff"))
    output = tmp_path / f"out{suffix}"
    join(source, output, tmp_path / "w")
    with av.open(str(output)) as container:
        assert container.metadata["title"].startswith("Caf\ufffd")


@pytest.mark.parametrize(("encoder", "lost"), [("libx264", False), ("ffv1", True)])
def test_side_data_of_the_picture_comes_along_or_is_named(encoder: str, lost: bool, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", frames=5, sound=False, options={"x264-params": "frame-packing=3"})
    assert probe(source).side_data == ("stereo 3D metadata",)
    told: list[str] = []
    fast = {"encoder": encoder} if encoder == "libx264" else {"encoder": encoder, "preset": "auto"}
    join(source, tmp_path / "out.mkv", tmp_path / "w", told=told, **fast)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert (next(container.decode(video=0)).side_data.get("STEREO3D") is None) == lost
    assert told == (["not in the output: stereo 3D metadata"] if lost else [])
