"""What goes wrong with a server, and how long one keeps asking."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from roop_host import UploadError

_R = TypeVar("_R")
#: Pauses double from the first to the longest, and no request is tried more often than this without success.
_FIRST_S, _LONGEST_S, _TRIES = 0.5, 30.0, 8
#: A server may ask for more patience than ours, but not for ever.
_LONGEST_ASKED_S = 300.0
_POLL_S = 1.0
#: Who waits longer than this wonders why.
_TOLD_S = 5.0


class Passing(Exception):
    """A failure that may pass: a lost connection, 429 or 5xx. ``wait_s`` is what the server asks for (Retry-After).

    ``answered`` says that the server was reached, so that address and network are not to blame.
    """

    def __init__(self, why: str, wait_s: float | None = None, *, answered: bool = False) -> None:
        super().__init__(why)
        self.why, self.wait_s, self.answered = why, wait_s, answered


def _untold(text: str) -> None:
    pass


class Patience:
    """Counts failures in a row. ``check_cancel`` raises when the job was stopped, and says that the upload goes on."""

    def __init__(
        self,
        check_cancel: Callable[[], None],
        cancel: Event,
        *,
        pace: float = 1.0,
        tries: int = _TRIES,
        tell: Callable[[str], None] = _untold,
    ) -> None:
        """``pace`` multiplies every pause; tests hurry. ``tell`` hears of each longer one, and what is waited for."""
        self.check_cancel, self.tell = check_cancel, tell
        self._cancel, self._pace, self._tries = cancel, pace, tries
        self._failed = 0

    def renew(self) -> None:
        """Something went well: count anew."""
        self._failed = 0

    def wait(self, failure: Passing) -> None:
        """Pause before the next try. Raises ``UploadError`` after too many, ``Interrupted`` on a cancel."""
        self._failed += 1
        if self._failed >= self._tries:
            raise UploadError(f"{failure.why}, {self._tries} times in a row") from failure
        longest = min(_FIRST_S * 2 ** (self._failed - 1), _LONGEST_S)
        pause_s = longest * random.uniform(0.5, 1.0)  # so that many who were refused don't come back at once
        if failure.wait_s is not None:
            pause_s = max(pause_s, min(failure.wait_s, _LONGEST_ASKED_S))
        if pause_s >= _TOLD_S:
            self.tell(f"{failure.why}; trying again in {pause_s:.0f} seconds")
        until = time.monotonic() + pause_s * self._pace
        self.check_cancel()
        while (left := until - time.monotonic()) > 0:
            self._cancel.wait(min(left, _POLL_S))
            self.check_cancel()

    def insist(self, call: Callable[[], _R]) -> _R:
        """``call`` until it succeeds. It raises ``Passing`` for what may pass, anything else for what will not."""
        while True:
            self.check_cancel()
            try:
                result = call()
            except Passing as failure:
                self.wait(failure)
            else:
                self.renew()
                return result
