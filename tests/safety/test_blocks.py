"""After a block, or a screener that failed, nothing of the job is left, whatever was asked to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit import FAST, Quiet, Raw, Times, exporter, job, left, plugins, processor, refused, screener
from PIL import Image
from screened import Leave, clip_of, flat, with_bad

from roop_host import ExecutionOptions, Frame, FrameView, Stage

LAST = {"clip": 19, "folder": 3, "pages": 3, "picture": 0}


def made(kind: str, folder: Path) -> Path:
    folder.mkdir()
    if kind == "clip":
        return clip_of(folder / "in.mp4", with_bad(20))
    pictures = [Image.fromarray(flat(size=(64, 48 + number))) for number in range(4)]
    if kind == "folder":
        for number, picture in enumerate(pictures):
            picture.save(folder / f"{number}.png")
        return folder
    path = folder / ("in.tif" if kind == "pages" else "in.png")
    pictures[0].save(path, **({"save_all": True, "append_images": [pictures[0]] * 3} if kind == "pages" else {}))
    return path


CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a clip": ("clip", "o.mp4", {}),
    "resumable": ("clip", "o.mp4", {"execution": ExecutionOptions(resumable=True)}),
    "kept frames": ("clip", "o.mp4", {"media": {"keep_frames": "frames"}}),
    "kept frames, resumable": (
        "clip",
        "o.mkv",
        {"media": {"keep_frames": "frames"}, "execution": ExecutionOptions(resumable=True)},
    ),
    "an export": ("clip", "o.mp4", {"exports": ("times",)}),
    "an export, resumable": ("clip", "o.mp4", {"exports": ("times",), "execution": ExecutionOptions(resumable=True)}),
    "an animation": ("clip", "o.gif", {}),
    "a writer's file": ("clip", "o.raw", {"exports": ("times",)}),
    "a picture": ("picture", "o.jpg", {"exports": ("times",)}),
    "a picture without marks": ("picture", "o.bmp", {}),
    "a folder of pictures": ("folder", "o", {}),
    "pages": ("pages", "o.tif", {}),
}


@pytest.mark.parametrize("fails", [False, True], ids=["blocked", "failed"])
@pytest.mark.parametrize("stage", [Stage.TARGET, Stage.OUTPUT], ids=lambda stage: stage.value)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_nothing_is_left(case: tuple[str, str, dict[str, Any]], stage: Stage, fails: bool, tmp_path: Path) -> None:
    kind, name, more = case

    class Late(Quiet):
        def screen(self, frames: Sequence[Frame | FrameView], at: Stage) -> Sequence[float]:
            if at is stage and frames[0].index == LAST[kind]:
                return [float("nan") if fails else 0.99] * len(frames)
            return [0.0] * len(frames)

    out = tmp_path / "out"
    out.mkdir()
    media = dict(more.get("media", {}))
    if "keep_frames" in media:
        media["keep_frames"] = str(out / media["keep_frames"])
    found = plugins(
        processor(Leave, "leave"),
        screener(Late, "late"),
        exporter(Times, "times", "sidecar", ".csv"),
        exporter(Raw, "raw", "writer", ".raw"),
        quiet=False,
    )
    what = job(made(kind, tmp_path / "in"), out / name, "leave", media=replace(FAST, **media))
    error = refused(found, replace(what, **{key: value for key, value in more.items() if key != "media"}))
    assert error.exit_code == 5
    assert error.report is not None
    assert (error.report.status, error.report.output, error.report.beside) == ("blocked", None, ())
    assert (error.report.refusal is None) == fails
    assert left(out) == []
