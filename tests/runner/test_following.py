"""Who was chosen stays so over the start of a segment, where an analyser numbers everybody anew."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from people import RECOGNISER, face

from roop_host import Face, FaceSelection
from roop_host.runner.matching import Wanted
from roop_host.runner.selection import People, Selector

LIMITS = {RECOGNISER: 0.5}


def boxed(number: int, x0: float, side: float, **more: Any) -> Face:
    degrees = more.pop("degrees", None)
    looks = None if degrees is None else (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    return face(number, looks, box=(x0, 0, x0 + side, side), **more)


def one(again: int = 3, **more: Any) -> Selector:
    return Selector(FaceSelection("one", **more), 0, People(limits=LIMITS), again=again)


def taken(selector: Selector, index: int, *faces: Face) -> list[int]:
    return [found.id for found in selector.choose(index, faces) if found.source == 0]


def stored(selector: Selector) -> dict[str, Any]:
    told = selector.snapshot()
    again: dict[str, Any] = json.loads(json.dumps(told))
    assert again == told
    return again


def test_the_chosen_one_is_known_by_place_in_the_frames_that_are_seen_again() -> None:
    selector = one()
    for index in range(6):
        assert taken(selector, index, boxed(1, 0, 50), boxed(2, 100, 40 + 3 * index)) == [1]
    selector.start(stored(selector))
    # The other one is larger by now, and has the number that the chosen one had.
    for index in range(3, 9):
        assert taken(selector, index, boxed(2, 2, 50), boxed(1, 101, 40 + 3 * index)) == [2]


def test_nobody_gets_the_place_of_somebody_who_is_elsewhere() -> None:
    selector = one()
    for index in range(4):
        assert taken(selector, index, boxed(1, 0, 50), boxed(2, 100, 40)) == [1]
    selector.start(stored(selector))
    for index in range(1, 4):
        assert taken(selector, index, boxed(1, 300, 60)) == []
    # Nobody there is known: that is a cut, as within a segment.
    assert taken(selector, 4, boxed(1, 300, 60)) == [1]


def test_the_best_overlap_decides_and_each_is_one_person() -> None:
    selector = one()
    for index in range(4):
        assert taken(selector, index, boxed(1, 0, 50), boxed(2, 30, 50)) == [1]
    selector.start(stored(selector))
    for index in range(1, 6):
        assert taken(selector, index, boxed(7, 26, 50), boxed(8, 2, 50)) == [8]


def test_who_was_missed_in_the_first_frame_is_known_in_the_next() -> None:
    selector = one()
    for index, there in enumerate([True, True, True, False, True, True]):
        shown = [boxed(1, 0, 50)] if there else []
        assert taken(selector, index, *shown, boxed(2, 100, 40 + 5 * index)) == [1 for _ in shown]
    selector.start(stored(selector))
    for index in range(3, 8):
        assert taken(selector, index, boxed(5, 0, 50), boxed(6, 100, 60)) == ([] if index == 3 else [5])


def test_a_frame_that_is_seen_again_counts_for_nothing() -> None:
    selector = one()
    assert taken(selector, 0, boxed(1, 0, 50), boxed(2, 100, 40)) == [1]
    for index in range(1, 75):
        assert taken(selector, index, boxed(2, 100, 40)) == []
    told = stored(selector)
    selector.start(told)
    for index in (73, 74):
        selector.choose(index, [boxed(9, 100, 40)])
    assert {key: value for key, value in selector.snapshot().items() if key != "following"} == {
        key: value for key, value in told.items() if key != "following"
    }
    # All but one of the frames of patience are over.
    assert taken(selector, 75, boxed(9, 100, 40)) == []
    assert taken(selector, 76, boxed(9, 100, 40)) == [9]


def test_one_who_looks_hardly_alike_now_stays_found() -> None:
    wanted = (Wanted("anna", 0, boxed(0, 0, 9, degrees=0)),)
    selector = Selector(FaceSelection("reference"), 0, People((None,), wanted, LIMITS), again=2)
    for index in range(4):
        assert taken(selector, index, boxed(1, 0, 50, degrees=50)) == [1]
    selector.start(stored(selector))
    for index in range(2, 8):
        assert taken(selector, index, boxed(4, 0, 50, degrees=65)) == [4]


def test_a_guess_of_gender_is_kept() -> None:
    selector = one(gender="female")
    for index in range(9):
        assert taken(selector, index, boxed(1, 0, 50, gender="female", age=30.5)) == [1]
    selector.start(stored(selector))
    for index in range(6, 12):
        assert taken(selector, index, boxed(4, 0, 50, gender="male")) == [4]


def test_who_was_seen_long_ago_is_forgotten() -> None:
    selector = one(gender="female")
    for index in range(300):
        selector.choose(index, [boxed(index // 10, 200.0 * (index // 10), 50, gender="female")])
    told = stored(selector)
    assert len(told["following"]["seen"]) == len(told["steady"]["seen"]) == 10
    assert len(told["following"]["past"]) == 3


@pytest.mark.parametrize("mode", ["one", "reference"])
def test_after_a_snapshot_it_goes_on_as_it_would_have(mode: Any) -> None:
    wanted = (Wanted("anna", 0, boxed(0, 0, 9, degrees=0)),)

    def made() -> Selector:
        return Selector(FaceSelection(mode), 0, People((None,), wanted, LIMITS), again=3)

    def frame(index: int, first: int) -> list[Face]:
        there = [
            boxed(first, 0, 50 - index, degrees=40 + 3 * index),
            boxed(first + 1, 100, 30 + index, degrees=30 + index / 7),
        ]
        return there[index % 4 == 2 :]

    unbroken = made()
    for index in range(11):
        unbroken.choose(index, frame(index, 0))
        if index == 7:
            told = unbroken.snapshot()
    unbroken.start(told)
    continued = made()
    continued.start(json.loads(json.dumps(told)))
    for index in range(5, 20):
        one_way, other = (
            [(found.id, found.source, found.similarity) for found in selector.choose(index, frame(index, 10))]
            for selector in (unbroken, continued)
        )
        assert one_way == other
    assert unbroken.snapshot() == continued.snapshot()


@pytest.mark.parametrize("source", [None, 0])
@pytest.mark.parametrize("mode", ["one", "many"])
def test_who_was_chosen_is_so_in_frames_that_are_seen_again(mode: Any, source: int | None) -> None:
    """Also where no source is put anywhere; one who was not there then is nobody who was chosen."""
    selector = Selector(FaceSelection(mode), source, People(limits=LIMITS), again=3)
    for index in range(6):
        selector.choose(index, [boxed(1, 0, 50), boxed(2, 100, 40)])
    selector.start(stored(selector))
    for index in range(3, 8):
        found = selector.choose(index, [boxed(7, 101, 60), boxed(8, 1, 50), boxed(9, 400, 20)])
        chosen = {one.id for one in found if one.chosen}
        again = {8} if mode == "one" else {7, 8}
        assert chosen == (again if index < 6 or mode == "one" else {7, 8, 9})
        assert {one.id for one in found if one.source == 0} == (chosen if source == 0 else set())
