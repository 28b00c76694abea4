"""Whose heads are covered: those who were found, and for a while those who were lost."""

from __future__ import annotations

import numpy as np
import pytest
from pieces import face, frames_of
from roop_host import Face

from roop_pixelate.heads import Head, heads_of, with_crown

A = (20.0, 20.0, 40.0, 44.0)
B = (28.0, 20.0, 48.0, 44.0)
FAR = (90.0, 20.0, 110.0, 44.0)


def unchosen(one: Face) -> bool:
    return not one.chosen


def heads(*rows: list[Face], at: int, hold: int = 12) -> tuple[Head, ...]:
    return heads_of(frames_of(*rows), at, hold, unchosen)


def test_who_is_found_and_wanted_is_covered_where_he_is() -> None:
    (head,) = heads([face(A, 3), face(FAR, 4, chosen=True)], at=0)
    assert head == Head(A, 24, 0, 3)


@pytest.mark.parametrize(("at", "away"), [(1, 1), (2, 2), (4, None)])
def test_who_was_lost_stays_covered_for_as_long_as_is_said(at: int, away: int | None) -> None:
    found = heads([face(A, 3)], [], [], [], [], at=at, hold=3)
    assert found == (() if away is None else (Head(A, 24, away),))


def test_who_comes_is_covered_before_he_is_found() -> None:
    assert heads([], [], [], [face(A, 3)], at=1, hold=2) == (Head(A, 24, 2),)
    assert heads([], [], [], [face(A, 3)], at=0, hold=2) == ()


def test_between_two_sightings_a_head_is_on_its_way() -> None:
    (head,) = heads([face(A, 3)], [], [], [], [face(B, 3)], at=1)
    assert head.box == (22, 20, 42, 44)
    assert head.away == 1


def test_a_track_that_jumps_may_be_two_people_and_both_are_covered() -> None:
    found = heads([face(A, 3)], [], [face(FAR, 3)], at=1)
    assert [head.box for head in found] == [A, FAR]


def test_a_lost_head_is_covered_wider_from_frame_to_frame() -> None:
    near, far = (heads([face(A, 3)], *[[]] * 12, at=at)[0].widened(0.3) for at in (1, 12))
    assert far[0] < near[0] < A[0] - 0.3 * 20
    assert far[3] > near[3] > A[3] + 0.3 * 24


def test_who_is_chosen_is_not_held_and_who_is_there_is_not_doubled() -> None:
    assert heads([face(A, 3, chosen=True)], [], at=1) == ()
    assert len(heads([face(A, 3)], [face(B, 3)], [face(A, 3)], at=1)) == 1
    # What was decided for this frame holds in it.
    assert heads([face(A, 3)], [face(B, 3, chosen=True)], at=1) == ()


def test_who_was_unwanted_on_one_side_only_is_covered() -> None:
    assert len(heads([face(A, 3)], [], [face(B, 3, chosen=True)], at=1)) == 1


def test_cells_go_by_the_largest_size_around_so_that_they_do_not_change_with_every_box() -> None:
    found = heads([face(A, 3)], [face((20, 20, 40, 50), 3)], [face(A, 3)], at=0, hold=1)
    assert found[0].longest == 30
    assert heads([face(A, 3)], [], [face((20, 20, 40, 50), 3)], at=0, hold=1)[0].longest == 24


@pytest.mark.parametrize(
    ("turned", "expected"),
    [(0, (20, 15.2, 40, 44)), (90, (15.2, 20, 40, 44)), (180, (20, 20, 40, 48.8)), (270, (20, 20, 44.8, 44))],
)
def test_hair_is_covered_too_which_way_up_a_head_may_be(turned: int, expected: tuple[float, ...]) -> None:
    points = np.array([[-4, -5], [4, -5], [0, 0], [-3, 5], [3, 5]], np.float64)
    angle = np.radians(turned)
    back = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    one = Face(1, A, 0.9, (points @ back + (30, 32)).astype(np.float32))
    assert with_crown(one) == pytest.approx(expected, abs=1e-4)
