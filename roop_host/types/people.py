"""What was found by looking at a target: its people, and how one frame of it would become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from roop_host.types.faces import Face
from roop_host.types.job import Order
from roop_host.types.report import Report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at of a target: one frame of every ``every``, and of those at most ``most`` (0 is all).

    ``order`` is how faces of a frame are counted. ``drawn`` is a picture to write, with the faces marked; empty for none.
    """

    every: int = 1
    most: int = 0
    order: Order = "large-small"
    drawn: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What is previewed: used frame number ``frame``, or the one shown ``at`` a time of the clip, said as ``trim_start`` is.

    ``picture`` is a file for before, after and what was changed, beside each other and marked as synthetic; empty for none.
    """

    frame: int = 0
    at: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A face in one frame. ``position`` is its place among the frame's faces, from 0, in the order that was asked for.

    ``frame`` and ``position`` are what ``FaceSelection.reference_frame`` and ``reference_position`` take: frames are counted
    from the target's own beginning. ``box_xyxy`` is in upright pixels, ``score`` the detector's; ``yaw``, ``pitch`` and
    ``roll`` are degrees, None where the analyser can't tell. ``file`` is the picture's own, of a folder of pictures.
    """

    frame: int
    time_s: float
    position: int
    box_xyxy: tuple[float, float, float, float]
    score: float
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    file: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the box, whole pixels."""
        x0, y0, x1, y1 = self.box_xyxy
        return round(x1 - x0), round(y1 - y0)


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """Somebody seen in ``frames`` of the frames that were looked at, from ``first_s`` to ``last_s`` (seconds).

    ``number`` counts people from 1. ``best`` is the frame that shows the face best: large, sure and from the front.
    ``score`` is the highest of all. ``gender`` and ``age`` in years are what most frames, and their mean, say. ``tracks`` is
    how often the face came into view. ``likeness`` is to each picture that was named: 0.5 is as likely this person as not.
    """

    number: int
    frames: int
    tracks: int
    first_frame: int
    last_frame: int
    first_s: float
    last_s: float
    score: float
    best: Sighting
    gender: Literal["female", "male"] | None = None
    age: float | None = None
    likeness: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """The people of a target. ``alike[i][j]`` is how much persons i and j are alike, 0..1, empty without a recogniser.

    ``frames`` are those that were looked at. ``kind`` is that of the target: picture, pages, folder, animation, video.
    """

    target: str
    kind: str
    width: int
    height: int
    frames: int
    frames_with_face: int
    people: tuple[SeenPerson, ...]
    order: Order
    recogniser: str | None = None
    alike: tuple[tuple[float, ...], ...] = ()
    drawn: str | None = None
    report: Report = field(default_factory=Report)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """One frame as a run of it alone makes it. ``before_bgr`` and ``after_bgr`` are upright uint8 ``(H, W, 3)``.

    ``mask`` is float32 ``(H, W)`` in 0..1: how much of each pixel the steps replaced. ``faces`` are those of the frame, in
    the job's order, ``edited`` the ids of those that were changed. ``picture`` is the file that was written, if any.
    """

    frame: int
    time_s: float
    before_bgr: NDArray[np.uint8]
    after_bgr: NDArray[np.uint8]
    mask: NDArray[np.float32]
    faces: tuple[Face, ...]
    edited: frozenset[int]
    picture: str | None = None
    report: Report = field(default_factory=Report)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data of everything but the pictures."""
        faces = [
            {
                "id": face.id,
                "position": position,
                "box_xyxy": list(face.box_xyxy),
                "score": face.score,
                "source": face.source,
                "similarity": face.similarity,
                "changed": face.id in self.edited,
            }
            for position, face in enumerate(self.faces)
        ]
        about = {"frame": self.frame, "time_s": self.time_s, "picture": self.picture, "faces": faces}
        return {**about, "changed": float(self.mask.mean()), "report": self.report.to_json()}
