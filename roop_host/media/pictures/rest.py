"""What of a picture file must stay as it is when somebody adds to it: all of it but plain comments and credentials.

What there is in a file beside its samples may show something too: previews in XMP or Photoshop's own, pictures behind the
first. So this is no list of what shows, but all that is not known to be harmless, whatever it is.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from roop_host.errors import InputError
from roop_host.media.pictures import png
from roop_host.media.pictures.files import exif_of, known_picture, quiet

Content = bytes | mmap.mmap
# TIFF: where samples and further directories lie, and C2PA's own (0xCD41); the samples are looked at by themselves.
_PLACES = frozenset((273, 279, 324, 325, 34665, 34853, 0xCD41))
_EXIF_IFD = 34665
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_COMMENT, _APP11, _SCAN = 0xFE, 0xEB, 0xDA


def rest_of(path: Path, name: str) -> Iterator[bytes]:
    """The parts in their order, of a file of the kind ``name`` as Pillow says. Raises ``InputError`` for a broken one."""
    if name == "tiff":
        yield from _of_tiff(path)
        return
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield from _READERS.get(name, _whole)(content)
    except (struct.error, IndexError, ValueError) as error:
        raise InputError(f"the picture {path} is broken or cut off ({error}); take another copy") from error


def _whole(content: Content) -> Iterator[bytes]:
    yield content[:]


def _of_jpeg(content: Content) -> Iterator[bytes]:
    """Segments (ITU-T T.81) up to the first scan, and all behind."""
    at = 2
    while content[at + 1] != _SCAN:
        if content[at] != 0xFF:
            raise ValueError("no marker where one must be")
        size = 2 + struct.unpack_from(">H", content, at + 2)[0]
        segment = content[at : at + size]
        if content[at + 1] != _COMMENT and not (content[at + 1] == _APP11 and segment[4:6] == b"JP"):
            yield segment
        at += size
    yield content[at:]


def _of_png(content: Content) -> Iterator[bytes]:
    """Chunks, and what lies behind the last. Texts of ImageMagick's hold EXIF and more ("Raw profile type exif")."""
    length = len(png.SIGNATURE)
    for kind, data in png.chunks(content):
        length += 12 + len(data)
        text = kind in (b"tEXt", b"zTXt", b"iTXt") and not data.startswith((b"Raw profile", b"XML:com.adobe.xmp"))
        if kind != b"caBX" and not text:
            yield kind + data
    yield content[length:]


def _of_webp(content: Content) -> Iterator[bytes]:
    """Chunks of the RIFF file (RFC 9649), and what lies behind."""
    end = 8 + struct.unpack_from("<I", content, 4)[0]
    at = 12
    while at + 8 <= end:
        size = struct.unpack_from("<I", content, at + 4)[0]
        if content[at : at + 4] != b"C2PA":
            yield content[at : at + 8 + size]
        at += 8 + size + size % 2
    yield content[end:]


def _of_gif(content: Content) -> Iterator[bytes]:
    """Blocks (GIF89a), and what lies behind the last."""
    at = 13 + _table(content[10])
    yield content[6:at]
    while content[at] != 0x3B:
        start = at
        if content[at] == 0x2C:
            at += 11 + _table(content[at + 9])
        else:
            at += 2
        while content[at]:
            at += 1 + content[at]
        at += 1
        block = content[start:at]
        if block[:2] != b"\x21\xfe" and not (block[:2] == b"\x21\xff" and block[3:11] == b"C2PA_GIF"):
            yield block
    yield content[at:]


def _table(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _of_avif(content: Content) -> Iterator[bytes]:
    """Boxes (ISO/IEC 14496-12), those inside of ``meta`` too; of where items lie, which moves, only how much is said."""
    for kind, data in _boxes(content, 0):
        if kind == b"meta":
            for inner, said in _boxes(data, 4):
                yield inner + (struct.pack(">Q", len(said)) if inner == b"iloc" else said)
        elif kind != b"free" and not (kind == b"uuid" and data[:16] == _C2PA_UUID):
            yield kind + data


def _boxes(content: Content, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", content, at + 8)[0], 16
        size = size or len(content) - at
        if size < head:
            raise ValueError("a box smaller than its head")
        yield kind, content[at + head : at + size]
        at += size


def _of_tiff(path: Path) -> Iterator[bytes]:
    """Tags of every page and of its EXIF: who adds one writes the whole file anew, with all else at other places."""
    with known_picture(path) as image, quiet():
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            tags = exif_of(image)
            for held in (dict(image.tag_v2), dict(tags.get_ifd(_EXIF_IFD))):  # type: ignore[attr-defined]
                kept = {tag: str(value) for tag, value in held.items() if tag not in _PLACES}
                yield repr(sorted(kept.items())).encode()


_READERS: dict[str, Callable[[Content], Iterator[bytes]]] = {
    "jpeg": _of_jpeg,
    "png": _of_png,
    "webp": _of_webp,
    "gif": _of_gif,
    "avif": _of_avif,
}
