"""Entry point of the plugin ``vision``: declares the embedded analyser; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from roop_host import AnalyserSpec, hookimpl
from roop_vision.embedded import BLAZEFACE_FULL, BLAZEFACE_SHORT, FACEMESH
from roop_vision.options import VisionOptions

if TYPE_CHECKING:
    from roop_host import Analyser

ROOP_API = 1
ROOP_OPTIONS = VisionOptions


def _load() -> Callable[[], Analyser]:
    from roop_vision.analyser import EmbeddedAnalyser

    return EmbeddedAnalyser


@hookimpl
def roop_analysers() -> Iterable[AnalyserSpec]:
    """Faces, dense landmarks and tracks, with weights that are part of this package."""
    yield AnalyserSpec(
        name="embedded",
        summary="Finds and follows faces (BlazeFace and FaceMesh, no download)",
        load=_load,
        models=(BLAZEFACE_SHORT, BLAZEFACE_FULL, FACEMESH),
        warmup=8,
    )
