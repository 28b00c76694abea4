"""Targets whose tracks lose their place in time, or break: what belongs together stays so, else it is refused or told."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clips import pts_of
from tracked import Tone, clicks_of, damaged_packet, join, make_tracks, packets_of, remuxed

from roop_host.errors import InputError
from roop_host.media.info import MediaInfo, Reading, Track
from roop_host.media.reading.probe import probe
from roop_host.media.writing.clocks import Clocks
from roop_host.media.writing.span import Span
from roop_host.media.writing.tracks import TrackPlan, TrackWay

MS = Fraction(1, 1000)


def as_broadcast(source: Path, path: Path) -> bytes:
    return remuxed(source, path, mpegts_flags="+initial_discontinuity").read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_sound_stays_with_a_picture_whose_clock_starts_again(suffix: str, tmp_path: Path) -> None:
    whole = make_tracks(tmp_path / "whole.mkv", Tone("aac", seconds=2, clicks=(0.4, 1.6)), frames=50)
    source = tmp_path / "in.ts"
    source.write_bytes(as_broadcast(whole, tmp_path / "part.ts") * 3)
    output = tmp_path / f"out{suffix}"
    join(source, output, tmp_path / "w")
    shown = [float(time) for time in pts_of(output)]
    assert shown == pytest.approx([shown[0] + k / 25 for k in range(150)], abs=0.002)
    assert clicks_of(output) == pytest.approx([shown[50 * k] + click for k in range(3) for click in (0.4, 1.6)], abs=0.04)
    starts = [float(start) for start, _, _ in packets_of(output, "audio")]
    assert len({round(start, 3) for start in starts}) > 270
    assert max(b - a for a, b in pairwise(starts)) < 0.05


def test_sound_whose_clock_starts_again_by_itself_is_refused(tmp_path: Path) -> None:
    first = make_tracks(tmp_path / "first.mkv", Tone("aac", seconds=2), frames=50)
    second = make_tracks(tmp_path / "second.mkv", Tone("aac", start=2.5, seconds=2, clicks=(3,)), frames=50)
    source = tmp_path / "in.ts"
    source.write_bytes(as_broadcast(first, tmp_path / "a.ts") + as_broadcast(second, tmp_path / "b.ts"))
    with pytest.raises(InputError, match=r"starts again 0 times and the video's 1 times.*remux the file first"):
        join(source, tmp_path / "out.mkv", tmp_path / "w")


def clocks_for(codec: str = "aac") -> Clocks:
    info = MediaInfo(Path("in.mkv"), "video", 64, 64, "h264", "matroska,webm", duration_s=10.0)
    plan = TrackPlan((TrackWay(Track(1, "audio", codec), "copy"),))
    return Clocks(info, plan, Span(Fraction(0), None, None, Fraction(0), Fraction(0), Fraction(10)))


def packets_at(*times: float) -> list[Any]:
    stream = SimpleNamespace(index=1)
    return [SimpleNamespace(stream=stream, size=1, pts=round(t * 1000), dts=None, time_base=MS, pos=0) for t in times]


def test_sound_that_falls_back_is_refused_where_no_clock_may_start_again() -> None:
    with pytest.raises(InputError, match=r"audio track 1 \(aac\) in in\.mkv fall back from 4\.00 s to 1\.00 s; repair"):
        list(clocks_for().straight(packets_at(0, 4, 1)))


def test_what_overlaps_by_more_than_rounding_is_left_out_and_told() -> None:
    clocks = clocks_for()
    kept = [packet.pts for packet in clocks.straight(packets_at(0, 0.02, 0.04, 0.03, 0.04, 0.01, 0.02, 0.06))]
    assert kept == [0, 20, 40, 30, 40, 20, 60]
    assert clocks.notices == ("audio track 1 (aac): what lies behind in time is left out (1 of its packets)",)


def test_a_clip_may_have_sound_long_after_its_picture() -> None:
    clocks = clocks_for()
    times = [float(k) for k in range(200)]
    assert len(list(clocks.straight(packets_at(*times)))) == 200
    assert clocks.notices == ()


@pytest.mark.parametrize("kind", ["audio", "subtitle"])
@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".mp4"])
def test_a_packet_far_behind_the_end_is_left_out_and_told(suffix: str, kind: str, tmp_path: Path) -> None:
    whole = make_tracks(tmp_path / "whole.mkv", Tone("aac"), texts=("subrip",))
    last = len(packets_of(whole, kind))

    def late(packet: Any, place: int) -> Any:
        if packet.stream.type == kind and place == last:
            packet.pts = packet.dts = packet.pts + round(6000 / packet.time_base)
        return packet

    source, told = remuxed(whole, tmp_path / "in.mkv", late), list[str]()
    output = tmp_path / f"out{suffix}"
    join(source, output, tmp_path / "w", told=told)
    assert len(told) == 1
    assert told[0].startswith(kind)
    assert "far behind the clip's end is left out (1 of its packets)" in told[0]
    assert float(packets_of(output, kind)[-1][0]) < 3


def test_sound_that_breaks_is_refused_or_silent_and_told(tmp_path: Path) -> None:
    def broken(packet: Any, place: int) -> Any:
        if packet.stream.type != "audio" or place not in (8, 9, 10):
            return packet
        return damaged_packet(packet, bytes(200))

    whole = make_tracks(tmp_path / "whole.mkv", Tone("flac", seconds=2, clicks=(0.2, 1.8)), frames=50)
    source = remuxed(whole, tmp_path / "in.mkv", broken)
    with pytest.raises(InputError, match=r"audio track 1 \(flac\) of .* is broken at \d\.\d\d s; .* with --salvage"):
        join(source, tmp_path / "out.webm", tmp_path / "w")
    info, told = replace(probe(source), reading=Reading(salvage=True)), list[str]()
    join(source, tmp_path / "out.webm", tmp_path / "w", info=info, told=told)
    assert told == ["audio track 1 (flac): what can't be decoded is left out (3 of its packets)"]
    assert clicks_of(tmp_path / "out.webm") == pytest.approx([0.2, 1.8], abs=0.0015)
    # What breaks outside of the used part breaks nothing.
    join(source, tmp_path / "part.webm", tmp_path / "v", trim=(0, 8))


def test_sound_that_begins_broken_is_told(tmp_path: Path) -> None:
    def broken(packet: Any, place: int) -> Any:
        if packet.stream.type == "audio" and place == 1:
            return damaged_packet(packet, bytes(200))
        return packet

    source = remuxed(make_tracks(tmp_path / "whole.mkv", Tone("flac")), tmp_path / "in.mkv", broken)
    told: list[str] = []
    join(source, tmp_path / "out.webm", tmp_path / "w", told=told)
    assert told == ["audio track 1 (flac): its beginning can't be decoded (1 of its packets)"]


def test_a_subtitle_that_breaks_is_refused_or_left_out_and_told(tmp_path: Path) -> None:
    def broken(packet: Any, place: int) -> Any:
        if packet.stream.type != "subtitle" or place != 2:  # the first is the gap before it
            return packet
        return damaged_packet(packet, b"\x7f")

    source = remuxed(make_tracks(tmp_path / "whole.mp4", texts=("mov_text",)), tmp_path / "in.mp4", broken)
    with pytest.raises(InputError, match=r"subtitle track 1 .*is broken at 0\.20 s"):
        join(source, tmp_path / "out.mkv", tmp_path / "w")
    info, told = replace(probe(source), reading=Reading(salvage=True)), list[str]()
    join(source, tmp_path / "out.mkv", tmp_path / "w", info=info, told=told)
    assert "what can't be decoded is left out (1 of its packets)" in told[0]
    assert [float(start) for start, _, _ in packets_of(tmp_path / "out.mkv", "subtitle")] == pytest.approx([0.7])
