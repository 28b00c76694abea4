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
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
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
    """As far as it can be: what one plugin did must not be told of the next."""
    os.chdir(state["the working folder"])
    os.environ.clear()
    os.environ.update(state["the environment"])
    locale.setlocale(locale.LC_ALL, state["the locale"])
    root, roop = logging.getLogger(), logging.getLogger("roop")
    root.setLevel(state["the root logger"][0])
    root.handlers[:] = state["the root logger"][1]
    roop.setLevel(state["roop's logger"][0])
    roop.handlers[:], roop.propagate = state["roop's logger"][1:]
    logging.disable(state["which log levels are off"])
    np.seterr(**state["numpy's error handling"])
    cv2.setNumThreads(state["the number of OpenCV's threads"])
    cv2.setUseOptimized(state["whether OpenCV is optimized"])
    sys.setrecursionlimit(state["the recursion limit"])
    sys.setswitchinterval(state["the switch interval of threads"])
    sys.excepthook, threading.excepthook = state["what handles errors that nobody caught"]
    sys.stdout, sys.stderr = state["standard output and error"]
    socket.setdefaulttimeout(state["the time-out of sockets"])
    (gc.enable if state["whether garbage is collected"] else gc.disable)()


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
