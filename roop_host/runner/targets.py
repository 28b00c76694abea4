"""The frames of a target, wherever they come from: a file, a folder, or a plugin that gives a stream."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from roop_host.errors import InputError, PluginError
from roop_host.host import threads_of
from roop_host.loading import quietly
from roop_host.media.info import Known, MediaInfo, Reading
from roop_host.media.kinds import suffix_of
from roop_host.media.pictures.animations import AnimationReader
from roop_host.media.pictures.folders import FolderReader, folder_of
from roop_host.media.pictures.reading import read_picture
from roop_host.media.raw import raw_frame, raw_info
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.media.reading.timing import as_read, reading_of
from roop_host.runner.forms import check_stream
from roop_host.runner.state import Part, Run
from roop_host.types.frame import Frame
from roop_host.types.job import Job
from roop_host.types.objects import Source, SourceFrame, StreamInfo

#: No frame, and nothing that a plugin could give in place of one.
_END = object()


class Reader(Protocol):
    """Gives the frames of a target from index ``start`` on, the same whether begun at 0 or at ``known``.

    The rest is as in ``SegmentPackets``, and true as far as frames were given; ``notices`` say what had to be repaired.
    """

    @property
    def origin(self) -> Fraction: ...
    @property
    def steady(self) -> bool: ...
    @property
    def notices(self) -> list[str]: ...

    def frames(
        self, start: int = 0, *, known: Known | None = None, cancel: threading.Event | None = None
    ) -> Iterator[Frame]: ...


def look_at_target(run: Run) -> MediaInfo:
    """Probe the file or the folder, or open the stream: as its frames will be. Raises ``InputError``, ``UsageError``."""
    reading = reading_of(run.job.media)
    if run.source is None:
        path = Path(run.job.target)
        return _folder(run, path, reading) if path.is_dir() else _file(probe(path), reading)
    check_stream(run.job.target, reading)
    stream = run.call(run.source, run.source.item.open, run.job.target)
    complaint = stream_complaint(stream)
    if complaint:
        raise _odd(run.source, complaint)
    return raw_info(run.job.target, stream)


def _taken_for(job: Job) -> Literal["auto", "frames", "pictures"]:
    """What a folder is, where the output's name tells it: a folder is made of pictures, a clip of frames."""
    if job.media.folder != "auto":
        return job.media.folder
    return "auto" if suffix_of(Path(job.output)) is not None else "pictures"


def _file(info: MediaInfo, reading: Reading) -> MediaInfo:
    return replace(as_read(info, reading), items=tuple(as_read(page, reading) for page in info.items))


def _folder(run: Run, path: Path, reading: Reading) -> MediaInfo:
    """A folder as frames has a rate; as pictures it has none, and each of them is read by itself."""
    folder = folder_of(path, _taken_for(run.job), reading)
    run.notices += folder.notices
    if folder.mode == "frames":
        return as_read(folder.info, reading)
    items = tuple(as_read(item, reading) for item in folder.info.items)
    return replace(folder.info, items=items, average_rate=None)


@contextmanager
def reader_of(run: Run) -> Iterator[Reader]:
    """What reads the run's target; closed afterwards."""
    info = run.target
    if run.source is not None:
        yield _Once(partial(_stream, run, run.source))
    elif info.kind == "picture":
        yield _Once(lambda: iter((read_picture(info),)))
    else:
        with ExitStack() as stack:
            yield stack.enter_context(opened(run, info))


def opened(run: Run, info: MediaInfo) -> AbstractContextManager[Reader]:
    """What reads a clip, an animation, or a folder of frames."""
    if info.kind == "animation":
        return AnimationReader(info)
    if info.kind == "folder":
        return FolderReader(info)
    return VideoReader(info, threads=threads_of(run.job.execution))


@dataclass(slots=True)
class _Once:
    """Frames that come from the first on, and only once: a picture for a writer, or what a plugin gives, shown from 0 on."""

    give: Callable[[], Iterator[Frame]]
    origin: Fraction = Fraction(0)
    steady: bool = True
    notices: list[str] = field(default_factory=list)

    def frames(
        self, start: int = 0, *, known: Known | None = None, cancel: threading.Event | None = None
    ) -> Iterator[Frame]:
        return self.give()


def _stream(run: Run, source: Part[Source]) -> Iterator[Frame]:
    """The frames a plugin gives, the first shown at 0. Runs in the decoding thread."""
    given = source.attributed(lambda: iter(source.item.frames()))()
    first: int | None = None
    last: int | None = None
    index = 0
    try:
        while True:
            frame: Any = source.attributed(lambda: next(given, _END), f" at frame {index}")()
            if frame is _END:
                break
            run.check_cancel()
            complaint = frame_complaint(frame, run.target.width, run.target.height, last)
            if complaint:
                raise _odd(source, f"{complaint} as frame {index}")
            last = frame.pts
            first = last if first is None else first
            yield raw_frame(frame.bgr, run.target, index=index, pts=last - first)
            index += 1
    finally:
        if isinstance(given, Generator):
            quietly(given.close, source.label)
    if index == 0:
        raise InputError(f"{run.job.target} gave no frame; check that it is on and not in use")


def stream_complaint(stream: Any) -> str:
    """What is wrong with the description of a stream, or nothing."""
    if not isinstance(stream, StreamInfo):
        return f"{type(stream).__name__} and not a StreamInfo"
    whole = [stream.width, stream.height, *([] if stream.frames is None else [stream.frames])]
    if not all(isinstance(number, int) and number > 0 for number in whole):
        return f"the size {stream.width}x{stream.height} and {stream.frames} frames, which can't be"
    if not all(isinstance(number, Fraction) and number > 0 for number in (stream.time_base, stream.rate)):
        return f"the time base {stream.time_base!r} and the rate {stream.rate!r}, which are to be fractions above 0"
    return ""


def frame_complaint(frame: Any, width: int, height: int, last_pts: int | None) -> str:
    """What is wrong with a frame of a stream, or nothing."""
    if not isinstance(frame, SourceFrame):
        return f"{type(frame).__name__} and not a SourceFrame"
    bgr = frame.bgr
    if not isinstance(bgr, np.ndarray) or bgr.dtype != np.uint8 or bgr.shape != (height, width, 3):
        said = f"{bgr.dtype} {bgr.shape}" if isinstance(bgr, np.ndarray) else type(bgr).__name__
        return f"{said} and not uint8 {(height, width, 3)}"
    if not isinstance(frame.pts, int) or (last_pts is not None and frame.pts <= last_pts):
        return f"the time {frame.pts!r}, which is no whole number later than {last_pts},"
    return ""


def _odd(source: Part[Source], what: str) -> PluginError:
    return PluginError(f"the {source.label} gave {what}; report it to its authors or take another target")
