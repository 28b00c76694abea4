"""Pictures in and out: depth, colour, alpha, what belongs to them, marks, and what is refused."""

from __future__ import annotations

import io
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from PIL.ExifTags import IFD, Base
from stills import MARKS, deep_png, noise, planes, read, written

from roop_host import Box, Frame, FrameView, MediaOptions, Screener, Stage
from roop_host.errors import InputError, OutputError
from roop_host.gate import Gate, Watcher
from roop_host.media.kinds import SUFFIXES, holds_marks, suffix_of
from roop_host.media.pictures.check import check_picture
from roop_host.media.pictures.marks import gif_blocks
from roop_host.media.pictures.png import chunks
from roop_host.media.pictures.quality import avif_quality, jpeg_quality, webp_quality
from roop_host.media.pictures.reading import read_pages, read_picture
from roop_host.media.pictures.writing import PageWriter, write_picture
from roop_host.media.reading.probe import probe

STILLS = [suffix for suffix in SUFFIXES if (row := suffix_of(Path(f"x{suffix}"))) is not None and row.still]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
DEEP = noise(12, 20, 4, kind=np.uint16)


def save(image: Image.Image, path: Path, **more: Any) -> Path:
    image.save(path, **more)
    return path


# In: (name, what writes it, how it is kept)
KEPT: dict[str, tuple[Callable[[Path], Path], str, NDArray[Any] | None]] = {
    "grey.png": (lambda p: save(Image.fromarray(noise(9, 7)), p), "grey 8", noise(9, 7)[..., None]),
    "grey alpha.png": (lambda p: save(Image.fromarray(noise(9, 7, 2), "LA"), p), "grey 8 alpha", noise(9, 7, 2)),
    "one bit.png": (lambda p: save(Image.new("1", (7, 9), 1), p), "grey 8", np.full((9, 7, 1), 255, np.uint8)),
    "colour.png": (lambda p: save(Image.fromarray(noise(9, 7, 3)), p), "rgb 8", noise(9, 7, 3)),
    "alpha.png": (lambda p: save(Image.fromarray(noise(9, 7, 4)), p), "rgb 8 alpha", noise(9, 7, 4)),
    "palette.png": (lambda p: save(Image.new("RGB", (7, 9), (1, 2, 3)).quantize(4), p), "rgb 8", None),
    "grey 16.png": (lambda p: deep_png(p, DEEP[..., :1]), "grey 16", DEEP[..., :1]),
    "grey alpha 16.png": (lambda p: deep_png(p, DEEP[..., :2]), "grey 16 alpha", DEEP[..., :2]),
    "colour 16.png": (lambda p: deep_png(p, DEEP[..., :3]), "rgb 16", DEEP[..., :3]),
    "alpha 16.png": (lambda p: deep_png(p, DEEP), "rgb 16 alpha", DEEP),
    "colour.bmp": (lambda p: save(Image.fromarray(noise(9, 7, 3)), p), "rgb 8", noise(9, 7, 3)),
    "lossless.webp": (lambda p: save(Image.fromarray(noise(9, 7, 3)), p, lossless=True), "rgb 8", noise(9, 7, 3)),
    "one.gif": (lambda p: save(Image.new("RGB", (7, 9), (9, 99, 199)), p), "rgb 8", None),
    "any.avif": (lambda p: save(Image.new("RGB", (32, 32), (9, 99, 199)), p), "rgb 8", None),
    "grey.jpg": (lambda p: save(Image.new("L", (16, 16), 77), p), "grey 8", np.full((16, 16, 1), 77, np.uint8)),
    "progressive.jpg": (lambda p: save(Image.new("RGB", (16, 16)), p, progressive=True), "rgb 8", None),
    "grey 16.tif": (lambda p: tiff(p, DEEP[..., 0], "minisblack"), "grey 16", DEEP[..., :1]),
    "white is zero.tif": (lambda p: tiff(p, DEEP[..., 0], "miniswhite"), "grey 16", 65535 - DEEP[..., :1]),
    "colour 16.tif": (lambda p: tiff(p, DEEP[..., :3], "rgb", compression="zlib"), "rgb 16", DEEP[..., :3]),
    "alpha 16.tif": (lambda p: tiff(p, DEEP, "rgb", extrasamples=["unassalpha"]), "rgb 16 alpha", DEEP),
    "separate 16.tif": (
        lambda p: tiff(p, np.moveaxis(DEEP[..., :3], -1, 0), "rgb", planarconfig="separate"),
        "rgb 16",
        None,
    ),
}


def tiff(path: Path, samples: NDArray[Any], photometric: Any, **more: Any) -> Path:
    tifffile.imwrite(path, samples, photometric=photometric, metadata=None, **more)
    return path


@pytest.mark.parametrize("name", KEPT)
def test_a_picture_keeps_its_kind(name: str, tmp_path: Path) -> None:
    make, kind, samples = KEPT[name]
    info = probe(make(tmp_path / name))
    frame = read_picture(info)
    layout = frame.pixels.layout
    assert f"{layout.model} {layout.depth}{' alpha' * layout.alpha}" == kind
    assert layout == info.layout
    assert (frame.width, frame.height) == (info.width, info.height)
    if samples is not None:
        assert np.array_equal(planes(frame), samples)


def test_grey_of_16_bit_scales_to_8_as_the_gate_sees_it(tmp_path: Path) -> None:
    ramp = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    frame = read_picture(probe(deep_png(tmp_path / "deep.png", ramp[..., None])))
    assert np.array_equal(frame.bgr(), np.repeat((ramp // 257)[..., None], 3, axis=2))


@pytest.mark.parametrize(("channels", "hidden"), [(1, DEEP[3, 4, :1]), (3, DEEP[3, 4, :3])])
def test_a_hidden_value_of_16_bit_is_transparent(channels: int, hidden: NDArray[np.uint16], tmp_path: Path) -> None:
    path = deep_png(tmp_path / "in.png", DEEP[..., :channels], hidden.astype(">u2").tobytes())
    wanted = np.where((DEEP[..., :channels] == hidden).all(axis=2), 0, 65535)
    assert np.array_equal(read(path)[..., -1], wanted)
    assert (wanted == 0).any()


def test_deep_tiff_packed_by_lzw_is_read_from_its_page(tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    cv2.imwritemulti(str(path), [DEEP[..., [2, 1, 0]], DEEP[::-1, :, [2, 1, 0]]], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    info = probe(path)
    assert (info.kind, info.pages) == ("pages", 2)
    assert np.array_equal(planes(list(read_pages(info))[1]), DEEP[::-1, :, :3])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
def test_a_tiff_stands_upright_however_it_is_packed(compression: int, deep: bool, orientation: int, tmp_path: Path) -> None:
    picture, scale = noise(6, 9, 3), 257 if deep else 1
    path = tmp_path / "in.tif"
    samples = picture[..., ::-1].astype(np.uint16 if deep else np.uint8) * scale
    cv2.imwrite(str(path), samples, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    with_orientation(path, orientation)
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    with Image.open(save(Image.fromarray(picture), tmp_path / "shown.png", exif=exif)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    info = probe(path)
    assert info.layout.depth == (16 if deep else 8)
    assert (info.height, info.width) == upright.shape[:2]
    assert np.array_equal(read(path) // scale, upright)
    assert np.array_equal(read(written(path, tmp_path / "out.png")) // scale, upright)


def with_orientation(path: Path, orientation: int) -> None:
    """OpenCV writes none: the first directory comes to stand anew at the end, with one tag more."""
    content = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    entries = [bytes(content[at + 2 + 12 * n : at + 14 + 12 * n]) for n in range(count)]
    entries.append(struct.pack("<HHIHH", 274, 3, 1, orientation, 0))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    content += b"\0" * (len(content) % 2)
    struct.pack_into("<I", content, 4, len(content))
    path.write_bytes(content + struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0")


@pytest.mark.parametrize("mode", ["I", "F"])
def test_grey_without_a_scale_is_refused(mode: str, tmp_path: Path) -> None:
    Image.new(mode, (8, 8), 1000).save(path := tmp_path / "deep.tif")
    with pytest.raises(InputError, match="convert it to 8 or 16 bit"):
        read_picture(probe(path))


def test_cmyk_goes_by_its_profile(tmp_path: Path) -> None:
    picture = Image.new("CMYK", (16, 16), (200, 20, 20, 0))
    plain = read(save(picture, tmp_path / "plain.tif"))
    assert tuple(plain[0, 0]) == picture.convert("RGB").getpixel((0, 0))
    # A profile that can't be used is as good as none.
    broken = bytearray(SRGB)
    broken[16:20] = b"CMYK"
    assert np.array_equal(read(save(picture, tmp_path / "odd.tif", icc_profile=bytes(broken))), plain)


@pytest.mark.parametrize("deep", [False, True])
def test_heic(deep: bool, tmp_path: Path) -> None:
    path = tmp_path / "in.heic"
    exif = Image.Exif()
    exif[Base.Artist] = "A. Person"
    if deep:
        ramp = np.linspace(0, 65535, 64 * 64, dtype=np.uint16).reshape(64, 64)
        made = pillow_heif.from_bytes("RGB;16", (64, 64), np.repeat(ramp[..., None], 3, axis=2).tobytes())
    else:
        made = pillow_heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 50)))
    made.save(path, quality=-1, exif=exif.tobytes())
    info = probe(path)
    assert (info.codec, info.layout.depth, info.width) == ("heic", 16 if deep else 8, 64)
    taken = read(path)
    if deep:
        assert np.abs(taken[..., 1].astype(int) - ramp).max() < 300
        assert len(np.unique(taken[..., 1])) > 800
        assert taken.max() == 65535
    else:
        assert np.abs(taken[5, 5].astype(int) - (200, 100, 50)).max() <= 2
    with Image.open(written(path, tmp_path / "out.jpg")) as image:
        assert image.getexif()[Base.Artist] == "A. Person"


def test_heic_without_its_reader_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(tmp_path / "in.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(InputError, match=r"needs the extra heif; install it: .*roop-host\[heif\]"):
        probe(tmp_path / "in.heic")


# Out

LOSSLESS = [".png", ".tif", ".webp", ".bmp"]


def holds(suffix: str, kind: str) -> bool:
    return not ("16" in kind and suffix in (".webp", ".bmp")) and not ("alpha" in kind and suffix == ".bmp")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [(name, suffix) for name in KEPT if KEPT[name][2] is not None for suffix in LOSSLESS if holds(suffix, KEPT[name][1])],
)
def test_what_is_untouched_keeps_its_bits(name: str, suffix: str, tmp_path: Path) -> None:
    make, _, samples = KEPT[name]
    assert samples is not None
    path = make(tmp_path / name)
    made = read(written(path, tmp_path / f"out{suffix}"))
    if made.shape[2] > samples.shape[2]:  # grey as R, G, B
        made = made[..., [0] if samples.shape[2] == 1 else [0, 3]]
    assert np.array_equal(made, samples)


def test_a_change_of_16_bit_stays_inside_its_box(tmp_path: Path) -> None:
    info = probe(deep_png(tmp_path / "in.png", DEEP))
    frame = read_picture(info)
    frame.put(Box(2, 3, 8, 9), np.full((6, 6, 3), 0.5, np.float32))
    write_picture(frame, info, out := tmp_path / "out.png", ".png", MediaOptions(), MARKS)
    made = read(out)
    same = (made == DEEP).all(axis=2)
    same[3:9, 2:8] = True
    assert same.all()
    assert np.abs(made[3:9, 2:8, :3].astype(int) - 32768).max() <= 1


@pytest.mark.parametrize(
    ("suffix", "words"), [(".jpg", ["8 of the 16 bits", "no alpha"]), (".webp", ["8 of the 16"]), (".png", []), (".tif", [])]
)
def test_what_a_format_does_not_hold_is_told(suffix: str, words: list[str], tmp_path: Path) -> None:
    info = probe(deep_png(tmp_path / "in.png", DEEP))
    told = write_picture(read_picture(info), info, tmp_path / "out", suffix, MediaOptions(), MARKS)
    assert len(told) == len(words)
    assert all(word in notice for word, notice in zip(words, told, strict=True))


def test_lossless_webp_stays_lossless(tmp_path: Path) -> None:
    path = save(Image.fromarray(noise(20, 30, 4)), tmp_path / "in.webp", lossless=True, exact=True)
    assert np.array_equal(read(written(path, tmp_path / "out.webp", quality=50)), noise(20, 30, 4))
    assert not np.array_equal(read(written(tmp_path / "out.webp", tmp_path / "out.jpg", quality=50)), noise(20, 30, 3))


@pytest.mark.parametrize("suffix", [s for s in STILLS if s not in (".gif", ".jpeg", ".tiff")])
def test_marks_are_in_every_format_or_told_to_stand_beside(suffix: str, tmp_path: Path) -> None:
    path = save(Image.fromarray(noise(40, 40, 3)), tmp_path / "in.png")
    out = written(path, tmp_path / f"out{suffix}")
    assert MARKS.stand_in(out) is holds_marks(suffix)
    with Image.open(out) as image:
        assert (MARKS.term.encode() in (image.info.get("xmp") or b"")) is holds_marks(suffix)
    first = out.read_bytes()
    assert written(path, out).read_bytes() == first
    check_picture(out, size=(40, 40))


def test_only_bmp_holds_no_marks() -> None:
    assert [suffix for suffix in SUFFIXES if not holds_marks(suffix)] == [".bmp"]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_what_belongs_to_a_picture_comes_along_and_what_tells_too_much_does_not(suffix: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[Base.Artist], exif[Base.ImageDescription], exif[Base.Orientation] = "A. Person", "A harbour", 6
    exif.get_ifd(IFD.Exif).update({Base.ExposureTime: 0.01, Base.MakerNote: b"secret", Base.LensModel: "Lens"})
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (1.0, 2.0, 3.0)})
    path = save(
        Image.fromarray(noise(40, 60, 3)), tmp_path / "in.jpg", exif=exif, dpi=(240, 240), icc_profile=SRGB, xmp=b"<old/>"
    )
    info = probe(path)
    assert info.left_out == ("place (EXIF)", "maker's notes (EXIF)", "XMP")
    out = written(path, tmp_path / f"out{suffix}")
    assert b"secret" not in out.read_bytes()
    assert b"<old/>" not in out.read_bytes()
    with Image.open(out) as image:
        assert image.size == (40, 60)
        assert image.info["icc_profile"] == SRGB
        made = image.getexif()
        inner = made.get_ifd(IFD.Exif)
        dpi = image.info.get("dpi") or (made[Base.XResolution], made[Base.YResolution])
        assert [round(float(number)) for number in dpi] == [240, 240]
    assert (made[Base.Artist], made[Base.ImageDescription]) == ("A. Person", "A harbour")
    assert (inner[Base.LensModel], float(inner[Base.ExposureTime])) == ("Lens", 0.01)
    assert not made.get_ifd(IFD.GPSInfo)
    assert made.get(Base.Orientation, 1) == 1
    assert Base.MakerNote not in inner


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_nothing_rides_along_in_exif(suffix: str, tmp_path: Path) -> None:
    preview = io.BytesIO()
    Image.fromarray(noise(40, 40, 3)).save(preview, "JPEG")
    hidden = preview.getvalue()
    exif = Image.Exif()
    exif.update({Base.Artist: "A. Person", Base.XPTitle: "A harbour".encode("utf-16-le"), Base.XPComment: hidden})
    exif.update({Base.ImageDescription: hidden[:900].decode("latin-1"), 0xC4A5: hidden, Base.Copyright: "x" * 9000})
    inner = {0xFDE8: hidden, Base.CameraOwnerName: "Alice", Base.BodySerialNumber: "SN123", Base.LensSerialNumber: "LN456"}
    inner |= {Base.MakerNote: hidden, Base.UserComment: b"ASCII\0\0\0" + hidden, Base.SceneType: hidden, Base.FNumber: 2.8}
    exif.get_ifd(IFD.Exif).update(inner)
    path = save(Image.fromarray(noise(40, 60, 3)), tmp_path / "in.jpg", exif=exif)
    info = probe(path)
    told = ", ".join(info.left_out)
    for word in ("maker's notes", "owner", "serial numbers", "user comment", "PrintImageMatching", "Copyright"):
        assert word in told, told
    content = written(path, tmp_path / f"out{suffix}").read_bytes()
    for secret in (hidden[100:160], b"Alice", b"SN123", b"LN456"):
        assert secret not in content
    with Image.open(tmp_path / f"out{suffix}") as image:
        made = image.getexif()
        assert made[Base.Artist] == "A. Person"
        assert float(made.get_ifd(IFD.Exif)[Base.FNumber]) == 2.8


@pytest.mark.parametrize(
    "said", ["2020:01:01 00-00-00", "    :  :     :  :  ", "0000:00:00 00:00:00", "2020:13:01 00:00:00"]
)
def test_a_date_that_is_none_is_told_and_left(said: str, tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    Image.new("RGB", (8, 8)).save(path, tiffinfo={306: said}, save_all=True, append_images=[Image.new("RGB", (8, 8))])
    info = probe(path)
    assert "DateTime" in info.left_out[0]
    with PageWriter(info, out := tmp_path / "out.tif", MARKS) as writer:
        for frame in read_pages(info):
            writer.write(frame)
    with Image.open(out) as image:
        assert Base.DateTime not in image.getexif()


def test_what_is_said_of_a_deep_png_comes_along(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    said.add_text("Title", "A harbour")
    said.add(b"gAMA", struct.pack(">I", 45455))
    small = save(Image.fromarray(noise(12, 20, 3)), tmp_path / "said.png", pnginfo=said, dpi=(100, 100), icc_profile=SRGB)
    from roop_host.media.pictures.png import with_extras

    path = deep_png(tmp_path / "in.png", DEEP)
    path.write_bytes(with_extras(path.read_bytes(), small.read_bytes()))
    out = written(path, tmp_path / "out.png")
    kinds = [kind for kind, _ in chunks(out.read_bytes())]
    assert kinds[0] == b"IHDR"
    assert {b"gAMA", b"iCCP", b"pHYs", b"iTXt", b"tEXt"} <= set(kinds[: kinds.index(b"IDAT")])
    with Image.open(out) as image:
        assert (image.info["Title"], round(image.info["dpi"][0]), image.info["icc_profile"]) == ("A harbour", 100, SRGB)
    assert np.array_equal(read(out), DEEP)


@pytest.mark.parametrize(("mode", "kept"), [("RGB", True), ("RGBA", True), ("P", True), ("L", False), ("CMYK", False)])
def test_a_profile_is_kept_only_for_rgb(mode: str, kept: bool, tmp_path: Path) -> None:
    Image.new(mode, (8, 8)).save(path := tmp_path / ("in.tif" if mode == "CMYK" else "in.png"), icc_profile=SRGB)
    for suffix in (".png", ".jpg"):
        with Image.open(written(path, tmp_path / f"out{suffix}")) as image:
            assert ("icc_profile" in image.info) is kept


@pytest.mark.parametrize("sampling", [0, 1, 2])
def test_jpeg_keeps_its_sampling_and_grey_its_kind(sampling: int, tmp_path: Path) -> None:
    from PIL import JpegImagePlugin

    path = save(Image.fromarray(noise(32, 32, 3)), tmp_path / "in.jpg", subsampling=sampling, progressive=True)
    with Image.open(written(path, tmp_path / "out.jpg", quality=80)) as image:
        assert JpegImagePlugin.get_sampling(image) == sampling
        assert image.info["progressive"]
    with Image.open(written(save(Image.new("L", (8, 8)), tmp_path / "grey.jpg"), tmp_path / "out.jpg")) as image:
        assert image.mode == "L"


def test_a_jpeg_shows_what_the_gate_looked_at(tmp_path: Path) -> None:
    Image.new("RGBA", (16, 16), (200, 40, 90, 64)).save(path := tmp_path / "in.png")
    seen: list[NDArray[np.uint8]] = []

    class Keeps(Screener):
        def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
            seen.extend(frame.bgr() for frame in frames)
            return [0.0] * len(frames)

    Gate([Watcher("t", "t", Keeps(), 0.85)], threading.Event()).look(read_picture(probe(path)), Stage.OUTPUT, "it")
    for suffix in (".jpg", ".bmp"):
        with Image.open(written(path, tmp_path / f"out{suffix}")) as image:
            made = np.asarray(image)[..., ::-1].astype(int)
        assert np.abs(made - seen[2]).max() <= 2


def test_pages_are_read_and_written_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    pages = [noise(12, 20, 3, kind=np.uint16), noise(30, 10, 4), noise(8, 8)]
    with tifffile.TiffWriter(path) as writer:
        for page, photometric in zip(pages, ("rgb", "rgb", "minisblack"), strict=True):
            extra = ["unassalpha"] if page.shape[-1] == 4 else None
            writer.write(
                page, photometric=photometric, extrasamples=extra, contiguous=False, metadata=None, resolution=(90, 90)
            )
            if page is pages[0]:  # a preview is no page
                writer.write(noise(4, 4, 3), photometric="rgb", subfiletype=1, contiguous=False, metadata=None)
    info = probe(path)
    assert (info.kind, info.pages, [(item.width, item.height) for item in info.items]) == (
        "pages",
        3,
        [(20, 12), (10, 30), (8, 8)],
    )
    with PageWriter(info, out := tmp_path / "out.tif", MARKS) as pages_out:
        for frame in read_pages(info):
            pages_out.write(frame)
    for number, frame in enumerate(read_pages(probe(out))):
        assert np.array_equal(planes(frame), np.atleast_3d(pages[number]))
        assert np.array_equal(planes(read_picture(info.items[number])), np.atleast_3d(pages[number]))
    assert out.read_bytes().count(MARKS.term.encode()) == 3
    check_picture(out, size=(20, 12), pages=3)
    with pytest.raises(OutputError, match="3 pages instead of 4"):
        check_picture(out, size=(20, 12), pages=4)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_stays_as_packed_as_it_was(compression: str | None, tmp_path: Path) -> None:
    out = written(tiff(tmp_path / "in.tif", DEEP[..., :3], "rgb", compression=compression), tmp_path / "out.tif")
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].compression == (8 if compression else 1)  # type: ignore[union-attr]


def test_qualities_rise_and_end_at_the_best() -> None:
    for scale in (
        jpeg_quality,
        avif_quality,
        lambda q: 101 if webp_quality(q, lossless_source=False)[1] else webp_quality(q, lossless_source=False)[0],
    ):
        steps = [scale(quality) for quality in range(101)]
        assert steps == sorted(steps)
        assert steps[100] >= 100
    assert webp_quality(10, lossless_source=True)[1]


def test_a_picture_is_scaled_without_colour_from_what_is_transparent(tmp_path: Path) -> None:
    from dataclasses import replace

    from roop_host.media.info import Reading

    picture = np.full((20, 20, 4), (255, 0, 0, 0), np.uint8)
    picture[:, 10:] = (0, 0, 255, 255)
    info = probe(save(Image.fromarray(picture), tmp_path / "in.png"))
    small = planes(read_picture(replace(info, reading=Reading(size=(7, 7)))))
    assert small.shape == (7, 7, 4)
    edge = small[:, 3]
    assert ((edge[:, 3] > 0) & (edge[:, 3] < 255)).all()
    assert (edge[:, 0] < 3).all()


def test_gif_blocks_lead_every_reader_to_the_end() -> None:
    """From any byte of the packet, taken for a length, a reader comes to the terminator."""
    blocks = gif_blocks(MARKS)
    start = blocks.index(b"XMP DataXMP") + 11
    for at in range(start, len(blocks) - 257):
        file = io.BytesIO(blocks[at:])
        while size := file.read(1)[0]:
            file.read(size)
        assert at + file.tell() == len(blocks)


def test_a_resolution_is_not_invented(tmp_path: Path) -> None:
    Image.new("RGB", (20, 12)).save(path := tmp_path / "in.tif")
    for suffix in (".jpg", ".png", ".tif"):
        with Image.open(written(path, tmp_path / f"out{suffix}")) as image:
            assert (
                image.info.get("dpi") in (None, (1, 1)) and 282 not in {**image.getexif()}.keys() - {0}
            ) or suffix == ".tif"
