"""The backend ``insightface``: SCRFD finds faces, FaceMesh follows them, ArcFace tells people apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from roop_host import Analyser, Context, Face, FrameView, JobContext, Segment
from roop_vision.align import five_points, pose_degrees, similarity
from roop_vision.crowd import Crowd
from roop_vision.detector import Effort
from roop_vision.embeddings import ENOUGH, Known, grown
from roop_vision.landmarker import Landmarker
from roop_vision.models import ARCFACE, AS_LIKELY, FACEMESH, InsightModels
from roop_vision.options import VisionOptions
from roop_vision.searching import TURNS, detect, first_mesh, looked_at_closely, lying_on
from roop_vision.smoothing import BoxSmoother, PointSmoother
from roop_vision.track import Track
from roop_vision.tracker import Tracker

if TYPE_CHECKING:
    from roop_vision.insight_networks import GenderAge, Points


@dataclass(slots=True, eq=False)
class _Person:
    """What is known of a track beyond its mesh."""

    box_xyxy: NDArray[np.float32]
    score: float
    points: PointSmoother = field(default_factory=PointSmoother)
    box: BoxSmoother = field(default_factory=BoxSmoother)
    mesh_points: NDArray[np.float32] | None = None
    known: Known | None = None
    gender: Literal["female", "male"] | None = None
    age: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A face of one frame, before its details."""

    number: int
    person: _Person
    points: NDArray[np.float32]
    mesh: NDArray[np.float32] | None


class InsightAnalyser(Analyser):
    """Faces with embeddings, in all poses.

    Per frame: five points, mesh, and of the details pose and landmarks. When a track begins and at the searches of the
    whole frame that follow: an embedding, until there are five; the face bears their mean. When a track begins: gender and
    age, which must not change their mind within a clip.
    """

    def __init__(self, models: InsightModels | None = None) -> None:
        self._models = models if models is not None else InsightModels()

    def setup(self, ctx: Context) -> None:
        # Before the import, which fails less helpfully where there is no runtime.
        self._landmarker = Landmarker(ctx.sessions.open(FACEMESH, threads=1))
        from roop_vision.insight_networks import ArcFace, GenderAge, Points, Scrfd

        options, models = ctx.options_as(VisionOptions), self._models
        self._detector = Scrfd(ctx.sessions.open(models.detector), options.detector_size, options.detector_score)
        self._arcface = ArcFace(ctx, models.recogniser)
        asked = options.details
        self._gender_age: GenderAge | None = GenderAge(ctx, models.gender_age) if "gender_age" in asked else None
        self._points_68: Points | None = Points(ctx, models.landmarks_68) if "pose" in asked else None
        self._points_106: Points | None = Points(ctx, models.landmarks_106) if "landmarks_106" in asked else None
        self._tracker = Tracker(self._detector, self._landmarker, options.detect_every, options.max_faces)
        self._crowd = Crowd(ctx.log, options.max_faces)
        self._people: dict[int, _Person] = {}

    def begin(self, job: JobContext) -> None:
        self._crowd.begin()

    def start(self, segment: Segment) -> None:
        self._tracker.reset()
        self._people = {}

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        tracks = self._tracker.step(frame)
        self._crowd.see(frame.index, left_out=self._tracker.left_out)
        followed = self._tracker.ids
        self._people = {key: person for key, person in self._people.items() if key in followed}
        points = {track.id: self._located(track) for track in tracks}
        wanted = [track for track in tracks if self._is_asked(track)]
        vectors = self._arcface.embeddings(frame, [points[track.id] for track in wanted])
        for track, vector in zip(wanted, vectors, strict=True):
            person = self._people[track.id]
            person.known = grown(person.known, vector, least=AS_LIKELY[ARCFACE])
        return self._faces(frame, [_Seen(t.id, self._people[t.id], points[t.id], t.mesh) for t in tracks])

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        bgr = frame.bgr()
        turns = (detect(self._detector, bgr, Effort.CAREFUL, turn) for turn in TURNS)
        found = [looked_at_closely(self._detector, frame, one) for one in next(filter(None, turns), [])]
        vectors = self._arcface.embeddings(frame, [d.keypoints for d in found])
        seen = []
        for number, (detection, vector) in enumerate(zip(found, vectors, strict=True)):
            settled = lying_on(detection, first_mesh(self._landmarker, frame, detection))
            mesh = None
            if settled is not None:
                mesh = self._landmarker.refined(frame.bgr, frame.box, settled[0], careful=True)
            person = _Person(detection.box_xyxy, detection.score, known=grown(None, vector, least=-1))
            seen.append(_Seen(number, person, detection.keypoints, mesh))
        return self._faces(frame, seen)

    def _is_asked(self, track: Track) -> bool:
        """Whether the recogniser is asked for this face: it may have turned to the camera since it was seen first."""
        known = self._people[track.id].known
        return known is None or (not track.missed and (track.fresh or (self._tracker.looked and known.count < ENOUGH)))

    def _located(self, track: Track) -> NDArray[np.float32]:
        """The steadied five points of this frame; what is known of the person moves along.

        Networks that work on aligned crops were trained on SCRFD's points, which differ from the mesh's by several per cent
        of the face. So the mesh only says how they moved since the frame before: that steadies them, and carries them
        through frames in which SCRFD sees nothing. The box is steadied likewise: by its area faces are put one before the
        other, and the networks of the details are shown what it cuts out. Without a mesh both go on as they last moved.
        """
        mesh_points = None if track.mesh is None else five_points(track.mesh)
        person = self._people.get(track.id)
        if person is None:
            person = self._people[track.id] = _Person(track.box_xyxy, 0.0)
        elif track.fresh:  # back after it was away: who it is is known, where it was tells nothing
            person.points, person.box, person.mesh_points = PointSmoother(), BoxSmoother(), None
        last, before, person.mesh_points = person.points.last, person.mesh_points, mesh_points
        carried, box = None, None
        if last is not None and before is not None and mesh_points is not None:
            move = similarity(before, mesh_points)
            carried = (mesh_points + (last - before) @ move[:, :2].T).astype(np.float32)
            box = _moved(person.box_xyxy, move)
        if track.seen is not None:
            person.score = track.seen.score
            corners = None if box is None else box.reshape(2, 2)
            person.box_xyxy = person.box.step(track.seen.box_xyxy.reshape(2, 2), corners).ravel()
            return person.points.step(track.seen.keypoints, carried)
        if carried is None or box is None:
            assert last is not None, "a track begins with what the detector sees"
            step = np.zeros(2, np.float32) if track.step_xy is None else track.step_xy
            carried, box = last + step, person.box_xyxy + np.tile(step, 2)
        person.box_xyxy = person.box.go_on(box.reshape(2, 2)).ravel()
        return person.points.go_on(carried)

    def _faces(self, frame: FrameView, seen: Sequence[_Seen]) -> list[Face]:
        """The details of all faces, each network's in one run."""
        boxes = [one.person.box_xyxy for one in seen]
        if self._gender_age is not None:
            unknown = [one.person for one in seen if one.person.gender is None]
            for person, told in zip(unknown, self._gender_age.of(frame, [p.box_xyxy for p in unknown]), strict=True):
                person.gender, person.age = told if told is not None else (None, None)
        nothing = [(None, None)] * len(seen)
        in_space = self._points_68.of(frame, boxes) if self._points_68 is not None else nothing
        flat = self._points_106.of(frame, boxes) if self._points_106 is not None else nothing
        return [_face(one, *a, b[0]) for one, a, b in zip(seen, in_space, flat, strict=True)]


def _face(
    seen: _Seen,
    points_68: NDArray[np.float32] | None,
    pose: tuple[float, float, float] | None,
    points_106: NDArray[np.float32] | None,
) -> Face:
    person, mesh = seen.person, seen.mesh
    of_mesh = pose_degrees(mesh) if mesh is not None else None
    best = of_mesh or pose
    x0, y0, x1, y1 = (float(v) for v in person.box_xyxy)
    return Face(
        id=seen.number,
        box_xyxy=(x0, y0, x1, y1),
        score=person.score,
        landmarks_5=seen.points.copy(),  # the tracking goes on with its own
        mesh_468=None if mesh is None else mesh.copy(),
        embedding=None if person.known is None else person.known.mean,
        recogniser=None if person.known is None else ARCFACE,
        yaw_degrees=best[1] if best is not None else None,
        landmarks_68=points_68,
        landmarks_106=points_106,
        pose_degrees=pose or of_mesh,
        gender=person.gender,
        age=person.age,
    )


def _moved(box_xyxy: NDArray[np.float32], move: NDArray[np.float64]) -> NDArray[np.float32]:
    """A box shifted and scaled, and upright still, as a similarity moves its middle."""
    middle = move[:, :2] @ ((box_xyxy[:2] + box_xyxy[2:]) / 2) + move[:, 2]
    half = (box_xyxy[2:] - box_xyxy[:2]) / 2 * np.sqrt(abs(np.linalg.det(move[:, :2])))
    return np.concatenate([middle - half, middle + half]).astype(np.float32)
