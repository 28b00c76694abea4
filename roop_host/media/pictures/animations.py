"""Animated pictures in: GIF, WebP, APNG and AVIF as a stream of frames with their own times."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from roop_host.errors import InputError, Interrupted
from roop_host.media.info import Known
from roop_host.media.pictures.animation_files import pictures_of
from roop_host.media.pictures.files import known_picture
from roop_host.media.pictures.reader import PictureReader
from roop_host.media.pictures.samples import scaled
from roop_host.media.pictures.shown import Shown, as_shown
from roop_host.media.raw import planar_frame
from roop_host.types.frame import Frame


class AnimationReader(PictureReader):
    """The frames of an animation as planes of 8-bit R, G, B, with alpha where it has any; one is kept at a time."""

    def frames(
        self, start: int = 0, *, known: Known | None = None, cancel: threading.Event | None = None
    ) -> Iterator[Frame]:
        """Frames from index ``start`` on, or from ``known`` if that is given, as ``VideoReader`` does.

        Each picture builds on those before it, so decoding begins at the first all the same. Raises ``InputError`` where
        the file breaks off, unless ``info.reading.salvage`` ends it there with a notice.
        """
        info = self._info
        first = start if known is None else min(start, known.index)
        last: Shown[NDArray[np.uint8]] | None = None
        for index, item in enumerate(as_shown(self._pictures(), info.reading)):
            if cancel is not None and cancel.is_set():
                raise Interrupted
            if last is None:
                self.origin = item.source_at
            last = item
            if index >= first:
                yield self._frame(index, item)
        if last is None:
            raise InputError(f"{info.path} has no frame in the part that was asked for; choose another --trim-start")
        self.end_s = last.source_at + last.lasts

    def _frame(self, index: int, item: Shown[NDArray[np.uint8]]) -> Frame:
        base, alpha = self._info.time_base, self._info.layout.alpha
        picture = item.picture if alpha else np.ascontiguousarray(item.picture[..., :3])
        picture = scaled(picture, self._info.reading.pixels)
        pts = round(item.at / base)  # of the sum, so that no error adds up
        return planar_frame(
            picture[..., :3],
            picture[..., 3] if alpha else None,
            self._info.layout.transfer,
            index=index,
            pts=pts,
            time_base=base,
            duration=round((item.at + item.lasts) / base) - pts,
        )

    def _pictures(self) -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
        time = Fraction(0)
        try:
            with known_picture(self._info.path) as image:
                for delay, picture in pictures_of(self._info.path, image):
                    time += delay
                    yield delay, picture
        except InputError:
            if not (self._info.reading.salvage and time):
                raise
            self.notices.append(f"{self._info.path} is broken or cut off after {float(time):.2f} s and ends there")
