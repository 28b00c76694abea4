"""The mesh as dense maps: which triangle covers a pixel, and what an affine map per triangle makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_SHIFT = 4  # sub-pixel bits of cv2.fillConvexPoly


def signed_areas(points: NDArray[np.floating], triangles: NDArray[np.int32]) -> NDArray[np.float32]:
    """Twice the signed area of each triangle, ``(n,)``; positive faces the viewer."""
    a, b, c = points[triangles[:, 0], :2], points[triangles[:, 1], :2], points[triangles[:, 2], :2]
    u, v = b - a, c - a
    area: NDArray[np.float32] = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).astype(np.float32)
    return area


def triangle_index(
    points: NDArray[np.float32], depth: NDArray[np.float32], triangles: NDArray[np.int32], width: int, height: int
) -> NDArray[np.int32]:
    """Int32 ``(height, width)``: the nearest triangle that faces the viewer at each pixel, or -1.

    ``points`` are ``(n, 2)`` pixels, ``depth`` ``(n,)``, smaller is nearer: far triangles are drawn first.
    """
    index = np.full((height, width), -1, np.int32)
    facing = np.flatnonzero(signed_areas(points, triangles) > 0)
    order = facing[np.argsort(-depth[triangles[facing]].sum(1), kind="stable")]
    corners = np.round(points[triangles[order]] * (1 << _SHIFT)).astype(np.int32)
    fill = cv2.fillConvexPoly
    for number, polygon in zip(order.tolist(), corners, strict=True):
        fill(index, polygon, number, 8, _SHIFT)
    return index


def affine_maps(
    points: NDArray[np.float32], values: NDArray[np.float32], triangles: NDArray[np.int32], sliver: float = 1e-6
) -> NDArray[np.float32]:
    """Float32 ``(triangles, d, 3)``: for each triangle the map (x, y, 1) to the ``d`` vertex values ``(n, d)``.

    A triangle whose doubled area is below ``sliver`` square pixels is one value: its map would be steep, and pixels drawn
    for it may lie a little outside of it.
    """
    corners = np.ones((len(triangles), 3, 3))
    corners[:, :, :2] = points[triangles, :2]
    flat = np.abs(np.linalg.det(corners)) < sliver
    corners[flat] = np.eye(3)
    solved = np.linalg.solve(corners, values[triangles].astype(np.float64))
    solved[flat, :2], solved[flat, 2] = 0, values[triangles[flat]].mean(1)
    maps: NDArray[np.float32] = solved.transpose(0, 2, 1).astype(np.float32)
    return maps


def dense(index: NDArray[np.int32], maps: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The ``d`` values at every pixel, float32 ``(h, w)`` each; where no triangle lies they mean nothing."""
    height, width = index.shape
    count = maps.shape[1]
    rows = np.take(maps.reshape(len(maps), -1), index.ravel(), axis=0, mode="wrap").reshape(height, width, count, 3)
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    return [rows[:, :, k, 0] * x + rows[:, :, k, 1] * y + rows[:, :, k, 2] for k in range(count)]


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A square grid over the mesh's texture space: which triangle and where in it. Computed once.

    ``corners`` int32 ``(size * size, 3)`` vertex numbers, ``weights`` float32 ``(size * size, 3)`` barycentric,
    ``triangle`` int32 ``(size * size,)``, ``inside`` bool ``(size, size)``.
    """

    size: int
    triangle: NDArray[np.int32]
    corners: NDArray[np.int32]
    weights: NDArray[np.float32]
    inside: NDArray[np.bool_]

    @classmethod
    def make(cls, uv: NDArray[np.float32], triangles: NDArray[np.int32], size: int) -> Chart:
        points = (uv * size - 0.5).astype(np.float32)
        index = triangle_index(points, np.zeros(len(uv), np.float32), triangles, size, size)
        unit = np.eye(3, dtype=np.float32)
        corner_points = points[triangles].reshape(-1, 2)
        own = np.arange(len(triangles) * 3, dtype=np.int32).reshape(-1, 3)
        maps = affine_maps(corner_points, np.tile(unit, (len(triangles), 1)), own)
        weights = np.stack(dense(index, maps), axis=-1).reshape(-1, 3)
        inside = index >= 0
        triangle = np.where(inside, index, 0).ravel().astype(np.int32)
        weights[~inside.ravel()] = 0
        return cls(size, triangle, triangles[triangle], np.ascontiguousarray(weights), inside)

    def spread(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Vertex values ``(n, d)`` over the grid, ``d`` planes float32 ``(size, size)``."""
        return [
            np.einsum("nk,nk->n", np.take(values[:, k], self.corners), self.weights).reshape(self.size, self.size)
            for k in range(values.shape[1])
        ]

    def per_triangle(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Triangle values ``(m,)`` over the grid."""
        return np.take(values, self.triangle).reshape(self.size, self.size)
