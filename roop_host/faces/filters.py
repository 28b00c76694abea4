"""Who is left out: by gender and age, as a network guesses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any, Literal

from roop_host.types.faces import Face
from roop_host.types.job import FaceSelection

Gender = Literal["female", "male"]
_EVERYBODY = FaceSelection()
#: Years by which a guess of age must be beyond a limit before somebody who passed no longer does, or the other way round.
_YEARS = 4.0


def filters_gender(selection: FaceSelection) -> bool:
    """Whether faces are left out for their gender."""
    return selection.gender != "any"


def filters_age(selection: FaceSelection) -> bool:
    """Whether faces are left out for their age."""
    return (selection.age_start, selection.age_end) != (_EVERYBODY.age_start, _EVERYBODY.age_end)


def wanted_gender(selection: FaceSelection, source: Gender | None) -> Gender | None:
    """The gender that may stay: ``source`` is that of the face to put in. None where ``source`` is asked but not known."""
    if selection.gender == "source":
        return source
    return None if selection.gender == "any" else selection.gender


@dataclass(slots=True)
class _Seen:
    """What a network has said of a track so far, and what was decided of it."""

    female: int = 0
    told: int = 0
    years: float = 0.0
    aged: int = 0
    gender: Gender | None = None
    old_enough: bool | None = None


class Steady:
    """Filters that decide once for each track, by all that was seen of it, and change their mind only for good reason."""

    def __init__(self, selection: FaceSelection) -> None:
        self._selection = selection
        self._by_gender, self._by_age = filters_gender(selection), filters_age(selection)
        self._seen: dict[int, _Seen] = {}

    def snapshot(self, known: Set[int]) -> dict[str, Any]:
        """What ``recall`` takes, as plain JSON data; ``known`` is who may be seen again."""
        return {"seen": [[track, asdict(seen)] for track, seen in self._seen.items() if track in known]}

    def recall(self, data: Mapping[str, Any]) -> None:
        """Go on after a ``snapshot``."""
        self._seen = {track: _Seen(**seen) for track, seen in data["seen"]}

    def look(self, faces: Sequence[Face]) -> None:
        """The faces of the next frame."""
        if not (self._by_gender or self._by_age):
            return
        for face in faces:
            seen = self._seen.setdefault(face.id, _Seen())
            if face.gender is not None:
                seen.female += face.gender == "female"
                seen.told += 1
                seen.gender = _gender(seen)
            if face.age is not None:
                seen.years += float(face.age)
                seen.aged += 1
                seen.old_enough = self._of_age(seen)

    def passes(self, track: int, source: Gender | None) -> bool:
        """Whether the filters let the track stay; ``source`` is the gender of the face to put in."""
        if not (self._by_gender or self._by_age):
            return True
        seen = self._seen.get(track, _Seen())
        if self._by_gender and (seen.gender is None or seen.gender != wanted_gender(self._selection, source)):
            return False
        return not self._by_age or bool(seen.old_enough)

    def _of_age(self, seen: _Seen) -> bool:
        first, last = self._selection.age_start, self._selection.age_end
        slack = 0.0
        if seen.old_enough is not None:
            slack = _YEARS if seen.old_enough else -min(_YEARS, (last - first) / 4)
        age = seen.years / seen.aged
        return first - slack <= age <= last + slack


def _gender(seen: _Seen) -> Gender:
    """Of more than two thirds of all frames, where another one was decided before."""
    if seen.gender == "female":
        return "male" if 3 * seen.female < seen.told else "female"
    if seen.gender == "male":
        return "female" if 3 * seen.female > 2 * seen.told else "male"
    return "female" if 2 * seen.female >= seen.told else "male"
