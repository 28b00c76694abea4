"""Entry point of the plugin ``vision``: declares the analyser and its networks; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from roop_host import AnalyserSpec, Choice, ModelSpec, hookimpl
from roop_vision.models import (
    ARCFACE,
    BLAZEFACE_FULL,
    BLAZEFACE_SHORT,
    DET_10G,
    FACEMESH,
    GENDER_AGE,
    LANDMARKS_68,
    LANDMARKS_106,
    W600K_R50,
)
from roop_vision.options import VisionOptions

if TYPE_CHECKING:
    from roop_host import Analyser

ROOP_API = 1
ROOP_OPTIONS = VisionOptions


def _load() -> Callable[[], Analyser]:
    from roop_vision.faces import FaceAnalyser

    return FaceAnalyser


def _backend(value: str, *models: ModelSpec, gives: Iterable[str]) -> Choice:
    return Choice(option="backend", value=value, models=models, gives=frozenset(gives))


def _detail(value: str, model: ModelSpec, *, gives: Iterable[str]) -> Choice:
    # With any of them ``auto`` is the backend that has embeddings: the same whose networks these are.
    return Choice(option="details", value=value, models=(model,), needs=frozenset({"embedding"}), gives=frozenset(gives))


@hookimpl
def roop_analysers() -> Iterable[AnalyserSpec]:
    """Faces, dense landmarks and tracks; with InsightFace's networks also who is who."""
    yield AnalyserSpec(
        name="faces",
        summary="Finds and follows faces: BlazeFace and FaceMesh (no download), or SCRFD and ArcFace (insightface)",
        load=_load,
        models=(FACEMESH,),
        # Of what gives all that the steps need, the one that needs no download comes first.
        choices=(
            _backend("embedded", BLAZEFACE_SHORT, BLAZEFACE_FULL, gives={"mesh_468", "yaw_degrees"}),
            _backend(
                "insightface", DET_10G, W600K_R50, gives={"mesh_468", "yaw_degrees", "embedding", f"embedding:{ARCFACE}"}
            ),
            _detail("gender_age", GENDER_AGE, gives={"gender", "age"}),
            _detail("pose", LANDMARKS_68, gives={"pose_degrees", "landmarks_68"}),
            _detail("landmarks_106", LANDMARKS_106, gives={"landmarks_106"}),
        ),
        warmup=8,
    )
