"""Objects that keep the contract in their own way pass all checks: they need ``begin``, or do without what is optional."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from honest import ADDRESS, Gives, Knows
from kit import Raw, Times, analyser, exporter, screener, source

from roop_host import Face, Frame, FrameView, JobContext, Screener, SourceFrame, Stage, StreamInfo, Writer
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, run_checks


class BeginningScreener(Screener):
    """Knows the size from ``begin`` on; sources come before."""

    area = 0

    def begin(self, job: JobContext) -> None:
        self.share = 1 / (job.width * job.height)

    def end(self) -> None:
        del self.share

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        if stage is not Stage.SOURCE:
            assert self.share
        return [float(frame.bgr().mean()) / 255 for frame in frames]


class BeginningAnalyser(Knows):
    def begin(self, job: JobContext) -> None:
        self.size = job.width, job.height

    def end(self) -> None:
        del self.size

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        assert self.size
        return super().analyse(frame)


class BeginningSidecar(Times):
    def begin(self, job: JobContext) -> None:
        self.size = job.width, job.height

    def end(self) -> None:
        del self.size

    def head(self) -> bytes:
        return str(self.size).encode()

    def piece(self, frame: FrameView) -> bytes:
        assert self.size
        return super().piece(frame)


class BeginningWriter(Raw):
    file: Any = None

    def begin(self, job: JobContext) -> None:
        self.kind = job.media_type

    def end(self) -> None:
        del self.kind

    def open(self, path: Path, stream: StreamInfo) -> None:
        assert self.kind
        super().open(path, stream)

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if self.file is not None:
            self.file.close()
        self.file = None


class AtOnce(Writer):
    """Writes at the end, so that there is nothing to be given up."""

    def open(self, path: Path, stream: StreamInfo) -> None:
        self.path, self.content = path, b""

    def write(self, frame: FrameView) -> None:
        self.content += frame.bgr().tobytes()

    def close(self) -> None:
        self.path.write_bytes(self.content)


class Held(Gives):
    """Gives arrays of a list, and has nothing to close."""

    def frames(self) -> Any:
        return iter([SourceFrame(frame.bgr, frame.pts) for frame in super().frames()])


HONEST = {
    "screener": ("roop_screeners", screener(BeginningScreener, "it", batch_size=4)),
    "analyser": ("roop_analysers", analyser(BeginningAnalyser, recognisers={"kit": 0.5})),
    "sidecar": ("roop_exporters", exporter(BeginningSidecar, "it", "sidecar", ".csv")),
    "writer": ("roop_exporters", exporter(BeginningWriter, "it", "writer", ".raw")),
    "writer without abort": ("roop_exporters", exporter(AtOnce, "it", "writer", ".raw")),
    "source without close": ("roop_sources", source(Held, "it")),
}


@pytest.mark.parametrize(("hook", "module"), HONEST.values(), ids=HONEST)
def test_it_passes(hook: str, module: SimpleNamespace) -> None:
    plugins = plugins_of({"it": module})
    (name,) = plugins.declared[hook]
    subject = Subject(plugins, hook, plugins.named(hook, name), address=ADDRESS)
    bad = {result.check.id: result.told for result in run_checks(subject) if not result.good}
    assert bad == {}
