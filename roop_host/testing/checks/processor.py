"""What must hold for a processor's object: what it may do to frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host.errors import InputError, told
from roop_host.testing.checking import DoesNotApply, Failed, NotRun, checks
from roop_host.testing.checks import processor_faces as faces
from roop_host.testing.checks import processor_runs as runs
from roop_host.testing.checks.steps import coded, frames, odd_frames, pictures, working
from roop_host.testing.handling import asked_of
from roop_host.testing.making import run_step, window_of
from roop_host.testing.subject import Subject
from roop_host.types.frame import FrameView
from roop_host.types.window import Segment

#: What is read of equal samples may differ by so much, of 255.
_ROUNDING = 1


def no_faces_is_no_error(subject: Subject) -> None:
    """A frame in which nobody is seen is no error.

    Clips have frames without faces, and what analysers miss: go over ``frame.faces`` in a loop that may be empty.
    """
    shown = pictures(subject, 3)
    between = [shown[0].without_faces(), shown[1], shown[2].without_faces()]
    for given in (between, [picture.without_faces() for picture in shown]):
        with working(subject) as step, asked_of("frames in which nobody is seen"):
            run_step(step, subject.spec, frames(given))


def frames_stay_as_they_are(subject: Subject) -> None:
    """Nothing of a frame changes but its pixels.

    Number, time, size, depth, rotation, faces and alpha are the host's; ``frame.put`` is what changes a frame. Return
    nothing from ``process``.
    """
    with working(subject) as step:
        for what, frame in coded(subject).items():
            before = _facts(frame)
            step.start(Segment(0, 0, 1))
            given = step.process(window_of(frame, step=subject.name))
            if given is not None:
                raise Failed(f"its process returned a {type(given).__name__}, which nobody takes")
            after = _facts(frame)
            changed = [name for name, value in before.items() if after[name] != value]
            if changed:
                raise Failed(f"of {what} it changed {' and '.join(changed)}")


def _facts(frame: FrameView) -> dict[str, Any]:
    """Everything of a frame but its pixels."""
    pixels = frame._pixels
    return {
        "the number": frame.index,
        "the time": (frame.pts, frame.time_base, frame.duration),
        "the rotation": frame.rotation,
        "the faces": tuple(map(id, frame.faces)) if isinstance(frame.faces, tuple) else frame.faces,
        "the size": (pixels.width, pixels.height),
        "the coding of colours": pixels.layout,
        "the form of the planes": tuple((plane.shape, plane.dtype) for plane in pixels.planes),
        "the alpha": pixels.planes[-1].tobytes() if pixels.layout.alpha else None,
    }


def planes_outside_the_box_kept(subject: Subject) -> None:
    """What lies outside of the boxes that were put keeps its bits.

    ``frame.put(box, ...)`` is the only way to change pixels: what is written into arrays past it may never be encoded, or be
    encoded without having been screened. Give ``put`` the smallest box that holds the change.
    """
    with working(subject) as step:
        for what, frame in coded(subject).items():
            before = [plane.copy() for plane in frame.pixels.planes]
            frame.trace = np.zeros((frame.height, frame.width), np.float32)
            step.start(Segment(0, 0, 1))
            step.process(window_of(frame, step=subject.name))
            layout = frame.pixels.layout
            for number, (plane, old) in enumerate(zip(frame.pixels.planes, before, strict=True)):
                put = frame.trace != 0
                if number in (1, 2) and layout.model == "yuv":
                    put = _of_chroma(put, 1 << layout.shift_x, 1 << layout.shift_y)
                outside = int(((plane != old) & ~put).sum())
                if outside:
                    raise Failed(f"of {what} it changed {outside} samples outside of what it put")
            if _written(frame):
                raise Failed(f"it wrote into the array that bgr() gave it of {what}")


def _of_chroma(put: NDArray[np.bool_], wide: int, high: int) -> NDArray[np.bool_]:
    """Which chroma samples belong to any of these pixels."""
    height, width = -(-put.shape[0] // high), -(-put.shape[1] // wide)
    whole = np.zeros((height * high, width * wide), bool)
    whole[: put.shape[0], : put.shape[1]] = put
    return np.asarray(whole.reshape(height, high, width, wide).any(axis=(1, 3)))


def _written(view: FrameView) -> bool:
    """Whether what ``bgr`` has given is something else than the planes have now."""
    for (box, kind), region in view._cache.items():
        fresh = FrameView(view._pixels, rotation=view.rotation).bgr(box, np.dtype(kind).type)
        allowed = _ROUNDING if fresh.dtype == np.uint8 else _ROUNDING / 255
        if fresh.size and np.abs(fresh.astype(np.float32) - region).max() > allowed:
            return True
    return False


def neighbours_are_read_only(subject: Subject) -> None:
    """Frames before and behind are only looked at.

    ``window.past`` and ``window.future`` are handles without ``put``: what is changed in a frame is changed when it stands
    in ``window.current``.
    """
    before, after = subject.spec.lookbehind, subject.spec.lookahead
    if not before and not after:
        raise DoesNotApply("it looks at no neighbours")
    given = frames(pictures(subject, before + 1 + after))
    around = [frame for frame in given if frame.index != before]
    kept = [[plane.copy() for plane in frame.pixels.planes] for frame in around]
    with working(subject) as step:
        step.start(Segment(0, 0, len(given)))
        views = [frame.view() for frame in around]
        step.process(window_of(given[before], past=views[:before], future=views[before:], step=subject.name))
    for view, planes in zip(views, kept, strict=True):
        where = "before" if view.index < before else "behind"
        if not all(map(np.array_equal, view._pixels.planes, planes)):
            raise Failed(f"it changed the pixels of frame {view.index} when that stood {where} the one it was given")
        if _written(view):
            raise Failed(f"it wrote into the array that bgr() gave it of a frame {where} the one it was given")


def odd_frames_are_no_error(subject: Subject) -> None:
    """Whatever a clip or a folder holds is worked on, or left as it is; what is grey, deep or transparent may be refused.

    Pictures are tiny, grey, turned, of odd size or of 12 bit; faces reach over the edge, are a few pixels wide or are found
    twice. Clip boxes (``Box.clip``), leave out what is empty, and leave a picture alone that is too small. An ``InputError``
    is for a coding that can't be worked on, never for a size: one small picture would end the job of a whole folder.
    """
    with subject.made() as made:
        with working(subject, step=made):
            pass
        for what, frame in odd_frames(subject).items():
            try:
                with working(subject, width=frame.width, height=frame.height, step=made) as step:
                    step.start(Segment(0, 0, 1))
                    step.process(window_of(frame, step=subject.name))
            except (InputError, NotRun) as error:
                missing = error.error if isinstance(error, NotRun) else error
                if isinstance(missing, InputError) and _is_plain(frame):
                    raise Failed(f"it refuses {what}: {told(missing)}") from error
            except Exception as error:
                raise Failed(f"{what} made it raise {told(error)}") from error


def _is_plain(frame: FrameView) -> bool:
    """Whether nothing but its size and its faces can be odd about it."""
    layout = frame._pixels.layout
    return layout.depth == 8 and layout.model != "grey" and not layout.alpha


def it_does_something(subject: Subject) -> None:
    """It changes a frame of the kit, or tells a measure of it.

    The kit shows two people, one of them chosen and with a source. Whoever reads the report of a run must see that the step
    was there: let it ``put`` something, or ``frame.measure`` what it found. Options that make it work can be said.
    """
    given = pictures(subject, 2)
    with working(subject) as step:
        made = run_step(step, subject.spec, frames(given))
    if not any(frame.changed_by() or frame.measures for frame in made):
        raise Failed("it changed nothing in a clip of two people, and measured nothing")


def measures_are_numbers(subject: Subject) -> None:
    """What it measures are finite numbers with a name.

    ``frame.measure("sharpness", value)`` refuses what is not finite: leave out what can't be measured, such as a mean of no
    faces.
    """
    shown = pictures(subject, 3)
    with working(subject) as step:
        made = run_step(step, subject.spec, frames([shown[0], shown[1].without_faces(), shown[2]]))
    for frame in made:
        for told_by, name, value in frame.measures:
            if told_by != subject.name:
                raise Failed(f"it told a measure as {told_by!r}; tell it by frame.measure")
            if not isinstance(name, str) or not name.strip():
                raise Failed(f"a measure is called {name!r}, which is no name")
            if not isinstance(value, float) or not np.isfinite(value):
                raise Failed(f"it measured {name} as {value!r}, which is no finite number")


CHECKS = checks(
    no_faces_is_no_error,
    frames_stay_as_they_are,
    planes_outside_the_box_kept,
    neighbours_are_read_only,
    runs.no_frame_kept,
    runs.batch_equals_single,
    runs.reset_at_a_segments_start,
    runs.same_frames_give_the_same_bytes,
    runs.two_objects_do_not_disturb_each_other,
    runs.jobs_one_after_the_other,
    runs.end_after_a_failed_begin,
    odd_frames_are_no_error,
    it_does_something,
    measures_are_numbers,
    faces.faces_changed_are_named,
    faces.needs_are_declared,
    faces.a_source_is_asked_for,
)
