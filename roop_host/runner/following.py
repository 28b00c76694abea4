"""Who is who over the segments of a clip: an analyser begins anew at each, and numbers everybody anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roop_host.types.faces import Face
from roop_host.types.geometry import BoxXyxy, overlap

#: Of what two boxes in one frame cover together, the least part they share when both are of one face.
_SAME = 0.3
#: Frames after which nobody asks any more for a track that is not seen.
FORGOTTEN = 100


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of a person in a frame: where the face was, whether it is taken, and whose face is put there."""

    person: int
    box_xyxy: BoxXyxy
    source: int | None
    similarity: float | None
    chosen: bool


class Following:
    """Gives every track of the analyser the number of a person, which stays over the beginning of a segment.

    The last ``again`` frames before a segment are seen again in it, with new tracks: whose box lies where a person's was in
    the same frame is that person.
    """

    def __init__(self, again: int) -> None:
        self._again = again
        self._past: dict[int, tuple[Decided, ...]] = {}
        self._seen: dict[int, int] = {}
        self._next = 0
        self.last = -1
        self.start(None)

    def start(self, before: Mapping[str, Any] | None) -> None:
        """A segment; ``before`` is the ``snapshot`` at the end of the one before."""
        self._persons: dict[int, int] = {}
        self._unsure: set[int] = set()
        if before is not None:
            self._past = {frame: tuple(map(_decided, of)) for frame, of in before["past"]}
            self._seen = dict(before["seen"])
            self._next, self.last = before["next"], before["last"]

    def snapshot(self) -> dict[str, Any]:
        """What ``start`` takes, as plain JSON data."""
        past = [
            [frame, [[one.person, list(one.box_xyxy), one.source, one.similarity, one.chosen] for one in of]]
            for frame, of in self._past.items()
        ]
        seen = [[person, self._seen[person]] for person in sorted(self.known())]
        return {"past": past, "seen": seen, "next": self._next, "last": self.last}

    def known(self) -> set[int]:
        """Everybody who was seen lately."""
        return {person for person, frame in self._seen.items() if frame > self.last - FORGOTTEN}

    def decided(self, frame: int) -> dict[int, Decided]:
        """What was decided by person in a frame that is seen again."""
        return {one.person: one for one in self._past.get(frame, ())}

    def persons(self, frame: int, faces: Sequence[Face]) -> dict[int, int]:
        """Track to person, of these faces."""
        new = [face for face in faces if face.id not in self._persons or face.id in self._unsure]
        if frame <= self.last:
            self._find(frame, new)
        else:
            self._unsure.clear()
        for face in new:
            if face.id not in self._persons:
                self._persons[face.id] = self._next
                self._next += 1
                if frame <= self.last:
                    self._unsure.add(face.id)
        return {face.id: self._persons[face.id] for face in faces}

    def note(self, frame: int, decided: Sequence[Decided]) -> None:
        """What was decided in a new frame."""
        self.last = frame
        self._seen.update((one.person, frame) for one in decided)
        if self._again:
            self._past[frame] = tuple(decided)
            self._past.pop(frame - self._again, None)

    def _find(self, frame: int, new: Sequence[Face]) -> None:
        taken = {person for track, person in self._persons.items() if track not in self._unsure}
        there = [one for one in self._past.get(frame, ()) if one.person not in taken]
        pairs = sorted(
            ((overlap(face.box_xyxy, one.box_xyxy), face.id, one.person) for face in new for one in there),
            key=lambda pair: (-pair[0], *pair[1:]),
        )
        found: set[int] = set()
        for share, track, person in pairs:
            if share > _SAME and person not in taken and track not in found:
                self._persons[track] = person
                self._unsure.discard(track)
                taken.add(person)
                found.add(track)


def _decided(data: Sequence[Any]) -> Decided:
    person, (x0, y0, x1, y1), source, similarity, chosen = data
    return Decided(person, (x0, y0, x1, y1), source, similarity, chosen)
