"""A small picture: from planes that are scaled down as they are where that pays, else by way of B, G, R and Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.types.geometry import Box
from roop_host.types.planes import PixelLayout, Pixels
from roop_host.types.samples import chroma_hull, to_bgr

if TYPE_CHECKING:
    from av.video.reformatter import VideoReformatter

# A picture with fewer pixels for each new one is quick enough by way of B, G, R, and then has Pillow's very rounding.
_MANY = 7
# swscale's filter must lie inside of the picture, and its weights become coarse where it has many.
_LEAST_SIDE, _MOST_TIMES = 64, 32
# swscale gives 16 bits: a level of 8 bits is 256 there, one of a deeper plane is itself.
_STEP_OF_8_BITS = 256
_PC_RANGE = 2


def pays(pixels: Pixels, coded: Box, width: int, height: int) -> bool:
    """Whether ``from_planes`` is right for a coded box, and worth it.

    Its planes are a clip's: a still has B, G, R or grey, is looked at once, and is worth Pillow's very rounding. It is
    SDR, made much smaller, and begins and ends where chroma samples do: else colours would lie beside their places.
    """
    layout = pixels.layout
    hull = chroma_hull(coded, layout.shift_x, layout.shift_y)
    whole = Box(hull.x0 << layout.shift_x, hull.y0 << layout.shift_y, hull.x1 << layout.shift_x, hull.y1 << layout.shift_y)
    many = coded.width * coded.height >= _MANY * width * height
    large = min(coded.width, coded.height) >= _LEAST_SIDE and coded.width >= width and coded.height >= height
    within = coded.width <= _MOST_TIMES * width and coded.height <= _MOST_TIMES * height
    return layout.model == "yuv" and layout.transfer == "sdr" and whole == coded and many and large and within


class Scalers:
    """swscale's filters for luma and chroma, made once while sizes stay: a fifth of what a small picture costs."""

    def __init__(self) -> None:
        self._kept: dict[str, VideoReformatter] = {}

    def of(self, role: str) -> VideoReformatter:
        from av.video.reformatter import VideoReformatter

        if role not in self._kept:
            self._kept[role] = VideoReformatter()
        return self._kept[role]


def from_planes(pixels: Pixels, coded: Box, width: int, height: int, scalers: Scalers) -> NDArray[np.uint8]:
    """uint8 ``(height, width, 3)`` B, G, R of a coded box, not turned upright.

    swscale's bilinear filter is a triangle over all that a new pixel covers, as Pillow's is: of one plane they differ by
    less than a tenth of a level but at the rim, where one repeats the last pixel and the other leaves it out.
    """
    codes = cv2.merge(_small_planes(pixels, coded, width, height, scalers))
    return np.asarray(cv2.convertScaleAbs(cv2.transform(codes, _matrix(pixels.layout))), np.uint8)


def from_bgr(bgr: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """uint8 ``(height, width, 3)`` by Pillow's bilinear filter."""
    from PIL import Image

    picture = Image.fromarray(bgr)  # Pillow treats channels alike, so B, G, R may pass as R, G, B
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def _small_planes(pixels: Pixels, coded: Box, width: int, height: int, scalers: Scalers) -> list[NDArray[np.uint16]]:
    layout = pixels.layout
    hull = chroma_hull(coded, layout.shift_x, layout.shift_y)
    todo = [("luma", coded), ("chroma", hull), ("chroma", hull)]
    return [
        _scaled(scalers.of(role), plane[box.y0 : box.y1, box.x0 : box.x1], width, height)
        for (role, box), plane in zip(todo, pixels.planes, strict=False)  # alpha is left out
    ]


def _scaled(scaler: VideoReformatter, plane: NDArray[Any], width: int, height: int) -> NDArray[np.uint16]:
    from av import VideoFrame
    from av.video.reformatter import Interpolation

    if plane.strides[1] != plane.itemsize or plane.strides[0] < 0:
        plane = np.ascontiguousarray(plane)
    small = scaler.reformat(
        VideoFrame.from_numpy_buffer(plane, format="gray" if plane.itemsize == 1 else "gray16le"),
        width,
        height,
        "gray16le",
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT,
        src_color_range=_PC_RANGE,  # the same on both sides: codes stay codes
        dst_color_range=_PC_RANGE,
        threads=1,
    ).planes[0]
    codes: NDArray[np.uint16] = np.frombuffer(small, np.uint16)  # type: ignore[call-overload]  # planes are buffers
    return codes.reshape(height, -1)[:, :width]


def _matrix(layout: PixelLayout) -> NDArray[np.float32]:
    """From what swscale gives, and 1, to B, G, R in 0..255."""
    matrix = to_bgr(layout, 255.0).copy()
    if layout.depth == 8:
        matrix[:, :-1] /= _STEP_OF_8_BITS
    return matrix
