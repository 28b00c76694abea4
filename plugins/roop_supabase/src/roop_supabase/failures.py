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
_FIRST_S, _LONGEST_S, _TRIES = 0.5, 30.0, 6
#: A server may ask for more patience than ours, but not for ever.
_LONGEST_ASKED_S = 300.0
_POLL_S = 1.0


class Passing(Exception):
    """A failure that may pass: a lost connection, 429 or 5xx. ``wait_s`` is what the server asks for (Retry-After)."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.why, self.wait_s = why, wait_s


class Patience:
    """Counts failures in a row. ``check_cancel`` raises when the job was stopped, and says that the upload goes on."""

    def __init__(self, check_cancel: Callable[[], None], cancel: Event, *, pace: float = 1.0, tries: int = _TRIES) -> None:
        """``pace`` multiplies every pause; tests hurry."""
        self.check_cancel, self._cancel, self._pace, self._tries = check_cancel, cancel, pace, tries
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
