"""Opening picture files: by their bytes, from a list of formats, and never larger than is reasonable."""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from PIL import Image, ImageFile

from roop_host.errors import InputError, RoopError
from roop_host.media.limits import check_size
from roop_host.types.packages import pip

#: Pillow's names; what it would open beyond them includes EPS, for which it starts Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
#: Brands of ISO/IEC 23008-12 for HEVC pictures, alone and in sequences, and the general ones; AV1's are Pillow's.
_HEIF = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
_AVIF = frozenset((b"avif", b"avis"))
#: What Pillow, pillow-heif (``RuntimeError``), tifffile and OpenCV raise for a file that is broken in one way or another.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    MemoryError,
    EOFError,
    LookupError,
    TypeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    struct.error,
    zlib.error,
    cv2.error,
)
#: What ``quiet`` changes belongs to the process: two threads that put it back crosswise would leave it changed.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """What the libraries say of odd tags and broken samples is not shown: an ``InputError`` tells what matters.

    Python's warnings, OpenCV's log and tifffile's; libtiff inside Pillow writes to stderr itself, and nobody can be asked.
    To be held for single steps, and never over a ``yield`` to somebody else.
    """
    log = logging.getLogger("tifffile")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level, disabled = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT), log.disabled
        log.disabled = True
        try:
            yield
        finally:
            log.disabled = disabled
            cv2.utils.logging.setLogLevel(level)


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image | None]:
    """The picture, its header read and its size within limits, nothing decoded; None where it is no picture.

    Raises ``InputError`` for one that is too large, or that needs a package. What goes wrong inside the ``with`` for the
    picture's sake (``BROKEN``) becomes an ``InputError`` too. Steps that decode are to be ``quiet``.
    """
    try:
        with quiet():
            image = _open(path)
    except Image.DecompressionBombError as error:
        raise _bomb(path, error) from error
    except BROKEN:
        image = None
    if image is None:
        yield None
        return
    with image:
        check_size(str(path), *image.size)
        try:
            yield image
        except RoopError:
            raise
        except Image.DecompressionBombError as error:
            raise _bomb(path, error) from error
        except BROKEN as error:
            raise InputError(f"the picture {path} is broken or cut off ({error}); take another copy") from error


@contextmanager
def known_picture(path: Path) -> Iterator[Image.Image]:
    """As ``open_picture``, for what was a picture when it was looked at; none now is an ``InputError``."""
    with open_picture(path) as image:
        if image is None:
            raise InputError(f"the picture {path} is broken or cut off; take another copy")
        yield image


def format_of(image: Image.Image) -> str:
    """Lower case: "jpeg", also of one that carries further pictures behind it (MPO)."""
    name = (image.format or "").lower()
    return {"mpo": "jpeg", "heif": "heic"}.get(name, name)


def exif_of(image: Image.Image) -> Image.Exif:
    """EXIF as the header has it. Asked itself, a PNG would decode everything to look behind its samples too."""
    return Image.Image.getexif(image)


def _open(path: Path) -> Image.Image | None:
    if _is_heif(path):
        try:
            from pillow_heif import HeifImageFile
        except ImportError as error:
            raise InputError(
                f"{path} is a HEIC picture, which needs the extra heif; install it: {pip('install', 'roop-host[heif]')}"
            ) from error
        opened: type[ImageFile.ImageFile] = HeifImageFile
        return opened(path)
    return Image.open(path, formats=_FORMATS)


def _is_heif(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[4:8] != b"ftyp":
            return False
        more = file.read(max(0, min(struct.unpack(">I", head[:4])[0], 256) - 12))
    brands = {head[8:12], *(more[at : at + 4] for at in range(4, len(more) - 3, 4))}
    return head[8:12] in _HEIF and not brands & _AVIF


def _bomb(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} claims to be larger than is reasonable ({error}); scale it down first")
