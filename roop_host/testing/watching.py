"""What code does beside what it gives: what it asks of the network, what it tells, and how long it takes."""

from __future__ import annotations

import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TypeVar
from unittest.mock import patch

from roop_host.errors import PluginError, RoopError
from roop_host.pipeline.calls import CallThread

_R = TypeVar("_R")
_NETWORK = (socket.AF_INET, socket.AF_INET6)


@contextmanager
def network_refused() -> Iterator[list[str]]:
    """Nobody reaches the network meanwhile; gives what was asked of it, as it comes. Only sockets of Python are seen."""
    asked: list[str] = []

    def refuse(what: object) -> None:
        asked.append(str(what))
        raise ConnectionRefusedError(f"the network is not asked while this is checked: {what}")

    def of_socket(name: str) -> Callable[..., Any]:
        original = getattr(socket.socket, name)

        def call(self: socket.socket, *args: Any) -> Any:
            if self.family in _NETWORK:
                refuse(args[-1])
            return original(self, *args)

        return call

    def looked_up(host: object, port: object, *args: Any, **more: Any) -> Any:
        refuse((host, port))

    with ExitStack() as stack:
        for name in ("connect", "connect_ex", "sendto"):
            stack.enter_context(patch.object(socket.socket, name, of_socket(name)))
        stack.enter_context(patch.object(socket, "getaddrinfo", looked_up))
        yield asked


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
