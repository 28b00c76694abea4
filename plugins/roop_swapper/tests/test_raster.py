"""The maps between mesh and pixels."""

from __future__ import annotations

import cv2
import numpy as np

from roop_swapper import raster
from roop_swapper.raster import Sheet
from roop_vision.topology import topology


def test_chart_gives_vertex_values_back() -> None:
    top = topology()
    chart = raster.Chart.make(top.uv, top.triangles, 96)
    u, v = chart.spread(top.uv)
    axis = (np.arange(96, dtype=np.float32) + 0.5) / 96
    x, y = np.meshgrid(axis, axis)
    assert chart.inside.mean() > 0.5
    assert np.abs(u - x)[chart.inside].max() < 1e-3
    assert np.abs(v - y)[chart.inside].max() < 1e-3


def test_dense_maps_are_affine_and_turned_triangles_are_left_out() -> None:
    points = np.array([[2, 2], [30, 2], [2, 30], [30, 30]], np.float32)
    triangles = np.array([[0, 1, 2], [1, 2, 3]], np.int32)  # the second one turns its back
    index = raster.triangle_index(points, np.zeros(4, np.float32), triangles, 32, 32)
    assert set(np.unique(index)) == {-1, 0}
    values = (points * 2 + 1).astype(np.float32)
    x, y = raster.dense(index, raster.affine_maps(points, values, triangles))
    assert abs(float(x[5, 9]) - 19) < 1e-3
    assert abs(float(y[5, 9]) - 11) < 1e-3


def test_a_flat_triangle_does_no_harm() -> None:
    points = np.array([[1, 1], [2, 2], [3, 3]], np.float32)
    maps = raster.affine_maps(points, points, np.array([[0, 1, 2]], np.int32))
    assert np.isfinite(maps).all()


def test_the_sheet_shows_what_is_nearest_and_faces_the_viewer() -> None:
    points = np.array([[2, 2], [30, 2], [2, 30], [30, 30], [2, 2], [30, 2], [2, 30]], np.float32)
    depth = np.array([0, 0, 0, 0, -5, -5, -5], np.float32)
    uv = (points / 64 + 0.25).astype(np.float32)
    uv[4:] = 0.75
    far, turned, near = (0, 1, 2), (1, 2, 3), (4, 5, 6)
    for order in ((far, turned, near), (near, turned, far)):
        drawn = Sheet.make(uv, np.array(order, np.int32), 3).draw(points, depth, 40, 34)
        assert np.allclose(drawn[5, 9], (0.75, 0.75, 1))
        assert (drawn[28, 28] == -1).all()
    drawn = Sheet.make(uv, np.array((far, turned), np.int32), 2).draw(points, depth, 40, 34)
    assert np.allclose(drawn[5, 9], (9 / 64 + 0.25, 5 / 64 + 0.25, 1), atol=1e-3)


def test_skin_ends_at_the_edge_of_a_hole_and_the_sheet_has_no_gaps() -> None:
    top = topology()
    points = (top.uv * 150 + 5).astype(np.float32)
    drawn = Sheet.make(top.uv, top.triangles, top.skin_triangles).draw(points, np.zeros(468, np.float32), 160, 160)
    index = raster.triangle_index(points, np.zeros(468, np.float32), top.triangles, 160, 160)
    covered = drawn[..., 0] >= 0
    inside = cv2.erode((index >= 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert covered[inside].all()
    assert set(np.unique(np.round(drawn[covered][:, 2], 3))) == {0.0, 1.0}
    hole = covered & (drawn[..., 2] < 0.5)
    expected = covered & (index >= top.skin_triangles)
    assert 0.7 < hole.sum() / expected.sum() <= 1.0  # OpenCV fills polygons with their edges
    assert expected[hole].mean() > 0.99


def test_a_strip_of_a_chart_is_a_part_of_it() -> None:
    top = topology()
    chart = raster.Chart.make(top.uv, top.triangles, 96)
    values = np.random.default_rng(1).random((468, 2), np.float32)
    for part, whole in zip(chart.strip(slice(30, 40)).spread(values), chart.spread(values), strict=True):
        assert np.array_equal(part, whole[30:40])
