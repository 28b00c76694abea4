"""The frames of a target, wherever they come from: a video, a picture, or a plugin that gives a stream."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from roop_host.errors import InputError, PluginError
from roop_host.host import quietly, threads_of
from roop_host.media.info import Known, MediaInfo
from roop_host.media.probe import probe
from roop_host.media.raw import raw_frame, raw_info
from roop_host.media.reader import VideoReader, read_picture
from roop_host.runner.state import Part, Run
from roop_host.types.frame import Frame
from roop_host.types.objects import Source, SourceFrame, StreamInfo

#: No frame, and nothing that a plugin could give in place of one.
_END = object()


def look_at_target(run: Run) -> MediaInfo:
    """Probe the file, or open the stream."""
    if run.source is None:
        return probe(Path(run.job.target))
    stream = run.call(run.source, run.source.item.open, run.job.target)
    complaint = _complaint(stream)
    if complaint:
        raise _odd(run.source, complaint)
    return raw_info(run.job.target, stream)


@contextmanager
def frames_of(run: Run, start: int = 0, *, known: Known | None = None) -> Iterator[Callable[[], Iterable[Frame]]]:
    """What gives the frames from index ``start`` on. In a video, ``known`` is one not after it."""
    if run.source is not None:
        yield partial(_stream, run, run.source)
    elif run.target.kind == "picture":
        yield lambda: [read_picture(run.target)]
    else:
        with VideoReader(run.target, threads=threads_of(run.job.execution)) as reader:

            def frames() -> Iterator[Frame]:
                return reader.frames(start, known=known, cancel=run.control.cancelled)

            yield frames


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
            complaint = _frame_complaint(frame, run.target, last)
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


def _complaint(stream: Any) -> str:
    """What is wrong with the description of a stream, or nothing."""
    if not isinstance(stream, StreamInfo):
        return f"{type(stream).__name__} and not a StreamInfo"
    whole = [stream.width, stream.height, *([] if stream.frames is None else [stream.frames])]
    if not all(isinstance(number, int) and number > 0 for number in whole):
        return f"the size {stream.width}x{stream.height} and {stream.frames} frames, which can't be"
    if not all(isinstance(number, Fraction) and number > 0 for number in (stream.time_base, stream.rate)):
        return f"the time base {stream.time_base!r} and the rate {stream.rate!r}, which are to be fractions above 0"
    return ""


def _frame_complaint(frame: Any, info: MediaInfo, last_pts: int | None) -> str:
    """What is wrong with a frame of a stream, or nothing."""
    if not isinstance(frame, SourceFrame):
        return f"{type(frame).__name__} and not a SourceFrame"
    bgr = frame.bgr
    if not isinstance(bgr, np.ndarray) or bgr.dtype != np.uint8 or bgr.shape != (info.height, info.width, 3):
        said = f"{bgr.dtype} {bgr.shape}" if isinstance(bgr, np.ndarray) else type(bgr).__name__
        return f"{said} and not uint8 {(info.height, info.width, 3)}"
    if not isinstance(frame.pts, int) or (last_pts is not None and frame.pts <= last_pts):
        return f"the time {frame.pts!r}, which is no whole number later than {last_pts},"
    return ""


def _odd(source: Part[Source], what: str) -> PluginError:
    return PluginError(f"the {source.label} gave {what}; report it to its authors or take another target")
