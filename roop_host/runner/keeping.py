"""The one who was chosen first stays chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from roop_host.faces.likeness import similarity
from roop_host.runner.matching import PATIENCE
from roop_host.types.faces import Face

#: From which on somebody new is the one who was lost: as likely as not.
_SAME = 0.5
#: Of what two boxes cover together, the part they share when somebody is found again in the same place.
_SAME_PLACE = 0.5


class Chosen:
    """The one who was chosen first, in mode ``one``, while that track lasts."""

    def __init__(self, limits: Mapping[str, float]) -> None:
        self._limits = limits
        self._chosen: Face | None = None
        self._absent = 0
        #: Everybody who was there while the chosen one was.
        self._known: set[int] = set()
        self._former: Face | None = None
        self._former_absent = 0

    def among(self, faces: Sequence[Face], there: set[int], position: int) -> int | None:
        """Who is swapped in this frame, as a track. ``faces`` may be chosen, the first first; ``there`` are all tracks.

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
        if again is None and may_return and self._known & there:
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
                alike, least = _shared(lost, face) if self._absent <= 2 * PATIENCE else 0.0, _SAME_PLACE
            if alike >= least and (best is None or alike > best[0]):
                best = alike, face
        return None if best is None else best[1]


def _shared(one: Face, other: Face) -> float:
    """Of what two boxes cover together, the part they share."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = one.box_xyxy, other.box_xyxy
    both = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    either = one.area + other.area - both
    return both / either if either > 0 else 0.0
