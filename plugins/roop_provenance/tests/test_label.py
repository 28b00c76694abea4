"""The visible label: legible on any ground, within the margins, as large as was asked, and refused where it can't be."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from shutil import rmtree
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from roop_host import Box, Host, Job, MediaOptions, Report, RoopError, Step
from roop_provenance.label import fitted
from roop_provenance.lettering import Drawn, Typeset, lettering_of
from roop_provenance.options import Options, Position

COLLINS = Path(__file__).parents[3] / "examples" / "media" / "collins.jpg"


def labelled(picture_bgr: NDArray[Any], tmp_path: Path, suffix: str = ".png", **options: Any) -> tuple[NDArray[Any], Report]:
    target, output = tmp_path / f"target{suffix}", tmp_path / f"output{suffix}"
    cv2.imwrite(str(target), picture_bgr)
    said = {f"label_{name}": value for name, value in options.items()}
    job = Job((), str(target), str(output), (Step("label", said),))
    with Host() as host:
        report = host.run(job)
    made = cv2.imread(str(output), cv2.IMREAD_UNCHANGED)
    assert made is not None
    return made, report


def changed(before: NDArray[Any], after: NDArray[Any]) -> Box:
    rows, columns = np.nonzero((before != after).any(axis=2))
    return Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def test_a_found_file_asks_for_a_label_and_says_neither_what_it_shows_nor_who_signs() -> None:
    said = {field.name: field.metadata for field in fields(Options)}
    assert {name for name, of in said.items() if not of["users_own"]} == {"label", "label_position"}
    assert said["label"]["tightens"]  # and takes none away


@pytest.mark.parametrize("grey", [0, 60, 128, 217, 255])
def test_letters_stand_out_from_any_ground(grey: int, tmp_path: Path) -> None:
    before = np.full((480, 640, 3), grey, np.uint8)
    made, _ = labelled(before, tmp_path)
    box = changed(before, made)
    part = made[box.y0 : box.y1, box.x0 : box.x1, 1] / 255.0
    light = np.percentile(part, 98) ** 2.2
    plate = part[2 * (box.height // 5) : 3 * (box.height // 5), 2:4].mean() ** 2.2
    assert (light + 0.05) / (plate + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("position", get_args(Position))
def test_it_stands_within_the_margins_and_nothing_else_is_changed(position: Position, tmp_path: Path) -> None:
    before = np.full((400, 600, 3), 128, np.uint8)
    made, report = labelled(before, tmp_path, position=position)
    box = changed(before, made)
    assert box.x0 >= 30
    assert box.x1 <= 570
    assert box.y0 >= 20
    assert box.y1 <= 380
    vertical, _, side = position.partition("-")
    middle_x, middle_y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    assert (middle_y < 200) == (vertical == "top")
    assert {"left": middle_x < 250, "right": middle_x > 350, "": abs(middle_x - 300) <= 1}[side]
    assert report.source_type == "compositeSynthetic"


@pytest.mark.parametrize("percent", [1.0, 3.0, 12.0])
def test_capitals_are_as_high_as_was_asked(percent: float) -> None:
    asked_px = 1000 * percent / 100
    letters = Typeset("I", None).alpha(asked_px)
    assert letters.shape[0] == pytest.approx(asked_px, abs=1.5)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1080, 1920), (3840, 2160), (640, 480), (96, 72)])
def test_the_preset_is_as_high_as_gb_45438_asks(width: int, height: int) -> None:
    lettering = lettering_of(Options(label_preset="gb45438"))
    stamp = fitted(lettering, max(9.0, 0.05 * min(width, height)), width, height, 5.0)
    assert stamp is not None
    assert stamp.capitals_px >= 0.05 * min(width, height)
    letters = lettering.alpha(stamp.capitals_px)
    first = letters[:, : letters.shape[1] // 6]  # nothing but the A
    inked = np.flatnonzero((first > 0.2).any(axis=1))
    assert inked.max() - inked.min() + 1 >= 0.05 * min(width, height) - 0.5


def test_the_preset_says_its_text_without_any_font() -> None:
    assert lettering_of(Options(label_preset="gb45438")).text == "AI合成"
    assert isinstance(lettering_of(Options(label_preset="gb45438")), Drawn)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"text": "合成"}, "the font built in has no 合 成"),
        ({"text": "généré"}, "--provenance-label-font"),
        ({"text": "AI 生成", "preset": "gb45438"}, "the font built in has no 生 成"),
        ({"text": "hello", "preset": "gb45438"}, "GB 45438-2025 asks"),
        ({"text": "AI", "preset": "gb45438"}, "GB 45438-2025 asks"),
        *(({"text": text}, "a label needs a text with a letter or a digit") for text in (" ", ".", "...", "-", "©")),
        ({"text": "a\nb"}, "one line"),
        ({"text": "a\u202eb"}, "one line"),
    ],
)
def test_what_cannot_be_drawn_is_bad_usage(options: dict[str, str], why: str, tmp_path: Path) -> None:
    with pytest.raises(RoopError) as caught:
        labelled(np.zeros((200, 200, 3), np.uint8), tmp_path, **options)
    assert caught.value.exit_code == 2
    assert why in str(caught.value)
    assert not (tmp_path / "output.png").exists()


@pytest.mark.parametrize("font", ["none.ttf", "text.ttf", "pipe.ttf"])
def test_a_font_that_is_none_is_bad_input(font: str, tmp_path: Path) -> None:
    (tmp_path / "text.ttf").write_text("no font")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.ttf")
    with pytest.raises(RoopError) as caught:
        labelled(np.zeros((200, 200, 3), np.uint8), tmp_path, font=str(tmp_path / font))
    assert caught.value.exit_code == 3
    assert font in str(caught.value)


def test_a_text_that_is_too_long_is_made_smaller_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = np.full((480, 640, 3), 128, np.uint8)
    made, _ = labelled(before, tmp_path, text="This picture was made with the help of a machine", size=8.0)
    box = changed(before, made)
    assert (box.x0 >= 32, box.x1 <= 608, box.width > 500) == (True, True, True)
    assert "so that it fits in the width" in caplog.text


def test_a_picture_that_is_too_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RoopError) as caught:
        labelled(np.zeros((24, 32, 3), np.uint8), tmp_path)
    assert caught.value.exit_code == 2
    assert "does not fit into a picture of 32x24" in str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, the first and the last of which are too small for a label."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, size in (("a.png", (24, 30)), ("b.png", (96, 120)), ("c.png", (24, 32))):
        cv2.imwrite(str(folder / name), np.zeros((*size, 3), np.uint8))
    return folder


def of_folder(folder: Path, *, salvage: bool, **options: Any) -> Report:
    step = Step("label", {f"label_{name}": value for name, value in options.items()})
    with Host() as host:
        return host.run(Job((), str(folder), str(folder.parent / "out"), (step,), media=MediaOptions(salvage=salvage)))


def test_a_picture_of_a_folder_that_is_too_small_is_named_before_any_work(folder: Path) -> None:
    with pytest.raises(RoopError) as caught:
        of_folder(folder, salvage=False)
    assert caught.value.exit_code == 3
    assert "a.png and 1 more: the label 'AI-generated' does not fit into a picture of 30x24" in str(caught.value)
    assert str(caught.value).endswith("take larger ones, or leave them out of a folder with --salvage")
    assert caught.value.report is not None
    assert caught.value.report.stages == ()
    assert [path.name for path in folder.parent.iterdir()] == ["in"]


def test_a_picture_that_is_too_small_is_left_out_of_a_folder_that_is_salvaged(folder: Path) -> None:
    report = of_folder(folder, salvage=True)
    assert [path.name for path in (folder.parent / "out").iterdir()] == ["b.png"]
    told = [notice for notice in report.notices if notice.startswith("left out: ")]
    assert [f"{folder / name}: " in notice for name, notice in zip(("a.png", "c.png"), told, strict=True)] == [True, True]
    (folder / "b.png").unlink()
    rmtree(folder.parent / "out")
    with pytest.raises(RoopError) as caught:  # nothing would be left
        of_folder(folder, salvage=True)
    assert caught.value.exit_code == 3


def test_a_page_that_is_too_small_is_named(tmp_path: Path) -> None:
    pages = [Image.new("RGB", size) for size in ((120, 96), (30, 24))]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(RoopError) as caught, Host() as host:
        host.run(Job((), str(tmp_path / "in.tif"), str(tmp_path / "o.tif"), (Step("label"),)))
    assert "page 2: the label" in str(caught.value)


def test_what_to_do_is_told_whatever_the_text(tmp_path: Path) -> None:
    with pytest.raises(RoopError) as caught:
        labelled(np.zeros((100, 100, 3), np.uint8), tmp_path, text="made by a machine " * 100)
    assert str(caught.value).endswith("say a shorter --provenance-label-text, or take a larger picture")


def test_where_a_picture_is_transparent_it_moves_to_what_is_seen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = np.full((480, 640, 4), 128, np.uint8)
    before[:300, :, 3], before[300:, :, 3] = 255, 0
    made, _ = labelled(before, tmp_path)
    assert changed(before[:300], made[:300]).y1 < 300
    assert np.array_equal(made[..., 3], before[..., 3])
    assert "stands where the picture is seen" in caplog.text
    before[..., 3] = 0
    (tmp_path / "output.png").unlink()
    labelled(before, tmp_path)
    assert "in part or not at all" in caplog.text


def test_sixteen_bits_keep_what_is_below_eight(tmp_path: Path) -> None:
    before = np.full((300, 400, 3), 30_001, np.uint16)
    made, _ = labelled(before, tmp_path)
    box = changed(before, made)
    assert box.y0 > 200
    assert (made[:200] == 30_001).all()
    assert len(np.unique(made[box.y0 : box.y1, box.x0 : box.x1])) > 256


def test_the_flag_adds_it(tmp_path: Path) -> None:
    output = tmp_path / "o.png"
    job = Job((str(COLLINS),), str(COLLINS), str(output), (Step("swapper"),), plugin_options={"provenance": {"label": True}})
    with Host() as host:
        report = host.run(job)
    assert report.steps == ("swapper", "label")
    assert report.source_type != "humanEdits"
    with Image.open(output) as picture:
        assert picture.size == (512, 512)
