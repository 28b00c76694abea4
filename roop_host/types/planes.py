"""Decoded planes, their layout, and the matrices between code values and B, G, R."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from roop_host.types.transfer import Transfer

Matrix = Literal["bt601", "bt709", "bt2020"]
_GREY = 128
#: Lines that are made at once: in floats a large picture would take gigabytes.
_STRIP = 64

# Kr, Kb of ITU-R BT.601, BT.709 and BT.2020.
_LUMA: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """How planes carry colour.

    ``yuv`` has planes Y, U, V with chroma sampled at ``1 / 2**shift`` of each axis, ``rgb`` has B, G, R, ``grey`` one.
    ``depth`` is bits per sample (8 in uint8, more in uint16). With ``alpha`` the last plane is alpha and is never changed.
    ``transfer`` tells HDR, which ``FrameView.bgr`` shows as SDR.
    """

    model: Literal["yuv", "rgb", "grey"]
    depth: int = 8
    shift_x: int = 0
    shift_y: int = 0
    alpha: bool = False
    full_range: bool = False
    matrix: Matrix = "bt709"
    transfer: Transfer = "sdr"

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.depth == 8 else np.uint16

    @property
    def peak(self) -> int:
        """The highest code value."""
        return int((1 << self.depth) - 1)

    def from_bgr(self, peak: float) -> NDArray[np.float32]:
        """3x3 (1x3 for grey): a difference of B, G, R in 0..``peak`` to a difference of code values."""
        if self.model == "rgb":
            return (np.eye(3) * self.peak / peak).astype(np.float32)
        kr, kb = _LUMA[self.matrix]
        kg = 1 - kr - kb
        luma, chroma = self._scales()
        y = np.array([kb, kg, kr])
        if self.model == "grey":
            return (y[None] * luma / peak).astype(np.float32)
        u = (np.array([1.0, 0, 0]) - y) / (2 * (1 - kb))
        v = (np.array([0, 0, 1.0]) - y) / (2 * (1 - kr))
        return (np.stack([y * luma, u * chroma, v * chroma]) / peak).astype(np.float32)

    def to_bgr(self, peak: float) -> NDArray[np.float32]:
        """3x4 (3x2 for grey): code values and 1 to B, G, R in 0..``peak``."""
        luma, chroma = self._scales()
        offset = 0.0 if self.full_range or self.model == "rgb" else float(16 << (self.depth - 8))
        if self.model == "rgb":
            return np.hstack([np.eye(3) * peak / self.peak, np.zeros((3, 1))]).astype(np.float32)
        if self.model == "grey":
            return np.array([[peak / luma, -offset * peak / luma]] * 3, np.float32)
        kr, kb = _LUMA[self.matrix]
        kg = 1 - kr - kb
        a = np.array(
            [
                [1, 2 * (1 - kb), 0],
                [1, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg],
                [1, 0, 2 * (1 - kr)],
            ]
        ) * (peak / np.array([luma, chroma, chroma]))
        middle = float(1 << (self.depth - 1))
        shift = -a @ np.array([offset, middle, middle])
        return np.hstack([a, shift[:, None]]).astype(np.float32)

    def _scales(self) -> tuple[float, float]:
        if self.full_range or self.model == "rgb":
            return float(self.peak), float(self.peak)
        return float(219 << (self.depth - 8)), float(224 << (self.depth - 8))


class Pixels:
    """Planes in memory. ``shares`` counts other handles; whoever wants to write while it is above 0 copies first.

    ``width`` and ``height`` are those of the coded picture. This class keeps plain arrays; media keeps decoder frames.
    """

    def __init__(self, layout: PixelLayout, planes: tuple[NDArray[Any], ...]) -> None:
        self._layout = layout
        self.planes = planes
        self.height: int = planes[0].shape[0]
        self.width: int = planes[0].shape[1]
        self._shares = 0
        self._lock = threading.Lock()

    @property
    def layout(self) -> PixelLayout:
        """How to read the planes: nobody exchanges it, or screeners and encoders would see different colours."""
        return self._layout

    @property
    def shared(self) -> bool:
        return self._shares > 0

    @property
    def nbytes(self) -> int:
        return sum(int(plane.nbytes) for plane in self.planes)

    def share(self) -> None:
        with self._lock:
            self._shares += 1

    def release(self) -> None:
        with self._lock:
            self._shares -= 1

    def make_writable(self) -> None:
        """Called before the first write; afterwards ``planes`` may be written."""

    def copy(self) -> Pixels:
        """The same picture in memory of its own, not shared. An array of somebody's own class may not copy itself at all."""
        return Pixels(self.layout, tuple(np.array(plane, order="C") for plane in self.planes))


def rgb_pixels(rgb: NDArray[Any], alpha: NDArray[Any] | None = None) -> Pixels:
    """Pixels over an ``(H, W, 3)`` R, G, B array of uint8 or uint16 (written in place), with ``(H, W)`` alpha if given."""
    planes = (rgb[..., 2], rgb[..., 1], rgb[..., 0])
    layout = PixelLayout("rgb", rgb.dtype.itemsize * 8, alpha=alpha is not None, full_range=True)
    return Pixels(layout, planes if alpha is None else (*planes, alpha))


def grey_pixels(grey: NDArray[Any], alpha: NDArray[Any] | None = None) -> Pixels:
    """Pixels over an ``(H, W)`` array of uint8 or uint16 (written in place), with an optional ``(H, W)`` alpha.

    A change of colour moves grey by its luma of BT.601, as JPEG and Pillow count it.
    """
    layout = PixelLayout("grey", grey.dtype.itemsize * 8, alpha=alpha is not None, full_range=True, matrix="bt601")
    return Pixels(layout, (grey,) if alpha is None else (grey, alpha))


def over_grey(colour: NDArray[Any], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 ``(H, W, 3)`` over mid-grey by ``alpha`` ``(H, W)`` in 0..1, in the same order of channels.

    The gate looks at it, and it is what is written where a format has no alpha: nothing else would have been screened.
    """
    return over(colour, alpha, _GREY)


def over(colour: NDArray[Any], alpha: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
    """As ``over_grey``, over grey of ``level`` in 0..255."""
    seen = np.empty(colour.shape, np.uint8)
    for first in range(0, len(colour), _STRIP):
        rows = slice(first, first + _STRIP)
        part = colour[rows].astype(np.float32) - level
        part *= alpha[rows, :, None]
        part += level
        seen[rows] = np.rint(part, out=part)
    return seen


def field_pixels(pixels: Pixels, field: int) -> Pixels:
    """Every second line of each plane, from ``field`` (0, 1) on: chroma of interlaced pictures lies in fields as well.

    Where the last of the second field's chroma lines would lie below the picture, the one before stands for it.
    """
    luma, *others = pixels.planes
    lines = len(luma[field::2])
    chroma = -(-lines >> pixels.layout.shift_y)
    planes = (_lines(plane, field, lines if len(plane) == len(luma) else chroma) for plane in others)
    return Pixels(pixels.layout, (luma[field::2], *planes))


def _lines(plane: NDArray[Any], field: int, count: int) -> NDArray[Any]:
    lines = plane[field::2]
    if len(lines) == count:
        return lines
    last = lines[-1:] if len(lines) else plane[-1:]
    return np.concatenate([lines, np.repeat(last, count - len(lines), axis=0)])
