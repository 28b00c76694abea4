"""Threads end: on success, on any error, on cancel, and even when a call hangs."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from roop_host.errors import Interrupted, PluginError, RoopError
from roop_host.pipeline.calls import Unfit
from roop_host.pipeline.queues import AbortedError, ByteQueue
from roop_host.pipeline.run import PipelineRun, StageSpec
from roop_host.pipeline.segmenting import Message
from roop_host.types.frame import Frame
from roop_host.types.objects import Pulse
from roop_host.types.planes import rgb_pixels

Alive = Callable[[], list[str]]


def frames(total: int) -> Iterator[Frame]:
    for index in range(total):
        yield Frame(rgb_pixels(np.zeros((8, 8, 3), np.uint8)), index=index)


def through(message: Message) -> tuple[Message, ...]:
    return (message,)


def stage(feed: Callable[[Message], object], label: str = "stage") -> StageSpec:
    return StageSpec(label, feed, late=lambda seconds: PluginError(f"late after {seconds}"))  # type: ignore[arg-type]


def make(stages: list[StageSpec], total: int = 50, **more: object) -> PipelineRun:
    options: dict[str, object] = {
        "cancel": threading.Event(),
        "timeout_s": 5.0,
        "queue_bytes": 1000,
        "tick": lambda: None,
        **more,
    }
    return PipelineRun(lambda: frames(total), stages, **options)  # type: ignore[arg-type]


@pytest.fixture
def alive() -> Alive:
    """Names of the threads of runs that are there now and were not before: another test's hung call may still be one."""
    before = set(threading.enumerate())
    return lambda: [one.name for one in threading.enumerate() if one not in before and one.name.startswith("roop-")]


def test_order_is_kept_and_threads_end(alive: Alive) -> None:
    seen: list[int] = []

    def sink(message: Message) -> tuple[Message, ...]:
        assert isinstance(message, Frame)
        seen.append(message.index)
        return ()

    interval = sys.getswitchinterval()
    run = make([stage(through), stage(through), stage(sink)])
    run.run()
    assert seen == list(range(50))
    assert not alive()
    assert sys.getswitchinterval() == interval
    assert [clock.frames for clock in run.clocks] == [50, 50, 50, 50]


@pytest.mark.parametrize("bad_frame", [0, 25, 49])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_anywhere_ends_the_run(bad_frame: int, place: int, alive: Alive) -> None:
    def breaks(message: Message) -> tuple[Message, ...]:
        if isinstance(message, Frame) and message.index == bad_frame:
            raise PluginError("broken on purpose")
        return (message,)

    stages = [stage(through), stage(through), stage(through)]
    stages[place] = stage(breaks)
    with pytest.raises(PluginError, match="on purpose"):
        make(stages).run()
    assert not alive()


def test_an_error_of_the_source_ends_the_run(alive: Alive) -> None:
    def source() -> Iterator[Frame]:
        yield from frames(3)
        raise RoopError("truncated")

    run = PipelineRun(source, [stage(through)], cancel=threading.Event(), timeout_s=5, queue_bytes=1, tick=lambda: None)
    with pytest.raises(RoopError, match="truncated"):
        run.run()
    assert not alive()


def test_cancel_interrupts(alive: Alive) -> None:
    cancel = threading.Event()

    def slow(message: Message) -> tuple[Message, ...]:
        time.sleep(0.02)
        return (message,)

    threading.Timer(0.1, cancel.set).start()
    with pytest.raises(Interrupted):
        make([stage(slow)], total=10_000, cancel=cancel).run()
    assert not alive()


def test_a_stage_that_hangs_ends_the_job_and_says_that_the_process_is_unfit() -> None:
    release = threading.Event()

    def hangs(message: Message) -> tuple[Message, ...]:
        release.wait(20)
        return ()

    begun = time.monotonic()
    with pytest.raises(Unfit) as caught:
        make([stage(through), stage(hangs)], timeout_s=0.3).run()
    assert isinstance(caught.value.error, PluginError)
    assert time.monotonic() - begun < 5
    release.set()


def test_a_stage_waits_while_any_of_its_objects_shows_that_it_goes_on() -> None:
    still, beating = Pulse(), Pulse()
    beating.last = float("inf")
    release = threading.Event()

    def waits(message: Message) -> tuple[Message, ...]:
        release.wait(0.5)
        return ()

    slow = replace(stage(waits), pulses=(still, beating))
    make([slow], total=1, timeout_s=0.1).run()
    with pytest.raises(Unfit):
        make([replace(slow, pulses=(still,))], total=1, timeout_s=0.1).run()
    release.set()


def test_ctrl_c_while_a_stage_hangs_says_that_the_process_is_unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roop_host.pipeline.run.GRACE_S", 0.2)
    entered, release = threading.Event(), threading.Event()

    def hangs(message: Message) -> tuple[Message, ...]:
        entered.set()
        release.wait(20)
        return ()

    def tick() -> None:
        if entered.is_set():
            raise KeyboardInterrupt

    with pytest.raises(Unfit) as caught:
        make([stage(hangs)], tick=tick).run()
    assert isinstance(caught.value.error, Interrupted)
    release.set()


def test_a_source_ends_in_the_thread_that_read_it() -> None:
    threads: list[str] = []

    def source() -> Iterator[Frame]:
        try:
            yield from frames(50)
        finally:
            threads.append(threading.current_thread().name)

    def breaks(message: Message) -> tuple[Message, ...]:
        raise PluginError("broken on purpose")

    run = PipelineRun(source, [stage(breaks)], cancel=threading.Event(), timeout_s=5, queue_bytes=1, tick=lambda: None)
    with pytest.raises(PluginError, match="on purpose"):
        run.run()
    assert threads == ["roop-decode"]


def test_a_queue_is_bounded_in_bytes_but_holds_at_least_a_window() -> None:
    queue: ByteQueue[int] = ByteQueue(limit=10, least=3)
    for item in range(3):
        queue.put(item, 100)
    put = threading.Thread(target=queue.put, args=(3, 100))
    put.start()
    put.join(0.1)
    assert put.is_alive()
    assert queue.get() == 0
    put.join(2)
    assert not put.is_alive()
    queue.abort()
    with pytest.raises(AbortedError):
        queue.get()
    with pytest.raises(AbortedError):
        queue.put(1, 1)


def test_memory_waits_for_the_slow_stage() -> None:
    made = 0
    passed = 0
    most = 0

    def source() -> Iterator[Frame]:
        nonlocal made, most
        for frame in frames(200):
            made += 1
            most = max(most, made - passed)
            yield frame

    def slow(message: Message) -> tuple[Message, ...]:
        nonlocal passed
        time.sleep(0.001)
        passed += 1
        return ()

    PipelineRun(source, [stage(slow)], cancel=threading.Event(), timeout_s=5, queue_bytes=5 * 192, tick=lambda: None).run()
    assert most <= 5 + 3
