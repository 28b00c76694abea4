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
_LEFT, _RIGHT = 33, 263


class MeshSmoother:
    """One Euro's idea (strong when still, light when moving) on what the movement of the whole mesh leaves over."""

    def __init__(self) -> None:
        self._raw: NDArray[np.float32] | None = None
        self._smooth: NDArray[np.float32] | None = None

    @property
    def last(self) -> NDArray[np.float32] | None:
        """The steadied mesh of the frame before."""
        return self._smooth

    def step(self, mesh: NDArray[np.float32], carried: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """``(468, 3)`` of this frame to the steadied one, float32. ``carried`` is ``last`` moved with the skin, if known."""
        if self._raw is None or self._smooth is None:
            self._raw = self._smooth = mesh
            return mesh
        size = max(1.0, float(np.linalg.norm(mesh[_RIGHT, :2] - mesh[_LEFT, :2])))
        predicted: NDArray[np.floating]
        if carried is None:
            moved = _moved_with(self._raw, mesh, self._smooth) - self._smooth
            speed = float(np.sqrt((moved[:, :2] ** 2).sum(1).mean())) / size
            predicted = self._smooth + moved * (speed / (speed + _STILL))
        else:
            predicted = carried
        # The whole face's deviation is drift and is taken back slowly; what single parts do beyond it is expression.
        together = _moved_with(predicted, mesh, predicted, _rigid()) - predicted
        drift = np.sqrt(np.mean((together[:, :2] ** 2).sum(1))) / size
        predicted = predicted + drift**2 / (drift**2 + _DRIFT**2) * together
        deviation = mesh - predicted - together
        length = np.sqrt((deviation[:, :2] ** 2).sum(1, keepdims=True)) / size
        share = length**2 / (length**2 + _MOVING**2)
        self._raw = mesh
        self._smooth = (predicted + share * deviation).astype(np.float32)
        return self._smooth


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
    moved: NDArray[np.float64] = points @ fit[:, :3].T + fit[:, 3]
    return moved
