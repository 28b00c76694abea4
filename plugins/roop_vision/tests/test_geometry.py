"""Alignment, masks, anchors, topology and the embedded files."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import ModelSpec
from roop_host.testing import frame_of
from roop_vision import models
from roop_vision.align import similarity
from roop_vision.detector import Detection, anchors, suppress
from roop_vision.landmarker import crop_of_mesh
from roop_vision.masks import hull_mask
from roop_vision.paste import paste_crop
from roop_vision.smoothing import MeshSmoother
from roop_vision.topology import OVAL, topology


@pytest.mark.parametrize("spec", [models.BLAZEFACE_SHORT, models.BLAZEFACE_FULL, models.FACEMESH])
def test_embedded_models_are_the_stated_ones(spec: ModelSpec) -> None:
    data = spec.path().read_bytes()
    assert len(data) == spec.size
    assert hashlib.sha256(data).hexdigest() == spec.sha256


def test_anchor_counts() -> None:
    assert len(anchors(128, ((8, 2), (16, 6)))) == 896
    assert len(anchors(192, ((4, 1),))) == 2304


def test_suppression_joins_boxes_of_one_face() -> None:
    points = np.zeros((6, 2), np.float32)
    boxes = ([0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60])
    found = [Detection(np.array(b, np.float32), s, points) for b, s in zip(boxes, (0.9, 0.6, 0.8), strict=True)]
    kept = suppress(found)
    assert [d.score for d in kept] == [0.9, 0.8]
    assert kept[0].box_xyxy[0] == pytest.approx(0.4)


@pytest.mark.parametrize("dims", [2, 3])
def test_similarity_is_recovered(dims: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, dims))
    rotation, _ = np.linalg.qr(rng.normal(size=(dims, dims)))
    rotation[:, 0] *= np.sign(np.linalg.det(rotation))
    fit = similarity(points, 1.7 * points @ rotation.T + 3)
    assert np.allclose(fit[:, :dims], 1.7 * rotation)
    assert np.allclose(fit[:, dims], 3)


def test_topology_is_symmetric_and_of_one_turn() -> None:
    top = topology()
    assert top.triangles.max() == 467
    assert (top.mirror[top.mirror] == np.arange(468)).mean() > 0.97
    a, b, c = (top.uv[top.triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    assert (area >= 0).all()
    assert len(set(OVAL)) == 36


def test_mask_stays_inside_the_hull() -> None:
    points = np.array([[10, 10], [50, 12], [30, 55]], np.float32)
    mask = hull_mask(points, 64, 64, 6)
    assert mask.max() == 1
    assert mask[0].max() == 0
    assert mask[11, 12] < 0.3


def test_paste_touches_only_its_place() -> None:
    frame = frame_of(np.full((64, 64, 3), 100, np.uint8))
    matrix = np.array([[1.0, 0, -20], [0, 1.0, -20]])
    paste_crop(frame, np.full((16, 16, 3), 200, np.uint8), matrix, np.ones((16, 16), np.float32), face_id=3)
    out = frame.bgr()
    assert out[28, 28, 0] == 200
    assert (out[:19] == 100).all()
    assert frame.edited == {3}


def level_mesh() -> NDArray[np.float32]:
    """The canonical face, 200 pixels wide, looking into the camera."""
    uv = topology().uv
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = uv * 200 + 100
    return mesh


def test_the_crop_grows_downwards_with_the_mouth() -> None:
    closed = level_mesh()
    wide = closed.copy()
    wide[14, 1] += 0.5 * float(np.linalg.norm(closed[291, :2] - closed[61, :2]))
    shut, gaping = crop_of_mesh(closed), crop_of_mesh(wide)
    assert gaping.stretch > shut.stretch + 0.15
    assert gaping.side == shut.side
    top = [crop.y - crop.side * crop.stretch / 2 for crop in (shut, gaping)]
    assert top[0] == pytest.approx(top[1])


def test_a_wrong_chin_does_not_move_the_crop() -> None:
    mesh = level_mesh()
    lower = mesh.copy()
    lower[152, 1] += 25
    assert crop_of_mesh(lower) == crop_of_mesh(mesh)


def test_a_turned_crop_shows_the_same() -> None:
    mesh = level_mesh()
    level = crop_of_mesh(mesh)
    turn = np.radians(30)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    turned = mesh.copy()
    turned[:, :2] = mesh[:, :2] @ matrix.T
    axes = crop_of_mesh(turned).axes()
    seen = (turned[:, :2] - axes[:, 2]) @ np.linalg.inv(axes[:, :2]).T
    straight = (mesh[:, :2] - level.axes()[:, 2]) @ np.linalg.inv(level.axes()[:, :2]).T
    assert np.allclose(seen, straight, atol=0.5)


def test_a_stretched_brow_does_not_move_the_chin() -> None:
    """What the network adds to the upper face is taken back slowly, and must not reach down to a chin that stays."""
    mesh = level_mesh()
    smoother = MeshSmoother()
    smoother.step(mesh)
    lifted = mesh.copy()
    above = mesh[:, 1] < mesh[1, 1]
    lifted[above, 1] -= 0.04 * (mesh[1, 1] - mesh[above, 1])
    for _ in range(5):
        shown = smoother.step(lifted, carried=smoother.last)
    assert abs(float(shown[152, 1] - mesh[152, 1])) < 1.0


@pytest.mark.parametrize("spec", [models.BLAZEFACE_SHORT, models.BLAZEFACE_FULL, models.FACEMESH])
def test_embedded_models_have_no_layer_that_is_slow_on_cpus(spec: ModelSpec) -> None:
    assert b"PRelu" not in spec.path().read_bytes()
