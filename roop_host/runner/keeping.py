"""The one who was chosen first stays chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from roop_host.faces.likeness import similarity
from roop_host.runner.matching import PATIENCE
from roop_host.runner.remembered import face_of, told_of
from roop_host.types.faces import Face
from roop_host.types.geometry import overlap

#: Frames for which nobody else is chosen while others stay: who is covered comes back, as trackers hold for as long.
_COVERED = 75
#: From which on somebody new is the one who was lost: as likely as not.
_SAME = 0.5
#: Of what two boxes cover together, the part they share when somebody is found again in the same place.
_SAME_PLACE = 0.5


class Chosen:
    """The one who was chosen first, in mode ``one``, while that track lasts. The ``id`` of faces is a person's."""

    def __init__(self, limits: Mapping[str, float]) -> None:
        self._limits = limits
        self._chosen: Face | None = None
        self._absent = 0
        #: Everybody who was there while the chosen one was.
        self._known: set[int] = set()
        self._former: Face | None = None
        self._former_absent = 0

    def snapshot(self, known: Set[int]) -> dict[str, Any]:
        """What ``recall`` takes, as plain JSON data; ``known`` is who may be seen again."""
        return {
            "chosen": None if self._chosen is None else told_of(self._chosen),
            "absent": self._absent,
            "known": sorted(self._known & known),
            "former": None if self._former is None else told_of(self._former),
            "former_absent": self._former_absent,
        }

    def recall(self, data: Mapping[str, Any]) -> None:
        """Go on after a ``snapshot``."""
        self._chosen = None if data["chosen"] is None else face_of(data["chosen"])
        self._absent, self._known = data["absent"], set(data["known"])
        self._former = None if data["former"] is None else face_of(data["former"])
        self._former_absent = data["former_absent"]

    def among(self, faces: Sequence[Face], there: set[int], position: int) -> int | None:
        """Who is swapped in this frame. ``faces`` may be chosen, the first first; ``there`` is everybody.

        Where others stay, one missed detection must not move the swap to them: nobody is swapped until the chosen one is
        back, or gone for good. After a cut everybody is new. Waiting would show the person's own face there, so the
        first is taken at once; and left again should the chosen one come back in time, since then it was no cut.
        """
        by_id = {face.id: face for face in faces}
        if self._former is not None:
            self._former_absent += 1
            if self._former.id in by_id:
                self._chosen, self._former = by_id[self._former.id], None
            elif self._former_absent > PATIENCE:
                self._former = None
        if self._chosen is not None and self._chosen.id in by_id:
            self._absent = 0
            self._known |= there
            self._chosen = by_id[self._chosen.id]
            return self._chosen.id
        self._absent += 1
        may_return = self._chosen is not None and self._absent <= PATIENCE
        again = self._found_again(faces)
        if again is None and self._chosen is not None and self._absent <= _COVERED and self._known & there:
            return None
        taken = again if again is not None else faces[position] if position < len(faces) else None
        if taken is None:
            return None
        if may_return:
            self._former, self._former_absent = self._chosen, self._absent
        self._chosen, self._absent, self._known = taken, 0, set(there)
        return taken.id

    def _found_again(self, faces: Sequence[Face]) -> Face | None:
        """The lost one under a new number: somebody new who looks the same, or, where no face is known, stands there."""
        lost = self._chosen
        if lost is None:
            return None
        best: tuple[float, Face] | None = None
        for face in faces:
            if face.id in self._known:
                continue
            alike, least = similarity(lost, face, self._limits), _SAME
            if alike is None:
                alike, least = overlap(lost.box_xyxy, face.box_xyxy) if self._absent <= 2 * PATIENCE else 0.0, _SAME_PLACE
            if alike >= least and (best is None or alike > best[0]):
                best = alike, face
        return None if best is None else best[1]
