"""Several pictures of one person, made into one face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from roop_host.faces.likeness import check_comparable, unit
from roop_host.faces.ordering import turned_degrees
from roop_host.types.faces import Face
from roop_host.types.objects import SourceFace

Merge = Literal["mean", "median"]


def merged(pictures: Sequence[SourceFace], merge: Merge = "mean") -> SourceFace:
    """One person of at least one picture: the most frontal first, then the largest; ``others`` are the rest.

    Its embedding is the mean, or the median of each number, of all normalised embeddings, as long as the raw ones are on
    average: what reads raw vectors finds the scale it knows. Raises ``UsageError`` for embeddings of two recognisers.
    """
    first, *rest = sorted(pictures, key=lambda one: (turned_degrees(one.face), -one.face.area))
    if not rest:
        return first
    faces = [first.face, *(one.face for one in rest)]
    gender = next((face.gender for face in faces if face.gender is not None), None)
    age = next((face.age for face in faces if face.age is not None), None)
    face = replace(_with_embedding(faces, merge), gender=gender, age=age)
    return replace(first, face=face, others=tuple(rest))


def _with_embedding(faces: Sequence[Face], merge: Merge) -> Face:
    """The first face with the embedding of all."""
    import numpy as np

    known = [face for face in faces if face.embedding is not None]
    for face in known[1:]:
        check_comparable(known[0], face)
    if not known:
        return faces[0]
    raw = [np.asarray(face.embedding, np.float32) for face in known]
    units = np.stack([unit(vector) for vector in raw])
    middle = units.mean(0) if merge == "mean" else np.median(units, 0)
    length = np.float32(np.mean([np.linalg.norm(vector) for vector in raw]))
    embedding = (unit(middle) * length).astype(np.float32).reshape(raw[0].shape)
    return replace(faces[0], embedding=embedding, recogniser=known[0].recogniser)
