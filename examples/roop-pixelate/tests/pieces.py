"""What the tests share: faces and frames made by hand, clips without loss, a host whose analyser knows its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from roop_host import (
    Analyser,
    AnalyserSpec,
    Face,
    Frame,
    FrameView,
    Host,
    JobContext,
    Screener,
    ScreenerSpec,
    Stage,
    Window,
    hookimpl,
)
from roop_host.testing import context_of, frame_of, host_of

import roop_pixelate.plugin
from roop_pixelate.options import Options
from roop_pixelate.processor import Pixelate

_Xyxy = tuple[float, float, float, float]


def face(box: _Xyxy, number: int = 0, *, chosen: bool = False) -> Face:
    return Face(number, box, 0.9, np.zeros((5, 2), np.float32), chosen=chosen)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def frames_of(*rows: Sequence[Face]) -> list[Frame]:
    """A frame for each row of faces, all of one picture."""
    return [frame_of(noise(96, 128), number, faces=tuple(faces)) for number, faces in enumerate(rows)]


def step_of(job: Any = None, **options: Any) -> Pixelate:
    """The step, set up; of a job that points at somebody unless it is given one."""
    step = Pixelate()
    step.setup(context_of(Options(**options)))
    step.begin(JobContext(job or pointing(), (), 128, 96))
    return step


def pointing(**more: Any) -> Any:
    """As much of a job as the step asks for: one face is pointed at."""
    faces = SimpleNamespace(**{"mode": "one", "gender": "any", "age_start": 0, "age_end": 150, **more})
    return SimpleNamespace(faces=faces, sources=(), pairs=())


def covered(frame: Frame, **options: Any) -> NDArray[np.uint8]:
    """The picture of ``frame`` after the step."""
    step_of(**options).process(Window((), (frame,), ()))
    return frame.bgr().copy()


class Eyes(Analyser):
    """Sees what ``script`` says of a picture."""

    def __init__(self, script: Callable[[FrameView], Sequence[Face]]) -> None:
        self._script = script

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return self._script(frame)

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return self._script(frame)


class Trusting(Screener):
    """Allows everything, as these tests show nothing but noise."""

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        return [0.0] * len(frames)


def host_that_sees(script: Callable[[FrameView], Sequence[Face]], **more: object) -> Host:
    """A host with the plugin under test, an analyser that sees by ``script``, and a screener."""

    @hookimpl
    def roop_analysers() -> Iterator[AnalyserSpec]:
        gives = frozenset({"embedding", "embedding:looks"})
        limits = {"looks": 0.6}
        yield AnalyserSpec(
            name="eyes", summary="sees by script", load=lambda: lambda: Eyes(script), gives=gives, recognisers=limits
        )

    @hookimpl
    def roop_screeners() -> Iterator[ScreenerSpec]:
        yield ScreenerSpec(name="trusting", summary="allows all", load=lambda: Trusting, covers=frozenset({"nudity"}))

    eyes = SimpleNamespace(ROOP_API=1, roop_analysers=roop_analysers)
    trusting = SimpleNamespace(ROOP_API=1, roop_screeners=roop_screeners)
    return host_of(pixelate=roop_pixelate.plugin, eyes=eyes, trusting=trusting, **more)


def make_clip(path: Path, planes: Sequence[Sequence[NDArray[Any]]], pix_fmt: str) -> Path:
    """A clip in FFV1, which keeps every sample; each frame is its planes."""
    height, width = planes[0][0].shape
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.color_range = 1
        for number, of_frame in enumerate(planes):
            frame = av.VideoFrame(width, height, pix_fmt)
            for plane, values in zip(frame.planes, of_frame, strict=True):
                rows = np.frombuffer(plane, values.dtype).reshape(plane.height, -1)
                rows[:, : values.shape[1]] = values
            frame.pts = number
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


def planes_of(path: Path) -> list[list[NDArray[Any]]]:
    """The planes of every frame of a clip."""
    with av.open(str(path)) as clip:
        return [
            [
                np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, : plane.width].copy()
                for plane in frame.planes
                for dtype in [np.uint16 if "10" in frame.format.name else np.uint8]
            ]
            for frame in clip.decode(video=0)
        ]


def noisy_planes(
    height: int, width: int, number: int, *, depth: int = 8, luma: tuple[int, int] = (40, 220), chroma: int = 10
) -> list[Any]:
    """4:2:0 of noise; ``luma`` is from and to, and ``chroma`` how far from grey, in levels of 8 bits."""
    made = np.random.default_rng(number)
    scale, kind = 1 << (depth - 8), np.uint8 if depth == 8 else np.uint16
    small = ((height + 1) // 2, (width + 1) // 2)
    least, most = (scale * level for level in luma)
    first = made.integers(least, most, (height, width)).astype(kind)
    others = [made.integers((128 - chroma) * scale, (128 + chroma) * scale, small).astype(kind) for _ in range(2)]
    return [first, *others]
