"""What each kind of object is there for, called once: for checks that look at what it does beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from roop_host.testing.checks.steps import frames, pictures, working
from roop_host.testing.making import run_step
from roop_host.testing.people import HEIGHT, WIDTH, clip
from roop_host.testing.subject import Subject
from roop_host.types.objects import Stage
from roop_host.types.window import Segment


def main_call(subject: Subject, item: Any) -> None:
    """What ``item``, which is set up, does in a job; nothing where that needs more than pictures, as with an upload."""
    call = _CALLS.get(subject.spec.role if subject.hook == "roop_exporters" else subject.hook)
    if call is not None:
        call(subject, item)


def _process(subject: Subject, item: Any) -> None:
    with working(subject, step=item) as step:
        run_step(step, subject.spec, frames(pictures(subject, 1)))


def _screen(subject: Subject, item: Any) -> None:
    item.begin(subject.job(width=WIDTH, height=HEIGHT))
    for stage in Stage:
        item.screen([clip(1)[0].frame()], stage)
    item.end()


def _analyse(subject: Subject, item: Any) -> None:
    item.begin(subject.job(width=WIDTH, height=HEIGHT))
    item.analyse_picture(clip(1)[0].without_faces().frame().view())
    item.start(Segment(0, 0, 1))
    item.analyse(clip(1)[0].without_faces().frame().view())
    item.end()


def _piece(subject: Subject, item: Any) -> None:
    item.begin(subject.job(width=WIDTH, height=HEIGHT))
    item.start(Segment(0, 0, 1))
    item.piece(clip(1)[0].frame().view())
    item.head()
    item.tail()
    item.end()


_CALLS: dict[str, Callable[[Subject, Any], None]] = {
    "roop_processors": _process,
    "roop_screeners": _screen,
    "roop_analysers": _analyse,
    "sidecar": _piece,
}
