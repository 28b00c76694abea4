"""What must hold for a processor's object over several frames, segments and jobs."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host.errors import told
from roop_host.testing.checking import DoesNotApply, Failed
from roop_host.testing.checks.steps import apart, difference, frames, made_of, pictures, source, working
from roop_host.testing.holding import held_bytes
from roop_host.testing.making import run_step, stepped
from roop_host.testing.people import Picture, portrait
from roop_host.testing.subject import Subject
from roop_host.types.frame import Frame
from roop_host.types.objects import Processor
from roop_host.types.window import Segment, Window

#: Of so many frames at once it is enough to see that they are one by one the same.
_BATCH = 6
#: Results of two batch sizes may differ by so much, of 255: networks add up in another order.
_ROUNDING = 1
#: So many frames before a segment and its warm-up, all of the ways that people go in the kit's clip, must leave no trace.
_EARLIER = 8
#: Where two runs meet, pixels that a step worked on may differ by so much in the mean, of 255: nobody sees that.
_SEAM = 2.0
#: Frames that a step has seen when its memory is looked at first, beside those it settles by, and how many more then.
_FEW, _MORE = 4, 8


class _Watched(Processor):
    """Notes what it hands to a step: handles and planes, which nobody keeps, and arrays, which a segment may keep."""

    def __init__(self, step: Processor) -> None:
        self.step = step
        self.frames: list[weakref.ref[Any]] = []
        self.arrays: list[weakref.ref[Any]] = []

    def start(self, segment: Segment) -> None:
        self.step.start(segment)

    def process(self, window: Window) -> None:
        self.step.process(window)
        for view in (*window.past, *window.current, *window.future):
            self.frames += [weakref.ref(one) for one in (view, view._pixels, *map(_owner, view._pixels.planes))]
            self.arrays += [weakref.ref(_owner(region)) for region in view._cache.values()]


def _owner(array: NDArray[Any]) -> Any:
    """What holds the memory of an array, behind views of it."""
    owner: Any = array
    while True:
        inner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
        if inner is None or isinstance(inner, bytes):
            return owner
        owner = inner


def _alive(refs: Sequence[weakref.ref[Any]]) -> list[str]:
    gc.collect()
    return sorted({type(one()).__name__ for one in refs if one() is not None})


def no_frame_kept(subject: Subject) -> None:
    """No frame is kept when ``process`` is over.

    The host owns every frame, and a clip is larger than memory. Keep what you learnt (a box, a mean, a small copy), and
    forget that too in ``start``, but no copy of each frame; neighbours come by ``lookbehind`` and ``lookahead``.
    """
    shown = pictures(subject, 2)
    with working(subject) as step:
        watched = _Watched(step)
        run_step(watched, subject.spec, frames(shown))
        kept = _alive(watched.frames)
        if kept:
            raise Failed(f"when its process was over it still had {' and '.join(kept)} of frames")
        step.start(Segment(1, 10, 20))
        if _alive(watched.arrays):
            raise Failed("when another segment had started it still had what bgr() gave it of frames of the one before")
    _require_no_growth(subject)


class _Weighed(Processor):
    """Notes how much memory a step holds when ``settled`` frames are done, and when ``_MORE`` of them are."""

    def __init__(self, step: Processor, settled: int) -> None:
        self.step, self.done = step, 0
        self.marks = [settled, settled + _MORE]
        self.held: list[tuple[int, int]] = []

    def start(self, segment: Segment) -> None:
        self.step.start(segment)

    def process(self, window: Window) -> None:
        self.step.process(window)
        self.done += len(window.current)
        if self.marks and self.done >= self.marks[0]:
            self.marks.pop(0)
            self.held.append((self.done, held_bytes(self.step)))


def _require_no_growth(subject: Subject) -> None:
    """Raise ``Failed`` where a step holds as much as a frame more with each frame, once it has seen what it settles by."""
    spec = replace(subject.spec, batch_size=min(subject.spec.batch_size, _BATCH))
    settled = max(spec.warmup, spec.lookbehind) + _FEW
    shown = pictures(subject, settled + _MORE + spec.batch_size)
    with working(subject) as step:
        weighed = _Weighed(step, settled)
        run_step(weighed, spec, frames(shown))
    (few, before), (many, after) = weighed.held
    if after - before >= (many - few) * shown[0].bgr.nbytes:
        grown = (after - before) >> 10
        raise Failed(f"after {many} frames it held {grown} KiB more than after {few}: as much as a frame with each frame")


def batch_equals_single(subject: Subject) -> None:
    """Several frames at once become what they become one by one.

    Where ``window.current`` has several frames, go through them in order; what a frame needs of the one before it stands in
    ``window.past`` or earlier in ``window.current``.
    """
    if subject.spec.batch_size == 1:
        raise DoesNotApply("it takes one frame at a time")
    spec = replace(subject.spec, batch_size=min(subject.spec.batch_size, _BATCH))
    shown = pictures(subject, spec.batch_size + 1)
    made = []
    for size in (spec.batch_size, 1):
        with working(subject) as step:
            made.append(run_step(step, replace(spec, batch_size=size), frames(shown)))
    for number, (many, one) in enumerate(zip(*made, strict=True)):
        most = apart([many], [one])
        if most > _ROUNDING:
            raise Failed(f"frame {number} differs by {most} of 255 where it came alone and not among {spec.batch_size}")


def reset_at_a_segments_start(subject: Subject) -> None:
    """What came before a segment, but for its warm-up, changes nothing in it.

    A run that is continued, or spread over machines, begins at any segment and must give the same bytes: forget in ``start``
    all that was learnt from frames, random numbers included. What needs some frames to settle says so by ``warmup``, also
    what mixes ``window.past`` into a frame: where a segment begins, the past is what the warm-up made of it.
    """
    first = _EARLIER + max(subject.spec.warmup, subject.spec.lookbehind)
    segment = Segment(1, first, first + 2)
    shown = pictures(subject, segment.end + subject.spec.lookahead)
    made = []
    for earlier in (False, True):
        with working(subject) as step:
            if earlier:
                run_step(step, subject.spec, frames(_negatives(shown[:3])), segment=Segment(0, 0, 3))
            made.append(run_step(step, subject.spec, frames(shown), segment=segment))
    told_apart = difference(*made)
    if told_apart:
        raise Failed(f"frames behind a segment's start {told_apart} after other frames were seen before it")
    _require_no_seam(subject, shown, segment, made[0])


def _require_no_seam(subject: Subject, shown: Sequence[Picture], segment: Segment, begun: Sequence[Frame]) -> None:
    """Raise ``Failed`` where ``begun``, a run that begins at ``segment``, differs visibly from one that came there."""
    with working(subject) as step:
        whole = run_step(step, subject.spec, frames(shown), segment=Segment(0, 0, segment.end))
    came = [frame.bgr() for frame in whole]
    for number, frame in enumerate((one.bgr() for one in begun), segment.start):
        given = shown[number].bgr
        worked_on = ((frame != given) | (came[number] != given)).any(axis=2)
        if not worked_on.any():
            continue
        apart, own = (_mean_apart(came[number][worked_on], other[worked_on]) for other in (frame, came[number - 1]))
        if apart > min(_SEAM, max(own, _ROUNDING)):
            raise Failed(
                f"{number - segment.start} frames behind a segment's start what it works on differs by {apart:.1f} of 255 "
                f"from a run that came there, with a warmup of {subject.spec.warmup} frames"
            )


def _mean_apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


def _negatives(given: Sequence[Picture]) -> list[Picture]:
    """Pictures that look quite different, with the same faces."""
    return [Picture(255 - one.bgr, one.faces) for one in given]


def same_frames_give_the_same_bytes(subject: Subject) -> None:
    """Two runs over the same frames give the same bytes, and the same measures.

    Clock and random numbers without a seed make each run another one: seed a ``numpy.random.default_rng`` by the frame's
    number. Both runs are in one process: let nothing hang on ``hash`` of a text or the order of a set either.
    """
    shown = pictures(subject, 2)
    told_apart = difference(*(made_of(shown, subject) for _ in range(2)))
    if told_apart:
        raise Failed(f"the same frames became something else in a second run: they {told_apart}")


def two_objects_do_not_disturb_each_other(subject: Subject) -> None:
    """What two objects do at the same time is apart.

    A job may name a step twice, and a host has jobs side by side: keep everything in ``self``, nothing in the class or in
    the module.
    """
    shown, others = pictures(subject, 4), _negatives(pictures(subject, 4))
    alone = made_of(shown, subject)
    with working(subject) as one:
        mine = stepped(one, subject.spec, frames(shown), Segment(0, 0, 4))
        made = [next(mine)]
        with working(subject, source(subject, "hopper")) as other:
            theirs = stepped(other, subject.spec, frames(others), Segment(0, 0, 4))
            for frame in mine:
                made.append(frame)
                next(theirs, None)
                break
        made += mine
    told_apart = difference(alone, made)
    if told_apart:
        raise Failed(f"frames became something else while another object was at work on another clip: they {told_apart}")


def jobs_one_after_the_other(subject: Subject) -> None:
    """A job gives the same whatever job the object had before.

    The host keeps objects from job to job: make in ``begin`` what depends on sources and size, and drop it in ``end``.
    """
    shown = pictures(subject, 2)
    alone = made_of(shown, subject)
    with subject.made() as made:
        with working(subject, source(subject, "hopper"), step=made) as step:
            run_step(step, subject.spec, frames(_negatives(shown)))
        with working(subject, step=made) as step:
            after = run_step(step, subject.spec, frames(shown))
    told_apart = difference(alone, after)
    if told_apart:
        raise Failed(f"a job after another one gave something else than the job alone: its frames {told_apart}")


class _Broken(Sequence[Any]):
    """Sources that nobody can look at."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        raise ValueError("the kit gives no source here")

    def __iter__(self) -> Iterator[Any]:
        raise ValueError("the kit gives no source here")


def end_after_a_failed_begin(subject: Subject) -> None:
    """``end`` is no error where ``begin`` failed, or was not called.

    ``end`` of every object is called once ``begin`` was tried: look whether what it drops is there.
    """
    shown = portrait("collins")
    with subject.made() as step:
        for tried in ("was not called", "failed"):
            if tried == "failed":
                job = replace(subject.job(shown.as_source(), width=64, height=64), sources=_Broken())  # type: ignore[arg-type]
                with suppress(Exception):
                    step.begin(job)
            try:
                step.end()
            except Exception as error:
                raise Failed(f"its end raised {told(error)} where begin {tried}") from error
        with working(subject, step=step) as again:
            run_step(again, subject.spec, frames(pictures(subject, 1)))
