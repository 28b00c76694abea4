"""What is known of faces from one frame to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Track = TypeVar("_Track")


class Tracks(Generic[_Track]):
    """Of each face one ``_Track``, made by ``make``. To be asked for each face of a frame, in the order of frames."""

    def __init__(self, make: Callable[[], _Track]) -> None:
        self._make = make
        self._known: dict[int, tuple[int, _Track]] = {}

    def start(self) -> None:
        """A new segment."""
        self._known = {}

    def of(self, face_id: int, index: int) -> _Track:
        """That of a face in frame number ``index``; a new one where the frame before did not show it.

        Who is gone is forgotten.
        """
        self._known = {one: known for one, known in self._known.items() if index - 1 <= known[0] <= index}
        last, track = self._known.get(face_id, (index, None))
        if track is None or last != index - 1:
            track = self._make()
        self._known[face_id] = index, track
        return track
