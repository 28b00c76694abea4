"""What the benchmarks share: a host whose screener and step cost nothing, and made clips."""

from __future__ import annotations

import platform
import re
import statistics
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import (
    Face,
    Frame,
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
from roop_host.testing import host_of
from roop_host.types.planes import PixelLayout, Pixels

#: All that a benchmark compares gets the same.
THREADS = 2
#: By what people call them: width, height, and how many frames a benchmark takes, fewer of the larger.
SIZES = {"720p": (1280, 720, 300), "1080p": (1920, 1080, 120), "4k": (3840, 2160, 40)}


def setting(clip: Path, preset: str) -> str:
    """What a figure depends on, in one line."""
    with av.open(str(clip)) as source:
        video = source.streams.video[0]
        size, frames = f"{video.width}x{video.height}", video.frames
    return f"{size}, {frames} frames, preset {preset}, {THREADS} threads, CPU provider, {cpu_name()}"


def cpu_name() -> str:
    """What the system calls its processor."""
    return next(iter(re.findall(r"model name\s*: (.*)", _cpuinfo())), platform.processor() or platform.machine())


def spread(values: Sequence[float]) -> str:
    """Median, lowest and highest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


class Nothing(Processor):
    """Leaves every frame as it is."""

    def process(self, window: Window) -> None:
        """Nothing."""


class OffTheClock(Screener):
    """Takes the cost of screening out of a measurement. It exists in benchmarks only."""

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        return [0.0] * len(frames)


@hookimpl
def bench_processors() -> list[ProcessorSpec]:
    """The step ``nothing``, as a hook."""
    return [ProcessorSpec(name="nothing", summary="benchmark", load=lambda: Nothing, needs_faces=False)]


@hookimpl
def _screeners() -> list[ScreenerSpec]:
    return [ScreenerSpec(name="off", summary="benchmark", load=lambda: OffTheClock, covers=frozenset({"nudity"}))]


def bench_host(**modules: object) -> Host:
    """A host with the step ``nothing``, a screener off the clock, and more plugin modules by name."""
    here = SimpleNamespace(ROOP_API=1, roop_processors=bench_processors, roop_screeners=_screeners)
    return host_of(bench=here, **modules)


def video_frame(bgr: NDArray[np.uint8], index: int = 0, faces: tuple[Face, ...] = ()) -> Frame:
    """A frame as a decoder gives it, yuv420p; the sides of ``bgr`` are even."""
    height, width = bgr.shape[:2]
    yuv = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = yuv[height:].reshape(2, height // 2, width // 2)
    planes = (yuv[:height].copy(), chroma[0].copy(), chroma[1].copy())
    return Frame(Pixels(PixelLayout("yuv", 8, 1, 1), planes), index=index, faces=faces)


def face_clip(path: Path, width: int, height: int, frames: int, portrait: Path) -> Path:
    """A clip of a portrait that sways and grows a little, 30 frames a second, no sound."""
    picture = cv2.imread(str(portrait))
    if picture is None:
        raise SystemExit(f"{portrait} can't be read")
    with av.open(str(path), "w") as sink:
        out = sink.add_stream("libx264", rate=30, options={"crf": "18", "preset": "veryfast"})
        out.width, out.height, out.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            scale = height / picture.shape[0] * (1.1 + 0.1 * np.sin(number / 40))
            angle = 4 * np.sin(number / 25)
            matrix = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), angle, scale)
            matrix[:, 2] += (width / 2 - picture.shape[1] / 2 + 40 * np.sin(number / 30), height / 2 - picture.shape[0] / 2)
            bgr = np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)
            frame = av.VideoFrame.from_ndarray(bgr, format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            sink.mux(out.encode(frame))
        sink.mux(out.encode(None))
    return path
