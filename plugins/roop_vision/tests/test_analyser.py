"""Faces are found, followed and told apart; equal input gives equal output."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Job, JobContext, Segment
from roop_host.testing import context_of
from roop_host.testing import frame_of as frame
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.faces import FaceAnalyser
from roop_vision.options import VisionOptions

FIRST = Segment(0, 0, 250)


def moved(bgr: NDArray[np.uint8], dx: float, dy: float = 0.0, turn: float = 0.0, scale: float = 1.0) -> NDArray[np.uint8]:
    matrix = cv2.getRotationMatrix2D((224.0, 120.0), turn, scale)
    matrix[:, 2] += (dx, dy)
    size = (bgr.shape[1], bgr.shape[0])
    return np.asarray(cv2.warpAffine(bgr, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def test_finds_the_face(analyser: EmbeddedAnalyser, collins: NDArray[np.uint8]) -> None:
    faces = analyser.analyse_picture(frame(collins))
    assert len(faces) == 1
    face = faces[0]
    assert face.mesh_468 is not None
    assert face.mesh_468.shape == (468, 3)
    assert face.score > 0.9
    assert np.allclose(face.box_xyxy, (177, 68, 271, 172), atol=8)
    assert face.yaw_degrees is not None
    assert abs(face.yaw_degrees) < 10
    left, right, nose, mouth_left, mouth_right = face.landmarks_5
    assert left[0] < nose[0] < right[0]
    assert left[1] < nose[1] < mouth_left[1]
    assert mouth_left[0] < mouth_right[0]


def test_a_group_and_an_empty_picture(
    analyser: EmbeddedAnalyser, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    both = np.zeros((600, 1100, 3), np.uint8)
    both[:512, :512], both[:600, 560:1072] = collins, hopper
    assert len(analyser.analyse_picture(frame(both))) == 2
    noise = np.random.default_rng(0).integers(90, 120, (240, 320, 3)).astype(np.uint8)
    assert not analyser.analyse_picture(frame(noise))


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (7, 7), (8, 8)], ids=str)
def test_a_picture_too_small_for_a_face(analyser: EmbeddedAnalyser, size: tuple[int, int]) -> None:
    bgr = np.full((*size, 3), 90, np.uint8)
    assert not analyser.analyse_picture(frame(bgr))
    analyser.start(FIRST)
    assert not any(analyser.analyse(frame(bgr, k)) for k in range(2))


def test_follows_a_moving_face(analyser: EmbeddedAnalyser, collins: NDArray[np.uint8]) -> None:
    still = analyser.analyse_picture(frame(collins))[0].mesh_468
    assert still is not None
    analyser.start(FIRST)
    for k in range(24):
        faces = analyser.analyse(frame(moved(collins, 3.0 * k, 1.5 * k), k))
        assert [face.id for face in faces] == [0]
        mesh = faces[0].mesh_468
        assert mesh is not None
        error = np.linalg.norm(mesh[:, :2] - still[:, :2] - (3.0 * k, 1.5 * k), axis=1).mean()
        assert error < 4.0, k


def test_still_frames_are_steady_under_noise(analyser: EmbeddedAnalyser, collins: NDArray[np.uint8]) -> None:
    rng = np.random.default_rng(1)
    analyser.start(FIRST)
    points = []
    for k in range(16):
        noisy = np.clip(collins + rng.normal(0, 4, collins.shape), 0, 255).astype(np.uint8)
        mesh = analyser.analyse(frame(noisy, k))[0].mesh_468
        assert mesh is not None
        points.append(mesh[:, :2])
    assert np.linalg.norm(np.diff(np.array(points[4:]), axis=0), axis=2).mean() < 0.12


def test_a_cut_begins_a_new_track(analyser: EmbeddedAnalyser, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]) -> None:
    analyser.start(FIRST)
    first = analyser.analyse(frame(collins, 0))
    analyser.analyse(frame(collins, 1))
    second = analyser.analyse(frame(np.ascontiguousarray(hopper[:512]), 2))
    assert len(second) == 1
    assert second[0].id != first[0].id


@pytest.mark.parametrize("turn", [-25, 25])
def test_a_tilted_face(analyser: EmbeddedAnalyser, collins: NDArray[np.uint8], turn: int) -> None:
    face = analyser.analyse_picture(frame(moved(collins, 30, 60, turn)))[0]
    eyes = face.landmarks_5[1] - face.landmarks_5[0]
    assert np.degrees(np.arctan2(eyes[1], eyes[0])) == pytest.approx(-turn, abs=6)


def test_equal_input_equal_output(analyser: EmbeddedAnalyser, collins: NDArray[np.uint8]) -> None:
    runs = []
    for _ in range(2):
        analyser.start(FIRST)
        runs.append([analyser.analyse(frame(moved(collins, 2.0 * k), k))[0].mesh_468 for k in range(6)])
    assert all(np.array_equal(a, b) for a, b in zip(*runs, strict=True))


def test_a_picture_leaves_the_tracks_alone(
    analyser: EmbeddedAnalyser, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    analyser.start(FIRST)
    analyser.analyse(frame(collins, 0))
    analyser.analyse_picture(frame(hopper))
    assert [face.id for face in analyser.analyse(frame(collins, 1))] == [0]


def test_it_is_told_once_a_job_that_there_are_more_faces_than_are_followed(
    collins: NDArray[np.uint8], hopper: NDArray[np.uint8], caplog: pytest.LogCaptureFixture
) -> None:
    both = np.zeros((600, 1100, 3), np.uint8)
    both[:512, :512], both[:600, 560:1072] = collins, hopper
    job = JobContext(Job((), "target.png", "output.png", ()), (), 1100, 600, media_type="image/png")
    for most, told in ((2, 0), (1, 2)):
        analyser = FaceAnalyser()
        analyser.setup(context_of(VisionOptions(max_faces=most)))
        for _ in range(2):
            analyser.begin(job)
            analyser.start(FIRST)
            assert [len(analyser.analyse(frame(both, index))) for index in (0, 10)] == [most, most]
        assert len(caplog.messages) == told
    assert caplog.messages[0].startswith("frame 0 shows more people than are followed: 1 face is, ")
    assert "--vision-max-faces than 1" in caplog.messages[0]
