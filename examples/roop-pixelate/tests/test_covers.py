"""What covers a head: cells that are few, means of all of their pixels, and in the same place in every frame."""

from __future__ import annotations

import numpy as np
import pytest
from pieces import covered, face, noise
from roop_host.testing import frame_of

from roop_pixelate.covers import cell_px, cover_of, painted


@pytest.mark.parametrize("cells", [1, 3, 6, 8])
def test_there_are_never_more_cells_on_a_face_than_asked_for(cells: int) -> None:
    for longest in np.linspace(4, 4000, 700):
        cell = cell_px(float(longest), cells)
        assert longest / cell <= cells
        assert cell % 2 == 0
        assert cell >= 4


def test_cells_grow_in_few_steps_and_stay_near_what_was_asked_for() -> None:
    sizes = [cell_px(longest, 6) for longest in range(48, 3000)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) < 30
    assert all(6 * size < 1.3 * longest + 12 for size, longest in zip(sizes, range(48, 3000), strict=True))


def test_a_cell_is_the_mean_of_every_one_of_its_pixels() -> None:
    picture = noise(75, 101).astype(np.float32) / 255
    cover = cover_of((20, 10, 160, 120), 12, "box", "mosaic", 101, 75)
    assert cover is not None
    box = cover.box
    new = painted(cover, picture[box.y0 : box.y1, box.x0 : box.x1], "mosaic")
    for y in range(box.y0, box.y1, 12):
        for x in range(box.x0, box.x1, 12):
            mean = picture[y : min(y + 12, 75), x : min(x + 12, 101)].mean((0, 1))
            cell = new[y - box.y0 : y - box.y0 + 12, x - box.x0 : x - box.x0 + 12]
            assert np.abs(cell - mean).max() < 1e-5


@pytest.mark.parametrize("style", ["mosaic", "blur", "fill"])
@pytest.mark.parametrize("around", [(30.5, 20.2, 77.3, 81.9), (-20, -30, 25, 30), (90, 60, 140, 120)])
def test_an_ellipse_is_covered_in_full_also_over_the_edge(around: tuple[float, float, float, float], style: str) -> None:
    width, height = 101, 75
    cover = cover_of(around, 10, "ellipse", style, width, height)
    assert cover is not None
    assert cover.box == cover.box.clip(width, height)
    x0, y0, x1, y1 = around
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.hypot((x - (x0 + x1) / 2) / (x1 - x0) * 2, (y - (y0 + y1) / 2) / (y1 - y0) * 2) < 1
    whole = np.zeros((height, width), np.float32)
    whole[cover.box.y0 : cover.box.y1, cover.box.x0 : cover.box.x1] = cover.alpha
    assert inside.any()
    assert (whole[inside] == 1).all()
    assert whole[~inside].mean() < 0.5


def test_a_head_outside_of_the_picture_needs_no_cover() -> None:
    assert cover_of((200, 10, 240, 60), 10, "ellipse", "mosaic", 101, 75) is None
    assert cover_of((-90, -90, -20, -20), 10, "box", "fill", 101, 75) is None


def test_cells_belong_to_the_picture_so_they_stay_while_a_head_moves() -> None:
    one, other = noise(96, 128), noise(96, 128)
    before = covered(frame_of(one, faces=(face((40, 30, 80, 72)),)))
    after = covered(frame_of(other, faces=(face((41.3, 28.8, 81.3, 70.8)),)))
    both = (before != one).any(2) & (after != other).any(2)
    assert both.sum() > 2000
    assert (before[both] == after[both]).all()


def test_a_blur_and_a_fill_show_no_more_than_the_mosaic() -> None:
    """Two pictures whose cells have equal means look the same under a blur; under a fill all do."""
    checks = (np.indices((96, 128)).sum(0) % 2 * 80 + 80).astype(np.uint8)
    one, other = (np.repeat(picture[..., None], 3, 2) for picture in (checks, 240 - checks))
    for style in ("mosaic", "blur", "fill"):
        made = [covered(frame_of(picture, faces=(face((30, 20, 90, 80)),)), style=style) for picture in (one, other)]
        middle = [picture[20:80, 30:90] for picture in made]
        assert (middle[0] == middle[1]).all()
        assert (middle[0] == (0 if style == "fill" else 120)).all()
