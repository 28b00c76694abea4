"""Glasses in a source's texture: found by their bridge, painted over, and never seen where none are worn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Face, SourceFace
from roop_host.testing import context_of, frame_of
from roop_swapper import skin
from roop_swapper.glasses import frame_mask, without_glasses, worn
from roop_swapper.mesh_engine import CHART, MeshEngine
from roop_swapper.raster import Chart
from roop_swapper.regions import Regions
from roop_vision import topology
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.options import VisionOptions

MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
SIZE = 256
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def people() -> dict[str, tuple[Picture, Face]]:
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    pictures = {name: np.asarray(cv2.imread(str(MEDIA / f"{name}.jpg")), np.uint8) for name in ("collins", "hopper")}
    return {name: (bgr, analyser.analyse_picture(frame_of(bgr))[0]) for name, bgr in pictures.items()}


def unrolled(person: tuple[Picture, Face]) -> Picture:
    bgr, face = person
    assert face.mesh_468 is not None
    top = topology.topology()
    x, y = Chart.make(top.uv, top.triangles, SIZE).spread(face.mesh_468)[:2]
    return np.asarray(cv2.remap(bgr, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def lightness(texture: Picture, rows: tuple[float, float], columns: tuple[float, float]) -> NDArray[np.float32]:
    size = texture.shape[0]
    part = texture[int(rows[0] * size) : int(rows[1] * size), int(columns[0] * size) : int(columns[1] * size)]
    return skin.lab(part)[..., 0]


def painted(texture: Picture) -> Picture:
    mask = frame_mask(texture)
    assert mask is not None
    return without_glasses(texture, mask)


def eyes(texture: Picture) -> Picture:
    inside = np.zeros(texture.shape[:2], np.uint8)
    for eye in (topology.EYE_LEFT, topology.EYE_RIGHT):
        cv2.fillPoly(inside, [np.round(topology.topology().uv[list(eye)] * texture.shape[0] - 0.5).astype(np.int32)], 1)
    return texture[inside > 0]


def test_dark_frames_become_skin_and_eyes_stay(people: dict[str, tuple[Picture, Face]]) -> None:
    framed = unrolled(people["hopper"])
    bare = painted(framed)
    for columns in ((0.28, 0.4), (0.6, 0.72)):  # the bars above the eyes
        bar = (0.29, 0.32), columns
        cheek = float(np.median(lightness(bare, (0.56, 0.62), (0.28, 0.34))))
        assert lightness(framed, *bar).mean() < cheek - 20
        assert lightness(bare, *bar).mean() > cheek - 16
    assert np.array_equal(eyes(bare), eyes(framed))


def test_a_bare_face_has_no_frames(people: dict[str, tuple[Picture, Face]]) -> None:
    assert frame_mask(unrolled(people["collins"])) is None


def test_who_wears_glasses_is_told_from_a_small_texture(people: dict[str, tuple[Picture, Face]]) -> None:
    small = {name: np.asarray(cv2.resize(unrolled(person), (CHART, CHART)), np.uint8) for name, person in people.items()}
    assert worn(small["hopper"]) > 0.9
    assert worn(small["collins"]) < 0.1


def test_thick_brows_under_frames_are_no_frames() -> None:
    texture = np.full((SIZE, SIZE, 3), (120, 150, 200), np.uint8)
    uv = topology.topology().uv
    for brow in (topology.BROW_LEFT, topology.BROW_RIGHT):
        cv2.fillConvexPoly(texture, cv2.convexHull(np.round(uv[list(brow)] * SIZE).astype(np.int32)), (80, 105, 145))
    middle = round(SIZE * 0.35)
    texture[middle : middle + 3, round(SIZE * 0.44) : round(SIZE * 0.56)] = 30  # the bridge
    bare = painted(texture)
    brow = tuple(np.round(uv[list(topology.BROW_LEFT)].mean(0) * SIZE).astype(int)[::-1])
    assert np.array_equal(bare[brow], texture[brow])
    assert bare[middle + 1, SIZE // 2].mean() > 130


@pytest.mark.parametrize(("bare", "seen"), [(True, False), (False, True)])
def test_the_sources_frames_go_over_unless_they_are_removed(
    people: dict[str, tuple[Picture, Face]], bare: bool, seen: bool
) -> None:
    engine = MeshEngine(0.45, bare=bare)
    engine.begin((SourceFace("hopper.jpg", *people["hopper"]),))
    texture = engine.textures[0]
    level = texture.levels[max(texture.levels)]
    cheek = float(np.median(skin.lab(texture.chart_bgr.astype(np.uint8))[Regions.make(CHART, 0.085).reference > 0.5, 0]))
    assert (lightness(level, (0.29, 0.32), (0.28, 0.4)).mean() < cheek - 16) == seen


def test_the_targets_frames_go(people: dict[str, tuple[Picture, Face]]) -> None:
    engine = MeshEngine(0.45)
    engine.begin((SourceFace("collins.jpg", *people["collins"]),))
    bgr, face = people["hopper"]
    frame = frame_of(bgr, 0, faces=(face.with_source(0),))
    engine.process((frame,))
    out = unrolled((np.array(frame.bgr()), face))
    assert frame_mask(unrolled((bgr, face))) is not None
    assert frame_mask(out) is None
