"""Queues between stages: bounded in bytes, never below one window, and every wait ends when the run does."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class AbortedError(Exception):
    """The run is over for another reason; a thread that sees this just ends."""


class ByteQueue(Generic[_Item]):
    """First in, first out; ``put`` waits while ``limit`` bytes and at least ``least`` items are inside."""

    def __init__(self, limit: int, least: int) -> None:
        self._limit = limit
        self._least = max(1, least)
        self._items: deque[tuple[_Item, int]] = deque()
        self._bytes = 0
        self._aborted = False
        self._change = threading.Condition()

    def put(self, item: _Item, nbytes: int) -> None:
        with self._change:
            while not self._aborted and len(self._items) >= self._least and self._bytes + nbytes > self._limit:
                self._change.wait()
            if self._aborted:
                raise AbortedError
            self._items.append((item, nbytes))
            self._bytes += nbytes
            self._change.notify_all()

    def get(self) -> _Item:
        with self._change:
            while not self._aborted and not self._items:
                self._change.wait()
            if self._aborted:
                raise AbortedError
            item, nbytes = self._items.popleft()
            self._bytes -= nbytes
            self._change.notify_all()
            return item

    def abort(self) -> None:
        """End every wait, now and later."""
        with self._change:
            self._aborted = True
            self._items.clear()
            self._change.notify_all()
