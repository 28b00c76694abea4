"""Faces followed from frame to frame by their own mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roop_host import Box, FrameView
from roop_vision import flow
from roop_vision.detector import Detection, Detector, overlap
from roop_vision.landmarker import Crop, Landmarker, crop_of_detection, crop_of_mesh
from roop_vision.smoothing import MeshSmoother

#: Presence below which a mesh does not lie on a face (FaceMesh's own default).
PRESENT = 0.5
_RETRY_GROWTH = (1.3, 0.85)  # other crops tried before a face is given up
_ROUNDS = 2  # looks after the first: one finds the face's place, one more how far its mouth is open
_LARGEST_STEP = 0.7  # of the face's width between frames; farther away it is another face
_SAME_BOX = 0.25
_MISSES = 2  # frames a track without a mesh is kept, so that its number survives a blink of the detector
_STRIPS, _BINS, _CUT_LEVELS = 6, 32, 30.0


@dataclass(slots=True, eq=False)
class Track:
    """One person: ``mesh`` is steadied, ``raw`` is what the network said last."""

    id: int
    raw: NDArray[np.float32]
    mesh: NDArray[np.float32]
    presence: float
    smoother: MeshSmoother
    missed: int = 0
    #: The frame before, cut with the crop that this frame's mesh is taken from.
    patch: NDArray[np.uint8] | None = None


class Tracker:
    """State of one segment. ``step`` is called once per frame, in order."""

    def __init__(self, detector: Detector, landmarker: Landmarker, detect_every: int, max_faces: int) -> None:
        self._detector, self._landmarker = detector, landmarker
        self._every, self._max = max(1, detect_every), max_faces
        self.reset()

    def reset(self) -> None:
        self._tracks: list[Track] = []
        self._next_id = 0
        self._thumbnail: NDArray[np.float32] | None = None

    def step(self, frame: FrameView) -> list[Track]:
        """The faces of this frame, in the order they were first seen."""
        cut = self._is_cut(frame)
        if cut:
            self._tracks = []
        for track in self._tracks:
            self._follow(frame, track)
        self._drop_doubles()
        missing = any(track.missed for track in self._tracks)
        # The frame's own number decides, not a counter: a run that begins at a later segment looks at the same frames.
        if cut or missing or not self._tracks or frame.index % self._every == 0:
            self._look(frame)
        self._tracks = [track for track in self._tracks if track.missed <= _MISSES]
        return [track for track in self._tracks if not track.missed]

    def _follow(self, frame: FrameView, track: Track) -> None:
        crop = crop_of_mesh(track.raw)
        for factor in (1.0, *_RETRY_GROWTH):
            mesh, presence = self._landmarker.mesh(frame.bgr, frame.box, crop.grown(factor))
            if presence >= PRESENT and _near(track.raw, mesh):
                self._accept(frame, track, mesh, presence)
                return
        track.missed += 1

    def _accept(self, frame: FrameView, track: Track, mesh: NDArray[np.float32], presence: float) -> None:
        if track.missed:
            track.smoother = MeshSmoother()
        carried = None
        if track.patch is not None and track.smoother.last is not None:
            crop = crop_of_mesh(track.raw)
            after = flow.patch(frame, crop)
            carried = None if after is None else flow.carried(track.patch, after, crop, track.smoother.last)
        track.raw, track.presence, track.missed = mesh, presence, 0
        track.mesh = track.smoother.step(self._landmarker.refined(frame.bgr, frame.box, mesh), carried)
        track.patch = flow.patch(frame, crop_of_mesh(mesh))

    def _drop_doubles(self) -> None:
        """Two tracks that slid onto one face: the older one stays."""
        kept: list[Track] = []
        for track in self._tracks:
            if all(overlap(box_of(track.raw), box_of(other.raw)) < 0.5 for other in kept):
                kept.append(track)
        self._tracks = kept

    def _look(self, frame: FrameView) -> None:
        """Run the detector; new faces become tracks, lost ones are found again."""
        for detection in detect(self._detector, frame):
            if any(_covers(track, detection) for track in self._tracks if not track.missed):
                continue
            found = first_mesh(self._landmarker, frame, detection)
            if found is None:
                continue
            mesh, presence = found
            same = [t for t in self._tracks if overlap(box_of(t.raw), box_of(mesh)) > _SAME_BOX]
            lost = next((track for track in same if track.missed), None)
            if lost is not None:
                self._accept(frame, lost, mesh, presence)
            elif not same and len(self._tracks) < self._max:
                smoother = MeshSmoother()
                shown = smoother.step(self._landmarker.refined(frame.bgr, frame.box, mesh))
                self._tracks.append(Track(self._next_id, mesh, shown, presence, smoother))
                self._next_id += 1

    def _is_cut(self, frame: FrameView) -> bool:
        """A scene cut, seen on a few thin strips of the picture: converting all of it would cost more than the mesh."""
        rows = [int((k + 0.5) * frame.height / _STRIPS) for k in range(_STRIPS)]
        strips = [frame.bgr(Box(0, y, frame.width, y + 2)).mean((0, 2), dtype=np.float32) for y in rows]
        bins = [
            np.array([part.mean() for part in np.array_split(strip, _BINS) if part.size], np.float32) for strip in strips
        ]
        thumbnail = np.stack(bins)
        before, self._thumbnail = self._thumbnail, thumbnail
        return before is not None and float(np.abs(thumbnail - before).mean()) > _CUT_LEVELS


def detect(detector: Detector, frame: FrameView, *, thorough: bool = False) -> list[Detection]:
    """Faces of the whole frame, largest first."""
    found = detector.detect(frame.bgr(), thorough=thorough)
    return sorted(found, key=lambda d: -float(np.prod(d.box_xyxy[2:] - d.box_xyxy[:2])))


def first_mesh(landmarker: Landmarker, frame: FrameView, detection: Detection) -> tuple[NDArray[np.float32], float] | None:
    """The mesh of a fresh detection, looked at again on the crops that its own meshes give."""
    crop: Crop = crop_of_detection(detection.box_xyxy, detection.keypoints)
    for factor in (1.0, *_RETRY_GROWTH):
        mesh, presence = landmarker.mesh(frame.bgr, frame.box, crop.grown(factor))
        for _ in range(_ROUNDS):
            if presence >= PRESENT:
                mesh, presence = landmarker.mesh(frame.bgr, frame.box, crop_of_mesh(mesh))
        if presence >= PRESENT:
            return mesh, presence
    return None


def box_of(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """``x0, y0, x1, y1`` of a mesh."""
    box: NDArray[np.float32] = np.concatenate([mesh[:, :2].min(0), mesh[:, :2].max(0)]).astype(np.float32)
    return box


def _covers(track: Track, detection: Detection) -> bool:
    """Whether a detection is a face that is being followed: its nose lies in the track's box, or the boxes overlap."""
    box, nose = box_of(track.raw), detection.keypoints[2]
    inside = bool((nose > box[:2]).all() and (nose < box[2:]).all())
    return inside or overlap(box, detection.box_xyxy) > _SAME_BOX


def _near(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Whether a mesh can be the same face one frame later."""
    a, b = box_of(before), box_of(after)
    width = max(1.0, float((a[2:] - a[:2]).max()))
    moved = float(np.linalg.norm((a[:2] + a[2:] - b[:2] - b[2:]) / 2)) / width
    grown = float((b[2:] - b[:2]).max()) / width
    return moved < _LARGEST_STEP and 0.6 < grown < 1.7
