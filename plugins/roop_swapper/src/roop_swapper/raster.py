"""The mesh as dense maps: which triangle covers a pixel, and what an affine map per triangle makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_SHIFT = 4  # sub-pixel bits of cv2.fillConvexPoly
_FLAT = 1e-6  # square pixels, doubled
#: Distance of the farthest point of a mesh in distances of the nearest, less one: so near to none that nothing is drawn in
#: perspective, and enough for the depth buffer to tell a nose from the cheek behind it.
_RELIEF = 1e-3
_BEYOND = 2.0  # where the depth buffer ends, in distances of the nearest point


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
    points: NDArray[np.float32], values: NDArray[np.float32], triangles: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Float32 ``(triangles, d, 3)``: for each triangle the map (x, y, 1) to the ``d`` vertex values ``(n, d)``.

    A triangle without area is one value.
    """
    corners = np.ones((len(triangles), 3, 3))
    corners[:, :, :2] = points[triangles, :2]
    flat = np.abs(np.linalg.det(corners)) < _FLAT
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
class Sheet:
    """The mesh as ``cv2.triangleRasterize`` draws it. Made once.

    ``corners`` int32 ``(n,)`` is the mesh vertex of each drawn one, ``triangles`` int32 ``(m, 1, 3)`` and ``values`` float32
    ``(n, 1, 3)`` are of drawn ones: u, v and 1 on skin, 0 in a hole.
    """

    corners: NDArray[np.int32]
    triangles: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def make(cls, uv: NDArray[np.float32], triangles: NDArray[np.int32], skin_triangles: int) -> Sheet:
        """The triangles from ``skin_triangles`` on fill holes, and get corners of their own: skin ends at an edge."""
        rims, own = np.unique(triangles[skin_triangles:], return_inverse=True)
        drawn = np.concatenate([triangles[:skin_triangles], len(uv) + own.reshape(-1, 3)]).astype(np.int32)
        corners = np.concatenate([np.arange(len(uv)), rims]).astype(np.int32)
        skin = (np.arange(len(corners)) < len(uv)).astype(np.float32)
        values = np.concatenate([uv[corners], skin[:, None]], axis=1).astype(np.float32)
        return cls(corners, drawn[:, None], values[:, None])

    def draw(self, points: NDArray[np.float32], depth: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
        """Float32 ``(height, width, 3)``: u, v and skin of what is nearest and faces the viewer, -1 where nothing is.

        ``points`` are ``(468, 2)`` pixels, ``depth`` ``(468,)``, smaller is nearer.
        """
        settings = cv2.TriangleRasterizeSettings()
        settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
        settings.setCullingMode(cv2.RASTERIZE_CULLING_CCW)  # as OpenCV turns the picture, those that show their backs
        near = depth.min()
        far = 1 + (depth - near) * (_RELIEF / max(1e-6, float(depth.max() - near)))
        # A camera in the origin that sees half a height up and down at distance 1, towards negative z and with y upwards.
        middle = np.array([width, height], np.float32) / 2
        turned = np.array([2 / height, -2 / height], np.float32)
        seen = np.empty((len(depth), 1, 3), np.float32)
        seen[:, 0, :2] = (points + np.float32(0.5) - middle) * turned * far[:, None]
        seen[:, 0, 2] = -far
        out = np.full((height, width, 3), -1, np.float32)
        depths = np.full((height, width), _BEYOND, np.float32)
        camera = np.eye(4, dtype=np.float32)
        # Its stub calls the matrices of vertices and triangles what they are not.
        draw: Any = cv2.triangleRasterize
        draw(seen[self.corners], self.triangles, self.values, out, depths, camera, np.pi / 2, 0.5, _BEYOND, settings)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A square grid over the mesh's texture space: which triangle and where in it. Computed once.

    Of each cell: ``triangle`` int32 ``(cells,)``, the three vertex numbers ``corners`` int32 ``(3, cells)`` with barycentric
    ``weights`` float32 ``(3, cells)``, and ``inside``, bool ``(rows, size)``.
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
        corners = np.ascontiguousarray(triangles[triangle].T)
        return cls(size, triangle, corners, np.ascontiguousarray(weights.T), inside)

    def strip(self, rows: slice) -> Chart:
        """Some rows of the grid only."""
        cells = slice(rows.start * self.size, rows.stop * self.size)
        corners, weights = np.ascontiguousarray(self.corners[:, cells]), np.ascontiguousarray(self.weights[:, cells])
        return Chart(self.size, self.triangle[cells], corners, weights, self.inside[rows])

    def spread(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Vertex values ``(n, d)`` over the grid, ``d`` planes float32 ``(rows, size)``."""
        planes = []
        for column in np.ascontiguousarray(values.T):
            parts = np.take(column, self.corners)
            parts *= self.weights
            planes.append((parts[0] + parts[1] + parts[2]).reshape(self.inside.shape))
        return planes

    def per_triangle(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Triangle values ``(m,)`` over the grid."""
        return np.take(values, self.triangle).reshape(self.inside.shape)
