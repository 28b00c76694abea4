"""Who looks like whom: one to one, steady, and found again."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from people import face

from roop_host import Face, FaceSelection, UsageError
from roop_host.runner.matching import Wanted
from roop_host.runner.selection import People, Selector

LIMITS = {"colours": 0.5}
#: Angles between embeddings in one plane: the cosine of 60 degrees is the limit.
ANNA, BOB = 0.0, 90.0


def at(degrees: float) -> tuple[float, float]:
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def known(number: int, degrees: float | None, **more: object) -> Face:
    return replace(face(number, None if degrees is None else at(degrees)), **more)  # type: ignore[arg-type]


def looking_for(*wanted: float, similarity: float = 0.5, **more: object) -> Selector:
    people = tuple(Wanted(str(degrees), number, known(0, degrees)) for number, degrees in enumerate(wanted))
    selection = FaceSelection("reference", similarity=similarity, **more)  # type: ignore[arg-type]
    return Selector(selection, 0, People((None,) * len(wanted), people, LIMITS))


_INDEX = itertools.count()


def found(selector: Selector, *faces: Face) -> dict[int, int]:
    """Track to source, of those who are swapped in the next frame."""
    return {one.id: one.source for one in selector.choose(next(_INDEX), faces) if one.source is not None}


def test_each_gets_the_face_of_the_one_he_looks_like() -> None:
    selector = looking_for(ANNA, BOB)
    assert found(selector, known(1, 80), known(2, 10), known(3, -150)) == {1: 1, 2: 0}


def test_it_is_told_how_alike_they_are() -> None:
    (one,) = looking_for(ANNA).choose(0, [known(1, 0)])
    assert (one.source, one.similarity) == (0, pytest.approx(1.0))
    (other,) = looking_for(ANNA).choose(0, [known(1, 59)])
    assert 0.5 < (other.similarity or 0) < 0.52
    (none,) = looking_for(ANNA).choose(0, [known(1, 61)])
    assert (none.source, none.similarity) == (None, None)


def test_all_together_are_as_alike_as_can_be() -> None:
    # 40 is nearer to Anna than to Bob, but then -20 would be nobody, and 40 can be Bob.
    selector = looking_for(ANNA, BOB)
    assert found(selector, known(1, 40), known(2, -20)) == {1: 1, 2: 0}
    # The nearest of both is taken once.
    assert found(looking_for(ANNA), known(1, 20), known(2, 10)) == {2: 0}


def test_who_was_found_stays_down_to_a_lower_limit() -> None:
    selector = looking_for(ANNA)
    assert found(selector, known(1, 50)) == {1: 0}
    for _ in range(30):  # the mean of all frames comes near 65 degrees: a similarity of 0.42
        assert found(selector, known(1, 65.5)) == {1: 0}
    assert found(looking_for(ANNA), known(1, 65)) == {}
    for _ in range(60):
        last = found(selector, known(1, 100))
    assert last == {}


def test_two_who_are_alike_do_not_take_turns() -> None:
    selector = looking_for(ANNA)
    assert found(selector, known(1, 20), known(2, 22)) == {1: 0}
    for _ in range(20):
        assert found(selector, known(1, 24), known(2, 18)) == {1: 0}


def test_one_who_looks_much_more_like_it_takes_over() -> None:
    selector = looking_for(ANNA)
    assert found(selector, known(1, 50)) == {1: 0}
    assert found(selector, known(1, 50), known(2, 5)) == {2: 0}


def test_a_face_without_embedding_stays_who_it_was() -> None:
    selector = looking_for(ANNA)
    assert found(selector, known(1, None)) == {}
    assert found(selector, known(1, 10)) == {1: 0}
    assert found(selector, known(1, None)) == {1: 0}


def test_a_missed_face_gives_its_place_to_nobody_who_was_beside_it() -> None:
    selector = looking_for(ANNA)
    assert found(selector, known(1, 5), known(2, 40)) == {1: 0}
    for _ in range(3):
        assert found(selector, known(2, 40)) == {}
    assert found(selector, known(1, 5), known(2, 40)) == {1: 0}
    for _ in range(3):
        assert found(selector, known(2, 40)) == {}
    assert found(selector, known(2, 40)) == {2: 0}


def test_somebody_with_a_new_number_is_found_at_once() -> None:
    selector = looking_for(ANNA)
    assert found(selector, known(1, 5), known(2, 120)) == {1: 0}
    assert found(selector, known(7, 8), known(2, 120)) == {7: 0}


def test_a_segment_begins_anew() -> None:
    selector = looking_for(ANNA)
    assert found(selector, known(1, 5)) == {1: 0}
    selector.start()
    assert found(selector, known(1, 65)) == {}


def test_a_higher_similarity_is_stricter() -> None:
    assert found(looking_for(ANNA, similarity=0.9), known(1, 40)) == {}
    assert found(looking_for(ANNA, similarity=0.3), known(1, 65)) == {1: 0}


def test_filters_hold_for_who_is_looked_for() -> None:
    selector = looking_for(ANNA, gender="female")
    assert found(selector, known(1, 5, gender="male")) == {}
    assert found(selector, known(2, 5, gender="female")) == {2: 0}


def test_another_recogniser_is_never_compared() -> None:
    with pytest.raises(UsageError, match="can't be compared"):
        looking_for(ANNA).choose(0, [known(1, 5, recogniser="another")])


def test_the_many_and_the_one_are_filtered() -> None:
    faces = [known(1, None, gender="male", box_xyxy=(0, 0, 90, 90)), known(2, None, gender="female"), known(3, None)]
    for mode in ("many", "one"):
        assert found(Selector(FaceSelection(mode, gender="female"), 0), *faces) == {2: 0}  # type: ignore[arg-type]
    assert found(Selector(FaceSelection("many", gender="source"), 0, People(("male",))), *faces) == {1: 0}


def boxed(number: int, x0: float, side: float, **more: object) -> Face:
    return replace(face(number, box=(x0, 0, x0 + side, side)), **more)  # type: ignore[arg-type]


def test_the_one_at_a_position_of_an_order() -> None:
    faces = [boxed(1, 0, 30), boxed(2, 100, 50), boxed(3, 200, 40)]
    for order, position, number in (
        ("left-right", 0, 1),
        ("right-left", 1, 2),
        ("large-small", 1, 3),
        ("small-large", 0, 1),
    ):
        selector = Selector(FaceSelection("one", order=order, position=position), 0)  # type: ignore[arg-type]
        assert found(selector, *faces) == {number: 0}
    assert found(Selector(FaceSelection("one", position=3), 0), *faces) == {}


def test_who_was_chosen_stays_where_two_are_nearly_as_large() -> None:
    selector = Selector(FaceSelection("one"), 0)
    for step in range(20):
        assert found(selector, boxed(1, 0, 50 - step % 3), boxed(2, 100, 49 + step % 2)) == {1: 0}


def test_who_comes_back_with_a_new_number_is_the_same_by_place_or_by_looks() -> None:
    selector = Selector(FaceSelection("one"), 0)
    assert found(selector, boxed(1, 0, 50), boxed(2, 100, 49)) == {1: 0}
    assert found(selector, boxed(2, 100, 51)) == {}
    assert found(selector, boxed(3, 4, 48), boxed(2, 100, 51)) == {3: 0}
    # Long after, and elsewhere: only looks tell.
    looks = {"embedding": np.array(at(3), np.float32), "recogniser": "colours"}
    other = {"embedding": np.array(at(90), np.float32), "recogniser": "colours"}
    selector = Selector(FaceSelection("one"), 0, People(limits=LIMITS))
    assert found(selector, boxed(1, 0, 50, **looks)) == {1: 0}
    for _ in range(20):
        assert found(selector) == {}
    assert found(selector, boxed(5, 0, 60, **other), boxed(6, 200, 20, **looks)) == {6: 0}
