"""Calls into plugins: one at a time from one thread, with a time limit, and with errors that say whose they are."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Collection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar, cast

from roop_host.errors import Interrupted, PluginError, RoopError, ScreenerFailed, from_outside, named, told

if TYPE_CHECKING:
    from roop_host.types.objects import Pulse

_P = ParamSpec("_P")
_R = TypeVar("_R")

_POLL_S = 0.05
#: What a call is granted to come back in after the job was cancelled or has failed.
GRACE_S = 5.0
#: What may take long, such as loading a model or an upload, may take so many times the time-out of a call.
LONG = 10


class Unfit(Exception):
    """A call outlived its time-out: its thread still runs, so this process must end soon. ``error`` is what to show."""

    def __init__(self, error: RoopError) -> None:
        super().__init__(str(error))
        self.error = error


class _Task(Generic[_R]):
    """One call, and what came of it once ``done`` is set."""

    def __init__(self, call: Callable[[], _R]) -> None:
        self._call = call
        self._value: _R | None = None
        self._error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is raised where the call was asked for)
            self._error = error
        self.done.set()

    def result(self) -> _R:
        if self._error is not None:
            raise self._error
        return cast(_R, self._value)


class CallThread:
    """A thread that lives as long as its owner: what is tied to a thread, such as a GPU context, outlives one call.

    It begins with the first call and ends with ``close``, or when nobody holds this object any more.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._tasks: SimpleQueue[_Task[object] | None] = SimpleQueue()
        self._end: Callable[[], object] = tuple

    def call(
        self,
        call: Callable[[], _R],
        *,
        limit_s: float,
        late: Callable[[float], RoopError],
        cancel: threading.Event,
        pulses: Collection[Pulse] = (),
    ) -> _R:
        """What ``call`` returns or raises. Raises ``Unfit`` when it is not back ``limit_s`` after it began.

        The time counts anew from each beat of ``pulses``. Once ``cancel`` is set, which a Ctrl-C here does too, it has
        ``GRACE_S`` to come back; then ``Unfit`` says so.
        """
        if self._thread is None:
            self._begin()
        task = _Task(call)
        self._tasks.put(cast("_Task[object]", task))
        try:
            _wait(task.done, limit_s, late, cancel, pulses)
        except KeyboardInterrupt:
            cancel.set()
            try:
                back = task.done.wait(GRACE_S)
            except KeyboardInterrupt:  # a person who won't wait
                back = False
            if not back:
                raise Unfit(_interrupted()) from None
            raise
        return task.result()

    def close(self, *, wait: bool) -> None:
        """End the thread. One that hangs in a call is not to be waited for; it ends if that ever comes back."""
        self._end()
        if self._thread is not None and wait:
            self._thread.join()
        self._thread = None

    def _begin(self) -> None:
        # The thread knows the queue alone, so that it does not keep its owner alive.
        tasks: SimpleQueue[_Task[object] | None] = SimpleQueue()
        self._tasks = tasks
        self._end = weakref.finalize(self, tasks.put, None)
        self._thread = threading.Thread(target=_work, args=(tasks,), name="roop-calls", daemon=True)
        self._thread.start()


def _work(tasks: SimpleQueue[_Task[object] | None]) -> None:
    while True:
        task = tasks.get()
        if task is None:
            return
        task.run()
        del task  # else what was called is kept until the next call


def _wait(
    done: threading.Event,
    limit_s: float,
    late: Callable[[float], RoopError],
    cancel: threading.Event,
    pulses: Collection[Pulse],
) -> None:
    begun = time.monotonic()
    stopped: float | None = None
    while not done.wait(_POLL_S):
        now = time.monotonic()
        if cancel.is_set():
            stopped = stopped or now
            if now - stopped > GRACE_S:
                raise Unfit(_interrupted())
        if now - max([begun, *(pulse.last for pulse in pulses)]) > limit_s:
            raise Unfit(late(limit_s))


def _interrupted() -> Interrupted:
    return Interrupted("stopped on request, in the middle of a plugin's call that did not come back")


def attributed(
    label: str, call: Callable[_P, _R], cancel: threading.Event, place: str = "", failure: type[RoopError] = PluginError
) -> Callable[_P, _R]:
    """``call``, whose unforeseen errors are shown as the plugin's: "the ``label`` failed ``place``".

    It must run where the call is made: in any thread but the main one a ``KeyboardInterrupt`` is the plugin's doing.
    """

    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return call(*args, **kwargs)
        except RoopError as error:
            if isinstance(error, Interrupted) and cancel.is_set():
                raise
            raise named(error, f"the {label}", failure) from error
        except BaseException as error:
            if from_outside(error):
                raise
            raise failure(f"the {label} failed{place} ({told(error)}); {_repair(failure)}") from error

    return wrapped


def too_late(label: str, failure: type[RoopError], seconds: float) -> RoopError:
    """The error for a call of a plugin that did not come back."""
    return failure(
        f"the {label} did not come back within {seconds:g} s and was given up; try a larger --timeout, or {_repair(failure)}"
    )


def _repair(failure: type[RoopError]) -> str:
    """A screener can't be left out: that would be the way around it."""
    if issubclass(failure, ScreenerFailed):
        return "nothing is produced without its answer, so repair or update it"
    return "report it to its authors or leave it out"
