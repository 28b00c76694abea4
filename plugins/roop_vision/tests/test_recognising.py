"""Vectors by a named recogniser are those that the analyser with that recogniser gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import insight_graphs as graphs
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Face, ModelError, UsageError
from roop_host.testing import context_of, frame_of
from roop_vision import models
from roop_vision.embeddings import cosine
from roop_vision.faces import FaceAnalyser
from roop_vision.models import ARCFACE, DLIB, W600K_R50, InsightModels
from roop_vision.options import VisionOptions
from roop_vision.recognising import Recogniser, recogniser_named

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def dlib() -> Recogniser:
    return recogniser_named(DLIB, context_of())


def face_of(bgr: Picture, backend: str, insight: InsightModels | None = None) -> Face:
    analyser = FaceAnalyser(insight)
    analyser.setup(context_of(VisionOptions(backend=backend)))  # type: ignore[arg-type]
    return analyser.analyse_picture(frame_of(bgr))[0]


def test_dlibs_vector_is_the_analysers(dlib: Recogniser, collins: Picture) -> None:
    face = face_of(collins, "dlib")
    assert face.embedding is not None
    (vector,) = dlib.vectors(frame_of(collins), [face])
    assert vector is not None
    assert np.array_equal(vector, face.embedding)
    assert dlib.name == face.recogniser


def test_arcfaces_vector_is_the_analysers(insight: InsightModels, collins: Picture) -> None:
    face = face_of(collins, "insightface", insight)
    assert face.embedding is not None
    arcface = recogniser_named(ARCFACE, context_of(), arcface=insight.recogniser)
    (vector,) = arcface.vectors(frame_of(collins), [face])
    assert vector is not None
    assert np.allclose(vector, face.embedding)
    assert arcface.name == face.recogniser


def test_a_picture_is_as_good_as_a_frame(dlib: Recogniser, insight: InsightModels, hopper: Picture) -> None:
    face = face_of(hopper, "embedded")
    for recogniser in (dlib, recogniser_named(ARCFACE, context_of(), arcface=insight.recogniser)):
        (vector,), other = recogniser.vectors(frame_of(hopper), [face]), recogniser.vector_of(hopper, face)
        assert vector is not None
        assert other is not None
        assert np.array_equal(vector, other)


def test_who_is_not_to_be_seen_has_no_vector_and_the_others_keep_their_places(
    dlib: Recogniser, collins: Picture, hopper: Picture
) -> None:
    both = np.concatenate([collins, hopper[:512]], 1)
    left, right = face_of(collins, "embedded"), face_of(hopper[:512], "embedded")
    assert right.mesh_468 is not None
    there = replace(right, mesh_468=right.mesh_468 + np.float32([512, 0, 0]))
    away = replace(right, mesh_468=right.mesh_468 + np.float32([5000, 0, 0]))
    none, first, outside, second = dlib.vectors(frame_of(both), [replace(left, mesh_468=None), left, away, there])
    assert none is None
    assert outside is None
    assert first is not None
    assert second is not None
    alone = [dlib.vector_of(*one) for one in ((collins, left), (hopper, right))]
    for vector, other in zip((first, second), alone, strict=True):
        assert other is not None
        assert cosine(vector, other) > 0.999


def test_arcface_tells_nothing_of_points_that_say_nothing(insight: InsightModels, collins: Picture) -> None:
    flat = replace(face_of(collins, "embedded"), landmarks_5=np.zeros((5, 2), np.float32))
    assert recogniser_named(ARCFACE, context_of(), arcface=insight.recogniser).vectors(frame_of(collins), [flat]) == [None]


def test_what_is_not_here_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="w600k_r50"):
        recogniser_named(ARCFACE, context_of(models=tmp_path))
    other = graphs.stored(W600K_R50, b"no graph", tmp_path)
    with pytest.raises(ModelError, match="w600k_r50"):
        recogniser_named(ARCFACE, context_of(), arcface=other)
    with pytest.raises(ValueError, match="no recogniser 'eigenfaces'"):
        recogniser_named("eigenfaces", context_of())
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"dlib_resnet_v1 needs two packages.*pip install 'roop-vision\[dlib\]'"):
        recogniser_named(DLIB, context_of())
