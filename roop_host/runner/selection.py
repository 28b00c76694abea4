"""Who is swapped: the job's choice among the faces an analyser found."""

from __future__ import annotations

from collections.abc import Sequence

from roop_host.types.faces import Face
from roop_host.types.job import FaceSelection


class Selector:
    """Applies a ``FaceSelection`` frame by frame. ``one`` stays with the person chosen first while that track lasts."""

    def __init__(self, selection: FaceSelection, source: int | None) -> None:
        self._selection, self._source = selection, source
        self._chosen: int | None = None

    def start(self) -> None:
        """A new segment: tracks begin anew."""
        self._chosen = None

    def choose(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """All faces, largest first, with ``source`` set on those that are swapped."""
        ordered = sorted(faces, key=lambda face: -face.area)
        if self._selection.mode == "one" and ordered:
            if self._chosen not in {face.id for face in ordered}:
                self._chosen = ordered[0].id
            return tuple(face.with_source(self._source if face.id == self._chosen else None) for face in ordered)
        return tuple(face.with_source(self._source) for face in ordered)
