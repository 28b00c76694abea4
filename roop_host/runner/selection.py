"""Who is swapped: the job's choice among the faces an analyser found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from roop_host.faces.filters import Gender, Steady
from roop_host.faces.ordering import ordered
from roop_host.runner.following import Decided, Following
from roop_host.runner.keeping import Chosen
from roop_host.runner.matching import Matching, Wanted
from roop_host.types.faces import Face
from roop_host.types.job import FaceSelection


@dataclass(frozen=True, slots=True)
class People:
    """Whom a selector works for. ``genders`` are those of the sources, ``wanted`` is who is looked for.

    ``limits`` are ``AnalyserSpec.recognisers``.
    """

    genders: tuple[Gender | None, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)


_NOBODY = People()


class Selector:
    """Applies a ``FaceSelection`` frame by frame. Whoever was taken is kept while the track lasts, so that nobody flips.

    ``source`` is the index of who is put in place in modes ``one`` and ``many``; None where nobody is. ``again`` is how many
    frames before a segment are seen again in it: by them who was taken is kept over its start, though tracks begin anew.
    """

    def __init__(self, selection: FaceSelection, source: int | None, people: People = _NOBODY, *, again: int = 0) -> None:
        self._selection, self._source, self._people, self._again = selection, source, people, again
        self.start()

    def start(self, before: Mapping[str, Any] | None = None) -> None:
        """A segment: tracks begin anew. ``before`` is the ``snapshot`` after the last frame of the segment before.

        Where no frame is seen again, or nothing is known of the segment before, all begins anew.
        """
        self._following = Following(self._again)
        self._steady = Steady(self._selection)
        self._chosen = Chosen(self._people.limits)
        self._matching = Matching(self._people.wanted, self._selection.similarity, self._people.limits)
        if before is not None and self._again:
            self._following.start(before["following"])
            self._steady.recall(before["steady"])
            self._chosen.recall(before["chosen"])
            self._matching.recall(before["matching"])

    def snapshot(self) -> dict[str, Any]:
        """All that was decided so far, as plain JSON data: a run that goes on with it decides as this one would."""
        known = self._following.known()
        return {
            "following": self._following.snapshot(),
            "steady": self._steady.snapshot(known),
            "chosen": self._chosen.snapshot(known),
            "matching": self._matching.snapshot(known),
        }

    def choose(self, frame_index: int, faces: Sequence[Face]) -> tuple[Face, ...]:
        """All faces, largest first, those that are taken marked as ``chosen``, with ``source`` where there is one.

        In a frame that is seen again everybody gets what was decided then, and nothing is learnt.
        """
        persons = self._following.persons(frame_index, faces)
        shown = ordered(faces, "large-small")
        if frame_index <= self._following.last:
            return tuple(self._as_before(frame_index, shown, persons))
        decided = self._decide([replace(face, id=persons[face.id]) for face in shown])
        self._following.note(frame_index, list(map(_decided, decided)))
        return tuple(replace(one, id=face.id) for one, face in zip(decided, shown, strict=True))

    def _as_before(self, frame_index: int, shown: Sequence[Face], persons: Mapping[int, int]) -> Iterator[Face]:
        decided = self._following.decided(frame_index)
        for face in shown:
            one = decided.get(persons[face.id])
            if one is None:
                yield face.with_source(None)
            else:
                yield face.with_source(one.source, one.similarity, chosen=one.chosen)

    def _decide(self, shown: Sequence[Face]) -> tuple[Face, ...]:
        """The same for a new frame, of faces whose ``id`` is a person."""
        self._steady.look(shown)
        if self._selection.mode == "reference":
            return self._alike(shown)
        passing = [face for face in shown if self._steady.passes(face.id, self._gender(self._source))]
        taken = {face.id for face in passing}
        if self._selection.mode != "many":
            there = {face.id for face in shown}
            chosen = self._chosen.among(ordered(passing, self._selection.order), there, self._selection.position or 0)
            taken = set() if chosen is None else {chosen}
        return tuple(face.with_source(self._source if face.id in taken else None, chosen=face.id in taken) for face in shown)

    def _alike(self, shown: Sequence[Face]) -> tuple[Face, ...]:
        """Those who look like somebody that is looked for, each with that one's source where there is one."""
        wanted = self._people.wanted

        def may_be(number: int, face: Face) -> bool:
            return self._steady.passes(face.id, self._gender(wanted[number].source))

        found = self._matching.match(shown, may_be)
        out = []
        for face in shown:
            number, similarity = found.get(face.id, (None, None))
            source = None if number is None else wanted[number].source
            out.append(face.with_source(source, similarity, chosen=number is not None))
        return tuple(out)

    def _gender(self, source: int | None) -> Gender | None:
        return None if source is None or source >= len(self._people.genders) else self._people.genders[source]


def _decided(one: Face) -> Decided:
    return Decided(one.id, _plain(one), one.source, one.similarity, one.chosen)


def _plain(face: Face) -> tuple[float, float, float, float]:
    """The box in numbers that JSON knows; an analyser may give those of a network."""
    x0, y0, x1, y1 = face.box_xyxy
    return float(x0), float(y0), float(x1), float(y1)
