"""What belongs to the whole process: looked at, put back, or cut off while a plugin is called."""

from __future__ import annotations

import errno
import faulthandler
import gc
import io
import locale
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from ipaddress import ip_address
from typing import Any

import cv2
import numpy as np


def process_state() -> dict[str, Any]:
    """What everybody in the process shares, by what people call it."""
    root, roop = logging.getLogger(), logging.getLogger("roop")
    return {
        "the working folder": os.getcwd(),  # noqa: PTH109  (put back by name)
        "the environment": dict(os.environ),
        "what signals do": {
            one.name: signal.getsignal(one) for one in signal.valid_signals() if isinstance(one, signal.Signals)
        },
        "the locale": locale.setlocale(locale.LC_ALL),
        "the root logger": (root.level, tuple(root.handlers)),
        "roop's logger": (roop.level, tuple(roop.handlers), roop.propagate),
        "which log levels are off": logging.root.manager.disable,
        "numpy's error handling": np.geterr(),
        "the number of OpenCV's threads": cv2.getNumThreads(),
        "whether OpenCV is optimized": cv2.useOptimized(),
        "the recursion limit": sys.getrecursionlimit(),
        "the switch interval of threads": sys.getswitchinterval(),
        "what handles errors that nobody caught": (sys.excepthook, threading.excepthook),
        "standard output and error": (sys.stdout, sys.stderr),
        "the time-out of sockets": socket.getdefaulttimeout(),
        "whether garbage is collected": gc.isenabled(),
        "the fault handler": faulthandler.is_enabled(),
    }


def put_back(state: dict[str, Any]) -> None:
    """As far as it can be, and only what was changed: what one plugin did must not be told of the next."""
    now = process_state()
    for name, restore in _RESTORE.items():
        if now[name] != state[name]:
            restore(state[name])


def _environment(before: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(before)


def _root_logger(before: tuple[int, tuple[logging.Handler, ...]]) -> None:
    root = logging.getLogger()
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def _roop_logger(before: tuple[int, tuple[logging.Handler, ...], bool]) -> None:
    roop = logging.getLogger("roop")
    roop.setLevel(before[0])
    roop.handlers[:], roop.propagate = before[1:]


def _excepthooks(before: tuple[Any, Any]) -> None:
    sys.excepthook, threading.excepthook = before


def _streams(before: tuple[Any, Any]) -> None:
    sys.stdout, sys.stderr = before


def _collector(enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()


def _numpy_errors(before: Any) -> None:
    np.seterr(**before)


#: How each part of ``process_state`` is put back. Signals can be set by the main thread alone, and no plugin runs there.
_RESTORE: dict[str, Callable[[Any], object]] = {
    "the working folder": os.chdir,
    "the environment": _environment,
    "the locale": partial(locale.setlocale, locale.LC_ALL),
    "the root logger": _root_logger,
    "roop's logger": _roop_logger,
    "which log levels are off": logging.disable,
    "numpy's error handling": _numpy_errors,
    "the number of OpenCV's threads": cv2.setNumThreads,
    "whether OpenCV is optimized": cv2.setUseOptimized,
    "the recursion limit": sys.setrecursionlimit,
    "the switch interval of threads": sys.setswitchinterval,
    "what handles errors that nobody caught": _excepthooks,
    "standard output and error": _streams,
    "the time-out of sockets": socket.setdefaulttimeout,
    "whether garbage is collected": _collector,
}


@contextmanager
def unchanged() -> Iterator[None]:
    """Puts back at the end what everybody in the process shares, also what a call that hangs has patched."""
    state, descriptors = process_state(), {number: _copy(number) for number in (1, 2)}
    patched = [(owner, dict(vars(owner))) for owner in (socket, socket.socket)]
    try:
        yield
    finally:
        for number, kept in descriptors.items():
            if kept is not None:
                os.dup2(kept, number)
                os.close(kept)
        for owner, names in patched:
            _put_names_back(owner, names)
        put_back(state)


def _copy(descriptor: int) -> int | None:
    """None where it is closed, as without a console."""
    try:
        return os.dup(descriptor)
    except OSError:
        return None


def _put_names_back(owner: Any, before: dict[str, Any]) -> None:
    for name in set(vars(owner)) - set(before):
        delattr(owner, name)
    for name, value in before.items():
        if vars(owner).get(name) is not value:
            setattr(owner, name, value)


class Printed:
    """What was printed, once it is over."""

    def __init__(self) -> None:
        self.text = ""


@contextmanager
def stdout_of() -> Iterator[Printed]:
    """Catches what is printed by Python and, past it, by libraries and other processes."""
    printed, by_python = Printed(), io.StringIO()
    sys.stdout.flush()
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            with redirect_stdout(by_python):
                yield printed
        finally:
            if sys.__stdout__ is not None:
                with suppress(ValueError):
                    sys.__stdout__.flush()
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            printed.text = by_python.getvalue() + file.read().decode(errors="replace")


@contextmanager
def offline() -> Iterator[list[str]]:
    """Refuses connections and packets to other machines, and notes which were asked for."""
    reached: list[str] = []

    def refused(host: Any) -> bool:
        if isinstance(host, bytes):
            host = host.decode(errors="replace")
        if not isinstance(host, str) or not host or _is_here(host):
            return False
        reached.append(host)
        return True

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and refused(address[0]):
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if isinstance(address, tuple) and refused(address[0]):
            return errno.ENETUNREACH
        return real_connect_ex(self, address)

    def getaddrinfo(host: Any, *args: Any, **more: Any) -> Any:
        if refused(host):
            raise socket.gaierror(socket.EAI_AGAIN, "the kit looks up no names")
        return real_getaddrinfo(host, *args, **more)

    def sendto(self: socket.socket, data: Any, *more: Any) -> int:
        if more and isinstance(more[-1], tuple) and refused(more[-1][0]):
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        return real_sendto(self, data, *more)

    def gethostbyname(host: Any) -> str:
        return str(getaddrinfo(host, None, socket.AF_INET)[0][4][0])

    real_connect, real_connect_ex, real_getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
    real_sendto, real_gethostbyname = socket.socket.sendto, socket.gethostbyname
    # The class has the first two from one in C, which can't be changed: what is set here stands before it.
    socket.socket.connect = connect  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = connect_ex  # type: ignore[method-assign,assignment]
    socket.socket.sendto = sendto  # type: ignore[method-assign,assignment]
    socket.getaddrinfo, socket.gethostbyname = getaddrinfo, gethostbyname
    try:
        yield reached
    finally:
        del socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
        socket.getaddrinfo, socket.gethostbyname = real_getaddrinfo, real_gethostbyname


def _is_here(host: str) -> bool:
    """Whether it is this very machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
