"""Faces followed from frame to frame: by their own mesh, and by a detector that looks around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from roop_host import FrameView
from roop_vision import flow
from roop_vision.detector import Detection, Effort, FaceFinder, overlap, quarter_of
from roop_vision.landmarker import Landmarker, crop_of_detection, crop_of_mesh
from roop_vision.looks import Cuts, likeness, look_of
from roop_vision.searching import (
    PRESENT,
    SAME_BOX,
    SAME_FACE,
    TURNS,
    Found,
    box_of,
    detect,
    first_mesh,
    looked_at_closely,
    lying_on,
    settled,
)
from roop_vision.smoothing import MeshSmoother
from roop_vision.topology import EYE_LEFT, EYE_RIGHT
from roop_vision.track import ALIKE, AWAY, Track, apart, near, touch

_RETRY_GROWTH = (1.0, 1.3, 0.85)  # the mesh's own crop, and others tried before a face is given up
_MISSES = 2  # frames a track is kept that nothing sees, so that its number survives a blink of the detector
_LATELY = 15  # frames for which somebody who is away is looked for in every one: most come back at once
_FLASH = 6  # frames a face is remembered over a cut: a flash that hides everything is over by then
_REGAINED = 0.7  # presence at which a face without a mesh is given one: a mesh that comes and goes would be seen
_UNSEEN = 25  # frames a certain detector may see nothing under a mesh (a hand, say) before the mesh lies on no face
_AS_ALIKE = 0.02  # likeness by which one of two tracks on one face must be ahead to be it, whichever is older


class Tracker:
    """State of one segment. ``step`` is called once per frame, in order."""

    def __init__(self, detector: FaceFinder, landmarker: Landmarker, detect_every: int, max_faces: int) -> None:
        self._detector, self._landmarker = detector, landmarker
        self._every, self._max = max(1, detect_every), max_faces
        self.reset()

    def reset(self) -> None:
        self._tracks: list[Track] = []
        self._away: list[Track] = []
        self._next_id = 0
        self._cuts = Cuts()
        self.looked, self.left_out = False, False

    @property
    def ids(self) -> frozenset[int]:
        """Everyone who is followed, also who is missed in this frame or away."""
        return frozenset(track.id for track in (*self._tracks, *self._away))

    def step(self, frame: FrameView) -> list[Track]:
        """The faces of this frame, in the order they were first seen. ``looked`` says whether all of it was searched.

        It is searched in full where a scene begins, where a face was just lost, and in every ``detect_every``-th frame.
        Between two of those, where nobody is followed or somebody has not been away for long, only with the quick pass: a
        face that appears is found at once unless it is small, turned by a quarter or more, or seen in tiles only; such a
        one waits for the next full search, as everyone does who joins somebody that is followed.

        Among the faces are those that are missed for a frame or two: ``missed`` is above 0 there and ``seen`` None. One
        without a mesh goes on as it moved, the mesh of another as the skin under it moved. ``left_out`` says whether a face
        was found for which there is no room.
        """
        self.left_out = False
        cut = self._cuts.at(frame)
        if cut:
            self._part()
        for track in self._tracks:
            track.fresh, track.carried, track.continued = False, False, 1.0
            self._follow(frame, track)
        taken = self._send_away([track for track in self._tracks if track.another and not track.missed])
        self._send_away(self._doubles())
        missing = taken or any(track.missed for track in self._tracks)
        # The frame's own number decides, not a counter: a run that begins at a later segment looks at the same frames.
        in_full = cut or missing or frame.index % self._every == 0
        self.looked = in_full or not self._tracks
        if self.looked or any(track.slept < _LATELY for track in self._away):
            self._look(frame, Effort.FULL if in_full else Effort.QUICK)
        return self._settle(frame)

    def _settle(self, frame: FrameView) -> list[Track]:
        """What is shown of this frame; what is kept for the next."""
        self._send_away([track for track in self._tracks if track.missed > _MISSES])
        for track in self._tracks:
            if track.missed and track.raw is not None:
                self._carry(frame, track)
            track.remember(covered=self._before(track.id, track.box_xyxy) is not None)
        for track in self._away:
            track.slept += 1
        self._away = [track for track in self._away if track.slept <= (_FLASH if track.parted else AWAY)]
        return [track for track in self._tracks if not track.missed or self._goes_on(track)]

    def _part(self) -> None:
        """A new scene: follow nobody. Who looks the very same right after it was in the one before, which went on."""
        self._send_away(self._tracks)
        for track in self._away:
            track.parted, track.behind = True, None

    def _send_away(self, tracks: list[Track]) -> bool:
        """Follow these no longer; who has a look can come back. Whether there were any."""
        self._tracks = [track for track in self._tracks if track not in tracks]
        for track in tracks:
            if track.memory is not None:
                track.slept, track.behind = 0, self._before(track.id, track.box_xyxy)
                self._away.append(track)
        return bool(tracks)

    def _before(self, number: int, box_xyxy: NDArray[np.float32]) -> int | None:
        """Who else may cover a part of a face that stands there."""
        others = (other for other in self._tracks if other.id != number and not other.missed)
        return next((other.id for other in others if touch(other.box_xyxy, box_xyxy)), None)

    def _goes_on(self, track: Track) -> bool:
        """Whether a face that is missed is shown all the same: not where another one stands now, that is before it."""
        others = (other for other in self._tracks if not other.missed)
        free = all(overlap(track.box_xyxy, other.box_xyxy) < SAME_BOX for other in others)
        return free and (track.raw is None or track.carried)

    def _follow(self, frame: FrameView, track: Track) -> None:
        found = self._next_mesh(frame, track)
        track.seen = seen = self._find(frame, track, None if found is None else box_of(found[0]))
        track.unseen = 0 if seen is not None else track.unseen + 1
        if found is None and seen is not None:
            # One look at one crop: a profile is asked again at every frame.
            least = _REGAINED if track.raw is None else PRESENT
            crop = crop_of_detection(seen.box_xyxy, seen.keypoints)
            found = lying_on(seen, settled(self._landmarker, frame, crop, least=least))
        if found is not None and (track.unseen <= _UNSEEN or not self._detector.certain):
            self._accept(frame, track, *found)
        elif seen is not None:
            track.see_without_mesh(seen)
        else:
            track.missed += 1
            if track.raw is None and track.step_xy is not None:
                track.box_xyxy = track.box_xyxy + np.tile(track.step_xy, 2)

    def _next_mesh(self, frame: FrameView, track: Track) -> Found | None:
        if track.raw is None:
            return None
        crop = crop_of_mesh(track.raw)
        for factor in _RETRY_GROWTH:
            mesh, presence = self._landmarker.mesh(frame.bgr, frame.box, crop.grown(factor))
            if presence >= PRESENT and near(track.box_xyxy, box_of(mesh)):
                return mesh, presence
        return None

    def _find(self, frame: FrameView, track: Track, box_now: NDArray[np.float32] | None) -> Detection | None:
        """The face that the detector sees where the mesh of this frame lies or the track was before; no neighbour's."""
        box = track.box_xyxy if box_now is None else box_now
        others = [other.box_xyxy for other in self._tracks if other is not track and not other.missed]
        best, least = None, np.inf
        for detection in self._detector.around(frame, box, track.turn):
            here = detection.box_xyxy
            same = near(box, here) if box_now is None else overlap(box, here) > SAME_BOX
            away = apart(box, here)
            if same and away < least and all(apart(other, here) > away for other in others):
                best, least = detection, away
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
        track.turn = quarter_of(mesh[[EYE_LEFT[0], EYE_RIGHT[0]]])
        track.mesh = track.smoother.step(self._landmarker.refined(frame.bgr, frame.box, mesh), carried)
        patch = flow.patch(frame, crop_of_mesh(mesh)) if before is None else after
        if patch is not None:
            track.compare(look_of(patch, crop_of_mesh(mesh)))
        track.patch = after

    def _carry(self, frame: FrameView, track: Track) -> None:
        """Bridge a frame in which nothing sees a face whose skin is still there, such as one blurred by its movement."""
        if track.raw is None or track.mesh is None or track.patch is None:
            return
        after = flow.patch(frame, crop_of_mesh(track.raw))
        if after is None:
            return
        raw, mesh = (flow.carried(track.patch, after, points) for points in (track.raw, track.mesh))
        if raw is None or mesh is None or not near(track.box_xyxy, box_of(raw)):
            return
        if track.memory is None or likeness(look_of(after, crop_of_mesh(raw)), track.memory) < ALIKE:
            return
        track.raw, track.mesh, track.box_xyxy, track.patch, track.carried = raw, mesh, box_of(raw), after, True

    def _doubles(self) -> list[Track]:
        """Tracks that slid onto another's face: whose face it is tells its look, and where both look so, age."""
        lost: list[Track] = []
        on_face = [track for track in self._tracks if not track.missed]
        for number, track in enumerate(on_face):
            for older in on_face[:number]:
                if older in lost or overlap(track.box_xyxy, older.box_xyxy) < SAME_FACE:
                    continue
                lost.append(older if track.likeness > older.likeness + _AS_ALIKE else track)
                if lost[-1] is track:
                    break
        return lost

    def _look(self, frame: FrameView, effort: Effort) -> None:
        """Search the whole frame, at other angles where nobody is upright or followed; new faces become tracks."""
        bgr = frame.bgr()
        for turn in TURNS if effort > Effort.QUICK else TURNS[:1]:
            for detection in detect(self._detector, bgr, effort, turn):
                self._take(frame, detection)
            if any(not track.missed for track in self._tracks):
                return

    def _take(self, frame: FrameView, detection: Detection) -> None:
        """What the search found: a face that is followed, one that was lost, or a new one."""
        holder = next((t for t in self._tracks if not t.missed and t.covers(detection)), None)
        if holder is not None:
            if holder.seen is None and overlap(holder.box_xyxy, detection.box_xyxy) > SAME_BOX:
                holder.seen, holder.unseen = detection, 0
            return
        detection = looked_at_closely(self._detector, frame, detection)
        found = first_mesh(self._landmarker, frame, detection)
        if self._detector.certain:
            found = lying_on(detection, found)
        elif found is None:
            return
        track = self._track_of(frame, detection, found)
        if track is None:
            return
        track.seen, track.unseen = detection, 0
        if found is None:
            track.see_without_mesh(detection)
        else:
            self._accept(frame, track, *found)

    def _track_of(self, frame: FrameView, detection: Detection, found: Found | None) -> Track | None:
        """Whose face it is: one that is missed there, one that was away, or a new one. None where there is no room."""
        box = detection.box_xyxy if found is None else box_of(found[0])
        patch = None if found is None else flow.patch(frame, crop_of_mesh(found[0]))
        look = None if patch is None else look_of(patch, patch.crop)
        same = [t for t in self._tracks if overlap(t.box_xyxy, box) > SAME_BOX]
        lost = next((t for t in same if t.missed and t.may_look(look)), None)
        if lost is not None:
            return lost
        if any(not t.missed for t in same):
            return None
        if len(self._tracks) >= self._max:
            self.left_out = True
            return None
        track = None if look is None else self._come_back(look, box)
        if track is None:
            track = Track(self._next_id, box)
            self._next_id += 1
        else:
            self._away.remove(track)
            track.fresh, track.missed, track.raw, track.parted = True, 1, None, False
        self._tracks.append(track)
        return track

    def _come_back(self, look: NDArray[np.float32], box_xyxy: NDArray[np.float32]) -> Track | None:
        """Who of those that are away a new face is: who looks so, or, of its size, went behind the face it comes from.

        Half a face looks like nobody's, so the second is not asked for its look.
        """
        best = max(self._away, key=lambda track: track.looks(look, box_xyxy), default=None)
        if best is None or best.is_known(look, box_xyxy):
            return best
        before = self._before(-1, box_xyxy)
        hidden = (track for track in self._away if track.behind is not None and track.behind == before)
        return next((track for track in hidden if track.as_large(box_xyxy)), None)
