"""Moving the target's features part of the way to the source's proportions, outline and expression kept."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_vision import topology as t
from roop_vision.align import similarity

#: Points that expressions hardly move: nose bridge, eye corners, temples, cheek bones.
_STABLE = (6, 168, 197, 195, 5, 33, 133, 362, 263, 127, 356, 234, 454, 54, 284, 10, 109, 338, 151, 9, 8, 117, 346, 50, 280)
_UPPER_LIP = [0, 37, 267, 39, 269, 40, 270]
_FADE = 0.10  # width of the fade to the outline, as a share of the face
_WIDER = 0.5  # share of an eye's width that goes over; a mouth's is a smile as often as a build
_MOUTH = 0.35  # share of a mouth's place that goes over: a smile or a pout lifts it, and that is the source's expression
_NEAR = 0.045  # how far around an eye or the lips the skin moves with it


class Proportions:
    """Knows the source's mesh; gives the vertex shifts for a target's mesh."""

    def __init__(self, source_mesh: NDArray[np.float32], strength: float) -> None:
        self._source = source_mesh
        top = t.topology()
        outline = np.round(top.uv[list(t.OVAL)] * 4096).astype(np.int32)
        depth = [cv2.pointPolygonTest(outline, (float(x), float(y)), True) / 4096 for x, y in top.uv * 4096]
        ease = np.clip(np.array(depth, np.float32) / _FADE, 0, 1)
        self._weight = (strength * ease * ease * (3 - 2 * ease))[:, None]
        below = np.clip((top.uv[:, 1] - float(top.uv[_UPPER_LIP, 1].mean())) / 0.04, 0, 1).astype(np.float32)
        self._groups = [
            (np.array(t.EYE_LEFT), _nearness(top.uv, t.EYE_LEFT), 1.0, _WIDER),
            (np.array(t.EYE_RIGHT), _nearness(top.uv, t.EYE_RIGHT), 1.0, _WIDER),
            (np.array(_UPPER_LIP), np.maximum(_nearness(top.uv, t.LIPS_OUTER), below), _MOUTH, 0.0),
        ]
        self._neighbours = _neighbours(top.triangles)

    def shifts(self, mesh: NDArray[np.float32]) -> NDArray[np.float32]:
        """Float32 ``(468, 3)``: shifts in the frame and scale of the source picture, before the weight.

        Being in the source's frame they hardly change while the target moves, so they can be averaged over time.
        """
        fit = similarity(mesh[list(_STABLE)], self._source[list(_STABLE)])
        shift = self._source - (mesh @ fit[:, :3].T + fit[:, 3])
        for members, near, place, wider in self._groups:
            # An eye or a mouth moves as a whole: how far it is open is the target's expression. The jaw goes with the
            # upper lip, which speech moves least.
            own = shift[members]
            x = self._source[:, 0] - self._source[members, 0].mean()
            widening = float((own[:, 0] * x[members]).sum() / max(1e-6, float((x[members] ** 2).sum())))
            whole = np.tile(np.float32(place) * own.mean(0), (t.VERTICES, 1))
            whole[:, 0] += np.clip(widening * wider, -0.08, 0.08) * x
            shift += near[:, None] * (whole - shift)
        for _ in range(2):
            shift = 0.5 * shift + 0.5 * (self._neighbours @ shift)
        return shift.astype(np.float32)

    def posed(self, mesh: NDArray[np.float32], shift: NDArray[np.float32], share: float) -> NDArray[np.float32]:
        """The target's mesh with ``shift`` applied in its own pose, float32 ``(468, 3)``."""
        back = similarity(self._source[list(_STABLE)], mesh[list(_STABLE)])
        moved: NDArray[np.float32] = (mesh + share * self._weight * (shift @ back[:, :3].T)).astype(np.float32)
        return moved


def _nearness(uv: NDArray[np.float32], contour: tuple[int, ...]) -> NDArray[np.float32]:
    polygon = np.round(uv[list(contour)] * 4096).astype(np.int32)
    depth = [cv2.pointPolygonTest(polygon, (float(x), float(y)), True) / 4096 for x, y in uv * 4096]
    share: NDArray[np.float32] = np.clip(1.3 + np.array(depth, np.float32) / _NEAR, 0, 1)
    return share


def _neighbours(triangles: NDArray[np.int32]) -> NDArray[np.float32]:
    """``(468, 468)``: rows that average a vertex's neighbours."""
    matrix = np.zeros((t.VERTICES, t.VERTICES), np.float32)
    for k in range(3):
        matrix[triangles[:, k], triangles[:, (k + 1) % 3]] = 1
        matrix[triangles[:, (k + 1) % 3], triangles[:, k]] = 1
    average: NDArray[np.float32] = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    return average
