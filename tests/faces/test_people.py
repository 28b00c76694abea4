"""Faces in order, compared, merged, and left out by what a network guesses."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import face, person

from roop_host import AnalyserSpec, FaceSelection, UsageError
from roop_host.faces.filters import Steady, wanted_gender
from roop_host.faces.likeness import of_cosine, of_cosines, similarity
from roop_host.faces.merging import merged
from roop_host.faces.ordering import ordered

FACES = (
    face(0, box=(0, 50, 10, 60), score=0.5, yaw_degrees=-3),
    face(1, box=(40, 0, 70, 30), score=0.9, yaw_degrees=30),
    face(2, box=(20, 20, 40, 40), score=0.7, pose_degrees=(2, 1, 80)),
    face(3, box=(80, 80, 84, 84), score=0.6),
)


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("large-small", [1, 2, 0, 3]),
        ("small-large", [3, 0, 2, 1]),
        ("left-right", [0, 2, 1, 3]),
        ("right-left", [3, 1, 2, 0]),
        ("top-bottom", [1, 2, 0, 3]),
        ("bottom-top", [3, 0, 2, 1]),
        ("best-worst", [1, 2, 3, 0]),
        ("worst-best", [0, 3, 2, 1]),
        ("frontal", [2, 0, 1, 3]),
    ],
)
def test_faces_are_counted_in_any_order(order: Any, ids: list[int]) -> None:
    assert [one.id for one in ordered(FACES, order)] == ids


@given(limit=st.floats(0.01, 0.99), one=st.floats(-1, 1), other=st.floats(-1, 1))
def test_similarity_grows_with_the_cosine_and_is_a_half_at_the_limit(limit: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= of_cosine(low, limit) <= of_cosine(high, limit) <= 1
    assert of_cosine(limit, limit) == 0.5
    assert of_cosine(1, limit) == pytest.approx(1)
    assert of_cosine(0, limit) == 0


@pytest.mark.parametrize("limit", [0.3, 0.4, 0.92])
def test_many_cosines_are_what_each_is(limit: float) -> None:
    cosines = np.linspace(-1, 1, 41)
    assert np.allclose(of_cosines(cosines, limit), [of_cosine(float(cosine), limit) for cosine in cosines])


def test_faces_are_as_alike_as_their_recogniser_says() -> None:
    one, other = face(embedding=(2, 0)), face(embedding=(3, 4))  # a cosine of 0.6
    assert similarity(one, other, {"colours": 0.6}) == pytest.approx(0.5)
    assert similarity(one, other, {"colours": 0.2}) == pytest.approx(0.75)
    assert similarity(one, other, {"another": 0.6}) == pytest.approx(0.5 + 0.5 / 3)
    assert similarity(one, face(), {}) is None


@pytest.mark.parametrize("numbers", [(1, 0), (1, 0, 0)])
def test_embeddings_of_two_recognisers_are_not_compared(numbers: tuple[float, ...]) -> None:
    from dataclasses import replace

    one = face(embedding=(1, 0))
    other = face(embedding=numbers) if len(numbers) == 3 else replace(face(embedding=numbers), recogniser="another")
    with pytest.raises(UsageError, match="can't be compared"):
        similarity(one, other, {})
    with pytest.raises(UsageError, match="can't be compared"):
        merged([person("a", one), person("b", other)])


def test_pictures_of_one_person_become_one_the_best_posed_first() -> None:
    side = person("side", face(embedding=(10, 0), yaw_degrees=40, box=(0, 0, 30, 30), gender="male"))
    small = person("small", face(embedding=(0, 20), yaw_degrees=1, box=(0, 0, 5, 5)))
    large = person("large", face(embedding=(0, 20), yaw_degrees=1, box=(0, 0, 20, 20), age=30.0))
    one = merged([side, small, large])
    assert (one.name, [other.name for other in one.others]) == ("large", ["small", "side"])
    assert (one.face.gender, one.face.age, one.face.recogniser) == ("male", 30.0, "colours")
    assert one.face.embedding is not None
    # As long as the raw ones on average, in the middle of the normalised ones: not drawn to the longest.
    assert np.linalg.norm(one.face.embedding) == pytest.approx(50 / 3)
    assert one.face.embedding[1] / one.face.embedding[0] == pytest.approx(2)
    median = merged([side, small, large], "median").face.embedding
    assert median is not None
    assert np.allclose(median, (0, 50 / 3))
    assert one.others[0].face.embedding is not None
    assert tuple(one.others[0].face.embedding) == (0, 20)


def test_one_picture_is_left_as_it_is_and_unknown_embeddings_count_nothing() -> None:
    only = person("only", face(embedding=(1, 2)))
    assert merged([only]) is only
    both = merged([person("blind", face(yaw_degrees=0)), person("seen", face(embedding=(3, 4), yaw_degrees=9))])
    assert both.name == "blind"
    assert both.face.embedding is not None
    assert np.allclose(both.face.embedding, (3, 4))


Gender = Literal["female", "male"]


def passing(selection: FaceSelection, guesses: list[dict[str, Any]], source: Gender | None = None) -> list[bool]:
    steady = Steady(selection)
    out = []
    for guess in guesses:
        steady.look([face(4, **guess)])
        out.append(steady.passes(4, source))
    return out


def test_one_odd_guess_of_a_gender_changes_nothing() -> None:
    women = FaceSelection(gender="female")
    f, m, unknown = {"gender": "female"}, {"gender": "male"}, dict[str, Any]()
    assert passing(women, [f, m, f, m, m, unknown]) == [True] * 6
    assert passing(women, [m, f, f, f]) == [False, False, False, True]
    assert passing(women, [f, m, m, m, m]) == [True, True, True, False, False]
    assert passing(women, [unknown, f]) == [False, True]


def test_the_gender_may_be_that_of_the_source() -> None:
    same = FaceSelection(gender="source")
    assert passing(same, [{"gender": "male"}], "male") == [True]
    assert passing(same, [{"gender": "male"}], "female") == [False]
    assert passing(same, [{"gender": "male"}], None) == [False]
    assert wanted_gender(FaceSelection(), "male") is None


def test_an_age_at_the_limit_does_not_flicker() -> None:
    grown = FaceSelection(age_start=18)
    assert passing(grown, [{"age": 19.0}, {"age": 16.0}, {"age": 17.0}]) == [True] * 3
    assert passing(grown, [{"age": 17.0}, {"age": 20.0}, {"age": 19.0}]) == [False] * 3
    assert passing(grown, [{"age": 19.0}, {"age": 5.0}]) == [True, False]
    assert passing(FaceSelection(age_start=20, age_end=24), [{"age": 19.0}, {"age": 24.0}]) == [False, True]
    assert passing(grown, [{}]) == [False]
    assert passing(FaceSelection(), [{}]) == [True]


@pytest.mark.parametrize("limits", [{"a": 0}, {"a": 1.0}, {"a": "x"}, ["a"]])
def test_a_recognisers_limit_is_a_cosine_between_strangers_and_one_person(limits: Any) -> None:
    with pytest.raises(ValueError, match="recognisers are names and cosines"):
        AnalyserSpec(name="eyes", summary="", load=lambda: pytest.fail("loaded"), recognisers=limits)
