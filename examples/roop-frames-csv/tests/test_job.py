"""Whole jobs: the file beside the output, its times, and a run that was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pieces import face, host_that_sees, make_clip, table
from roop_host import Control, ExecutionOptions, Face, FrameView, Interrupted, Job, MediaOptions, Progress, Report, Step

import roop_frames_csv.plugin

#: Frames that are shown for 1 to 4 hundredths of a second.
PTS = [sum(1 + number % 4 for number in range(frame)) for frame in range(30)]
MEDIA = MediaOptions(encoder="ffv1", segment_frames=8)


def two(frame: FrameView) -> Sequence[Face]:
    """Somebody who walks to the right, somebody behind in all but each fifth frame, and nobody in the third."""
    if frame.index == 2:
        return ()
    walker = face(1, box=(2.0 + frame.index / 4, 4, 26.0 + frame.index / 4, 40))
    return (walker,) if frame.index % 5 == 0 else (walker, face(2, box=(44, 8, 56, 24)))


def job(folder: Path, name: str = "out.mkv", step: str = "dim", **more: Any) -> Job:
    target = folder / "in.mkv"
    if not target.exists():
        make_clip(target, PTS, Fraction(1, 100))
    named = {"exports": ("frames-csv",), "media": MEDIA, **more}
    return Job((), str(target), str(folder / name), (Step(step),), **named)


def exact(row: Mapping[str, str]) -> Fraction:
    return Fraction(int(row["ticks"]), int(row["per_second"]))


def run(what: Job) -> Report:
    with host_that_sees(two) as host:
        return host.run(what)


def test_the_plugin_declares_a_sidecar() -> None:
    (spec,) = roop_frames_csv.plugin.roop_exporters()
    assert (spec.name, spec.role, spec.suffixes) == ("frames-csv", "sidecar", (".frames.csv",))
    assert spec.load().__name__ == "FramesCsv"


def test_a_job_writes_every_face_of_every_frame_beside_its_output(tmp_path: Path) -> None:
    report = run(job(tmp_path))
    assert report.beside == (str(tmp_path / "out.frames.csv"),)
    rows = table((tmp_path / "out.frames.csv").read_bytes())
    assert sorted({int(row["frame"]) for row in rows}) == list(range(30))
    assert [row["id"] for row in rows if int(row["frame"]) < 4] == ["1", "1", "2", "", "1", "2"]
    for row in rows:
        number = int(row["frame"])
        assert Fraction(row["time"]) == exact(row) == Fraction(PTS[number], 100)
        assert row["chosen"] == ("" if number == 2 else "1")
        changed = number % 2 == 0 and row["id"] == "1"
        assert (row["edited"], row["changed_by"]) == (("1", "dim") if changed else ("" if number == 2 else "0", ""))
        if row["id"] == "1":
            assert (row["x0"], row["x1"]) == (f"{2 + number / 4:.2f}", f"{26 + number / 4:.2f}")


def test_numbers_and_times_begin_where_the_output_begins(tmp_path: Path) -> None:
    run(job(tmp_path, media=replace(MEDIA, trim_start="5f", trim_end="9f")))
    rows = table((tmp_path / "out.frames.csv").read_bytes())
    times = {int(row["frame"]): Fraction(row["time"]) for row in rows}
    assert times == {number: Fraction(PTS[5 + number] - PTS[5], 100) for number in range(4)}


def test_at_another_rate_the_exact_time_can_be_read_back_too(tmp_path: Path) -> None:
    run(job(tmp_path, media=replace(MEDIA, fps="12.5")))
    rows = table((tmp_path / "out.frames.csv").read_bytes())
    assert [exact(row) for row in rows if row["id"] in ("", "1")] == [Fraction(2, 25) * number for number in range(10)]


def test_a_row_for_each_frame(tmp_path: Path) -> None:
    run(job(tmp_path, plugin_options={"frames-csv": {"rows": "frames"}}))
    rows = table((tmp_path / "out.frames.csv").read_bytes())
    assert [row["faces"] for row in rows[:6]] == ["1", "2", "0", "2", "2", "1"]
    assert [row["edited"] for row in rows[:6]] == ["1", "0", "0", "0", "1", "0"]
    assert [row["chosen"] for row in rows] == [row["faces"] for row in rows]


def test_where_no_step_looks_at_faces_there_are_none(tmp_path: Path) -> None:
    run(job(tmp_path, step="blind"))
    rows = table((tmp_path / "out.frames.csv").read_bytes())
    assert [row["faces"] for row in rows] == ["0"] * 30


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    run(job(tmp_path, "whole.mkv"))
    what = job(tmp_path, "torn.mkv", execution=ExecutionOptions(resumable=True))
    control = Control()

    def stop(progress: Progress) -> None:
        if progress.done >= 9:
            control.cancel()

    with host_that_sees(two) as host, pytest.raises(Interrupted):
        host.run(what, control=control, on_progress=stop)
    assert not (tmp_path / "torn.frames.csv").exists()
    assert run(what).resumed_frames >= 8
    assert (tmp_path / "torn.frames.csv").read_bytes() == (tmp_path / "whole.frames.csv").read_bytes()
