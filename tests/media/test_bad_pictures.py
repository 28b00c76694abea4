"""Pictures that are refused, by their header where that is enough, and what hangs behind others."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image
from stills import MARKS, deep_png, noise, planes, read, written

from roop_host.errors import InputError, OutputError, UsageError
from roop_host.media.info import MediaInfo
from roop_host.media.pictures import png
from roop_host.media.pictures.animations import AnimationReader
from roop_host.media.pictures.files import known_picture
from roop_host.media.pictures.reading import read_pages, read_picture
from roop_host.media.pictures.writing import PageWriter, check_still_fits
from roop_host.media.reading.probe import probe

DEEP = noise(12, 20, 4, kind=np.uint16)


def claims(width: int, height: int, path: Path) -> Path:
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    path.write_bytes(png.assemble([(b"IHDR", head), (b"IDAT", b""), (b"IEND", b"")]))
    return path


@pytest.mark.parametrize("size", [(40000, 40000), (17000, 10), (11000, 11000)])
def test_bombs_are_refused_by_their_header(size: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"more than can be worked on|larger than is reasonable"):
        probe(claims(*size, tmp_path / "in.png"))


def test_a_bomb_behind_the_first_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(noise(4, 4), contiguous=False, metadata=None)
        writer.write(noise(4, 17000), contiguous=False, metadata=None)
    with pytest.raises(InputError, match=r"page 2 of .* is 17000x4"):
        probe(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", ".deep"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_pictures_are_refused(suffix: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"in{suffix}"
    if suffix == ".deep":
        deep_png(path, noise(40, 40, 3, kind=np.uint16))
    else:
        Image.fromarray(noise(64, 64, 3)).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"broken|cut off"):
        read_picture(probe(path))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".deep"])
def test_what_hangs_behind_a_picture_is_left_behind(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"in{suffix}"
    if suffix == ".deep":
        deep_png(path, DEEP)
    else:
        Image.fromarray(noise(64, 64, 3)).save(path)
    before = read(path)
    path.write_bytes(path.read_bytes() + b"PK\3\4 hidden")
    assert np.array_equal(read(path), before)
    assert b"hidden" not in written(path, tmp_path / "out.png").read_bytes()


@pytest.mark.parametrize("head", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7\n"])
def test_what_draws_itself_is_no_picture(head: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(head + bytes(200))
    with pytest.raises(InputError, match="which can't be read as a picture or video"):
        probe(tmp_path / "in.png")


def test_a_side_too_long_for_the_format_is_told_before(tmp_path: Path) -> None:
    info = MediaInfo(tmp_path / "x.png", "picture", 16384, 10, "png", "picture")
    check_still_fits(info, ".png")
    with pytest.raises(UsageError, match="WebP holds 16383"):
        check_still_fits(info, ".webp")


def test_a_photo_of_a_large_sensor_is_taken(tmp_path: Path) -> None:
    info = probe(claims(11648, 8736, tmp_path / "in.png"))
    assert (info.width, info.height) == (11648, 8736)


def damaged(path: Path, at: float = 0.5) -> Path:
    content = bytearray(path.read_bytes())
    middle = int(len(content) * at)
    content[middle : middle + 32] = bytes(byte ^ 255 for byte in content[middle : middle + 32])
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", ["zlib", "lzw", "none"])
def test_a_damaged_tiff_of_16_bit_is_refused_without_a_word_of_libraries(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, level = tmp_path / "in.tif", cv2.utils.logging.getLogLevel()
    samples = noise(64, 64, 3, kind=np.uint16)
    if kind == "lzw":
        cv2.imwrite(str(path), samples)
    else:
        tifffile.imwrite(path, samples, photometric="rgb", compression=None if kind == "none" else kind)
    if kind == "none":
        path.write_bytes(path.read_bytes()[:-9000])
    else:
        damaged(path)
    with pytest.raises(InputError, match=r"broken|cut off"):
        read_picture(probe(path))
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    assert cv2.utils.logging.getLogLevel() == level
    assert not logging.getLogger("tifffile").disabled


@pytest.mark.parametrize("suffix", [".avif", ".heic"])
def test_a_damaged_picture_of_boxes_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"in{suffix}"
    picture = Image.fromarray(noise(64, 64, 3))
    pillow_heif.from_pillow(picture).save(path) if suffix == ".heic" else picture.save(path)
    content = path.read_bytes()
    start = content.index(b"mdat") + 4
    path.write_bytes(content[:start] + b"\xff" * (len(content) - start))
    with pytest.raises(InputError, match=r"broken|cut off|no picture"):
        read_picture(probe(path))


@pytest.mark.parametrize("raised", [zlib.error("x"), RuntimeError("x"), cv2.error("x"), ZeroDivisionError("x")])
def test_whatever_a_library_raises_is_told_as_broken(raised: Exception, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(path := tmp_path / "in.png")
    with pytest.raises(InputError, match="broken or cut off"), known_picture(path):
        raise raised


def test_warnings_are_held_back_for_a_step_and_not_between(tmp_path: Path) -> None:
    images = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 90)]
    images[0].save(path := tmp_path / "in.gif", save_all=True, append_images=images[1:])
    before = list(warnings.filters)
    with AnimationReader(probe(path)) as reader:
        frames = reader.frames()
        next(frames)
        assert warnings.filters == before


def gif(path: Path, width: int, height: int, frames: int, at: tuple[int, int] = (0, 0)) -> Path:
    """Frames of one black pixel each on a screen of this size."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\x04\x05\0\0\0\x2c" + struct.pack("<HHHHB", *at, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    path.write_bytes(head + frame * frames + b"\x3b")
    return path


@pytest.mark.parametrize(("size", "frames"), [((9400, 9400), 800), ((1, 1), 1 << 17 | 1)])
def test_an_animation_of_too_many_pixels_is_refused_before_it_is_drawn(
    size: tuple[int, int], frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("drawn"))
    with pytest.raises(InputError, match="more than can be worked on"):
        probe(gif(tmp_path / "in.gif", *size, frames))


def test_what_reaches_beyond_the_screen_of_a_gif_is_cut(tmp_path: Path) -> None:
    images = [Image.fromarray(np.full((16, 16, 3), 60 * shade, np.uint8)) for shade in (1, 2, 3)]
    images[0].save(path := tmp_path / "in.gif", save_all=True, append_images=images[1:], duration=100)
    content = bytearray(path.read_bytes())
    whole = b"\x2c" + struct.pack("<HHHH", 0, 0, 16, 16)
    second = content.index(whole, content.index(whole) + 1)
    struct.pack_into("<HH", content, second + 1, 10, 10)
    path.write_bytes(content)
    info = probe(path)
    with AnimationReader(info) as reader:
        shown = [planes(frame)[..., :3] for frame in reader.frames()]
    assert [picture.shape for picture in shown] == [(16, 16, 3)] * 3
    assert (shown[1][0, 0] == 60).all()
    assert (shown[1][12:, 12:] == 120).all()


@pytest.mark.parametrize("raised", [ValueError("odd"), struct.error("odd"), OSError(28, "full")])
def test_what_fails_in_a_page_is_a_failed_output(raised: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 90)]
    pages[0].save(path := tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    info = probe(path)

    def fails(*_: object, **__: object) -> None:
        raise raised

    with PageWriter(info, tmp_path / "out.tif", MARKS) as writer:
        monkeypatch.setattr(tifffile.TiffWriter, "write", fails)
        with pytest.raises(OutputError, match=r"can't be written \(odd\)|no space left"):
            writer.write(next(iter(read_pages(info))))
