"""Frames in which nobody is who was asked for: kept as they are, covered by the last that was, left out, or the end.

A segment is made alone, so it covers nothing with what came before it: frames up to its first match are left out, which
looks just as if the last of the segment before were held.
"""

from __future__ import annotations

from collections.abc import Iterator

from roop_host.errors import NoFaceError
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import LeftOut, Message, SegmentEnd, SegmentStart
from roop_host.runner.state import Run
from roop_host.types.frame import Frame, FrameView, let_go


def is_match(run: Run, frame: Frame | LeftOut) -> bool:
    """Whether the steps find a face that was asked for."""
    return any(face.chosen for face in frame.faces)


def is_held(run: Run, frame: Frame) -> bool:
    """Whether a finished frame shows the picture of one before it."""
    return _holds(run) and not is_match(run, frame)


def require_match(run: Run, frame: Frame) -> None:
    """Raise ``NoFaceError`` for a frame without a match where the job is to end there."""
    if run.job.on_no_face == "fail" and _needed(run) and not is_match(run, frame):
        what = "shows faces, but not the one that was asked for" if frame.faces else "shows no face"
        raise NoFaceError(
            f"frame {frame.index} at {float(frame.time):.2f} s {what}; with --on-no-face keep such frames stay as they are"
        )


def told_of_unmatched(run: Run, frame: Frame) -> Iterator[str]:
    """What a run does with a frame without a match, where it does not show it as it is: a preview does."""
    if is_match(run, frame) or not _needed(run):
        return
    if _holds(run):
        yield f"in a run with --on-no-face hold the last frame that shows the face stands in place of frame {frame.index}"
    elif run.job.on_no_face == "drop":
        yield f"a run with --on-no-face drop leaves frame {frame.index} out"


def require_any_match(run: Run) -> None:
    """Raise ``NoFaceError`` where not one frame of the whole target was a match: there was nothing to change."""
    if not _needed(run) or run.counts.matched:
        return
    position, most = run.job.faces.position or 0, run.counts.most_faces
    what = f"no face was found in the target {run.job.target}"
    if most and position >= most:
        faces = "1 face" if most == 1 else f"{most} faces"
        what = (
            f"no frame of the target {run.job.target} shows more than {faces}, counted from 0, so nobody is at "
            f"--face-position {position}"
        )
    elif most:
        what = f"none of the faces in the target {run.job.target} is the one that was asked for"
    raise NoFaceError(f"{what}, so there is nothing to change; nothing was written")


def stages(run: Run) -> list[StageSpec]:
    """The stage that holds or leaves out, where the job asks for it. A picture by itself has nothing to hold."""
    hold = _holds(run)
    if not hold and not (run.job.on_no_face == "drop" and _needed(run)):
        return []
    return [StageSpec("hold unmatched" if hold else "drop unmatched", _Unmatched(run, hold=hold).feed)]


def _needed(run: Run) -> bool:
    return any(step.declared.spec.needs_faces for step in run.steps)


def _holds(run: Run) -> bool:
    return run.job.on_no_face == "hold" and run.form in ("video", "animation") and _needed(run)


class _Unmatched:
    def __init__(self, run: Run, *, hold: bool) -> None:
        self._run, self._hold = run, hold
        self._held: FrameView | None = None

    def feed(self, message: Message) -> Iterator[Message]:
        if isinstance(message, (SegmentStart, SegmentEnd)):
            self._let_go()
        elif isinstance(message, Frame):
            message = self._seen(message)
        yield message

    def _seen(self, frame: Frame) -> Message:
        if is_match(self._run, frame):
            if self._hold:
                self._let_go()
                self._held = frame.view()
        elif self._held is not None:
            frame.show(self._held)
        else:
            return LeftOut(frame.index, frame.pts, frame.duration, frame.faces)
        return frame

    def _let_go(self) -> None:
        if self._held is not None:
            let_go((self._held,))
            self._held = None
