"""Animated picture files: how long each of their pictures stands, and what is learned by running through them once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roop_host.errors import InputError
from roop_host.media.info import SRGB, MediaInfo
from roop_host.media.limits import check_length
from roop_host.media.pictures import png
from roop_host.media.pictures.files import BROKEN, quiet
from roop_host.media.pictures.left import left_out
from roop_host.media.pixel_formats import TRANSFERS
from roop_host.types.planes import PixelLayout

#: How long players show a frame that says 0.
_UNSAID_S = Fraction(1, 10)
#: APNG has a numerator and a denominator of 16 bit for each delay; Pillow gives their quotient as a float.
_LARGEST = 65535
#: The finest common measure of delays that is kept; beyond it times are rounded to milliseconds.
_FINEST = 1_000_000


def look_at_animation(path: Path, image: Any, name: str, count: int) -> MediaInfo:
    """Run through the opened animation of ``count`` pictures once, where that is no more than can be worked on.

    One that breaks off is described as far as it goes; reading it tells. Raises ``InputError``.
    """
    width, height = image.size
    check_length(str(path), width, height, count)
    with quiet():
        about = left_out(path, image, deep=False)  # asked first: Pillow's own view of it changes from frame to frame
    delays: list[Fraction] = []
    alpha = False
    try:
        for delay, picture in pictures_of(path, image):
            delays.append(delay)
            alpha = alpha or bool((picture[..., 3] < 255).any())
    except InputError:
        if not delays:
            raise
    colour = png.colour_of(path) if name == "png" else SRGB
    length = sum(delays, Fraction(0))
    return MediaInfo(
        path=path,
        kind="animation",
        width=width,
        height=height,
        codec=name,
        container=name,
        pix_fmt="gbrap" if alpha else "gbrp",
        layout=PixelLayout("rgb", alpha=alpha, full_range=True, transfer=TRANSFERS.get(colour.transfer, "sdr")),
        time_base=_time_base(name, delays),
        average_rate=len(delays) / length,
        frames=len(delays),
        duration_s=float(length),
        colour=colour,
        loop=_loop(image, name),
        left_out=about,
    )


def pictures_of(path: Path, image: Any) -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
    """(delay in seconds, R, G, B, A of the whole picture), one at a time. Raises ``InputError`` where it breaks."""
    width, height = image.size  # a GIF's pictures that reach beyond its screen are cut there; Pillow widens the screen
    skipped = int(bool(image.info.get("default_image")))  # an APNG's stand-in for players that can't move it
    count = image.n_frames
    for number in range(skipped, count):
        try:
            with quiet():
                image.seek(number)
                picture = np.array(image.convert("RGBA"))
        except BROKEN as error:
            raise InputError(
                f"{path} is broken or cut off at frame {number - skipped}; repair it, take another copy, or add --salvage"
            ) from error
        yield _delay(image), picture[:height, :width]


def _delay(image: Image.Image) -> Fraction:
    milliseconds = image.info.get("duration", 0)
    return Fraction(milliseconds / 1000).limit_denominator(_LARGEST) if milliseconds > 0 else _UNSAID_S


def _time_base(name: str, delays: list[Fraction]) -> Fraction:
    if name != "png":
        return Fraction(1, 100 if name == "gif" else 1000)
    finest = math.lcm(1000, *(delay.denominator for delay in delays))
    return Fraction(1, finest if finest <= _FINEST else 1000)


def _loop(image: Image.Image, name: str) -> int | None:
    """How often it is shown: 0 for ever, None once. A GIF says how often it is repeated, the others how often shown."""
    said = image.info.get("loop")
    if name == "gif":
        return None if said is None else int(said) and int(said) + 1
    return None if said == 1 else int(said or 0)
