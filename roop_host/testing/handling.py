"""What checks of several kinds ask of calls with frames: that these stay as they are, and that nobody keeps them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from roop_host.errors import told
from roop_host.testing.checking import MISSING, DoesNotApply, Failed, NotRun
from roop_host.testing.people import HEIGHT, WIDTH, Picture
from roop_host.testing.subject import Subject
from roop_host.types.frame import Frame, FrameView
from roop_host.types.objects import SourceFace

_R = TypeVar("_R")


@contextmanager
def in_job(
    subject: Subject,
    item: Any,
    *sources: SourceFace,
    width: int = WIDTH,
    height: int = HEIGHT,
    media_type: str = "video/mp4",
) -> Iterator[Any]:
    """``item``, which is set up, in a job with these sources and frames of that size.

    Raises ``NotRun`` where it lacks something here.
    """
    try:
        try:
            item.begin(subject.job(*sources, width=width, height=height, media_type=media_type))
        except MISSING as error:
            raise NotRun(error) from error
        yield item
    finally:
        item.end()


@contextmanager
def made_in_job(subject: Subject, *, width: int = WIDTH, height: int = HEIGHT) -> Iterator[Any]:
    """An object of its own in a job, as it is when it is shown frames. Raises ``NotRun`` where it lacks something here."""
    with subject.made() as item, in_job(subject, item, width=width, height=height):
        yield item


@contextmanager
def asked_of(what: str) -> Iterator[None]:
    """What a plugin raises within is a failure that says of ``what``."""
    try:
        yield
    except (Failed, NotRun, DoesNotApply):
        raise
    except Exception as error:
        raise Failed(f"it failed on {what}: {told(error)}") from error


def from_another_thread(call: Callable[[], _R]) -> _R:
    """What ``call`` returns or raises in a thread that is not this one, as a stage has its own."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(call).result()


def timed(pictures: Sequence[Picture], first: int = 0) -> list[Frame]:
    """Frames of a clip of 25 a second, the first of them its frame ``first``."""
    frames = [picture.frame(first + number) for number, picture in enumerate(pictures)]
    for frame in frames:
        frame.pts, frame.duration = 512 * frame.index, 512
        frame.time_base /= 12800
    return frames


def require_untouched(frames: Sequence[Frame], call: Callable[[Sequence[FrameView]], object]) -> None:
    """Raise ``Failed`` where ``call``, given views of ``frames``, leaves any of them other than it was."""
    views = [frame.view() for frame in frames]
    before = [[plane.copy() for plane in frame.pixels.planes] for frame in frames]
    said = [(view.index, view.pts, view.duration, view.rotation, view.faces) for view in views]
    call(views)
    for frame, view, planes, was in zip(frames, views, before, said, strict=True):
        if not all(map(np.array_equal, frame.pixels.planes, planes)):
            raise Failed(f"it changed the pixels of frame {frame.index}")
        if (view.index, view.pts, view.duration, view.rotation) != was[:4]:
            raise Failed(f"it changed the number, the time or the rotation of frame {frame.index}")
        if view.faces != was[4]:
            raise Failed(f"it changed the faces of frame {frame.index}")


def require_let_go(make: Callable[[], Sequence[Frame]], call: Callable[[Sequence[FrameView]], object]) -> None:
    """Raise ``Failed`` where anything of the frames that are made outlives ``call``."""
    known = _shown(make(), call)
    gc.collect()
    for number, refs in known.items():
        if any(ref() is not None for ref in refs):
            raise Failed(f"it still holds frame {number} after the call that it was given in")


def _shown(
    frames: Sequence[Frame], call: Callable[[Sequence[FrameView]], object]
) -> dict[int, tuple[weakref.ref[Any], ...]]:
    views = [frame.view() for frame in frames]
    call(views)
    return {
        frame.index: (weakref.ref(frame), weakref.ref(view), weakref.ref(frame.pixels))
        for frame, view in zip(frames, views, strict=True)
    }
