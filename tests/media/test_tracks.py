"""What stands beside the video: sound, subtitles, chapters, fonts and timecode, copied, encoded anew, moved and cut."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_clip, pts_of
from tracked import Tone, clicks_of, join, make_tracks, packets_of

from roop_host import MediaOptions
from roop_host.media.info import Reading, Track
from roop_host.media.reading.probe import probe
from roop_host.media.writing.sound import SoundEncoder
from roop_host.media.writing.span import Span
from roop_host.media.writing.tracks import choose_tracks

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
# What becomes of a sound, by container; an empty text is a copy.
SOUNDS = {
    "aac": ("", "", "", "", "libopus"),
    "libmp3lame": ("", "", "", "", "libopus"),
    "ac3": ("", "", "", "", "libopus"),
    "libopus": ("", "", "aac", "", ""),
    "flac": ("", "", "alac", "", "libopus"),
    "vorbis": ("", "", "aac", "", ""),
    "pcm_s16le": ("alac", "alac", "", "", "libopus"),
    "pcm_s24le": ("alac", "alac", "", "", "libopus"),
    "alac": ("", "", "", "", "libopus"),
}
MS = Fraction(1, 1000)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("codec", SOUNDS)
def test_sound_is_copied_where_it_can_be_else_encoded_in_step(codec: str, suffix: str, made: Any, tmp_path: Path) -> None:
    source, output = made(f"{codec}.mkv", Tone(codec)), tmp_path / f"out{suffix}"
    plan, _ = join(source, output, tmp_path / "w")
    expected = SOUNDS[codec][SUFFIXES.index(suffix)]
    assert [way.encoder for way in plan.ways] == [expected]
    if expected:
        assert len(plan.notices) == 1
        assert f"is encoded as {expected}: {suffix} does not hold it" in plan.notices[0]
    else:
        assert plan.notices == ()
        whole = [b"".join(data for _, _, data in packets_of(path, "audio")) for path in (source, output)]
        assert whole[0] == whole[1]  # PCM may be cut into other packets
    assert clicks_of(output) == pytest.approx([0.3, 0.9], abs=0.0015)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("codec", ["aac", "libopus", "flac", "pcm_s16le"])
def test_a_trimmed_clip_has_the_sound_of_its_part(codec: str, suffix: str, made: Any, tmp_path: Path) -> None:
    source, output = made(f"{codec}.mkv", Tone(codec)), tmp_path / f"out{suffix}"
    plan, expected = join(source, output, tmp_path / "w", trim=(5, 25))  # 0.2 s to 1.0 s
    assert clicks_of(output) == pytest.approx([0.1, 0.7], abs=0.0015)
    assert pts_of(output)[0] == 0
    assert (expected.frames, expected.over) == (20, Fraction(4, 5))
    if plan.ways[0].how == "copy":
        given = [data for start, _, data in packets_of(source, "audio") if Fraction(1, 5) <= start < 1]
        if not codec.startswith("pcm"):
            assert [data for _, _, data in packets_of(output, "audio")] == given
    starts = [start for start, _, _ in packets_of(output, "audio")]
    assert starts[-1] < Fraction(4, 5)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("start", [-0.5, 0.5])
@pytest.mark.parametrize("seconds", [0.6, 2.5])
def test_sound_that_begins_or_ends_elsewhere_stays_there(
    start: float, seconds: float, suffix: str, made: Any, tmp_path: Path
) -> None:
    # A container without negative times moves all: then the picture begins later.
    tone = Tone("flac", start=max(start, 0), seconds=seconds, clicks=(0.55,))
    source = made(f"at{start}-{seconds}.mkv", tone, start=13 if start < 0 else 0)
    output = tmp_path / f"out{suffix}"
    join(source, output, tmp_path / "w")
    assert clicks_of(output) == pytest.approx([0.55], abs=0.0015)
    assert float(pts_of(output)[0]) == pytest.approx(0.52 if start < 0 else 0, abs=0.001)
    sound = packets_of(output, "audio")
    assert float(sound[-1][0] + sound[-1][1]) == pytest.approx(tone.start + seconds, abs=0.03)


def test_sound_of_an_mp4_before_0_is_kept(tmp_path: Path) -> None:
    source = make_tracks(tmp_path / "in.mp4", Tone("aac"))
    given = packets_of(source, "audio")
    assert given[0][0] < 0
    for suffix in (".mp4", ".mkv"):
        join(source, tmp_path / f"out{suffix}", tmp_path / f"w{suffix}")
        kept = packets_of(tmp_path / f"out{suffix}", "audio")
        assert [data for _, _, data in kept] == [data for _, _, data in given]
        assert abs(kept[0][0] - given[0][0]) <= MS
        assert clicks_of(tmp_path / f"out{suffix}") == pytest.approx([0.3, 0.9], abs=0.0015)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_languages_titles_and_dispositions_are_kept(suffix: str, made: Any, tmp_path: Path) -> None:
    flags = av.stream.Disposition
    one = Tone("libopus", tags=(("language", "eng"), ("title", "Original")), disposition=flags.default)
    two = Tone("libopus", tags=(("language", "fra"), ("title", "Pour malentendants")), disposition=flags.hearing_impaired)
    source, output = made("two.mkv", one, two, texts=("subrip",)), tmp_path / f"out{suffix}"
    join(source, output, tmp_path / "w")
    with av.open(str(output)) as container:
        sounds = container.streams.audio
        assert [stream.language for stream in sounds] == ["eng", "fra"]
        titles = [stream.metadata.get("title", stream.metadata.get("name")) for stream in sounds]
        assert titles == ["Original", "Pour malentendants"]
        assert [bool(stream.disposition & flags.default) for stream in sounds] == [True, False]
        # QuickTime and WebM have no word for it.
        assert bool(sounds[1].disposition & flags.hearing_impaired) == (suffix not in (".mov", ".webm"))
        assert [stream.language for stream in container.streams.subtitles] == ["eng"]


TEXTS = {
    "subrip": ("mov_text", "mov_text", "mov_text", "", "webvtt"),
    "ass": ("mov_text", "mov_text", "mov_text", "", "webvtt"),
    "webvtt": ("mov_text", "mov_text", "mov_text", "", ""),
    "mov_text": ("", "", "", "subrip", "webvtt"),
}


@pytest.mark.parametrize("trim", [None, (10, 25)], ids=["whole", "trimmed"])
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", TEXTS)
def test_subtitles(name: str, suffix: str, trim: tuple[int, int] | None, made: Any, tmp_path: Path) -> None:
    source = made(f"{name}.{'mp4' if name == 'mov_text' else 'mkv'}", texts=(name,))
    output = tmp_path / f"out{suffix}"
    plan, _ = join(source, output, tmp_path / "w", trim=trim)
    assert [way.encoder for way in plan.ways] == [TEXTS[name][SUFFIXES.index(suffix)]]
    shown = packets_of(output, "subtitle")
    times = [(float(start), float(length)) for start, length, _ in shown]
    whole = [(0.2, 0.4), (0.7, 0.4)]
    assert times == [pytest.approx(pair, abs=0.0011) for pair in (whole if trim is None else [(0, 0.2), (0.3, 0.3)])]
    assert [word for word in (b"One", b"Two") if any(word in data for _, _, data in shown)] == [b"One", b"Two"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_chapters_move_with_the_used_part(suffix: str, made: Any, tmp_path: Path) -> None:
    def chapter(number: int, start: int, end: int, title: str) -> dict[str, Any]:
        return {"id": number, "start": start, "end": end, "time_base": MS, "metadata": {"title": title}}

    three = [chapter(1, 0, 300, "One"), chapter(2, 300, 900, "Two"), chapter(3, 900, 1200, "Three")]
    source = made("chapters.mkv", chapters=three)
    join(source, tmp_path / f"out{suffix}", tmp_path / "w", trim=(10, 20))  # 0.4 s to 0.8 s
    join(source, tmp_path / f"half{suffix}", tmp_path / "v", trim=(5, 30))
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert _chapters(container) == [(0, 0.4, "Two")]
    with av.open(str(tmp_path / f"half{suffix}")) as container:
        assert _chapters(container) == [(0, 0.1, "One"), (0.1, 0.7, "Two"), (0.7, 1.0, "Three")]


def _chapters(container: Any) -> list[tuple[float, float, str]]:
    found = container.chapters()
    return [(float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), c["metadata"]["title"]) for c in found]


def test_fonts_go_into_matroska_and_pictures_nowhere(made: Any, tmp_path: Path) -> None:
    font = b"\0\1\0\0" + bytes(8) + b"font" * 50
    files = [("a.ttf", "application/x-truetype-font", font), ("cover.txt", "text/plain", b"a place")]
    source = made("fonts.mkv", texts=("ass",), fonts=files)
    plan, _ = join(source, tmp_path / "out.mkv", tmp_path / "w")
    with av.open(str(tmp_path / "out.mkv")) as container:
        kept = [(stream.name, stream.mimetype, stream.data) for stream in container.streams if stream.type == "attachment"]
    assert kept == [files[0]]
    assert len(plan.notices) == 1
    assert "only fonts come along" in plan.notices[0]
    lost = choose_tracks(probe(source), MediaOptions(), Path("out.mp4")).notices
    assert len([said for said in lost if "only fonts" in said]) == 2


SFNT, OTTO = b"\0\1\0\0" + bytes(60), b"OTTO" + bytes(60)


@pytest.mark.parametrize(
    ("name", "data", "kept"),
    [
        ("../../../.config/x.ttf", SFNT, ("x.ttf", "application/x-truetype-font")),
        ("C:\\fonts\\y.otf", OTTO, ("y.otf", "application/vnd.ms-opentype")),
        ("run.sh", SFNT, ("run.sh.ttf", "application/x-truetype-font")),
        ("..", OTTO, ("font.otf", "application/vnd.ms-opentype")),
        ("a.ttf", b"#!/bin/sh\n" + bytes(60), None),
    ],
)
def test_a_font_is_one_by_its_bytes_and_its_name_leads_nowhere(
    name: str, data: bytes, kept: tuple[str, str] | None, tmp_path: Path
) -> None:
    source = make_tracks(tmp_path / "in.mkv", fonts=[(name, "application/x-sh", data)])
    plan, _ = join(source, tmp_path / "out.mkv", tmp_path / "w")
    with av.open(str(tmp_path / "out.mkv")) as container:
        found = [(stream.name, stream.mimetype) for stream in container.streams if stream.type == "attachment"]
    assert found == ([] if kept is None else [kept])
    assert ["only fonts come along" in said for said in plan.notices] == ([True] if kept is None else [])


def test_what_may_show_or_tell_too_much_is_left_out(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", frames=5, sound=False)
    source = tmp_path / "in.mp4"
    with av.open(str(plain)) as a, av.open(str(source), "w") as b:
        twins = [b.add_stream_from_template(a.streams.video[0]) for _ in range(2)]
        for packet in a.demux(video=0):
            for twin in twins:
                if packet.size:
                    copy = av.Packet(bytes(packet))
                    copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                    copy.stream, copy.is_keyframe, copy.duration = twin, packet.is_keyframe, packet.duration
                    b.mux(copy)
    plan, _ = join(source, tmp_path / "out.mp4", tmp_path / "w")
    assert plan.ways == ()
    assert plan.notices == ("video track 1 (h264) is left out: it may show the face as it was",)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert len(container.streams) == 1


def test_without_sound(made: Any, tmp_path: Path) -> None:
    source = made("aac.mkv", Tone("aac"))
    plan, expected = join(source, tmp_path / "out.mp4", tmp_path / "w", skip_audio=True)
    assert (plan.ways, plan.notices, expected.sounds) == ((), (), ())
    assert probe(tmp_path / "out.mp4").audio_codecs == ()


def test_six_channels_and_odd_rates_are_encoded(made: Any, tmp_path: Path) -> None:
    source = made("six.mkv", Tone("flac", layout="5.1(side)", rate=44100))
    join(source, tmp_path / "out.webm", tmp_path / "w")
    with av.open(str(tmp_path / "out.webm")) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.layout.nb_channels) == (48000, 6)
    assert clicks_of(tmp_path / "out.webm") == pytest.approx([0.3, 0.9], abs=0.0015)


def test_a_gap_in_the_sound_becomes_silence(tmp_path: Path) -> None:
    whole, source = make_tracks(tmp_path / "whole.mkv", Tone("flac", seconds=2, clicks=(0.02, 1.9))), tmp_path / "in.mkv"
    with av.open(str(whole)) as a, av.open(str(source), "w") as b:
        twins = {stream.index: b.add_stream_from_template(stream) for stream in a.streams}
        for packet in a.demux():
            gone = packet.stream.type == "audio" and packet.size and 0.4 < packet.pts * packet.time_base < 1
            if packet.size and not gone:
                packet.stream = twins[packet.stream.index]
                b.mux(packet)
    join(source, tmp_path / "out.mov", tmp_path / "w")
    assert clicks_of(tmp_path / "out.mov") == pytest.approx([0.02, 1.9], abs=0.0015)


def test_sparse_subtitles_stop_nothing(tmp_path: Path) -> None:
    source = make_tracks(tmp_path / "in.mkv", Tone("aac", seconds=16), texts=("subrip",), frames=400)
    join(source, tmp_path / "out.mkv", tmp_path / "w")
    with av.open(str(tmp_path / "out.mkv")) as container:
        order = [(p.dts * p.time_base, p.stream.type) for p in container.demux() if p.size]
    assert all(b[0] - a[0] > -Fraction(1, 10) for a, b in pairwise(order))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_joined_again_the_bytes_are_the_same(suffix: str, made: Any, tmp_path: Path) -> None:
    source = made("all.mkv", Tone("flac"), Tone("aac"), texts=("subrip", "ass"))
    for name in ("a", "b"):
        join(source, tmp_path / f"{name}{suffix}", tmp_path / name, trim=(3, 27))
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_targets_without_a_file_have_no_tracks(made: Any) -> None:
    info = replace(probe(made("plain.mkv")), is_file=False, tracks=(Track(1, "audio", "aac"),))
    assert choose_tracks(info, MediaOptions(), Path("out.mp4")).ways == ()


def test_sound_may_change_its_channels_on_the_way(tmp_path: Path) -> None:
    encoder: Any = av.CodecContext.create("flac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48000, "stereo", "s16"
    encoder.open()
    sound = SoundEncoder(encoder, begin=None, end=None)
    packets = []
    for number, layout in enumerate(["stereo", "mono", "5.1", "stereo"]):
        count = av.AudioLayout(layout).nb_channels
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800 * count), np.int16), format="s16", layout=layout)
        frame.sample_rate = 48000
        packets += list(sound.encode(frame, Fraction(number, 10) if number != 2 else None))
    packets += list(sound.finish())
    decoder = av.CodecContext.create("flac", "r")
    decoder.extradata = encoder.extradata
    frames: list[Any] = [frame for packet in packets for frame in decoder.decode(packet)]
    assert sum(frame.samples for frame in frames) == 4 * 4800


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_telemetry_is_left_out_and_named(suffix: str, tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    with av.open(str(make_clip(tmp_path / "plain.mp4", frames=5, sound=False))) as a, av.open(str(source), "w") as b:
        twin = b.add_stream_from_template(a.streams.video[0])
        data = b.add_data_stream("bin_data")
        data.metadata["handler_name"] = "GoPro MET"
        for packet in a.demux(video=0):
            if packet.size:
                packet.stream = twin
                b.mux(packet)
        place = av.Packet(b"GPS5 51.5 -0.1")
        place.stream, place.time_base, place.pts, place.dts, place.duration = data, MS, 0, 0, 100
        b.mux(place)
    plan, _ = join(source, tmp_path / f"out{suffix}", tmp_path / "w")
    (notice,) = plan.notices
    assert notice.startswith("data track 1 (")
    assert "GoPro MET" in notice
    assert "on purpose: such tracks often tell where a clip was taken" in notice
    assert b"GPS5" in source.read_bytes()
    assert b"GPS5" not in (tmp_path / f"out{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_broadcast_clock_does_not_delay_the_picture(suffix: str, tmp_path: Path) -> None:
    source = make_tracks(tmp_path / "in.ts", Tone("aac", start=2, clicks=(2.3, 2.9)), start=50)
    with av.open(str(source)) as container:
        begin = Fraction(container.start_time, av.time_base)
    assert begin > 1
    output = tmp_path / f"out{suffix}"
    join(source, output, tmp_path / "w", info=replace(probe(source), begin_s=begin))
    assert pts_of(output)[0] < Fraction(1, 10)
    offset = float(pts_of(source)[0] - pts_of(output)[0])
    assert clicks_of(output) == pytest.approx([click - offset for click in clicks_of(source)], abs=0.0015)


def test_a_part_without_sound_is_no_error(made: Any, tmp_path: Path) -> None:
    source = made("late.mkv", Tone("flac", start=0.8, seconds=0.4, clicks=(0.9,)), Tone("flac"))
    for suffix in (".mp4", ".mkv", ".webm"):
        _, expected = join(source, tmp_path / f"out{suffix}", tmp_path / "w", trim=(0, 10))
        assert [sound.label for sound in expected.sounds] == ["audio track 2 (flac)"]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_salvage_ends_the_sound_where_the_file_breaks(suffix: str, made: Any, tmp_path: Path) -> None:
    source = made("long.mkv", Tone("flac", seconds=4, clicks=()), frames=100)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(source.read_bytes()[: source.stat().st_size * 3 // 5])
    info = replace(probe(source), path=broken, reading=Reading(salvage=True))
    join(source, tmp_path / f"out{suffix}", tmp_path / "w", info=info)
    sound = packets_of(tmp_path / f"out{suffix}", "audio")
    assert 1 < float(sound[-1][0] + sound[-1][1]) < 3.5


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize(
    ("container", "codec"), [("avi", "pcm_s16le"), ("avi", "ac3"), ("ts", "aac"), ("ts", "mp2"), ("mp4", "aac")]
)
def test_sound_of_other_containers(container: str, codec: str, suffix: str, made: Any, tmp_path: Path) -> None:
    encoder = "mpeg4" if container == "avi" else "libx264"
    source = made(f"{codec}.{container}", Tone(codec), encoder=encoder)
    heard = clicks_of(source)
    shown = pts_of(source)
    join(source, tmp_path / f"out{suffix}", tmp_path / "w")
    assert clicks_of(tmp_path / f"out{suffix}") == pytest.approx(heard, abs=0.0015)
    join(source, tmp_path / f"part{suffix}", tmp_path / "v", trim=(5, 25))
    moved = [click - float(shown[5]) for click in heard]
    assert clicks_of(tmp_path / f"part{suffix}") == pytest.approx(moved, abs=0.0015)


def test_subtitles_that_are_pictures_come_into_no_container(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    with av.open(str(make_clip(tmp_path / "plain.mp4", sound=False))) as a, av.open(str(source), "w") as b:
        twin = b.add_stream_from_template(a.streams.video[0])
        pictures = b.add_mux_stream("hdmv_pgs_subtitle")
        pictures.time_base = MS
        for packet in a.demux(video=0):
            if packet.size:
                packet.stream = twin
                b.mux(packet)
        end = av.Packet(b"\x80\x00\x00")  # a segment that says "end of display set"
        end.stream, end.time_base, end.pts, end.dts, end.duration = pictures, MS, 300, 300, 100
        b.mux(end)
    for suffix in (".mkv", ".mp4", ".mov", ".webm"):
        plan, _ = join(source, tmp_path / f"out{suffix}", tmp_path / "w")
        assert plan.ways == ()
        assert "its subtitles are pictures" in plan.notices[0]


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_a_part_from_the_middle_of_a_long_clip(suffix: str, made: Any, tmp_path: Path) -> None:
    tones = (Tone("flac", seconds=24, clicks=(2.9, 4.5, 5.5)), Tone("aac", seconds=24, clicks=(4.5,)))
    source = made("middle.mkv", *tones, frames=600)
    with av.open(str(source)) as container:
        streams = container.streams.audio
        span = Span(Fraction(3), Fraction(0), Fraction(2), Fraction(0), Fraction(0), Fraction(2))
        read = [packet.pts * packet.time_base for packet in span.used(container.demux(streams)) if packet.size]
    assert 15 < max(read) < 16  # 10 s after the end, not 24
    join(source, tmp_path / f"out{suffix}", tmp_path / "w", trim=(75, 125))
    for track, clicks in enumerate([[1.5], [1.5]]):
        assert clicks_of(tmp_path / f"out{suffix}", track)[:1] == pytest.approx(clicks, abs=0.0015)
