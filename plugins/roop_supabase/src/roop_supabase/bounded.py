"""A client that no answer keeps for long, and of which none fills the memory, whatever a server sends."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

#: What is asked for is answered in a few hundred bytes.
MOST_BYTES = 2**20
#: A whole answer may take as long as so many reads.
_READS = 2


class AnswerTooLarge(httpx.RequestError):
    """More came than any answer has that was asked for."""


class Bounded(httpx.Client):
    """For one thread. An answer has ``_READS`` times the time-out of a read, counted from the end of the request.

    Answers are taken unpacked only, since a few bytes unpack to any number, and for the UTF-8 that JSON is.
    With ``stream=True`` their size is for the caller to bound.
    """

    _within_s: float | None = None
    _ends: float | None = None

    def send(self, request: httpx.Request, *, stream: bool = False, **said: Any) -> httpx.Response:
        """As of any client; raises ``httpx.ReadTimeout`` and ``AnswerTooLarge`` in addition."""
        request.headers["Accept-Encoding"] = "identity"
        request.extensions["trace"] = self._watch
        wait_s = request.extensions.get("timeout", {}).get("read")
        self._within_s, self._ends = None if wait_s is None else _READS * wait_s, None
        response = super().send(request, stream=True, **said)
        try:
            assert isinstance(response.stream, httpx.SyncByteStream)
            packed = response.headers.get("content-encoding", "identity").strip().lower() != "identity"
            response.stream = _Counted(response.stream, math.inf if stream else MOST_BYTES, packed=packed)
            response.encoding = "utf-8"
            if not stream:
                response.read()
        except BaseException:
            response.close()
            raise
        return response

    def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Hears of the transport's work: a connection is there, or what was to be sent was sent."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._bound(info["return_value"])
        elif event.endswith(".receive_response_headers.started") and self._within_s is not None:
            self._ends = time.monotonic() + self._within_s

    def _bound(self, connection: Any) -> None:
        """Nothing else ends an answer whose head never does: each of its reads is in time."""
        read = connection.read

        def read_in_time(max_bytes: int, timeout: float | None = None) -> Any:
            if self._ends is None:
                return read(max_bytes, timeout)
            left_s = self._ends - time.monotonic()
            if left_s <= 0:
                raise httpx.ReadTimeout(f"no whole answer within {self._within_s:g} s")
            return read(max_bytes, left_s if timeout is None else min(timeout, left_s))

        connection.read = read_in_time


class _Counted(httpx.SyncByteStream):
    def __init__(self, parts: httpx.SyncByteStream, most: float, *, packed: bool) -> None:
        self._parts, self._most, self._packed = parts, most, packed

    def __iter__(self) -> Iterator[bytes]:
        had = 0
        for part in self._parts:
            had += len(part)
            if had > self._most:
                raise AnswerTooLarge(f"an answer of more than {MOST_BYTES} bytes")
            if self._packed:
                raise httpx.DecodingError("an answer is packed, though that was not asked for")
            yield part

    def close(self) -> None:
        self._parts.close()
