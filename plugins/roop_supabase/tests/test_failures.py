"""How long one keeps asking a server that fails."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from roop_host import Interrupted, UploadError
from roop_supabase.failures import Passing, Patience


class Clock(threading.Event):
    """A cancel that never comes; waiting for it passes no time but that of ``time.monotonic``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.pauses: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: sum(self.pauses))

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.pauses.append(timeout)
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def never() -> None:
    pass


def failing(times: int, wait_s: float | None = None) -> Callable[[], str]:
    left = [times]

    def call() -> str:
        if left[0]:
            left[0] -= 1
            raise Passing("it answered 503", wait_s)
        return "done"

    return call


def test_pauses_double_with_jitter_up_to_the_last_try(clock: Clock) -> None:
    patience = Patience(never, clock)
    assert patience.insist(failing(7)) == "done"
    longest = 0.5 + 1 + 2 + 4 + 8 + 16 + 30
    assert longest / 2 <= sum(clock.pauses) <= longest
    with pytest.raises(UploadError, match=r"it answered 503, 8 times in a row"):
        patience.insist(failing(8))


def test_an_outage_of_half_a_minute_ends_no_upload(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: least)

    def call() -> str:
        if sum(clock.pauses) < 30:
            raise Passing("nobody answers")
        return "done"

    assert Patience(never, clock).insist(call) == "done"


def test_each_longer_wait_is_told_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    told: list[str] = []
    patience = Patience(never, clock, tell=told.append)
    patience.insist(failing(4))
    assert told == []
    patience.insist(failing(5))
    assert told == ["it answered 503; trying again in 8 seconds"]
    patience.insist(failing(1, wait_s=60.0))
    assert told[1:] == ["it answered 503; trying again in 60 seconds"]


def test_what_goes_well_renews_patience(clock: Clock) -> None:
    patience = Patience(never, clock)
    for _ in range(3):
        assert patience.insist(failing(5)) == "done"


def test_pauses_differ_so_that_not_all_come_back_at_once(clock: Clock) -> None:
    patience = Patience(never, clock)
    for _ in range(10):
        patience.insist(failing(1))
    assert len(set(clock.pauses)) > 1


def test_a_server_says_how_long_to_wait_but_not_for_ever(clock: Clock) -> None:
    patience = Patience(never, clock)
    patience.insist(failing(1, wait_s=12.0))
    assert sum(clock.pauses) == pytest.approx(12.0)
    clock.pauses.clear()
    patience.insist(failing(1, wait_s=1e9))
    assert sum(clock.pauses) == pytest.approx(300.0)


def test_a_cancel_is_heard_in_a_pause() -> None:
    cancel = threading.Event()

    def check() -> None:
        if cancel.is_set():
            raise Interrupted("stopped")

    threading.Timer(0.1, cancel.set).start()
    begun = time.monotonic()
    with pytest.raises(Interrupted):
        Patience(check, cancel).insist(failing(1, wait_s=60.0))
    assert time.monotonic() - begun < 10


def test_what_will_not_pass_is_not_tried_again(clock: Clock) -> None:
    tries = []

    def refused() -> None:
        tries.append(1)
        raise UploadError("403")

    with pytest.raises(UploadError, match="403"):
        Patience(never, clock).insist(refused)
    assert (len(tries), clock.pauses) == (1, [])
