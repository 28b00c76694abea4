"""The QR code of an upload as PNG and SVG, by which roop knows its own: it is no picture to work on and no output."""

from __future__ import annotations

import re
import stat
import struct
import zlib
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roop_host.media.pictures import png
from roop_host.types.uploads import QUIET_ZONE, QrCode

_GREY = 0
_PNG_HEAD = len(png.SIGNATURE) + len(png.chunk(b"IHDR", bytes(13)))
_PNG_MARK = png.chunk(b"tEXt", b"Comment\0a QR code drawn by roop")
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{pixels}" height="{pixels}" viewBox="0 0 {side} {side}" '
    'shape-rendering="crispEdges"><!-- a QR code drawn by roop --><rect width="{side}" height="{side}" fill="#fff"/>'
    '<path d="{path}"/></svg>\n'
)
_OWN_SVG = re.compile(re.sub(r"\\{path\\}", "[MHhvz0-9 -]*", re.sub(r"\\{(pixels|side)\\}", "[0-9]+", re.escape(_SVG))))
_MOST_SVG = 1 << 20


def is_own_code(path: Path) -> bool:
    """Whether roop drew this file, and nobody changed it since as far as its beginning (PNG) or all of it (SVG) tells."""
    head = _beginning(path, _PNG_HEAD + len(_PNG_MARK))
    if head.startswith(b"<svg"):
        return _OWN_SVG.fullmatch(_beginning(path, _MOST_SVG).decode("latin-1")) is not None
    return head.startswith(png.SIGNATURE) and head[24:26] == bytes((1, _GREY)) and head.endswith(_PNG_MARK)


def as_png(code: QrCode) -> bytes:
    """One bit a pixel, ``code.scale`` pixels a module."""
    light = np.kron(~with_quiet_zone(code), np.ones((code.scale, code.scale), bool))
    side = len(light)
    lines = np.pad(np.packbits(light, axis=1), ((0, 0), (1, 0)))  # each begins with its filter, none
    header = struct.pack(">IIBBBBB", side, side, 1, _GREY, 0, 0, 0)
    parts = [png.chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)), png.chunk(b"IEND", b"")]
    return b"".join([png.SIGNATURE, png.chunk(b"IHDR", header), _PNG_MARK, *parts])


def as_svg(code: QrCode) -> bytes:
    """A path of one rectangle for each run of dark modules in a row."""
    steps: list[str] = []
    for y, row in enumerate(code.rows, QUIET_ZONE):
        x = QUIET_ZONE
        for module, run in groupby(row):
            length = len(list(run))
            if module == "1":
                steps.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    side = len(code.rows) + 2 * QUIET_ZONE
    return _SVG.format(pixels=side * code.scale, side=side, path="".join(steps)).encode("ascii")


def with_quiet_zone(code: QrCode) -> NDArray[np.bool_]:
    """Where it is dark."""
    return np.pad(np.array([[module == "1" for module in row] for row in code.rows], bool), QUIET_ZONE)


def _beginning(path: Path, size: int) -> bytes:
    """Of a plain file; nothing of one that can't be read, and so can't be known."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""
