"""The embedded analyser: BlazeFace, FaceMesh and tracking, about 3 ms a tracked face; if asked for, dlib's recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from roop_host import Analyser, Context, Face, FrameView, JobContext, Segment
from roop_vision.align import five_points, pose_degrees
from roop_vision.crowd import Crowd
from roop_vision.detector import BlazeFace, Detector, Effort, overlap
from roop_vision.embeddings import ENOUGH, Known, grown
from roop_vision.landmarker import Landmarker
from roop_vision.models import AS_LIKELY, BLAZEFACE_FULL, BLAZEFACE_SHORT, DLIB, FACEMESH
from roop_vision.options import VisionOptions
from roop_vision.searching import TURNS, box_of, detect, first_mesh
from roop_vision.track import Track
from roop_vision.tracker import Tracker

if TYPE_CHECKING:
    from roop_vision.dlib_recogniser import DlibRecogniser

_SAME_FACE = 0.4


class EmbeddedAnalyser(Analyser):
    """Dense landmarks and stable track numbers. Embeddings only with ``recognise``: the one recogniser is dlib's.

    An embedding is computed when a track begins and at the searches that follow, until there are five; the face bears their
    mean.
    """

    def __init__(self, *, recognise: bool = False) -> None:
        self._recognise = recognise

    def setup(self, ctx: Context) -> None:
        options = ctx.options_as(VisionOptions)
        one = {"threads": 1}  # the graphs are too small to gain from a second thread
        short = BlazeFace.short_range(ctx.sessions.open(BLAZEFACE_SHORT, **one), options.detector_score)
        full = BlazeFace.full_range(ctx.sessions.open(BLAZEFACE_FULL, **one), options.detector_score)
        self._detector = Detector(short, full, options.detector_size)
        self._landmarker = Landmarker(ctx.sessions.open(FACEMESH, **one))
        self._tracker = Tracker(self._detector, self._landmarker, options.detect_every, options.max_faces)
        self._crowd = Crowd(ctx.log, options.max_faces)
        self._recogniser: DlibRecogniser | None = None
        self._known: dict[int, Known] = {}
        if self._recognise:
            from roop_vision.dlib_recogniser import DlibRecogniser

            self._recogniser = DlibRecogniser(ctx.sessions)

    def begin(self, job: JobContext) -> None:
        self._crowd.begin()

    def start(self, segment: Segment) -> None:
        self._tracker.reset()
        self._known = {}

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        tracks = self._tracker.step(frame)
        self._crowd.see(frame.index, left_out=self._tracker.left_out)
        if self._recogniser is not None:
            self._learn(self._recogniser, frame, tracks)
        return [
            _face(track.id, track.mesh, track.presence, self._known.get(track.id))
            for track in tracks
            if track.mesh is not None
        ]

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        bgr = frame.bgr()
        faces: list[Face] = []
        for turn in TURNS:
            for detection in detect(self._detector, bgr, Effort.CAREFUL, turn):
                found = first_mesh(self._landmarker, frame, detection)
                if found is None:
                    continue
                mesh, presence = self._landmarker.refined(frame.bgr, frame.box, found[0], careful=True), found[1]
                if all(overlap(box_of(mesh), np.array(face.box_xyxy, np.float32)) < _SAME_FACE for face in faces):
                    vector = None if self._recogniser is None else self._recogniser.embedding(frame, mesh)
                    faces.append(_face(len(faces), mesh, presence, grown(None, vector, least=-1)))
            if faces:
                break
        return faces

    def _learn(self, recogniser: DlibRecogniser, frame: FrameView, tracks: Sequence[Track]) -> None:
        """What this frame adds to what is known of the people in it. Who is missed shows nothing of themselves."""
        followed = self._tracker.ids
        self._known = {key: known for key, known in self._known.items() if key in followed}
        for track in tracks:
            known = self._known.get(track.id)
            wanted = known is None or track.fresh or (self._tracker.looked and known.count < ENOUGH)
            if track.mesh is None or track.missed or not wanted:
                continue
            known = grown(known, recogniser.embedding(frame, track.mesh), least=AS_LIKELY[DLIB])
            if known is not None:
                self._known[track.id] = known


def _face(number: int, mesh: NDArray[np.float32], presence: float, known: Known | None) -> Face:
    x0, y0, x1, y1 = (float(v) for v in box_of(mesh))
    mesh = mesh.copy()  # the tracker goes on with its own
    pose = pose_degrees(mesh)
    return Face(
        id=number,
        box_xyxy=(x0, y0, x1, y1),
        score=presence,
        landmarks_5=five_points(mesh),
        mesh_468=mesh,
        embedding=None if known is None else known.mean,
        recogniser=None if known is None else DLIB,
        yaw_degrees=pose[1],
        pose_degrees=pose,
    )
