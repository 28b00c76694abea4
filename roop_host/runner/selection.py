"""Who is swapped: the job's choice among the faces an analyser found."""

from __future__ import annotations

from collections.abc import Sequence

from roop_host.types.faces import Face
from roop_host.types.job import FaceSelection

#: Frames for which a person who is not seen keeps the place: longer than a tracker bridges a blink of its detector.
_PATIENCE = 3


class Selector:
    """Applies a ``FaceSelection`` frame by frame. ``one`` stays with the person chosen first while that track lasts."""

    def __init__(self, selection: FaceSelection, source: int | None) -> None:
        self._selection, self._source = selection, source
        self.start()

    def start(self) -> None:
        """A new segment: tracks begin anew."""
        self._chosen: int | None = None
        self._absent = 0
        #: Everybody who was there while the chosen one was.
        self._known: set[int] = set()
        self._former: int | None = None
        self._former_absent = 0

    def choose(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """All faces, largest first, with ``source`` set on those that are swapped."""
        ordered = sorted(faces, key=lambda face: -face.area)
        if self._selection.mode == "one":
            chosen = self._one_of([face.id for face in ordered])
            return tuple(face.with_source(self._source if face.id == chosen else None) for face in ordered)
        return tuple(face.with_source(self._source) for face in ordered)

    def _one_of(self, ids: Sequence[int]) -> int | None:
        """Who is swapped in this frame; ``ids`` of the largest face first.

        Where others stay, one missed detection must not move the swap to them: nobody is swapped until the chosen one is
        back, or gone for good. After a cut everybody is new. Waiting would show the person's own face there, so the
        largest is taken at once; and left again should the chosen one come back in time, since then it was no cut.
        """
        there = set(ids)
        if self._former is not None:
            self._former_absent += 1
            if self._former in there:
                self._chosen, self._former = self._former, None
            elif self._former_absent > _PATIENCE:
                self._former = None
        if self._chosen in there:
            self._absent = 0
            self._known |= there
            return self._chosen
        self._absent += 1
        may_return = self._chosen is not None and self._absent <= _PATIENCE
        if not there or (may_return and self._known & there):
            return None
        if may_return:
            self._former, self._former_absent = self._chosen, self._absent
        self._chosen, self._absent, self._known = ids[0], 0, there
        return self._chosen
