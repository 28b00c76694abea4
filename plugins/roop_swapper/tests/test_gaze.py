"""Where eyes look, and the source's eyes that follow."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Face, SourceFace
from roop_host.testing import context_of, frame_of
from roop_swapper import gaze, skin
from roop_swapper.mesh_engine import CHART, MeshEngine
from roop_swapper.regions import Regions
from roop_vision import topology
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.options import VisionOptions

MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
EYES = (topology.EYE_LEFT, topology.EYE_RIGHT)
Picture = NDArray[np.uint8]


def person(name: str) -> tuple[Picture, Face]:
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    bgr = np.asarray(cv2.imread(str(MEDIA / name)), np.uint8)
    return bgr, analyser.analyse_picture(frame_of(bgr))[0]


@pytest.fixture(scope="module")
def collins() -> tuple[Picture, Face]:
    return person("collins.jpg")


def with_irises(bgr: Picture, mesh: NDArray[np.float32], right: float, iris_bgr: tuple[int, int, int]) -> Picture:
    """White eyes with irises ``right`` of their middle, in shares of an eye's width."""
    painted = bgr.copy()
    for eye in EYES:
        points = mesh[list(eye), :2]
        low, high = points.min(0), points.max(0)
        inside = np.zeros(bgr.shape[:2], np.uint8)
        cv2.fillPoly(inside, [np.round(points).astype(np.int32)], 1)
        drawn = painted.copy()
        drawn[:] = (225, 225, 225)
        middle = (low + high) / 2 + ((high - low)[0] * right, 0)
        cv2.circle(drawn, np.round(middle).astype(int).tolist(), round(float(high[0] - low[0]) * 0.2), iris_bgr, -1)
        painted[inside > 0] = drawn[inside > 0]
    return painted


def swapped(source: tuple[Picture, Face], bgr: Picture, face: Face) -> Picture:
    engine = MeshEngine(0.0)
    engine.begin((SourceFace("s.jpg", *source),))
    frame = frame_of(bgr, 0, faces=(face.with_source(0),))
    engine.process((frame,))
    return np.array(frame.bgr())


def test_an_iris_to_the_right_is_a_look_to_the_right() -> None:
    regions = Regions.make(CHART, 0.085)
    looks = []
    for right in (-0.2, 0.0, 0.2):
        mesh = topology.topology().uv * CHART - 0.5
        chart = with_irises(np.full((CHART, CHART, 3), 160, np.uint8), mesh, right, (30, 30, 30))
        looks.append(gaze.side_look(skin.lab(chart)[..., 0], regions.openings))
    assert looks[0] < -0.1
    assert looks[1] == pytest.approx(0, abs=0.05)
    assert looks[2] > 0.1


def test_irises_are_not_moved_out_of_their_eyes() -> None:
    assert gaze.turned_by(0.1, 0.04) == pytest.approx(0.06)
    assert 0 < gaze.turned_by(0.9, -0.9) < 0.3


def test_the_sources_eyes_go_over_and_look_where_the_target_looks(collins: tuple[Picture, Face]) -> None:
    bgr, face = collins
    mesh = face.mesh_468
    assert mesh is not None
    green = with_irises(bgr, mesh, 0.0, (30, 140, 30)), face
    places = []
    for right in (-0.18, 0.18):
        out = swapped(green, with_irises(bgr, mesh, right, (30, 30, 30)), face).astype(int)
        greener = np.maximum(out[..., 1] - np.maximum(out[..., 0], out[..., 2]) - 10, 0)
        points = mesh[list(topology.EYE_LEFT), :2]
        (x0, y0), (x1, y1) = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
        columns = greener[y0:y1, x0:x1].sum(0)
        assert columns.max() > 30
        places.append(float((columns * np.arange(x1 - x0)).sum() / columns.sum() / (x1 - x0)))
    assert places[1] - places[0] > 0.15
