"""Pictures that hide where text and sound stand: drawn by subtitles, in fonts, in headers and tags of sound."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from screened import clip_of, let_through, with_bad

from roop_host.media.writing.hidden import draws, holds_more_than_styles, holds_pictures, without_comments

STYLES = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname\r\nStyle: Default,Arial\r\n\r\n"
    b"[Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)
SHAPE = rb"m 0 0 l 640 0 640 480 0 480"
SECRET = b"\xff\xd8\xff\xe0" + bytes(range(256))
MS = Fraction(1, 1000)
OUTPUTS = [".mkv", ".mp4", ".mov", ".webm"]


def with_text(tmp_path: Path, lines: Sequence[bytes], *, codec: str = "ass", header: bytes = STYLES) -> Path:
    """A calm clip with a track of text that shows these lines."""
    calm = clip_of(tmp_path / "calm.mkv", with_bad(10), encoder="ffv1")
    with av.open(str(calm)) as a, av.open(str(tmp_path / "in.mkv"), "w") as b:
        twin = b.add_stream_from_template(a.streams.video[0])
        text: Any = b.add_stream(codec)
        text.time_base, text.codec_context.subtitle_header = MS, header
        for packet in a.demux(video=0):
            if packet.size:
                packet.stream = twin
                b.mux(packet)
        for number, line in enumerate(lines):
            shown = av.Packet(b"%d,0,Default,,0,0,0,,%b" % (number, line) if codec == "ass" else line)
            shown.stream, shown.time_base, shown.pts, shown.dts, shown.duration = text, MS, number * 50, number * 50, 40
            b.mux(shown)
    return tmp_path / "in.mkv"


def encoder_for(suffix: str) -> dict[str, str]:
    return {"preset": "auto"} if suffix == ".webm" else {"encoder": "libx264"}


@pytest.mark.parametrize("suffix", OUTPUTS)
@pytest.mark.parametrize("tag", [rb"\p1", rb"\an7\pos(0,0)\p 1", rb"\clip(m 0 0 l 9 0 9 9)", rb"\iclip(1,m 0 0 l 9 9)"])
def test_what_subtitles_draw_does_not_come_along_and_their_words_do(tag: bytes, suffix: str, tmp_path: Path) -> None:
    clip = with_text(tmp_path, [b"Hello", b"{%b}%b{\\p0}" % (tag, SHAPE), rb"{\pos(3,4)\clip(0,0,9,9)\p0}World"])
    report = let_through(clip, tmp_path / f"out{suffix}", **encoder_for(suffix))
    content = (tmp_path / f"out{suffix}").read_bytes()
    assert SHAPE not in content
    assert (b"Hello" in content, b"World" in content) == (True, True)
    assert any("drawings are left out, as nobody looks at them (1 of its packets)" in said for said in report.notices)


def test_a_drawing_in_another_kind_of_text_does_not_come_along(tmp_path: Path) -> None:
    clip = with_text(tmp_path, [b"Hello", rb"{\p1}" + SHAPE], codec="subrip")
    let_through(clip, tmp_path / "out.mkv", encoder="libx264")
    assert SHAPE not in (tmp_path / "out.mkv").read_bytes()


@pytest.mark.parametrize(
    "more",
    [
        b"[Fonts]\r\nfontname: x.ttf\r\n" + b"!" * 60,
        b"\n [ graphics ]\nfilename: x.bmp\n" + b"!" * 60,
        rb"Dialogue: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,{\p1}" + SHAPE,
        b"Picture: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,x.bmp",
    ],
)
def test_a_header_that_brings_more_than_styles_does_not_come_along(more: bytes, tmp_path: Path) -> None:
    clip = with_text(tmp_path, [b"Hello"], header=STYLES + more)
    for suffix in (".mkv", ".mp4"):
        report = let_through(clip, tmp_path / f"out{suffix}", encoder="libx264")
        with av.open(report.output or "") as container:
            assert [stream.type for stream in container.streams] == ["video"]
        assert any("nobody looks at" in said for said in report.notices)


def test_ordinary_styles_are_none_of_that() -> None:
    assert not holds_more_than_styles(STYLES + b"Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,fonts\r\n")
    assert holds_more_than_styles(b"WEBVTT\n\nSTYLE\n::cue { background: url(data:image/png;base64,AA) }")
    assert not any(map(draws, (rb"{\pos(1,2)}\p", rb"{\p0}C:\pictures", rb"{\clip(1,2,3,4)\pbo9}x", b"a p1 clip(m)")))
    assert all(map(draws, (rb"{\P1}", rb"{\ p(2)}", rb"{\p+04}", rb"{\t(\p3)}", rb"{\clip( 2 , M 0 0")))


def sfnt(*tables: bytes, start: bytes = b"\0\1\0\0", place: int = 0) -> bytes:
    listed = b"".join(table + struct.pack(">III", 0, place, 0) for table in tables)
    return start + struct.pack(">HHHH", len(tables), 0, 0, 0) + listed + bytes(40)


def collection(*tables: bytes) -> bytes:
    return b"ttcf" + struct.pack(">III", 0x10000, 1, 16) + sfnt(*tables)


def woff(*tables: bytes) -> bytes:
    listed = b"".join(table + bytes(16) for table in tables)
    return b"wOFF" + bytes(8) + struct.pack(">H", len(tables)) + bytes(30) + listed


@pytest.mark.parametrize("make", [sfnt, collection, woff])
@pytest.mark.parametrize("table", [b"SVG ", b"CBDT", b"sbix", b"COLR", b"EBDT"])
def test_a_font_of_pictures_does_not_come_along(make: Any, table: bytes, tmp_path: Path) -> None:
    assert holds_pictures(make(b"cmap", table, b"glyf"))
    assert not holds_pictures(make(b"cmap", b"glyf"))
    for broken in (make(b"cmap", table)[:20], b"wOF2" + bytes(60), b"ttcf" + b"\xff" * 20):
        assert holds_pictures(broken)


def test_of_fonts_only_those_of_outlines_come_along(tmp_path: Path) -> None:
    calm = clip_of(tmp_path / "calm.mkv", with_bad(4), encoder="ffv1")
    fonts = {"plain.ttf": sfnt(b"cmap", b"glyf"), "emoji.ttf": sfnt(b"cmap", b"sbix") + SECRET}
    with av.open(str(calm)) as a, av.open(str(tmp_path / "in.mkv"), "w") as b:
        twin = b.add_stream_from_template(a.streams.video[0])
        for name, data in fonts.items():
            b.add_attachment(name, "font/ttf", data)
        for packet in a.demux(video=0):
            if packet.size:
                packet.stream = twin
                b.mux(packet)
    report = let_through(tmp_path / "in.mkv", tmp_path / "out.mkv", encoder="libx264")
    with av.open(report.output or "") as container:
        attached: list[Any] = [stream for stream in container.streams if stream.type == "attachment"]
        assert [stream.name for stream in attached] == ["plain.ttf"]
    assert SECRET not in (tmp_path / "out.mkv").read_bytes()
    assert any("letters of this font may be pictures" in said for said in report.notices)


# Covers in headers and tags of sound.


def cover() -> bytes:
    """A picture block (FLAC format, METADATA_BLOCK_PICTURE)."""
    kind = b"image/jpeg"
    head = struct.pack(">II", 3, len(kind)) + kind + struct.pack(">IIIII", 0, 1, 1, 24, 0)
    return head + struct.pack(">I", len(SECRET)) + SECRET


COVER = base64.b64encode(cover())


def vorbis_with_cover(plain: bytes) -> bytes:
    """The headers of Vorbis, the comments of which hold a cover."""
    bare = without_comments(plain)
    assert bare is not None
    comment = b"METADATA_BLOCK_PICTURE=" + COVER
    block = b"\x03vorbis" + struct.pack("<III", 0, 1, len(comment)) + comment + b"\x01"
    laced = bytes([255] * (len(block) // 255) + [len(block) % 255])
    first = bare[1]
    return b"\x02" + bytes([first]) + laced + bare[3 : 3 + first] + block + bare[3 + first + bare[2] :]


def with_sound(path: Path, codec: str, *, suffix: str = ".mkv") -> Path:
    """A calm clip with a track of noise, whose header and tags, and those of the file, hold a cover."""
    calm = clip_of(path.with_name("calm.mkv"), with_bad(10), encoder="ffv1" if suffix == ".mkv" else "libx264")
    rate, kind = 48000, "s16" if codec == "flac" else "fltp"
    with av.open(str(path.with_name("sound.mka")), "w") as sink:
        stream: Any = sink.add_stream(codec, rate=rate, options={"strict": "experimental"})
        stream.layout = "stereo"
        for number in range(18):
            noise = np.random.default_rng(number).uniform(-0.1, 0.1, (2, 1024)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, 1024 * number, Fraction(1, rate)
            for part in av.AudioResampler(kind, "stereo", rate).resample(frame):
                sink.mux(stream.encode(part))
        sink.mux(stream.encode(None))
    with av.open(str(calm)) as a, av.open(str(path.with_name("sound.mka"))) as s, av.open(str(path), "w") as b:
        video, sound = b.add_stream_from_template(a.streams.video[0]), b.add_stream_from_template(s.streams.audio[0])
        if codec == "vorbis":
            sound.codec_context.extradata = vorbis_with_cover(bytes(s.streams.audio[0].codec_context.extradata or b""))
        for tags in (b.metadata, sound.metadata):
            tags |= {"METADATA_BLOCK_PICTURE": COVER.decode(), "COVERART": COVER.decode(), "title": "A title"}
        packets = [*((packet, video) for packet in a.demux(video=0)), *((packet, sound) for packet in s.demux(audio=0))]
        for packet, twin in packets:
            if packet.size:
                packet.stream = twin
                b.mux(packet)
    return path


@pytest.mark.parametrize("suffix", OUTPUTS)
@pytest.mark.parametrize("codec", ["vorbis", "flac"])
def test_a_cover_in_the_header_or_tags_of_sound_does_not_come_along(codec: str, suffix: str, tmp_path: Path) -> None:
    clip = with_sound(tmp_path / "in.mkv", codec)
    assert clip.read_bytes().count(COVER[60:200]) == (5 if codec == "vorbis" else 4)
    report = let_through(clip, tmp_path / f"out{suffix}", **encoder_for(suffix))
    content = (tmp_path / f"out{suffix}").read_bytes()
    assert (COVER[60:200] in content, SECRET[10:] in content) == (False, False)
    assert any("picture (METADATA_BLOCK_PICTURE)" in said for said in report.notices)
    with av.open(report.output or "") as container:
        (sound,) = container.streams.audio
        assert container.metadata["title"] == "A title"
        assert sum(frame.samples for frame in container.decode(sound)) > 16000


def test_headers_of_vorbis_that_are_none_are_not_copied() -> None:
    for broken in (b"", b"\x02", b"\x02\xff\xff", b"\x01abc", b"\x02\x01\x01abc", b"\x02\x01\x08a\x03vorbisb"):
        assert without_comments(broken) is None
