"""A stranger's file, read in small bounded pieces; what in it can tell where it comes from. Pixels are never decoded."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Literal

Order = Literal["little", "big"]

#: An XMP packet, a text or a block of EXIF of more is read no further than this; real ones are some kB.
LONGEST = 1 << 20
#: What is read of one file in all, and how many of its parts are looked at: a 4 GB video has some thousands.
_MOST_BYTES, _MOST_STEPS = 64 << 20, 1_000_000
#: Marks, packets and texts of one file.
_MOST_FOUND = 200


class TooMuch(Exception):
    """A file has more parts than are looked at."""


@dataclass(slots=True)
class Found:
    """Raw findings: ``xmp`` packets and ``texts`` (name and value), each with where it stands; bytes of C2PA manifests."""

    xmp: list[tuple[str, bytes]] = field(default_factory=list)
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    c2pa_bytes: int = 0

    def add_xmp(self, where: str, packet: bytes) -> None:
        """Keep a packet; pages of one file often hold the same. Raises ``TooMuch``."""
        if (where, packet) not in self.xmp:
            self._count()
            self.xmp.append((where, packet))

    def add_text(self, where: str, name: str, value: bytes | str) -> None:
        """Keep a text. Raises ``TooMuch``."""
        text = value if isinstance(value, str) else value.decode("utf-8", "replace")
        told = (where, name, text.strip("\0 \r\n\t"))
        if told not in self.texts:
            self._count()
            self.texts.append(told)

    def _count(self) -> None:
        if len(self.xmp) + len(self.texts) >= _MOST_FOUND:
            raise TooMuch


@dataclass(slots=True)
class Budget:
    """What may still be read of one file, and how often."""

    bytes_left: int = _MOST_BYTES
    steps_left: int = _MOST_STEPS

    def take(self, count: int) -> None:
        """Use up a step and so many bytes. Raises ``TooMuch``."""
        self.bytes_left -= count
        self.steps_left -= 1
        if min(self.bytes_left, self.steps_left) < 0:
            raise TooMuch


class Bytes:
    """A file or a part of one, read at any place, with a bound on all that is read. A short answer is the end of it."""

    def __init__(self, file: IO[bytes], budget: Budget | None = None) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        self._budget = budget or Budget()

    def part(self, content: bytes) -> Bytes:
        """Bytes that stand inside of this file, as a file of their own within the same bounds."""
        return Bytes(BytesIO(content), self._budget)

    def unzipped(self, packed: bytes) -> bytes:
        """Up to 1 MiB of what zlib packed: it may claim any length. Nothing where it is broken. Raises ``TooMuch``."""
        try:
            content = zlib.decompressobj().decompress(packed, LONGEST)
        except zlib.error:
            return b""
        self._budget.take(len(content))
        return content

    def at(self, place: int, count: int) -> bytes:
        """Up to ``count`` bytes, 1 MiB at most. Raises ``TooMuch`` when all bounds are used up."""
        count = max(0, min(count, LONGEST, self.size - place))
        self._budget.take(count)
        if place < 0 or not count:
            return b""
        self._file.seek(place)
        return self._file.read(count)

    def number(self, place: int, count: int, order: Order = "big") -> int:
        """An unsigned number; 0 behind the end."""
        return int.from_bytes(self.at(place, count), order)

    def behind_blocks(self, place: int) -> int:
        """The place behind GIF's sub-blocks: each a length and so many bytes, the last of length 0."""
        while place < self.size:
            length = self.number(place, 1)
            place += 1 + length
            if not length:
                break
        return place


@contextmanager
def within_bounds(notices: list[str]) -> Iterator[None]:
    """What goes on only as long as a file has no more parts than are looked at; else says so."""
    try:
        yield
    except TooMuch:
        notices.append("it has more parts than are looked at, so marks further back may have been missed")
