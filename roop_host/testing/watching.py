"""What code does beside what it gives: what it tells, and how long it takes."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TypeVar

from roop_host.errors import Interrupted, PluginError, RoopError, told
from roop_host.pipeline.calls import CallThread, Unfit
from roop_host.testing.checking import Failed

_R = TypeVar("_R")


@contextmanager
def texts_told() -> Iterator[Callable[[], str]]:
    """What is written on stdout and stderr meanwhile, and what a log of ``roop --debug`` would hold."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    loggers = logging.getLogger("roop"), logging.getLogger()
    before = loggers[0].level
    loggers[0].setLevel(logging.DEBUG)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        with redirect_stdout(heard), redirect_stderr(heard):
            yield heard.getvalue
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        loggers[0].setLevel(before)


@contextmanager
def stopped() -> Iterator[None]:
    """A call in a job that was stopped may end as it likes, but not as if something had failed."""
    try:
        yield
    except Interrupted:
        return
    except Unfit:
        raise
    except Exception as error:
        raise Failed(f"it took the stop for a failure: {told(error)}") from error


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
