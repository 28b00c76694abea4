"""What the tests share: faces made by hand, a clip, and a host with an analyser that knows its lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
from roop_host import (
    Analyser,
    AnalyserSpec,
    Box,
    Face,
    FrameView,
    Host,
    Processor,
    ProcessorSpec,
    Screener,
    ScreenerSpec,
    Stage,
    Window,
    hookimpl,
)
from roop_host.testing import context_of, host_of

import roop_frames_csv.plugin
from roop_frames_csv.exporter import FramesCsv
from roop_frames_csv.plugin import Options

FIVE = np.array([[10, 11], [20, 11], [15, 16.25], [11, 22], [19, 22.125]], np.float32)


def face(number: int = 0, **more: Any) -> Face:
    return Face(number, more.pop("box", (4.0, 5.0, 30.5, 33.25)), more.pop("score", 0.875), FIVE, **more)


def sidecar(**options: Any) -> FramesCsv:
    made = FramesCsv()
    made.setup(context_of(Options(**options)))
    return made


def table(content: bytes) -> list[dict[str, str]]:
    """The rows of a file, as any reader of CSV has them."""
    return list(csv.DictReader(io.StringIO(content.decode("ascii"), newline="")))


class Eyes(Analyser):
    """Sees what ``script`` says of a picture."""

    def __init__(self, script: Callable[[FrameView], Sequence[Face]]) -> None:
        self._script = script

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return self._script(frame)

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return self._script(frame)


class Dim(Processor):
    """Darkens face 1, in frames of even number."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            for one in frame.faces:
                if one.id == 1 and frame.index % 2 == 0:
                    box = Box(*map(round, one.box_xyxy)).clip(frame.width, frame.height)
                    frame.put(box, frame.bgr(box) // 2, face_id=one.id)


class Trusting(Screener):
    """Allows everything, as these tests show nothing but grey."""

    def screen(self, frames: Sequence[FrameView], stage: Stage) -> Sequence[float]:
        return [0.0] * len(frames)


def host_that_sees(script: Callable[[FrameView], Sequence[Face]]) -> Host:
    """A host with the plugin under test, an analyser that sees by ``script``, a step and a screener."""

    @hookimpl
    def roop_analysers() -> Iterator[AnalyserSpec]:
        yield AnalyserSpec(name="eyes", summary="sees by script", load=lambda: lambda: Eyes(script))

    @hookimpl
    def roop_processors() -> Iterator[ProcessorSpec]:
        yield ProcessorSpec(name="dim", summary="darkens", load=lambda: Dim)
        yield ProcessorSpec(name="blind", summary="looks at no face", load=lambda: Blind, needs_faces=False)

    @hookimpl
    def roop_screeners() -> Iterator[ScreenerSpec]:
        yield ScreenerSpec(name="trusting", summary="allows all", load=lambda: Trusting, covers=frozenset({"nudity"}))

    others = SimpleNamespace(
        ROOP_API=1, roop_analysers=roop_analysers, roop_processors=roop_processors, roop_screeners=roop_screeners
    )
    return host_of(others=others, **{"frames-csv": roop_frames_csv.plugin})


class Blind(Processor):
    """Leaves everything as it is."""

    def process(self, window: Window) -> None:
        pass


def make_clip(path: Path, pts: Sequence[int], time_base: Fraction) -> Path:
    """A grey clip whose frames are shown at these times."""
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = time_base
        for number, when in enumerate(pts):
            grey = np.full((48, 64, 3), 60 + 4 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = when, time_base
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path
