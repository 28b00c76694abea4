"""dlib's recogniser with its real weights, from the package registry: who is who, and how long it is remembered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Face, Host, Job, Look, ModelError, Segment, UsageError
from roop_host.testing import context_of, frame_of
from roop_vision import dlib_recogniser, models
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.dlib_recogniser import DlibRecogniser
from roop_vision.embeddings import cosine
from roop_vision.faces import FaceAnalyser
from roop_vision.models import AS_LIKELY, DLIB, DLIB_RESNET
from roop_vision.options import VisionOptions
from roop_vision.plugin import roop_analysers

Picture = NDArray[np.uint8]
OPTIONS = VisionOptions(backend="dlib", detect_every=4)


@pytest.fixture(scope="module")
def seeing() -> FaceAnalyser:
    analyser = FaceAnalyser()
    analyser.setup(context_of(OPTIONS))
    return analyser


def only(faces: object) -> Face:
    (face,) = faces  # type: ignore[misc]
    return face


def vector(face: Face) -> NDArray[np.float32]:
    assert face.recogniser == DLIB == "dlib_resnet_v1"
    assert face.embedding is not None
    return face.embedding


def test_people_are_told_apart(seeing: FaceAnalyser, collins: Picture, hopper: Picture) -> None:
    """Smaller, turned, lying, darker: the same; another one: not."""
    first, other = (vector(only(seeing.analyse_picture(frame_of(bgr)))) for bgr in (collins, hopper))
    assert first.shape == (128,)
    assert first.dtype == np.float32
    assert not first.flags.writeable
    tilted = cv2.warpAffine(collins, cv2.getRotationMatrix2D((224, 120), 20, 0.8), (512, 512))
    lying = np.ascontiguousarray(np.rot90(collins))
    for bgr in (cv2.resize(collins, (300, 300)), tilted, lying, cv2.convertScaleAbs(collins, alpha=0.6)):
        assert cosine(vector(only(seeing.analyse_picture(frame_of(np.asarray(bgr, np.uint8))))), first) > 0.96
    assert cosine(first, other) < AS_LIKELY[DLIB]


def test_the_crop_is_dlibs_own(seeing: FaceAnalyser, collins: Picture) -> None:
    """On a large picture: dlib rounds the points to whole pixels."""
    large = np.asarray(cv2.resize(collins, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), np.uint8)
    mesh = only(seeing.analyse_picture(frame_of(large))).mesh_468
    assert mesh is not None
    points = [dlib.point(*np.rint(mesh[vertex, :2]).astype(int).tolist()) for vertex in (263, 362, 33, 133, 2)]
    face = dlib.full_object_detection(dlib.rectangle(0, 0, 1, 1), points)
    theirs = dlib.get_face_chip(np.ascontiguousarray(large[..., ::-1]), face, size=150, padding=0.25)[..., ::-1]
    ours = DlibRecogniser(context_of().sessions).chip(frame_of(large), mesh)
    assert ours is not None
    assert np.abs(ours.astype(float) - theirs).mean() < 3.3  # off by half a pixel it is 4.5


def test_a_track_bears_the_mean_of_its_first_embeddings(
    monkeypatch: pytest.MonkeyPatch, seeing: FaceAnalyser, collins: Picture, hopper: Picture
) -> None:
    """One when it begins and one at each search, up to five; of another person, after a cut, from anew."""
    made = []
    real = DlibRecogniser.embedding
    monkeypatch.setattr(DlibRecogniser, "embedding", lambda *args: made.append(real(*args)) or made[-1])
    seeing.start(Segment(0, 0, 250))
    rng = np.random.default_rng(5)
    count = []
    for k in range(26):
        grainy = np.clip(collins + rng.normal(0, 6, collins.shape), 0, 255).astype(np.uint8)
        known = vector(only(seeing.analyse(frame_of(grainy, k))))
        assert np.allclose(known, np.mean(made, axis=0), atol=1e-5), k
        count.append(len(made))
    assert count == [min(5, 1 + k // 4) for k in range(26)]
    face = only(seeing.analyse(frame_of(np.ascontiguousarray(hopper[:512]), 26)))
    assert face.id == 1
    assert np.allclose(vector(face), made[-1])
    assert cosine(vector(face), known) < AS_LIKELY[DLIB]


def test_the_weights_are_declared() -> None:
    """So ``roop models`` lists and verifies them."""
    (spec,) = roop_analysers()
    (dlib_choice,) = [choice for choice in spec.choices if choice.value == "dlib"]
    assert DLIB_RESNET in dlib_choice.models


def test_the_report_of_a_job_names_the_weights(collins: Picture, tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    cv2.imwrite(str(picture), collins)
    for backend, named in (("dlib", True), ("embedded", False)):
        with Host() as host:
            seen = host.look(Job((), str(picture), "unused", (), plugin_options={"vision": {"backend": backend}}), Look())
        found = {model["name"]: model["sha256"] for model in seen.report.models}
        assert (found.get(DLIB_RESNET.name) == DLIB_RESNET.sha256) is named


def test_without_a_recogniser_nobody_is_told_apart(analyser: EmbeddedAnalyser, collins: Picture) -> None:
    face = only(analyser.analyse_picture(frame_of(collins)))
    assert (face.embedding, face.recogniser) == (None, None)


def test_where_the_packages_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice is not offered, ``auto`` goes past it, and who asks for it is told what to install."""
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    (spec,) = roop_analysers()
    assert [choice.value for choice in spec.choices if choice.option == "backend"] == ["embedded", "insightface"]
    assert set(spec.recognisers) == {"arcface_w600k_r50"}
    with pytest.raises(ValueError, match=r"pip install 'roop-vision\[dlib\]'"):
        VisionOptions(backend="dlib")


@pytest.mark.parametrize("what", ["changed", "shorter", "missing"])
def test_weights_that_are_not_the_known_ones_are_not_loaded(
    what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "weights.dat"
    if what != "missing":
        path.write_bytes(bytes(DLIB_RESNET.size - (what == "shorter")))
    monkeypatch.setattr(dlib_recogniser, "DLIB_RESNET", replace(DLIB_RESNET, path=lambda: path))
    with pytest.raises(ModelError, match=r"dlib_face_recognition_resnet_model_v1 .*install its package again"):
        DlibRecogniser(context_of().sessions)


def test_details_of_another_backend_are_refused() -> None:
    with pytest.raises(ValueError, match="insightface, not dlib"):
        VisionOptions(backend="dlib", details=("pose",))
    with pytest.raises(UsageError):
        FaceAnalyser().setup(context_of(VisionOptions(details=("pose",))))
