"""What a notice names: what a picture file holds and does not give, and what a format has no place for."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo
from stills import MARKS, deep_png, noise

from roop_host import MediaOptions
from roop_host.media.info import Colour, MediaInfo
from roop_host.media.pictures import belongings, png
from roop_host.media.pictures.animations_out import write_animation
from roop_host.media.pictures.belongings import Belongings, belongings_of
from roop_host.media.pictures.exif import kept_exif
from roop_host.media.pictures.reading import read_pages, read_picture
from roop_host.media.pictures.tiff import TiffPages
from roop_host.media.pictures.writing import PageWriter, write_picture
from roop_host.media.reading.probe import probe

Make = Callable[[Path], Any]
PLAIN = Image.fromarray(noise(64, 64, 3))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(kind: bytes) -> bytes:
    made = bytearray(SRGB)
    made[16:20] = kind
    return bytes(made)


def of_grey() -> bytes:
    """A profile of one curve (ICC.1:2022, 8.4.4): the white point and the green curve of sRGB's."""
    said = {SRGB[at : at + 4]: struct.unpack_from(">II", SRGB, at + 4) for at in range(132, 132 + 12 * SRGB[131], 12)}
    (white, size), (curve, long) = said[b"wtpt"], said[b"gTRC"]
    tags = struct.pack(">4sII4sII", b"wtpt", 156, size, b"kTRC", 156 + size, long)
    content = SRGB[white : white + size] + SRGB[curve : curve + long]
    return struct.pack(">I", 156 + len(content)) + profile(b"GRAY")[4:128] + struct.pack(">I", 2) + tags + content


def with_preview() -> bytes:
    """Pillow writes no second directory: it comes to stand behind what it gives."""
    preview = io.BytesIO()
    PLAIN.resize((16, 16)).save(preview, "JPEG")
    exif = Image.Exif()
    exif[Base.Artist] = "A. Person"
    tiff = bytearray(exif.tobytes()[6:])
    order = "<" if tiff[:2] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", tiff, 8)
    struct.pack_into(f"{order}I", tiff, 10 + 12 * count, len(tiff))
    data = len(tiff) + 2 + 3 * 12 + 4
    tiff += struct.pack(f"{order}HHHIHH", 3, 259, 3, 1, 6, 0)
    tiff += struct.pack(f"{order}HHII", 513, 4, 1, data) + struct.pack(f"{order}HHII", 514, 4, 1, len(preview.getvalue()))
    return b"Exif\0\0" + bytes(tiff) + bytes(4) + preview.getvalue()


def texts(**said: str) -> PngInfo:
    info = PngInfo()
    for key, text in said.items():
        info.add_text(key, text)
    return info


def reduced(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        writer.write(noise(8, 8, 3), photometric="rgb", contiguous=False, metadata=None)
        writer.write(noise(4, 4, 3), photometric="rgb", subfiletype=1, contiguous=False, metadata=None)


def two_heics(path: Path) -> None:
    made = pillow_heif.HeifFile()
    made.add_from_pillow(PLAIN)
    made.add_from_pillow(PLAIN.rotate(90))
    made.save(path)


def default_image(path: Path) -> None:
    PLAIN.save(path, save_all=True, append_images=[PLAIN.rotate(90), PLAIN.rotate(180)], default_image=True, duration=100)


HELD: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "preview (EXIF)": ("in.jpg", lambda p: PLAIN.save(p, exif=with_preview())),
    "comment": ("in.jpg", lambda p: PLAIN.save(p, comment="words")),
    "XMP": ("in.webp", lambda p: PLAIN.save(p, xmp=b"<x:xmpmeta/>")),
    "further pictures behind": ("in.jpg", lambda p: PLAIN.save(p, "MPO", save_all=True, append_images=[PLAIN])),
    "further pictures (HEIC)": ("in.heic", two_heics),
    "stands in for the animation": ("in.png", default_image),
    "1 reduced pages": ("in.tif", reduced),
    "1 of the texts": ("in.png", lambda p: PLAIN.save(p, pnginfo=texts(Title="A harbour", Secret="x"))),
    "colour profile (of CMYK": ("in.tif", lambda p: PLAIN.convert("CMYK").save(p, icc_profile=profile(b"CMYK"))),
}


@pytest.mark.parametrize("what", HELD)
def test_what_a_file_holds_and_does_not_give(what: str, tmp_path: Path) -> None:
    name, make = HELD[what]
    make(tmp_path / name)
    assert sum(what in lost for lost in probe(tmp_path / name).left_out) == 1


def told(path: Path, suffix: str) -> str:
    info = probe(path)
    notices = write_picture(read_picture(info), info, path.with_name(f"out{suffix}"), suffix, MediaOptions(), MARKS)
    return "; ".join(notices)


def soft(path: Path) -> None:
    Image.fromarray(np.dstack([noise(8, 8, 3), np.full((8, 8), 90, np.uint8)])).save(path)


def pq(path: Path) -> None:
    buffer = io.BytesIO()
    PLAIN.save(buffer, "PNG")
    parts = list(png.chunks(buffer.getvalue()))
    path.write_bytes(png.assemble([parts[0], (b"cICP", bytes([9, 16, 0, 1])), *parts[1:]]))


@pytest.mark.parametrize(
    ("name", "make", "suffix", "words"),
    [
        ("in.png", lambda p: PLAIN.save(p, icc_profile=SRGB), ".gif", "the colour profile"),
        ("in.png", lambda p: PLAIN.convert("L").save(p, icc_profile=of_grey()), ".webp", "the colour profile"),
        ("in.jpg", lambda p: PLAIN.save(p, exif=with_preview()), ".bmp", "the description (EXIF)"),
        ("in.jpg", lambda p: PLAIN.save(p, dpi=(300, 300)), ".gif", "the resolution"),
        ("in.png", lambda p: PLAIN.save(p, pnginfo=texts(Title="A harbour")), ".jpg", "the words about it (Title)"),
        ("in.png", lambda p: deep_png(p, noise(8, 8, 3, kind=np.uint16)), ".gif", "GIF holds 8 of the 16 bits"),
        ("in.png", soft, ".gif", "half transparent"),
        ("in.png", pq, ".jpg", "HDR (PQ)"),
        ("in.png", pq, ".tif", "HDR (PQ)"),
    ],
)
def test_what_a_format_has_no_place_for(
    name: str, make: Callable[[Path], Any], suffix: str, words: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    assert words in told(tmp_path / name, suffix)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_what_comes_along_is_not_told(suffix: str, tmp_path: Path) -> None:
    PLAIN.save(path := tmp_path / "in.jpg", icc_profile=SRGB, dpi=(300, 300), exif=with_preview())
    assert told(path, suffix) == ""


def video(tmp_path: Path, **more: Any) -> MediaInfo:
    return MediaInfo(tmp_path / "in.mp4", "video", 64, 48, "hevc", "mp4", time_base=Fraction(1, 25), **more)


def animated(info: MediaInfo, suffix: str) -> str:
    def frames() -> Any:
        for number in range(2):
            yield number, 1, np.full((48, 64, 3), 90 * number, np.uint8)

    return "; ".join(write_animation(frames, info, info.path.with_name(f"out{suffix}"), suffix, MediaOptions(), MARKS))


HDR = {"colour": Colour(1, 9, 16, 9)}


@pytest.mark.parametrize(("suffix", "words"), [(".gif", "HDR (PQ)"), (".webp", "HDR (PQ)"), (".apng", "HDR in the 8 bit")])
def test_hdr_in_an_animation_is_told(suffix: str, words: str, tmp_path: Path) -> None:
    assert words in animated(video(tmp_path, **HDR), suffix)
    assert animated(video(tmp_path), suffix) == ""
    said = b"cICP" + bytes([9, 16, 0, 1])
    assert (said in (tmp_path / f"out{suffix}").read_bytes()) is False
    animated(video(tmp_path, **HDR), suffix)
    assert (said in (tmp_path / f"out{suffix}").read_bytes()) is (suffix == ".apng")


def test_a_kept_frame_of_hdr_says_what_its_numbers_mean(tmp_path: Path) -> None:
    deep = deep_png(tmp_path / "deep.png", noise(48, 64, 3, kind=np.uint16))
    frame = read_picture(probe(deep))
    info = video(tmp_path, **HDR)
    out = tmp_path / "000001.png"
    assert write_picture(frame, info, out, ".png", MediaOptions(), MARKS, belongings_of(info)) == ()
    assert (b"cICP", bytes([9, 16, 0, 1])) in list(png.chunks(out.read_bytes()))
    assert "HDR (PQ)" in write_picture(frame, info, out, ".jpg", MediaOptions(), MARKS)[-1]


@pytest.mark.parametrize(("rotation", "lines"), [(0, 48), (90, 64)])
def test_pixels_that_are_not_square_are_told(rotation: int, lines: int, tmp_path: Path) -> None:
    info = video(tmp_path, sample_aspect_ratio=Fraction(4, 3), rotation=rotation)
    assert f"add --scale {lines}p" in animated(info, ".gif")
    assert animated(replace(info, sample_aspect_ratio=Fraction(1)), ".gif") == ""


def test_pages_keep_their_own_description(tmp_path: Path) -> None:
    pages = TiffPages(out := tmp_path / "out.tif", MARKS, expected=1000)
    for number in range(3):
        exif = Image.Exif()
        exif[Base.Rating] = number
        exif[Base.XPTitle] = f"Page {number}".encode("utf-16-le")
        exif.get_ifd(IFD.Exif)[Base.LensModel] = f"Lens {number}"
        pages.add(noise(8, 8, 3), Belongings(exif=kept_exif(exif)))
    pages.close()
    for number in range(3):
        with Image.open(out) as image:
            image.seek(number)
            exif = image.getexif()
            assert bytes(exif[Base.XPTitle]).decode("utf-16-le") == f"Page {number}"
            assert exif[Base.Rating] == number
            assert exif.get_ifd(IFD.Exif)[Base.LensModel] == f"Lens {number}"


def test_a_file_is_opened_once_for_all_of_its_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = belongings.known_picture

    def counted(path: Path) -> Any:
        opened.append(path)
        return real(path)

    pages: list[NDArray[Any]] = [noise(8, 8, 3, seed=number) for number in range(5)]
    tifffile.imwrite(path := tmp_path / "in.tif", np.stack(pages), photometric="rgb", metadata=None)
    info = probe(path)
    monkeypatch.setattr(belongings, "known_picture", counted)
    with PageWriter(info, tmp_path / "out.tif", MARKS) as writer:
        for frame in read_pages(info):
            writer.write(frame)
    assert len(opened) == 1
    kept = belongings_of(info.items[0])
    for frame in read_pages(info):
        write_picture(frame, info, tmp_path / "out.png", ".png", MediaOptions(), MARKS, kept)
    assert len(opened) == 2
