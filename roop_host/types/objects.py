"""The objects behind the specs: small base classes with no-op defaults. The least processor is one method."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from roop_host.errors import Interrupted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from roop_host.types.faces import Face
    from roop_host.types.frame import Frame, FrameView
    from roop_host.types.job import Job
    from roop_host.types.job_context import JobContext
    from roop_host.types.models import ModelSpec
    from roop_host.types.report import Verdicts
    from roop_host.types.window import Segment, Window

#: A screener's answer for one picture: a finite number in 0..1, higher is worse.
Score = float
_Options = TypeVar("_Options")


class Stage(Enum):
    """Where in the stream a picture is looked at."""

    SOURCE = "source"
    TARGET = "target"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a network. ``dtype`` is numpy's name for it; a size of None is free."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class Session(Protocol):
    """A loaded, tried-out network. ``provider`` is ONNX Runtime's name of what really runs it."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    provider: str

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in the graph's order."""
        ...

    def holding(self, inputs: Mapping[str, NDArray[Any]]) -> Session:
        """The same network with these inputs fixed, and kept on the device; ``run`` takes the others."""
        ...


class Sessions(Protocol):
    """The only place that makes sessions."""

    def open(self, model: ModelSpec, *, threads: int | None = None) -> Session:
        """Verify, load and try out ``model``. ``threads`` asks for fewer than the job's. Raises ``ModelError``.

        Random numbers that its graph asks for are drawn beforehand, so that equal inputs give equal outputs; where they
        can't be, the report says why.
        """
        ...

    def read(self, model: ModelSpec) -> bytes:
        """The verified bytes of the very file that ``open`` takes: of ``model``, or of its half. Raises ``ModelError``.

        Of a model whose ``form`` is ``data`` this is the only use, and the report's ``models`` names it.
        """
        ...


class Pulse:
    """When a call last showed that it goes on, as ``time.monotonic()`` counts; ``Context.check_cancel`` lets it beat."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 0.0

    def beat(self) -> None:
        """The call goes on."""
        self.last = time.monotonic()


@dataclass(frozen=True, slots=True)
class Context:
    """What an object is given in ``setup``. ``options`` is an instance of the plugin's options class."""

    options: Any
    sessions: Sessions
    device: str
    threads: int
    log: logging.Logger
    cancel: threading.Event
    pulse: Pulse = field(default_factory=Pulse)

    def options_as(self, kind: type[_Options]) -> _Options:
        """``options``, checked to be of ``kind``."""
        if not isinstance(self.options, kind):
            raise TypeError(f"options are {type(self.options).__name__}, not {kind.__name__}")
        return self.options

    def check_cancel(self) -> None:
        """Raise ``Interrupted`` when the job was cancelled; for long loops in a plugin.

        In an upload or a call on frames of the stream it also says that the call does not hang: its time-out begins anew. So
        only the thread that does the work should call it; one beside it would keep a call that hangs alive for ever. A
        ``Source`` has to give its frame in time whatever it calls.
        """
        self.pulse.beat()
        if self.cancel.is_set():
            raise Interrupted("stopped on request")


@dataclass(frozen=True, slots=True, eq=False)
class SourceFace:
    """A person of the sources. ``bgr`` is a picture, uint8 ``(H, W, 3)``, read-only; ``face`` lies in it.

    Of several pictures it is the one that shows the face best, ``others`` are the rest in that order, and
    ``face.embedding`` is of all of them together.
    """

    name: str
    bgr: NDArray[np.uint8]
    face: Face
    others: tuple[SourceFace, ...] = ()


class StageObject:
    """Life: ``setup`` once, then per job ``begin``, per segment ``start``, calls, ``end``; at last ``teardown``.

    ``teardown`` is called even after a failed ``setup``. ``start`` and the calls on frames of the stream come from the
    stage's thread, all others from one thread that the host keeps for all objects; never two at a time. Ends come in the
    reverse order of beginnings. ``start`` is for what goes through segments: processors, the analyser and sidecars.

    A call must come back within the job's time-out, ``setup`` and ``upload`` within ten times that; in an upload and in a
    long call on frames of the stream, but for a source's, the time counts anew from each ``Context.check_cancel``. One that
    does not ends the job, and nothing more is called in that process. A call that outlasts a cancel is given a few seconds.
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
        """The faces of a picture that stands alone: a source, or a target that is a picture, then from the stage's thread.

        Must not touch the tracking state.
        """
        raise NotImplementedError


class Screener(StageObject):
    """Judges pictures. Anything but a valid score per frame stops the job."""

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[Score]:
        """One score in 0..1 per frame, higher is worse."""
        raise NotImplementedError


class PreparedScreener(Screener):
    """A screener that judges a picture by arrays it makes of it, so that the host need not ask twice about equal ones.

    ``judge`` must depend on inputs and stage alone. The host keeps scores for a job's length, by every bit of an input and
    by stage. ``by_stage`` False promises that the stage is nothing to it: then what leaves as it came is looked at once.
    Whoever overrides ``screen`` too is asked by that alone, for every picture.
    """

    by_stage: bool = True

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        """What is looked at of ``frame``: one array of numbers or more, of which the highest score counts."""
        raise NotImplementedError

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[Score]:
        """One score in 0..1 per input, higher is worse; at most the spec's ``batch_size`` of them."""
        raise NotImplementedError

    def bound(self, score: Score, before: NDArray[Any], now: NDArray[Any]) -> Score:
        """The most that ``now`` may score, when ``before`` of the same form did score ``score``: for ``--screen adaptive``.

        Under the limit ``now`` is not judged. 1 where nothing is known, which is what this says: then all are judged.
        """
        return 1.0

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[Score]:
        """The highest score of what is looked at of each frame."""
        return [max(score for given in self.prepare(frame) for score in self.judge([given], stage)) for frame in frames]


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream of upright frames: ``width`` and ``height`` in pixels, ``rate`` in frames a second (an average).

    ``frames`` is an estimate for the progress display, None where the end is not known, as with a camera. ``time_base`` is
    what ``pts`` counts in, in seconds.
    """

    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    frames: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SourceFrame:
    """A frame of a ``Source``: ``bgr`` is upright uint8 ``(height, width, 3)`` and the host's from now on.

    ``pts`` grows from frame to frame; it may begin anywhere, since the first frame is shown at 0.
    """

    bgr: NDArray[np.uint8]
    pts: int


class Source(StageObject):
    """Gives the frames of a target that is no file.

    ``open`` comes before ``begin``, as it tells the size; ``close`` after ``end``, also when ``open`` failed.
    """

    def open(self, address: str) -> StreamInfo:
        """Connect to ``address``, the whole target (``camera:0``). Raise ``InputError`` when there is nothing."""
        raise NotImplementedError

    def frames(self) -> Iterator[SourceFrame]:
        """Frames in order; ends where the stream ends. Called from the decoding thread.

        One frame must come within the time-out, which nothing begins anew: a camera that gives none does not hold a job for
        ever. A long wait should look at the cancel event of ``setup``'s context.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the device or connection."""


class Writer(StageObject):
    """Writes an output whose suffix the host does not know. Every frame was screened; sound is not offered.

    ``open``, ``write`` and ``close`` come from the stage's thread.
    """

    def open(self, path: Path, stream: StreamInfo) -> None:
        """Begin to write ``path``, a temporary name: the host renames it when all is well, and removes it when not."""
        raise NotImplementedError

    def write(self, frame: FrameView) -> None:
        """The next frame, in order."""
        raise NotImplementedError

    def close(self) -> None:
        """Finish the file, after the last frame. May take ten times as long as other calls."""
        raise NotImplementedError

    def abort(self) -> None:
        """The job failed, before ``open`` or even after ``close``: close the file if it is open, it is removed then."""


class Sidecar(StageObject):
    """Makes a file beside the output, a piece for each frame: pieces are kept with segments, so a run can be continued.

    A piece may depend on those before it back to ``start``, the beginning of a segment; ``head`` and ``tail``, which are
    asked for at the end, on no frame.
    """

    def head(self) -> bytes:
        """What the file begins with."""
        return b""

    def piece(self, frame: FrameView) -> bytes:
        """What stands in the file of an output frame."""
        raise NotImplementedError

    def tail(self) -> bytes:
        """What the file ends with."""
        return b""


def _unheard(text: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Finished:
    """What a finisher may know of a file: the job, plugins, models, verdicts, and what was done in this very file.

    ``kind`` is video, animation or picture. ``changed`` is in how many frames a step changed anything, by the step's name,
    ``source_type`` the strongest IPTC term of these steps and of a target that says itself that it is synthetic: both are
    empty where all was left as it was, and the target says nothing.
    ``target`` is the file that it was made of, None for a stream and for a folder that is one clip of ``pictures``;
    ``sources`` are the pictures of faces that were put in it, beside ``saved_faces``, which have no files of that kind. All
    are the user's: to be read, and not to be named in the output; ``models`` that are the user's own files bear no name.
    ``is_same`` tells whether one is still as it was before the job read it: to be asked before and after reading it.
    ``note`` takes a sentence that a person should read, ``did`` what was done in a few words: both stand in the report.
    """

    job: Job
    kind: str
    source_type: str
    changed: Mapping[str, int]
    plugins: tuple[str, ...]
    models: tuple[Mapping[str, str], ...]
    screening: tuple[Verdicts, ...]
    target: Path | None = None
    pictures: tuple[Path, ...] = ()
    sources: tuple[Path, ...] = ()
    saved_faces: int = 0
    is_same: Callable[[Path], bool] = Path.is_file
    note: Callable[[str], None] = _unheard
    did: Callable[[str], None] = _unheard


class Finisher(StageObject):
    """Works on the finished file, in place: after the marks, before it is checked and gets its name."""

    def finish(self, path: Path, about: Finished) -> Mapping[str, bytes] | None:
        """Change ``path``, which must stay a file of its format with the same frames and marks, or leave it as it is.

        To a picture comments, texts and credentials may be added and nothing else.
        What is returned becomes files beside the output: ``{".c2pa": ...}`` is ``clip.mkv.c2pa`` beside ``clip.mkv``, where
        ``.c2pa`` is among the spec's ``suffixes``. They are not uploaded.
        """
        raise NotImplementedError
