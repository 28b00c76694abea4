"""Who is swapped: the job's choice among the faces an analyser found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from roop_host.faces.filters import Gender, Steady
from roop_host.faces.ordering import ordered
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

    ``source`` is the index of who is put in place in modes ``one`` and ``many``; None where nobody is.
    """

    def __init__(self, selection: FaceSelection, source: int | None, people: People = _NOBODY) -> None:
        self._selection, self._source, self._people = selection, source, people
        self.start()

    def start(self) -> None:
        """A new segment: tracks begin anew."""
        self._steady = Steady(self._selection)
        self._chosen = Chosen(self._people.limits)
        self._matching = Matching(self._people.wanted, self._selection.similarity, self._people.limits)

    def choose(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """All faces, largest first, with ``source`` set on those that are swapped."""
        shown = ordered(faces, "large-small")
        self._steady.look(shown)
        if self._selection.mode == "reference":
            return self._alike(shown)
        passing = [face for face in shown if self._steady.passes(face.id, self._gender(self._source))]
        taken = {face.id for face in passing}
        if self._selection.mode != "many":
            there = {face.id for face in shown}
            chosen = self._chosen.among(ordered(passing, self._selection.order), there, self._selection.position)
            taken = set() if chosen is None else {chosen}
        return tuple(face.with_source(self._source if face.id in taken else None) for face in shown)

    def _alike(self, shown: Sequence[Face]) -> tuple[Face, ...]:
        """Those who look like somebody that is looked for, each with that one's source."""
        wanted = self._people.wanted

        def may_be(number: int, face: Face) -> bool:
            return self._steady.passes(face.id, self._gender(wanted[number].source))

        found = self._matching.match(shown, may_be)
        out = []
        for face in shown:
            number, similarity = found.get(face.id, (None, None))
            out.append(face.with_source(None if number is None else wanted[number].source, similarity))
        return tuple(out)

    def _gender(self, source: int | None) -> Gender | None:
        return None if source is None or source >= len(self._people.genders) else self._people.genders[source]
