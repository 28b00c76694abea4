"""Animated WebP out (WebP container specification), frame by frame: libwebp's own writer keeps all of them until the end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import IO

from PIL import Image

from roop_host.media.marks import Marks
from roop_host.media.pictures.belongings import Belongings
from roop_host.media.pictures.moving import Frames, Picture, Ticks, changed, moments, part
from roop_host.media.pictures.quality import webp_quality
from roop_host.types.geometry import Box

_UNIT = Fraction(1, 1000)
#: Of 2**24 - 1 units, in whole seconds; and how often it may be shown, in 16 bit.
LONGEST_S, MOST_LOOPS = 16777, 65535
_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
#: Replace what stood there, alpha and all, and let it stand.
_NO_BLENDING = 0x02


def write_webp(
    frames: Frames, file: IO[bytes], time_base: Fraction, loop: int | None, marks: Marks, kept: Belongings, quality: int
) -> None:
    """Write the animation; ``loop`` is how often it is shown: 0 for ever, None once. ``file`` can be sought in."""
    level, lossless = webp_quality(quality, lossless_source=kept.lossless_webp)
    icc, exif = kept.profile_for(grey=False), kept.exif_bytes(resolution=True)
    ticks = Ticks(_UNIT)
    before: Picture | None = None
    for moment in moments(frames, time_base, LONGEST_S):
        picture = moment.picture
        if before is None:
            flags = _ANIMATION | _XMP | (_ICC if icc else 0) | (_EXIF if exif else 0)
            flags |= _ALPHA if picture.shape[2] == 4 else 0
            size = _three(picture.shape[1] - 1) + _three(picture.shape[0] - 1)
            file.write(b"RIFF\0\0\0\0WEBP" + _chunk(b"VP8X", struct.pack("<I", flags) + size))
            file.write(_chunk(b"ICCP", icc) if icc else b"")
            file.write(_chunk(b"ANIM", struct.pack("<IH", 0, 1 if loop is None else min(loop, MOST_LOOPS))))
        box = Box(0, 0, picture.shape[1], picture.shape[0]) if before is None else changed(before, picture)
        box = Box(box.x0 & ~1, box.y0 & ~1, box.x1, box.y1)  # places are counted in twos
        delay = ticks.until(moment.end, 1)
        head = b"".join(map(_three, (box.x0 // 2, box.y0 // 2, box.width - 1, box.height - 1, delay)))
        coded = BytesIO()
        Image.fromarray(part(picture, box)).save(coded, "WEBP", quality=level, lossless=lossless, exact=lossless)
        file.write(_chunk(b"ANMF", head + bytes([_NO_BLENDING]) + b"".join(_samples(coded.getvalue()))))
        before = picture
    file.write((_chunk(b"EXIF", exif) if exif else b"") + _chunk(b"XMP ", marks.xmp()))
    length = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", length))


def _samples(webp: bytes) -> Iterator[bytes]:
    """The chunks of a still that hold its samples, whole."""
    at = 12
    while at < len(webp):
        kind, size = webp[at : at + 4], struct.unpack_from("<I", webp, at + 4)[0]
        if kind in (b"ALPH", b"VP8 ", b"VP8L"):
            yield _chunk(kind, webp[at + 8 : at + 8 + size])
        at += 8 + size + size % 2


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")
