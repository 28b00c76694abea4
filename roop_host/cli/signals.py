"""Ctrl-C, SIGTERM and a closed terminal, while something runs that can be stopped in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import typer

from roop_host.errors import Interrupted

#: Signals so close together are one wish: a terminal and a wrapper such as ``uv run`` both pass one on.
SAME_S = 1.0


class Signals:
    """While entered, the first signal calls ``stop``, a later one ``at_once``."""

    def __init__(self, stop: Callable[[], None], at_once: Callable[[], None]) -> None:
        self._stop, self._at_once = stop, at_once
        self._first: float | None = None
        self._asking = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        known = (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))
        ends = [number for number in known if number is not None and signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._heard) for number in ends}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def confirm(self, text: str) -> bool | None:
        """Ask a person; None at the end of the input. A signal ends the wait too: ``Interrupted``."""
        self._asking = True
        try:
            return typer.confirm(text, default=False, err=True)
        except typer.Abort:
            return None
        finally:
            self._asking = False

    def _heard(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            self._stop()
            if self._asking:
                raise Interrupted("stopped on request; nothing was downloaded")
        elif now - self._first > SAME_S:
            self._at_once()
