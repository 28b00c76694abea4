"""The host: keeps loaded objects so that many jobs share one load, and runs jobs."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from roop_host.errors import Interrupted, PluginError, RoopError, ScreenerFailed
from roop_host.loading import Loaded, Noting, quietly, set_up
from roop_host.pipeline.calls import LONG, CallThread, Unfit, too_late
from roop_host.types.objects import Context, Pulse, StageObject
from roop_host.types.options import resolve

if TYPE_CHECKING:
    from roop_host.models.sessions import OrtSessions
    from roop_host.models.store import Store
    from roop_host.plugins.found import Plugins
    from roop_host.plugins.status import Declared
    from roop_host.runner.made import Made
    from roop_host.types.job import ExecutionOptions, Job, OptionValue
    from roop_host.types.models import ModelSpec
    from roop_host.types.people import Look, Looked, Preview, Wish
    from roop_host.types.report import Report

_R = TypeVar("_R")
_Where = tuple[str, int, str, bool]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is, in frames, or in bytes of models that come or of an upload. ``total`` is None where nobody knows."""

    phase: str
    done: int
    total: int | None
    fps: float
    faces: int
    unit: Literal["frames", "bytes"] = "frames"


@dataclass(frozen=True, slots=True)
class Question:
    """May these ``models``, which are not here, be pulled, so that ``option`` of ``step`` can be ``value``?"""

    step: str
    option: str
    value: str
    models: tuple[ModelSpec, ...]

    @property
    def size(self) -> int:
        """Bytes to come."""
        files = {file.sha256: file.size for file in (model.pack or model for model in self.models)}
        return sum(files.values())


OnProgress = Callable[[Progress], None]


class Control:
    """The handle on a running job. ``cancelled`` is set once it was asked to stop.

    ``unfit`` says that a call hangs, and the process must end soon; ``made`` is the files that the job has made so far.
    """

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.unfit = False
        self.made: Made | None = None
        self._heard_by: threading.Event | None = None

    def cancel(self) -> None:
        """Ask the job to stop; it ends with ``Interrupted``. Safe in a signal handler and from any thread."""
        self.cancelled.set()
        heard_by = self._heard_by  # read once: the job may end meanwhile
        if heard_by is not None:
            heard_by.set()

    @contextmanager
    def heard_by(self, event: threading.Event) -> Iterator[None]:
        """While a job runs, ``event`` says the same: loaded objects outlive a job, and so does the event they hold."""
        event.clear()
        self._heard_by = event
        if self.cancelled.is_set():
            event.set()
        try:
            yield
        finally:
            self._heard_by = None


class Host:
    """A context manager. ``plugins`` defaults to all that are installed, ``models`` to the user's model store.

    ``ask`` may let a model be pulled for an option that is ``auto``; without it the answer is no. ``may_fetch`` hears of
    models that nobody was asked about before they are pulled, and may raise.

    Example::

        with Host() as host:
            report = host.run(Job(sources=("face.jpg",), target="clip.mp4", output="out.mp4", steps=(Step("swapper"),)))
    """

    def __init__(
        self,
        plugins: Plugins | None = None,
        *,
        models: str | Path | None = None,
        ask: Callable[[Question], bool] = lambda question: False,
        may_fetch: Callable[[Sequence[ModelSpec]], None] = lambda models: None,
    ) -> None:
        if plugins is None:
            from roop_host.plugins.loader import load_plugins

            plugins = load_plugins()
        self.plugins = plugins
        self.ask, self.may_fetch = ask, may_fetch
        self._models = None if models is None else Path(models)
        self._calls = CallThread()
        self._objects: dict[tuple[Any, ...], Loaded] = {}
        self._sessions: dict[_Where, OrtSessions] = {}
        self._running = threading.Lock()
        self._cancel = threading.Event()
        self._unfit = False

    @property
    def unfit(self) -> bool:
        """A plugin's call hangs: nothing more is called or run here, and the process must end soon by ``os._exit``."""
        return self._unfit

    @property
    def stop(self) -> threading.Event:
        """What objects hear: the job was stopped, or has failed elsewhere."""
        return self._cancel

    def give_up(self) -> None:
        """Note that a plugin's call hangs."""
        self._unfit = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Tear every loaded object down, the last one first; none when a call hangs, since it may hold what they need."""
        for loaded in reversed(self._objects.values()):
            self.at_end(loaded.item.teardown, loaded.label, loaded.limit_s)
        self._objects.clear()
        for sessions in self._sessions.values():
            sessions.close()
        self._sessions.clear()
        self._calls.close(wait=not self._unfit)

    def call(
        self,
        call: Callable[[], _R],
        *,
        limit_s: float,
        late: Callable[[float], RoopError],
        pulses: Collection[Pulse] = (),
    ) -> _R:
        """Call an object outside of the stream. Raises ``Unfit`` when it is not back in time, or soon after a cancel."""
        return self._calls.call(call, limit_s=limit_s, late=late, cancel=self._cancel, pulses=pulses)

    def at_end(self, call: Callable[[], None], label: str, limit_s: float) -> None:
        """A call at something's end: what it raises is logged and hides no earlier error, and so is that it hangs."""
        if self._unfit:
            return
        try:
            self.call(partial(quietly, call, label), limit_s=limit_s, late=partial(too_late, label, PluginError))
        except Unfit:
            self.give_up()
            logging.getLogger("roop").warning("the %s hangs at its end; nothing more is done in this process", label)

    def run(
        self, job: Job, *, control: Control | None = None, on_progress: Callable[[Progress], None] | None = None
    ) -> Report:
        """Run ``job`` and return its report. Raises ``RoopError`` with ``exit_code`` and ``report``; one job at a time."""
        from roop_host.runner import run_job

        with self._alone(control) as heard:
            return run_job(self, job, heard, on_progress or _unseen)

    def upload(
        self,
        files: Sequence[str | Path],
        to: Sequence[str],
        *,
        plugin_options: Mapping[str, Mapping[str, OptionValue]] | None = None,
        execution: ExecutionOptions | None = None,
        control: Control | None = None,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Send outputs that exist by the uploaders ``to``. Raises as ``run`` does, ``InputError`` for any other file.

        Only what roop has made and screened for this user is sent, unchanged since: the ledger knows it by its content.
        Observers of finished jobs and the audit log hear nothing of it.
        """
        from roop_host.runner.sending import send

        with self._alone(control) as heard:
            return send(self, files, to, plugin_options or {}, execution, heard, on_progress or _unseen)

    def look(self, job: Job, look: Look, *, control: Control | None = None, on_progress: OnProgress | None = None) -> Looked:
        """Who is seen in the target of ``job``, and how much they look like its ``references``. Raises as ``run`` does.

        Nothing is changed: steps and output of the job are not used.
        """
        from roop_host.runner.looking import look_at

        with self._alone(control) as heard:
            return look_at(self, job, look, heard, on_progress or _unseen)

    def save_face(self, job: Job, name: str, *, overwrite: bool = False, control: Control | None = None) -> Report:
        """Keep whom the ``sources`` of ``job`` show for ``face:NAME``; ``output`` is the file. Raises as ``run`` does."""
        from roop_host.runner.saving import save_face

        with self._alone(control) as heard:
            return save_face(self, job, name, overwrite, heard)

    def preview(
        self, job: Job, wish: Wish, *, control: Control | None = None, on_progress: OnProgress | None = None
    ) -> Preview:
        """One frame of what ``job`` would make, by the same way as ``run``. Raises as that does.

        Only that frame and what it needs around it are looked at. In mode ``one`` a run keeps whom it chose in an earlier
        frame, and a preview chooses in its own; with references whom it finds does not depend on where it begins, but for
        faces that are hardly alike. A frame without the face that is asked for is shown as it is, also where a run would
        hold or drop it. The job's output is not written, and its exports and uploads are not done.
        """
        from roop_host.runner.previewing import preview_of

        with self._alone(control) as heard:
            return preview_of(self, job, wish, heard, on_progress or _unseen)

    @contextmanager
    def _alone(self, control: Control | None) -> Iterator[Control]:
        """One job at a time, which hears the control that is given."""
        control = control or Control()
        with self._running, control.heard_by(self._cancel):
            if self._unfit:
                raise PluginError(
                    "a plugin's call hangs in this process since an earlier job; end the process and begin anew"
                )
            try:
                yield control
            finally:
                control.unfit = self._unfit

    @contextmanager
    def hurrying(self, control: Control) -> Iterator[Callable[[], None]]:
        """Gives what makes objects hear a cancel, for when a stream has failed: what waits for more then comes back.

        Afterwards they hear it no more, unless ``control`` was cancelled.
        """
        try:
            yield self._cancel.set
        except Unfit:
            raise  # what hangs may hear it yet
        except BaseException:
            self._cancel.clear()
            if control.cancelled.is_set():
                self._cancel.set()
            raise

    def store(self, execution: ExecutionOptions) -> Store:
        """The model store."""
        from roop_host.models.store import Store as _Store

        return _Store(self._models, offline=execution.offline)

    def picked(self, model: ModelSpec, execution: ExecutionOptions) -> ModelSpec:
        """``model``, or its half where the job's device and precision want that."""
        if model.half is None:
            return model
        from roop_host.models.devices import accelerated

        return self.store(execution).pick(model, execution.precision, accelerated=accelerated(execution.device))

    def to_fetch(self, models: Iterable[ModelSpec], execution: ExecutionOptions) -> list[ModelSpec]:
        """Those that a job needs and are not here, in its precision. Of a missing embedded one a session tells."""
        picked = (self.picked(model, execution) for model in models if not model.embedded)
        return self.store(execution).missing(picked)

    def sessions(self, execution: ExecutionOptions) -> OrtSessions:
        """The sessions of one device, precision and thread budget."""
        from roop_host.models.sessions import OrtSessions as _OrtSessions

        key = _where(execution)
        if key not in self._sessions:
            self._sessions[key] = _OrtSessions(
                execution.device, threads_of(execution), execution.precision, self.store(execution)
            )
        return self._sessions[key]

    def object(self, kind: str, declared: Declared[Any], values: Mapping[str, Any], job: Job, turn: int = 0) -> Any:
        """The object of a declared spec, loaded and set up once for equal options, device and ``turn``.

        ``turn`` tells apart two uses in one job: a step that comes twice has two objects, since each has its own state.
        """
        options = resolve(declared.plugin.name, declared.options_class, values)
        key = (kind, declared.spec.name, repr(options), _where(job.execution), turn)
        if key not in self._objects:
            self._objects[key] = self._load(kind, declared, options, job)
        return self._objects[key].item

    def opened(self, items: Iterable[StageObject]) -> tuple[ModelSpec, ...]:
        """The models that these objects have opened."""
        asked = set(map(id, items))
        loaded = (one for one in self._objects.values() if id(one.item) in asked)
        return tuple(dict.fromkeys(model for one in loaded for model in one.opened))

    def pulses_of(self, items: Iterable[StageObject]) -> tuple[Pulse, ...]:
        """What tells that a call of one of these objects goes on."""
        asked = set(map(id, items))
        return tuple(loaded.pulse for loaded in self._objects.values() if id(loaded.item) in asked)

    def _load(self, kind: str, declared: Declared[Any], options: Any, job: Job) -> Loaded:
        if self._cancel.is_set():
            raise Interrupted
        label, limit_s = f"{kind} {declared.label}", job.execution.timeout_s
        opened: list[ModelSpec] = []
        failure = ScreenerFailed if kind == "screener" else PluginError
        context = Context(
            options=options,
            sessions=Noting(self.sessions(job.execution), opened),
            device=job.execution.device,
            threads=threads_of(job.execution),
            log=logging.getLogger(f"roop.{declared.plugin.name}"),
            cancel=self._cancel,
        )
        made: list[StageObject] = []
        load = partial(set_up, declared, context, label, failure, made)
        try:
            self.call(load, limit_s=LONG * limit_s, late=partial(too_late, label, failure))
        except Unfit:
            raise
        except BaseException:
            for broken in made:
                self.at_end(broken.teardown, label, limit_s)
            raise
        return Loaded(made[0], label, limit_s, opened, context.pulse)


def run(job: Job, *, control: Control | None = None, on_progress: Callable[[Progress], None] | None = None) -> Report:
    """Run one job on a host of its own."""
    with Host() as host:
        return host.run(job, control=control, on_progress=on_progress)


def _unseen(progress: Progress) -> None:
    """Nobody looks at the progress."""


def _where(execution: ExecutionOptions) -> _Where:
    """What loaded networks depend on."""
    return (execution.device, threads_of(execution), execution.precision, execution.offline)


def threads_of(execution: ExecutionOptions) -> int:
    """The thread budget: what was asked for, or one per core this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return execution.threads if execution.threads > 0 else cores
