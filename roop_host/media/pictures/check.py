"""A finished picture or animation, read back before it gets its name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from roop_host.errors import InputError, OutputError
from roop_host.media.pictures import apng_out, gif_out, webp_out
from roop_host.media.pictures.reading import probe_picture, read_pages, read_picture

#: A GIF rounds its end to 1/100 s.
_ROUNDING_S = Fraction(1, 100)
#: Of a duration, which comes as a float.
_FINEST = 1_000_000
_LONGEST_S = {"gif": gif_out.LONGEST_S, "webp": webp_out.LONGEST_S}


def check_picture(path: Path, *, size: tuple[int, int], pages: int = 1) -> None:
    """Raise ``OutputError`` unless the file holds that many pages and can be decoded, the first of this (width, height)."""
    try:
        info = probe_picture(path)
        if info is None:
            raise InputError("it is no picture")
        if info.kind == "pages":
            for _ in read_pages(info):
                pass
        else:
            read_picture(info)
    except InputError as error:
        raise _unreadable(error) from error
    if info.pages != pages:
        raise OutputError(f"the finished file holds {info.pages} pages instead of {pages}; nothing was kept, run again")
    _check_size((info.width, info.height), size)


def check_animation(path: Path, *, frames: int, length_s: Fraction, size: tuple[int, int]) -> None:
    """Raise ``OutputError`` unless the file holds that many frames of this (width, height) and lasts as long.

    It may hold more by as many as it takes to show those that stand for longer than the format can say.
    """
    try:
        info = probe_picture(path)
        if info is None or (info.kind != "animation" and frames > 1):
            raise InputError("it is no animation")
    except InputError as error:
        raise _unreadable(error) from error
    repeated = length_s // _LONGEST_S.get(info.codec, apng_out.LONGEST_S) if frames > 1 else 0
    if info.frames is None or not frames <= info.frames <= frames + repeated:
        raise OutputError(f"the finished file holds {info.frames} frames instead of {frames}; nothing was kept, run again")
    _check_size((info.width, info.height), size)
    if frames > 1 and abs(Fraction(info.duration_s or 0).limit_denominator(_FINEST) - length_s) > _ROUNDING_S:
        raise OutputError(
            f"the finished file lasts {info.duration_s:.3f} s instead of {float(length_s):.3f} s; "
            "nothing was kept, run again"
        )


def _check_size(found: tuple[int, int], wanted: tuple[int, int]) -> None:
    if found != wanted:
        raise OutputError(
            f"the finished file is {found[0]}x{found[1]} instead of {wanted[0]}x{wanted[1]}; nothing was kept, run again"
        )


def _unreadable(error: InputError) -> OutputError:
    return OutputError(f"the finished file could not be read back ({error}); nothing was kept, run again")
