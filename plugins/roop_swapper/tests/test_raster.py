"""The maps between mesh and pixels."""

from __future__ import annotations

import numpy as np

from roop_swapper import raster
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


def test_a_sliver_is_one_value() -> None:
    points = np.array([[0, 0], [10, 0], [5, 0.05], [5, 9]], np.float32)
    values = np.array([[0], [3], [6], [9]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 1, 3]], np.int32)
    sliver, whole = raster.affine_maps(points, values, triangles, 1.0)
    assert np.allclose(sliver, [[0, 0, 3]])
    assert np.allclose(whole @ (5, 9, 1), 9)
