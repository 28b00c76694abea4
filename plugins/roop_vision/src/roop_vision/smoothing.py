"""Steady points: the face's own movement is followed at once, what is left is trembling and is damped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from roop_vision.align import similarity
from roop_vision.topology import NOSE_TIP, topology

#: A point's deviation, in eye distances, of which half is taken at once (a lid or lip that really moves); of a smaller
#: one less, and of the mesh's own noise nearly nothing.
_MOVING = 0.03
#: Deviation of the whole face from where its skin went, in eye distances, of which half is taken at once.
_DRIFT = 0.1
#: Movement of the whole face, in eye distances a frame, below which it counts as half noise.
_STILL = 0.0025
#: The same for five points, which tremble more than the mean of hundreds. Chosen on made movements, not on real faces.
_POINTS_STILL, _POINTS_MOVING, _POINTS_DRIFT = 0.01, 0.05, 0.1
#: The same for a detector's box, in its longer sides, which are some two and a half times the eyes' distance.
_BOX_STILL, _BOX_MOVING, _BOX_DRIFT = 0.015, 0.02, 0.08
#: Frames of a track's beginning in which the mesh is a mean of all so far.
_SETTLING = 10
_LEFT, _RIGHT = 33, 263


class Smoother:
    """One Euro's idea (strong when still, light when moving) on what the movement of all points together leaves over."""

    def __init__(
        self, rigid: NDArray[np.bool_] | slice, *, still: float, moving: float, drift: float, settling: int = 0
    ) -> None:
        self._rigid, self._still, self._moving, self._drift = rigid, still, moving, drift
        self._settling = settling
        self._count = 0
        self._raw: NDArray[np.float32] | None = None
        self._smooth: NDArray[np.float32] | None = None

    @property
    def last(self) -> NDArray[np.float32] | None:
        """The steadied points of the frame before."""
        return self._smooth

    def size(self, points: NDArray[np.float32]) -> float:
        """The length in pixels that all limits are shares of."""
        raise NotImplementedError

    def go_on(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """A frame in which nothing was measured: ``points`` are where they must be by other evidence."""
        self._raw = self._smooth = points
        self._count += 1
        return points

    def step(self, points: NDArray[np.float32], carried: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """``(n, d)`` of this frame to the steadied ones, float32. ``carried`` is ``last`` moved by other evidence."""
        if self._raw is None or self._smooth is None:
            return self.go_on(points)
        size = max(1.0, self.size(points))
        predicted: NDArray[np.floating]
        if carried is None:
            moved = _moved_with(self._raw, points, self._smooth) - self._smooth
            speed = float(np.sqrt((moved[:, :2] ** 2).sum(1).mean())) / size
            predicted = self._smooth + moved * (speed / (speed + self._still))
        else:
            predicted = carried
        # The whole face's deviation is drift and is taken back slowly; what single parts do beyond it is expression.
        together = _moved_with(predicted, points, predicted, self._rigid) - predicted
        drift = np.sqrt(np.mean((together[:, :2] ** 2).sum(1))) / size
        deviation = points - predicted - together
        # The first frames of all are a mean: what the very first one was off by would be taken back too slowly.
        self._count += 1
        least = 1 / self._count if self._count <= self._settling else 0.0
        predicted = predicted + max(float(drift**2 / (drift**2 + self._drift**2)), least) * together
        length = np.sqrt((deviation[:, :2] ** 2).sum(1, keepdims=True)) / size
        share = np.maximum(length**2 / (length**2 + self._moving**2), least)
        self._raw = points
        self._smooth = (predicted + share * deviation).astype(np.float32)
        return self._smooth


class MeshSmoother(Smoother):
    """For the ``(468, 3)`` mesh. ``carried`` is the mesh moved with the skin."""

    def __init__(self) -> None:
        super().__init__(_rigid(), still=_STILL, moving=_MOVING, drift=_DRIFT, settling=_SETTLING)

    def size(self, points: NDArray[np.float32]) -> float:
        return float(np.linalg.norm(points[_RIGHT, :2] - points[_LEFT, :2]))


class PointSmoother(Smoother):
    """For a detector's five points ``(5, 2)``. ``carried`` is what the mesh's movement makes of them."""

    def __init__(self) -> None:
        super().__init__(slice(None), still=_POINTS_STILL, moving=_POINTS_MOVING, drift=_POINTS_DRIFT)

    def size(self, points: NDArray[np.float32]) -> float:
        """The eyes' distance, or that from eyes to mouth where it is longer: in a profile the eyes lie close together."""
        left, right, _, *mouth = points
        return float(max(np.linalg.norm(right - left), np.linalg.norm(np.mean(mouth, axis=0) - (left + right) / 2)))


class BoxSmoother(Smoother):
    """For a detector's box, as its corners ``(2, 2)``. ``carried`` is the box as the mesh moved it."""

    def __init__(self) -> None:
        super().__init__(slice(None), still=_BOX_STILL, moving=_BOX_MOVING, drift=_BOX_DRIFT)

    def size(self, points: NDArray[np.float32]) -> float:
        return float((points[1] - points[0]).max())


def _rigid() -> NDArray[np.bool_]:
    """The vertices above the mouth: speech hardly moves them."""
    v = topology().uv[:, 1]
    rigid: NDArray[np.bool_] = v < v[NOSE_TIP] + 0.02
    return rigid


def _moved_with(
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    points: NDArray[np.floating],
    which: NDArray[np.bool_] | slice = slice(None),
) -> NDArray[np.float64]:
    """``points`` turned, scaled and shifted as one mesh became the other: many points together hardly tremble.

    An affine map would fit better and reach too far: what stretches the upper face a little moves the chin a lot.
    """
    fit = similarity(before[which], after[which])
    moved: NDArray[np.float64] = points @ fit[:, :-1].T + fit[:, -1]
    return moved
