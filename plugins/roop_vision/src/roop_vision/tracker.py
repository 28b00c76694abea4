"""Faces followed from frame to frame: by their own mesh, and by a detector that looks around them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Box, FrameView
from roop_vision import flow
from roop_vision.detector import Detection, FaceFinder, overlap
from roop_vision.landmarker import Crop, Landmarker, crop_of_detection, crop_of_mesh
from roop_vision.smoothing import MeshSmoother

#: Presence below which a mesh does not lie on a face (FaceMesh's own default).
PRESENT = 0.5
_RETRY_GROWTH = (1.3, 0.85)  # other crops tried before a face is given up
_ROUNDS = 2  # looks after the first: one finds the face's place, one more how far its mouth is open
_LARGEST_STEP = 0.7  # of the face's width between frames; farther away it is another face
_SAME_BOX = 0.25
_SAME_FACE = 0.5
_MISSES = 2  # frames a track is kept that nothing sees, so that its number survives a blink of the detector
_REGAINED = 0.7  # presence at which a face without a mesh is given one: a mesh that comes and goes would be seen
_UNSEEN = 25  # frames a certain detector may see nothing under a mesh (a hand, say) before the mesh lies on no face
_STRIPS, _BINS, _CUT_LEVELS = 6, 32, 30.0


@dataclass(slots=True, eq=False)
class Track:
    """One person: ``mesh`` is steadied, ``raw`` is what the network said last; both None where it sees no face."""

    id: int
    box_xyxy: NDArray[np.float32]
    raw: NDArray[np.float32] | None = None
    mesh: NDArray[np.float32] | None = None
    presence: float = 0.0
    smoother: MeshSmoother = field(default_factory=MeshSmoother)
    missed: int = 0
    #: Pixels that the box's middle moved in the last frame that saw it; of a face without a mesh only, None at its first.
    step_xy: NDArray[np.float32] | None = None
    #: What the detector said of the face in this frame, and for how many frames it has said nothing.
    seen: Detection | None = None
    unseen: int = 0
    #: Of the frame before, what its mesh was taken from.
    patch: flow.Patch | None = None


class Tracker:
    """State of one segment. ``step`` is called once per frame, in order."""

    def __init__(self, detector: FaceFinder, landmarker: Landmarker, detect_every: int, max_faces: int) -> None:
        self._detector, self._landmarker = detector, landmarker
        self._every, self._max = max(1, detect_every), max_faces
        self.reset()

    def reset(self) -> None:
        self._tracks: list[Track] = []
        self._next_id = 0
        self._thumbnail: NDArray[np.float32] | None = None
        self.looked = False

    @property
    def ids(self) -> frozenset[int]:
        """Everyone who is followed, also who is missed in this frame."""
        return frozenset(track.id for track in self._tracks)

    def step(self, frame: FrameView) -> list[Track]:
        """The faces of this frame, in the order they were first seen. ``looked`` says whether all of it was searched.

        Among them are those without a mesh that the detector misses for a frame or two: ``missed`` is above 0 there,
        ``seen`` None, and the box goes on as it moved. Where there was a mesh two networks see nothing: the face is gone.
        """
        cut = self._is_cut(frame)
        if cut:
            self._tracks = []
        for track in self._tracks:
            self._follow(frame, track)
        self._drop_doubles()
        missing = any(track.missed for track in self._tracks)
        # The frame's own number decides, not a counter: a run that begins at a later segment looks at the same frames.
        self.looked = cut or missing or not self._tracks or frame.index % self._every == 0
        if self.looked:
            self._look(frame)
        self._tracks = [track for track in self._tracks if track.missed <= _MISSES]
        return [track for track in self._tracks if not track.missed or self._goes_on(track)]

    def _goes_on(self, track: Track) -> bool:
        """Whether a face that is missed is shown all the same: not where another one stands now, that is before it."""
        others = (other for other in self._tracks if not other.missed)
        return track.raw is None and all(overlap(track.box_xyxy, other.box_xyxy) < _SAME_BOX for other in others)

    def _follow(self, frame: FrameView, track: Track) -> None:
        found = self._next_mesh(frame, track)
        track.seen = seen = self._find(frame, track, None if found is None else box_of(found[0]))
        track.unseen = 0 if seen is not None else track.unseen + 1
        if found is None and seen is not None:
            # One look at one crop: a profile is asked again at every frame.
            least = _REGAINED if track.raw is None else PRESENT
            found = lying_on(seen, first_mesh(self._landmarker, frame, seen, growth=(1.0,), least=least))
        if found is not None and (track.unseen <= _UNSEEN or not self._detector.certain):
            self._accept(frame, track, *found)
        elif seen is not None:
            _accept_without_mesh(track, seen)
        else:
            track.missed += 1
            if track.raw is None and track.step_xy is not None:
                track.box_xyxy = track.box_xyxy + np.tile(track.step_xy, 2)

    def _next_mesh(self, frame: FrameView, track: Track) -> tuple[NDArray[np.float32], float] | None:
        if track.raw is None:
            return None
        crop = crop_of_mesh(track.raw)
        for factor in (1.0, *_RETRY_GROWTH):
            mesh, presence = self._landmarker.mesh(frame.bgr, frame.box, crop.grown(factor))
            if presence >= PRESENT and _near(track.box_xyxy, box_of(mesh)):
                return mesh, presence
        return None

    def _find(self, frame: FrameView, track: Track, box_now: NDArray[np.float32] | None) -> Detection | None:
        """The face that the detector sees where the mesh of this frame lies or the track was before; no neighbour's."""
        box = track.box_xyxy if box_now is None else box_now
        others = [other.box_xyxy for other in self._tracks if other is not track and not other.missed]
        best, least = None, np.inf
        for detection in self._detector.around(frame, box):
            here = detection.box_xyxy
            same = _near(box, here) if box_now is None else overlap(box, here) > _SAME_BOX
            apart = _apart(box, here)
            if same and apart < least and all(_apart(other, here) > apart for other in others):
                best, least = detection, apart
        return best

    def _accept(self, frame: FrameView, track: Track, mesh: NDArray[np.float32], presence: float) -> None:
        before = track.raw
        if track.missed or before is None:
            track.smoother = MeshSmoother()
        # A first mesh has not settled: what leads from it to the next is more than the skin's movement.
        after = None if before is None else flow.patch(frame, crop_of_mesh(before))
        carried = None
        if after is not None and track.patch is not None and track.smoother.last is not None:
            carried = flow.carried(track.patch, after, track.smoother.last)
        track.raw, track.box_xyxy, track.presence, track.missed, track.step_xy = mesh, box_of(mesh), presence, 0, None
        track.mesh = track.smoother.step(self._landmarker.refined(frame.bgr, frame.box, mesh), carried)
        track.patch = after

    def _drop_doubles(self) -> None:
        """Two tracks that slid onto one face: the older one stays. One that is missed lies on no face."""
        kept: list[Track] = []
        for track in self._tracks:
            on_face = (other for other in kept if not track.missed and not other.missed)
            if all(overlap(track.box_xyxy, other.box_xyxy) < _SAME_FACE for other in on_face):
                kept.append(track)
        self._tracks = kept

    def _look(self, frame: FrameView) -> None:
        """Run the detector; new faces become tracks, lost ones are found again."""
        for detection in detect(self._detector, frame):
            holder = next((t for t in self._tracks if not t.missed and _covers(t, detection)), None)
            if holder is not None:
                if holder.seen is None and overlap(holder.box_xyxy, detection.box_xyxy) > _SAME_BOX:
                    holder.seen, holder.unseen = detection, 0
                continue
            detection = looked_at_closely(self._detector, frame, detection)
            found = self._first(frame, detection)
            if found is None and not self._detector.certain:
                continue
            box = detection.box_xyxy if found is None else box_of(found[0])
            same = [t for t in self._tracks if overlap(t.box_xyxy, box) > _SAME_BOX]
            track = next((t for t in same if t.missed), None)
            if track is None:
                if same or len(self._tracks) >= self._max:
                    continue
                track = Track(self._next_id, box)
                self._tracks.append(track)
                self._next_id += 1
            track.seen, track.unseen = detection, 0
            if found is None:
                _accept_without_mesh(track, detection)
            else:
                self._accept(frame, track, *found)

    def _first(self, frame: FrameView, detection: Detection) -> tuple[NDArray[np.float32], float] | None:
        found = first_mesh(self._landmarker, frame, detection)
        return lying_on(detection, found) if self._detector.certain else found

    def _is_cut(self, frame: FrameView) -> bool:
        """A scene cut, seen on a few thin strips of the picture: converting all of it would cost more than the mesh."""
        rows = [int((k + 0.5) * frame.height / _STRIPS) for k in range(_STRIPS)]
        strips = [frame.bgr(Box(0, y, frame.width, y + 2)) for y in rows]
        bins = [cv2.resize(strip, (_BINS, 1), interpolation=cv2.INTER_AREA) for strip in strips]
        thumbnail = np.concatenate(bins).astype(np.float32).mean(2)
        before, self._thumbnail = self._thumbnail, thumbnail
        return before is not None and float(np.abs(thumbnail - before).mean()) > _CUT_LEVELS


def detect(detector: FaceFinder, frame: FrameView, *, thorough: bool = False) -> list[Detection]:
    """Faces of the whole frame, largest first."""
    found = detector.detect(frame.bgr(), thorough=thorough)
    return sorted(found, key=lambda d: -float(np.prod(d.box_xyxy[2:] - d.box_xyxy[:2])))


def looked_at_closely(detector: FaceFinder, frame: FrameView, detection: Detection) -> Detection:
    """The same face as seen around its box: of a whole picture it may come from a pass that shows it in a few pixels.

    A pass in which it is small can be the surer one, and its points are coarse, while aligned crops want fine ones.
    """
    found = detector.around(frame, detection.box_xyxy)
    best = max(found, key=lambda other: overlap(other.box_xyxy, detection.box_xyxy), default=detection)
    return best if overlap(best.box_xyxy, detection.box_xyxy) > _SAME_FACE else detection


def first_mesh(
    landmarker: Landmarker,
    frame: FrameView,
    detection: Detection,
    *,
    growth: tuple[float, ...] = (1.0, *_RETRY_GROWTH),
    least: float = PRESENT,
) -> tuple[NDArray[np.float32], float] | None:
    """The mesh of a fresh detection, looked at again on the crops that its own meshes give. ``least`` is of presence."""
    crop: Crop = crop_of_detection(detection.box_xyxy, detection.keypoints)
    for factor in growth:
        mesh, presence = landmarker.mesh(frame.bgr, frame.box, crop.grown(factor))
        for _ in range(_ROUNDS):
            if presence >= least:
                mesh, presence = landmarker.mesh(frame.bgr, frame.box, crop_of_mesh(mesh))
        if presence >= least:
            return mesh, presence
    return None


def lying_on(
    detection: Detection, found: tuple[NDArray[np.float32], float] | None
) -> tuple[NDArray[np.float32], float] | None:
    """A mesh that was ``found`` for a certain detection, unless it settled somewhere else: then it is none of this face."""
    return found if found is not None and overlap(box_of(found[0]), detection.box_xyxy) > _SAME_BOX else None


def box_of(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """``x0, y0, x1, y1`` of a mesh."""
    box: NDArray[np.float32] = np.concatenate([mesh[:, :2].min(0), mesh[:, :2].max(0)]).astype(np.float32)
    return box


def _accept_without_mesh(track: Track, seen: Detection) -> None:
    if track.raw is not None:
        track.step_xy = None  # the mesh's box and the detector's have their middles apart
    elif not track.missed:
        step = (seen.box_xyxy[:2] + seen.box_xyxy[2:] - track.box_xyxy[:2] - track.box_xyxy[2:]) / 2
        track.step_xy = step.astype(np.float32)
    track.raw, track.mesh, track.patch, track.presence, track.missed = None, None, None, 0.0, 0
    track.box_xyxy = seen.box_xyxy


def _covers(track: Track, detection: Detection) -> bool:
    """Whether a detection is a face that is being followed: its nose lies in the track's box, or the boxes overlap."""
    box, nose = track.box_xyxy, detection.keypoints[2]
    inside = bool((nose > box[:2]).all() and (nose < box[2:]).all())
    return inside or overlap(box, detection.box_xyxy) > _SAME_BOX


def _near(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Whether a box can be that of the same face one frame later."""
    width = max(1.0, float((before[2:] - before[:2]).max()))
    moved = _apart(before, after) / width
    grown = float((after[2:] - after[:2]).max()) / width
    return moved < _LARGEST_STEP and 0.6 < grown < 1.7


def _apart(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pixels between the middles of two boxes."""
    return float(np.linalg.norm((a[:2] + a[2:] - b[:2] - b[2:]) / 2))
