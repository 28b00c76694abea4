"""Entry point of the plugin ``vision``: declares the analyser and its networks; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from roop_host import AnalyserSpec, Choice, ModelSpec, hookimpl
from roop_vision.models import (
    ARCFACE,
    AS_LIKELY,
    BLAZEFACE_FULL,
    BLAZEFACE_SHORT,
    DET_10G,
    DLIB,
    DLIB_RESNET,
    FACEMESH,
    GENDER_AGE,
    LANDMARKS_68,
    LANDMARKS_106,
    W600K_R50,
    dlib_installed,
)
from roop_vision.options import VisionOptions

if TYPE_CHECKING:
    from roop_host import Analyser

ROOP_API = 1
ROOP_OPTIONS = VisionOptions


def _load() -> Callable[[], Analyser]:
    from roop_vision.faces import FaceAnalyser

    return FaceAnalyser


def _backends() -> Iterable[Choice]:
    """Of what gives all that the steps need, the one that needs no download comes first."""
    yield _backend("embedded", BLAZEFACE_SHORT, BLAZEFACE_FULL)
    if dlib_installed():
        yield _backend("dlib", BLAZEFACE_SHORT, BLAZEFACE_FULL, DLIB_RESNET, recogniser=DLIB)
    yield _backend("insightface", DET_10G, W600K_R50, recogniser=ARCFACE)


def _backend(value: str, *models: ModelSpec, recogniser: str = "") -> Choice:
    gives = {"mesh_468", "yaw_degrees", "pose_degrees"}
    if recogniser:
        gives |= {"embedding", f"embedding:{recogniser}"}
    return Choice(option="backend", value=value, models=models, gives=frozenset(gives))


def _detail(value: str, model: ModelSpec, *, gives: Iterable[str]) -> Choice:
    # With any of them ``auto`` is the backend that has ArcFace: the same whose networks these are.
    needs = frozenset({f"embedding:{ARCFACE}"})
    return Choice(option="details", value=value, models=(model,), needs=needs, gives=frozenset(gives))


@hookimpl
def roop_analysers() -> Iterable[AnalyserSpec]:
    """Faces, dense landmarks and tracks; with dlib's or InsightFace's networks also who is who."""
    backends = tuple(_backends())
    given = {name for choice in backends for name in choice.gives}
    yield AnalyserSpec(
        name="faces",
        summary="Finds and follows faces: BlazeFace, FaceMesh and dlib (no download), or InsightFace's SCRFD and ArcFace",
        load=_load,
        models=(FACEMESH,),
        choices=(
            *backends,
            _detail("gender_age", GENDER_AGE, gives={"gender", "age"}),
            _detail("pose", LANDMARKS_68, gives={"pose_degrees", "landmarks_68"}),
            _detail("landmarks_106", LANDMARKS_106, gives={"landmarks_106"}),
        ),
        recognisers={name: cosine for name, cosine in AS_LIKELY.items() if f"embedding:{name}" in given},
        warmup=8,
    )
