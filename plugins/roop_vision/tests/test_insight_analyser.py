"""The backend ``insightface`` on moving pictures, and the choice between the two backends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import insight_graphs as graphs
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Face, Segment, UsageError
from roop_host.testing import context_of, frame_of
from roop_vision.align import pose_degrees
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.detector import Detection, Effort
from roop_vision.faces import FaceAnalyser
from roop_vision.landmarker import Landmarker
from roop_vision.models import ARCFACE, DET_10G, InsightModels
from roop_vision.options import VisionOptions
from roop_vision.plugin import roop_analysers

FIRST = Segment(0, 0, 250)
BOX = np.array((177, 68, 271, 172), np.float32)
POINTS = np.array(((206, 106), (244, 105), (226, 128), (210, 148), (242, 147)), np.float32)
#: Of collins.jpg: a part of the suit, on which FaceMesh sees no face.
THING = (100.0, 240.0, 194.0, 344.0)
Picture = NDArray[np.uint8]
Details = tuple[str, ...]


def made(models: InsightModels, *details: str) -> FaceAnalyser:
    analyser = FaceAnalyser(models)
    analyser.setup(context_of(VisionOptions(backend="insightface", details=details)))
    analyser.start(FIRST)
    return analyser


def moved(bgr: Picture, dx: float, dy: float = 0.0) -> Picture:
    matrix = np.array([[1, 0, dx], [0, 1, dy]])
    return np.asarray(cv2.warpAffine(bgr, matrix, bgr.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


def only(faces: object) -> Face:
    (face,) = faces  # type: ignore[misc]
    return face


def test_a_picture_with_all_details(insight: InsightModels, collins: Picture) -> None:
    face = only(made(insight, "gender_age", "pose", "landmarks_106").analyse_picture(frame_of(collins)))
    assert face.mesh_468 is not None
    assert np.abs(face.landmarks_5 - POINTS).max() < 3
    assert face.landmarks_5.dtype == np.float32
    assert face.score > 0.9
    assert face.recogniser == ARCFACE == "arcface_w600k_r50"
    assert face.embedding is not None
    assert face.embedding.shape == (512,)
    assert face.landmarks_68 is not None
    assert face.landmarks_106 is not None
    assert face.pose_degrees is not None
    assert (face.gender, face.age is not None) == ("female", True)
    assert face.yaw_degrees is not None
    assert abs(face.yaw_degrees) < 10


def test_only_what_was_asked_is_told(insight: InsightModels, collins: Picture) -> None:
    face = only(made(insight, "landmarks_106").analyse_picture(frame_of(collins)))
    assert face.landmarks_106 is not None
    assert (face.landmarks_68, face.gender, face.age) == (None, None, None)
    assert face.pose_degrees == pose_degrees(face.mesh_468)


def test_a_moving_face_is_followed_by_its_own_points(insight: InsightModels, collins: Picture) -> None:
    analyser = made(insight)
    for k in range(24):
        face = only(analyser.analyse(frame_of(moved(collins, 5.0 * k, 2.0 * k), k)))
        assert face.id == 0
        assert face.mesh_468 is not None
        assert np.abs(face.landmarks_5 - POINTS - (5.0 * k, 2.0 * k)).max() < 4, k


def test_the_embedding_is_computed_at_each_search_and_kept_between(insight: InsightModels, collins: Picture) -> None:
    analyser = made(insight)
    seen = [only(analyser.analyse(frame_of(moved(collins, 2.0 * k), k))).embedding for k in range(12)]
    assert all(vector is seen[0] for vector in seen[:10])
    assert seen[10] is not seen[9]
    assert seen[11] is seen[10]


def test_the_embedding_is_the_mean_of_the_first_searches(
    insight: InsightModels, collins: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what is made of it would change at a blow at every search. One of somebody else begins anew."""
    analyser, rng = made(insight), np.random.default_rng(4)
    one, other = (rng.normal(0, 1, 512).astype(np.float32) for _ in range(2))
    told: list[NDArray[np.float32]] = []

    def embeddings(frame: object, points: list[object]) -> list[NDArray[np.float32]]:
        told.extend(one + rng.normal(0, 0.4, 512).astype(np.float32) for _ in points)
        return told[-len(points) :] if points else []

    monkeypatch.setattr(analyser._backend._arcface, "embeddings", embeddings)  # type: ignore[attr-defined]
    for k in range(72):
        face = only(analyser.analyse(frame_of(moved(collins, k), k)))
        assert len(told) == min(5, 1 + k // 10), k
        assert face.embedding is not None
        assert np.allclose(face.embedding, np.mean(told, axis=0), atol=1e-5)
        assert not face.embedding.flags.writeable
    analyser.start(FIRST)
    first = only(analyser.analyse(frame_of(collins, 9))).embedding
    told.clear()
    one = other
    second = only(analyser.analyse(frame_of(collins, 10))).embedding
    assert first is not None
    assert second is not None
    assert np.array_equal(second, told[0])


def test_two_people_of_whom_one_comes_later(insight: InsightModels, collins: Picture) -> None:
    """The second one is found by the search at frame 10, and named at once."""
    one = collins[:400, 90:350]
    both = np.concatenate([one, cv2.convertScaleAbs(one, alpha=0.6)], axis=1)
    alone = both.copy()
    alone[:, 260:] = 40
    analyser = made(insight)
    for k in range(13):
        faces = analyser.analyse(frame_of(alone if k < 7 else both, k))
        assert [face.id for face in faces] == ([0] if k < 10 else [0, 1]), k
    first, second = faces
    assert first.embedding is not None
    assert second.embedding is not None
    assert not np.allclose(first.embedding, second.embedding, atol=0.05)


@pytest.mark.parametrize("step", [2.0, 12.0, 40.0])
def test_what_the_mesh_does_not_see_is_followed_all_the_same(step: float, collins: Picture, insight: InsightModels) -> None:
    """A profile, say: here a thing that only the detector knows, also where it moves by a third of itself at once."""
    points = np.array(((125, 280), (165, 280), (145, 300), (130, 325), (160, 325)), np.float32)
    folder = insight.detector.path().parent / "thing"
    folder.mkdir(exist_ok=True)
    detector = graphs.stored(DET_10G, graphs.scrfd_of(collins, THING, points), folder)
    analyser = made(replace(insight, detector=detector))
    for k in range(7):
        scene = np.full_like(collins, 100)
        left = 80 + round(step * k)
        scene[220:364, left : left + 134] = collins[220:364, 80:214]
        face = only(analyser.analyse(frame_of(scene, k)))
        assert (face.id, face.mesh_468, face.yaw_degrees) == (0, None, None), k
        assert face.embedding is not None
        assert np.abs(face.landmarks_5 - points - (step * k, 0)).max() < 5, k
    still = only(analyser.analyse_picture(frame_of(collins)))
    assert still.mesh_468 is None
    assert still.embedding is not None


class Scripted:
    """A detector that sees what the test wants: boxes and points by frame, the same around a face as in the whole."""

    certain = True

    def __init__(self) -> None:
        self.found: list[Detection] = []

    def detect(self, bgr: Picture, effort: Effort = Effort.FULL) -> list[Detection]:
        return self.found

    def around(self, frame: object, box_xyxy: NDArray[np.float32], turn: int = 0) -> list[Detection]:
        return self.found


def scripted(models: InsightModels, *details: str) -> tuple[FaceAnalyser, Scripted]:
    analyser, finder = made(models, *details), Scripted()
    backend = analyser._backend
    backend._detector = backend._tracker._detector = finder  # type: ignore[attr-defined]
    return analyser, finder


def test_a_face_without_a_mesh_goes_on_where_the_detector_blinks(insight: InsightModels) -> None:
    """At its last points moved on, not with its own face; and nothing is learnt from what is not seen."""
    analyser, finder = scripted(insight, "landmarks_106")
    grey = np.full((400, 500, 3), 100, np.uint8)
    grey[:, 250:] = 160
    shown = []
    for k in range(1, 10):
        move = np.float32(5 * k)
        missed = k in (5, 6, 9)
        finder.found = (
            [] if missed else [Detection(BOX + np.float32([move, 0, move, 0]), 0.9, POINTS + np.float32([move, 0]))]
        )
        face = only(analyser.analyse(frame_of(grey, k)))
        assert (face.id, face.mesh_468) == (0, None)
        assert np.abs(face.landmarks_5 - POINTS - (move, 0)).max() < 2, k
        assert np.abs(np.array(face.box_xyxy) - BOX - (move, 0, move, 0)).max() < 4, k
        assert face.landmarks_106 is not None
        shown.append(face)
    assert shown[5].embedding is shown[3].embedding


def test_a_detectors_trembling_is_in_no_box(insight: InsightModels, collins: Picture) -> None:
    """Two faces as large as each other, one before the other by area: which, must not change with the grain."""
    rng = np.random.default_rng(4)
    analyser, finder = scripted(insight)
    beside = np.float32([200, 0, 200, 0])
    bgr = np.concatenate([collins[:, 100:300], collins[:, 100:300], collins[:, :100]], axis=1)
    at = BOX - np.float32([100, 0, 100, 0])
    sides, flips = [], []
    for k in range(60):
        seen = [at + rng.normal(0, 1, 4).astype(np.float32), at + beside + rng.normal(0, 1, 4).astype(np.float32)]
        finder.found = [Detection(box, 0.9, POINTS - (100, 0) + n * beside[:2]) for n, box in enumerate(seen)]
        faces = analyser.analyse(frame_of(bgr, k))
        assert [face.id for face in faces] == [0, 1]
        assert all(face.mesh_468 is not None for face in faces)
        sides.append([face.box_xyxy for face in faces])
        first, second = (np.prod(box[2:] - box[:2]) for box in seen)
        flips.append([faces[0].area > faces[1].area, first > second])
    assert np.abs(np.diff(sides, axis=0)).mean() < 0.15
    changes = np.abs(np.diff(np.array(flips, int), axis=0)).sum(0)
    assert changes[1] > 15
    assert changes[0] <= 3


def test_the_box_moves_with_the_mesh_while_the_detector_sees_nothing(insight: InsightModels, collins: Picture) -> None:
    analyser, finder = scripted(insight)
    for k in range(1, 14):
        finder.found = (
            [Detection(BOX + np.float32([5 * k, 0, 5 * k, 0]), 0.9, POINTS + np.float32([5 * k, 0]))] if k < 5 else []
        )
        face = only(analyser.analyse(frame_of(moved(collins, 5.0 * k), k)))
        assert face.mesh_468 is not None
        assert np.abs(np.array(face.box_xyxy) - BOX - (5 * k, 0, 5 * k, 0)).max() < 6, k


def test_points_that_are_no_numbers_do_not_end_a_job(insight: InsightModels, collins: Picture) -> None:
    analyser = made(insight)
    package = analyser._backend._detector._scrfd  # type: ignore[attr-defined]
    real = package.detect

    def spoilt(*args: object, **named: object) -> object:
        boxes, points = real(*args, **named)
        return boxes, np.full_like(points, np.nan)

    package.detect = spoilt
    assert not analyser.analyse_picture(frame_of(collins))
    assert not analyser.analyse(frame_of(collins, 0))
    package.detect = real
    only(analyser.analyse(frame_of(collins, 10)))
    package.detect = spoilt
    assert np.isfinite(only(analyser.analyse(frame_of(collins, 2))).landmarks_5).all()


def test_a_picture_is_looked_at_closely_where_a_face_is(insight: InsightModels, collins: Picture) -> None:
    """The pass over the whole of it may have shown the face in a few pixels."""
    analyser, finder = scripted(insight)
    finder.found = [Detection(BOX, 0.9, POINTS)]
    finder.detect = lambda bgr, effort=Effort.FULL: [Detection(BOX + 4, 0.95, POINTS + 5)]  # type: ignore[method-assign]
    face = only(analyser.analyse_picture(frame_of(collins)))
    assert np.array_equal(face.landmarks_5, POINTS)


def test_a_picture_that_stands_alone_has_its_upper_face_from_a_crop_of_its_own(
    insight: InsightModels, collins: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the other backend does it: a still is worth the time, and a source is seen in every frame."""
    asked = []
    real = Landmarker.refined

    def noted(self: Landmarker, *args: Any, careful: bool = False) -> NDArray[np.float32]:
        asked.append(careful)
        return real(self, *args, careful=careful)

    monkeypatch.setattr(Landmarker, "refined", noted)
    analyser = made(insight)
    still = only(analyser.analyse_picture(frame_of(collins))).mesh_468
    assert asked == [True]
    first = only(analyser.analyse(frame_of(collins, 0))).mesh_468
    assert asked == [True, False]
    assert np.abs(still - first).max() > 0.1


def test_no_jump_where_the_detector_sees_nothing_and_the_mesh_does(insight: InsightModels, collins: Picture) -> None:
    """A bar over the hair hides the face from the detector: its points go on as the mesh moves, not as the mesh's own."""
    analyser = made(insight)
    before = None
    hidden = 0
    for k in range(20):
        bgr = moved(collins, 2.0 * k)
        if k >= 8:
            bgr[40:92, 170 + 2 * k : 280 + 2 * k] = 255 if k % 2 else 0
        face = only(analyser.analyse(frame_of(bgr, k)))
        assert face.id == 0
        assert face.mesh_468 is not None
        hidden += analyser._backend._tracker._tracks[0].seen is None
        if before is not None:
            step = face.landmarks_5 - before
            assert np.abs(step - (2, 0)).max() < 2.0, k
        before = face.landmarks_5
    assert hidden >= 8


def test_a_cut_begins_a_new_person(insight: InsightModels, collins: Picture) -> None:
    analyser = made(insight, "gender_age")
    first = only(analyser.analyse(frame_of(collins, 1)))
    blue = collins.copy()
    blue[..., 1:] //= 2
    blue[..., 2] //= 2
    second = only(analyser.analyse(frame_of(moved(blue, 150), 2)))
    assert first.id != second.id
    assert first.embedding is not second.embedding
    assert (first.gender, second.gender) == ("female", "male")


def test_gender_and_age_are_told_once_and_points_in_each_frame(insight: InsightModels, collins: Picture) -> None:
    analyser = made(insight, "gender_age", "pose", "landmarks_106")
    faces = [
        only(analyser.analyse(frame_of(moved(cv2.convertScaleAbs(collins, alpha=1 - 0.02 * k), 3.0 * k), k)))
        for k in range(12)
    ]
    assert len({(face.gender, face.age) for face in faces}) == 1
    for name, size in (("landmarks_68", 3), ("landmarks_106", 2)):
        places = np.array([getattr(face, name)[:, :2].mean(0) for face in faces])
        assert getattr(faces[0], name).shape[1] == size
        assert np.abs(np.diff(places, axis=0) - (3, 0)).max() < 3


def test_a_segment_begins_with_nothing_known(insight: InsightModels, collins: Picture, hopper: Picture) -> None:
    """Equal input from the start of a segment on gives equal bytes, whatever was seen before."""
    analyser = made(insight, "gender_age", "pose")
    runs = []
    for k in range(2):
        if k:
            for other in range(5):
                analyser.analyse(frame_of(moved(collins, -9.0 * other), other))
            analyser.analyse_picture(frame_of(hopper))
        analyser.start(Segment(1, 250, 500))
        runs.append([only(analyser.analyse(frame_of(moved(collins, 2.0 * n), 242 + n))) for n in range(12)])
    for a, b in zip(*runs, strict=True):
        assert (a.id, a.box_xyxy, a.score, a.gender, a.age, a.pose_degrees) == (
            b.id,
            b.box_xyxy,
            b.score,
            b.gender,
            b.age,
            b.pose_degrees,
        )
        for name in ("landmarks_5", "mesh_468", "embedding", "landmarks_68"):
            assert np.array_equal(getattr(a, name), getattr(b, name))


def test_a_picture_leaves_the_tracks_alone(insight: InsightModels, collins: Picture, hopper: Picture) -> None:
    analyser = made(insight)
    first = only(analyser.analyse(frame_of(collins, 1)))
    analyser.analyse_picture(frame_of(hopper))
    second = only(analyser.analyse(frame_of(collins, 2)))
    assert first.id == second.id
    assert second.embedding is first.embedding


def test_the_results_are_the_callers(insight: InsightModels, collins: Picture) -> None:
    """Whoever changes what he was given does not change the tracking."""
    runs = []
    for spoil in (False, True):
        analyser = made(insight)
        for k in range(4):
            face = only(analyser.analyse(frame_of(moved(collins, 2.0 * k), k)))
            if spoil and k < 3:
                face.landmarks_5[:] = 0
                assert face.mesh_468 is not None
                face.mesh_468[:] = 0
        runs.append(face.landmarks_5)
    assert np.array_equal(*runs)
    assert face.embedding is not None
    with pytest.raises(ValueError, match="read-only"):
        face.embedding[0] = 1


@pytest.mark.parametrize("backend", ["auto", "embedded"])
def test_the_embedded_backend_gives_what_it_gives(backend: str, collins: Picture, insight: InsightModels) -> None:
    plain, chosen = EmbeddedAnalyser(), FaceAnalyser(insight)
    for analyser in (plain, chosen):
        analyser.setup(context_of(VisionOptions(backend=backend)))
        analyser.start(FIRST)
    for k in range(3):
        a, b = (only(analyser.analyse(frame_of(collins, k))) for analyser in (plain, chosen))
        assert np.array_equal(a.mesh_468, b.mesh_468)
        assert (b.embedding, b.recogniser) == (None, None)


def test_details_need_the_other_backend() -> None:
    """Said before anything is pulled; where no host has settled ``auto``, at the latest in ``setup``."""
    with pytest.raises(ValueError, match=r"--vision-details pose needs .* insightface"):
        VisionOptions(backend="embedded", details=("pose",))
    analyser = FaceAnalyser()
    with pytest.raises(UsageError, match="add --vision-backend insightface"):
        analyser.setup(context_of(VisionOptions(details=("pose",))))
    analyser.teardown()


def test_each_value_of_the_options_says_what_it_needs_and_gives() -> None:
    (spec,) = roop_analysers()
    said = {(choice.option, choice.value): choice for choice in spec.choices}
    assert set(said) == {
        ("backend", "embedded"),
        ("backend", "dlib"),
        ("backend", "insightface"),
        ("details", "gender_age"),
        ("details", "pose"),
        ("details", "landmarks_106"),
    }
    assert [choice.value for choice in spec.choices if choice.option == "backend"] == ["embedded", "dlib", "insightface"]
    assert all(model.embedded for value in ("embedded", "dlib") for model in said["backend", value].models)
    for value, names in (
        ("embedded", set()),
        ("dlib", {"embedding", "embedding:dlib_resnet_v1"}),
        ("insightface", {"embedding", "embedding:arcface_w600k_r50"}),
    ):
        assert said["backend", value].gives == {"mesh_468", "yaw_degrees", "pose_degrees", *names}
    assert spec.recognisers == {"arcface_w600k_r50": 0.4, "dlib_resnet_v1": 0.92}
    details = [choice for choice in spec.choices if choice.option == "details"]
    assert all(choice.needs <= said["backend", "insightface"].gives for choice in details)
    assert not any(choice.needs <= said["backend", value].gives for choice in details for value in ("embedded", "dlib"))
    pulled = [model for choice in spec.choices for model in choice.models if not model.embedded]
    assert sorted(model.name for model in pulled) == ["1k3d68", "2d106det", "det_10g", "genderage", "w600k_r50"]
    assert all(model.purpose and not model.commercial and "non-commercial" in model.licence for model in pulled)
    assert {model.file for model in pulled} >= {"buffalo_l/det_10g.onnx", "buffalo_l/w600k_r50.onnx"}
    assert sum(model.size for model in pulled) > 341e6
    assert all(model.embedded for model in spec.models)
