"""Aligned crops as insightface makes them, and putting them back: what is equal, what is touched, what is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from insightface.utils.face_align import estimate_norm, norm_crop2
from numpy.typing import NDArray

from roop_host import Box, Frame
from roop_host.testing import frame_of
from roop_vision.align import aligned_crop, arcface_template, crop_matrix, place_of, scale_of
from roop_vision.masks import face_mask, rounded_box
from roop_vision.paste import at_scale, paste_crop
from roop_vision.topology import CHIN, FOREHEAD, topology

Picture = NDArray[np.uint8]
Matrix = NDArray[np.float64]


def points_at(x: float, y: float, side: float, degrees: float = 0.0, noise: float = 0.0) -> NDArray[np.float32]:
    """Five points of a face whose crop of 128 has its middle at ``(x, y)`` and is ``side`` pixels wide there."""
    turn = np.radians(degrees)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * side / 128
    jitter = np.random.default_rng(1).normal(size=(5, 2)) * noise * side
    return ((arcface_template(128) - 64) @ axes.T + (x, y) + jitter).astype(np.float32)


def matrix_of(points: NDArray[np.float32]) -> Matrix:
    matrix = crop_matrix(points, arcface_template(128))
    assert matrix is not None
    return matrix


def photo(bgr: Picture, width: int, height: int) -> Picture:
    kind = cv2.INTER_AREA if width < bgr.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(bgr, (width, height), interpolation=kind), np.uint8)


@pytest.mark.parametrize("size", [112, 128, 224, 256, 512])
def test_the_matrix_is_insightfaces(size: int) -> None:
    points = points_at(300, 200, 180, 25, 0.02)
    matrix = crop_matrix(points, arcface_template(size))
    assert np.allclose(matrix, estimate_norm(points, size), atol=1e-4)


def test_a_crop_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 112 or 128"):
        arcface_template(100)


@pytest.mark.parametrize("side", [40, 90, 128, 200, 240])
@pytest.mark.parametrize(("x", "y"), [(250, 300), (20, 30), (500, 590)])
def test_the_crop_is_insightfaces(hopper: Picture, side: float, x: float, y: float) -> None:
    points = points_at(x, y, side, -17, 0.02)
    theirs, _ = norm_crop2(hopper, points, 128)
    crop = aligned_crop(frame_of(hopper), matrix_of(points), 128)
    assert crop is not None
    assert np.abs(crop.astype(int) - theirs).max() <= 1


def test_only_the_region_of_the_face_is_read(hopper: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Box] = []
    real: Callable[..., Any] = Frame.bgr
    monkeypatch.setattr(Frame, "bgr", lambda self, box=None, *more: read.append(box) or real(self, box, *more))
    frame = frame_of(hopper)
    for side in (60, 200, 400):
        aligned_crop(frame, matrix_of(points_at(250, 300, side)), 128)
        assert max(read[-1].width, read[-1].height) < side * 1.2


def test_fine_patterns_in_a_large_face_become_grey() -> None:
    board = (np.indices((1400, 1400)).sum(0) % 2 * 255).astype(np.uint8)
    bgr = np.repeat(board[..., None], 3, axis=2)
    for side in (300, 520, 1100):
        points = points_at(700.3, 690.8, side, 12)
        crop = aligned_crop(frame_of(bgr), matrix_of(points), 128)
        assert crop is not None
        inner = crop[8:-8, 8:-8].astype(int)
        assert np.abs(inner - 127).max() <= 40, side  # odd squares: of 9 cells 5 are white
        assert inner.std() < 20
        assert norm_crop2(bgr, points, 128)[0][8:-8, 8:-8].std() > 25


def test_a_large_face_lies_where_insightface_puts_it(hopper: Picture) -> None:
    smooth = np.asarray(cv2.GaussianBlur(photo(hopper, 2048, 2400), (0, 0), 16), np.uint8)
    for x, y, side in ((1000, 900, 900), (60, 2300, 700), (2000, 100, 1400)):
        points = points_at(x, y, side, 8)
        crop = aligned_crop(frame_of(smooth), matrix_of(points), 128)
        assert crop is not None
        theirs = norm_crop2(smooth, points, 128)[0]
        near = cv2.dilate((theirs == 0).all(2).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # the picture's edge
        assert np.abs(crop.astype(int) - theirs)[~near].mean() < 0.5


def test_what_is_averaged_does_not_move_with_the_face() -> None:
    """Squares on the picture's own grid: a still pattern looks the same whether the face is a pixel further or not."""
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 1), dtype=np.uint8).repeat(3, 2)
    crops = [aligned_crop(frame_of(noise), matrix_of(points_at(300 + k, 300, 512)), 128) for k in (0, 4)]
    assert crops[0] is not None
    assert crops[1] is not None
    assert np.abs(crops[0][4:-4, 5:-4].astype(int) - crops[1][4:-4, 4:-5]).max() <= 1


NAN = points_at(100, 100, 60)
NAN[2, 0] = np.nan


@pytest.mark.parametrize(
    "points",
    [
        NAN,
        np.full((5, 2), 40, np.float32),
        np.stack([np.linspace(10, 90, 5)] * 2, 1).astype(np.float32),
        np.full((5, 2), np.inf, np.float32),
        points_at(100, 100, 60) * np.float32(1e30),
        points_at(100, 100, 60)[:4],
    ],
    ids=["nan", "spot", "line", "inf", "far", "four"],
)
def test_points_that_say_nothing(points: NDArray[np.float32]) -> None:
    assert crop_matrix(points, arcface_template(128)) is None


def test_a_face_outside_of_the_picture(hopper: Picture) -> None:
    assert aligned_crop(frame_of(hopper), matrix_of(points_at(-300, 200, 150)), 128) is None


# --- putting back


def soft() -> NDArray[np.float32]:
    return rounded_box(128, margins=(0.05, 0.05, 0.05, 0.02), radius=0.3, feather=0.08)


def plainly(bgr: Picture, crop: NDArray[Any], matrix: Matrix, alpha: NDArray[np.float32]) -> NDArray[np.floating]:
    """Crop and mask warped over the whole picture and blended in float."""
    size, inverse = bgr.shape[1::-1], cv2.WARP_INVERSE_MAP
    patch, fitted, kind = at_scale(crop, matrix)
    colour = cv2.warpAffine(patch, fitted, size, flags=inverse | kind, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(alpha, matrix, size, flags=inverse | cv2.INTER_LINEAR)[..., None]
    return np.rint(mask * colour.astype(np.float32) + (1 - mask) * bgr)


@pytest.mark.parametrize("side", [70, 128, 150, 400, 900])
@pytest.mark.parametrize(("x", "y"), [(480, 270), (30, 500), (930, 20)])
def test_the_paste_is_the_plain_one(hopper: Picture, collins: Picture, side: float, x: float, y: float) -> None:
    bgr, crop = photo(hopper, 960, 540), photo(collins[100:300, 150:350], 128, 128)
    matrix = matrix_of(points_at(x, y, side, 21))
    frame = frame_of(bgr)
    paste_crop(frame, crop, matrix, soft())
    assert np.abs(frame.bgr() - plainly(bgr, crop, matrix, soft())).max() <= 1


@pytest.mark.parametrize("side", [150, 230, 270, 430])
def test_enlarging_is_cubic(hopper: Picture, side: float) -> None:
    """Itself, or by way of a finer grid, which is within a level of a cubic warp all but everywhere."""
    crop = photo(hopper[100:400, 100:400], 128, 128)
    matrix = matrix_of(points_at(480, 270, side, 14))
    frame, alpha = frame_of(np.zeros((540, 960, 3), np.uint8)), np.ones((128, 128), np.float32)
    paste_crop(frame, crop, matrix, alpha)
    flags = cv2.WARP_INVERSE_MAP
    cubic, linear = (
        cv2.warpAffine(crop, matrix, (960, 540), flags=flags | kind) for kind in (cv2.INTER_CUBIC, cv2.INTER_LINEAR)
    )
    inner = cv2.warpAffine(soft(), matrix, (960, 540), flags=flags | cv2.INTER_NEAREST) == 1
    off, off_linear = (np.abs(frame.bgr().astype(int) - other)[inner] for other in (cubic, linear))
    assert np.percentile(off, 99) <= 1
    assert np.percentile(off_linear, 99) > 5


def test_a_crop_at_its_own_scale_comes_back_as_it_was(hopper: Picture) -> None:
    matrix = np.array([[1.0, 0, -200], [0, 1.0, -150]])
    frame = frame_of(hopper)
    crop = aligned_crop(frame, matrix, 128)
    assert crop is not None
    assert np.array_equal(crop, hopper[150:278, 200:328])
    paste_crop(frame, crop, matrix, soft())
    assert np.array_equal(frame.bgr(), hopper)


@pytest.mark.parametrize("side", [30, 45, 64, 300])
def test_a_flat_crop_stays_flat(side: float) -> None:
    """No dark rim where a small crop is shrunk, no overshoot where it is enlarged."""
    frame = frame_of(np.full((400, 400, 3), 180, np.uint8))
    paste_crop(frame, np.full((128, 128, 3), 180, np.uint8), matrix_of(points_at(200.3, 199.8, side, 33)), soft())
    assert np.abs(frame.bgr().astype(int) - 180).max() <= 1


@pytest.mark.parametrize(
    ("size", "scale", "grid"), [(1024, 0.93, 1024), (1024, 0.3, 1024), (512, 0.6, 512), (512, 0.3, 2560), (128, 0.4, 640)]
)
def test_a_finer_grid_is_made_where_it_pays(size: int, scale: float, grid: int) -> None:
    """Not for a crop that is enlarged little, and not for a large one, of which it would take a lot of memory."""
    patch, *_ = at_scale(np.zeros((size, size, 4), np.uint8), np.array([[scale, 0, 0], [0, scale, 0]]))
    assert patch.shape[0] == grid


@pytest.mark.parametrize("side", [200, 430])
def test_a_crop_in_floats_does_not_overshoot_where_it_is_enlarged(side: float) -> None:
    """A cubic curve rises above white and falls below black beside an edge: half covered, that would not be cut off."""
    crop = np.zeros((128, 128, 3), np.float32)
    crop[:, 64:] = 1
    frame = frame_of(np.full((500, 500, 3), 128, np.uint8))
    paste_crop(frame, crop, matrix_of(points_at(250, 250, side)), np.full((128, 128), 0.5, np.float32))
    inner = frame.bgr()[100:400, 100:400]
    assert inner.min() >= 63
    assert inner.max() <= 192


@pytest.mark.parametrize("side", [60, 128, 300])
def test_the_crops_outermost_rows_are_not_drawn(side: float) -> None:
    """A mask that is 1 to the edge gets a soft edge all the same: within a pixel of the crop, and not beyond it."""
    matrix = np.array([[128 / side, 0, -100 * 128 / side], [0, 128 / side, -100 * 128 / side]])
    frame = frame_of(np.zeros((500, 500, 3), np.uint8))
    crop = np.full((128, 128, 3), 200, np.uint8)
    paste_crop(frame, crop, matrix, np.ones((128, 128), np.float32))
    row = frame.bgr()[round(100 + side / 2), :, 0].astype(int)
    at = (np.arange(500) - 100) * 128 / side  # where in the crop
    assert not row[(at <= 0) | (at >= 127)].any()
    assert (row[(at >= 1) & (at <= 126)] >= 199).all()


def test_no_dark_rim_around_a_small_face() -> None:
    """Where a crop was shrunk, its own last pixels lie inside of its mask, and what is drawn there must not be black."""
    white = np.full((128, 128, 3), 200, np.uint8)
    for side in (20, 30, 41, 55):
        frame = frame_of(np.full((200, 200, 3), 200, np.uint8))
        paste_crop(frame, white, matrix_of(points_at(100.4, 99.7, side, 20)), np.ones((128, 128), np.float32))
        assert np.abs(frame.bgr().astype(int) - 200).max() <= 1, side


def test_a_small_face_is_averaged() -> None:
    """Lines one pixel wide, on a face a third as large: every third of them would be black or white."""
    lines = (np.arange(128) % 2 * 255).astype(np.uint8)[None, :, None].repeat(128, 0).repeat(3, 2)
    frame = frame_of(np.full((200, 200, 3), 127, np.uint8))
    paste_crop(frame, lines, matrix_of(points_at(100, 100, 41)), np.ones((128, 128), np.float32))
    assert np.abs(frame.bgr().astype(int) - 127).max() < 70


def test_nothing_outside_of_the_mask_is_touched(hopper: Picture) -> None:
    matrix = matrix_of(points_at(250, 300, 200, 40))
    alpha = np.zeros((128, 128), np.float32)
    alpha[40:60, 50:90] = 1
    frame = frame_of(hopper)
    paste_crop(frame, 255 - photo(hopper, 128, 128), matrix, alpha, face_id=4)
    changed = (frame.bgr() != hopper).any(2)
    ys, xs = np.nonzero(changed)
    at = np.stack([xs, ys, np.ones_like(xs)], 1) @ matrix.T
    assert at[:, 0].min() > 48
    assert at[:, 0].max() < 91
    assert at[:, 1].min() > 38
    assert at[:, 1].max() < 61
    assert changed.sum() > 0.9 * 20 * 40 / scale_of(matrix) ** 2
    assert frame.edited == {4}


def test_a_mask_that_shows_nothing_or_lies_outside(hopper: Picture) -> None:
    frame = frame_of(hopper)
    crop = np.zeros((128, 128, 3), np.uint8)
    paste_crop(frame, crop, matrix_of(points_at(250, 300, 200)), np.zeros((128, 128), np.float32))
    paste_crop(frame, crop, matrix_of(points_at(-900, 300, 200)), soft())
    assert not frame.changed_by()


def test_the_box_of_a_part_holds_all_that_is_drawn() -> None:
    matrix = matrix_of(points_at(200, 200, 77, 31))
    drawn = cv2.warpAffine(np.ones((128, 128), np.uint8), matrix, (400, 400), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    box = place_of(matrix, -1, -1, 128, 128)
    ys, xs = np.nonzero(drawn)
    assert box.x0 <= xs.min()
    assert box.x1 > xs.max()
    assert box.y0 <= ys.min()
    assert box.y1 > ys.max()


# --- masks


def test_a_rounded_box_is_soft_inside_the_crop() -> None:
    mask = rounded_box(128, margins=(0.1, 0.1, 0.1, 0.02), radius=0.3, feather=0.1)
    assert mask.shape == (128, 128)
    assert max(mask[:, 0].max(), mask[:, -1].max(), mask[0].max(), mask[-1].max()) == 0
    assert mask[64, 64] == mask[108, 64] == 1
    assert mask[20, 20] == 0  # a corner
    assert np.abs(np.diff(mask, axis=0)).max() < 0.15
    assert np.allclose(mask, mask[:, ::-1], atol=1e-6)


def test_the_face_mask_holds_the_chin_also_at_the_crops_edge() -> None:
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = topology().uv * 92 + (18, 24)
    for down in (0, 10):
        matrix = np.array([[1.0, 0, 0], [0, 1.0, down]])
        mask = face_mask(mesh, matrix, 128, grow=0.08, feather=0.065)
        chin, top = (mesh[k, :2] + (0, down) for k in (CHIN, FOREHEAD))
        assert mask.shape == (128, 128)
        assert mask[min(127, round(float(chin[1])) - 6), 64] > 0.8
        assert mask[round(float(top[1])) + 6, 64] > 0.8
        assert mask[max(0, round(float(top[1])) - 8), 64] == 0
        assert mask[5, 5] == 0
