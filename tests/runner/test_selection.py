"""Who is swapped where faces come, go, and are missed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from roop_host import Face, FaceSelection
from roop_host.runner.matching import Wanted
from roop_host.runner.selection import People, Selector

NOBODY = None


def face(number: int) -> Face:
    """The lower the number, the larger the face."""
    side = 100.0 - number
    return Face(number, (0, 0, side, side), 0.9, np.zeros((5, 2), np.float32))


def swapped(*frames: tuple[int, ...]) -> list[int | None]:
    """The number of the one who is swapped in each frame, where these are there."""
    selector = Selector(FaceSelection("one"), 0)
    chosen = []
    for index, ids in enumerate(frames):
        sources = {one.id: one.source for one in selector.choose(index, [face(number) for number in ids])}
        assert set(sources) == set(ids)
        chosen.append(next((number for number, source in sources.items() if source == 0), NOBODY))
        assert sum(source is not None for source in sources.values()) <= 1
    return chosen


def test_the_largest_stays_chosen_when_a_larger_one_comes() -> None:
    assert swapped((5, 7), (5, 7), (1, 5, 7), (1, 5)) == [5, 5, 5, 5]


def test_a_missed_detection_moves_the_swap_to_nobody() -> None:
    for gap in (1, 2, 3, 40):
        assert swapped((0, 1), *[(1,)] * gap, (0, 1), (0, 1)) == [0, *[NOBODY] * gap, 0, 0]


def test_one_who_is_gone_is_followed_by_another_when_nobody_waits_any_more() -> None:
    assert swapped((0, 1, 2), *[(1, 2)] * 77) == [0, *[NOBODY] * 75, 1, 1]


def test_at_a_cut_nobody_is_seen_with_his_own_face() -> None:
    assert swapped((0, 1), (2, 3), (2, 3)) == [0, 2, 2]
    assert swapped((0,), (1,), (2,), (3, 4), (4,), (3, 4)) == [0, 1, 2, 3, NOBODY, 3]


def test_somebody_new_while_the_chosen_one_is_missed_is_left_again() -> None:
    assert swapped((0,), (1,), (0, 1), (0, 1)) == [0, 1, 0, 0]
    assert swapped((0,), (), (1,), (0, 1), (0, 1)) == [0, NOBODY, 1, 0, 0]


def test_who_took_over_at_a_cut_keeps_the_place_in_the_end() -> None:
    assert swapped((0,), *[(1,)] * 5, (0, 1)) == [0, *[1] * 5, 1]


def test_a_chosen_one_who_changes_his_number_is_taken_at_once_where_he_is_alone() -> None:
    assert swapped((0,), (), (), (), (4,), (4,)) == [0, NOBODY, NOBODY, NOBODY, 4, 4]
    assert swapped((0,), (), (4,)) == [0, NOBODY, 4]


def test_somebody_known_who_was_away_is_no_cut() -> None:
    assert swapped((0, 1), (0,), (1,), (0, 1)) == [0, 0, NOBODY, 0]


def test_where_no_frame_is_seen_again_a_segment_begins_with_nobody_chosen() -> None:
    selector = Selector(FaceSelection("one"), 0)
    selector.choose(0, [face(0), face(1)])
    selector.start(selector.snapshot())
    assert [one.source for one in selector.choose(1, [face(1)])] == [0]


def test_many_are_all_of_them() -> None:
    selector = Selector(FaceSelection("many"), 0)
    assert [(one.id, one.source) for one in selector.choose(0, [face(2), face(1)])] == [(1, 0), (2, 0)]
    assert selector.choose(1, []) == ()


def test_who_is_asked_for_is_chosen_also_where_nobody_is_put_there() -> None:
    """The largest, the third from the left, or all."""
    faces = [face(number) for number in (2, 0, 1)]

    def chosen(source: int | None, **selection: Any) -> list[int]:
        found = Selector(FaceSelection(**selection), source).choose(0, faces)
        assert all(one.source == (source if one.chosen else None) for one in found)
        return [one.id for one in found if one.chosen]

    for source in (None, 0):
        assert chosen(source, mode="one") == [0]
        assert chosen(source, mode="one", order="small-large") == [2]
        assert chosen(source, mode="one", position=2) == [2]
        assert chosen(source, mode="one", position=3) == []
        assert chosen(source, mode="many") == [0, 1, 2]


def test_who_is_filtered_out_is_not_chosen() -> None:
    faces = [replace(face(0), gender="male"), replace(face(1), gender="female")]
    found = Selector(FaceSelection("many", gender="female"), None).choose(0, faces)
    assert [(one.id, one.chosen) for one in found] == [(0, False), (1, True)]


def test_who_looks_like_the_reference_is_chosen() -> None:
    def looking(number: int, x: float) -> Face:
        return replace(face(number), embedding=np.array([x, 1], np.float32), recogniser="r")

    people = People((None,), (Wanted("anna", 0, looking(9, 0)),), {"r": 0.6})
    found = Selector(FaceSelection("reference"), 0, people).choose(0, [looking(0, 5), looking(1, 0.1)])
    assert [(one.id, one.chosen, one.source) for one in found] == [(0, False, None), (1, True, 0)]
    nobody = replace(people, wanted=(replace(people.wanted[0], source=None),))
    selector = Selector(FaceSelection("reference"), None, nobody, again=1)
    for _ in range(2):  # the second time it is seen again
        found = selector.choose(0, [looking(0, 5), looking(1, 0.1)])
        assert [(one.id, one.chosen, one.source) for one in found] == [(0, False, None), (1, True, None)]
        assert found[1].similarity is not None


def test_a_source_that_is_set_is_a_choice_unless_it_is_said() -> None:
    assert not face(0).chosen
    assert face(0).with_source(0, 0.7).chosen
    assert not face(0).with_source(0).with_source(None).chosen
    assert face(0).with_source(None, chosen=True).chosen
