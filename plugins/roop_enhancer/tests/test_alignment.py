"""Where crops are taken: from one place while a head is still, and from where it is as it moves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from roop_enhancer.alignment import MEMORY, Alignment
from roop_vision.align import crop_matrix, template_points

SIZE = 512
TEMPLATE = template_points("ffhq_512") * np.float32(SIZE)
#: Of a face a third as large as its crop.
POINTS = TEMPLATE / 3 + 100


def matrices(points: list[NDArray[np.float32]], amount: float = 0.6, first: int = 0) -> list[NDArray[np.float64]]:
    alignment = Alignment(TEMPLATE, SIZE, amount)
    found = [alignment.matrix(1, first + number, one) for number, one in enumerate(points)]
    assert all(one is not None for one in found)
    return [one for one in found if one is not None]


def trembling(count: int, jitter: float = 0.3) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return [POINTS + rng.normal(0, jitter, (5, 2)).astype(np.float32) for _ in range(count)]


def middle(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the face's middle is in the crop."""
    return np.asarray(matrix @ (*POINTS.mean(0), 1), np.float64)


def wander(found: list[NDArray[np.float64]]) -> float:
    return float(np.mean([np.abs(middle(one) - middle(other)).mean() for one, other in pairwise(found[MEMORY:])]))


@pytest.mark.parametrize("jitter", [0.3, 0.6])
def test_points_that_tremble_move_the_crop_of_a_still_head_little(jitter: float) -> None:
    points = trembling(60, jitter)
    assert wander(matrices(points)) < 0.15 * wander(matrices(points, amount=0))


@pytest.mark.parametrize("pixels", [0.5, 1, 2, 4, 30])
def test_a_head_that_moves_is_never_left_behind(pixels: float) -> None:
    points = [POINTS + np.float32(pixels * number) for number in range(12)]
    for own, matrix in zip(points, matrices(points), strict=True):
        assert np.abs(matrix[:, :2] @ own.T + matrix[:, 2:] - TEMPLATE.T).max() < 0.02 * SIZE
        if pixels >= 4:  # nothing that was is near enough
            np.testing.assert_allclose(matrix, crop_matrix(own, TEMPLATE))


def test_what_was_before_its_memory_has_no_part_in_a_frame() -> None:
    points = trembling(MEMORY + 4)
    whole, late = matrices(points), matrices(points[3:], first=3)
    np.testing.assert_array_equal(late[MEMORY], whole[3 + MEMORY])
    assert not np.array_equal(late[MEMORY - 1], whole[2 + MEMORY])


def test_a_new_segment_and_another_face_know_nothing_of_it() -> None:
    first, second = trembling(2)
    alignment = Alignment(TEMPLATE, SIZE, 0.6)
    alignment.matrix(1, 0, first)
    np.testing.assert_allclose(alignment.matrix(2, 1, second), crop_matrix(second, TEMPLATE))
    alignment.start()
    np.testing.assert_allclose(alignment.matrix(1, 1, second), crop_matrix(second, TEMPLATE))


def test_without_an_amount_it_is_the_frames_own() -> None:
    points = trembling(3)
    np.testing.assert_array_equal(matrices(points, amount=0)[-1], crop_matrix(points[-1], TEMPLATE))


def test_points_that_say_nothing_give_none() -> None:
    alignment = Alignment(TEMPLATE, SIZE, 0.6)
    alignment.matrix(1, 0, POINTS)
    assert alignment.matrix(1, 1, np.zeros((5, 2), np.float32)) is None
    assert alignment.matrix(1, 2, POINTS) is not None
