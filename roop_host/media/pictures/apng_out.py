"""APNG out (PNG specification, third edition), frame by frame: each is a PNG of what changed, its samples renamed."""

from __future__ import annotations

import struct
from fractions import Fraction
from io import BytesIO
from typing import IO

from PIL import Image

from roop_host.media.marks import Marks
from roop_host.media.pictures import png
from roop_host.media.pictures.belongings import Belongings
from roop_host.media.pictures.moving import Frames, Moment, Picture, Ticks, changed, moments, part
from roop_host.media.pictures.png_out import png_extras
from roop_host.types.geometry import Box

_UNIT = Fraction(1, 1000)
_LARGEST = 65535
#: Of 65535 milliseconds, in whole seconds; and how often it may be shown: PNG's numbers have 31 bit.
LONGEST_S, MOST_LOOPS = 65, (1 << 31) - 1


def write_apng(
    frames: Frames, file: IO[bytes], time_base: Fraction, loop: int | None, marks: Marks, kept: Belongings
) -> None:
    """Write the animation; ``loop`` is how often it is shown: 0 for ever, None once. ``file`` can be sought in."""
    ticks = Ticks(_UNIT)
    before: Picture | None = None
    sequence = count = counted_at = 0
    plays = 1 if loop is None else min(loop, MOST_LOOPS)
    for moment in moments(frames, time_base, LONGEST_S):
        picture = moment.picture
        box = Box(0, 0, picture.shape[1], picture.shape[0]) if before is None else changed(before, picture)
        coded = BytesIO()
        Image.fromarray(part(picture, box)).save(coded, "PNG")
        image = list(png.chunks(coded.getvalue()))
        if before is None:
            extras = png.with_extras(png.assemble([image[0], image[-1]]), png_extras(kept, marks, grey=False))
            file.write(extras[: -len(png.chunk(b"IEND", b""))])
            counted_at = file.tell()
            file.write(png.chunk(b"acTL", struct.pack(">II", 0, plays)))
        place = struct.pack(">IIIII", sequence, box.width, box.height, box.x0, box.y0)
        file.write(png.chunk(b"fcTL", place + struct.pack(">HHBB", *_delay(moment, ticks), 0, 0)))
        sequence += 1
        for data in (data for kind, data in image if kind == b"IDAT"):
            if before is None:
                file.write(png.chunk(b"IDAT", data))
            else:
                file.write(png.chunk(b"fdAT", struct.pack(">I", sequence) + data))
                sequence += 1
        count += 1
        before = picture
    file.write(png.chunk(b"IEND", b""))
    file.seek(counted_at)
    file.write(png.chunk(b"acTL", struct.pack(">II", count, plays)))


def _delay(moment: Moment, ticks: Ticks) -> tuple[int, int]:
    """As a fraction of two numbers of 16 bit; exact where they are enough, else to the millisecond, without adding up."""
    rounded = ticks.until(moment.end, 1)
    exact = moment.lasts
    if exact.numerator <= _LARGEST and exact.denominator <= _LARGEST:
        return exact.numerator, exact.denominator
    return rounded, 1000
