"""What steps tell of frames by ``Frame.measure``: of every frame that is written, once, also where a run is continued."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from kit import OneFace, Tint, analyser, breaks, job, plugins, processor, refused, run
from PIL import Image

from roop_host import ExecutionOptions, Host, Plugins, Processor, Report, Window, Wish
from roop_host.types.report import Measure

RESUMABLE = ExecutionOptions(resumable=True)
FRAMES = 30  # of a clip of make_clip


class Tells(Processor):
    """Tells the number of each frame, and of every third one a tenth."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.measure("number", frame.index)
            if frame.index % 3 == 0:
                frame.measure("tenth", frame.index / 10)


#: It looks around, so that its frames are seen in two segments; the one behind it warms up on what it gave.
AROUND = {"warmup": 3, "lookahead": 2, "batch_size": 4}


def found(step: type[Processor] = Tells, **spec: Any) -> Plugins:
    return plugins(
        processor(step, "tells", needs_faces=True, **{**AROUND, **spec}),
        processor(Tint, "tint", warmup=5),
        analyser(lambda: OneFace(lambda index: index in (9, 10, 11, 25)), warmup=2),
    )


def measured(report: Report) -> dict[tuple[str, str], tuple[int, float, float, float]]:
    return {(one.step, one.name): (one.count, one.mean, one.least, one.most) for one in report.measures}


def summed(*numbers: float) -> tuple[int, float, float, float]:
    return (len(numbers), pytest.approx(sum(numbers) / len(numbers), abs=1e-4), min(numbers), max(numbers))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


def test_each_frame_counts_once_over_segments_and_warm_ups(clip: Path, tmp_path: Path) -> None:
    report = run(found(), job(clip, tmp_path / "o.mp4", "tells", "tint"))
    assert measured(report) == {
        ("tells", "number"): summed(*range(FRAMES)),
        ("tells", "tenth"): summed(*(index / 10 for index in range(0, FRAMES, 3))),
    }


def test_the_report_has_them_as_data(clip: Path, tmp_path: Path) -> None:
    told = json.loads(json.dumps(run(found(), job(clip, tmp_path / "o.mp4", "tells")).to_json()))["measures"]
    assert told[0] == {"step": "tells", "name": "number", "count": 30, "mean": 14.5, "least": 0, "most": 29}
    assert [one["name"] for one in told] == ["number", "tenth"]


def test_a_job_whose_steps_tell_nothing_has_none(clip: Path, tmp_path: Path) -> None:
    assert run(found(), job(clip, tmp_path / "o.mp4", "tint")).measures == ()


def test_two_uses_of_one_step_tell_together(clip: Path, tmp_path: Path) -> None:
    report = run(found(), job(clip, tmp_path / "o.mp4", "tells", "tint", "tells"))
    assert measured(report)["tells", "number"] == (2 * FRAMES, 14.5, 0, 29)


def test_frames_that_are_left_out_do_not_count(clip: Path, tmp_path: Path) -> None:
    what = replace(job(clip, tmp_path / "o.mp4", "tells"), on_no_face="drop")
    report = run(found(), what)
    assert measured(report)["tells", "number"] == summed(*(set(range(FRAMES)) - {9, 10, 11, 25}))


def test_frames_that_show_the_one_before_do_not_count(clip: Path, tmp_path: Path) -> None:
    """What was made of them is not in the output; and what is, was told of already."""
    what = replace(job(clip, tmp_path / "o.mp4", "tells"), on_no_face="hold")
    report = run(found(), what)
    assert (report.frames, report.frames_held) == (FRAMES, 4)
    assert measured(report)["tells", "number"] == summed(*(set(range(FRAMES)) - {9, 10, 11, 25}))


@pytest.mark.parametrize("way", ["keep", "hold", "drop"])
def test_a_continued_run_tells_the_same(way: Any, clip: Path, tmp_path: Path) -> None:
    whole = run(found(), replace(job(clip, tmp_path / "whole.mp4", "tells", "tint"), on_no_face=way))
    torn = replace(job(clip, tmp_path / "torn.mp4", "tells", "tint", execution=RESUMABLE), on_no_face=way)
    assert "a fault" in str(refused(found(breaks(Tells, 20)), torn))
    report = run(found(), torn)
    assert report.resumed_frames > 0
    assert report.measures == whole.measures


def test_pictures_are_told_together(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((48, 64 + number, 3), 90, np.uint8)).save(folder / f"{number}.png")
    report = run(found(), job(folder, tmp_path / "out", "tells"))
    assert measured(report) == {("tells", "number"): (3, 1, 0, 2), ("tells", "tenth"): (1, 0, 0, 0)}


def test_a_preview_tells_of_its_frame(clip: Path, tmp_path: Path) -> None:
    with Host(found()) as host:
        report = host.preview(job(clip, tmp_path / "o.mp4", "tells", "tint"), Wish(6)).report
    assert report.measures == (Measure("tells", "number", 1, 6, 6, 6), Measure("tells", "tenth", 1, 0.6, 0.6, 0.6))


def test_a_number_that_is_none_is_the_plugins_fault(clip: Path, tmp_path: Path) -> None:
    class Odd(Processor):
        def process(self, window: Window) -> None:
            window.current[0].measure("share", math.nan)

    error = refused(plugins(processor(Odd, "odd")), job(clip, tmp_path / "o.mp4", "odd"))
    assert (error.exit_code, "processor odd" in str(error), "the measure share is nan" in str(error)) == (7, True, True)
