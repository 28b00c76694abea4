"""Tracks of one person come together, those seen together never do."""

from __future__ import annotations

import time

import numpy as np
import pytest

from roop_host.faces.grouping import grouped, likeness_of_groups


def units(*angles: float) -> np.ndarray:
    """Directions in a plane, in degrees: the cosine between two is that of their difference."""
    turned = np.radians(angles)
    return np.stack([np.cos(turned), np.sin(turned)], 1).astype(np.float32)


def test_tracks_of_one_person_come_together() -> None:
    assert grouped(units(0, 90, 10, 180, 95, 5), 0.9) == [[0, 2, 5], [1, 4], [3]]


def test_the_mean_of_all_pairs_decides_and_not_the_nearest() -> None:
    chain = units(0, 25, 50, 75, 100)
    assert grouped(chain, 0.9) != [[0, 1, 2, 3, 4]]
    assert all(len(group) <= 2 for group in grouped(chain, 0.9))


def test_who_is_seen_together_is_two_people_also_through_a_third() -> None:
    alike = units(0, 1, 2)
    assert grouped(alike, 0.5) == [[0, 1, 2]]
    groups = grouped(alike, 0.5, {(0, 1)})
    assert len(groups) == 2
    assert not any({0, 1} <= set(group) for group in groups)


@pytest.mark.parametrize("count", [0, 1])
def test_few_need_no_grouping(count: int) -> None:
    assert grouped(units(*[0.0] * count).reshape(count, 2), 0.5) == [[0]][:count]


def test_groups_are_compared_by_the_mean() -> None:
    rows = units(0, 60, 60)
    assert np.allclose(likeness_of_groups(rows, [[0], [1, 2]]), [[1, 0.5], [0.5, 1]])
    mixed = units(0, 40, 60, 110)
    near = mixed @ mixed.T
    assert np.allclose(likeness_of_groups(mixed, [[0, 1], [2, 3]])[0, 1], near[:2, 2:].mean())


def test_many_people_are_compared_in_no_time() -> None:
    """A thousand of three tracks each: pair by pair it is a minute."""
    rows = np.random.default_rng(3).normal(size=(3000, 128)).astype(np.float32)
    begun = time.process_time()
    likeness_of_groups(rows, [range(n, n + 3) for n in range(0, 3000, 3)])
    assert time.process_time() - begun < 5
