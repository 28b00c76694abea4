"""The threads of one run: one per stage, joined by bounded queues; the first error wins and ends all of them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from roop_host.errors import Interrupted, RoopError
from roop_host.pipeline.calls import GRACE_S, LONG, Unfit
from roop_host.pipeline.queues import AbortedError, ByteQueue
from roop_host.types.frame import Frame
from roop_host.types.objects import Pulse
from roop_host.types.report import StageTime

if TYPE_CHECKING:
    from roop_host.pipeline.segmenting import Message

_POLL_S = 0.05
# One plain Python loop in a plugin otherwise takes decoding from 174 to 43 frames a second; with this, to 121.
_SWITCH_S = 0.0005


@dataclass(frozen=True, slots=True)
class _Done:
    """The stream is over."""


_DONE = _Done()


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage: ``feed`` maps a message to those that go on. ``label`` is for people, ``late`` makes its time-out error.

    ``close`` gives what is left when the stream ends. ``least`` is the fewest messages its queue must hold. ``pulses`` are
    those of the objects which it calls: the latest counts.
    """

    label: str
    feed: Callable[[Message], Iterable[Message]]
    close: Callable[[], Iterable[Message]] = tuple
    late: Callable[[float], RoopError] | None = None
    least: int = 2
    pulses: tuple[Pulse, ...] = ()


class StageClock:
    """Busy seconds of a stage, and since when it is inside a call."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seconds = 0.0
        self.frames = 0
        self.since: float | None = None
        self.closing = False

    @contextmanager
    def running(self) -> Iterator[None]:
        self.since = begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - begun
            self.since = None

    def report(self) -> StageTime:
        return StageTime(self.name, round(self.seconds, 4), self.frames)


class PipelineRun:
    """Runs a source through stages. ``run`` returns when every frame went through, or raises the first error.

    ``source_late`` makes the time-out error of a source whose frames a plugin gives; ``on_failure`` is called when anything
    fails, so that what waits elsewhere comes back.
    """

    def __init__(
        self,
        source: Callable[[], Iterable[Frame]],
        stages: list[StageSpec],
        *,
        cancel: threading.Event,
        timeout_s: float,
        queue_bytes: int,
        tick: Callable[[], None],
        source_late: Callable[[float], RoopError] | None = None,
        on_failure: Callable[[], object] = tuple,
    ) -> None:
        self._source, self._stages = source, stages
        self._late = [source_late, *(stage.late for stage in stages)]
        self._pulses = [(), *(stage.pulses for stage in stages)]
        self._cancel, self._timeout_s, self._tick, self._on_failure = cancel, timeout_s, tick, on_failure
        limit = max(1, queue_bytes // max(1, len(stages)))
        self._queues: list[ByteQueue[Message | _Done]] = [ByteQueue(limit, stage.least) for stage in stages]
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self.clocks = [StageClock("decode"), *(StageClock(stage.label) for stage in stages)]

    def run(self) -> None:
        """Raises the first error of any stage, ``Interrupted``, or ``Unfit`` when a call hangs."""
        threads = [threading.Thread(target=self._guard, args=(self._read,), name="roop-decode", daemon=True)]
        for position, stage in enumerate(self._stages):
            work = _bind(self._work, position)
            threads.append(threading.Thread(target=self._guard, args=(work,), name=f"roop-{stage.label}", daemon=True))
        interval, fan_out = sys.getswitchinterval(), cv2.getNumThreads()
        sys.setswitchinterval(_SWITCH_S)
        cv2.setNumThreads(1)  # stages are threads already, and --threads is one budget
        try:
            for thread in threads:
                thread.start()
            self._wait(threads)
        except Unfit:
            raise
        except BaseException as error:  # Ctrl-C, or an error of who shows the progress: no thread may go on then
            self._fail(Interrupted("stopped"))
            ends = time.monotonic() + GRACE_S
            for thread in threads:
                thread.join(max(0.0, ends - time.monotonic()))
            if any(thread.is_alive() for thread in threads):
                raise Unfit(error if isinstance(error, RoopError) else Interrupted("stopped on request")) from error
            raise
        finally:
            sys.setswitchinterval(interval)
            cv2.setNumThreads(fan_out)
        if self._failure is not None:
            raise self._failure

    def _wait(self, threads: list[threading.Thread]) -> None:
        ended: float | None = None
        while any(thread.is_alive() for thread in threads):
            next(thread for thread in threads if thread.is_alive()).join(_POLL_S)
            if self._cancel.is_set():
                self._fail(Interrupted())
            self._check_times()
            if self._failure is not None:
                ended = ended or time.monotonic()
                self._give_up_on_hung(ended)
            self._tick()

    def _check_times(self) -> None:
        for clock, late, pulses in zip(self.clocks, self._late, self._pulses, strict=True):
            since, limit_s = clock.since, self._timeout_s * (LONG if clock.closing else 1)
            if since is None or late is None:
                continue
            if time.monotonic() - max([since, *(pulse.last for pulse in pulses)]) > limit_s:
                error = late(limit_s)
                self._fail(error)
                raise Unfit(error)

    def _give_up_on_hung(self, ended: float) -> None:
        """After a failure the other threads end at their next wait; one that does not is inside a long call."""
        if time.monotonic() - ended > GRACE_S:
            failure = self._failure
            raise Unfit(failure if isinstance(failure, RoopError) else RoopError(str(failure)))

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AbortedError:
            return
        except BaseException as error:  # noqa: BLE001  (a thread's error is the run's error, whatever it is)
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            first = self._failure is None
            if first:
                self._failure = error
        if first:
            self._on_failure()
        for queue in self._queues:
            queue.abort()

    def _read(self) -> None:
        clock = self.clocks[0]
        frames = iter(self._source())
        try:
            while True:
                with clock.running():
                    frame = next(frames, None)
                if frame is None:
                    break
                clock.frames += 1
                self._queues[0].put(frame, frame.nbytes)
        finally:
            if isinstance(frames, Generator):  # what it cleans up belongs to this thread
                frames.close()
        self._queues[0].put(_DONE, 0)

    def _work(self, position: int) -> None:
        stage, clock, inbox = self._stages[position], self.clocks[position + 1], self._queues[position]
        outbox = self._queues[position + 1] if position + 1 < len(self._queues) else None
        while True:
            message = inbox.get()
            over = isinstance(message, _Done)
            clock.frames += isinstance(message, Frame)
            clock.closing = over
            with clock.running():
                produced = iter(stage.close() if isinstance(message, _Done) else stage.feed(message))
            while True:
                with clock.running():
                    item = next(produced, None)
                if item is None:
                    break
                if outbox is not None:
                    outbox.put(item, getattr(item, "nbytes", 0))
            if over:
                if outbox is not None:
                    outbox.put(_DONE, 0)
                return


def _bind(work: Callable[[int], None], position: int) -> Callable[[], None]:
    return lambda: work(position)
