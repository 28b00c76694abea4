"""An answer of a web server, read by a thread of its own: who waits for it can leave at any time.

Looking up a name, connecting and reading can't be interrupted, and a server that sends a byte now and then never times out.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roop_host.errors import Interrupted
from roop_host.types.models import allowed

if TYPE_CHECKING:
    import httpx

_POLL_S, _LEAVE_S = 0.1, 0.5
#: Chunks that may wait: reading goes on while the disk is busy.
_AHEAD = 32
_MOST_REDIRECTS = 10
#: Proxies are for other machines.
_DIRECT = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class RefusedError(Exception):
    """A redirect that is not followed."""


class SlowError(Exception):
    """Too little came for too long."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers (names in lower case) of an answer."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient a download is. ``slow_s`` seconds in which less than ``least_rate`` bytes per second came are too many.

    ``tries`` count anew whenever ``progress`` bytes came. ``pause_s`` is waited before the second try, and twice as long
    before each one after it.
    """

    connect_s: float = 15.0
    slow_s: float = 30.0
    least_rate: int = 1024
    tries: int = 4
    pause_s: float = 1.0
    progress: int = 1 << 20


class Answer:
    """One request. ``head`` and ``chunk`` wait; both raise what the request raised, ``SlowError``, or ``Interrupted``."""

    def __init__(self, url: str, headers: Mapping[str, str], limits: Limits, cancel: threading.Event) -> None:
        self._url, self._headers, self._limits, self._cancel = url, dict(headers), limits, cancel
        self._items: queue.Queue[Head | bytes | BaseException | None] = queue.Queue(_AHEAD)
        self._left = threading.Event()
        self._socket: socket.socket | None = None
        self._since, self._came = time.monotonic(), 0
        # A daemon: where it hangs in the system, the process must still be able to end.
        self._thread = threading.Thread(target=self._read, name="roop-download", daemon=True)
        self._thread.start()

    def head(self) -> Head:
        item = self._next(self._limits.connect_s + self._limits.slow_s)
        assert isinstance(item, Head)
        self._since = time.monotonic()
        return item

    def chunk(self) -> bytes:
        """Bytes as they come; empty at the end."""
        item = self._next(self._limits.slow_s)
        if item is None:
            return b""
        assert isinstance(item, bytes)
        return item

    def leave(self) -> None:
        """Be done with it: the thread ends as soon as the system lets it."""
        self._left.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(_LEAVE_S)

    def _next(self, patience_s: float) -> Head | bytes | None:
        while True:
            if self._cancel.is_set():
                raise Interrupted("stopped while a model was fetched")
            with suppress(queue.Empty):
                return self._taken(self._items.get_nowait())
            # Judged only where nothing waits: that the disk was busy does not make a server slow.
            now = time.monotonic()
            if now - self._since >= patience_s:
                if self._came < self._limits.least_rate * patience_s:
                    raise SlowError(f"{self._came} bytes in {patience_s:g} s")
                self._since, self._came = now, 0
            with suppress(queue.Empty):
                return self._taken(self._items.get(timeout=min(_POLL_S, patience_s / 4)))

    def _taken(self, item: Head | bytes | BaseException | None) -> Head | bytes | None:
        if isinstance(item, BaseException):
            raise item
        if isinstance(item, bytes):
            self._came += len(item)
        return item

    def _read(self) -> None:
        try:
            watched = {"trace": self._connected}
            with (
                _client(self._limits) as client,
                client.stream("GET", self._url, headers=self._headers, extensions=watched) as response,
            ):
                self._put(Head(response.status_code, {name.lower(): value for name, value in response.headers.items()}))
                for chunk in response.iter_raw():
                    if not self._put(chunk):
                        return
            self._put(None)
        except BaseException as error:  # noqa: BLE001  (it is raised where it is waited for)
            self._put(error)

    def _connected(self, event: str, about: dict[str, Any]) -> None:
        """Told of every step of a request: keeps the socket, since only that ends a read that waits."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = about["return_value"].get_extra_info("socket")
            if self._left.is_set():
                raise RefusedError("nobody waits for it any more")

    def _put(self, item: Head | bytes | BaseException | None) -> bool:
        """Whether anybody still waits for it."""
        while not self._left.is_set():
            with suppress(queue.Full):
                self._items.put(item, timeout=_POLL_S)
                return True
        return False


def _client(limits: Limits) -> httpx.Client:
    import httpx

    first: list[httpx.URL] = []

    def look(request: httpx.Request) -> None:
        """Before the first request and each one that a redirect asks for."""
        first.append(request.url)
        down = first[0].scheme == "https" and request.url.scheme != "https"
        if down or not allowed(str(request.url)):
            raise RefusedError(f"leads to {request.url.scheme}://{request.url.host}, which is not https")

    hooks: dict[str, list[Any]] = {"request": [look]}
    return httpx.Client(
        follow_redirects=True,
        max_redirects=_MOST_REDIRECTS,
        timeout=httpx.Timeout(2 * limits.slow_s, connect=limits.connect_s),
        mounts=dict.fromkeys(_DIRECT),
        event_hooks=hooks,
    )
