"""The step ``label``: a text on every frame, drawn once for each size of picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from logging import Logger
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Context, Frame, InputError, JobContext, Processor, UsageError, Window
from roop_provenance.lettering import Lettering, lettering_of
from roop_provenance.options import Options, Position

#: SMPTE ST 2046-1: what must be read stands in the middle 90 % of width and height.
_MARGIN = 0.05
#: GB 45438-2025: at least so much of the shorter side, in per cent.
_GB_PERCENT = 5.0
#: Capitals of fewer pixels are no letters any more; from the second figure on they are read without effort.
_LEAST_PX, _GOOD_PX = 5.0, 9.0
#: Of capitals' height: the dark line around letters, and the plate's rim around both.
_OUTLINE, _RIM = 0.1, 0.45
#: The dark of the plate: on white, letters stand out by 5 to 1, where WCAG 2.2 (1.4.3) asks for 4.5 to 1.
_PLATE = 0.65
#: The letters' grey: where white lies in what is seen of an HDR picture, so that they do not dazzle there.
_WHITE = 0.85
#: Less than this of the letters' place is opaque: the label would not be seen.
_SEEN = 0.9
#: So many letters of a text stand in an error about it, which says what to do next behind them.
_SHOWN = 40


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """The label for pictures of one size: ``bgr`` float32 0..1 ``(h, w, 3)``, the same in uint8, and float32 ``alpha``."""

    bgr: NDArray[np.float32]
    bgr_8: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    capitals_px: float

    def box(self, position: Position, width: int, height: int) -> Box:
        """Where it stands in a picture of that size."""
        high, wide = self.alpha.shape
        left, top = round(_MARGIN * width), round(_MARGIN * height)
        x0 = left if position.endswith("left") else width - left - wide
        x0 = (width - wide) // 2 if position in ("top", "bottom") else x0
        y0 = top if position.startswith("top") else height - top - high
        return Box(x0, y0, x0 + wide, y0 + high)


class Label(Processor):
    """Draws the label. Where it has been drawn depends on the frame alone, so a run that is continued gives the same."""

    def setup(self, ctx: Context) -> None:
        """Raises ``UsageError`` for letters that no font at hand has, ``InputError`` for a font that can't be read."""
        self._options = ctx.options_as(Options)
        self._log: Logger = ctx.log
        self._lettering: Lettering = lettering_of(self._options)
        self._stamps: dict[tuple[int, int], Stamp] = {}
        self._told: set[str] = set()

    def begin(self, job: JobContext) -> None:
        """Raises ``UsageError`` where the label does not fit, before any work; ``InputError`` for pictures among several."""
        self._told.clear()
        if not job.pictures:
            if not self._fits((job.width, job.height)):
                raise UsageError(f"{self._does_not_fit((job.width, job.height))}, or take a larger picture")
            return
        fitting = {size: self._fits(size) for size in set(job.pictures.values())}
        small = {name: size for name, size in job.pictures.items() if not fitting[size]}
        left_out = job.job.media.salvage and len(small) < len(job.pictures)
        if small and not left_out:
            name, size = next(iter(small.items()))
            more = f" and {len(small) - 1} more" if len(small) > 1 else ""
            raise InputError(
                f"{name}{more}: {self._does_not_fit(size)}, take larger ones, or leave them out of a folder with --salvage"
            )

    def process(self, window: Window) -> None:
        """Draw it on every frame."""
        for frame in window.current:
            stamp = self._stamp(frame.width, frame.height)
            box = self._place(frame, stamp)
            frame.put(box, stamp.bgr if frame.depth > 8 else stamp.bgr_8, stamp.alpha)

    def end(self) -> None:
        """Forget the sizes of this job."""
        self._stamps.clear()

    def _stamp(self, width: int, height: int) -> Stamp:
        size = width, height
        if size not in self._stamps:
            self._stamps.clear()  # pictures of a folder may all differ
            self._stamps[size] = self._made(width, height)
        return self._stamps[size]

    def _made(self, width: int, height: int) -> Stamp:
        shorter = min(width, height)
        percent = max(self._options.label_size, _GB_PERCENT) if self._gb else self._options.label_size
        asked_px = shorter * percent / 100
        stamp = fitted(self._lettering, max(asked_px, _GOOD_PX), width, height, self._least_px(shorter))
        if stamp is None:
            raise InputError(f"{self._does_not_fit((width, height))}, or take a larger picture")
        if stamp.capitals_px < asked_px:
            share = 100 * stamp.capitals_px / shorter
            self._tell(
                f"the label is {share:.1f} % of the shorter side high, not {percent:g} %, so that it fits in the width"
            )
        return stamp

    @property
    def _gb(self) -> bool:
        return self._options.label_preset == "gb45438"

    def _least_px(self, shorter: int) -> float:
        """How high capitals must be in a picture of that shorter side."""
        return max(_LEAST_PX, shorter * _GB_PERCENT / 100) if self._gb else _LEAST_PX

    def _fits(self, size: tuple[int, int]) -> bool:
        """Whether it fits where it is as small as may be."""
        least_px = self._least_px(min(size))
        return fitted(self._lettering, least_px, *size, least_px) is not None

    def _does_not_fit(self, size: tuple[int, int]) -> str:
        text = self._lettering.text
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        return (
            f"the label {shown!r} does not fit into a picture of {size[0]}x{size[1]} in letters that can be read"
            f"{' and are as high as GB 45438-2025 asks' if self._gb else ''}; say a shorter --provenance-label-text"
        )

    def _place(self, frame: Frame, stamp: Stamp) -> Box:
        """Where it was asked for; of a picture with alpha, which stays as it is, where the picture is to be seen."""
        asked = stamp.box(self._options.label_position, frame.width, frame.height)
        alpha = frame.alpha()
        if alpha is None:
            return asked
        shown = {box: _opaque(alpha, box, stamp.alpha) for box in self._boxes(frame, stamp)}
        if shown[asked] >= _SEEN:
            return asked
        best = max(shown, key=lambda box: shown[box])
        if shown[best] < _SEEN:
            self._tell("the picture is transparent where a label could stand, so the label is seen in part or not at all")
        else:
            self._tell("the picture is transparent where the label was asked for, so it stands where the picture is seen")
        return best

    def _boxes(self, frame: Frame, stamp: Stamp) -> Iterator[Box]:
        for position in (self._options.label_position, *get_args(Position)):
            yield stamp.box(position, frame.width, frame.height)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._log.warning("%s", text)


def fitted(lettering: Lettering, capitals_px: float, width: int, height: int, least_px: float) -> Stamp | None:
    """The label with capitals of that height, or as high as fits within the margins; None where that is too low."""
    room = width - 2 * round(_MARGIN * width), height - 2 * round(_MARGIN * height)
    while capitals_px >= least_px:
        stamp = stamp_of(lettering.alpha(capitals_px), capitals_px)
        high, wide = stamp.alpha.shape
        over = max(wide / room[0], high / room[1])
        if over <= 1:
            return stamp
        if capitals_px == least_px:
            break
        capitals_px = max(least_px, min(capitals_px / over, capitals_px - 0.25))
    return None


def stamp_of(letters: NDArray[np.float32], capitals_px: float) -> Stamp:
    """Light letters with a dark line around them, on a soft dark plate: one of the three differs from any ground."""
    line, rim = max(1, round(_OUTLINE * capitals_px)), max(2, round(_RIM * capitals_px))
    white = np.pad(letters, rim)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * line + 1, 2 * line + 1))
    outline = np.maximum(cv2.GaussianBlur(cv2.dilate(white, kernel), (0, 0), line / 2), white)
    plate = np.zeros_like(white)
    inset = rim // 3
    plate[inset : plate.shape[0] - inset, inset : plate.shape[1] - inset] = _PLATE
    plate = cv2.GaussianBlur(plate, (0, 0), max(0.5, rim / 8)).astype(np.float32)
    dark = 1 - (1 - plate) * (1 - outline)
    alpha = (1 - (1 - dark) * (1 - white)).astype(np.float32)
    grey = (_WHITE * white / np.maximum(alpha, 1e-6)).astype(np.float32)
    bgr = np.ascontiguousarray(np.repeat(np.clip(grey, 0, 1)[..., None], 3, axis=2))
    return Stamp(bgr, np.rint(bgr * 255).astype(np.uint8), alpha, capitals_px)


def _opaque(alpha: NDArray[np.float32], box: Box, weight: NDArray[np.float32]) -> float:
    """How opaque the picture is under the label, 0..1."""
    return float(np.average(alpha[box.y0 : box.y1, box.x0 : box.x1], weights=weight))
