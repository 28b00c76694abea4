"""What of a target is used and how it is seen: a job's options made into a ``Reading``, and a target as it will be read."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from roop_host.errors import InputError, UsageError
from roop_host.media.info import Colour, MediaInfo, Place, Reading, Size
from roop_host.media.limits import check_size
from roop_host.media.pixel_formats import SPACES, layout_of, size_step
from roop_host.media.reading.filters import deinterlaces
from roop_host.media.reading.probe import MOST_RATE
from roop_host.types.job import MediaOptions

# Numbers that FFmpeg's 32 bit fractions and 64 bit ticks hold; a rate has at most a millionth behind the point.
_SECONDS = re.compile(r"(?:(?:(\d{1,6}):)?(\d{1,2}):)?(\d{1,10}(?:\.\d{1,9})?)", re.ASCII)
_FRAME = re.compile(r"(\d{1,10})f", re.ASCII)
_RATE = re.compile(r"\d{1,4}(?:\.\d{1,6})?|\d{1,10}/0*[1-9]\d{0,9}", re.ASCII)
_WIDTH_HEIGHT = re.compile(r"(\d{1,9})x(\d{1,9})", re.ASCII)
_LINES = re.compile(r"(\d{1,9})p", re.ASCII)
_PERCENT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)%", re.ASCII)
_LONGEST_S = 10 * 366 * 86400
_MOST_FRAMES = 2**31 - 1
# MP4 keeps how long a frame waits for reordered ones in 32 bits: a second's parts, times the frames that wait.
_LEAST_RATE, _MOST_DENOMINATOR = Fraction(1, 3600), 10**6
#: SMPTE: "29.97" is short for 30000/1001, and so on.
_NTSC = (24, 30, 48, 60, 120)
_NTSC_NEAR = Fraction(1, 200)
#: A shape that differs by less from square pixels comes from rounding to even sizes.
_SQUARE_ENOUGH = Fraction(1, 100)
_SLACK_S = 1
_MOST_SHOWN = 40


def reading_of(options: MediaOptions) -> Reading:
    """What the options ask for. Raises ``UsageError`` for what can't be meant."""
    start, end = read_place("trim-start", options.trim_start), read_place("trim-end", options.trim_end)
    reading = Reading(
        start=start,
        end=end,
        rate=_rate(options.fps),
        size=_size(options.scale),
        deinterlace="flagged" if options.deinterlace else "",
        salvage=options.salvage,
    )
    if end == 0 or (start is not None and end is not None and type(start) is type(end) and start >= end):
        raise UsageError(
            f"--trim-end {options.trim_end} is not after the start, so nothing is left; it counts from the beginning"
        )
    return reading


def read_place(flag: str, text: str, *, by_frame: bool = True) -> Place | None:
    """A moment as people say it, None for nothing. Raises ``UsageError`` that names the flag.

    ``by_frame`` is whether it may be the number of a frame, such as 250f.
    """
    text = text.strip()
    if not text:
        return None
    place: Place | None = None
    if by_frame and (match := _FRAME.fullmatch(text)):
        place = int(match[1])
    elif (match := _SECONDS.fullmatch(text)) and (match[2] is None or Fraction(match[3]) < 60):
        place = int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + Fraction(match[3])
    if place is None or place > (_MOST_FRAMES if isinstance(place, int) else _LONGEST_S):
        forms = "seconds, 1:02.5, or 250f for a frame," if by_frame else "seconds or 1:02.5,"
        raise UsageError(f"--{flag} takes {forms} and at most ten years, not {_short(text)}")
    return place


def _rate(text: str) -> Fraction | None:
    text = text.strip()
    if not text:
        return None
    if not _RATE.fullmatch(text):
        raise UsageError(f"--fps takes frames a second, such as 25, 12.5 or 30000/1001, not {_short(text)}")
    rate = Fraction(text)
    if "." in text:
        rate = next((ntsc for n in _NTSC if abs((ntsc := Fraction(n * 1000, 1001)) - rate) < _NTSC_NEAR), rate)
    if not _LEAST_RATE <= rate <= MOST_RATE or rate.denominator > _MOST_DENOMINATOR:
        raise UsageError(
            f"--fps is at least 1/3600, at most {MOST_RATE}, and a fraction of parts up to a million, not {_short(text)}"
        )
    return rate


def _size(text: str) -> Size | None:
    text = text.strip().lower()
    if not text:
        return None
    size: Size | None = None
    if match := _WIDTH_HEIGHT.fullmatch(text):
        size = (int(match[1]), int(match[2]))
    elif match := _LINES.fullmatch(text):
        size = int(match[1])
    elif match := _PERCENT.fullmatch(text):
        size = Fraction(match[1]) / 100
    if size is None or not (min(size) if isinstance(size, tuple) else size):
        raise UsageError(f"--scale takes a size such as 1280x720, 720p or 50%, not {_short(text)}")
    return size


def _short(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}...")


def as_read(info: MediaInfo, reading: Reading) -> MediaInfo:
    """The target as its frames will come, with ``reading`` settled: a size in numbers, and which frames are made full.

    Scaling keeps the shape that is shown: ``1280x720`` and ``50%`` change the sample aspect ratio by what the size does not
    account for, ``720p`` gives square pixels. Sizes are rounded to whole chroma samples. Raises ``UsageError`` where
    nothing is left, or where the target can't be had that way.
    """
    _check_use(info, reading)
    if reading.deinterlace:
        info, reading = _made_full(info, reading)
    if reading.size is not None:
        info, reading = _scaled(info, reading)
    length = _length(info, reading)
    frames = info.frames
    if reading.rate is not None:
        info = replace(info, time_base=1 / reading.rate, average_rate=reading.rate)
    if length is not None and info.average_rate and (reading.rate or reading.start is not None or reading.end is not None):
        frames = max(1, round(length * info.average_rate))
    return replace(info, frames=frames, reading=reading)


def _check_use(info: MediaInfo, reading: Reading) -> None:
    if info.kind != "video" and reading.deinterlace:
        raise UsageError(f"{info.path} is no video, so it has no interlaced frames; leave --deinterlace out")
    if info.kind in ("picture", "pages"):
        asked = {"--trim-start": reading.start, "--trim-end": reading.end, "--fps": reading.rate}
        for flag, value in asked.items():
            if value is not None:
                raise UsageError(f"{info.path} is a picture, which has no time; leave {flag} out")


def _made_full(info: MediaInfo, reading: Reading) -> tuple[MediaInfo, Reading]:
    if not deinterlaces(info.pix_fmt):
        raise UsageError(f"{info.path} is {info.pix_fmt}, of which no full frames can be made; leave --deinterlace out")
    which: Reading = replace(reading, deinterlace="flagged" if info.field_order else "all")
    return replace(info, field_order=None), which


def _length(info: MediaInfo, reading: Reading) -> Fraction | None:
    """Seconds that are used, as far as it is known. Raises ``UsageError`` where that is nothing."""
    rate = info.average_rate
    known = info.duration_s
    if known is None and info.frames and rate:
        known = float(info.frames / rate)
    whole = None if known is None else Fraction(known) + Fraction(info.start_s) - info.begin_s
    start, end = _in_seconds(reading.start, rate), _in_seconds(reading.end, rate)
    if whole is not None and start is not None and start > whole + _SLACK_S:
        raise UsageError(f"{info.path} ends after {float(whole):.2f} s, before what --trim-start says; take an earlier one")
    ends = [place for place in (end, whole) if place is not None]
    if start is not None and end is not None and start >= end:
        raise UsageError(f"--trim-start lies at or behind --trim-end in {info.path}, so nothing is left of it")
    return max(Fraction(0), min(ends) - (start or 0)) if ends else None


def _in_seconds(place: Place | None, rate: Fraction | None) -> Fraction | None:
    if isinstance(place, int):
        return place / rate if rate else None
    return place


def _scaled(info: MediaInfo, reading: Reading) -> tuple[MediaInfo, Reading]:
    turned = bool(info.rotation % 180)
    aspect = info.sample_aspect_ratio or Fraction(1)
    upright = (info.height, info.width) if turned else (info.width, info.height)
    shown = 1 / aspect if turned else aspect  # of an upright pixel
    wanted = _numbers(reading.size, upright, shown)
    coded = _whole((wanted[1], wanted[0]) if turned else wanted, info.pix_fmt)
    try:
        check_size("what --scale asks for", *coded)
    except InputError as error:
        raise UsageError(str(error)) from None
    now = aspect * Fraction(info.width * coded[1], info.height * coded[0])
    for plain in (Fraction(1), aspect):
        if abs(now / plain - 1) < _SQUARE_ENOUGH:
            now = plain
            break
    settled = replace(reading, size=(coded[1], coded[0]) if turned else coded)
    changed = replace(
        info,
        width=coded[0],
        height=coded[1],
        decoded=None if coded == (info.width, info.height) else (info.width, info.height),
        sample_aspect_ratio=None if now == 1 else now,
        colour=_still(info, coded[1]),
    )
    return changed, settled


def _numbers(size: Size | None, upright: tuple[int, int], shown: Fraction) -> tuple[Fraction, Fraction]:
    """Width and height that are asked for, upright."""
    width, height = upright
    if isinstance(size, tuple):
        return Fraction(size[0]), Fraction(size[1])
    if isinstance(size, int):
        return Fraction(width) * shown * size / height, Fraction(size)
    factor = Fraction(size or 1)
    return width * factor, height * factor


def _whole(size: tuple[Fraction, Fraction], pix_fmt: str) -> tuple[int, int]:
    across, down = size_step(pix_fmt)
    return max(across, round(size[0] / across) * across), max(down, round(size[1] / down) * down)


def _still(info: MediaInfo, height: int) -> Colour:
    """The colour with its matrix said where players would guess another from the new height."""
    layout, colour = info.layout, info.colour
    if layout.model != "yuv" or layout_of(info.pix_fmt, colour, height).matrix == layout.matrix:
        return colour
    return replace(colour, space=SPACES[layout.matrix])
