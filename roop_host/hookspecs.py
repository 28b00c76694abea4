"""The hooks of roop: they declare, objects do.

None is ``firstresult``, none may be wrapped, none runs per frame. Implementations are called one by one, in the order of
the plugins' names, and only return small records; heavy modules are imported by a record's ``load`` when its name was
asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from roop_host.types.job import Job
    from roop_host.types.report import Report
    from roop_host.types.specs import AnalyserSpec, ProcessorSpec, ScreenerSpec

PROJECT = "roop"
_hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

#: The contract of the hooks and objects. A plugin module states the one it is written for as ``ROOP_API``.
ROOP_API = 1


@_hookspec
def roop_processors() -> Iterable[ProcessorSpec]:
    """Named steps of ``--processors``.

    Example::

        @hookimpl
        def roop_processors():
            yield ProcessorSpec(name="sepia", summary="Brown tones", load=load_sepia, needs_faces=False)
    """
    yield from ()


@_hookspec
def roop_screeners() -> Iterable[ScreenerSpec]:
    """Screeners. Every declared one runs on every job and must allow every picture."""
    yield from ()


@_hookspec
def roop_analysers() -> Iterable[AnalyserSpec]:
    """Analysers: they find and follow faces. One runs per job."""
    yield from ()


@_hookspec
def roop_job_finished(job: Job, report: Report) -> None:
    """A job ended, well or not. Purely observational: what is returned is ignored, what is raised is logged."""
