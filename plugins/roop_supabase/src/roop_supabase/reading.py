"""A file read in order and hashed, so that what is sent of it is known to be what it should be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import BinaryIO

_BLOCK = 2**20


class Reading:
    """Goes back to the beginning, or to the last ``chunk``, where that is enough."""

    def __init__(self, file: BinaryIO, check_cancel: Callable[[], None]) -> None:
        self._file, self._check_cancel = file, check_cancel
        self._hash = hashlib.sha256()
        self._mark, self._marked = 0, self._hash.copy()
        self.at = 0

    def chunk(self, offset: int, most: int) -> bytes:
        """What stands from ``offset`` on; shorter than ``most`` where the file ends."""
        self._go(offset)
        self._mark, self._marked = self.at, self._hash.copy()
        chunk = self._file.read(most) if self.at == offset else b""
        self._hash.update(chunk)
        self.at += len(chunk)
        return chunk

    def digest(self, offset: int) -> str:
        """The SHA-256 of what stands before ``offset``, or of the whole where the file ends earlier."""
        self._go(offset)
        return self._hash.hexdigest()

    def continues(self, offset: int, end: int, digest: str) -> bool:
        """Whether what stands before ``end`` has that digest. What comes next is read from ``offset`` on."""
        self.chunk(offset, 0)
        same = self.digest(end) == digest and self.at == end
        self._go(offset)
        return same

    def _go(self, offset: int) -> None:
        if offset < self.at:
            self.at, self._hash = (self._mark, self._marked.copy()) if offset >= self._mark else (0, hashlib.sha256())
            self._file.seek(self.at)
        while self.at < offset:
            self._check_cancel()
            block = self._file.read(min(_BLOCK, offset - self.at))
            if not block:
                return
            self._hash.update(block)
            self.at += len(block)
