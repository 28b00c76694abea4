"""What an object is told when a job begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roop_host.types.job import Job
    from roop_host.types.objects import SourceFace


@dataclass(frozen=True, slots=True)
class JobContext:
    """What an object may know of a job: the job itself, the source faces, and the upright size of the target.

    Of a folder of pictures or a TIFF of pages that is the size of the first, and ``pictures`` has the name and the upright
    width and height of each: what could not be done for one of them is told before any work. An ``InputError`` that is
    raised for one picture of a folder leaves that one out where ``--salvage`` was said. ``media_type`` is what the output's
    name asks for: "video/mp4".
    Where ``Host.upload`` sends what exists already, nothing of this is known but the job's options and the media type of the
    files, which is empty where they are of several; the size is 0.
    """

    job: Job
    sources: tuple[SourceFace, ...]
    width: int
    height: int
    pictures: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    media_type: str = ""
