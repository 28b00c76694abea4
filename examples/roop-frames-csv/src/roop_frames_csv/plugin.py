"""What the plugin declares. Light: everything heavy is imported by a record's ``load``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from roop_host import ExporterSpec, hookimpl, option

if TYPE_CHECKING:
    from roop_host import Sidecar

ROOP_API = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is written of a frame."""

    rows: Literal["faces", "frames"] = option("faces", "A row for each face of each frame, or one for each frame.")
    landmarks: bool = option(False, "With faces: also where eyes, nose and corners of the mouth are.")

    def __post_init__(self) -> None:
        if self.landmarks and self.rows == "frames":
            raise ValueError("landmarks belong to faces; leave out --frames-csv-landmarks, or say --frames-csv-rows faces")


ROOP_OPTIONS = Options


def _load() -> Callable[[], Sidecar]:
    from roop_frames_csv.exporter import FramesCsv

    return FramesCsv


@hookimpl
def roop_exporters() -> Iterable[ExporterSpec]:
    """``--export frames-csv`` writes ``out.frames.csv`` beside ``out.mp4``."""
    yield ExporterSpec(
        name="frames-csv",
        summary="Faces and times of every frame as CSV",
        role="sidecar",
        suffixes=(".frames.csv",),
        load=_load,
    )
