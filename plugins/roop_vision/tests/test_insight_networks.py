"""What InsightFace's package answers on a plain session of the same graphs is what the backend answers."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import insight_graphs as graphs
import numpy as np
import onnxruntime
import pytest
from insightface.app.common import Face as FaceRecord
from insightface.data import get_object
from insightface.model_zoo.arcface_onnx import ArcFaceONNX
from insightface.model_zoo.attribute import Attribute
from insightface.model_zoo.landmark import Landmark
from insightface.model_zoo.scrfd import SCRFD
from insightface.utils import face_align
from numpy.typing import NDArray

from roop_host import ModelSpec, Session
from roop_host.testing import context_of, frame_of
from roop_vision.align import arcface_template, similarity
from roop_vision.detector import Effort
from roop_vision.insight_networks import ArcFace, AsOrt, GenderAge, Points, Scrfd
from roop_vision.models import DET_10G, GENDER_AGE, LANDMARKS_68, LANDMARKS_106, W600K_R50, InsightModels

BOX = np.array((177, 68, 271, 172), np.float32)
POINTS = np.array(((206, 106), (244, 105), (226, 128), (210, 148), (242, 147)), np.float32)
Picture = NDArray[np.uint8]


def plain(spec: ModelSpec) -> Any:
    return onnxruntime.InferenceSession(str(spec.path()), providers=["CPUExecutionProvider"])


def theirs(kind: Any, spec: ModelSpec) -> Any:
    return kind(model_file=str(spec.path()), session=plain(spec))


def scrfd(spec: ModelSpec) -> Scrfd:
    return Scrfd(context_of().sessions.open(spec))


def noisy(tmp_path: Path) -> ModelSpec:
    return graphs.stored(DET_10G, graphs.scrfd_of_noise(), tmp_path)


def wide(bgr: Picture) -> Picture:
    return np.ascontiguousarray(np.concatenate([bgr, bgr[:, ::-1]], axis=1))


def test_a_session_looks_like_one_of_onnx_runtime(insight: InsightModels) -> None:
    session, ours = plain(insight.detector), AsOrt(context_of().sessions.open(insight.detector))
    for mine, other in (
        (ours.get_inputs(), session.get_inputs()),
        (ours.get_outputs(), session.get_outputs()),
    ):
        assert [item.name for item in mine] == [item.name for item in other]
        assert [[isinstance(side, str) for side in item.shape] for item in mine] == [
            [isinstance(side, str) for side in item.shape] for item in other
        ]
    assert ours.get_providers() == ["CPUExecutionProvider"]
    feed = {"input.1": np.random.default_rng(0).random((1, 3, 64, 96), np.float32)}
    for names in (None, ["500", "448"]):
        for a, b in zip(ours.run(names, feed), session.run(names, feed), strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize(("picture", "sizes"), [("collins", [(128, 128), (640, 640)]), ("wide", [(128, 64), (640, 320)])])
def test_decoding_and_suppression_are_the_packages(
    picture: str, sizes: list[tuple[int, int]], collins: Picture, tmp_path: Path
) -> None:
    """Many overlapping boxes of a random network at both sizes; of a wide picture only the rows that it has."""
    spec, bgr = noisy(tmp_path), collins if picture == "collins" else wide(collins)
    boxes, points = SCRFD(session=plain(spec)).detect(bgr, input_size=sizes)
    found = scrfd(spec).detect(bgr)
    assert len(found) == len(boxes) > 50
    assert np.allclose([[*d.box_xyxy, d.score] for d in found], boxes, atol=1e-4)
    assert np.allclose([d.keypoints for d in found], points, atol=1e-4)


@pytest.mark.parametrize("picture", ["square", "wide", "tall"])
def test_a_face_is_found_as_in_the_packages_square(picture: str, insight: InsightModels, collins: Picture) -> None:
    bgr = {
        "square": collins,
        "wide": np.ascontiguousarray(collins[:300]),
        "tall": np.ascontiguousarray(collins[:, 100:400]),
    }[picture]
    boxes, points = SCRFD(session=plain(insight.detector)).detect(bgr, input_size=[(128, 128), (640, 640)])
    found = scrfd(insight.detector).detect(bgr)
    assert len(found) == len(boxes) == 1
    assert np.allclose(found[0].box_xyxy, boxes[0, :4], atol=1e-3)
    assert np.allclose(found[0].keypoints, points[0], atol=1e-3)
    shift = (100, 0) if picture == "tall" else (0, 0)
    assert np.abs(found[0].box_xyxy + np.tile(shift, 2) - BOX).max() < 3
    assert np.abs(found[0].keypoints + shift - POINTS).max() < 3


def test_a_large_picture_that_stands_alone_is_looked_at_in_more_detail(insight: InsightModels, collins: Picture) -> None:
    """The face is 104 of 1024 pixels: at 640 it is half as large as this detector sees."""
    large = np.zeros((1024, 1024, 3), np.uint8)
    large[400:912, 300:812] = collins
    found = scrfd(insight.detector)
    assert not found.detect(large)
    (face,) = found.detect(large, Effort.CAREFUL)
    assert np.abs(face.box_xyxy - BOX - (300, 400, 300, 400)).max() < 3


def test_what_is_around_a_face(insight: InsightModels, collins: Picture) -> None:
    large = np.asarray(cv2.resize(collins, (1536, 1536), interpolation=cv2.INTER_CUBIC), np.uint8)
    for bgr, scale in ((collins, 1), (large, 3)):
        frame = frame_of(bgr)
        (face,) = scrfd(insight.detector).around(frame, BOX * scale)
        assert np.abs(face.box_xyxy / scale - BOX).max() < 4
        assert np.abs(face.keypoints / scale - POINTS).max() < 4
        assert not scrfd(insight.detector).around(frame, (BOX + 240) * scale)


def test_around_a_face_at_the_edge(insight: InsightModels, collins: Picture) -> None:
    """The region is no square there, and both axes are scaled alike."""
    bgr = np.ascontiguousarray(collins[40:, 150:])
    (face,) = scrfd(insight.detector).around(frame_of(bgr), BOX - (150, 40, 150, 40))
    assert np.abs(face.keypoints - POINTS - (-150, -40)).max() < 5


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (8, 4000), (4000, 9)], ids=str)
def test_pictures_of_odd_shapes(size: tuple[int, int], insight: InsightModels) -> None:
    bgr = np.full((*size, 3), 90, np.uint8)
    assert not scrfd(insight.detector).detect(bgr, Effort.CAREFUL)
    assert not scrfd(insight.detector).around(frame_of(bgr), np.array((0, 0, 1, 1), np.float32))
    assert not scrfd(insight.detector).around(frame_of(bgr), np.array((5000, 5000, 5100, 5100), np.float32))


def test_the_detector_is_given_red_first(collins: Picture, tmp_path: Path) -> None:
    spec = graphs.stored(DET_10G, graphs.scrfd_of(collins, tuple(BOX), POINTS, channel=0), tmp_path)
    for channel, count in ((0, 0), (1, 0), (2, 1)):  # of blue, green, red
        bgr = np.full_like(collins, 100)
        bgr[..., channel] = collins.mean(2)
        assert len(scrfd(spec).detect(bgr)) == count


@pytest.mark.parametrize("size", [112, 128, 224, 256, 512])
def test_the_aligning_matrix_is_the_packages(size: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of scikit-image, for the package
        assert np.allclose(similarity(POINTS, arcface_template(size)), face_align.estimate_norm(POINTS, size), atol=1e-4)


def test_an_aligning_matrix_of_no_known_size() -> None:
    with pytest.raises(ValueError, match="112 or 128"):
        arcface_template(100)


@pytest.mark.parametrize("batch", ["None", 1])
def test_embeddings_are_the_packages(batch: int | str, collins: Picture, hopper: Picture, tmp_path: Path) -> None:
    """Several at once where the graph takes that, also over the picture's edge."""
    spec = graphs.stored(W600K_R50, graphs.arcface(batch=batch), tmp_path)
    package = theirs(ArcFaceONNX, spec)
    assert (package.input_mean, package.input_std) == (127.5, 127.5)
    for bgr in (collins, hopper):
        faces = [POINTS, POINTS * 0.5 + 5, POINTS - (170, 90), POINTS - (-260, 0)]
        ours = ArcFace(context_of(), spec).embeddings(frame_of(bgr), faces)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            expected = [package.get(bgr, FaceRecord(kps=five)) for five in faces]
        assert np.allclose(ours, expected, atol=1e-4)
        assert all(vector.shape == (512,) and vector.dtype == np.float32 for vector in ours)


def test_more_faces_than_one_batch_and_none(insight: InsightModels, collins: Picture) -> None:
    arcface = ArcFace(context_of(), insight.recogniser)
    assert arcface.embeddings(frame_of(collins), []) == []
    faces = [POINTS + k for k in range(19)]
    ours = arcface.embeddings(frame_of(collins), faces)
    singly = [arcface.embeddings(frame_of(collins), [five])[0] for five in faces]
    assert np.allclose(ours, singly, atol=1e-5)
    assert not np.allclose(ours[0], ours[18], atol=1e-2)


def test_the_recogniser_is_given_red_first_from_minus_one_to_one(insight: InsightModels) -> None:
    bgr = np.zeros((512, 512, 3), np.uint8)
    bgr[...] = (0, 51, 255)
    (vector,) = ArcFace(context_of(), insight.recogniser).embeddings(frame_of(bgr), [POINTS])
    assert np.allclose(vector[:3], (1, -0.6, -1), atol=1e-5)


@pytest.mark.parametrize("move", [(0, 0), (-150, -60), (200, 300)], ids=str)
def test_gender_and_age_are_the_packages(move: tuple[int, int], insight: InsightModels, collins: Picture) -> None:
    package, box = theirs(Attribute, insight.gender_age), BOX + np.tile(np.float32(move), 2)
    gender, age = package.get(collins, FaceRecord(bbox=box))
    told = GenderAge(context_of(), insight.gender_age).of(frame_of(collins), [box])
    assert told == [(("female", "male")[gender], age)]


def test_gender_and_age_of_a_red_and_a_blue_face(insight: InsightModels) -> None:
    network = GenderAge(context_of(), insight.gender_age)
    red, blue = (np.zeros((300, 400, 3), np.uint8) for _ in range(2))
    red[..., 2] = blue[..., 0] = 255
    assert network.of(frame_of(red), [BOX]) == [("female", 10)]
    assert network.of(frame_of(blue), [BOX]) == [("male", 50)]


@pytest.mark.parametrize("move", [(0, 0), (-150, -60), (200, 300)], ids=str)
def test_points_are_the_packages(move: tuple[int, int], insight: InsightModels, collins: Picture) -> None:
    box = BOX + np.tile(np.float32(move), 2)
    for spec, shape in ((insight.landmarks_68, (68, 3)), (insight.landmarks_106, (106, 2))):
        record = FaceRecord(bbox=box)
        expected = theirs(Landmark, spec).get(collins, record)
        ((points, pose),) = Points(context_of(), spec).of(frame_of(collins), [box])
        assert points is not None
        assert points.shape == shape
        assert points.dtype == np.float32
        assert np.allclose(points, expected, atol=1e-3)
        assert (pose is None) == (shape[1] == 2)
        if pose is not None:
            assert np.allclose(pose, record["pose"], atol=1e-2)


@pytest.mark.parametrize("yaw", [-40, 0, 25])
def test_a_turned_head(yaw: int, collins: Picture, tmp_path: Path) -> None:
    """The mean head turned by a known angle: towards the picture's right is positive."""
    turn = np.radians(yaw)
    matrix = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    flat = np.zeros((1103, 3))
    flat[-68:] = get_object("meanshape_68.pkl") @ matrix.T
    spec = graphs.stored(LANDMARKS_68, graphs.points(flat), tmp_path)
    ((points, pose),) = Points(context_of(), spec).of(frame_of(collins), [BOX])
    assert points is not None
    assert pose == pytest.approx((0, yaw, 0), abs=6)
    assert np.abs(points[:, :2].mean(0) - (BOX[:2] + BOX[2:]) / 2).max() < 25


def test_a_box_outside_the_picture(insight: InsightModels, collins: Picture) -> None:
    assert GenderAge(context_of(), insight.gender_age).of(frame_of(collins), [BOX + 900]) == [None]
    assert Points(context_of(), insight.landmarks_106).of(frame_of(collins), [BOX + 900]) == [(None, None)]


class _Counted:
    """A session that notes how many faces each run is given."""

    def __init__(self, session: Session) -> None:
        self.session, self.runs = session, list[int]()
        self.inputs, self.outputs, self.output_names = session.inputs, session.outputs, session.output_names
        self.provider = session.provider

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        self.runs.append(len(next(iter(inputs.values()))))
        return self.session.run(inputs)


class _Counting:
    """Sessions that are counted."""

    def __init__(self) -> None:
        self._real = context_of().sessions
        self.opened: list[_Counted] = []

    def open(self, model: ModelSpec, *, threads: int | None = None) -> Any:
        self.opened.append(_Counted(self._real.open(model, threads=threads)))
        return self.opened[-1]

    def read(self, model: ModelSpec) -> bytes:
        return self._real.read(model)


MANY = [BOX + k for k in range(18)]
MANY.insert(2, BOX + 900)


@pytest.mark.parametrize(("batch", "runs"), [("None", [16, 2]), (1, [1] * 18)])
def test_the_details_of_many_faces_are_made_in_few_runs(
    batch: int | str, runs: list[int], collins: Picture, tmp_path: Path
) -> None:
    """As many at once as the graph takes, and each as the package makes it of that face alone."""
    rng = np.random.default_rng(3)
    for kind, package, spec, made in (
        (Points, Landmark, LANDMARKS_68, graphs.points(rng.uniform(-0.5, 0.5, (1103, 3)), batch=batch)),
        (Points, Landmark, LANDMARKS_106, graphs.points(rng.uniform(-0.5, 0.5, (106, 2)), batch=batch)),
        (GenderAge, Attribute, GENDER_AGE, graphs.gender_age(batch=batch)),
    ):
        stored = graphs.stored(spec, made, tmp_path)
        sessions = _Counting()
        network = kind(replace(context_of(), sessions=sessions), stored)
        for _ in range(2):  # and the network is left as it was
            told = network.of(frame_of(collins), MANY)
            assert sessions.opened[0].runs == runs
            sessions.opened[0].runs.clear()
        assert told[2] in (None, (None, None))
        for one, box in zip(told[:2] + told[3:], MANY[:2] + MANY[3:], strict=True):
            record = FaceRecord(bbox=box)
            expected = theirs(package, stored).get(collins, record)
            if kind is GenderAge:
                assert one == (("female", "male")[expected[0]], expected[1])
                continue
            points, pose = one
            assert np.allclose(points, expected, atol=1e-3)
            assert (pose is not None) == (spec is LANDMARKS_68)
            assert pose is None or np.allclose(pose, record["pose"], atol=1e-2)
        assert network.of(frame_of(collins), []) == []


def test_points_that_are_no_numbers_are_no_face(insight: InsightModels, collins: Picture) -> None:
    finder = scrfd(insight.detector)
    for spoilt in (0, 1):
        found = [np.array([[*BOX, 0.9]] * 2, np.float32), np.array([POINTS] * 2, np.float32)]
        found[spoilt][0].flat[1] = np.nan
        finder._scrfd.detect = lambda *_, _found=found, **__: _found
        assert len(finder.detect(collins)) == 1


def test_the_vector_of_points_that_say_nothing_is_that_of_no_picture(insight: InsightModels, collins: Picture) -> None:
    nothing = POINTS.copy()
    nothing[1, 0] = np.nan
    arcface = ArcFace(context_of(), insight.recogniser)
    vectors = arcface.embeddings(frame_of(collins), [nothing, POINTS, POINTS + 5000])
    assert all(np.isfinite(vector).all() for vector in vectors)
    assert np.array_equal(vectors[0], vectors[2])
    assert not np.allclose(vectors[0], vectors[1], atol=0.05)


@pytest.fixture
def board() -> Picture:
    """Single pixels, black and white in turn."""
    return np.repeat((np.indices((1400, 1400)).sum(0) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)


def test_the_grain_of_a_large_face_is_not_in_the_recognisers_crop(insight: InsightModels, board: Picture) -> None:
    """On purpose not as the package, which skips eight pixels of nine here."""
    large = ((arcface_template(112) - 56) @ similarity(POINTS, POINTS @ [[1, 0.2], [-0.2, 1]])[:, :2] * 9 + 700.3).astype(
        np.float32
    )
    crops: list[Picture] = []
    arcface = ArcFace(context_of(), insight.recogniser)
    arcface._arcface.get_feat = lambda some: crops.extend(some) or np.zeros((1, 512), np.float32)
    arcface.embeddings(frame_of(board), [large])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        package = face_align.norm_crop(board, large)
    assert crops[0][8:-8, 8:-8].std() < 5
    assert package[8:-8, 8:-8].std() > 25


def test_the_grain_of_a_large_face_is_not_in_what_is_looked_at(
    insight: InsightModels, board: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain interpolation would skip pixels, and the points would tremble with the grain."""
    seen: list[Picture] = []
    finder = scrfd(insight.detector)
    monkeypatch.setattr(finder, "_detections", lambda bgr, sizes, score: seen.append(bgr) or [])
    finder.around(frame_of(board), np.array((403, 397, 910, 920), np.float32))
    assert max(seen[0].shape) == 256
    assert seen[0].std() < 12


def test_a_box_that_is_none_is_no_face(insight: InsightModels, collins: Picture) -> None:
    """The package cuts nothing off: a network may say that a face's right edge lies left of its left one."""
    finder = scrfd(insight.detector)
    boxes = np.array([[*BOX, 0.9], [10, 10, 10, 40, 0.8], [60, 20, 30, 50, 0.8]], np.float32)
    finder._scrfd.detect = lambda *_, **__: (boxes, np.array([POINTS] * 3))
    assert len(finder.detect(collins)) == 1


def test_importing_the_package_leaves_no_trace(tmp_path: Path) -> None:
    """No folder in the user's home, nothing printed, nobody called."""
    code = (
        "import sys\n"
        "def told(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'os.mkdir', 'subprocess.Popen'):\n"
        "        print(event, args)\n"
        "sys.addaudithook(told)\n"
        "import roop_vision.insight_networks\n"
    )
    environment = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "SYSTEMROOT", "PYTHONPATH"}}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept | environment)
    assert done.stdout + done.stderr == ""
    assert not list(tmp_path.iterdir())
