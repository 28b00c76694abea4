"""PNG by its chunks, where Pillow and OpenCV each do half of what is needed."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from mmap import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roop_host.media.colours import PRIMARIES, TRANSFERS, are_calm, primaries_of
from roop_host.media.info import SRGB, Colour

SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: What says how the samples are to be understood: kept as it is, for Pillow writes none of it.
_MEANING = (b"cHRM", b"gAMA", b"sRGB", b"cICP")
#: Around 1/2.2 and 1/1.8, in which pictures are kept. Others make visible what nobody saw who looked at the samples.
_GAMMAS = (0.35, 0.65)
#: Any matrix would show R, G, B as what it is not.
_NO_MATRIX = 0
#: sRGB's white, red, green and blue, and how far others may lie from them; D50 and ProPhoto's are the farthest in use.
_POINTS = (((0.3127, 0.329), 0.06), ((0.64, 0.33), 0.15), ((0.3, 0.6), 0.3), ((0.15, 0.06), 0.15))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A whole chunk: length, kind, data, CRC."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def chunks(png: bytes | mmap) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) up to and with IEND; what follows is no part of the picture. Raises ``ValueError`` where it breaks."""
    if png[: len(SIGNATURE)] != SIGNATURE:
        raise ValueError("no PNG")
    at = len(SIGNATURE)
    while True:
        if at + 12 > len(png):
            raise ValueError("the end is missing")
        (size,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        if png[at + 8 + size : at + 12 + size] != struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))):
            raise ValueError(f"the part {kind.decode('latin-1')} is damaged")
        yield kind, data
        if kind == b"IEND":
            return
        at += 12 + size


def assemble(parts: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The file that holds these chunks."""
    return SIGNATURE + b"".join(chunk(kind, data) for kind, data in parts)


def with_extras(picture: bytes, extras: bytes) -> bytes:
    """``picture`` with all that ``extras``, another PNG, says beside its own samples, before the samples."""
    image = list(chunks(picture))
    spare = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
    more = [part for part in chunks(extras) if part[0] not in spare]
    return assemble([image[0], *more, *(part for part in image[1:] if part[0] in (b"IDAT", b"IEND"))])


def header(path: Path) -> tuple[int, int]:
    """(bit depth, colour type) of IHDR."""
    with path.open("rb") as file:
        head = file.read(26)
    return head[24], head[25]


def is_usual(gamma: float) -> bool:
    """Whether samples of this gamma look about the same to who takes them for sRGB."""
    return _GAMMAS[0] <= gamma <= _GAMMAS[1]


def meaning(path: Path) -> list[tuple[bytes, bytes]]:
    """The chunks that say what the samples mean: primaries, gamma, sRGB, coding-independent code points; all usual."""
    return [(kind, data) for kind, data in said(path) if _is_kept(kind, data)]


def colour_of(path: Path) -> Colour:
    """sRGB, but for code points that say PQ or HLG: such a picture is looked at as viewers show it, as a video is."""
    said = next((data for kind, data in meaning(path) if kind == b"cICP"), b"")
    colour = replace(SRGB, primaries=said[0], transfer=said[1]) if said else SRGB
    return colour if colour.hdr else SRGB


def odd_colours(path: Path) -> bool:
    """Whether primaries or code points are said that do not come along: they would show other colours than were seen."""
    return any(kind in (b"cHRM", b"cICP") and not _is_kept(kind, data) for kind, data in said(path))


def _is_kept(kind: bytes, data: bytes) -> bool:
    if kind == b"gAMA":
        return is_usual(int.from_bytes(data) / 100_000)
    if kind == b"cICP":
        return len(data) == 4 and data[0] in PRIMARIES and data[1] in TRANSFERS and data[2] == _NO_MATRIX
    if kind == b"cHRM":
        return len(data) == 32 and _are_usual(np.frombuffer(data, ">u4").reshape(4, 2) / 100_000)
    return True


def _are_usual(points: NDArray[np.float64]) -> bool:
    if any(math.dist(point, near) > most for point, (near, most) in zip(points, _POINTS, strict=True)):
        return False
    usual = np.array([point for point, _ in _POINTS])
    try:
        return are_calm(_primaries(points), _primaries(usual))
    except np.linalg.LinAlgError:
        return False


def _primaries(points: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = points[0]
    return primaries_of(points[1:], np.array([x / y, 1, (1 - x - y) / y]))


def said(path: Path) -> list[tuple[bytes, bytes]]:
    """The chunks that say what the samples mean, usual or not: of each kind the first, as readers take it."""
    found: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        file.seek(len(SIGNATURE))
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            size = struct.unpack(">I", head[:4])[0]
            if head[4:] in _MEANING and size <= 32:
                found.setdefault(head[4:], file.read(size))
                file.seek(4, 1)
            else:
                file.seek(size + 4, 1)
    return list(found.items())
