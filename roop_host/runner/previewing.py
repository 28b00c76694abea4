"""One frame as a run would make it, with what it needs around it and nothing else: by the same chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np

from roop_host.errors import UsageError
from roop_host.faces.drawing import Marked, heat, side_by_side, with_faces
from roop_host.faces.ordering import ordered
from roop_host.host import Control, Host
from roop_host.media.info import MediaInfo
from roop_host.media.pictures.belongings import Belongings, belongings_of
from roop_host.media.pictures.reading import read_picture
from roop_host.media.reading.places import known_at, shown_at
from roop_host.media.reading.timing import read_place
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message
from roop_host.runner import chain as chains
from roop_host.runner import failing, ready, report_of
from roop_host.runner.added import with_added
from roop_host.runner.casting import settle_faces
from roop_host.runner.files import check_files
from roop_host.runner.forms import form_seen
from roop_host.runner.places import check_places
from roop_host.runner.resolve import Names, resolve_names
from roop_host.runner.shown import check_shown, visible_bgr, write_synthetic
from roop_host.runner.state import OnProgress, Run
from roop_host.runner.targets import reader_of
from roop_host.runner.unmatched import told_of_unmatched
from roop_host.types.faces import Face
from roop_host.types.frame import Frame
from roop_host.types.job import Job, check
from roop_host.types.people import Preview, Wish

#: What the job's output is called where no picture is to be written.
_NOWHERE = "preview.png"


@dataclass(slots=True)
class _Seen:
    """The wished frame before and after the steps, and the number of the last frame that came."""

    number: int
    before: Frame | None = None
    after: Frame | None = None
    last: int = -1


def preview_of(host: Host, job: Job, wish: Wish, control: Control, on_progress: OnProgress) -> Preview:
    """Raises as a run does; ``UsageError`` for a frame that is not there."""
    check(job)
    media = replace(job.media, keep_frames="")
    execution = replace(job.execution, resumable=False)
    output = wish.picture or _NOWHERE
    job = replace(job, output=output, exports=(), uploads=(), media=media, execution=execution)
    run = Run(job, host, control, on_progress)
    with failing(run):
        place = read_place("at", wish.at, by_frame=False)
        if wish.picture:
            check_shown(wish.picture)
        if wish.frame < 0:
            raise UsageError(f"--frame takes the number of a frame, from 0 on, not {wish.frame}")
        with ready(run, partial(_names, wish), partial(_settle_output, wish)):
            number = wish.frame if place is None else _number_at(run, place, wish.at)
            seen = _made(run, number)
            preview = _preview(run, seen, wish)
        run.require_made()
        return preview


def _names(wish: Wish, run: Run) -> Names:
    run.job = with_added(run.job, run.host.plugins)
    names = resolve_names(run.job, run.host.plugins)
    if names.source is not None:
        raise UsageError(f"a stream such as {run.job.target} has no frames to choose from; take a file for a preview")
    run.job = settle_faces(run.job, names)
    if wish.picture:
        check_files(run.job, names)
        return names
    return replace(names, finishers=())


def _settle_output(wish: Wish, run: Run, names: Names) -> None:
    run.form = form_seen(run.target)
    if wish.picture:
        check_places(run.job, names, run.form, run.target.items)


def _made(run: Run, number: int) -> _Seen:
    """Run the chain for one frame."""
    seen = _Seen(number)
    still = None if run.target.streams else _still(run, number)
    chain = chains.build(run, number, still=still, only=True)

    def feed(message: Message) -> Iterator[Message]:
        if isinstance(message, Frame) and message.index == number:
            seen.after = message
            chains.count(run, message)
        yield from ()

    frames = _stream(run, seen, chain.splitter.first_frame) if still is None else _picture(still, seen)
    chains.execute(run, lambda: frames, [*chain.stages, StageSpec("show", feed)])
    if seen.after is None:
        raise _not_there(run, seen.last)
    return seen


def _still(run: Run, number: int) -> MediaInfo:
    items = run.target.items or (run.target,)
    if number >= len(items):
        raise _not_there(run, len(items) - 1)
    return items[number]


def _picture(still: MediaInfo, seen: _Seen) -> Iterator[Frame]:
    frame = read_picture(still)
    frame.index = seen.number
    yield _noted(frame, seen)


def _stream(run: Run, seen: _Seen, first: int) -> Iterator[Frame]:
    """The frames that the wished one needs. Decoding begins at the first of them where its place can be told."""
    known = known_at(run.target, first) if first else None
    begin = first if known is None else min(first, known.index)
    stop = seen.number + chains.reach_of(run).after
    with reader_of(run) as reader:
        for frame in reader.frames(begin, known=known, cancel=run.control.cancelled):
            seen.last = frame.index
            if frame.index < first:
                continue
            yield _noted(frame, seen) if frame.index == seen.number else frame
            if seen.last >= stop:
                return
        if seen.last < 0:  # who asked is told what there is
            seen.last = max((frame.index for frame in reader.frames(cancel=run.control.cancelled)), default=-1)


def _noted(frame: Frame, seen: _Seen) -> Frame:
    seen.before = frame.fork()
    frame.trace = np.zeros((frame.height, frame.width), np.float32)
    return frame


def _not_there(run: Run, last: int) -> UsageError:
    what = "frame" if run.target.streams else "picture"
    return UsageError(f"the last {what} of {run.job.target} that is used has the number {last}; name one from 0 to {last}")


def _number_at(run: Run, place: Fraction | int, said: str) -> int:
    """The number among the used frames of the one that is shown at ``place`` of the clip."""
    if not run.target.streams:
        raise UsageError(f"{run.job.target} has no time; leave --at out and name a picture with --frame")
    assert not isinstance(place, int)
    number = shown_at(run.target, place)
    if number is None:
        number = _counted(run, place)
    if number < 0:
        raise UsageError(f"--at {said} lies before the first frame that is used of {run.job.target}; name a later time")
    return number


def _counted(run: Run, place: Fraction) -> int:
    """The same by decoding from the beginning: beyond the last frame where the clip has ended by then."""
    number, ended, ends_s = -1, True, Fraction(0)
    with reader_of(run) as reader:
        for frame in reader.frames(cancel=run.control.cancelled):
            shown_s = reader.origin - run.target.begin_s + frame.time
            if shown_s > place:
                ended = False
                break
            number, ends_s = frame.index, shown_s + frame.duration * frame.time_base
    return number + (ended and place >= ends_s)


def _preview(run: Run, seen: _Seen, wish: Wish) -> Preview:
    assert seen.before is not None
    assert seen.after is not None
    before, after = seen.before, seen.after
    mask = after.trace if after.trace is not None else np.zeros((after.height, after.width), np.float32)
    if run.analyser is not None and not after.faces:
        run.notices.append(f"no face was found in frame {seen.number} of {run.job.target}, so it stays as it is")
    run.notices += told_of_unmatched(run, after)
    if wish.picture:
        run.form = "picture"
        panels = [("before", visible_bgr(before)), ("after", visible_bgr(after))]
        marked = with_faces(heat(visible_bgr(after), mask), [*_marked(_in_order(run, after), after.edited)])
        shown = side_by_side([*panels, ("what was changed", marked)])
        write_synthetic(run, shown, _belongings(run, seen.number), after.changed_by())
    return Preview(
        frame=seen.number,
        time_s=float(after.time),
        before_bgr=before.bgr(),
        after_bgr=after.bgr(),
        mask=mask,
        faces=_in_order(run, after),
        edited=after.edited,
        picture=wish.picture or None,
        report=report_of(run, status="done", exit_code=0),
    )


def _in_order(run: Run, frame: Frame) -> tuple[Face, ...]:
    """Its faces as the job counts them."""
    return tuple(ordered(frame.faces, run.job.faces.order))


def _marked(faces: Sequence[Face], edited: Set[int]) -> Iterator[Marked]:
    for position, face in enumerate(faces):
        lines = [f"face {position}"]
        if face.similarity is not None:
            lines.append(f"similarity {face.similarity:.2f}")
        lines.append("changed" if face.id in edited else "left as it is")
        yield Marked(position + 1, face.box_xyxy, tuple(lines))


def _belongings(run: Run, number: int) -> Belongings:
    """What belongs to the target's picture comes along, as in a run."""
    target = run.target
    if target.kind == "folder" and target.streams:
        return Belongings()
    return belongings_of(target.items[number] if target.items else target)
