"""Tracks made into people, with what is told of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roop_host.faces.grouping import grouped, likeness_of_groups
from roop_host.faces.likeness import limit_of, of_cosine, of_cosines, unit
from roop_host.faces.tracks import Track
from roop_host.types.people import SeenPerson

#: Of each picture that people are compared with, its embedding of length 1.
Compared = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class People:
    """``crops`` are the best picture of each, as JPEG; ``alike`` is as in ``Looked``."""

    people: tuple[SeenPerson, ...]
    crops: tuple[bytes, ...]
    alike: tuple[tuple[float, ...], ...]
    recogniser: str | None


def people_of(
    tracks: list[Track], together: Set[tuple[int, int]], limits: Mapping[str, float], compared: Compared, *, by_place: bool
) -> People:
    """Everybody, those first who are seen in most frames; ``by_place`` in the order of their places in one picture.

    ``together`` are pairs of tracks, by their numbers in the list, that were seen in one frame. ``limits`` are
    ``AnalyserSpec.recognisers``.
    """
    known = [number for number, track in enumerate(tracks) if track.embedding is not None]
    recogniser = tracks[known[0]].recogniser if known else None
    limit = limit_of(recogniser, limits)
    vectors = [track.embedding for track in tracks if track.embedding is not None]
    rows = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
    row_of = {number: row for row, number in enumerate(known)}
    apart = {(row_of[one], row_of[other]) for one, other in together if one in row_of and other in row_of}
    groups = [[known[row] for row in group] for group in grouped(rows, limit, apart)]
    groups += [[number] for number in range(len(tracks)) if number not in row_of]
    groups.sort(key=lambda group: _rank(_best([tracks[n] for n in group]), group, tracks, by_place))
    people = tuple(_person(number, [tracks[n] for n in group], compared, limit) for number, group in enumerate(groups, 1))
    crops = tuple(_best([tracks[n] for n in group]).crop for group in groups)
    alike: tuple[tuple[float, ...], ...] = ()
    if len(known) == len(tracks) and known:
        cosines = likeness_of_groups(rows, [[row_of[n] for n in group] for group in groups])
        alike = tuple(map(tuple, of_cosines(cosines, limit).round(3).tolist()))
    return People(people, crops, alike, recogniser)


def _rank(best: Track, group: list[int], tracks: list[Track], by_place: bool) -> tuple[float, ...]:
    if by_place:
        assert best.best is not None
        return (best.best.frame, best.best.position)
    first = min(tracks[number].first_frame for number in group)
    return (-sum(tracks[number].frames for number in group), first)


def _best(tracks: list[Track]) -> Track:
    return max(tracks, key=lambda track: track.quality)


def _person(number: int, tracks: list[Track], compared: Compared, limit: float) -> SeenPerson:
    best = _best(tracks).best
    assert best is not None
    first = min(tracks, key=lambda track: track.first_frame)
    last = max(tracks, key=lambda track: track.last_frame)
    genders = sum((track.genders for track in tracks), Counter())
    aged = sum(track.ages[1] for track in tracks)
    age = round(sum(track.ages[0] for track in tracks) / aged, 1) if aged else None
    units = [track.embedding * np.float32(track.frames) for track in tracks if track.embedding is not None]
    mean = unit(np.sum(units, 0)) if units else None
    likeness = {
        name: None if mean is None else round(of_cosine(float(mean @ other), limit), 3) for name, other in compared.items()
    }
    return SeenPerson(
        number=number,
        frames=sum(track.frames for track in tracks),
        tracks=len(tracks),
        first_frame=first.first_frame,
        last_frame=last.last_frame,
        first_s=round(first.first_s, 3),
        last_s=round(last.last_s, 3),
        score=round(max(track.score for track in tracks), 3),
        best=best,
        gender=genders.most_common(1)[0][0] if genders else None,
        age=age,
        likeness=likeness,
    )
