"""What must hold for writers, sidecars and finishers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from roop_host.testing.checking import DoesNotApply, checks
from roop_host.testing.checks import finisher, sidecar, writer
from roop_host.testing.handling import from_another_thread, made_in_job, require_let_go, require_untouched, timed
from roop_host.testing.people import clip
from roop_host.testing.subject import Subject
from roop_host.types.frame import FrameView
from roop_host.types.objects import Sidecar, StreamInfo, Writer
from roop_host.types.window import Segment


def frames_stay_as_they_are(subject: Subject) -> None:
    """What a sidecar or a writer is shown is not changed.

    Copy an array before you write into it: the frame goes to others too.
    """
    _shown(subject, lambda call: require_untouched(timed(clip(2)), call))


def no_frame_is_kept(subject: Subject) -> None:
    """No frame outlives the call that it was given in.

    Keep what is to be written, such as bytes, never the frame or the view: the host uses their memory again.
    """
    _shown(subject, lambda call: require_let_go(lambda: timed(clip(2)), call))


def another_thread_may_ask(subject: Subject) -> None:
    """It works in another thread than the one that set it up.

    ``setup`` comes from the host's thread, frames from the stage's own: make what is bound to a thread in the first call.
    """
    _shown(subject, lambda call: from_another_thread(lambda: call([frame.view() for frame in timed(clip(2))])))


def _shown(subject: Subject, asked: Callable[[Callable[[Sequence[FrameView]], object]], object]) -> None:
    """Let ``asked`` show frames to an object by the call that it is given."""
    if subject.spec.role == "finisher":
        raise DoesNotApply("a finisher is shown no frames")
    with made_in_job(subject) as item, TemporaryDirectory() as folder:
        if subject.spec.role == "sidecar":
            asked(lambda views: _pieces(item, views))
        else:
            path = Path(folder) / f"output{subject.spec.suffixes[0]}"
            asked(lambda views: _written(item, path, views))


def _pieces(item: Sidecar, views: Sequence[FrameView]) -> None:
    item.start(Segment(0, 0, 250))
    for view in views:
        item.piece(view)


def _written(item: Writer, path: Path, views: Sequence[FrameView]) -> None:
    first = views[0]
    item.open(path, StreamInfo(first.width, first.height, first.time_base, Fraction(25), len(views)))
    for view in views:
        item.write(view)
    item.close()


CHECKS = checks(
    *sidecar.FUNCTIONS,
    *writer.FUNCTIONS,
    *finisher.FUNCTIONS,
    frames_stay_as_they_are,
    no_frame_is_kept,
    another_thread_may_ask,
)
