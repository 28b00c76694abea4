"""Who is left out: by gender and age, as a network guesses them."""

from __future__ import annotations

from typing import Literal

from roop_host.types.faces import Face
from roop_host.types.job import FaceSelection

Gender = Literal["female", "male"]
_EVERYBODY = FaceSelection()


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


def passes(face: Face, selection: FaceSelection, source: Gender | None = None) -> bool:
    """Whether the filters let ``face`` stay. What is not known of it lets it fail a filter that asks for it."""
    if filters_gender(selection) and (face.gender is None or face.gender != wanted_gender(selection, source)):
        return False
    if not filters_age(selection):
        return True
    return face.age is not None and selection.age_start <= face.age <= selection.age_end
