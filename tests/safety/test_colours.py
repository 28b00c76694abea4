"""What says how samples are to be shown, and would show what nobody saw: tables of colours, exchanged primaries, HDR."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageCms
from screened import Red, clip_of, failed, flat, is_bad, let_through, stopped

from roop_host import Stage
from roop_host.media.colours import primaries_of
from roop_host.media.pictures.png import chunk
from roop_host.media.pictures.profiles import is_usual
from roop_host.media.reading.probe import probe
from roop_host.types.transfer import curve_of

LEVELS = np.arange(256)
#: What corners of the RGB cube look like (CIE L*a*b*, D50), by the bits of red, green and blue.
LAB = np.array(
    [[0, 0, 0], [30, 68, -112], [88, -79, 81], [91, -51, -15], [54, 81, 70], [60, 94, -60], [98, -16, 93], [100, 0, 0]]
)
RED = LAB[4]
D65_IN_D50 = {"r": (0.436, 0.222, 0.014), "g": (0.385, 0.717, 0.097), "b": (0.143, 0.061, 0.714)}
PROPHOTO = {"r": (0.798, 0.288, 0.0), "g": (0.135, 0.712, 0.0), "b": (0.031, 0.0, 0.825)}


def icc(space: bytes, pcs: bytes, tags: Sequence[tuple[bytes, bytes]], kind: bytes = b"mntr") -> bytes:
    """A profile (ICC.1:2001-04) of these tags."""
    listed, content = b"", b""
    for name, data in tags:
        listed += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(content), len(data))
        content += data + bytes(-len(data) % 4)
    size = 132 + len(listed) + len(content)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, kind, space, pcs) + struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head += b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061) + bytes(48)
    return head + struct.pack(">I", len(tags)) + listed + content


def curve(levels: Sequence[int] | np.ndarray[Any, Any]) -> bytes:
    return b"curv" + bytes(4) + struct.pack(f">I{len(levels)}H", len(levels), *levels)


def parametric(exponent: float) -> bytes:
    """sRGB's curve (parametricCurveType, function 3) with another exponent."""
    parts = (exponent, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return b"para" + bytes(4) + struct.pack(">Hxx5i", 3, *(round(part * 65536) for part in parts))


def xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">iii", *(round(value * 65536) for value in values))


WHITE = (b"wtpt", xyz(0.9642, 1.0, 0.8249))
LINEAR = np.where(LEVELS < 11, LEVELS / 255 / 12.92, ((LEVELS / 255 + 0.055) / 1.055) ** 2.4)
SRGB_LEVELS = np.rint(65535 * LINEAR).astype(int)
SRGB_CURVE = curve(SRGB_LEVELS)


def matrix(primaries: dict[str, tuple[float, float, float]], trc: bytes = SRGB_CURVE, order: str = "rgb") -> bytes:
    """A profile of primaries and a curve; ``order`` says which of them red, green and blue are."""
    colorants = [(f"{name}XYZ".encode(), xyz(*primaries[taken])) for name, taken in zip("rgb", order, strict=True)]
    return icc(b"RGB ", b"XYZ ", [WHITE, *colorants, *((f"{name}TRC".encode(), trc) for name in "rgb")])


def table(inks: int, corners: np.ndarray[Any, Any]) -> bytes:
    """A table with a colour for each corner (lut8Type), L*a*b* in one byte each."""
    head = b"mft1" + bytes(4) + bytes([inks, 3, 2, 0]) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    coded = np.rint(np.clip(corners * (2.55, 1, 1) + (0, 128, 128), 0, 255)).astype(np.uint8)
    return head + bytes(range(256)) * inks + coded.tobytes() + bytes(range(256)) * 3


def of_table(tag: bytes = b"A2B0") -> bytes:
    """Greys stay what they are, and what is green looks red."""
    corners = LAB.copy()
    corners[2] = corners[3] = corners[6] = RED
    return icc(b"RGB ", b"Lab ", [WHITE, (tag, table(3, corners))])


def shown(picture: np.ndarray[Any, Any], profile: bytes) -> np.ndarray[Any, Any]:
    """What a viewer that knows of profiles shows."""
    seen = ImageCms.profileToProfile(
        Image.fromarray(picture),
        ImageCms.ImageCmsProfile(BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    return np.asarray(seen)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
def test_a_profile_with_a_table_of_colours_does_not_come_along(suffix: str, tmp_path: Path) -> None:
    green = flat((20, 200, 30))
    assert is_bad(shown(green, of_table()))
    Image.fromarray(green).save(tmp_path / f"in{suffix}", icc_profile=of_table())
    report = let_through(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}")
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert "icc_profile" not in image.info
    assert any("a table of colours" in said for said in report.notices)


def test_primaries_in_use_are_kept_and_exchanged_ones_are_not() -> None:
    assert is_usual(matrix(D65_IN_D50))
    assert is_usual(matrix(PROPHOTO))
    for order in ("rbg", "grb", "bgr", "gbr", "brg", "rrr"):
        assert not is_usual(matrix(D65_IN_D50, order=order))
    assert is_bad(shown(flat((30, 20, 225)), matrix(D65_IN_D50, order="bgr")))


def test_curves_that_tell_bits_apart_are_not_kept() -> None:
    fine = np.interp(np.linspace(0, 255, 4096), LEVELS, LINEAR) * 65535
    toothed = fine * np.where(np.arange(4096) % 2, 1, 0.8)  # between two of 256 greys
    step = 65535 * LINEAR[np.where(LEVELS < 128, np.minimum(LEVELS, 100), np.maximum(LEVELS, 150))]
    for levels in (toothed.astype(int), step.astype(int), SRGB_LEVELS[::-1]):
        assert not is_usual(matrix(D65_IN_D50, curve(levels)))
        assert not is_usual(icc(b"GRAY", b"XYZ ", [WHITE, (b"kTRC", curve(levels))]))
    assert is_usual(icc(b"GRAY", b"XYZ ", [WHITE, (b"kTRC", SRGB_CURVE)]))
    assert is_usual(matrix(D65_IN_D50, parametric(2.4)))
    assert not is_usual(matrix(D65_IN_D50, parametric(1.8)))  # its power begins where its line has not come yet


def test_what_other_readers_may_understand_is_not_kept() -> None:
    good = matrix(D65_IN_D50)
    assert not is_usual(good[:200])
    assert not is_usual(good[:128] + b"\xff\xff\xff\xff" + good[132:])
    twice = [WHITE, *((name, xyz(*D65_IN_D50[name[:1].decode()])) for name in (b"rXYZ", b"gXYZ", b"bXYZ"))]
    curves = [(name, SRGB_CURVE) for name in (b"rTRC", b"gTRC", b"bTRC")]
    assert is_usual(icc(b"RGB ", b"XYZ ", [*twice, *curves]))
    assert not is_usual(icc(b"RGB ", b"XYZ ", [*twice, *curves, (b"rTRC", curve(LEVELS[::-1] * 257))]))
    for tag in (b"A2B0", b"A2B1", b"A2B2", b"D2B0"):
        assert not is_usual(icc(b"RGB ", b"XYZ ", [*twice, *curves, (tag, table(3, LAB))]))


def test_inks_are_looked_at_as_their_profile_shows_them(tmp_path: Path) -> None:
    """A profile of inks whose cyan is red: what is looked at, and comes out, is red."""
    corners = np.array([(70, 81, 70) if number & 8 else (100, 0, 0) for number in range(16)])
    profile = icc(b"CMYK", b"Lab ", [WHITE, (b"A2B0", table(4, corners))], kind=b"prtr")
    ink = Image.new("CMYK", (64, 48), (255, 0, 0, 0))
    ink.save(tmp_path / "plain.tif")
    let_through(tmp_path / "plain.tif", tmp_path / "plain.png")
    for suffix in (".tif", ".jpg"):
        ink.save(tmp_path / f"in{suffix}", icc_profile=profile)
        assert stopped(tmp_path / f"in{suffix}", tmp_path / "out.png").stage == "target"


# What a PNG says of its samples.

SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
PROPHOTO_POINTS = (34570, 35850, 73470, 26530, 15960, 84040, 3660, 10)
#: Near enough to sRGB's each, and nearly on one line.
IN_LINE = (31270, 32900, 60000, 45000, 40000, 35100, 10000, 20000)
EXCHANGED = (31270, 32900, 15000, 6000, 30000, 60000, 64000, 33000)


def png_with(path: Path, kind: bytes, data: bytes, *, moving: bool = False) -> Path:
    more: dict[str, Any] = {"save_all": True, "append_images": [Image.fromarray(flat((1, 2, 3)))]} if moving else {}
    Image.fromarray(flat()).save(path, **more)
    content = path.read_bytes()
    path.write_bytes(content[:33] + chunk(kind, data) + content[33:])
    return path


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize(
    ("kind", "data", "kept"),
    [
        (b"cICP", bytes((1, 13, 0, 1)), True),
        (b"cICP", bytes((12, 13, 0, 1)), True),
        (b"cICP", bytes((9, 16, 0, 1)), True),
        (b"cICP", bytes((9, 18, 0, 1)), True),
        (b"cICP", bytes((1, 8, 0, 1)), False),  # linear light
        (b"cICP", bytes((1, 9, 0, 1)), False),  # a logarithm
        (b"cICP", bytes((10, 13, 0, 1)), False),  # CIE XYZ
        (b"cICP", bytes((1, 13, 1, 1)), False),  # BT.709's matrix
        (b"cICP", bytes((1, 13, 0)), False),
        (b"cHRM", struct.pack(">8I", *SRGB_POINTS), True),
        (b"cHRM", struct.pack(">8I", *PROPHOTO_POINTS), True),
        (b"cHRM", struct.pack(">8I", *EXCHANGED), False),
        (b"cHRM", struct.pack(">8I", *IN_LINE), False),
        (b"cHRM", bytes(32), False),
    ],
)
def test_what_a_png_says_of_its_colours_comes_along_only_where_it_shows_about_what_was_seen(
    kind: bytes, data: bytes, kept: bool, moving: bool, tmp_path: Path
) -> None:
    path = png_with(tmp_path / "in.png", kind, data, moving=moving)
    report = let_through(path, tmp_path / "out.png")
    assert (chunk(kind, data) in (tmp_path / "out.png").read_bytes()) is kept
    assert any("code points far from sRGB's" in said for said in report.notices) is not kept


def test_a_profile_that_makes_much_of_a_single_level_of_colour_does_not_come_along(tmp_path: Path) -> None:
    points = np.array(IN_LINE[2:]).reshape(3, 2) / 100_000
    columns = primaries_of(points, np.array([0.9642, 1.0, 0.8249]))
    steep = matrix({name: tuple(columns[:, place]) for place, name in enumerate("rgb")})
    grey, nearly = (Image.new("RGB", (2, 2), colour) for colour in ((110, 110, 110), (111, 110, 109)))
    profile, srgb = ImageCms.ImageCmsProfile(BytesIO(steep)), ImageCms.createProfile("sRGB")
    seen = [np.asarray(ImageCms.profileToProfile(one, profile, srgb)).astype(int) for one in (grey, nearly)]
    assert np.abs(seen[0] - 110).max() < 10
    assert np.abs(seen[1] - 110).max() > 100
    assert not is_usual(steep)


class Bright(Red):
    """Finds what is light grey bad, and nothing else."""

    def screen(self, frames: Any, stage: Stage) -> Sequence[float]:
        return [0.99 if frame.bgr().mean() > 170 else 0.01 for frame in frames]


@pytest.mark.parametrize("transfer", [16, 18])
def test_a_png_in_hdr_is_looked_at_as_it_is_shown(transfer: int, tmp_path: Path) -> None:
    grey, told = flat((160, 160, 160)), chunk(b"cICP", bytes((9, transfer, 0, 1)))
    Image.fromarray(grey).save(tmp_path / "in.png")
    content = (tmp_path / "in.png").read_bytes()
    (tmp_path / "in.png").write_bytes(content[:33] + told + content[33:])
    assert stopped(tmp_path / "in.png", tmp_path / "out.png", make=Bright).stage == "target"
    let_through(tmp_path / "in.png", tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert np.array_equal(np.asarray(image), grey)


def hdr_pngs(folder: Path, transfer: int, *, moving: bool) -> Path:
    """An APNG, or a folder that is taken for a clip, of grey that looks far lighter in HDR."""
    first, other = (Image.fromarray(flat((level,) * 3)) for level in (160, 159))
    folder.mkdir()
    first.save(folder / "1.png", **({"save_all": True, "append_images": [other]} if moving else {}))
    if not moving:
        other.save(folder / "2.png")
    told = chunk(b"cICP", bytes((9, transfer, 0, 1)))
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:33] + told + content[33:])
    return folder / "1.png" if moving else folder


@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize("transfer", [16, 18])
def test_moving_pngs_in_hdr_are_looked_at_as_they_are_shown(transfer: int, moving: bool, tmp_path: Path) -> None:
    path = hdr_pngs(tmp_path / "in", transfer, moving=moving)
    assert stopped(path, tmp_path / "out.apng", make=Bright).stage == "target"
    let_through(path, tmp_path / "out.apng")
    assert chunk(b"cICP", bytes((9, transfer, 0, 1))) in (tmp_path / "out.apng").read_bytes()
    with Image.open(tmp_path / "out.apng") as image:
        assert np.array_equal(np.asarray(image), flat((160, 160, 160)))
    let_through(path, tmp_path / "out.mp4")
    said = probe(tmp_path / "out.mp4").colour
    assert (said.primaries, said.transfer) == (9, transfer)


def test_pictures_in_hdr_and_others_are_no_clip(tmp_path: Path) -> None:
    folder = hdr_pngs(tmp_path / "in", 16, moving=False)
    Image.fromarray(flat()).save(folder / "2.png")
    sentence = failed(folder, tmp_path / "out.mkv", code=2, folder="frames")
    assert "64x48 in HDR (colours 9, 16 of H.273), but the frames of a clip are of one size and kind of colour" in sentence


def test_of_two_words_about_colours_the_first_counts(tmp_path: Path) -> None:
    path = png_with(tmp_path / "in.png", b"cICP", bytes((1, 13, 0, 1)))
    content = path.read_bytes()
    path.write_bytes(content[:33] + chunk(b"cICP", bytes((9, 16, 0, 1))) + content[33:])
    assert probe(path).colour.transfer == 16
    let_through(path, tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes().count(b"cICP") == 1


def tagged(path: Path, primaries: int, transfer: int, matrix: int) -> Path:
    """A clip with H.273's code points."""
    with av.open(str(path), "w") as sink:
        stream: Any = sink.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = primaries, transfer, matrix
        picture = av.VideoFrame.from_ndarray(flat(), format="rgb24").reformat(format="yuv420p")
        picture.color_primaries, picture.color_trc, picture.colorspace = primaries, transfer, matrix
        sink.mux([*stream.encode(picture), *stream.encode(None)])
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("given", "kept", "left"),
    [
        ((1, 1, 1), (1, 1, 1), ""),
        ((5, 5, 5), (5, 5, 5), ""),  # PAL
        ((9, 16, 9), (9, 16, 9), ""),
        ((1, 8, 1), (1, 2, 1), "transfer 8"),  # linear light
        ((1, 9, 1), (1, 2, 1), "transfer 9"),  # logarithms
        ((1, 10, 1), (1, 2, 1), "transfer 10"),
        ((10, 17, 1), (2, 2, 1), "primaries 10, transfer 17"),  # CIE XYZ, as in cinemas
    ],
)
def test_what_a_clip_says_of_its_colours_comes_along_only_where_it_shows_about_what_was_seen(
    given: tuple[int, int, int], kept: tuple[int, int, int], left: str, suffix: str, tmp_path: Path
) -> None:
    path = tagged(tmp_path / f"in{suffix}", *given)
    report = let_through(path, tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as made:
        frame = next(made.decode(video=0))
    assert (frame.color_primaries, frame.color_trc, frame.colorspace) == kept
    told = [said for said in report.notices if "colour tags that show other than what is looked at" in said]
    assert bool(told) is bool(left)
    assert all(f"({left} of H.273)" in said for said in told)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_that_is_shown_as_it_is_kept_tells_no_bits_apart(transfer: Any) -> None:
    """A JPEG, GIF or WebP of it is not looked at by this curve: it is near enough."""
    curve = curve_of(transfer)
    assert curve is not None
    rises = np.diff(curve.seen_8[LEVELS * 257].astype(int))
    assert (rises.min() >= 0, rises.max() <= 4) == (True, True)


# What a clip says of its matrix.


@pytest.mark.parametrize(("matrix", "kind"), [(0, "R, G, B"), (8, "YCgCo"), (14, "ICtCp")])
def test_planes_that_are_no_yuv_are_refused(matrix: int, kind: str, tmp_path: Path) -> None:
    target = clip_of(tmp_path / "in.mkv", [flat()] * 3, encoder="ffv1", pix_fmt="yuv444p", matrix=matrix)
    assert f"its pictures are {kind}, which can't be read here; convert it to YUV" in failed(target, tmp_path / "out.mkv")


@pytest.mark.parametrize(("matrix", "pix_fmt"), [(0, "yuv420p"), (0, "gray"), (8, "gray")])
def test_a_matrix_that_is_not_gone_by_is_not_said_again(matrix: int, pix_fmt: str, tmp_path: Path) -> None:
    target = clip_of(tmp_path / "in.mkv", [flat()] * 3, encoder="ffv1", pix_fmt=pix_fmt, matrix=matrix)
    let_through(target, tmp_path / "out.mp4", pixel_format="yuv420p")
    with av.open(str(target)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        said = [int(next(one.decode(video=0)).colorspace) for one in (before, after)]
    assert said == [matrix, 6]
