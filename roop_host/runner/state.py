"""What one job has in hand while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from roop_host.errors import Interrupted, PluginError, RoopError
from roop_host.host import Control, Host, Progress
from roop_host.media.marks import MADE, Marks, strongest
from roop_host.pipeline.calls import LONG, attributed, too_late
from roop_host.runner.selection import People
from roop_host.types.models import About
from roop_host.types.objects import StageObject
from roop_host.types.options import resolve
from roop_host.types.report import Measure
from roop_host.types.specs import CAUTIOUS, SOURCE_TYPES

if TYPE_CHECKING:
    from roop_host.gate import Watcher
    from roop_host.media.info import MediaInfo
    from roop_host.plugins.status import Declared
    from roop_host.runner.files import Stamp
    from roop_host.runner.forms import Form
    from roop_host.runner.made import Made
    from roop_host.runner.strangers import Strangers
    from roop_host.types.faces import Face
    from roop_host.types.job import Job
    from roop_host.types.models import ModelSpec
    from roop_host.types.objects import Analyser, Finisher, Processor, Sidecar, Source, SourceFace, Writer
    from roop_host.types.report import FailedUpload, StageTime, Uploaded
    from roop_host.types.uploads import Uploader

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Item = TypeVar("_Item", bound=StageObject, covariant=True)

#: What the host itself draws, such as the sheet of a preview.
_DRAWN = "humanEdits"
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[_Item]):
    """An object that takes part in a job, and the plain options it was made with.

    ``failure`` is what an unforeseen error of it is to the job.
    """

    kind: str
    declared: Declared[Any]
    item: _Item
    cancel: threading.Event
    failure: type[RoopError] = PluginError
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.declared.spec.name)

    @property
    def label(self) -> str:
        """For people: "processor swapper (roop-swapper 0.1.0)"."""
        return f"{self.kind} {self.declared.label}"

    @property
    def late(self) -> Callable[[float], RoopError]:
        """Makes the error for a call that takes longer than so many seconds."""
        return partial(too_late, self.label, self.failure)

    def attributed(self, call: Callable[_P, _R], place: str = "") -> Callable[_P, _R]:
        """``call`` of this object, whose unforeseen errors name it."""
        return attributed(self.label, call, self.cancel, place, self.failure)


@dataclass(slots=True)
class Told:
    """A number that a step told of frames: how often, the sum, the least and the most."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0

    def take(self, value: float) -> None:
        self.least = value if not self.count else min(self.least, value)
        self.most = value if not self.count else max(self.most, value)
        self.count += 1
        self.total += value


@dataclass(slots=True)
class Put:
    """In how many frames a source's face was put, in how many by likeness, the sum of that and the most."""

    frames: int = 0
    compared: int = 0
    total: float = 0.0
    best: float = 0.0


@dataclass(slots=True)
class Counts:
    """What the stream has done so far; read by the progress display while stages write it.

    ``frames`` are those of the output, ``held`` among them; ``with_face`` and ``matched`` are of the target.
    ``most_faces`` is how many one frame of it shows at most. ``people`` is by source, ``measured`` by step and name;
    ``changed`` is in how many frames a step changed anything, by its name.
    """

    frames: int = 0
    held: int = 0
    dropped: int = 0
    with_face: int = 0
    matched: int = 0
    most_faces: int = 0
    faces_changed: int = 0
    resumed: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    people: dict[int, Put] = field(default_factory=dict)
    measured: dict[str, dict[str, Told]] = field(default_factory=dict)

    @classmethod
    def recalled(cls, data: Mapping[str, Any]) -> Counts:
        """Of the JSON of an earlier run, whose frames are resumed ones now."""
        people = {int(number): Put(**put) for number, put in data["people"].items()}
        measured = {step: {name: Told(**told) for name, told in of.items()} for step, of in data["measured"].items()}
        return cls(**{**data, "resumed": data["frames"], "people": people, "measured": measured})

    def note(self, faces: Sequence[Face], changed: Set[int]) -> None:
        """The faces of a finished frame, and the tracks of those that were changed."""
        likeness: dict[int, float | None] = {}
        for face in faces:
            if face.source is not None and face.id in changed:
                before = likeness.get(face.source)
                alike = face.similarity
                likeness[face.source] = alike if before is None or (alike is not None and alike > before) else before
        for source, alike in likeness.items():
            put = self.people.setdefault(source, Put())
            put.frames += 1
            if alike is not None:
                put.compared += 1
                put.total += alike
                put.best = max(put.best, alike)

    def measure(self, measures: Iterable[tuple[str, str, float]]) -> None:
        """What steps told of a finished frame."""
        for step, name, value in measures:
            self.measured.setdefault(step, {}).setdefault(name, Told()).take(value)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The same for the report."""
        return tuple(
            Measure(step, name, told.count, *(round(x, 4) for x in (told.total / told.count, told.least, told.most)))
            for step, of in self.measured.items()
            for name, told in of.items()
        )

    @property
    def seen(self) -> int:
        """Frames of the target that were worked through."""
        return self.frames + self.dropped


@dataclass(slots=True)
class Run:
    """Everything one job has in hand: filled while it is prepared, used by the stream, turned into the report.

    ``parts`` are all objects in the order in which they were loaded; ``beside`` are the sidecars' files and the like, which
    get their names with the output, and ``published`` says that they have them.
    """

    job: Job
    host: Host
    control: Control
    on_progress: OnProgress
    begun: float = field(default_factory=time.monotonic)
    media: MediaInfo | None = None
    form: Form = "video"
    #: The IPTC term by which the target says itself that it is synthetic; of pictures of a folder, the one in hand.
    inherited: str = ""
    #: Models that a person said may be fetched.
    agreed: set[ModelSpec] = field(default_factory=set)
    parts: list[Part[StageObject]] = field(default_factory=list)
    source: Part[Source] | None = None
    steps: tuple[Part[Processor], ...] = ()
    analyser: Part[Analyser] | None = None
    before: tuple[Watcher, ...] = ()
    after: tuple[Watcher, ...] = ()
    writer: Part[Writer] | None = None
    sidecars: tuple[Part[Sidecar], ...] = ()
    finishers: tuple[Part[Finisher], ...] = ()
    uploaders: tuple[Part[Uploader], ...] = ()
    sources: tuple[SourceFace, ...] = ()
    people: People = field(default_factory=People)
    #: Where the choice of faces stood at the end of segments that are not stored yet; None where none are stored.
    selections: dict[int, Mapping[str, Any]] | None = None
    #: What screeners had seen of the stream up to the end of such segments; None where none are stored.
    looked: dict[int, tuple[Watcher, ...]] | None = None
    #: What steps need of a face, and whose embeddings they get; None where the analyser does not say or gives none.
    step_needs: frozenset[str] = frozenset()
    recogniser: str | None = None
    counts: Counts = field(default_factory=Counts)
    #: What input files were when the job began; see ``runner.inputs``.
    inputs: Mapping[Path, Stamp] = field(default_factory=dict)
    stages: tuple[StageTime, ...] = ()
    notices: list[str] = field(default_factory=list)
    #: What finishers say that they did, each once.
    finished: list[str] = field(default_factory=list)
    encoder: str | None = None
    #: The picture among several that a screener refused.
    refused: Path | None = None
    #: The names of the frames that are kept as pictures.
    kept: frozenset[str] = frozenset()
    beside: tuple[Path, ...] = ()
    published: bool = False
    #: An earlier job has made the files, and this one only sends them.
    existing: bool = False
    #: The finished files, before they get their names and afterwards; None where there are none yet.
    made: Made | None = None
    #: For how long the finished clip shows; None of stills and of what a plugin writes.
    shown_s: float | None = None
    #: What somebody else writes under the names of the job's files; None before they are known.
    strangers: Strangers | None = None
    #: Nothing synthetic comes of it: what is written, if anything, shows the target as it is.
    only_looks: bool = False
    #: When all that takes part was set up and the sources were read, as ``begun`` counts.
    set_up: float | None = None
    uploads: list[Uploaded] = field(default_factory=list)
    failed_uploads: list[FailedUpload] = field(default_factory=list)

    @property
    def target(self) -> MediaInfo:
        """What was found out about the target."""
        if self.media is None:
            raise RuntimeError("the target has not been probed yet")
        return self.media

    @property
    def size(self) -> tuple[int, int]:
        """Upright width and height of the target."""
        return _upright(self.target)

    @property
    def pictures(self) -> dict[str, tuple[int, int]]:
        """Upright width and height of each picture of a target that holds several, by its name."""
        if self.form not in ("pictures", "pages"):
            return {}
        pages = self.form == "pages"
        return {f"page {item.page + 1}" if pages else item.path.name: _upright(item) for item in self.target.items}

    @property
    def source_type(self) -> str:
        """The strongest IPTC term among the steps and the target's; the cautious one where none is known."""
        return self._strongest_of(self.steps) or CAUTIOUS

    def source_type_of(self, changed: Collection[str]) -> str:
        """The same of a file that only the steps of these names have changed; where none did, the target's own."""
        drawn = _DRAWN if changed else ""
        return self._strongest_of(step for step in self.steps if step.name in changed) or drawn

    def _strongest_of(self, steps: Iterable[Part[Processor]]) -> str:
        terms = [term if term in SOURCE_TYPES else CAUTIOUS for step in steps for term in _terms(step)]
        return strongest([*terms, *filter(None, (self.inherited,))])

    @property
    def marks(self) -> Marks:
        names = ", ".join(step.name for step in self.steps) or "no step"
        return Marks(source_type=self.source_type, note=f"{MADE} ({names})")

    @property
    def plugins(self) -> tuple[str, ...]:
        """Distribution and version of all that took part, besides screeners: their verdicts name those."""
        used = [part.declared.plugin.describe() for part in self.parts if part.kind != "screener"]
        return tuple(dict.fromkeys(used))

    @property
    def models(self) -> tuple[Any, ...]:
        """The networks that this job's objects have opened, whatever other jobs of the host did."""
        return self._about_networks.loaded

    @property
    def about_models(self) -> tuple[str, ...]:
        """What there is to say of them: one that runs elsewhere, or otherwise, than it should."""
        return self._about_networks.notices

    @property
    def _about_networks(self) -> About:
        opened = self.host.opened(part.item for part in self.parts)
        return self.host.sessions(self.job.execution).about(opened) if opened else About()

    def call(self, part: Part[Any], call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call an object outside of the stream: on the host's thread for that, within the time-out, errors named."""
        what = partial(part.attributed(call), *args, **kwargs)
        limit_s = self.job.execution.timeout_s * (LONG if part.kind == "finisher" else 1)
        return self.host.call(what, limit_s=limit_s, late=part.late)

    def require_made(self) -> None:
        """Raise ``PluginError`` where something else took the place of what was made: that is told as nobody's output."""
        if self.made is None:
            return
        try:
            self.made.require()
        except PluginError:
            self.published, self.beside = False, ()
            raise
        self.control.made = self.made

    def check_cancel(self) -> None:
        if self.control.cancelled.is_set():
            raise Interrupted


def _upright(info: MediaInfo) -> tuple[int, int]:
    return (info.height, info.width) if info.rotation % 180 else (info.width, info.height)


def _terms(step: Part[Processor]) -> list[str]:
    """The IPTC terms of what a step makes: of the choices that its options make, or of its spec."""
    spec = step.declared.spec
    options = resolve(step.declared.plugin.name, step.declared.options_class, step.values)
    made = [choice.source_type or spec.source_type for choice in spec.choices if choice.made_by(options)]
    return made or [spec.source_type]
