"""What a finisher may do to a file, and what not: the digest of what it shows and plays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from clips import make_clip
from PIL import Image

from roop_host.errors import InputError
from roop_host.media.pictures.png import chunk
from roop_host.media.reading.same import media_digest

Change = Callable[[Path], None]


def _boxed(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\x00\x00\x00\x10free12345678")


def _one_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat")
    data[start + 600] ^= 1
    path.write_bytes(data)


def _remuxed(path: Path, *, skip: int = 0, turn: int = 0, tag: str = "") -> None:
    made = path.with_name("made.mp4")
    with av.open(str(path)) as source, av.open(str(made), "w") as sink:
        streams = {stream.index: sink.add_stream_from_template(stream) for stream in source.streams}
        if turn:
            streams[0].set_display_rotation(turn)
        if tag:
            sink.metadata["title"] = tag
        for number, packet in enumerate(source.demux()):
            if packet.dts is not None and number != skip:
                packet.stream = streams[packet.stream.index]
                sink.mux(packet)
    made.replace(path)


def test_a_clip_may_get_boxes_and_tags_beside_its_packets(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=12)
    _remuxed(clip, skip=-1)
    before = media_digest(clip)
    _boxed(clip)
    assert media_digest(clip) == before
    _remuxed(clip, skip=-1, tag="a title")
    assert media_digest(clip) == before


@pytest.mark.parametrize(
    "change",
    [_one_byte, lambda path: _remuxed(path, skip=5), lambda path: _remuxed(path, skip=-1, turn=90)],
    ids=["a byte of a packet", "a packet less", "turned"],
)
def test_a_clip_that_shows_something_else_is_another(change: Change, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=12)
    _remuxed(clip, skip=-1)
    before = media_digest(clip)
    change(clip)
    assert media_digest(clip) != before


def _picture(path: Path, value: int = 90, **more: object) -> Path:
    pixels = np.full((24, 32, 3), value, np.uint8)
    pixels[4:8, 4:8] = 200
    Image.fromarray(pixels).save(path, **more)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".gif", ".bmp"])
def test_a_picture_is_known_by_its_samples(suffix: str, tmp_path: Path) -> None:
    one, same, other = (_picture(tmp_path / f"{name}{suffix}", value) for name, value in (("a", 90), ("b", 90), ("c", 94)))
    assert media_digest(one) == media_digest(same)
    assert media_digest(one) != media_digest(other)


def test_text_in_a_picture_is_nothing_that_shows(tmp_path: Path) -> None:
    plain = _picture(tmp_path / "a.jpg")
    told = _picture(tmp_path / "b.jpg", comment=b"told")
    assert media_digest(plain) == media_digest(told)


def _segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(data) + 2).to_bytes(2) + data


def _behind_the_start(more: bytes) -> Change:
    return lambda path: path.write_bytes(path.read_bytes()[:2] + more + path.read_bytes()[2:]) and None


def _behind_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


def _tagged(path: Path) -> None:
    with Image.open(path) as image:
        image.save(path, tiffinfo={34377: b"8BIM"})


def _in_riff(path: Path) -> None:
    content = path.read_bytes() + b"XMP \2\0\0\0<>"
    path.write_bytes(content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:])


def _before_the_end_of_a_gif(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\x21\xff\x0bXMP DataXMP\x02<>\0;")


def _in_meta(path: Path) -> None:
    content = path.read_bytes()
    at = content.index(b"meta") - 4
    size = int.from_bytes(content[at : at + 4])
    grown = (size + 8).to_bytes(4) + content[at + 4 : at + size] + b"\0\0\0\x08iprp"
    path.write_bytes(content[:at] + grown + content[at + size :])


XMP = b"http://ns.adobe.com/xap/1.0/\0<x/>"


@pytest.mark.parametrize(
    ("suffix", "change"),
    [
        (".jpg", _behind_the_start(_segment(0xE1, XMP))),
        (".jpg", _behind_the_start(_segment(0xED, b"Photoshop 3.0\0" + b"8BIM"))),
        (".jpg", _behind_the_start(_segment(0xE2, b"MPF\0"))),
        *((suffix, _behind_the_end) for suffix in (".jpg", ".png", ".webp", ".gif", ".bmp", ".avif")),
        (".png", lambda path: _chunked(path, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>")),
        (".png", lambda path: _chunked(path, b"zTXt", b"Raw profile type exif\0\0")),
        (".png", lambda path: _chunked(path, b"any ", b"")),
        (".webp", _in_riff),
        (".gif", _before_the_end_of_a_gif),
        (".tif", _tagged),
        (".avif", _in_meta),
    ],
)
def test_nothing_else_may_come_into_a_picture(suffix: str, change: Change, tmp_path: Path) -> None:
    """Previews stand in XMP, in Photoshop's own, behind the picture, and wherever somebody thinks of next."""
    path = _picture(tmp_path / f"a{suffix}")
    before = media_digest(path)
    assert media_digest(path) == before
    change(path)
    try:
        after = media_digest(path)
    except InputError:
        return
    assert after != before


def _chunked(path: Path, kind: bytes, data: bytes) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:33] + chunk(kind, data) + content[33:])


@pytest.mark.parametrize(
    ("suffix", "change"),
    [
        (".jpg", _behind_the_start(_segment(0xEB, b"JP\0\1"))),
        (".png", lambda path: _chunked(path, b"caBX", b"x")),
        (".gif", lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x21\xfe\x02<>\0;") and None),
    ],
)
def test_credentials_and_comments_may(suffix: str, change: Change, tmp_path: Path) -> None:
    path = _picture(tmp_path / f"a{suffix}")
    before = media_digest(path)
    change(path)
    assert media_digest(path) == before


def test_a_preview_in_a_picture_shows_something(tmp_path: Path) -> None:
    plain = _picture(tmp_path / "a.jpg")
    second = b"\0\x01" + b"\x01\x03\0\x03\0\0\0\x01\0\x06\0\0" + bytes(4)  # a directory behind an empty first one
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + b"\0\0" + b"\0\0\0\x0e" + second
    told = tmp_path / "b.jpg"
    _picture(told, exif=exif)
    assert media_digest(plain) != media_digest(told)


def test_an_animation_is_known_by_its_pictures_and_delays(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), (40 * number, 9, 9)) for number in range(4)]

    def saved(name: str, pictures: list[Image.Image], duration: int) -> Path:
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=duration, loop=0)
        return tmp_path / name

    first = saved("a.gif", frames, 100)
    again = Path(shutil.copy(first, tmp_path / "b.gif"))
    assert media_digest(first) == media_digest(again)
    assert media_digest(first) != media_digest(saved("c.gif", frames, 110))
    assert media_digest(first) != media_digest(saved("d.gif", frames[::-1], 100))


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize(
    ("kind", "data"), [(b"cICP", bytes((1, 8, 0, 1))), (b"cHRM", bytes(32)), (b"gAMA", bytes((0, 0, 9, 9)))]
)
def test_what_a_png_says_of_its_colours_shows_something(kind: bytes, data: bytes, moving: bool, tmp_path: Path) -> None:
    more = {"save_all": True, "append_images": [Image.new("RGB", (32, 24))]} if moving else {}
    path = _picture(tmp_path / "a.png", **more)
    before, content = media_digest(path), path.read_bytes()
    path.write_bytes(content[:33] + chunk(b"tEXt", b"Title\0x") + content[33:])
    assert media_digest(path) == before
    path.write_bytes(content[:33] + chunk(kind, data) + content[33:])
    assert media_digest(path) != before


def test_a_profile_of_an_animation_shows_something(tmp_path: Path) -> None:
    more: dict[str, object] = {"save_all": True, "append_images": [Image.new("RGB", (32, 24))]}
    plain = _picture(tmp_path / "a.webp", lossless=True, **more)
    told = _picture(tmp_path / "b.webp", lossless=True, icc_profile=b"a profile" * 20, **more)
    assert media_digest(plain) != media_digest(told)


def test_a_cover_in_the_tags_of_a_clip_shows_something(tmp_path: Path) -> None:
    clips = []
    for key in ("ARTIST", "METADATA_BLOCK_PICTURE"):
        with av.open(str(make_clip(tmp_path / "clip.mp4", frames=4))) as a, av.open(str(tmp_path / f"{key}.mkv"), "w") as b:
            twin = b.add_stream_from_template(a.streams.video[0])
            b.metadata[key] = "QUJD"
            for packet in a.demux(video=0):
                if packet.size:
                    packet.stream = twin
                    b.mux(packet)
        clips.append(tmp_path / f"{key}.mkv")
    assert media_digest(clips[0]) != media_digest(clips[1])
