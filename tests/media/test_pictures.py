"""Pictures in and out: depth, profiles, alpha, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from roop_host import Frame, FrameView, MediaOptions, Screener, Stage
from roop_host.errors import InputError
from roop_host.gate import Gate, Watcher
from roop_host.media.marks import Marks
from roop_host.media.pictures import write_picture
from roop_host.media.probe import probe
from roop_host.media.reader import read_picture

MARKS = Marks("compositeSynthetic", "Synthetic media: a test")


def written(source: Path, output: Path) -> Path:
    info = probe(source)
    write_picture(read_picture(info), info, output, output.suffix, MediaOptions(quality=100), MARKS)
    return output


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_grey_is_scaled(suffix: str, tmp_path: Path) -> None:
    ramp = np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8)
    Image.fromarray(ramp).save(path := tmp_path / f"deep{suffix}")
    assert np.array_equal(read_picture(probe(path)).bgr(), np.repeat((ramp >> 8)[..., None], 3, axis=2))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_grey_without_a_scale_is_refused(mode: str, tmp_path: Path) -> None:
    Image.new(mode, (8, 8), 1000).save(path := tmp_path / "deep.tif")
    with pytest.raises(InputError, match="convert it to 8 or 16 bit"):
        read_picture(probe(path))


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_animated_pictures_are_refused(suffix: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(path := tmp_path / f"moving{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="animated"):
        read_picture(probe(path))


@pytest.mark.parametrize(("mode", "kept"), [("RGB", True), ("RGBA", True), ("P", True), ("L", False), ("CMYK", False)])
def test_a_profile_is_kept_only_for_rgb(mode: str, kept: bool, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new(mode, (8, 8)).save(path := tmp_path / ("in.tif" if mode == "CMYK" else "in.png"), icc_profile=profile)
    for suffix in (".png", ".jpg"):
        with Image.open(written(path, tmp_path / f"out{suffix}")) as image:
            assert ("icc_profile" in image.info) is kept


def test_a_jpeg_shows_what_the_gate_looked_at(tmp_path: Path) -> None:
    Image.new("RGBA", (16, 16), (200, 40, 90, 64)).save(path := tmp_path / "in.png")
    seen: list[NDArray[np.uint8]] = []

    class Keeps(Screener):
        def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
            seen.extend(frame.bgr() for frame in frames)
            return [0.0] * len(frames)

    Gate([Watcher("t", "t", Keeps(), 0.85)], threading.Event()).look(read_picture(probe(path)), Stage.OUTPUT, "it")
    with Image.open(written(path, tmp_path / "out.jpg")) as image:
        made = np.asarray(image)[..., ::-1].astype(int)
    assert np.abs(made - seen[1]).max() <= 2
