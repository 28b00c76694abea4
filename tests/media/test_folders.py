"""Folders: their order, what they are taken for, and their pictures as frames."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from qr import code_of
from stills import deep_png, noise, planes

from roop_host.errors import InputError, UsageError
from roop_host.media.info import Known, Reading
from roop_host.media.pictures.folders import FolderReader, folder_of, natural
from roop_host.runner.codes import draw

PLAIN = Reading()


def filled(folder: Path, names: list[str], size: tuple[int, int] = (20, 12)) -> Path:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", size, (number * 20, 0, 0)).save(folder / name)
    return folder


def test_the_order_is_natural_and_what_is_no_picture_is_told(tmp_path: Path) -> None:
    folder = filled(tmp_path / "in", ["img10.png", "img2.png", "IMG1.png", ".hidden.png"])
    (folder / "deeper").mkdir()
    (folder / "notes.txt").write_text("no picture")
    moving = [Image.new("RGB", (20, 12), colour) for colour in ("red", "blue")]
    moving[0].save(folder / "moving.gif", save_all=True, append_images=moving[1:])
    found = folder_of(folder, "auto", PLAIN)
    assert [item.path.name for item in found.info.items] == ["IMG1.png", "img2.png", "img10.png"]
    assert found.info.left_out == ()
    assert "moving.gif, notes.txt" in found.notices[1]


def test_natural_names() -> None:
    names = ["a10", "a2b", "a2", "b", "10", "9", "A3", "a02"]
    assert sorted(names, key=natural) == ["9", "10", "a02", "a2", "a2b", "A3", "a10", "b"]


@pytest.mark.parametrize(("count", "other", "mode"), [(3, False, "frames"), (3, True, "pictures"), (1, False, "pictures")])
def test_auto_goes_by_number_and_size(count: int, other: bool, mode: str, tmp_path: Path) -> None:
    folder = filled(tmp_path / "in", [f"{number}.png" for number in range(count)])
    if other:
        filled(folder, ["odd.png"], (12, 20))
    found = folder_of(folder, "auto", PLAIN)
    assert found.mode == mode
    assert ("one clip of 25 frames a second" in found.notices[0]) is (mode == "frames")
    if other:
        with pytest.raises(UsageError, match=r"odd\.png is 12x20"):
            folder_of(folder, "frames", PLAIN)
    assert folder_of(folder, "pictures", PLAIN).mode == "pictures"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(InputError, match="no picture in it"):
        folder_of(tmp_path, "auto", PLAIN)


def test_codes_of_uploads_are_no_pictures(tmp_path: Path) -> None:
    folder = filled(tmp_path / "in", ["a.png", "b.png"])
    for name in ("a.png", "b.png"):
        draw(code_of("https://example.test/"), folder / name, "bucket")
    found = folder_of(folder, "auto", PLAIN)
    assert [item.path.name for item in found.info.items] == ["a.png", "b.png"]
    assert found.notices[1:] == (
        f"left out of {folder}, being QR codes that roop drew of uploads: a.png.bucket.qr.png, a.png.bucket.qr.svg, "
        "b.png.bucket.qr.png and 1 more",
    )


def test_frames_come_at_the_rate_and_from_anywhere(tmp_path: Path) -> None:
    folder = filled(tmp_path / "in", [f"{number}.png" for number in range(6)])
    info = folder_of(folder, "frames", Reading(rate=Fraction(30000, 1001))).info
    frames = list(FolderReader(info).frames())
    assert [frame.time for frame in frames] == [number * Fraction(1001, 30000) for number in range(6)]
    assert [planes(frame)[0, 0, 0] for frame in frames] == [0, 20, 40, 60, 80, 100]
    rest = list(FolderReader(info).frames(4, known=Known(3, 3)))
    assert [(frame.index, frame.pts, planes(frame)[0, 0, 0]) for frame in rest] == [(3, 3, 60), (4, 4, 80), (5, 5, 100)]
    reader = FolderReader(replace(info, reading=Reading(start=2, end=4)))
    assert [(frame.index, planes(frame)[0, 0, 0]) for frame in reader.frames()] == [(0, 40), (1, 60)]
    assert (reader.origin, reader.end_s) == (2 * info.time_base, 4 * info.time_base)


def test_the_deepest_and_most_transparent_decide(tmp_path: Path) -> None:
    deep = noise(12, 20, 3, kind=np.uint16)
    deep_png(tmp_path / "1.png", deep)
    Image.fromarray(noise(12, 20)).save(tmp_path / "2.png")
    Image.fromarray(noise(12, 20, 4)).save(tmp_path / "3.png")
    info = folder_of(tmp_path, "frames", PLAIN).info
    assert info.pix_fmt == "gbrap16le"
    one, two, three = (planes(frame) for frame in FolderReader(info).frames())
    assert np.array_equal(one[..., :3], deep)
    assert (one[..., 3] == 65535).all()
    assert np.array_equal(two[..., 1], noise(12, 20).astype(np.uint16) * 257)
    assert np.array_equal(three, noise(12, 20, 4).astype(np.uint16) * 257)


def test_a_broken_picture_is_named_or_left_out(tmp_path: Path) -> None:
    for number in range(5):
        Image.fromarray(noise(32, 32, 3, seed=number)).save(tmp_path / f"{number}.png")
    broken = tmp_path / "2.png"
    broken.write_bytes(broken.read_bytes()[:1500])
    info = folder_of(tmp_path, "frames", PLAIN).info
    with pytest.raises(InputError, match=r"2\.png is broken or cut off"):
        list(FolderReader(info).frames())
    reader = FolderReader(replace(info, reading=Reading(salvage=True)))
    frames = list(reader.frames())
    assert [(frame.index, frame.pts) for frame in frames] == [(number, number) for number in range(4)]
    assert not reader.steady
    assert "2.png" in reader.notices[0]
    later = list(FolderReader(replace(info, reading=Reading(salvage=True))).frames(3))
    assert [frame.index for frame in later] == [3]
    assert np.array_equal(planes(later[0]), planes(frames[3]))
