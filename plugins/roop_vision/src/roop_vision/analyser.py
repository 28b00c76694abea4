"""The embedded analyser: BlazeFace, FaceMesh and tracking, about 3 ms a tracked face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from roop_host import Analyser, Context, Face, FrameView, Segment
from roop_vision.align import five_points, yaw_degrees
from roop_vision.detector import BlazeFace, Detector, overlap
from roop_vision.landmarker import Landmarker
from roop_vision.models import BLAZEFACE_FULL, BLAZEFACE_SHORT, FACEMESH
from roop_vision.options import VisionOptions
from roop_vision.tracker import Tracker, box_of, detect, first_mesh

_SAME_FACE = 0.4


class EmbeddedAnalyser(Analyser):
    """Dense landmarks and stable track numbers; no embedding, since no recogniser is embedded."""

    def setup(self, ctx: Context) -> None:
        options = ctx.options_as(VisionOptions)
        one = {"threads": 1}  # the graphs are too small to gain from a second thread
        short = BlazeFace.short_range(ctx.sessions.open(BLAZEFACE_SHORT, **one))
        full = BlazeFace.full_range(ctx.sessions.open(BLAZEFACE_FULL, **one))
        self._detector = Detector(short, full)
        self._landmarker = Landmarker(ctx.sessions.open(FACEMESH, **one))
        self._tracker = Tracker(self._detector, self._landmarker, options.detect_every, options.max_faces)

    def start(self, segment: Segment) -> None:
        self._tracker.reset()

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return [_face(t.id, t.mesh, t.presence) for t in self._tracker.step(frame) if t.mesh is not None]

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        faces: list[Face] = []
        for detection in detect(self._detector, frame, thorough=True):
            found = first_mesh(self._landmarker, frame, detection)
            if found is None:
                continue
            mesh, presence = self._landmarker.refined(frame.bgr, frame.box, found[0], careful=True), found[1]
            if all(overlap(box_of(mesh), np.array(face.box_xyxy, np.float32)) < _SAME_FACE for face in faces):
                faces.append(_face(len(faces), mesh, presence))
        return faces


def _face(number: int, mesh: NDArray[np.float32], presence: float) -> Face:
    x0, y0, x1, y1 = (float(v) for v in box_of(mesh))
    mesh = mesh.copy()  # the tracker goes on with its own
    return Face(number, (x0, y0, x1, y1), presence, five_points(mesh), mesh, yaw_degrees=yaw_degrees(mesh))
