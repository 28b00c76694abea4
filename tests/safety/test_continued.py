"""A run that was killed and is continued tells and refuses what an unbroken one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rogue_wheels as code
from clips import make_clip
from kit import OneFace, analyser, breaks, job, left, plugins, processor, refused, run, screener
from numpy.typing import NDArray
from PIL import Image
from screened import Red, clip_of, flat, with_bad
from wheels import plugin_wheel, unpack

from roop_host import Box, ExecutionOptions, FrameView, Plugins, PreparedScreener, Processor, Report, Stage, Window

RESUMABLE = ExecutionOptions(resumable=True)
Counts = list[tuple[str, int, int, int, dict[str, float]]]


def counts(report: Report) -> Counts:
    return [(one.screener, one.looks, one.reused, one.inherited, dict(one.highest)) for one in report.screening]


class Level(PreparedScreener):
    """Scores the mean of the green, and is sure of how far that moved."""

    by_stage = False

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        return [np.ascontiguousarray(frame.bgr()[..., 1])]

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return [float(one.mean() / 255) for one in inputs]

    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return min(1.0, score + float(np.abs(before.astype(int) - now).mean()) / 255)


class Number(Processor):
    """Paints a square in the grey of the frame's number, but leaves every third frame as it is."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            if frame.index % 3:
                frame.put(Box(8, 8, 40, 40), np.full((32, 32, 3), frame.index * 5 % 256, np.uint8))


def found(step: type[Processor], look: Callable[[], Any] = Level, **spec: Any) -> Plugins:
    return plugins(screener(look, "look"), processor(step, "step", **spec), quiet=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", sound=False)


@pytest.mark.parametrize("look", [Level, Red], ids=["prepared", "plain"])
@pytest.mark.parametrize("spec", [{}, {"warmup": 3, "lookbehind": 1, "lookahead": 2}], ids=["no reach", "reach"])
@pytest.mark.parametrize("mode", ["every", "adaptive"])
def test_counts_and_bytes_are_those_of_an_unbroken_run(
    mode: str, spec: dict[str, int], look: Callable[[], Any], clip: Path, tmp_path: Path
) -> None:
    whole = run(found(Number, look, **spec), job(clip, tmp_path / "whole.mp4", "step", screen=mode))
    what = job(clip, tmp_path / "torn.mp4", "step", screen=mode, execution=RESUMABLE)
    refused(found(breaks(Number, 20), look, **spec), what)
    report = run(found(Number, look, **spec), what)
    assert (report.resumed_frames, counts(report)) == (16, counts(whole))
    assert (tmp_path / "torn.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    (seen,) = report.screening
    assert seen.looks + seen.reused + seen.inherited == 60
    assert (seen.inherited > 0) == (mode == "adaptive" and look is Level)


def test_sources_count_once_too(clip: Path, tmp_path: Path) -> None:
    def asked(name: str, **more: Any) -> Any:
        return replace(job(clip, tmp_path / name, "step", **more), sources=(str(picture),))

    picture = tmp_path / "face.png"
    Image.fromarray(flat()).save(picture)

    def all_of(step: type[Processor]) -> Plugins:
        more = {"needs_source": True, "needs_faces": True}
        return plugins(screener(Level, "look"), processor(step, "step", **more), analyser(OneFace), quiet=False)

    whole = run(all_of(Number), asked("whole.mp4"))
    what = asked("torn.mp4", execution=RESUMABLE)
    refused(all_of(breaks(Number, 20)), what)
    assert counts(run(all_of(Number), what)) == counts(whole)
    assert whole.screening[0].highest.keys() == {"source", "target", "output"}


def test_pictures_that_come_again_are_counted_once_each(tmp_path: Path) -> None:
    """Which of equal pictures was looked at is another matter: an earlier run's scores are not taken over."""
    still = clip_of(tmp_path / "still.mp4", [flat()] * 24)
    what = job(still, tmp_path / "o.mp4", "step", screen="adaptive", execution=RESUMABLE)
    refused(found(breaks(Number, 20)), what)
    report = run(found(Number), what)
    (seen,) = report.screening
    assert report.resumed_frames == 16
    assert seen.looks + seen.reused + seen.inherited == 48


@pytest.mark.parametrize("mode", ["every", "adaptive"])
@pytest.mark.parametrize("bad", [16, 17, 23])
def test_a_continued_run_refuses_the_very_frame_that_an_unbroken_one_does(
    bad: int, mode: str, clip: Path, tmp_path: Path
) -> None:
    class White(Number):
        def process(self, window: Window) -> None:
            super().process(window)
            for frame in window.current:
                if frame.index == bad:
                    frame.put(frame.box, np.full((frame.height, frame.width, 3), 255, np.uint8))

    what = job(clip, tmp_path / "o.mp4", "step", screen=mode)
    whole = refused(found(White), what).report
    assert refused(found(breaks(White, 16)), replace(what, execution=RESUMABLE)).exit_code == 7
    report = refused(found(White), replace(what, execution=RESUMABLE)).report
    assert report is not None
    assert whole is not None
    assert (report.resumed_frames, report.refusal) == (16, whole.refusal)
    assert report.refusal is not None
    assert (report.refusal.stage, report.refusal.frame) == ("output", bad)
    assert left(tmp_path) == []


KILLS = """
def process(self, window):
    import os, time
    folder = os.environ.get("ZZ_KILL_WITH")
    for frame in window.current:
        if folder and frame.index == 20:
            until = time.monotonic() + 60
            while not os.path.exists(os.path.join(folder, "segment-000001")) and time.monotonic() < until:
                time.sleep(0.02)
            os._exit(9)
        frame.put(frame.box, 255 - frame.bgr())
"""
# Without credentials, which are signed anew each time and never the same.
RUN = """
import json, sys
from roop_host import Host, Job
from roop_host.plugins.loader import load_plugins
with Host(load_plugins(["provenance"])) as host:
    print(json.dumps(host.run(Job.from_json(json.load(sys.stdin))).to_json()))
"""


@pytest.mark.slow
def test_the_screener_that_roop_ships_goes_on_after_a_kill(tmp_path: Path) -> None:
    clip, site, out = clip_of(tmp_path / "in.mp4", with_bad(30)), tmp_path / "site", tmp_path / "out"
    out.mkdir()
    unpack(plugin_wheel(tmp_path / "wheels", "kills", code.processor(KILLS, name="kills")), site)

    def done(name: str, kill: bool = False, **more: Any) -> tuple[int, dict[str, Any]]:
        variables = {**os.environ, "PYTHONPATH": str(site), "ZZ_KILL_WITH": str(out / f".{name}.roop") if kill else ""}
        text = json.dumps(job(clip, out / name, "kills", screen="adaptive", **more).to_json())
        made = subprocess.run(
            [sys.executable, "-c", RUN], input=text, capture_output=True, text=True, env=variables, timeout=120, check=False
        )
        return made.returncode, json.loads(made.stdout) if made.stdout else {}

    _, whole = done("whole.mp4")
    assert done("torn.mp4", kill=True, execution=RESUMABLE) == (9, {})
    assert left(out) == [".torn.mp4.roop", "whole.mp4"]
    _, torn = done("torn.mp4", execution=RESUMABLE)
    assert (torn["resumed_frames"], torn["screening"]) == (16, whole["screening"])
    (seen,) = (one for one in whole["screening"] if one["screener"] == "nsfw")
    assert (seen["mode"], seen["inherited"] > 0) == ("adaptive", True)
    assert (out / "torn.mp4").read_bytes() == (out / "whole.mp4").read_bytes()
    assert left(out) == ["torn.mp4", "whole.mp4"]
