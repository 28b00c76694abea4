"""The QR code of an upload as files: drawn by the host from modules, so that no picture of a plugin's stands unscreened."""

from __future__ import annotations

import re
import secrets
import stat
import struct
import zlib
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.errors import RoopError, UsageError
from roop_host.media.pictures import png
from roop_host.media.publish import publish
from roop_host.runner.files import code_paths
from roop_host.types.uploads import QUIET_ZONE, QrCode

#: Pixels of a module with which OpenCV reads codes of every version.
_READ_SCALE = 4
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


def leads_to(code: QrCode, url: str) -> bool:
    """Whether a reader finds ``url`` in the code: what people scan has to be what they are told."""
    light = np.kron(~_with_quiet_zone(code), np.ones((_READ_SCALE, _READ_SCALE), bool))
    first, last = QUIET_ZONE * _READ_SCALE, (QUIET_ZONE + len(code.rows)) * _READ_SCALE
    corners = np.array([[(first, first), (last, first), (last, last), (first, last)]], np.float32)
    try:
        found, _ = cv2.QRCodeDetector().decode(light.astype(np.uint8) * 255, corners)
    except cv2.error:
        return False
    return bool(found == url)


def draw(code: QrCode, output: Path, uploader: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write the code beside ``output``, as PNG and SVG; the files, and notices about those that could not be written.

    An earlier code that was drawn here is replaced; whatever else has such a name stays.
    """
    path_png, path_svg = code_paths(output, uploader)
    drawn: list[Path] = []
    notices: list[str] = []
    for path, content, own in ((path_png, as_png(code), _is_own_png), (path_svg, as_svg(code), _is_own_svg)):
        try:
            replaces = _is_there(path)
            if replaces and not own(path):
                notices.append(_in_the_way(path))
                continue
            _write(path, content, overwrite=replaces)
        except UsageError:  # it has appeared meanwhile
            notices.append(_in_the_way(path))
        except (OSError, RoopError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            why = (cause.strerror if isinstance(cause, OSError) else None) or error
            notices.append(f"the QR code {path} can't be written ({why}); the upload itself went well, so use its address")
            break
        else:
            drawn.append(path)
    return tuple(drawn), tuple(notices)


def as_png(code: QrCode) -> bytes:
    """One bit a pixel, ``code.scale`` pixels a module."""
    light = np.kron(~_with_quiet_zone(code), np.ones((code.scale, code.scale), bool))
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


def _with_quiet_zone(code: QrCode) -> NDArray[np.bool_]:
    """Where it is dark."""
    return np.pad(np.array([[module == "1" for module in row] for row in code.rows], bool), QUIET_ZONE)


def _write(path: Path, content: bytes, *, overwrite: bool) -> None:
    temporary = path.with_name(f".roop-{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(content)
        publish([(temporary, path)], overwrite)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _is_own_png(path: Path) -> bool:
    head = _beginning(path, _PNG_HEAD + len(_PNG_MARK))
    return head.startswith(png.SIGNATURE) and head[24:26] == bytes((1, _GREY)) and head.endswith(_PNG_MARK)


def _is_own_svg(path: Path) -> bool:
    return _OWN_SVG.fullmatch(_beginning(path, _MOST_SVG).decode("latin-1")) is not None


def _beginning(path: Path, size: int) -> bytes:
    """Of a plain file; nothing of one that can't be read, and so can't be known."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def _in_the_way(path: Path) -> str:
    return f"{path} is no QR code of roop's making, so it stays and the new code is not written there; move it elsewhere"
