"""Small plugins for tests, given to the host without being installed, and short ways to run a job with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest

from roop_host import (
    Analyser,
    AnalyserSpec,
    Artifact,
    Box,
    Control,
    ExporterSpec,
    Face,
    Finished,
    Finisher,
    Frame,
    FrameView,
    Host,
    Job,
    JobContext,
    MediaOptions,
    Processor,
    ProcessorSpec,
    Receipt,
    Report,
    RoopError,
    Screener,
    ScreenerSpec,
    Segment,
    Sidecar,
    Source,
    SourceFrame,
    SourceSpec,
    Stage,
    Step,
    StreamInfo,
    Uploader,
    UploaderSpec,
    Window,
    Writer,
    hookimpl,
)
from roop_host.media.output import work_path
from roop_host.media.pictures.png import chunk
from roop_host.media.segments import segment_name
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import plugins_of

_Base = TypeVar("_Base")
_Step = TypeVar("_Step", bound=Processor)
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


def exporter(make: Callable[[], Any], name: str, role: Any, *suffixes: str) -> SimpleNamespace:
    @hookimpl
    def roop_exporters() -> list[ExporterSpec]:
        return [ExporterSpec(name=name, summary="a test", role=role, suffixes=suffixes, load=lambda: make)]

    return SimpleNamespace(ROOP_API=1, roop_exporters=roop_exporters)


def uploader(make: Callable[[], Uploader], name: str = "bucket", **spec: Any) -> SimpleNamespace:
    @hookimpl
    def roop_uploaders() -> list[UploaderSpec]:
        return [UploaderSpec(name=name, summary="a test", load=lambda: make, **spec)]

    return SimpleNamespace(ROOP_API=1, roop_uploaders=roop_uploaders)


def source(make: Callable[[], Source], name: str = "cam", *schemes: str) -> SimpleNamespace:
    @hookimpl
    def roop_sources() -> list[SourceSpec]:
        return [SourceSpec(name=name, summary="a test", load=lambda: make, schemes=schemes or ("camera",))]

    return SimpleNamespace(ROOP_API=1, roop_sources=roop_sources)


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


class Times(Sidecar):
    """A line for each frame, with a number that begins anew at every segment."""

    def start(self, segment: Segment) -> None:
        self.number = 0

    def head(self) -> bytes:
        return b"frame,in segment,mean\n"

    def piece(self, frame: FrameView) -> bytes:
        self.number += 1
        return f"{frame.index},{self.number},{frame.bgr().mean():.3f}\n".encode()

    def tail(self) -> bytes:
        return b"end\n"


class Seal(Finisher):
    """Adds a word that players skip to a clip, a JPEG and a PNG, and keeps what it was told."""

    about: Finished | None = None

    def finish(self, path: Path, about: Finished) -> None:
        self.about = about
        content = path.read_bytes()
        if path.suffix in (".mp4", ".m4v", ".mov"):
            path.write_bytes(content + b"\x00\x00\x00\x0cfreeseal")
        elif path.suffix == ".jpg":
            path.write_bytes(content[:2] + b"\xff\xfe\x00\x06seal" + content[2:])
        elif path.suffix == ".png":
            path.write_bytes(content[:33] + chunk(b"tEXt", b"Title\0seal") + content[33:])


class Raw(Writer):
    """All pixels, one frame after the other, behind a line of width and height."""

    def open(self, path: Path, stream: StreamInfo) -> None:
        self.stream = stream
        self.file = path.open("wb")
        self.file.write(f"{stream.width}x{stream.height}\n".encode())

    def write(self, frame: FrameView) -> None:
        self.file.write(frame.bgr().tobytes())

    def close(self) -> None:
        self.file.close()


class Bucket(Uploader):
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Artifact] = []

    def upload(self, artifact: Artifact) -> Receipt:
        self.given.append(artifact)
        return Receipt("https://example.test/o", {"size": str(artifact.size)})


class Camera(Source):
    """Twelve frames of a bright square that moves over a colour, its clock running since some while."""

    size = (64, 48)
    total: int | None = 12

    def open(self, address: str) -> StreamInfo:
        return StreamInfo(*self.size, Fraction(1, 1000), Fraction(25), self.total)

    def frames(self) -> Iterator[SourceFrame]:
        for number in range(12):
            picture = np.full((self.size[1], self.size[0], 3), (40, 60, 200), np.uint8)
            picture[4:16, number : number + 12] = 255
            yield SourceFrame(picture, 50_000 + 40 * number)


def wait_for_segments(output: Path, wanted: int) -> None:
    """Until so many segments of a job that runs are stored: what a step has passed on is encoded by another thread."""
    until = time.monotonic() + 60
    while not all((work_path(output) / segment_name(number)).exists() for number in range(wanted)):
        if time.monotonic() > until:
            raise TimeoutError(f"{output} has not come to {wanted} stored segments")
        time.sleep(0.01)


def breaks(base: type[_Step], at: int, stored: int | None = None) -> type[_Step]:
    """``base``, which fails at a frame once ``stored`` segments can be gone on with: all that end before it, unless said."""

    class Breaks(base):  # type: ignore[valid-type, misc]
        def begin(self, job: JobContext) -> None:
            self.torn = job.job
            super().begin(job)

        def process(self, window: Window) -> None:
            if not window.warming and any(frame.index == at for frame in window.current):
                wanted = at // self.torn.media.segment_frames if stored is None else stored
                wait_for_segments(Path(self.torn.output), wanted)
                raise RuntimeError("a fault")
            super().process(window)

    return Breaks


def acting(kind: str, base: type[_Base], act: Callable[[str], None], *methods: str) -> type[_Base]:
    """``base``, whose life and ``methods`` tell ``act`` where they are ("kind.method") before they do what they do."""

    def told(method: str) -> Callable[..., Any]:
        original = getattr(base, method)

        def call(self: Any, *args: Any) -> Any:
            act(f"{kind}.{method}")
            return original(self, *args)

        return call

    names = ("setup", "begin", "start", "end", "teardown", *methods)
    return type(base.__name__, (base,), {method: told(method) for method in names})


def one_of_each(act: Callable[[str], None]) -> Plugins:
    """A plugin of every kind that takes part in a job, each telling ``act`` what is called."""
    return plugins(
        screener(acting("screener", Quiet, act, "screen"), "look"),
        processor(acting("processor", Tint, act, "process"), "tint", needs_faces=True, needs_source=True),
        analyser(acting("analyser", OneFace, act, "analyse", "analyse_picture")),
        exporter(acting("sidecar", Times, act, "head", "piece", "tail"), "times", "sidecar", ".csv"),
        exporter(acting("finisher", Seal, act, "finish"), "seal", "finisher"),
        exporter(acting("writer", Raw, act, "open", "write", "close"), "raw", "writer", ".raw"),
        uploader(acting("uploader", Bucket, act, "upload")),
        source(acting("source", Camera, act, "open", "frames", "close")),
        quiet=False,
    )


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
