"""Small plugins for tests, given to the host without being installed, and short ways to run a job with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from roop_host import (
    Analyser,
    AnalyserSpec,
    Box,
    Control,
    Face,
    Frame,
    FrameView,
    Host,
    Job,
    MediaOptions,
    Processor,
    ProcessorSpec,
    Report,
    RoopError,
    Screener,
    ScreenerSpec,
    Segment,
    Stage,
    Step,
    Window,
    hookimpl,
)
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import plugins_of

FAST = MediaOptions(preset="ultrafast", segment_frames=8)


def processor(make: Callable[[], Processor], name: str, **spec: Any) -> SimpleNamespace:
    @hookimpl
    def roop_processors() -> list[ProcessorSpec]:
        return [ProcessorSpec(name=name, summary="a test", load=lambda: make, **{"needs_faces": False, **spec})]

    return SimpleNamespace(ROOP_API=1, roop_processors=roop_processors)


def screener(make: Callable[[], Screener], name: str = "watch", **spec: Any) -> SimpleNamespace:
    @hookimpl
    def roop_screeners() -> list[ScreenerSpec]:
        more = {"covers": frozenset({"nudity"}), **spec}
        return [ScreenerSpec(name=name, summary="a test", load=lambda: make, **more)]

    return SimpleNamespace(ROOP_API=1, roop_screeners=roop_screeners)


def analyser(make: Callable[[], Analyser], **spec: Any) -> SimpleNamespace:
    @hookimpl
    def roop_analysers() -> list[AnalyserSpec]:
        return [AnalyserSpec(name="eyes", summary="a test", load=lambda: make, **spec)]

    return SimpleNamespace(ROOP_API=1, roop_analysers=roop_analysers)


class Quiet(Screener):
    """Allows everything; for tests of what is not the gate."""

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        return [0.0] * len(frames)


class Tint(Processor):
    """Paints a square whose colour depends on a running mean of what it saw: state that a segment must reset."""

    def __init__(self) -> None:
        self.mean = 0.0
        self.calls: list[str] = []

    def start(self, segment: Segment) -> None:
        self.mean = 0.0

    def process(self, window: Window) -> None:
        for frame in window.current:
            self.mean = 0.6 * self.mean + 0.4 * float(frame.bgr(Box(0, 0, 32, 32)).mean())
            frame.put(Box(8, 8, 40, 40), np.full((32, 32, 3), int(self.mean), np.uint8))


class OneFace(Analyser):
    """Sees one face in the middle of every picture but those whose index is in ``blind``."""

    def __init__(self, blind: Callable[[int], bool] = lambda index: False, blind_source: bool = False) -> None:
        self.blind, self.blind_source = blind, blind_source

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return () if self.blind(frame.index) else self._found(frame)

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return () if self.blind_source else self._found(frame)

    def _found(self, frame: FrameView) -> Sequence[Face]:
        w, h = frame.width, frame.height
        five = np.array([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.42, 0.6], [0.58, 0.6]], np.float32) * (w, h)
        return (Face(1, (w * 0.3, h * 0.3, w * 0.7, h * 0.7), 0.9, five.astype(np.float32)),)


def plugins(*modules: SimpleNamespace, quiet: bool = True) -> Plugins:
    """Plugins of these modules, with a screener that allows everything unless told otherwise."""
    named = {f"t{number}": module for number, module in enumerate(modules)}
    if quiet:
        named["quiet"] = screener(Quiet, "quiet")
    return plugins_of(named)


def job(clip: Path, output: Path, *steps: str, **more: Any) -> Job:
    return Job((), str(clip), str(output), tuple(map(Step, steps)), media=more.pop("media", FAST), **more)


def run(found: Plugins, what: Job, control: Control | None = None) -> Report:
    with Host(found) as host:
        return host.run(what, control=control)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(found: Plugins, what: Job, control: Control | None = None) -> RoopError:
    with pytest.raises(RoopError) as caught:
        run(found, what, control)
    assert caught.value.report is not None
    assert caught.value.report.exit_code == caught.value.exit_code
    assert caught.value.report.error == str(caught.value)
    return caught.value
