"""Whole jobs: clips of 8 and 10 bits, a run that was stopped, and what the report tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import roop_host
from pieces import face, host_that_sees, make_clip, noisy_planes, planes_of
from roop_host import (
    Control,
    ExecutionOptions,
    Face,
    FrameView,
    Interrupted,
    Job,
    MediaOptions,
    Progress,
    Report,
    Step,
    UsageError,
)

import roop_pixelate.plugin

MEDIA = MediaOptions(encoder="ffv1", segment_frames=8)
BOX = (40.0, 24.0, 72.0, 66.0)


def two(frame: FrameView) -> Sequence[Face]:
    """The larger one stands still and is lost in the first and each fifth frame; the smaller one walks to the right."""
    walker = face((4.0 + frame.index, 10, 20.0 + frame.index, 30), 2)
    return [walker] if frame.index % 5 == 0 else [face(BOX, 1), walker]


def job(target: Path, output: Path, **options: Any) -> Job:
    """The smaller one is chosen."""
    selection = roop_host.FaceSelection(mode="one", position=0, order="small-large")
    return Job((), str(target), str(output), (Step("pixelate", options),), faces=selection, media=MEDIA)


def run(what: Job) -> Report:
    with host_that_sees(two) as host:
        return host.run(what)


def test_the_plugin_declares_one_step_that_makes_nothing_up() -> None:
    (spec,) = roop_pixelate.plugin.roop_processors()
    assert (spec.name, spec.source_type, spec.needs_faces) == ("pixelate", "humanEdits", True)
    assert spec.load().__name__ == "Pixelate"


@pytest.mark.parametrize(("pix_fmt", "depth"), [("yuv420p", 8), ("yuv420p10le", 10)])
@pytest.mark.parametrize(("size", "chroma"), [((96, 128), 10), ((95, 127), 10), ((96, 128), 120)])
def test_no_trace_is_left_in_the_samples(
    pix_fmt: str, depth: int, size: tuple[int, int], chroma: int, tmp_path: Path
) -> None:
    """Whites above white, blacks below black and colours that no screen has are noise too, though nobody sees them."""
    height, width = size
    pictures = [noisy_planes(height, width, number, depth=depth, luma=(1, 254), chroma=chroma) for number in range(7)]
    target = make_clip(tmp_path / "in.mkv", pictures, pix_fmt)
    report = run(job(target, tmp_path / "out.mkv", faces="all"))
    assert report.exit_code == 0
    x0, y0, x1, y1 = (round(side) for side in BOX)
    for before, after in zip(pictures, planes_of(tmp_path / "out.mkv"), strict=True):
        luma = after[0][y0:y1, x0:x1]
        assert len(np.unique(before[0][y0:y1, x0:x1])) > 150
        # Rows in a cell are equal but for the last bit of a sample.
        apart = np.abs(np.diff(luma.astype(int), axis=0)).max(axis=1)
        assert (apart <= 1).sum() >= len(apart) - 8
        assert (after[0][80:, 100:] == before[0][80:, 100:]).all()


def test_the_report_tells_how_many_were_covered_and_held(tmp_path: Path) -> None:
    target = make_clip(tmp_path / "in.mkv", [noisy_planes(96, 128, number) for number in range(20)], "yuv420p")
    report = run(job(target, tmp_path / "out.mkv"))
    told = {measure.name: (measure.count, measure.mean, measure.most) for measure in report.measures}
    assert told == {"covered": (20, 1.0, 1.0), "held": (20, 0.2, 1.0)}
    assert report.source_type == "humanEdits"
    for after in planes_of(tmp_path / "out.mkv"):
        assert len(np.unique(after[0][30:60, 46:66])) < 60


def test_everybody_is_covered_but_who_looks_like_the_reference(tmp_path: Path) -> None:
    def known(frame: FrameView) -> Sequence[Face]:
        """The picture shows Anna; in the clip she walks past somebody."""
        boxes = {1: BOX, 2: (4.0 + frame.index, 10, 20.0 + frame.index, 30)} if frame.width == 128 else {2: (2, 2, 30, 30)}
        looks = {1: np.array([1, 0], np.float32), 2: np.array([0, 1], np.float32)}
        return [replace(face(box, number), embedding=looks[number], recogniser="looks") for number, box in boxes.items()]

    pictures = [noisy_planes(96, 128, number) for number in range(4)]
    target, anna = make_clip(tmp_path / "in.mkv", pictures, "yuv420p"), tmp_path / "anna.png"
    cv2.imwrite(str(anna), np.full((32, 32, 3), 128, np.uint8))
    what = Job((), str(target), str(tmp_path / "out.mkv"), (Step("pixelate"),), references=(str(anna),), media=MEDIA)
    with host_that_sees(known) as host:
        host.run(what)
    for number, (before, after) in enumerate(zip(pictures, planes_of(tmp_path / "out.mkv"), strict=True)):
        walker = (slice(10, 20), slice(4 + number, 16 + number))
        assert (after[0][walker] == before[0][walker]).all()
        assert len(np.unique(after[0][30:60, 46:66])) < 60 < len(np.unique(before[0][30:60, 46:66]))


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    pictures = [noisy_planes(96, 128, number) for number in range(30)]
    target = make_clip(tmp_path / "in.mkv", pictures, "yuv420p")
    whole, torn = tmp_path / "whole.mkv", tmp_path / "torn.mkv"
    run(job(target, whole))
    what = Job(**{**_fields(job(target, torn)), "execution": ExecutionOptions(resumable=True)})
    control = Control()

    def stop(progress: Progress) -> None:
        if progress.done >= 9:
            control.cancel()

    with host_that_sees(two) as host, pytest.raises(Interrupted):
        host.run(what, control=control, on_progress=stop)
    with host_that_sees(two) as host:
        assert host.run(what).resumed_frames >= 8
    assert torn.read_bytes() == whole.read_bytes()


def test_a_wrong_option_is_refused_with_what_it_takes(tmp_path: Path) -> None:
    target = make_clip(tmp_path / "in.mkv", [noisy_planes(96, 128, 0)], "yuv420p")
    for option, value in (("cells", 9), ("margin", 0.1), ("hold", 13), ("faces", "mine")):
        with pytest.raises(UsageError, match=f"--pixelate-{option} takes"):
            run(job(target, tmp_path / "out.mkv", **{option: value}))
    assert not (tmp_path / "out.mkv").exists()


def _fields(what: Job) -> dict[str, Any]:
    return {name: getattr(what, name) for name in what.__dataclass_fields__}
