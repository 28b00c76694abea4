"""What code does beside what it gives: what it tells, and how long it takes."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TypeVar

from roop_host.errors import PluginError, RoopError
from roop_host.pipeline.calls import CallThread

_R = TypeVar("_R")


@contextmanager
def texts_told() -> Iterator[Callable[[], str]]:
    """What is written on stdout and stderr meanwhile, and what a log of ``roop --debug`` would hold."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    loggers = logging.getLogger("roop"), logging.getLogger()
    before = loggers[0].level
    loggers[0].setLevel(logging.DEBUG)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        with redirect_stdout(told), redirect_stderr(told):
            yield told.getvalue
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        loggers[0].setLevel(before)


class Bounded:
    """Calls from one thread, which may take only so long. One that isn't back is left in its thread."""

    def __init__(self) -> None:
        self._thread = CallThread()
        self._hangs = False

    def __enter__(self) -> Bounded:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.close(wait=not self._hangs)

    def call(self, call: Callable[[], _R], limit_s: float, late: str) -> _R:
        """What ``call`` gives or raises. Raises ``Unfit``, saying ``late``, where it isn't back in time."""

        def error(_: float) -> RoopError:
            self._hangs = True
            return PluginError(late)

        return self._thread.call(call, limit_s=limit_s, late=error, cancel=threading.Event())
