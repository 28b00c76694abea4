"""What is known of a face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a picture as it was decoded; all coordinates are upright pixels of that picture.

    ``landmarks_5`` is float32 ``(5, 2)``: left eye, right eye, nose tip, left and right mouth corner, left and right as seen
    in the picture, or, of a face that lies or stands on its head, as seen with the picture turned until it is upright.
    ``mesh_468`` is float32 ``(468, 3)`` in MediaPipe's order, z in the scale of x, smaller is nearer.
    ``embedding`` is the recogniser's raw vector (of ArcFace float32 ``(512,)``, not normalised) and ``recogniser`` its name.
    ``landmarks_68`` is float32 ``(68, 3)`` in iBUG's order, z in the scale of x but larger is nearer, as InsightFace has it;
    ``landmarks_106`` float32 ``(106, 2)``; ``gender`` and ``age`` in years are what a network believes.
    ``pose_degrees`` is pitch, positive where the face looks up; yaw, positive where it looks to the right of the picture;
    and roll, positive where it is tilted clockwise in the picture; a face that looks upright into the camera has zeros, as
    InsightFace has it. ``yaw_degrees`` is the yaw of the mesh, or without one that of
    ``pose_degrees``. What the analyser can't tell or was not asked is None.

    ``id`` is a track: equal in neighbouring frames for one person. ``source`` is the index of the source face assigned to
    it; None means that nobody's face is to be put here. ``chosen`` is whether the job's ``FaceSelection`` takes this face,
    also where no source is put anywhere. ``similarity`` is how much it is like the reference that decided so, 0..1, as
    ``FaceSelection`` counts; None where no reference was asked.
    """

    id: int
    box_xyxy: tuple[float, float, float, float]
    score: float
    landmarks_5: NDArray[np.float32]
    mesh_468: NDArray[np.float32] | None = None
    embedding: NDArray[np.float32] | None = None
    recogniser: str | None = None
    yaw_degrees: float | None = None
    landmarks_68: NDArray[np.float32] | None = None
    landmarks_106: NDArray[np.float32] | None = None
    pose_degrees: tuple[float, float, float] | None = None
    gender: Literal["female", "male"] | None = None
    age: float | None = None
    source: int | None = None
    similarity: float | None = None
    chosen: bool = False

    @property
    def area(self) -> float:
        """Of the box, in pixels."""
        x0, y0, x1, y1 = self.box_xyxy
        return max(0.0, x1 - x0) * max(0.0, y1 - y0)

    def with_source(self, source: int | None, similarity: float | None = None, *, chosen: bool | None = None) -> Face:
        """The face with this source, or with none; ``chosen`` where a source is put, unless it is said."""
        taken = source is not None if chosen is None else chosen
        return replace(self, source=source, similarity=similarity, chosen=taken)
