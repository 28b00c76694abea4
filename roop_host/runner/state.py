"""What one job has in hand while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roop_host.errors import Interrupted
from roop_host.host import Control, Host, Progress
from roop_host.media.marks import Marks
from roop_host.types.specs import SOURCE_TYPES, AnalyserSpec, ProcessorSpec

if TYPE_CHECKING:
    from roop_host.gate import Watcher
    from roop_host.media.probe import MediaInfo
    from roop_host.plugins.status import Declared
    from roop_host.types.job import Job
    from roop_host.types.objects import Analyser, Processor, SourceFace
    from roop_host.types.report import StageTime

_CAUTIOUS = "compositeWithTrainedAlgorithmicMedia"
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class LoadedStep:
    """A processor of the chain with what was declared of it."""

    declared: Declared[ProcessorSpec]
    processor: Processor


@dataclass(slots=True)
class Counts:
    """What the stream has done so far; read by the progress display while stages write it."""

    frames: int = 0
    with_face: int = 0
    faces_changed: int = 0
    resumed: int = 0


@dataclass(slots=True)
class Run:
    """Everything one job has in hand: filled while it is prepared, used by the stream, turned into the report."""

    job: Job
    host: Host
    control: Control
    on_progress: OnProgress
    begun: float = field(default_factory=time.monotonic)
    media: MediaInfo | None = None
    steps: tuple[LoadedStep, ...] = ()
    analyser: tuple[Declared[AnalyserSpec], Analyser] | None = None
    before: tuple[Watcher, ...] = ()
    after: tuple[Watcher, ...] = ()
    sources: tuple[SourceFace, ...] = ()
    counts: Counts = field(default_factory=Counts)
    stages: tuple[StageTime, ...] = ()
    notices: list[str] = field(default_factory=list)
    encoder: str | None = None

    @property
    def target(self) -> MediaInfo:
        """What was found out about the target."""
        if self.media is None:
            raise RuntimeError("the target has not been probed yet")
        return self.media

    @property
    def source_type(self) -> str:
        """The strongest IPTC term among the steps; the cautious one where a step states none that is known."""
        terms = [step.declared.spec.source_type for step in self.steps]
        known = [term if term in SOURCE_TYPES else _CAUTIOUS for term in terms] or [_CAUTIOUS]
        return max(known, key=SOURCE_TYPES.index)

    @property
    def marks(self) -> Marks:
        names = ", ".join(step.declared.spec.name for step in self.steps) or "no step"
        return Marks(source_type=self.source_type, note=f"Synthetic media: made with roop ({names})")

    def check_cancel(self) -> None:
        if self.control.cancelled.is_set():
            raise Interrupted("stopped on request; nothing was left behind under the output's name")
