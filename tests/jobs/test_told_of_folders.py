"""What is told of the pictures of a folder: of each what was seen of it, which stayed as they were, which was refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kit import FAST, OneFace, Quiet, Seal, Tint, analyser, exporter, job, plugins, processor, refused, run, screener
from PIL import Image

from roop_host import ExecutionOptions, Finished, Frame, FrameView, Job, Stage, Window


class Scores(Quiet):
    """Of a grey picture its brightness as the target's score, and nothing as the output's."""

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        return [round(float(frame.bgr().mean()) / 255, 2) if stage is Stage.TARGET else 0.0 for frame in frames]


class FaceTint(Tint):
    """Changes only where there is a face."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            for _ in frame.faces:
                frame.put(frame.box, np.full((frame.height, frame.width, 3), 250, np.uint8))


def pictures(folder: Path, shades: dict[str, int]) -> Path:
    folder.mkdir()
    for name, shade in shades.items():
        Image.fromarray(np.full((48, 64, 3), shade, np.uint8)).save(folder / name)
    return folder


def asked(target: Path, output: Path, step: str, **more: object) -> Job:
    return replace(job(target, output, step, media=replace(FAST, folder="pictures")), **more)


def test_a_finisher_is_told_what_was_seen_of_its_own_picture(tmp_path: Path) -> None:
    told: dict[str, Finished] = {}

    class Tells(Seal):
        def finish(self, path: Path, about: Finished) -> None:
            told[path.name] = about

    folder = pictures(tmp_path / "in", {"a.png": 153, "b.png": 51, "c.png": 102})
    found = plugins(processor(Tint, "tint"), exporter(Tells, "seal", "finisher"), screener(Scores), quiet=False)
    report = run(found, asked(folder, tmp_path / "out", "tint"))
    seen = {name: (about.screening[0].looks, about.screening[0].highest) for name, about in told.items()}
    assert seen == {
        "a.png": (2, {"target": 0.6, "output": 0.0}),
        "b.png": (2, {"target": 0.2, "output": 0.0}),
        "c.png": (2, {"target": 0.4, "output": 0.0}),
    }
    assert (report.screening[0].looks, report.screening[0].highest) == (6, {"target": 0.6, "output": 0.0})


def test_what_was_seen_until_a_refusal_is_in_the_report(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", {"a.png": 153, "b.png": 240, "c.png": 10})
    found = plugins(processor(Tint, "tint"), screener(Scores), quiet=False)
    report = refused(found, asked(folder, tmp_path / "out", "tint")).report
    assert report is not None
    assert (report.screening[0].looks, report.screening[0].highest) == (3, {"target": 0.94, "output": 0.0})


@pytest.mark.parametrize(
    ("blind", "told"),
    [
        ((1,), ["no face in 1.png: written unchanged"]),
        (range(1, 8), ["no face in 1.png, 2.png, 3.png, 4.png, 5.png and 2 more: written unchanged"]),
        ((), []),
    ],
)
def test_pictures_without_a_face_are_named(blind: Sequence[int], told: list[str], tmp_path: Path) -> None:
    class Sees(OneFace):
        def analyse_picture(self, frame: FrameView) -> Sequence[object]:  # type: ignore[override]
            return () if frame.index in blind else self._found(frame)

    folder = pictures(tmp_path / "in", {f"{number}.png": 90 for number in range(8)})
    found = plugins(processor(FaceTint, "tint", needs_faces=True), analyser(Sees))
    report = run(found, asked(folder, tmp_path / "out", "tint"))
    assert [notice for notice in report.notices if "unchanged" in notice] == told


def test_a_blocked_folder_says_which_picture_and_what_to_do(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", {"a.png": 50, "b.png": 240, "c.png": 60})
    found = plugins(processor(Tint, "tint"), screener(Scores), quiet=False)
    log = tmp_path / "audit.jsonl"
    error = refused(found, asked(folder, tmp_path / "out", "tint", execution=ExecutionOptions(audit_log=str(log))))
    assert f"the picture {folder / 'b.png'} scores 0.94" in str(error)
    assert str(error).endswith("nothing was kept, so take that picture out and run again")
    line = json.loads(log.read_text())
    digest = hashlib.sha256((folder / "b.png").read_bytes()).hexdigest()
    assert line["refusal"]["sha256"] == line["target"][1]["sha256"] == digest
    assert str(folder) not in log.read_text()


def test_of_a_single_target_the_line_has_its_hash(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", {"b.png": 240})
    log = tmp_path / "audit.jsonl"
    what = replace(job(folder / "b.png", tmp_path / "o.png", "tint"), execution=ExecutionOptions(audit_log=str(log)))
    error = refused(plugins(processor(Tint, "tint"), screener(Scores), quiet=False), what)
    assert str(error).endswith("nothing was kept")
    line = json.loads(log.read_text())
    assert line["refusal"]["sha256"] == line["target"]["sha256"]
