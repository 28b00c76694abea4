"""What is no target is told as what it is, soon and without harm; what breaks off can be salvaged up to there."""

from __future__ import annotations

import os
import struct
import threading
import time
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import make_clip
from PIL import Image

from roop_host import MediaOptions
from roop_host.errors import InputError
from roop_host.media.info import Reading
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.media.reading.timing import as_read, reading_of


def reason(path: Path) -> str:
    """Why it is refused, by looking at it or by reading it."""
    with pytest.raises(InputError) as caught, VideoReader(probe(path), threads=2) as reader:
        list(reader.frames())
    assert str(path) in str(caught.value)
    assert ";" in str(caught.value)  # what to do about it
    return str(caught.value)


def salvaged(path: Path, threads: int = 1, **asked: Any) -> tuple[list[Fraction], VideoReader]:
    info = as_read(probe(path), reading_of(MediaOptions(salvage=True, **asked)))
    with VideoReader(info, threads=threads) as reader:
        return [frame.time for frame in reader.frames()], reader


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"ffconcat version 1.0\nfile neighbour.mp4\n", "a list of other files"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nneighbour.mp4\n#EXT-X-ENDLIST\n", "a playlist"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"\xef\xbb\xbf  <svg/>", "an SVG drawing"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "EPS drawing"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"8BPS\x00\x01" + bytes(60), "a Photoshop document"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b"hello, this is a note\n", "a text"),
        (b"PK\x03\x04" + bytes(60), "a ZIP archive"),
        (b"ID3\x04" + bytes(60), "an MP3 sound file"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(60), "a WAV sound file"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(60), "Windows Media"),
        (b"FLV\x01\x05" + bytes(60), "a Flash video"),
        (b"\x00\x00\x00\x01\x67\x42" + bytes(60), "a bare video stream"),
        (b"\x00\x00\x00\x20ftypheic" + bytes(60), "a HEIC picture"),
        (b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x10\x00mdat" + bytes(60), r"without its index \(moov\)"),
        (bytes(range(128, 256)) * 40, "no picture or video that can be read"),
        (b"\x00" * 5000, "no picture or video that can be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("name", ["x.mp4", "x.jpg"])
def test_a_file_is_told_as_what_it_is(content: bytes, words: str, name: str, tmp_path: Path) -> None:
    make_clip(tmp_path / "neighbour.mp4", frames=2, sound=False)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        probe(tmp_path / name)


def test_a_file_that_goes_while_it_is_looked_at_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"%PDF-1.7\n")

    def gone(_: Path) -> None:
        raise FileNotFoundError(2, "gone")

    monkeypatch.setattr("roop_host.media.reading.probe.what_it_is", gone)
    assert "no picture or video that can be read" in reason(path)


def test_nothing_folders_and_what_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "is empty" in reason(tmp_path / "empty.mp4")
    assert "not a file" in reason(tmp_path)
    assert "does not exist" in reason(tmp_path / "gone.mp4")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_and_devices_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path("/dev/zero")):
        assert "not a file" in reason(path)


def test_a_link_is_followed(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, sound=False)
    link = tmp_path / "link.mp4"
    link.symlink_to(clip)
    with VideoReader(probe(link), threads=1) as reader:
        assert len(list(reader.frames())) == 3


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as sink:
        tone = sink.add_stream("aac", rate=48000, layout="stereo")
        for start in range(0, 8192, 1024):
            samples = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
            samples.sample_rate, samples.pts, samples.time_base = 48000, start, Fraction(1, 48000)
            sink.mux(tone.encode(samples))
        sink.mux(tone.encode(None))
    assert "only sound" in reason(path)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(side: int) -> bytes:
    """A small PNG of side x side black pixels."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_bombs_are_refused_before_they_go_off(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_bomb(16000))
    assert "larger than is reasonable" in reason(tmp_path / "bomb.png")


@pytest.mark.parametrize(("bomb_at", "words"), [(0, "no frame that can be decoded"), (3, "broken or cut off after 0.12 s")])
def test_a_bomb_in_a_video_is_not_decoded(bomb_at: int, words: str, tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "p.mov", frames=6, sound=False, encoder="png", pix_fmt="gray", options={"pred": "none"})
    bomb = png_bomb(16000)
    path = tmp_path / "bomb.mov"
    with av.open(str(plain)) as a, av.open(str(path), "w") as b:
        stream = b.add_stream_from_template(a.streams.video[0])
        for number, packet in enumerate([packet for packet in a.demux(video=0) if packet.size]):
            sent = av.Packet(bomb) if number == bomb_at else packet
            sent.stream, sent.time_base = stream, packet.time_base
            sent.pts, sent.dts, sent.is_keyframe = packet.pts, packet.dts, True
            b.mux(sent)
    began = time.monotonic()
    assert words in reason(path)
    assert time.monotonic() - began < 1.5  # decoding it takes six seconds and a gigabyte


def test_absurd_rates_and_durations(tmp_path: Path) -> None:
    fast = make_clip(tmp_path / "fast.mp4", frames=5, rate=Fraction(5000), sound=False)
    assert "5000 frames a second" in reason(fast)
    long = make_clip(tmp_path / "long.mkv", frames=3, pts=[0, 1, 10**8], sound=False)
    assert "claims to last 46 days" in reason(long)
    gap = make_clip(tmp_path / "gap.mkv", frames=3, pts=[0, 1, 25 * 86400 * 2], sound=False)
    assert "broken or cut off after 0.08 s" in reason(gap)


def test_a_size_larger_than_can_be_worked_on(tmp_path: Path) -> None:
    wide = tmp_path / "wide.mkv"
    with av.open(str(wide), "w") as sink:
        stream = sink.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16400, 16, "gray"
        picture = av.VideoFrame(16400, 16, "gray")
        picture.pts = 0
        sink.mux(stream.encode(picture))
        sink.mux(stream.encode(None))
    assert "16400x16, more than can be worked on" in reason(wide)


def long_clip(path: Path) -> Path:
    return make_clip(path, frames=100, size=(160, 128), sound=False, options={"crf": "20", "bf": "2", "g": "20"})


def index_first(path: Path, output: Path) -> list[tuple[int, int]]:
    """An MP4 with its index before the pictures; where each packet lies."""
    with av.open(str(path)) as a, av.open(str(output), "w", options={"movflags": "faststart"}) as b:
        stream = b.add_stream_from_template(a.streams.video[0])
        for packet in a.demux(video=0):
            if packet.size:
                packet.stream = stream
                b.mux(packet)
    with av.open(str(output)) as a:
        return [(packet.pos or 0, packet.size) for packet in a.demux(video=0) if packet.size]


def broken(how: str, folder: Path) -> Path:
    """A clip of 4 s, 100 frames, that breaks at about a half."""
    suffix = "mp4" if how in ("between", "mid-packet", "garbled", "unfinished") else how.partition(" ")[0]
    path, whole = folder / f"broken.{suffix}", long_clip(folder / f"whole.{suffix}")
    data = bytearray(whole.read_bytes())
    if suffix == "mp4" and how != "unfinished":
        places = index_first(whole, folder / "fast.mp4")
        data = bytearray((folder / "fast.mp4").read_bytes())
        at, size = places[50]
        if how == "garbled":
            data[at + 8 : at + size] = b"\x55" * (size - 8)
        else:
            del data[at if how == "between" else at + size // 2 :]
    elif how == "ts garbled":
        half = len(data) // 2
        data[half : half + 1500] = b"\xaa" * 1500
    else:
        del data[len(data) // 2 :]
    path.write_bytes(data)
    return path


BREAKS = ["between", "mid-packet", "garbled", "mkv", "avi"]


@pytest.mark.parametrize("how", BREAKS)
def test_what_breaks_off_is_told_or_salvaged(how: str, tmp_path: Path) -> None:
    path = broken(how, tmp_path)
    assert "broken or cut off after" in reason(path)
    assert "--salvage" in reason(path)
    with VideoReader(probe(tmp_path / f"whole{path.suffix}"), threads=1) as reader:
        whole = {frame.time: bytes(frame.pixels.planes[0]) for frame in reader.frames()}
    times, reader = salvaged(path)
    assert 20 < len(times) < 80
    assert times == list(whole)[: len(times)]
    assert len(reader.notices) == 1
    assert f"is used up to {float(reader.end_s):.2f} s, where it breaks off" in reader.notices[0]
    assert salvaged(path, threads=2)[0] == times
    info = as_read(probe(path), reading_of(MediaOptions(salvage=True)))
    with VideoReader(info, threads=2) as reader:
        assert all(bytes(f.pixels.planes[0]) == whole[f.time] for f in reader.frames())


def shown(path: Path, threads: int) -> tuple[dict[Fraction, bytes], tuple[str, ...]]:
    with VideoReader(probe(path), threads=threads) as reader:
        return {frame.time: bytes(frame.pixels.planes[0]) for frame in reader.frames()}, tuple(reader.notices)


def test_a_garbled_transport_stream_goes_on_at_the_next_keyframe(tmp_path: Path) -> None:
    path = broken("ts garbled", tmp_path)
    whole, _ = shown(tmp_path / "whole.ts", 1)
    seen, notices = shown(path, 1)
    assert 70 < len(seen) < 100
    assert list(seen)[-1] == list(whole)[-1]
    assert seen.items() <= whole.items()
    assert len(notices) == 1
    assert f"{path} was damaged or joined in one place: at least " in notices[0]
    assert shown(path, 3) == (seen, notices)
    assert salvaged(path)[0] == list(seen)


@pytest.mark.parametrize("encoder", ["libx264", "mpeg2video"])
def test_a_transport_stream_that_lost_a_packet_shows_no_wrong_picture(encoder: str, tmp_path: Path) -> None:
    options = {"crf": "16", "qscale": "2", "bf": "2", "g": "10"}
    options = {key: value for key, value in options.items() if key != ("qscale" if encoder == "libx264" else "crf")}
    clip = make_clip(tmp_path / "whole.ts", frames=40, sound=False, encoder=encoder, options=options)
    whole, _ = shown(clip, 1)
    data = clip.read_bytes()
    places = [at for at in range(0, len(data), 188) if int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF == 0x100]
    told = 0
    for at in places[len(places) // 3 : len(places) * 2 // 3 : 4]:
        path = tmp_path / "in.ts"
        path.write_bytes(data[:at] + data[at + 188 :])
        seen, notices = shown(path, 2)
        assert seen.items() <= whole.items()
        assert len(notices) == (len(seen) < len(whole))
        told += len(notices)
    assert told > 3


def test_a_transport_stream_damaged_near_its_end_is_told_as_cut_off(tmp_path: Path) -> None:
    clip = long_clip(tmp_path / "whole.ts")
    data = clip.read_bytes()
    at = len(data) // 188 * 188 - 188 * 6
    (tmp_path / "in.ts").write_bytes(data[:at] + data[at + 188 :])
    assert "broken or cut off after" in reason(tmp_path / "in.ts")
    times, reader = salvaged(tmp_path / "in.ts")
    assert 80 <= len(times) < 100
    assert len(reader.notices) == 1


def test_joined_transport_streams_are_read_on(tmp_path: Path) -> None:
    one = long_clip(tmp_path / "one.ts").read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(one + one)
    seen, notices = shown(path, 1)
    first, _ = shown(tmp_path / "one.ts", 1)
    assert list(seen.values())[-100:] == list(first.values())
    assert list(seen)[-100:] == [time + 4 for time in first]  # as if those left out at the join were there
    assert 97 <= len(seen) - 100 <= 99
    assert f"was damaged or joined in one place: at least {200 - len(seen)} frames there" in notices[-1]
    assert shown(path, 3) == (seen, notices)


def test_times_that_are_told_count_from_the_beginning(tmp_path: Path) -> None:
    path = long_clip(tmp_path / "whole.ts")
    with av.open(str(path)) as a, av.open(str(tmp_path / "in.ts"), "w") as b:
        stream = b.add_stream_from_template(a.streams.video[0])
        for packet in a.demux(video=0):
            if packet.size:
                packet.pts, packet.dts = packet.pts + 90000 * 50000, packet.dts + 90000 * 50000  # type: ignore[operator]
                packet.stream = stream
                b.mux(packet)
    data = (tmp_path / "in.ts").read_bytes()
    at = len(data) // 188 * 188 - 188 * 6
    (tmp_path / "in.ts").write_bytes(data[:at] + data[at + 188 :])
    assert "broken or cut off after 3." in reason(tmp_path / "in.ts")
    _, reader = salvaged(tmp_path / "in.ts")
    assert "is used up to 3." in reader.notices[0]


@pytest.mark.parametrize("asked", [{"fps": "50"}, {"deinterlace": True}, {"trim_start": "0.5"}], ids=str)
def test_salvage_goes_with_everything_else(asked: dict[str, Any], tmp_path: Path) -> None:
    path = broken("mid-packet", tmp_path)
    times, reader = salvaged(path, **asked)
    assert len(times) > 20
    assert len(reader.notices) == 1


def test_a_break_behind_what_is_used_does_not_matter(tmp_path: Path) -> None:
    path = broken("mid-packet", tmp_path)
    info = as_read(probe(path), reading_of(MediaOptions(trim_end="1")))
    with VideoReader(info, threads=2) as reader:
        assert len(list(reader.frames())) == 25
    assert reader.notices == []


def test_an_unfinished_recording_is_told(tmp_path: Path) -> None:
    assert "without its index (moov)" in reason(broken("unfinished", tmp_path))


def test_a_clip_that_is_broken_from_the_first_frame_cannot_be_salvaged(tmp_path: Path) -> None:
    whole = long_clip(tmp_path / "whole.mp4")
    at, size = index_first(whole, tmp_path / "in.mp4")[0]
    data = bytearray((tmp_path / "in.mp4").read_bytes())
    del data[at + size // 3 :]
    (tmp_path / "in.mp4").write_bytes(data)
    with pytest.raises(InputError, match="size can't be told"):
        salvaged(tmp_path / "in.mp4")


def test_a_transport_stream_may_begin_anywhere(tmp_path: Path) -> None:
    whole = long_clip(tmp_path / "whole.ts")
    data = whole.read_bytes()
    packets = len(data) // 188
    path = tmp_path / "in.ts"
    path.write_bytes(data[: 188 * 3] + data[188 * (packets // 3) :])
    with VideoReader(probe(path), threads=2) as reader:
        assert 30 < len(list(reader.frames())) < 80


def test_a_change_of_size_is_told_with_its_time(tmp_path: Path) -> None:
    parts = [make_clip(tmp_path / f"{n}.ts", size=s, frames=10, sound=False) for n, s in enumerate([(128, 96), (64, 48)])]
    path = tmp_path / "in.ts"
    with av.open(str(path), "w") as sink:
        stream: Any = None
        for number, part in enumerate(parts):
            with av.open(str(part)) as source:
                stream = stream or sink.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.size:
                        moved = Fraction(number * 10, 25) / packet.time_base
                        packet.pts, packet.dts = packet.pts + int(moved), packet.dts + int(moved)  # type: ignore[operator]
                        packet.stream = stream
                        sink.mux(packet)
    assert "changes its size from 128x96 to 64x48 at frame 10" in reason(path)
    times, reader = salvaged(path)
    assert len(times) == 10
    assert len(reader.notices) == 1


def test_cancelling_is_seen_while_frames_are_skipped(tmp_path: Path) -> None:
    from roop_host.errors import Interrupted

    path = long_clip(tmp_path / "in.mp4")
    info = as_read(probe(path), reading_of(MediaOptions(trim_start="90f")))
    stop = threading.Event()
    stop.set()
    with VideoReader(info, threads=1) as reader, pytest.raises(Interrupted):
        next(reader.frames(cancel=stop))


def test_pictures_of_other_kinds_are_still_read(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "x.mp4", "PNG")
    assert probe(tmp_path / "x.mp4").kind == "picture"


@pytest.mark.parametrize("suffix", [".avi", ".ts"])
def test_a_clip_that_ends_too_early_is_told_by_its_size(suffix: str, tmp_path: Path) -> None:
    whole = make_clip(tmp_path / f"in{suffix}", encoder="mpeg4", options={}, frames=60, sound=False)
    with VideoReader(probe(whole), threads=1) as reader:
        assert len(list(reader.frames())) == 60
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) * 3 // 5 // 188 * 188 + 75])
    with VideoReader(probe(whole), threads=1) as reader, pytest.raises(InputError, match="broken or cut off after"):
        list(reader.frames())
    salvaged = as_read(probe(whole), Reading(salvage=True))
    with VideoReader(salvaged, threads=1) as reader:
        assert 10 < len(list(reader.frames())) < 60
        assert any("used up to" in notice for notice in reader.notices)


def test_a_fragmented_clip_that_breaks_off_ends_with_its_last_frame(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov"}
    whole = make_clip(tmp_path / "plain.mp4", frames=60, sound=False, options={"g": "10", "crf": "20"})
    torn = tmp_path / "in.mp4"
    with av.open(str(whole)) as a, av.open(str(torn), "w", options=options) as b:
        twin = b.add_stream_from_template(a.streams.video[0])
        for packet in a.demux(video=0):
            if packet.size:
                packet.stream = twin
                b.mux(packet)
    data = torn.read_bytes()
    for part in (35, 50, 60, 80):
        torn.write_bytes(data[: len(data) * part // 100])
        with VideoReader(as_read(probe(torn), Reading(salvage=True)), threads=1) as reader:
            frames = list(reader.frames())
        assert frames[-1].duration * frames[-1].time_base == Fraction(1, 25)
