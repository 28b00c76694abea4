"""The hooks of roop: they declare, objects do.

None is ``firstresult``, none may be wrapped, none runs per frame. Each plugin is asked once, when it is loaded, in the
order of the plugins' names; it only returns small records ("specs"). The order of steps comes from ``--processors a,b``.
Heavy modules are imported by a record's ``load`` when its name was asked for: importing one in the module that holds the
hooks makes every ``roop run --help`` wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from roop_host.types.job import Job
    from roop_host.types.report import Report
    from roop_host.types.specs import (
        AnalyserSpec,
        CommandSpec,
        ExporterSpec,
        ProcessorSpec,
        ScreenerSpec,
        SourceSpec,
        UploaderSpec,
    )

PROJECT = "roop"
_hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

#: The contract of the hooks and objects. A plugin module states the one it is written for as ``ROOP_API``.
ROOP_API = 1


@_hookspec
def roop_processors() -> Iterable[ProcessorSpec]:
    """Named steps of ``--processors``.

    Frames pass through them in the order the user gave, never in the order of plugins.

    Example::

        @hookimpl
        def roop_processors():
            yield ProcessorSpec(name="sepia", summary="Brown tones", load=lambda: Sepia, needs_faces=False)
    """
    yield from ()


@_hookspec
def roop_screeners() -> Iterable[ScreenerSpec]:
    """Screeners. Every declared one runs on every job and must allow every picture.

    No screener can overrule another, and an error, a wrong count or an odd value of one stops the job. One that judges by
    arrays (``PreparedScreener``) is not asked again about what it knows, of each stage apart unless ``by_stage`` is False.

    Example::

        @hookimpl
        def roop_screeners():
            yield ScreenerSpec(name="gore", summary="Blood", load=load_gore, covers=frozenset({"gore"}), threshold=0.7)
    """
    yield from ()


@_hookspec
def roop_analysers() -> Iterable[AnalyserSpec]:
    """Analysers: they find and follow faces. Exactly one runs in a job whose steps need faces.

    Example::

        @hookimpl
        def roop_analysers():
            yield AnalyserSpec(name="fast", summary="Small detector", load=load_fast, warmup=8)
    """
    yield from ()


@_hookspec
def roop_exporters() -> Iterable[ExporterSpec]:
    """What is made of finished frames or of the finished file: writers, sidecars and finishers.

    A writer is chosen by the suffix of the output, a sidecar by ``--export NAME``; a finisher works on every output.

    Example::

        @hookimpl
        def roop_exporters():
            yield ExporterSpec(name="times", summary="Frame times", role="sidecar", suffixes=(".csv",), load=lambda: Times)
    """
    yield from ()


@_hookspec
def roop_uploaders() -> Iterable[UploaderSpec]:
    """Destinations of ``--upload NAME`` and ``roop upload FILE --to NAME``. Nothing is sent unless the user asks for it.

    Example::

        @hookimpl
        def roop_uploaders():
            yield UploaderSpec(name="bucket", summary="Our own storage", load=load_bucket)
    """
    yield from ()


@_hookspec
def roop_sources() -> Iterable[SourceSpec]:
    """Targets that are no files, by the scheme before the colon.

    Example::

        @hookimpl
        def roop_sources():
            yield SourceSpec(name="camera", summary="A webcam: -t camera:0", load=load_camera, schemes=("camera",))
    """
    yield from ()


@_hookspec
def roop_commands() -> Iterable[CommandSpec]:
    """Sub-commands ``roop NAME``, loaded when they are called. A name of roop's own is refused.

    Example::

        @hookimpl
        def roop_commands():
            yield CommandSpec(name="verify", summary="Read the marks of a file", load=load_verify)
    """
    yield from ()


@_hookspec
def roop_job_finished(job: Job, report: Report) -> None:
    """A job ended, well or not. Purely observational: what is returned is ignored, what is raised is logged.

    It must return promptly: the command line waits for it.

    Example::

        @hookimpl
        def roop_job_finished(report):
            print(report.status, report.seconds)
    """
