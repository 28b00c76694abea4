"""The mesh engine on real faces: what changes, what must not, what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Face, Job, JobContext, NoFaceError, Segment, SourceFace, Step, UsageError, Window
from roop_host.testing import context_of, frame_of
from roop_swapper.mesh_engine import MeshEngine
from roop_swapper.options import SwapperOptions
from roop_swapper.processor import Swapper
from roop_vision import topology
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.options import VisionOptions

MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def analyser() -> EmbeddedAnalyser:
    made = EmbeddedAnalyser()
    made.setup(context_of(VisionOptions()))
    return made


@pytest.fixture(scope="module")
def collins() -> Picture:
    return np.asarray(cv2.imread(str(MEDIA / "collins.jpg")), np.uint8)


@pytest.fixture(scope="module")
def hopper() -> Picture:
    return np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.uint8)


def face_of(analyser: EmbeddedAnalyser, bgr: Picture) -> Face:
    return analyser.analyse_picture(frame_of(bgr))[0]


def swapper(source: SourceFace, **options: float) -> Swapper:
    made = Swapper()
    made.setup(context_of(SwapperOptions(engine="mesh", **options)))  # type: ignore[arg-type]
    made.begin(JobContext(Job(("s.jpg",), "t.jpg", "o.jpg", (Step("swapper"),)), (source,), 512, 600))
    made.start(Segment(0, 0, 250))
    return made


def swapped(made: Swapper, bgr: Picture, face: Face, index: int = 0) -> Picture:
    frame = frame_of(bgr, index)
    frame.faces = (face.with_source(0),)
    made.process(Window((), (frame,), ()))
    return np.array(frame.bgr())


@pytest.fixture(scope="module")
def source(analyser: EmbeddedAnalyser, collins: Picture) -> SourceFace:
    return SourceFace("collins.jpg", collins, face_of(analyser, collins))


@pytest.fixture(scope="module")
def target(analyser: EmbeddedAnalyser, hopper: Picture) -> Face:
    return face_of(analyser, hopper)


def test_changes_the_face_and_nothing_else(source: SourceFace, target: Face, hopper: Picture) -> None:
    out = swapped(swapper(source), hopper, target)
    assert target.mesh_468 is not None
    hull = np.zeros(hopper.shape[:2], np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(target.mesh_468[:, :2].astype(np.int32)), 1)
    near = cv2.dilate(hull, np.ones((9, 9), np.uint8)) > 0
    assert np.array_equal(out[~near], hopper[~near])
    middle = cv2.erode(hull, np.ones((61, 61), np.uint8)) > 0
    assert np.abs(out.astype(int) - hopper)[middle].mean() > 5


def test_a_face_without_a_source_is_left_alone(source: SourceFace, target: Face, hopper: Picture) -> None:
    frame = frame_of(hopper)
    frame.faces = (target,)
    swapper(source).process(Window((), (frame,), ()))
    assert not frame.changed_by()
    assert np.array_equal(frame.bgr(), hopper)


def test_notes_whose_face_was_changed(source: SourceFace, target: Face, hopper: Picture) -> None:
    frame = frame_of(hopper)
    frame.faces = (replace(target, id=7, source=0),)
    swapper(source).process(Window((), (frame,), ()))
    assert frame.edited == {7}


def test_equal_input_equal_output(source: SourceFace, target: Face, hopper: Picture) -> None:
    assert np.array_equal(swapped(swapper(source), hopper, target), swapped(swapper(source), hopper, target))


def test_a_segment_starts_anew(source: SourceFace, target: Face, hopper: Picture) -> None:
    made = swapper(source)
    first = swapped(made, hopper, target)
    swapped(made, (hopper // 2).astype(np.uint8), target, 1)
    made.start(Segment(1, 250, 500))
    assert np.array_equal(swapped(made, hopper, target, 250), first)


def test_is_steady_on_still_frames(source: SourceFace, target: Face, hopper: Picture) -> None:
    made = swapper(source)
    outs = [swapped(made, hopper, target, k).astype(int) for k in range(6)]
    assert max(np.abs(a - b).max() for a, b in pairwise(outs)) <= 2


def test_how_many_frames_come_at_once_makes_no_difference(source: SourceFace, target: Face, hopper: Picture) -> None:
    results = []
    for at_once in (1, 4):
        made = swapper(source)
        shifted = [np.ascontiguousarray(np.roll(hopper, 3 * k, axis=1)) for k in range(4)]
        frames = [frame_of(bgr, index, faces=(target.with_source(0),)) for index, bgr in enumerate(shifted)]
        for first in range(0, 4, at_once):
            made.process(Window((), tuple(frames[first : first + at_once]), ()))
        results.append([np.array(frame.bgr()) for frame in frames])
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))
    assert not np.array_equal(results[0][0], results[0][1])


def test_follows_the_light_of_the_target(source: SourceFace, target: Face, hopper: Picture) -> None:
    x0, y0, x1, y1 = (int(v) for v in target.box_xyxy)
    core = (slice(y0 + (y1 - y0) // 3, y1 - (y1 - y0) // 4), slice(x0 + (x1 - x0) // 4, x1 - (x1 - x0) // 4))
    bright = swapped(swapper(source), hopper, target)
    dark = swapped(swapper(source), (hopper * 0.5).astype(np.uint8), target)
    assert dark[core].mean() == pytest.approx(bright[core].mean() * 0.5, rel=0.2)


def with_closed_eyes(bgr: Picture, mesh: NDArray[np.float32]) -> Picture:
    """Lids painted over both eyes in the colour of the cheeks, lashes along their lower edge."""
    closed = bgr.copy()
    cheek = mesh[list(topology.CHEEK_LEFT), :2].astype(int)
    lid = np.median(bgr[cheek[:, 1], cheek[:, 0]], axis=0)
    for eye in (topology.EYE_LEFT, topology.EYE_RIGHT):
        contour = np.round(mesh[list(eye), :2]).astype(np.int32)
        cv2.fillPoly(closed, [contour], lid.tolist())
        cv2.polylines(closed, [contour[:9]], False, (lid * 0.3).tolist(), 3)
    return closed


def test_closed_eyes_stay_the_targets_own(analyser: EmbeddedAnalyser, hopper: Picture, collins: Picture) -> None:
    collins = np.asarray(cv2.resize(collins, None, fx=2, fy=2), np.uint8)
    face = face_of(analyser, collins)
    assert face.mesh_468 is not None
    made = swapper(SourceFace("hopper.jpg", hopper, face_of(analyser, hopper)), proportions=0.0)
    changes = []
    for bgr in (collins, with_closed_eyes(collins, face.mesh_468)):
        made.start(Segment(0, 0, 250))
        difference = np.abs(swapped(made, bgr, face).astype(int) - bgr).mean(2)
        inner = np.zeros(bgr.shape[:2], np.uint8)
        for eye in (topology.EYE_LEFT, topology.EYE_RIGHT):
            cv2.fillPoly(inner, [np.round(face.mesh_468[list(eye), :2]).astype(np.int32)], 1)
        lids = (cv2.dilate(inner, np.ones((5, 5), np.uint8)) > 0) & (inner == 0)
        changes.append(float(difference[lids].mean()))
    as_open, closed = changes
    assert as_open > 15
    assert closed < as_open / 3


def test_a_face_at_the_edge_of_the_picture(source: SourceFace, analyser: EmbeddedAnalyser, hopper: Picture) -> None:
    cut = np.ascontiguousarray(hopper[160:, 190:])
    mesh = face_of(analyser, hopper).mesh_468
    assert mesh is not None
    moved = mesh - np.array([190, 160, 0], np.float32)
    low, high = moved[:, :2].min(0), moved[:, :2].max(0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    face = Face(0, box, 1.0, np.zeros((5, 2), np.float32), moved)
    assert swapped(swapper(source), cut, face).shape == cut.shape


def test_a_profile_is_refused(source: SourceFace, collins: Picture) -> None:
    mesh = source.face.mesh_468
    assert mesh is not None
    turn = np.radians(60)
    middle = mesh.mean(0)
    matrix = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    turned = ((mesh - middle) @ matrix.T + middle).astype(np.float32)
    with pytest.raises(NoFaceError, match=r"collins\.jpg: the face is turned \d+ degrees"):
        swapper(SourceFace("collins.jpg", collins, replace(source.face, mesh_468=turned)))


def test_a_source_without_landmarks_is_refused(source: SourceFace, collins: Picture) -> None:
    with pytest.raises(NoFaceError, match="dense landmarks"):
        swapper(SourceFace("collins.jpg", collins, replace(source.face, mesh_468=None)))


def test_proportions_out_of_range(source: SourceFace) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        swapper(source, proportions=1.5)


def test_a_shining_forehead_goes_over(analyser: EmbeddedAnalyser, hopper: Picture, target: Face) -> None:
    made = swapper(SourceFace("hopper.jpg", hopper, target))
    assert isinstance(made._engine, MeshEngine)
    keep = made._engine.textures[0].keep
    assert keep[int(keep.shape[0] * 0.22), keep.shape[1] // 2] > 0.8


def test_the_sources_glasses_stay_or_go_as_asked(hopper: Picture, target: Face) -> None:
    source = SourceFace("hopper.jpg", hopper, target)
    dark = []
    choices: tuple[Literal["keep", "remove"], ...] = ("keep", "remove")
    for choice in choices:
        made = Swapper()
        made.setup(context_of(SwapperOptions(engine="mesh", source_glasses=choice)))
        made.begin(JobContext(Job(("s.jpg",), "t.jpg", "o.jpg", (Step("swapper"),)), (source,), 512, 600))
        assert isinstance(made._engine, MeshEngine)
        texture = made._engine.textures[0].levels[128]
        dark.append(float(texture[37:41, 36:51].mean()))  # the bar above an eye
    assert dark[0] < dark[1] - 30


def test_wrinkles_stay_on_a_smooth_face_and_blur_with_a_blurred_picture(
    hopper: Picture, target: Face, collins: Picture, source: SourceFace
) -> None:
    made = swapper(SourceFace("hopper.jpg", hopper, target))
    assert isinstance(made._engine, MeshEngine)
    skins = []
    for bgr in (collins, np.asarray(cv2.GaussianBlur(collins, (0, 0), 3), np.uint8)):
        made.start(Segment(0, 0, 250))
        swapped(made, bgr, source.face)
        state = made._engine._states.get((source.face.id, 0))
        assert state is not None
        assert state.contrast is not None
        skins.append(float(state.contrast.value[0]))
    assert skins[0] > 0.9
    assert skins[1] < 0.7


def test_the_mask_of_a_source_with_a_fringe_ends_below_it(source: SourceFace) -> None:
    made = swapper(source)
    assert isinstance(made._engine, MeshEngine)
    keep = made._engine.textures[0].keep
    size = keep.shape[0]
    assert keep[int(size * 0.14), size // 2] < 0.2  # Eileen Collins' fringe
    assert keep[int(size * 0.55), int(size * 0.3)] > 0.8  # her cheek
