"""Whole jobs of the host in which a finisher takes part, with small plugins around it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np

from roop_host.errors import RoopError
from roop_host.hookspecs import hookimpl
from roop_host.host import Host
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import plugins_of
from roop_host.testing.people import clip, portrait
from roop_host.testing.subject import Subject
from roop_host.types.frame import FrameView
from roop_host.types.geometry import Box
from roop_host.types.job import ExecutionOptions, Job, MediaOptions, Step
from roop_host.types.job_context import JobContext
from roop_host.types.objects import Context, Finished, Finisher, Processor, Screener, Stage, StreamInfo, Writer
from roop_host.types.specs import ExporterSpec, ProcessorSpec, ScreenerSpec
from roop_host.types.window import Window

#: Of outputs that the kit's own writer makes, and that no finisher can know.
UNKNOWN = ".roopkit"
_STEP = "kit_tint"


class _Allows(Screener):
    def screen(self, frames: Sequence[FrameView], stage: Stage) -> Sequence[float]:
        return [0.0] * len(frames)


class _Tint(Processor):
    def process(self, window: Window) -> None:
        for frame in window.current:
            box = Box(8, 8, 40, 40)
            frame.put(box, np.full((32, 32, 3), (40, 90, 160), np.uint8))


class _Raw(Writer):
    def open(self, path: Path, stream: StreamInfo) -> None:
        self._file = path.open("wb")

    def write(self, frame: FrameView) -> None:
        self._file.write(frame.bgr().tobytes())

    def close(self) -> None:
        self._file.close()


@hookimpl
def _screeners() -> list[ScreenerSpec]:
    return [ScreenerSpec(name="kit_allows", summary="Allows all", load=lambda: _Allows, covers=frozenset({"nudity"}))]


@hookimpl
def _processors() -> list[ProcessorSpec]:
    return [ProcessorSpec(name=_STEP, summary="Paints a square", load=lambda: _Tint, needs_faces=False)]


@hookimpl
def _exporters() -> list[ExporterSpec]:
    return [ExporterSpec(name="kit_raw", summary="Pixels", role="writer", suffixes=(UNKNOWN,), load=lambda: _Raw)]


@dataclass
class Seen:
    """What a finisher did in a job: what it returned, what it left ``beside`` the file, what it and the job ``raised``."""

    returned: list[object] = field(default_factory=list)
    beside: set[str] = field(default_factory=set)
    raised: list[BaseException] = field(default_factory=list)
    refused: RoopError | None = None
    published: set[str] = field(default_factory=set)


class _Watched(Finisher):
    """Hands all to ``inner`` and notes what it does; what it must not return goes no further, that files can be judged."""

    def __init__(self, inner: Finisher, suffixes: Sequence[str], seen: Seen) -> None:
        self._inner, self._suffixes, self._seen = inner, suffixes, seen

    def setup(self, ctx: Context) -> None:
        self._inner.setup(ctx)

    def begin(self, job: JobContext) -> None:
        self._inner.begin(job)

    def finish(self, path: Path, about: Finished) -> Mapping[str, bytes] | None:
        before = _names(path.parent)
        try:
            made = self._inner.finish(path, about)
        except BaseException as error:
            self._seen.raised.append(error)
            raise
        self._seen.beside |= _names(path.parent) - before
        self._seen.returned.append(made)
        return made if not wrong_files(made, self._suffixes) else None

    def end(self) -> None:
        self._inner.end()

    def teardown(self) -> None:
        self._inner.teardown()


def wrong_files(made: object, suffixes: Sequence[str]) -> str:
    """What is wrong with what ``finish`` returned, as the rest of a sentence; empty where all is right."""
    if made is None:
        return ""
    if not isinstance(made, Mapping):
        return f"{type(made).__name__}, which is neither None nor a mapping"
    strange = [name for name in made if name not in suffixes]
    if strange:
        return f"a file {strange[0]!r}, and it declares {', '.join(suffixes) or 'no suffixes'}"
    wrong = [name for name in made if not isinstance(made[name], bytes)]
    return f"{type(made[wrong[0]]).__name__} for {wrong[0]}, not bytes" if wrong else ""


def targets(folder: Path, *suffixes: str) -> list[Path]:
    """Files to be changed, one of each suffix: a picture, or a clip of six frames."""
    made = []
    for suffix in suffixes:
        path = folder / f"target{suffix}"
        if suffix == ".mp4":
            _write_clip(path)
        else:
            path.write_bytes(cv2.imencode(suffix, portrait("hopper").bgr)[1].tobytes())
        made.append(path)
    return made


def run_jobs(subject: Subject, jobs: Mapping[Path, Path]) -> Seen:
    """Run a job for each target and its output, one after the other, in one host with no other plugin installed."""
    seen = Seen()
    with _own_state():
        _run_jobs(subject, jobs, seen)
    return seen


def _run_jobs(subject: Subject, jobs: Mapping[Path, Path], seen: Seen) -> None:
    options = {subject.declared.plugin.name: dict(subject.values)} if subject.values else {}
    with Host(_around(subject, seen), models=subject.models) as host:
        for target, output in jobs.items():
            before = _names(output.parent)
            media, execution = MediaOptions(preset="ultrafast"), ExecutionOptions(offline=True, device="cpu", threads=1)
            job = Job((), str(target), str(output), (Step(_STEP),), media=media, execution=execution, plugin_options=options)
            try:
                host.run(job)
            except RoopError as error:
                seen.refused = error
            seen.published |= _names(output.parent) - before


@contextmanager
def _own_state() -> Iterator[None]:
    """The ledger of what may be sent, and keys that sign, are made elsewhere: all is allowed here, and nothing is meant."""
    with tempfile.TemporaryDirectory() as folder:
        # What platformdirs reads, the second on Windows.
        names = ("XDG_STATE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA")
        kept = {name: os.environ.get(name) for name in names}
        os.environ.update(dict.fromkeys(names, folder))
        try:
            yield
        finally:
            for name, value in kept.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def _around(subject: Subject, seen: Seen) -> Plugins:
    """The finisher, watched, and what a job needs besides."""
    module = SimpleNamespace(ROOP_API=1, roop_screeners=_screeners, roop_processors=_processors, roop_exporters=_exporters)
    plugins = plugins_of({"kit": module})
    declared, suffixes = subject.declared, subject.spec.suffixes
    load = subject.spec.load

    def watched() -> Any:
        make = load()
        return lambda: _Watched(make(), suffixes, seen)

    plugins.exporters[subject.name] = replace(declared, spec=replace(subject.spec, load=watched))
    owner = declared.plugin.name
    if owner in subject.plugins.options:
        plugins.options[owner] = subject.plugins.options[owner]
    plugins.statuses = (*plugins.statuses, declared.plugin)
    return plugins


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _write_clip(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for picture in clip(6):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture.bgr[32:96, 64:160]), format="bgr24")
            file.mux(stream.encode(frame.reformat(format="yuv420p")))
        file.mux(stream.encode())
