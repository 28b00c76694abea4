"""The objects behind the specs: small base classes with no-op defaults. The least processor is one method."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from roop_host.errors import Interrupted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from roop_host.types.faces import Face
    from roop_host.types.frame import Frame, FrameView
    from roop_host.types.job import Job
    from roop_host.types.specs import ModelSpec
    from roop_host.types.window import Segment, Window

#: A screener's answer for one picture: a finite number in 0..1, higher is worse.
Score = float
_Options = TypeVar("_Options")


class Stage(Enum):
    """Where in the stream a picture is looked at."""

    SOURCE = "source"
    TARGET = "target"
    OUTPUT = "output"


class Session(Protocol):
    """A loaded, tried-out network."""

    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    provider: str

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in the graph's order."""
        ...


class Sessions(Protocol):
    """The only place that makes sessions."""

    def open(self, model: ModelSpec, *, threads: int | None = None) -> Session:
        """Verify, load and try out ``model``. ``threads`` asks for fewer than the job's. Raises ``ModelError``."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What an object is given in ``setup``. ``options`` is an instance of the plugin's options class."""

    options: Any
    sessions: Sessions
    device: str
    threads: int
    log: logging.Logger
    cancel: threading.Event

    def options_as(self, kind: type[_Options]) -> _Options:
        """``options``, checked to be of ``kind``."""
        if not isinstance(self.options, kind):
            raise TypeError(f"options are {type(self.options).__name__}, not {kind.__name__}")
        return self.options

    def check_cancel(self) -> None:
        """Raise ``Interrupted`` when the job was cancelled; for long loops in a plugin."""
        if self.cancel.is_set():
            raise Interrupted("stopped on request")


@dataclass(frozen=True, slots=True, eq=False)
class SourceFace:
    """A face of a source picture. ``bgr`` is the whole picture, uint8 ``(H, W, 3)``, read-only; ``face`` lies in it."""

    name: str
    bgr: NDArray[np.uint8]
    face: Face


@dataclass(frozen=True, slots=True)
class JobContext:
    """What an object may know of a job: the job itself, the source faces, and the upright size of the target."""

    job: Job
    sources: tuple[SourceFace, ...]
    width: int
    height: int


class StageObject:
    """Life: ``setup`` once, then per job ``begin``, per segment ``start``, calls, ``end``; at last ``teardown``.

    ``teardown`` is called even after a failed ``setup``. ``start`` and the calls on frames come from the stage's thread, the
    rest from the thread that runs the job; never two at a time.
    """

    def setup(self, ctx: Context) -> None:
        """Load models. May take long."""

    def begin(self, job: JobContext) -> None:
        """A job begins: prepare what depends on its sources."""

    def start(self, segment: Segment) -> None:
        """Forget everything learnt from earlier frames of the job."""

    def end(self) -> None:
        """The job is over, well or not; drop what ``begin`` made."""

    def teardown(self) -> None:
        """Release models."""


class Processor(StageObject):
    """Edits frames in place through ``frame.put``."""

    def process(self, window: Window) -> None:
        """Edit ``window.current``."""
        raise NotImplementedError


class Analyser(StageObject):
    """Finds faces, once per frame and in order; tracks them between frames of a segment."""

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        """The faces of ``frame``, any order; equal ``id`` for the same person as in the frame before."""
        raise NotImplementedError

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        """The faces of a picture that stands alone (a source). Must not touch the tracking state."""
        raise NotImplementedError


class Screener(StageObject):
    """Judges pictures. Anything but a valid score per frame stops the job."""

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[Score]:
        """One score in 0..1 per frame, higher is worse."""
        raise NotImplementedError
