"""Pictures that are refused, by their header where that is enough, and what hangs behind others."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from stills import deep_png, noise, read, written

from roop_host.errors import InputError, UsageError
from roop_host.media.info import MediaInfo
from roop_host.media.pictures import png
from roop_host.media.pictures.pictures_in import read_picture
from roop_host.media.pictures.pictures_out import check_still_fits
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
