"""Where a codec's blocks lie, and a plane without them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from roop_enhancer.blocks import Blocks, blocks_of, without_blocks

SIZE = 96


def blocky(height: float, x: int, y: int) -> NDArray[np.float32]:
    """A shade over which each block is lighter or darker by a part of ``height``; borders before columns x, x + 8, ..."""
    rng = np.random.default_rng(1)
    own = rng.uniform(-height, height, (SIZE // 8 + 2, SIZE // 8 + 2))
    shade = np.linspace(90, 140, SIZE)[:, None] + np.linspace(0, 30, SIZE)
    wide = np.kron(own, np.ones((8, 8)))
    return (shade + wide[8 - y : 8 - y + SIZE, 8 - x : 8 - x + SIZE]).astype(np.float32)


def seen(plane: NDArray[np.float32], at: tuple[int, int] = (0, 0)) -> Blocks:
    return blocks_of(np.rint(plane).astype(np.uint8), np.ones(plane.shape, np.uint8), at)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (3, 6), (7, 1)])
def test_they_are_found_wherever_they_begin(x: int, y: int) -> None:
    found = seen(blocky(6, x, y))
    assert (found.x, found.y) == (x, y)
    assert found.step == pytest.approx(4, abs=1.5)
    moved = seen(blocky(6, x, y), (5, 2))  # a region that begins elsewhere in the picture
    assert (moved.x, moved.y) == ((x + 5) % 8, (y + 2) % 8)


@pytest.mark.parametrize("sigma", [0, 2, 8])
def test_noise_and_shades_are_none(sigma: float) -> None:
    plane = blocky(0, 0, 0) + np.random.default_rng(2).normal(0, sigma, (SIZE, SIZE)).astype(np.float32)
    assert seen(plane).step < 0.5


def test_of_next_to_nothing_nothing_is_said() -> None:
    assert seen(blocky(6, 0, 0)[:12, :12]).step == 0
    assert seen(blocky(6, 0, 0)[:1, :1]).step == 0


@pytest.mark.parametrize(("x", "y"), [(0, 0), (3, 6)])
def test_their_steps_are_made_even(x: int, y: int) -> None:
    plane = blocky(3, x, y)
    found = seen(plane)
    even = without_blocks(plane, found, (0, 0))
    assert seen(even).step < 0.6 * found.step
    smooth = blocky(0, x, y)
    assert np.square(even - smooth).mean() < np.square(plane - smooth).mean()
    half = without_blocks(plane, found, (0, 0), 0.5)
    assert np.allclose(half[:, :4], (plane + even)[:, :4] / 2, atol=1)
    assert plane is not even
    # The same blocks in a region that begins elsewhere.
    part = without_blocks(np.ascontiguousarray(plane[5:, 3:]), found, (3, 5))
    assert np.allclose(part[8:-8, 8:-8], even[13:-8, 11:-8], atol=0.01)


def test_edges_stay_and_what_is_too_low_to_be_seen() -> None:
    plane = blocky(2, 0, 0)
    plane[:, 48:] += 60
    even = without_blocks(plane, Blocks(1.5, 0, 0), (0, 0))
    assert np.abs(np.diff(even, axis=1)[:, 47] - np.diff(plane, axis=1)[:, 47]).max() < 0.5
    assert without_blocks(plane, Blocks(0.1, 0, 0), (0, 0)) is plane
    assert without_blocks(plane[:6, :6], Blocks(3.0, 0, 0), (0, 0)).shape == (6, 6)
