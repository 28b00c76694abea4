"""One face that is followed: what is known of it from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from roop_vision.detector import Detection, overlap, quarter_of
from roop_vision.flow import Patch
from roop_vision.looks import likeness
from roop_vision.searching import SAME_BOX
from roop_vision.smoothing import MeshSmoother

#: Likeness of two looks from which they are one person's, and below which, from one frame to the next, they are not.
#: On eleven people one frame and the next had 0.88 and more, two people 0.67 at most.
ALIKE, _ANOTHER = 0.8, 0.72
_THE_SAME = 0.9  # likeness by which somebody is known again over a cut
#: Frames for which a face that is gone, behind another one or out of the picture, may come back as who it was.
AWAY = 75
_LEARNT = 0.3  # of a face's look of this frame, into what is remembered of it
_AS_LARGE = 1.35  # times as wide, at most, as the face it is taken for
_HEAD = 1.35  # times as wide as the face
_LARGEST_STEP = 0.7  # of the face's width between frames; farther away it is another face


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
    #: Whether a missed face's mesh was moved along with its skin.
    carried: bool = False
    #: Whether nothing leads here from the frame before: the track begins, or its face is back after it was away.
    fresh: bool = True
    #: Pixels that the box's middle moved in the last frame that saw it; of a face without a mesh only, None at its first.
    step_xy: NDArray[np.float32] | None = None
    #: What the detector said of the face in this frame, and for how many frames it has said nothing.
    seen: Detection | None = None
    unseen: int = 0
    #: Quarters counter-clockwise after which the face is upright.
    turn: int = 0
    #: Of the frame before, what its mesh was taken from.
    patch: Patch | None = None
    #: How the face looks in this frame, as it is remembered, and how wide it was when it looked so.
    look: NDArray[np.float32] | None = None
    memory: NDArray[np.float32] | None = None
    width: float = 0.0
    #: How much this frame's look is like the frame before's, and like the memory.
    continued: float = 1.0
    likeness: float = 1.0
    #: Frames for which it has been away, and whose face was before it when it went.
    slept: int = 0
    behind: int | None = None
    #: Whether a cut came between, or what looked like one.
    parted: bool = False

    @property
    def another(self) -> bool:
        """Whether somebody else stands where this face was one frame ago."""
        return self.continued < _ANOTHER

    def compare(self, look: NDArray[np.float32]) -> None:
        """Take in how the face looks in this frame."""
        self.continued = 1.0 if self.look is None or self.fresh else likeness(look, self.look)
        self.likeness = 1.0 if self.memory is None else likeness(look, self.memory)
        self.look = look

    def remember(self, *, covered: bool) -> None:
        """Learn this frame's look, unless another face may cover it."""
        if self.missed or self.raw is None or self.look is None or (covered and self.memory is not None):
            return
        self.memory = self.look if self.memory is None else self.memory + np.float32(_LEARNT) * (self.look - self.memory)
        self.width = _width(self.box_xyxy)

    def may_look(self, look: NDArray[np.float32] | None) -> bool:
        """Whether a look can be this face's, as far as anything is known."""
        return look is None or self.memory is None or likeness(look, self.memory) >= _ANOTHER

    def looks(self, look: NDArray[np.float32], box_xyxy: NDArray[np.float32]) -> float:
        """How much a new face is like this one, -1..1; -1 where it is not as large."""
        return likeness(look, self.memory) if self.memory is not None and self.as_large(box_xyxy) else -1.0

    def is_known(self, look: NDArray[np.float32], box_xyxy: NDArray[np.float32]) -> bool:
        """Whether a new face looks enough like this one, which is away, to be it; over a cut, if it stands there too."""
        alike = self.looks(look, box_xyxy)
        return alike >= ALIKE and (not self.parted or (alike >= _THE_SAME and overlap(self.box_xyxy, box_xyxy) > SAME_BOX))

    def as_large(self, box_xyxy: NDArray[np.float32]) -> bool:
        """Whether a face is about as large as this one was."""
        return 1 / _AS_LARGE < _width(box_xyxy) / max(1.0, self.width) < _AS_LARGE

    def see_without_mesh(self, seen: Detection) -> None:
        """Go on with what the detector alone says."""
        if self.raw is not None:
            self.step_xy = None  # the mesh's box and the detector's have their middles apart
        elif not self.missed:
            step = (seen.box_xyxy[:2] + seen.box_xyxy[2:] - self.box_xyxy[:2] - self.box_xyxy[2:]) / 2
            self.step_xy = step.astype(np.float32)
        self.raw, self.mesh, self.patch, self.look, self.presence, self.missed = None, None, None, None, 0.0, 0
        self.box_xyxy, self.turn = seen.box_xyxy, quarter_of(seen.keypoints)

    def covers(self, detection: Detection) -> bool:
        """Whether a detection is this face: its nose lies in the track's box, or the boxes overlap."""
        box, nose = self.box_xyxy, detection.keypoints[2]
        inside = bool((nose > box[:2]).all() and (nose < box[2:]).all())
        return inside or overlap(box, detection.box_xyxy) > SAME_BOX


def near(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Whether a box can be that of the same face one frame later."""
    width = max(1.0, _width(before))
    return apart(before, after) / width < _LARGEST_STEP and 0.6 < _width(after) / width < 1.7


def apart(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pixels between the middles of two boxes."""
    return float(np.linalg.norm((a[:2] + a[2:] - b[:2] - b[2:]) / 2))


def touch(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Whether one head may cover a part of the other's face; their boxes end at the hair."""
    return apart(a, b) < _HEAD * (_width(a) + _width(b)) / 2


def _width(box_xyxy: NDArray[np.float32]) -> float:
    return float((box_xyxy[2:] - box_xyxy[:2]).max())
