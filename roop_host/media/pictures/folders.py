"""A folder of pictures: one clip, or many pictures."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from roop_host.errors import InputError, Interrupted, UsageError
from roop_host.media.info import Colour, Known, MediaInfo, Reading
from roop_host.media.kinds import suffix_of
from roop_host.media.pictures.codes import is_own_code
from roop_host.media.pictures.reader import PictureReader
from roop_host.media.pictures.reading import probe_picture, read_picture
from roop_host.media.pictures.shown import Shown, as_shown
from roop_host.media.raw import planar_frame
from roop_host.types.frame import Frame
from roop_host.types.planes import PixelLayout

Mode = Literal["frames", "pictures"]
#: Frames a second where nobody says another number.
USUAL_RATE = Fraction(25)
#: Pictures that are read and not written.
_READ_ONLY = frozenset({".heic", ".heif", ".jfif", ".jpe"})
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder is taken for. ``info`` is of kind ``folder``, its ``items`` in order; ``notices`` say how."""

    info: MediaInfo
    mode: Mode
    notices: tuple[str, ...]


def folder_of(path: Path, wanted: Literal["auto", "frames", "pictures"], reading: Reading) -> Folder:
    """The still pictures in the folder, in natural order: hidden files, sub-folders and QR codes of roop's are none of it.

    As ``frames`` they are shown at ``reading.rate`` (25 unless said), as planes of R, G, B that hold the deepest of them.
    ``auto`` is that where there are several of one size and kind of colour. Raises ``InputError``, and ``UsageError`` where
    frames were asked for and these differ.
    """
    items, left, codes = _pictures(path, reading)
    if not items:
        raise InputError(f"{path} has no picture in it that can be read; name a folder of pictures, or one file")
    first = items[0]
    other = next((item for item in items if _form(item) != _form(first)), None)
    if wanted == "frames" and other is not None:
        raise UsageError(
            f"{other.path} is {_said(other)} and {first.path.name} {_said(first)}, but "
            "the frames of a clip are of one size and kind of colour; take --folder pictures"
        )
    mode: Mode = wanted if wanted != "auto" else "frames" if other is None and len(items) > 1 else "pictures"
    rate = reading.rate or USUAL_RATE
    said = f"one clip of {float(rate):g} frames a second" if mode == "frames" else "pictures one by one"
    notices = [f"{path} is taken for {said} ({len(items)} in it{'; --folder says otherwise' if wanted == 'auto' else ''})"]
    for names, what in ((left, "no still pictures"), (codes, "QR codes that roop drew of uploads")):
        if names:
            more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
            notices.append(f"left out of {path}, being {what}: {', '.join(names[:_TOLD])}{more}")
    return Folder(_described(path, items, rate, reading), mode, tuple(notices))


def _form(item: MediaInfo) -> tuple[int, int, Colour]:
    return item.width, item.height, item.colour


def _said(item: MediaInfo) -> str:
    colour = f" in HDR (colours {item.colour.primaries}, {item.colour.transfer} of H.273)" if item.colour.hdr else ""
    return f"{item.width}x{item.height}{colour}"


def natural(name: str) -> tuple[Any, ...]:
    """Sorts ``img2`` before ``img10``."""
    parts = re.split(r"(\d+)", name.casefold())
    return (*((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts), (2, 0, name))


class FolderReader(PictureReader):
    """The pictures of a folder as frames of a clip; one is kept at a time. Surface and attributes are ``VideoReader``'s.

    With ``info.reading.salvage`` a picture that can't be read is left out with a notice, and the next takes its place;
    ``steady`` is False from there on.
    """

    def frames(
        self, start: int = 0, *, known: Known | None = None, cancel: threading.Event | None = None
    ) -> Iterator[Frame]:
        """Frames from index ``start`` on, or from ``known`` if given. Raises ``InputError`` naming a broken picture."""
        info = self._info
        first = start if known is None else min(start, known.index)
        rate = 1 / info.time_base
        index = 0
        # The rate is that of the pictures themselves: nothing is left to resample.
        for item in as_shown(((1 / rate, picture) for picture in info.items), replace(info.reading, rate=None)):
            if cancel is not None and cancel.is_set():
                raise Interrupted
            if index == 0:
                self.origin = item.source_at
            self.end_s = item.source_at + item.lasts
            # Which of them are broken is seen only by reading them.
            frame = self._read(item, index) if index >= first or info.reading.salvage else None
            if frame is not None and index >= first:
                yield frame
            index += frame is not None or not info.reading.salvage
        if index == 0:
            raise InputError(f"{info.path} has no picture in the part that is asked for that can be read")

    def _read(self, item: Shown[MediaInfo], index: int) -> Frame | None:
        info = self._info
        try:
            still = read_picture(replace(item.picture, reading=Reading(size=(info.width, info.height))))
        except InputError as error:
            if not info.reading.salvage:
                raise
            self.steady = False
            self.notices.append(f"left out: {error}")
            return None
        rgb, alpha = _as(info.layout, still)
        transfer = info.layout.transfer
        return planar_frame(rgb, alpha, transfer, index=index, pts=index, time_base=info.time_base, duration=1)


def _pictures(path: Path, reading: Reading) -> tuple[list[MediaInfo], list[str], list[str]]:
    """The still pictures, the names of what is none, and those of QR codes that roop drew."""
    items: list[MediaInfo] = []
    left: list[str] = []
    codes: list[str] = []
    try:
        names = sorted((entry.name for entry in path.iterdir() if not entry.name.startswith(".")), key=natural)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    for name in names:
        entry = path / name
        if not entry.is_file():
            left.append(f"{name}/" if entry.is_dir() else name)
            continue
        if is_own_code(entry):
            codes.append(name)
            continue
        try:
            found = _looked_at(entry)
        except InputError:
            if not reading.salvage:
                raise
            found = None
        if found is None or found.kind != "picture":
            left.append(name)
        else:
            items.append(found)
    return items, left, codes


def _looked_at(path: Path) -> MediaInfo | None:
    """The picture, or None for something else. Raises ``InputError`` for what its name calls a picture, and is none."""
    try:
        with path.open("rb"):
            found = probe_picture(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    suffix = suffix_of(path)
    if found is None and (path.suffix.lower() in _READ_ONLY or (suffix is not None and suffix.still)):
        raise InputError(f"{path} is no picture that can be read; take another copy, or leave it out with --salvage")
    return found


def _described(path: Path, items: list[MediaInfo], rate: Fraction, reading: Reading) -> MediaInfo:
    deep = any(item.layout.depth > 8 for item in items)
    alpha = any(item.layout.alpha for item in items)
    lost = dict.fromkeys(what for item in items for what in item.left_out)
    return MediaInfo(
        path=path,
        kind="folder",
        width=items[0].width,
        height=items[0].height,
        codec="pictures",
        container="folder",
        pix_fmt=f"gbr{'a' if alpha else ''}p{'16le' if deep else ''}",
        layout=PixelLayout("rgb", 16 if deep else 8, alpha=alpha, full_range=True, transfer=items[0].layout.transfer),
        time_base=1 / rate,
        average_rate=rate,
        frames=len(items),
        duration_s=float(len(items) / rate),
        colour=items[0].colour,
        left_out=tuple(lost),
        is_file=False,
        items=tuple(items),
        reading=reading,
    )


def _as(layout: PixelLayout, still: Frame) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """R, G, B and alpha in the layout's depth; a picture without alpha is opaque."""
    planes, given = still.pixels.planes, still.pixels.layout
    colour = [planes[0]] * 3 if given.model == "grey" else [planes[2], planes[1], planes[0]]
    rgb = np.stack(colour, axis=-1)
    alpha = planes[-1] if given.alpha else np.full(rgb.shape[:2], given.peak, rgb.dtype)
    if layout.depth > given.depth:
        rgb, alpha = rgb.astype(np.uint16) * 257, alpha.astype(np.uint16) * 257  # 255 becomes 65535
    return rgb, alpha if layout.alpha else None
