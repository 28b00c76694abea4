"""Marks in pictures: they stand in the picture whatever its size, and don't cover each other."""

from __future__ import annotations

import numpy as np
import pytest

from roop_host.faces.drawing import MOST_CELLS, Marked, colour_of, heat, sheet, side_by_side, with_faces

WORDS = ("1  position 0  score 0.98", "yaw -12  pitch 3")


@pytest.mark.parametrize("size", [(24, 16), (200, 320), (1080, 1920)])
def test_a_face_is_boxed_and_told_at_any_size(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 128, np.uint8)
    h, w = size
    drawn = with_faces(picture, [Marked(1, (w * 0.4, h * 0.3, w * 0.6, h * 0.6), WORDS)])
    assert drawn.shape == picture.shape
    assert (picture == 128).all()
    assert (drawn == colour_of(1)).all(-1).any()


def test_words_grow_with_the_picture_and_stand_apart() -> None:
    def tagged(height: int, width: int) -> float:
        faces = [Marked(n, (width * 0.3, height * 0.3, width * 0.5, height * 0.6), WORDS) for n in (1, 2)]
        drawn = with_faces(np.zeros((height, width, 3), np.uint8), faces)
        return min(float((drawn == colour_of(n)).all(-1).mean()) for n in (1, 2))

    small, large = tagged(1080, 1920), tagged(2160, 3840)
    assert small > 0.01
    assert large == pytest.approx(small, rel=0.2)


def test_a_sheet_holds_everybody() -> None:
    cell = np.full((80, 60, 3), 200, np.uint8)
    drawn = sheet([(cell, Marked(n, (0, 0, 1, 1), WORDS)) for n in range(1, 8)])
    for number in range(1, 8):
        assert (drawn == colour_of(number)).all(-1).sum() > 500
    assert drawn.shape[1] > 5 * 256


def test_a_sheet_of_many_is_about_square_and_fits_into_any_picture() -> None:
    cell = np.full((80, 60, 3), 200, np.uint8)
    for count in (30, MOST_CELLS, MOST_CELLS + 7):
        drawn = sheet([(cell, Marked(n, (0, 0, 1, 1), WORDS)) for n in range(1, count + 1)])
        assert max(drawn.shape) < 16_383  # the sides of a WebP
        assert 0.6 < drawn.shape[0] / drawn.shape[1] < 1.7
    assert (drawn == colour_of(MOST_CELLS)).all(-1).any()


def test_pictures_stand_beside_each_other_unscaled() -> None:
    one, other = np.full((90, 120, 3), 50, np.uint8), np.full((90, 120, 3), 90, np.uint8)
    drawn = side_by_side([("before", one), ("after", other)])
    assert (drawn[-90:, :120] == one).all()
    assert (drawn[-90:, -120:] == other).all()


def test_heat_is_where_the_mask_is() -> None:
    picture = np.full((40, 40, 3), 100, np.uint8)
    mask = np.zeros((40, 40), np.float32)
    mask[10:20, 10:20] = 1
    drawn = heat(picture, mask)
    grey = (drawn[..., 0] == drawn[..., 1]) & (drawn[..., 1] == drawn[..., 2])
    assert (~grey == (mask > 0)).all()
    assert (heat(picture, np.zeros_like(mask)) == 60).all()
