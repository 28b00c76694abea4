"""A small picture made of planes is what Pillow makes of the whole one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from roop_host.types.frame import Frame
from roop_host.types.geometry import Box
from roop_host.types.planes import PixelLayout, Pixels

COLLINS = Path(__file__).parents[2] / "examples" / "media" / "collins.jpg"
LAYOUTS = [
    PixelLayout("yuv", 8, 1, 1),
    PixelLayout("yuv", 8, 1, 1, full_range=True, matrix="bt601"),
    PixelLayout("yuv", 8, 1, 0),
    PixelLayout("yuv", 8, 0, 1),
    PixelLayout("yuv", 8, 2, 0),
    PixelLayout("yuv", 8, 0, 0, alpha=True),
    PixelLayout("yuv", 10, 1, 1, matrix="bt2020"),
    PixelLayout("yuv", 12, 0, 0),
    PixelLayout("grey", 8),
    PixelLayout("grey", 16, full_range=True),
    PixelLayout("rgb", 8, full_range=True),
    PixelLayout("rgb", 16, full_range=True, alpha=True),
]
SIZE = (96, 64)


def photo(layout: PixelLayout, width: int, height: int, rotation: int = 0) -> Frame:
    """A photograph in planes, ``width`` x ``height`` as coded; the chroma of a pixel group is its mean."""
    picture = cv2.resize(cv2.imread(str(COLLINS)), (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    matrix = layout.to_bgr(255.0)
    if layout.model == "grey":
        codes = ((picture.mean(axis=2) - matrix[0, 1]) / matrix[0, 0])[..., None]
    else:
        codes = (picture - matrix[:, 3]) @ np.linalg.inv(matrix[:, :3]).T
    planes = []
    for number in range(codes.shape[2]):
        plane = np.ascontiguousarray(codes[..., number])
        if number and (layout.shift_x or layout.shift_y):
            across, down = 1 << layout.shift_x, 1 << layout.shift_y
            plane = cv2.copyMakeBorder(plane, 0, -height % down, 0, -width % across, cv2.BORDER_REPLICATE)
            plane = plane.reshape(plane.shape[0] // down, down, plane.shape[1] // across, across).mean(axis=(1, 3))
        planes.append(np.clip(np.rint(plane), 0, layout.peak).astype(layout.dtype))
    if layout.alpha:
        planes.append(np.zeros((height, width), layout.dtype))
    return Frame(Pixels(layout, tuple(planes)), rotation=rotation)


def by_pillow(frame: Frame, width: int, height: int, box: Box | None = None) -> NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(frame.bgr(box)))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def assert_near(frame: Frame, box: Box | None = None, size: tuple[int, int] = SIZE) -> None:
    """Equal but for rounding, and for the rim, where the edge is repeated."""
    before = frame.nbytes
    small = frame.shrunk(*size, box)
    assert frame.nbytes == before  # no picture was made of all of it
    off = np.abs(small.astype(int) - by_pillow(frame, *size, box))
    assert (small.shape, small.dtype) == ((size[1], size[0], 3), np.uint8)
    assert off[2:-2, 2:-2].max() <= 4
    assert off.max() <= 24
    assert off.mean() < 0.5


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_layout_upright(layout: PixelLayout, rotation: int) -> None:
    assert_near(photo(layout, 800, 880, rotation))


@pytest.mark.parametrize("size", [(480, 362), (476, 361), (481, 1024), (1501, 333)], ids=str)
@pytest.mark.parametrize("layout", [LAYOUTS[3], LAYOUTS[7], LAYOUTS[8], LAYOUTS[10]], ids=str)
def test_odd_sizes(layout: PixelLayout, size: tuple[int, int]) -> None:
    assert_near(photo(layout, size[0], size[1] + size[1] % (1 << layout.shift_y)))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("layout", [LAYOUTS[0], LAYOUTS[6], LAYOUTS[10]], ids=str)
def test_a_box(layout: PixelLayout, rotation: int) -> None:
    assert_near(photo(layout, 512, 520, rotation), Box(60, 40, 460, 440))
    assert_near(photo(layout, 512, 520, rotation), Box(-20, 100, 502, 900))


def test_nothing_beside_a_box_counts() -> None:
    frame = photo(LAYOUTS[0], 640, 480)
    box = Box(100, 60, 500, 400)
    small = frame.shrunk(*SIZE, box)
    outside = [plane.copy() for plane in frame.pixels.planes]
    for plane, step in zip(outside, (1, 2, 2), strict=True):
        inside = (slice(box.y0 // step, box.y1 // step), slice(box.x0 // step, box.x1 // step))
        kept = plane[inside].copy()
        plane[...] = 255
        plane[inside] = kept
    assert (Frame(Pixels(LAYOUTS[0], tuple(outside))).shrunk(*SIZE, box) == small).all()


@pytest.mark.parametrize(
    ("made", "box"),
    [
        ((200, 150), None),  # a little smaller
        ((60, 40), None),  # enlarged
        ((300, 40), None),  # smaller across, larger down
        ((640, 480), Box(11, 7, 31, 20)),
        ((640, 480), Box(630, 0, 640, 480)),
        ((7, 5), None),
        ((481, 361), None),  # a chroma sample reaches over the edge
        ((640, 480), Box(61, 43, 461, 443)),
    ],
    ids=str,
)
def test_what_is_small_or_cuts_chroma_is_exactly_pillows(made: tuple[int, int], box: Box | None) -> None:
    frame = photo(LAYOUTS[0], *made)
    assert (frame.shrunk(*SIZE, box) == by_pillow(frame, *SIZE, box)).all()


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_is_as_it_is_seen(transfer: str) -> None:
    layout = PixelLayout("yuv", 10, 1, 1, matrix="bt2020", transfer=transfer)  # type: ignore[arg-type]
    frame = photo(layout, 480, 400)
    assert (frame.shrunk(*SIZE) == by_pillow(frame, *SIZE)).all()


def test_long_pictures() -> None:
    assert_near(photo(LAYOUTS[3], 2000, 480), size=(64, 16))
    many_times = photo(LAYOUTS[0], 4200, 96)
    assert (many_times.shrunk(64, 16) == by_pillow(many_times, 64, 16)).all()
