"""Pictures and animations that try to hide something bad: behind alpha, in another frame or page, in a preview."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
import tifffile
from kit import job, run
from PIL import Image, ImageCms
from PIL.ExifTags import Base
from screened import (
    BAD,
    CALM,
    Picture,
    Red,
    clip_of,
    exif_with,
    failed,
    flat,
    is_bad,
    let_through,
    pictures_in,
    stopped,
    watching,
    with_bad,
)

from roop_host import Stage
from roop_host.media.kinds import SUFFIXES, suffix_of
from roop_host.media.pictures.png import chunk

STILLS = [suffix for suffix in SUFFIXES if (known := suffix_of(Path("x" + suffix))) is not None and known.still]


def save(path: Path, *pictures: Picture, **more: Any) -> Path:
    first, *rest = map(Image.fromarray, pictures)
    if rest:
        more |= {"save_all": True, "append_images": rest}
    first.save(path, **more)
    return path


def jpeg(picture: Picture, **more: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", **more)
    return file.getvalue()


# Alpha.


@pytest.mark.parametrize("alpha", [0, 1, 30])
@pytest.mark.parametrize(
    ("suffix", "more"), [(".png", {}), (".webp", {"lossless": True, "exact": True}), (".tif", {}), (".avif", {})]
)
def test_what_is_hidden_behind_transparent_pixels_is_seen(suffix: str, more: Any, alpha: int, tmp_path: Path) -> None:
    picture = flat((*CALM, 255))
    picture[10:40, 10:50] = (*BAD, alpha)
    path = save(tmp_path / f"in{suffix}", picture, **more)
    refusal = stopped(path, tmp_path / f"out{suffix}")
    assert (refusal.stage, refusal.frame) == ("target", 0)


def hiding_frames() -> list[Picture]:
    """Five frames, the fourth red and fully transparent."""
    frames = [np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]) for picture in with_bad(5, 3)]
    frames[0][:4, :4, 3] = 0
    frames[3][..., 3] = 0
    return frames


@pytest.mark.parametrize("kind", ["apng", "video"])
def test_what_is_hidden_behind_transparent_pixels_of_one_frame_is_seen(kind: str, tmp_path: Path) -> None:
    if kind == "video":
        path = clip_of(tmp_path / "in.mkv", hiding_frames(), encoder="ffv1", pix_fmt="bgra")
    else:
        path = save(tmp_path / "in.png", *hiding_frames(), duration=100)
    assert stopped(path, tmp_path / "out.webp").frame == 3
    assert stopped(path, tmp_path / "out.mp4", pixel_format="yuv420p").frame == 3


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_what_an_animation_does_not_draw_does_not_come_along(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"in{suffix}"
    if suffix == ".gif":
        transparent_gif(path)
    else:
        save(path, *hiding_frames(), duration=100, lossless=True, exact=True)
    assert let_through(path, tmp_path / f"out{suffix}").frames == 5


def transparent_gif(path: Path) -> Path:
    """Five frames, of which the fourth is red in a transparent colour."""
    frames = []
    for number in range(5):
        frame = Image.new("P", (64, 48), 1 if number == 3 else 0)
        frame.putpalette([*CALM, *BAD, 0, 0, 0])
        frame.putpixel((number, 0), 2)
        if number == 3:
            frame.info["transparency"] = 1
        frames.append(frame)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, disposal=2, optimize=False)
    return path


class Figure(Red):
    """Finds a figure bad: a middle that is much brighter or darker than the border."""

    def screen(self, frames: Any, stage: Stage) -> Any:
        lit = [frame.bgr().astype(float).mean(axis=2) for frame in frames]
        return [0.99 if abs(one[16:32, 20:44].mean() - one[:8].mean()) > 30 else 0.01 for one in lit]


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_a_figure_that_is_only_in_the_alpha_is_seen(colour: int, tmp_path: Path) -> None:
    picture = flat((colour, colour, colour, 255))
    picture[12:36, 16:48, 3] = 0
    assert stopped(save(tmp_path / "in.png", picture), tmp_path / "out.png", make=Figure).stage == "target"
    clip = clip_of(tmp_path / "in.mkv", [flat((9, 9, 9, 255)), picture], encoder="ffv1", pix_fmt="bgra")
    assert stopped(clip, tmp_path / "out.webp", make=Figure).stage == "target"


@pytest.mark.parametrize("kind", ["still", "animation", "deep"])
def test_a_figure_that_a_cut_of_the_alpha_brings_out_is_seen(kind: str, tmp_path: Path) -> None:
    picture = flat((255, 255, 255, 128))
    picture[16:32, 20:44, 3] = 127
    target = tmp_path / "in.png"
    if kind == "deep":
        target = tmp_path / "in.tif"
        tifffile.imwrite(target, picture.astype(np.uint16) * 257, photometric="rgb", extrasamples=["unassalpha"])
    elif kind == "animation":
        save(target, picture, flat((255, 255, 255, 129)), duration=100)
    else:
        save(target, picture)
    run(watching(Figure), job(target, tmp_path / f"out{target.suffix}", "leave"))
    assert stopped(target, tmp_path / "out.gif", make=Figure).stage == "output"


@pytest.mark.parametrize(("gamma", "kept"), [(10.0, False), (1.0, False), (0.45455, True), (0.1, False)])
def test_a_gamma_that_shows_what_nobody_saw_does_not_come_along(gamma: float, kept: bool, tmp_path: Path) -> None:
    data = save(tmp_path / "plain.png", flat()).read_bytes()
    at = data.index(b"IDAT") - 4
    (tmp_path / "in.png").write_bytes(data[:at] + chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000))) + data[at:])
    report = let_through(tmp_path / "in.png", tmp_path / "out.png")
    assert (b"gAMA" in (tmp_path / "out.png").read_bytes()) is kept
    assert any("gamma" in said for said in report.notices) is not kept


def profile_of(gamma: float) -> bytes:
    """sRGB with an exponent alone (parametric curves of ICC.1:2022, 10.18)."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = data.find(b"para")
    assert at > 0
    while at > 0:
        struct.pack_into(">Hxxi", data, at + 8, 0, round(gamma * 65536))
        at = data.find(b"para", at + 1)
    return bytes(data)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize(("gamma", "kept"), [(2.4, True), (1.8, True), (0.3, False), (9.0, False)])
def test_a_profile_that_shows_what_nobody_saw_does_not_come_along(
    gamma: float, kept: bool, suffix: str, tmp_path: Path
) -> None:
    path = save(tmp_path / f"in{suffix}", flat(), icc_profile=profile_of(gamma))
    report = let_through(path, tmp_path / f"out{suffix}")
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert ("icc_profile" in image.info) is kept
    assert any("far from sRGB" in said for said in report.notices) is not kept


# Animations and pages.


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
@pytest.mark.parametrize("delay", [0, 10, 100])
def test_a_bad_frame_of_a_gif_is_seen_however_it_goes_and_however_short_it_is(
    delay: int, disposal: int, tmp_path: Path
) -> None:
    path = tmp_path / "in.gif"
    save(path, *with_bad(6, 4), duration=[100, 100, 100, 100, delay, 100], disposal=disposal)
    assert stopped(path, tmp_path / "out.gif").frame == 4
    assert stopped(path, tmp_path / "out.mp4").frame == 4


def test_a_gif_that_puts_a_bad_picture_together_from_calm_pieces_is_seen(tmp_path: Path) -> None:
    """Each frame adds a line of red to what stands, itself hardly any of it."""
    whole, frames = flat(), []
    for line in range(10):
        whole[line] = BAD
        frames.append(whole.copy())
    path = save(tmp_path / "in.gif", *frames, duration=50, disposal=1)
    assert stopped(path, tmp_path / "out.gif").frame == next(n for n, frame in enumerate(frames) if is_bad(frame))


@pytest.mark.parametrize(("suffix", "more"), [(".png", {}), (".webp", {"lossless": True}), (".avif", {})])
def test_a_bad_frame_of_other_animations_is_seen(suffix: str, more: Any, tmp_path: Path) -> None:
    path = save(tmp_path / f"in{suffix}", *with_bad(6, 5), duration=80, **more)
    assert stopped(path, tmp_path / "out.webp").frame == 5
    assert stopped(path, tmp_path / "out.mp4").frame == 5


def test_the_stand_in_of_an_apng_does_not_come_along(tmp_path: Path) -> None:
    path = save(tmp_path / "in.png", flat(BAD), *with_bad(3), default_image=True, duration=100)
    assert any(is_bad(picture) for picture in pictures_in(path))
    for suffix in (".png", ".gif", ".mp4"):
        report = let_through(path, tmp_path / f"out{suffix}")
        assert report.frames == 3
        assert any("stands in for the animation" in said for said in report.notices)


def test_behind_the_frames_an_animation_claims_there_is_nothing(tmp_path: Path) -> None:
    """An APNG whose header counts two frames of three, the third being bad."""
    data = bytearray(save(tmp_path / "whole.png", *with_bad(3, 2), duration=100).read_bytes())
    at = data.index(b"acTL")
    struct.pack_into(">I", data, at + 4, 2)
    struct.pack_into(">I", data, at + 12, zlib.crc32(bytes(data[at : at + 12])))
    (tmp_path / "in.png").write_bytes(data)
    assert let_through(tmp_path / "in.png", tmp_path / "out.png").frames == 2


def test_every_page_of_a_tiff_is_seen(tmp_path: Path) -> None:
    path = save(tmp_path / "in.tif", *with_bad(3, 1), compression="tiff_lzw")
    refusal = stopped(path, tmp_path / "out.tif")
    assert (refusal.stage, refusal.frame) == ("target", 1)


def test_a_reduced_page_of_a_tiff_does_not_come_along(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "in.tif") as writer:
        writer.write(flat(), photometric="rgb")
        writer.write(flat(BAD), photometric="rgb", subfiletype=1)
    report = let_through(tmp_path / "in.tif", tmp_path / "out.tif")
    assert len(list(pictures_in(tmp_path / "out.tif"))) == 1
    assert any("reduced" in said for said in report.notices)


def test_an_icon_is_no_picture_here(tmp_path: Path) -> None:
    Image.fromarray(flat(size=(64, 64))).save(tmp_path / "in.ico", sizes=[(16, 16), (64, 64)])
    failed(tmp_path / "in.ico", tmp_path / "out.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_further_pictures_behind_a_jpeg_do_not_come_along(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    Image.fromarray(flat()).save(path, "MPO", save_all=True, append_images=[Image.fromarray(flat(BAD))])
    assert len(list(pictures_in(path))) == 2
    report = let_through(path, tmp_path / f"out{suffix}")
    assert len(list(pictures_in(tmp_path / f"out{suffix}"))) == 1
    assert jpeg(flat(BAD))[-60:] not in (tmp_path / f"out{suffix}").read_bytes()
    assert any("further pictures behind the first" in said for said in report.notices)


def test_further_pictures_and_previews_of_a_heic_do_not_come_along(tmp_path: Path) -> None:
    made = pillow_heif.from_pillow(Image.fromarray(flat(size=(128, 96))))
    made.add_from_pillow(Image.fromarray(flat(BAD, (128, 96))))
    made.save(tmp_path / "in.heic", quality=90)
    report = let_through(tmp_path / "in.heic", tmp_path / "out.png")
    assert len(list(pictures_in(tmp_path / "out.png"))) == 1
    assert any("further pictures" in said for said in report.notices)


# Previews and what hangs behind a picture.


@pytest.mark.parametrize("suffix", STILLS)
def test_no_preview_of_the_target_comes_along(suffix: str, tmp_path: Path) -> None:
    preview = jpeg(flat(BAD, (32, 24)), quality=60)
    path = tmp_path / "in.jpg"
    whole = jpeg(flat())
    path.write_bytes(whole[:2] + _app1(preview) + whole[2:] + preview)
    let_through(path, tmp_path / f"out{suffix}")
    content = (tmp_path / f"out{suffix}").read_bytes()
    assert preview[-100:] not in content
    assert content.count(b"\xff\xd8\xff") <= (suffix in (".jpg", ".jpeg"))


def _app1(preview: bytes) -> bytes:
    body = exif_with(preview)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


class Upper(Red):
    """Finds only red in the upper half of an upright picture bad."""

    def screen(self, frames: Any, stage: Stage) -> Sequence[float]:
        return [0.99 if is_bad(frame.bgr()[: frame.height // 2, :, ::-1]) else 0.01 for frame in frames]


@pytest.mark.parametrize(("orientation", "side"), [(3, "below"), (6, "left"), (8, "right")])
def test_a_turned_picture_is_looked_at_upright(orientation: int, side: str, tmp_path: Path) -> None:
    picture = flat()
    picture[{"below": np.s_[24:], "left": np.s_[:, :32], "right": np.s_[:, 32:]}[side]] = BAD
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    path = save(tmp_path / "in.jpg", picture, exif=exif)
    assert stopped(path, tmp_path / "out.jpg", make=Upper).stage == "target"


def test_one_bad_picture_of_a_folder_stops_all_of_it(tmp_path: Path) -> None:
    (folder := tmp_path / "in").mkdir()
    for number, picture in enumerate(with_bad(4, 2)):
        save(folder / f"{number}.png", picture)
    assert stopped(folder, tmp_path / "out").picture == f"the picture {folder / '2.png'}"
    assert stopped(folder, tmp_path / "out.mp4", fps="25").frame == 2
