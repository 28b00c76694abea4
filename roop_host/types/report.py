"""What a job did: shown by every door, printed by ``--json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class StageTime:
    """Busy seconds of one stage and how many frames it handled."""

    name: str
    seconds: float
    frames: int


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What one screener saw, and the highest score of each stage.

    Of the pictures it really looked at ``looks``; ``reused`` were bit by bit what it had judged before; ``inherited`` were
    near enough to that, which only ``mode`` adaptive allows. Each counts once, also in a run that is continued.
    """

    screener: str
    distribution: str
    limit: float
    looks: int
    highest: Mapping[str, float]
    reused: int = 0
    inherited: int = 0
    mode: Literal["every", "adaptive"] = "every"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the gate stopped the job. ``frame`` and ``seconds`` are of the target, None of a source or a folder's pictures."""

    screener: str
    distribution: str
    stage: str
    picture: str
    frame: int | None
    seconds: float | None
    score: float
    limit: float


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An upload of ``file`` that went well: what the uploader told of it. ``code`` is the rows of a ``QrCode`` to show."""

    uploader: str
    file: str
    url: str | None
    details: Mapping[str, str]
    code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedUpload:
    """An upload of ``file`` that was tried and failed, and ``why``. Those that were not tried any more are not told so."""

    uploader: str
    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Person:
    """Whose face was put in how many frames, and how alike those were who got it to those looked for.

    ``references`` are who was looked for. Similarities are as ``FaceSelection`` counts, None where nobody was looked for or
    found.
    """

    name: str
    references: tuple[str, ...]
    frames: int
    mean_similarity: float | None = None
    best_similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that a step told of frames of the output, by ``Frame.measure``: how often, and what came together."""

    step: str
    name: str
    count: int
    mean: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a job. ``status`` is done, blocked, failed or interrupted.

    ``output`` is None unless it was written; ``beside`` are the files that were written beside it. ``frames`` are those of
    the output: ``frames_held`` of them show the picture of one before. ``frames_dropped`` of the target are not in it.
    Of ``seconds``, the first ``loading_seconds`` went until all that takes part was set up and the sources were read.
    ``source_type`` is None where nothing was changed, but only looked at. ``measures`` is what steps told of their work,
    ``refusal`` what a screener refused, ``finished`` what finishers say that they did. ``frames_with_face`` and
    ``frames_matched`` (a face that was asked for) count frames of the target. ``failed_uploads`` come in their order; where
    ``exit_code`` is 8, ``error`` tells of the first.
    """

    status: str = "failed"
    exit_code: int = 1
    error: str | None = None
    output: str | None = None
    beside: tuple[str, ...] = ()
    uploads: tuple[Uploaded, ...] = ()
    failed_uploads: tuple[FailedUpload, ...] = ()
    frames: int = 0
    frames_held: int = 0
    frames_dropped: int = 0
    frames_with_face: int = 0
    frames_matched: int = 0
    faces_changed: int = 0
    resumed_frames: int = 0
    people: tuple[Person, ...] = ()
    measures: tuple[Measure, ...] = ()
    seconds: float = 0.0
    loading_seconds: float = 0.0
    fps: float = 0.0
    encoder: str | None = None
    steps: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    models: tuple[Mapping[str, str], ...] = ()
    screening: tuple[Verdicts, ...] = ()
    refusal: Refusal | None = None
    source_type: str | None = None
    finished: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    stages: tuple[StageTime, ...] = ()
    job: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)
