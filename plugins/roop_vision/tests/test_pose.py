"""Which way a head is turned, against InsightFace's own arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from insightface.utils import transform
from numpy.typing import NDArray

from roop_vision.align import pose_degrees, yaw_degrees
from roop_vision.topology import topology


def head() -> NDArray[np.float64]:
    """A mask as deep as a face: x right, y down, z larger is nearer."""
    u, v = topology().uv.T.astype(np.float64) - 0.5
    return np.stack([u * 140, v * 180, 60 - 200 * u**2 - 40 * v**2], axis=1)


def turned(pitch: float, yaw: float, roll: float) -> NDArray[np.float64]:
    x, y, z = np.radians((pitch, yaw, roll))
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


@pytest.mark.parametrize(
    "pose", [(0, 0, 0), (20, 0, 0), (0, 25, 0), (0, 0, 30), (15, -25, 40), (-20, 30, -80), (10, 20, 170)]
)
def test_signs_and_angles_are_insightfaces(pose: tuple[float, float, float]) -> None:
    rotation = turned(*pose)
    assert np.allclose(transform.matrix2angle(rotation), pose, atol=1e-6)
    made = head()
    mesh = (made @ rotation.T).astype(np.float32) + np.float32([300, 200, 0])
    mesh[:, 2] *= -1  # in a mesh smaller is nearer
    still = made.astype(np.float32) * np.float32([1, 1, -1])
    assert pose_degrees(mesh) == pytest.approx(np.add(pose, (pose_degrees(still)[0], 0, 0)), abs=0.5)
    assert yaw_degrees(mesh) == pose_degrees(mesh)[1]


def test_what_the_signs_mean() -> None:
    """Up, to the right of the picture, clockwise: where nose and forehead go."""
    nose, forehead = 1, 10
    up, right, clockwise = (head() @ turned(*pose).T for pose in ((20, 0, 0), (0, 20, 0), (0, 0, 20)))
    assert up[nose, 1] < head()[nose, 1]
    assert right[nose, 0] > head()[nose, 0]
    assert clockwise[forehead, 0] > head()[forehead, 0]
