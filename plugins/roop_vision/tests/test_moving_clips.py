"""Moving-face clips with cuts, made of the example portraits: nobody missed, less jitter, no identity over a cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Face, Segment
from roop_host.testing import context_of, frame_of
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.detector import Detector
from roop_vision.options import VisionOptions

FIRST = Segment(0, 0, 250)
SIZE = (480, 360)  # width, height
#: By the height of collins.jpg and hopper.jpg: the middle of the face, and its width.
FACES = {512: ((224.0, 120.0), 94.0), 600: ((247.0, 295.0), 173.0)}
Picture = NDArray[np.uint8]


def placed(bgr: Picture, x: float, y: float, scale: float, turn: float, onto: Picture | None = None) -> Picture:
    """The portrait's face, of scale 1 some 94 pixels wide, turned, its middle at x, y; onto a picture the head only."""
    middle, width = FACES[bgr.shape[0]]
    matrix = cv2.getRotationMatrix2D(middle, turn, scale * 94 / width)
    matrix[:, 2] += (x - middle[0], y - middle[1])
    shown = np.asarray(cv2.warpAffine(bgr, matrix, SIZE, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    if onto is None:
        return shown
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    cv2.ellipse(mask, ((x, y), (160 * scale, 230 * scale), -turn), 255, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 3)[..., None] / 255.0
    return np.asarray(np.rint(shown * soft + onto * (1 - soft)), np.uint8)


def way(number: int) -> tuple[float, float, float, float]:
    """A face that sways across the picture, nods, comes nearer and tilts, up to 10 pixels a frame."""
    t = number / 12
    return 240 + 110 * np.sin(t), 180 + 35 * np.sin(1.7 * t), 0.9 + 0.25 * np.sin(0.6 * t), 18 * np.sin(1.1 * t)


def grainy(bgr: Picture, number: int) -> Picture:
    noise = np.random.default_rng(number).normal(0, 5, bgr.shape)
    return np.clip(bgr + noise, 0, 255).astype(np.uint8)


def followed(analyser: EmbeddedAnalyser, frames: Sequence[Picture]) -> Iterator[Sequence[Face]]:
    analyser.start(FIRST)
    for number, bgr in enumerate(frames):
        yield analyser.analyse(frame_of(bgr, number))


def alone(faces: Sequence[Face]) -> Face:
    (face,) = faces
    return face


def mesh_of(face: Face) -> NDArray[np.float32]:
    assert face.mesh_468 is not None
    return face.mesh_468


def jitter(meshes: Sequence[NDArray[np.float32]]) -> float:
    """Mean second difference of the points, in pixels: what a smooth way has next to nothing of."""
    points = np.array([mesh[:, :2] for mesh in meshes])
    return float(np.linalg.norm(points[2:] - 2 * points[1:-1] + points[:-2], axis=2).mean())


def test_no_frame_is_missed_and_no_identity_goes_over_a_cut(
    analyser: EmbeddedAnalyser, collins: Picture, hopper: Picture
) -> None:
    """The shots are framed alike: the second face stands where the first one did."""
    shots = [(collins, range(24)), (hopper, range(24, 48)), (collins, range(48, 60))]
    frames = [placed(bgr, *way(k)) for bgr, numbers in shots for k in numbers]
    ids = [alone(faces).id for faces in followed(analyser, frames)]
    first, second, third = (set(ids[part.start : part.stop]) for _, part in shots)
    assert [len(first), len(second), len(third)] == [1, 1, 1]
    assert len(first | second | third) == 3


def test_a_face_replaced_in_one_framing_is_somebody_else(
    analyser: EmbeddedAnalyser, collins: Picture, hopper: Picture
) -> None:
    """A cut between two people before the same wall hardly changes the picture."""
    wall = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    frames = [placed(collins if k < 8 else hopper, 240 + k, 180, 0.6, 0, onto=wall) for k in range(16)]
    ids = [alone(faces).id for faces in followed(analyser, frames)]
    assert ids == [0] * 8 + [1] * 8


@pytest.mark.parametrize("flash", [lambda bgr: np.clip(bgr.astype(int) + 45, 0, 255), lambda bgr: np.full_like(bgr, 255)])
def test_a_flash_ends_nobody(flash: Callable[[Picture], Picture], analyser: EmbeddedAnalyser, collins: Picture) -> None:
    """One that whitens everything too: there is nobody in it, and who is there right after it is who was there before."""
    frames = [placed(collins, 200 + 2 * k, 180, 1.0, 0) for k in range(14)]
    frames[5:7] = [np.asarray(flash(bgr), np.uint8) for bgr in frames[5:7]]
    shown = [[face.id for face in faces] for faces in followed(analyser, frames)]
    assert shown[:5] + shown[7:] == [[0]] * 12
    assert shown[5] in ([0], [])


def test_the_analysis_of_a_frame_is_that_frames(analyser: EmbeddedAnalyser, collins: Picture) -> None:
    """Also at a leap that no mesh can follow."""
    frames = [placed(collins, 110 if k % 4 < 2 else 370, 180, 0.8, 0) for k in range(8)]
    for k, faces in enumerate(followed(analyser, frames)):
        assert mesh_of(alone(faces))[:, 0].mean() == pytest.approx(110 if k % 4 < 2 else 370, abs=12), k


def test_tracked_points_tremble_less_than_those_of_each_frame(analyser: EmbeddedAnalyser, collins: Picture) -> None:
    frames = [grainy(placed(collins, *way(k)), k) for k in range(40)]
    tracked = [mesh_of(alone(faces)) for faces in followed(analyser, frames)]
    each = [mesh_of(alone(analyser.analyse_picture(frame_of(bgr, k)))) for k, bgr in enumerate(frames)]
    true = jitter([np.array([way(k)[:2]]) for k in range(40)])
    assert jitter(tracked[4:]) - true < 0.6 * (jitter(each[4:]) - true)
    assert np.linalg.norm(np.array(tracked) - np.array(each), axis=2).mean() < 3.5


def test_two_faces_that_cross_stay_themselves(analyser: EmbeddedAnalyser, collins: Picture, hopper: Picture) -> None:
    """The larger one passes before the smaller one, which is covered in between."""
    wall = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    frames = []
    for k in range(50):
        behind = placed(hopper, 380 - 6 * k, 180, 0.55, 0, onto=wall)
        frames.append(placed(collins, 90 + 6 * k, 190, 0.85, 0, onto=behind))
    shown = list(followed(analyser, frames))
    numbers = [{face.id for face in faces} for faces in shown]
    assert all(ids == {0, 1} for ids in (*numbers[:18], *numbers[34:]))
    assert all(len(ids) == 1 for ids in numbers[22:27])
    begin, end = ({face.area: face.id for face in shown[k]} for k in (2, -1))
    assert len(begin) == len(end) == 2
    assert [begin[area] for area in sorted(begin)] == [end[area] for area in sorted(end)]
    large = begin[max(begin)]
    for k, faces in enumerate(shown):
        (face,) = [face for face in faces if face.id == large]
        assert mesh_of(face)[:, 0].mean() == pytest.approx(90 + 6 * k, abs=20), k


def test_a_face_that_is_blurred_away_for_a_frame_is_bridged(analyser: EmbeddedAnalyser, collins: Picture) -> None:
    """The networks see nothing in one frame; the mesh moves along with the skin."""
    frames = [placed(collins, 200 + 3 * k, 180, 1.0, 0) for k in range(8)]
    landmarker, real = analyser._landmarker, analyser._landmarker.mesh
    for k, bgr in enumerate(frames):
        if k == 0:
            analyser.start(FIRST)
        blind = k == 5
        landmarker.mesh = (lambda *_: (np.zeros((468, 3), np.float32), 0.0)) if blind else real  # type: ignore[method-assign]
        face = alone(analyser.analyse(frame_of(bgr, k)))
        assert face.id == 0
        assert mesh_of(face)[:, 0].mean() == pytest.approx(200 + 3 * k, abs=8), k


@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("who", ["collins", "hopper"])
def test_a_face_that_lies_or_stands_on_its_head(
    turn: int, who: str, analyser: EmbeddedAnalyser, request: pytest.FixtureRequest
) -> None:
    """In a picture and in a clip, with its points where they are on the upright one."""
    bgr = request.getfixturevalue(who)
    upright = mesh_of(alone(analyser.analyse_picture(frame_of(bgr))))
    height, width = bgr.shape[:2]
    x, y = upright[:, 0], upright[:, 1]
    there = {1: (y, width - 1 - x), 2: (width - 1 - x, height - 1 - y), 3: (height - 1 - y, x)}[turn]
    lying = np.ascontiguousarray(np.rot90(bgr, turn))
    eyes = np.linalg.norm(upright[263] - upright[33])
    clip = [alone(faces) for faces in followed(analyser, [lying] * 3)]
    assert {face.id for face in clip} == {0}
    for face in (alone(analyser.analyse_picture(frame_of(lying))), *clip):
        assert np.linalg.norm(mesh_of(face)[:, :2] - np.stack(there, 1), axis=1).mean() < 0.06 * eyes
        assert face.pose_degrees is not None
        assert abs((face.pose_degrees[2] + 90 * turn + 180) % 360 - 180) < 9


def test_an_empty_clip_is_searched_in_full_every_so_often_only(monkeypatch: pytest.MonkeyPatch, collins: Picture) -> None:
    """And a large upright face that comes is there at once, one upside down at the next full search."""
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions(detect_every=10)))
    runs: list[int] = []
    real = Detector.detect
    monkeypatch.setattr(Detector, "detect", lambda *args: runs.append(1) or real(*args))
    empty = np.full((360, 480, 3), 100, np.uint8)
    empty[:, 240:] = 140
    counts = []
    analyser.start(FIRST)
    for k in range(7, 25):
        runs.clear()
        assert not analyser.analyse(frame_of(empty, k))
        counts.append(len(runs))
    assert counts == [4 if k in (7, 10, 20) else 1 for k in range(7, 25)]
    face = placed(collins, 240, 180, 0.8, 0, onto=empty)
    alone(analyser.analyse(frame_of(face, 25)))
    analyser.start(FIRST)
    seen = [
        bool(analyser.analyse(frame_of(np.ascontiguousarray(face[::-1, ::-1]) if k > 3 else empty, k))) for k in range(12)
    ]
    assert seen[10:] == [True, True]


def small(collins: Picture) -> Picture:
    """A face 27 pixels wide in a picture of 1000."""
    shrunk = cv2.resize(collins, (150, 150), interpolation=cv2.INTER_AREA)
    picture = np.full((700, 1000, 3), 120, np.uint8)
    picture[400:550, 700:850] = shrunk
    return picture


def test_size_and_score_of_the_detector(collins: Picture) -> None:
    def found(**options: float) -> bool:
        made = EmbeddedAnalyser()
        made.setup(context_of(VisionOptions(**options)))  # type: ignore[arg-type]
        made.start(FIRST)
        return bool(made.analyse(frame_of(small(collins), 0)))

    assert found(detector_size=640)
    assert not found(detector_size=128)
    assert not found(detector_size=640, detector_score=0.9)


def test_scores_at_which_everything_or_nothing_is_a_face_are_not_offered() -> None:
    (score,) = [one for one in fields(VisionOptions) if one.name == "detector_score"]
    field = score.metadata
    assert "0.05" in str(dict(field))
    assert "0.9" in str(dict(field))


@pytest.mark.parametrize("size", [1, 127, 2049])
def test_sizes_that_are_none(size: int) -> None:
    with pytest.raises(ValueError, match="detector-size"):
        VisionOptions(detector_size=size)
