"""Who in a frame is who of those looked for: by embedding, one to one, and without flipping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roop_host.faces.likeness import check_comparable, limit_of, of_cosine, unit
from roop_host.runner.remembered import array_of, text_of
from roop_host.types.faces import Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How much less alike somebody may become, and others more, before what was found is given up. A head that turns away
#: loses about so much.
HYSTERESIS = 0.12
#: Frames for which a person who is not seen keeps the place: longer than a tracker bridges a blink of its detector.
PATIENCE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A person to look for. ``face`` has the embedding, ``source`` is the index of who is put in place; None for nobody."""

    name: str
    source: int | None
    face: Face


@dataclass(slots=True)
class _Place:
    """Who holds a wanted person's place, for how many frames not seen, and who was there at the same time."""

    track: int | None = None
    absent: int = 0
    beside: set[int] = field(default_factory=set)


class Matching:
    """Assigns tracks to wanted people, frame by frame; a track is the person whose number a face's ``id`` is.

    It is as alike as the mean of all its embeddings so far: one blurred frame decides nothing. It is found from
    ``least`` on, 0..1, and kept down to ``HYSTERESIS`` below; a track without embedding in this frame stays who it was.
    """

    def __init__(self, wanted: Sequence[Wanted], least: float, limits: Mapping[str, float]) -> None:
        self._wanted, self._least, self._limits = wanted, least, limits
        #: The sum of each track's normalised embeddings, one a frame.
        self._tracks: dict[int, NDArray[np.float32]] = {}
        self._places = [_Place() for _ in wanted]

    def snapshot(self, known: Set[int]) -> dict[str, Any]:
        """What ``recall`` takes, as plain JSON data; ``known`` is who may be seen again."""
        return {
            "tracks": [[track, text_of(total)] for track, total in self._tracks.items() if track in known],
            "places": [[place.track, place.absent, sorted(place.beside & known)] for place in self._places],
        }

    def recall(self, data: Mapping[str, Any]) -> None:
        """Go on after a ``snapshot``."""
        self._tracks = {track: array_of(total) for track, total in data["tracks"]}
        self._places = [_Place(track, absent, set(beside)) for track, absent, beside in data["places"]]

    def match(self, faces: Sequence[Face], may_be: Callable[[int, Face], bool]) -> dict[int, tuple[int, float]]:
        """Track to the number of the wanted person and the similarity; ``may_be`` can rule a pair out.

        Raises ``UsageError`` where the analyser's embeddings are of another recogniser than those of the wanted.
        """
        for face in faces:
            self._note(face)
        there = {face.id for face in faces}
        pairs = [
            (number, face.id, alike)
            for number in range(len(self._wanted))
            for face in faces
            if face.id in self._tracks and may_be(number, face) and not self._waits_for_another(number, face.id, there)
            for alike in [self._alike(number, face.id)]
            if alike + self._bonus(number, face.id) >= self._least
        ]
        found = {track: (number, alike) for number, track, alike in self._best(pairs)}
        self._remember(found, there)
        return found

    def _note(self, face: Face) -> None:
        if face.embedding is None:
            return
        known = self._tracks.get(face.id)
        if known is None:
            for one in self._wanted:
                check_comparable(one.face, face)
            self._tracks[face.id] = unit(face.embedding)
        else:
            self._tracks[face.id] = known + unit(face.embedding)

    def _alike(self, number: int, track: int) -> float:
        wanted = self._wanted[number].face
        assert wanted.embedding is not None
        cosine = float(unit(wanted.embedding) @ unit(self._tracks[track]))
        return of_cosine(cosine, limit_of(wanted.recogniser, self._limits))

    def _bonus(self, number: int, track: int) -> float:
        return HYSTERESIS if self._places[number].track == track else 0.0

    def _waits_for_another(self, number: int, track: int, there: set[int]) -> bool:
        """Whether the one who holds the place is only missed for a moment, and ``track`` was beside: so it is not him."""
        place = self._places[number]
        missed = place.track is not None and place.track not in there and place.absent < PATIENCE
        return missed and track in place.beside

    def _best(self, pairs: Sequence[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
        """Of the pairs that may be, one to one, those that are most alike all together."""
        if len({number for number, _, _ in pairs}) == len(pairs) == len({track for _, track, _ in pairs}):
            return list(pairs)  # nobody is wanted twice: scipy takes longer to import than most clips' choices
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        tracks = sorted({track for _, track, _ in pairs})
        worth = np.zeros((len(self._wanted), len(tracks)))
        for number, track, alike in pairs:
            worth[number, tracks.index(track)] = alike + self._bonus(number, track)
        rows, columns = linear_sum_assignment(worth, maximize=True)
        chosen = {(int(row), tracks[column]) for row, column in zip(rows, columns, strict=True)}
        return [pair for pair in pairs if pair[:2] in chosen]

    def _remember(self, found: Mapping[int, tuple[int, float]], there: set[int]) -> None:
        holders = {number: track for track, (number, _) in found.items()}
        for number, place in enumerate(self._places):
            holder = holders.get(number)
            if holder is None:
                place.absent += 1
                if place.track in there:
                    place.track = None  # seen, and no longer alike enough
                continue
            place.beside = (place.beside if holder == place.track else set()) | (there - {holder})
            place.track, place.absent = holder, 0
