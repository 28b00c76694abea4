"""GIF out (GIF89a), frame by frame: one palette for all, and of each frame only what changed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import IO

import numpy as np
from PIL import GifImagePlugin, Image

from roop_host.errors import UsageError
from roop_host.media.marks import Marks
from roop_host.media.pictures.marks import gif_blocks
from roop_host.media.pictures.moving import Frames, Picture, changed, moments, part, spread
from roop_host.media.pictures.palette import Palette, palette_of
from roop_host.types.geometry import Box

_UNIT = Fraction(1, 100)
#: Players show what says less than this for 100 ms.
_LEAST = 2
#: Of 65535 units, in whole seconds; and how often it may be shown: it says how often it is repeated, in 16 bit.
LONGEST_S, MOST_LOOPS = 655, 65536
_KEEP, _CLEAR = 1, 2


def write_gif(
    frames: Frames, file: IO[bytes], time_base: Fraction, loop: int | None, marks: Marks, *, hasty: bool = False
) -> Palette:
    """Write the animation; ``frames`` is called twice. ``hasty`` keeps a delay of 1/100 s, as a GIF itself may have it.

    ``loop`` is how often it is shown: 0 for ever, None once. Raises ``UsageError`` for more frames than it has times for.
    """
    ends: list[int] = []
    leasts: list[int] = []

    def seen() -> Iterator[Picture]:
        for moment in moments(frames, time_base, LONGEST_S):
            ends.append(round(moment.end / _UNIT))
            leasts.append(1 if hasty and moment.lasts <= _UNIT else _LEAST)
            yield moment.picture

    palette = palette_of(seen())
    delays = spread(ends, leasts)
    if len(delays) > 1 and sum(delays) > ends[-1] + 1:
        raise UsageError(
            f"{len(delays)} frames in {ends[-1] / 100:.2f} s are more than a GIF has times for; "
            f"add --fps {1 / (_LEAST * _UNIT)} or name an output in .apng or .webp"
        )
    canvas: Picture | None = None  # what a player shows by now; None is nothing
    waiting: tuple[Picture, int] | None = None
    for moment, delay in zip(moments(frames, time_base, LONGEST_S), delays, strict=True):
        index = palette.index(moment.picture)
        if waiting is None:
            file.write(_head(palette, index, loop, marks))
        else:
            canvas = _write_frame(file, palette, *waiting, canvas, index)
        waiting = (index, delay)
    if waiting is not None:
        _write_frame(file, palette, *waiting, canvas, waiting[0])
    file.write(b"\x3b")
    return palette


def _head(palette: Palette, index: Picture, loop: int | None, marks: Marks) -> bytes:
    height, width = index.shape
    count = len(palette.colours) + (palette.transparent is not None)
    bits = max(1, (count - 1).bit_length())
    table = palette.colours.tobytes().ljust(3 << bits, b"\0")
    screen = struct.pack("<HHBBB", width, height, 0xF0 | (bits - 1), palette.transparent or 0, 0)
    again = min(max((loop or 0) - 1, 0), MOST_LOOPS - 1)
    repeats = b"" if loop is None else b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", again, 0)
    return b"GIF89a" + screen + table + repeats + gif_blocks(marks)


def _write_frame(
    file: IO[bytes], palette: Palette, index: Picture, delay: int, canvas: Picture | None, following: Picture
) -> Picture | None:
    """What a player shows afterwards. A pixel can be made transparent only by clearing the frame that covers it."""
    clear = palette.transparent
    cleared = clear is not None and bool(((index != clear) & (following == clear)).any())
    whole = Box(0, 0, index.shape[1], index.shape[0])
    box = whole if canvas is None or cleared else changed(canvas, index)
    shown = part(index, box)
    if canvas is not None and clear is not None:
        shown[shown == part(canvas, box)] = clear  # long runs of one index pack well
    disposal = _CLEAR if cleared else _KEEP
    seen = clear is not None
    file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", disposal << 2 | seen, delay, clear or 0, 0))
    image = Image.frombytes("P", (box.width, box.height), shown.tobytes())
    file.write(b"".join(GifImagePlugin.getdata(image, (box.x0, box.y0))))
    return None if cleared else np.array(index)
