"""The last line of a run says what it is that was counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from roop_host import Report, Verdicts
from roop_host.cli.execute import _tell_done


@pytest.mark.parametrize(
    ("output", "frames", "said"),
    [
        ("o.mp4", 250, "250 frames"),
        ("o.mp4", 1, "1 frame"),
        ("o.gif", 12, "12 frames"),
        ("o.png", 1, "1 picture"),
        ("o.tif", 3, "3 pictures"),
        ("o.raw", 5, "5 frames"),
        ("folder", 1, "1 picture"),
        ("folder", 3, "3 pictures"),
    ],
)
def test_what_was_counted(output: str, frames: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if output == "folder":
        (tmp_path / output).mkdir()
    report = Report(output=str(tmp_path / output), frames=frames)
    _tell_done(report, {"told": [], "json": False, "quiet": False})
    assert f"{output}: {said}, 0 faces changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("held", "dropped", "said"),
    [
        (0, 0, "9 frames,"),
        (3, 0, "9 frames (3 held),"),
        (0, 1, "9 frames (1 left out),"),
        (2, 4, "9 frames (2 held, 4 left out),"),
    ],
)
def test_what_was_held_and_left_out_is_told(held: int, dropped: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(output="o.mp4", frames=9, frames_held=held, frames_dropped=dropped)
    _tell_done(report, {"told": [], "json": False, "quiet": False})
    assert f"o.mp4: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reused", "inherited", "said"),
    [
        (0, 0, "7 looks by screeners, "),
        (1, 0, "7 looks by screeners and 1 verdict without one (1 reused), "),
        (7, 26, "7 looks by screeners and 33 verdicts without one (7 reused, 26 inherited), "),
    ],
)
def test_what_nobody_looked_at_is_told_apart(
    reused: int, inherited: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = Verdicts("red", "red 1.0", 0.85, 7, {}, reused, inherited)
    _tell_done(Report(output="o.mp4", screening=(verdicts,)), {"told": [], "json": False, "quiet": False})
    assert f"0 faces changed, {said}" in capsys.readouterr().err
