"""Who is followed, with a detector and a landmarker that say what the test wants; and how steady points are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Box, FrameView
from roop_host.testing import frame_of
from roop_vision.detector import Detection, Effort
from roop_vision.landmarker import Crop
from roop_vision.searching import looked_at_closely
from roop_vision.smoothing import BoxSmoother, PointSmoother
from roop_vision.topology import topology
from roop_vision.tracker import Tracker

Place = tuple[float, float]
TEMPLATE = np.array(((38, 52), (74, 51), (56, 72), (41, 92), (71, 92)), np.float32)


def face_at(place: Place, side: float = 80) -> Detection:
    x, y = place
    box = np.array((x - side / 2, y - side / 2, x + side / 2, y + side / 2), np.float32)
    return Detection(box, 0.9, (box[:2] + TEMPLATE * side / 112).astype(np.float32))


class Finder:
    """Sees faces at ``places``; ``blind`` turns it off."""

    def __init__(self, *places: Place, certain: bool = True) -> None:
        self.places, self.certain = list(places), certain

    def detect(self, bgr: NDArray[np.uint8], effort: Effort = Effort.FULL) -> list[Detection]:
        return [face_at(place) for place in self.places]

    def around(self, frame: FrameView, box_xyxy: NDArray[np.float32], turn: int = 0) -> list[Detection]:
        return self.detect(frame.bgr()) if self.certain else []


class Meshes:
    """Lays the mesh on the face at ``place`` with a given presence."""

    def __init__(self, place: Place = (150, 150), presence: float = 1.0) -> None:
        self.place, self.presence = place, presence

    def mesh(self, pixels: object, picture: Box, crop: Crop) -> tuple[NDArray[np.float32], float]:
        mesh = np.zeros((468, 3), np.float32)
        mesh[:, :2] = (topology().uv - 0.5) * 80 + np.array(self.place)
        return mesh, self.presence

    def refined(self, pixels: object, picture: Box, mesh: NDArray[np.float32]) -> NDArray[np.float32]:
        return mesh


def tracker_of(finder: Finder, meshes: Meshes) -> Tracker:
    return Tracker(finder, meshes, detect_every=10, max_faces=8)  # type: ignore[arg-type]


def scene(index: int) -> FrameView:
    return frame_of(np.full((300, 400, 3), 90, np.uint8), index)


def test_a_face_that_turns_away_and_back_stays_itself() -> None:
    """Its mesh comes back only when it is sure, not at the presence at which it went."""
    finder, meshes = Finder((150, 150)), Meshes()
    tracker = tracker_of(finder, meshes)
    shown = []
    for k, presence in enumerate((1, 1, 0.1, 0.1, 0.6, 0.4, 0.6, 0.9, 0.6, 1)):
        meshes.presence = presence
        (track,) = tracker.step(scene(k))
        assert (track.id, track.seen is not None) == (0, True), k
        shown.append(track.mesh is not None)
    assert shown == [True, True, False, False, False, False, False, True, True, True]


def test_a_mesh_that_settles_elsewhere_is_not_this_faces() -> None:
    tracker = tracker_of(Finder((150, 150)), Meshes(place=(280, 150)))
    (track,) = tracker.step(scene(0))
    assert track.mesh is None
    assert np.array_equal(track.box_xyxy, face_at((150, 150)).box_xyxy)


@pytest.mark.parametrize(("certain", "frames"), [(True, 26), (False, 60)])
def test_a_mesh_that_no_detector_confirms_is_left_in_the_end(certain: bool, frames: int) -> None:
    """A hand before the face is bridged; a mesh on the wallpaper is not swapped for ever. BlazeFace never confirms."""
    finder = Finder((150, 150), certain=certain)
    tracker = tracker_of(finder, Meshes())
    tracker.step(scene(0))
    finder.places = []
    alive = [bool(tracker.step(scene(k))) for k in range(1, 60)]
    assert alive == [k < frames for k in range(1, 60)]


def test_a_face_that_goes_does_not_take_its_neighbours() -> None:
    finder, meshes = Finder((150, 150), (200, 150)), Meshes(presence=0.0)
    tracker = tracker_of(finder, meshes)
    assert [track.id for track in tracker.step(scene(1))] == [0, 1]
    finder.places = [(198, 150)]
    for k in range(2, 8):
        (track,) = [track for track in tracker.step(scene(k)) if not track.missed]
        assert track.id == 1, k


@pytest.mark.parametrize(("blind", "number"), [(2, 0), (4, 1)])
def test_a_blink_of_the_detector_keeps_the_number(blind: int, number: int) -> None:
    """And the face is shown on where it was going: its own one would flash up."""
    finder, meshes = Finder((150, 150)), Meshes(presence=0.0)
    tracker = tracker_of(finder, meshes)
    tracker.step(scene(1))
    finder.places = [(156, 152)]
    tracker.step(scene(2))
    finder.places = []
    for k in range(blind):
        shown = tracker.step(scene(3 + k))
        assert [(track.id, track.missed, track.seen) for track in shown] == ([(0, k + 1, None)] if k < 2 else [])
        assert all(np.allclose(t.box_xyxy, face_at((162 + 6 * k, 154 + 2 * k)).box_xyxy) for t in shown)
        assert tracker.ids == ({0} if k < 2 else set())
    finder.places = [(170, 156)]
    assert [track.id for track in tracker.step(scene(3 + blind))] == [number]


def test_a_face_seen_once_waits_where_it_is() -> None:
    finder = Finder((150, 150))
    tracker = tracker_of(finder, Meshes(presence=0.0))
    tracker.step(scene(1))
    finder.places = []
    (track,) = tracker.step(scene(2))
    assert np.array_equal(track.box_xyxy, face_at((150, 150)).box_xyxy)


def test_a_face_that_loses_its_mesh_does_not_leap_when_it_is_missed() -> None:
    """The middles of the mesh's box and the detector's are apart, which is no movement."""
    finder, meshes = Finder((150, 150)), Meshes(place=(165, 160))
    tracker = tracker_of(finder, meshes)
    tracker.step(scene(1))
    meshes.presence = 0.0
    tracker.step(scene(2))
    finder.places = []
    (track,) = tracker.step(scene(3))
    assert np.array_equal(track.box_xyxy, face_at((150, 150)).box_xyxy)


def test_a_face_that_had_a_mesh_is_gone_when_nothing_sees_it() -> None:
    finder, meshes = Finder((150, 150)), Meshes()
    tracker = tracker_of(finder, meshes)
    tracker.step(scene(1))
    finder.places, meshes.presence = [], 0.0
    assert tracker.step(scene(2)) == []
    assert tracker.ids == {0}


def test_a_face_that_another_covers_is_not_shown_through_it() -> None:
    finder = Finder((150, 150), (240, 150))
    tracker = tracker_of(finder, Meshes(presence=0.0))
    for k in range(1, 4):
        finder.places = [(150 + 10 * k, 150), (240 - 10 * k, 150)]
        assert [track.id for track in tracker.step(scene(k))] == [0, 1]
    finder.places = [(205, 150)]
    shown = tracker.step(scene(4))
    assert len(shown) == 1
    assert not shown[0].missed
    assert tracker.ids == {0, 1}


def test_who_is_missed_makes_the_whole_frame_be_searched() -> None:
    """A face that leaps farther than its mesh can follow is there again in the same frame, not after detect_every more."""
    finder, meshes = Finder((100, 150), certain=False), Meshes((100, 150))
    tracker = tracker_of(finder, meshes)
    tracker.step(scene(1))
    finder.places, meshes.place = [(300, 150)], (300, 150)
    assert [track.id for track in tracker.step(scene(2))] == [1]
    assert tracker.looked
    tracker.step(scene(3))
    assert tracker.looked
    for k in (4, 5, 6):
        tracker.step(scene(k))
    assert not tracker.looked


def test_who_was_just_lost_is_looked_for_in_every_frame() -> None:
    """For a while: who steps out from behind another one is there at once, not at the next full search."""
    finder, meshes = Finder((100, 150), (240, 150), certain=False), TwoMeshes((100, 150), (240, 150))
    efforts: list[Effort] = []
    real = finder.detect
    finder.detect = lambda bgr, effort=Effort.FULL: efforts.append(effort) or real(bgr, effort)  # type: ignore[method-assign]
    tracker = Tracker(finder, meshes, detect_every=100, max_faces=8)  # type: ignore[arg-type]
    textured = np.random.default_rng(1).integers(40, 200, (30, 40, 1), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    looks = [[] if k == 0 else sorted(t.id for t in tracker.step(frame_of(textured.repeat(3, 2), k))) for k in range(4)]
    assert looks[3] == [0, 1]
    finder.places, meshes.places = [(100, 150)], [(100, 150)]
    for k in range(4, 10):
        tracker.step(frame_of(textured.repeat(3, 2), k))
    assert tracker.ids == {0, 1}
    finder.places, meshes.places = [(100, 150), (240, 150)], [(100, 150), (240, 150)]
    assert sorted(t.id for t in tracker.step(frame_of(textured.repeat(3, 2), 10))) == [0, 1]
    assert efforts[-1] is Effort.QUICK
    finder.places, meshes.places = [(100, 150)], [(100, 150)]
    for k in range(11, 40):
        tracker.step(frame_of(textured.repeat(3, 2), k))
    efforts.clear()
    tracker.step(frame_of(textured.repeat(3, 2), 40))
    assert not efforts


class TwoMeshes(Meshes):
    """Lays the mesh on the face at the nearest of ``places``, if one is near."""

    def __init__(self, *places: Place) -> None:
        super().__init__()
        self.places = list(places)

    def mesh(self, pixels: object, picture: Box, crop: Crop) -> tuple[NDArray[np.float32], float]:
        middle = crop.axes() @ (96, 96, 1)
        self.place = min(self.places, key=lambda place: float(np.hypot(*(middle - place))))
        self.presence = float(np.hypot(*(middle - self.place)) < 60)
        return super().mesh(pixels, picture, crop)


class FarSighted(Finder):
    """Sees the face in the whole frame, and nothing in its surroundings."""

    def around(self, frame: FrameView, box_xyxy: NDArray[np.float32], turn: int = 0) -> list[Detection]:
        return []


def test_what_the_whole_frame_shows_confirms_a_mesh() -> None:
    tracker = tracker_of(FarSighted((150, 150)), Meshes())
    for k in range(60):
        (track,) = tracker.step(scene(k))
        assert (track.seen is not None, track.unseen) == (k % 10 == 0, k % 10), k


class Sharp(Finder):
    """Sees a face in its surroundings better than in the whole frame, and its neighbours too."""

    def around(self, frame: FrameView, box_xyxy: NDArray[np.float32], turn: int = 0) -> list[Detection]:
        return [face_at((x + dx, y)) for x, y in self.places for dx in (70, 3)]


def test_a_new_face_is_looked_at_closely() -> None:
    """In the first frame already: a swap is aligned by these points."""
    (track,) = tracker_of(Sharp((150, 150)), Meshes(presence=0.0)).step(scene(0))
    assert track.seen is not None
    assert np.array_equal(track.seen.keypoints, face_at((153, 150)).keypoints)


def test_a_close_look_that_shows_another_face_does_not_count() -> None:
    detection = face_at((80, 150))
    assert looked_at_closely(Sharp((150, 150)), scene(0), detection) is detection
    assert looked_at_closely(FarSighted((80, 150)), scene(0), detection) is detection


def test_no_more_faces_than_asked_for() -> None:
    finder = Finder(*((60 + 90 * k, 150) for k in range(4)))
    tracker = Tracker(finder, Meshes(presence=0.0), detect_every=10, max_faces=2)  # type: ignore[arg-type]
    assert len(tracker.step(scene(0))) == 2
    assert tracker.left_out
    finder.places = finder.places[:2]
    assert len(tracker.step(scene(1))) == 2
    assert not tracker.left_out


def test_a_face_that_is_seen_twice_is_not_left_out() -> None:
    tracker = Tracker(Finder((60, 150), (64, 150)), Meshes(presence=0.0), detect_every=10, max_faces=1)  # type: ignore[arg-type]
    assert len(tracker.step(scene(0))) == 1
    assert not tracker.left_out


def trembling(speeds: Sequence[float], *, known: bool) -> tuple[float, float, float]:
    """Steps of shown and of measured points beyond the movement, and the lag behind it, in distances of the eyes.

    ``known`` tells the smoother the true movement, as the mesh does.
    """
    rng, smoother, eyes, x = np.random.default_rng(0), PointSmoother(), 36.0, 0.0
    shown, measured = [], []
    for speed in speeds:
        x += speed * eyes
        true = TEMPLATE + np.array([x, 0.0])
        seen = (true + rng.normal(0, 0.012 * eyes, (5, 2))).astype(np.float32)
        last = smoother.last
        carried = (last + np.array([speed * eyes, 0.0])).astype(np.float32) if known and last is not None else None
        shown.append(smoother.step(seen, carried) - true)
        measured.append(seen - true)
    steps = [float(np.abs(np.diff(np.array(part[20:]), axis=0)).mean()) / eyes for part in (shown, measured)]
    return steps[0], steps[1], float(np.abs(np.mean(shown[20:], axis=0)).max()) / eyes


@pytest.mark.parametrize("speed", [0.0, 0.1, 0.3])
def test_points_are_steady_and_do_not_lag(speed: float) -> None:
    shown, measured, lag = trembling([speed] * 150, known=True)
    assert shown < measured / 10
    assert lag < 0.01
    shown, measured, lag = trembling([speed] * 150, known=False)
    assert shown < measured * 0.7
    assert lag < 0.05


def test_a_real_change_of_one_point_comes_through() -> None:
    """A mouth corner that moves by a third of the eyes' distance, unknown to the mesh, is there in four frames."""
    smoother = PointSmoother()
    for _ in range(5):
        smoother.step(TEMPLATE, smoother.last)
    smile = TEMPLATE.copy()
    smile[3] -= (12, 0)
    for _ in range(4):
        shown = smoother.step(smile, smoother.last)
    assert np.abs(shown - smile).max() < 2.5


def test_a_jump_of_all_points_is_caught_up_with() -> None:
    """What the mesh says moved wrongly, by half the eyes' distance: not for longer than a few frames."""
    smoother = PointSmoother()
    for _ in range(5):
        smoother.step(TEMPLATE, smoother.last)
    for _ in range(4):
        shown = smoother.step(TEMPLATE + np.float32([18, 0]), smoother.last)
    assert np.abs(shown - TEMPLATE - (18, 0)).max() < 1.5


def boxes(rng: np.random.Generator, count: int, *, speed: float, known: bool) -> NDArray[np.float64]:
    """Errors of a box of 100 pixels, shown and measured ``(2, count, 4)``, that a detector sees off by a pixel."""
    smoother, shown, measured = BoxSmoother(), [], []
    for k in range(count):
        true = np.array([[10, 10], [110, 110]]) + np.array([speed * k, 0])
        seen = (true + rng.normal(0, 1, (2, 2))).astype(np.float32)
        last = smoother.last
        carried = (last + np.array([speed, 0])).astype(np.float32) if known and last is not None else None
        shown.append((smoother.step(seen, carried) - true).ravel())
        measured.append((seen - true).ravel())
    return np.array([shown[20:], measured[20:]])


@pytest.mark.parametrize(("speed", "known", "part"), [(0, True, 0.1), (6, True, 0.1), (0, False, 0.6)])
def test_boxes_are_steady_and_do_not_lag(speed: float, known: bool, part: float) -> None:
    shown, measured = boxes(np.random.default_rng(2), 120, speed=speed, known=known)
    assert np.abs(np.diff(shown, axis=0)).mean() < part * np.abs(np.diff(measured, axis=0)).mean()
    assert np.abs(shown.mean(0)).max() < 1.5


def test_a_box_that_really_grows_is_followed() -> None:
    smoother = BoxSmoother()
    box = np.array([[10, 10], [110, 110]], np.float32)
    for _ in range(5):
        smoother.step(box, smoother.last)
    for _ in range(4):
        shown = smoother.step(box * np.float32(1.3), smoother.last)
    assert np.abs(shown - box * 1.3).max() < 4
