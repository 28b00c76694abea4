"""A request's body, read as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from io import BufferedReader

_PIECE = 64 * 1024


class Cut(Exception):
    """The body ended before its time: by an ordered fault, or because the client went away."""


class Body:
    """``size`` counts what was handed out; ``stop_at`` is where an ordered fault cuts it. ``halt`` ends a waiting read."""

    def __init__(self, stream: BufferedReader, headers: Mapping[str, str], halt: Callable[[], None]) -> None:
        self._stream, self._halt, self._broken_off = stream, halt, False
        self._length = int(headers.get("content-length", 0))
        self._source = self._chunked() if "chunked" in headers.get("transfer-encoding", "") else self._sized()
        self.size = 0
        self.stop_at: int | None = None

    def pieces(self) -> Iterator[bytes]:
        try:
            for piece in self._source:
                left = len(piece) if self.stop_at is None else self.stop_at - self.size
                self.size += len(piece[:left])
                yield piece[:left]
                if self._broken_off:
                    return
                if left < len(piece):
                    raise Cut
        except Cut:
            if not self._broken_off:
                raise

    def break_off(self) -> None:
        """For another request's sake: it ends here, and is answered as far as it came."""
        self._broken_off = True
        self._halt()

    def drain(self) -> None:
        """Read what nobody wanted: it would pass for the next request, and a reset could overtake the answer."""
        with suppress(Cut, TimeoutError):
            deque(self._source, maxlen=0)

    def _sized(self) -> Iterator[bytes]:
        left = self._length
        while left:
            piece = self._received(min(left, _PIECE))
            left -= len(piece)
            yield piece

    def _chunked(self) -> Iterator[bytes]:
        while left := int(self._stream.readline().split(b";")[0] or b"0", 16):
            while left:
                piece = self._received(min(left, _PIECE))
                left -= len(piece)
                yield piece
            self._stream.readline()
        self._stream.readline()

    def _received(self, longest: int) -> bytes:
        try:
            piece = self._stream.read1(longest)
        except ConnectionError:
            raise Cut from None
        if not piece:
            raise Cut
        return piece
