"""The QR code of an upload as files: drawn by the host from modules, so that no picture of a plugin's stands unscreened."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from roop_host.errors import RoopError, UsageError
from roop_host.media.pictures.codes import as_png, as_svg, is_own_code, with_quiet_zone
from roop_host.media.publish import publish
from roop_host.runner.files import code_paths, names_in
from roop_host.types.uploads import QUIET_ZONE, QrCode

#: Pixels of a module with which OpenCV reads codes of every version.
_READ_SCALE = 4
_SUFFIXES = (".qr.png", ".qr.svg")


def leads_to(code: QrCode, url: str) -> bool:
    """Whether a reader finds ``url`` in the code: what people scan has to be what they are told."""
    light = np.kron(~with_quiet_zone(code), np.ones((_READ_SCALE, _READ_SCALE), bool))
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
    for path, content in ((path_png, as_png(code)), (path_svg, as_svg(code))):
        try:
            replaces = _is_there(path)
            if replaces and not is_own_code(path):
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


def left_codes(outputs: Iterable[Path], drawn: Collection[Path]) -> str:
    """The sentence for codes beside finished ``outputs`` that are not among those ``drawn`` of them, or nothing.

    They are of earlier uploads, and what they lead to still stands there: so none is deleted.
    """
    ours = {path.absolute() for path in outputs}
    left = sorted(path for path in _codes_of(ours) if path not in {one.absolute() for one in drawn} and is_own_code(path))
    if not left:
        return ""
    what = f"the QR codes {left[0]} and {len(left) - 1} more lead" if len(left) > 1 else f"the QR code {left[0]} leads"
    return f"{what} to an earlier output of that name and not to this one: delete what you no longer need"


def _codes_of(outputs: Collection[Path]) -> Iterator[Path]:
    """What is called as a code of one of them, by whichever uploader."""
    for folder in {path.parent for path in outputs}:
        for name in names_in(folder):
            suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), None)
            if suffix is not None and folder / name.removesuffix(suffix).rpartition(".")[0] in outputs:
                yield folder / name


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


def _in_the_way(path: Path) -> str:
    return f"{path} is no QR code of roop's making, so it stays and the new code is not written there; move it elsewhere"
