"""A stranger's file, read in small bounded pieces; what in it can tell where it comes from. Pixels are never decoded."""

from __future__ import annotations

import os
import re
import zlib
from bisect import bisect
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Literal

Order = Literal["little", "big"]

#: An XMP packet, a text or a block of EXIF of more is read no further than this; real ones are some kB.
LONGEST = 1 << 20
#: What is read of one file in all, and how many of its parts are looked at: a 4 GB video has some thousands.
_MOST_BYTES, _MOST_STEPS = 64 << 20, 1_000_000
#: Marks, packets and texts of one file, and what is kept of one text: a line that is shown is far shorter.
MOST_FOUND = 200
_LONGEST_TEXT = 16_000
#: C2PA's own boxes by their types, of which the outermost come first (C2PA specification, "Use of JUMBF").
_CREDENTIALS = re.compile(rb"jumdc2(?:pa|ma|as|cs|cl)\0\x11\0\x10|\xd8\xfe\xc3\xd6\x1b\x0eH<\x92\x97X\(\x87~\xc4\x81")
#: Letters of a part in which they are looked for: three of these boxes begin within.
_LOOKED_AT = 256


class TooMuch(Exception):
    """A file has more parts than are looked at."""


@dataclass(slots=True)
class Found:
    """Raw findings: ``xmp`` packets and ``texts`` (name and value), each with where it stands; bytes of C2PA manifests.

    ``c2pa_bytes`` also count boxes of the same make that others use; ``has_c2pa`` says that some are surely of C2PA.
    ``full`` says that there were more than are kept. The search goes on even so, since ``c2pa_bytes`` is to be whole.
    """

    xmp: list[tuple[str, bytes]] = field(default_factory=list)
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    c2pa_bytes: int = 0
    has_c2pa: bool = False
    full: bool = False

    def add_xmp(self, where: str, packet: bytes) -> None:
        """Keep a packet; pages of one file often hold the same."""
        if packet and (where, packet) not in self.xmp and self._has_room():
            self.xmp.append((where, packet))

    def add_text(self, where: str, name: str, value: bytes | str) -> None:
        """Keep a text."""
        part = value[:_LONGEST_TEXT]
        text = part if isinstance(part, str) else part.decode("utf-8", "replace")
        told = (where, name, text.strip("\0 \r\n\t"))
        if told not in self.texts and self._has_room():
            self.texts.append(told)

    def add_c2pa(self, count: int) -> None:
        """Count Content Credentials that stand in a place of their own."""
        self.c2pa_bytes += count
        self.has_c2pa = True

    def look_for_c2pa(self, part: Bytes, place: int, count: int) -> None:
        """See whether a part of the file begins as credentials do, whatever its name is: that may be what was damaged."""
        if not self.has_c2pa and _CREDENTIALS.search(part.at(place, min(count, _LOOKED_AT))):
            self.has_c2pa = True

    def _has_room(self) -> bool:
        self.full = self.full or len(self.xmp) + len(self.texts) >= MOST_FOUND
        return not self.full


@dataclass(slots=True)
class Budget:
    """What may still be read of one file, and how often."""

    bytes_left: int = _MOST_BYTES
    steps_left: int = _MOST_STEPS

    def take(self, count: int, steps: int = 1) -> None:
        """Use up steps and so many bytes. Raises ``TooMuch``."""
        self.bytes_left -= count
        self.steps_left -= steps
        if min(self.bytes_left, self.steps_left) < 0:
            raise TooMuch


class Bytes:
    """A file or a part of one, read at any place, with a bound on all that is read. A short answer is the end of it."""

    def __init__(self, file: IO[bytes], budget: Budget | None = None) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        self._budget = budget or Budget()
        self._spans: list[tuple[int, int]] = []

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

    def once(self, place: int, count: int) -> bytes | None:
        """As ``at``, but no byte a second time: entries of a small file could all name one large place.

        Empty for what was read just so before, as pages share a packet; None for what was read in part. Raises ``TooMuch``.
        """
        span = (place, place + min(count, LONGEST, self.size - place))
        if span[0] >= span[1]:
            return b""
        index = bisect(self._spans, span)
        before, behind = self._spans[index - 1 : index], self._spans[index : index + 1]
        if before == [span]:
            return b""
        if (before and before[0][1] > span[0]) or (behind and behind[0][0] < span[1]):
            return None
        self._spans.insert(index, span)
        return self.at(place, count)

    def spend(self, steps: int) -> None:
        """Work on bytes that were read already. Raises ``TooMuch``."""
        self._budget.take(0, steps)

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
