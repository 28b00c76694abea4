"""What each kind of object is there for, called once: for checks that look at what it does beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from roop_host.testing.checks.sidecar import pieces
from roop_host.testing.checks.source import opening
from roop_host.testing.checks.steps import frames, pictures, working
from roop_host.testing.checks.writer import written
from roop_host.testing.finishing import run_jobs, targets
from roop_host.testing.handling import in_job, timed
from roop_host.testing.making import run_step
from roop_host.testing.people import clip
from roop_host.testing.sending import sending_by
from roop_host.testing.subject import Subject
from roop_host.types.objects import Stage
from roop_host.types.window import Segment


def main_call(subject: Subject, item: Any) -> None:
    """What ``item``, which is set up, does in a job; of a finisher's whole job, an object of its own.

    Raises ``NotRun`` where that lacks something here, such as a source's address.
    """
    _CALLS[subject.spec.role if subject.hook == "roop_exporters" else subject.hook](subject, item)


def _process(subject: Subject, item: Any) -> None:
    with working(subject, step=item) as step:
        run_step(step, subject.spec, frames(pictures(subject, 1)))


def _screen(subject: Subject, item: Any) -> None:
    with in_job(subject, item):
        for stage in Stage:
            item.screen([clip(1)[0].frame()], stage)


def _analyse(subject: Subject, item: Any) -> None:
    item.analyse_picture(clip(1)[0].without_faces().frame().view())
    with in_job(subject, item):
        item.start(Segment(0, 0, 1))
        item.analyse(clip(1)[0].without_faces().frame().view())


def _piece(subject: Subject, item: Any) -> None:
    with in_job(subject, item):
        pieces(item, timed(clip(1)))
        item.head()
        item.tail()


def _write(subject: Subject, item: Any) -> None:
    with in_job(subject, item), TemporaryDirectory() as folder:
        written(item, Path(folder) / f"output{subject.spec.suffixes[0]}", timed(clip(2)))


def _finish(subject: Subject, _: Any) -> None:
    with TemporaryDirectory() as folder:
        (target,) = targets(Path(folder), ".png")
        run_jobs(subject, {target: Path(folder) / "output.png"})


def _send(subject: Subject, item: Any) -> None:
    with sending_by(subject, item):
        pass


def _read(subject: Subject, item: Any) -> None:
    with opening(subject, item) as opened:
        list(opened.frames(2))


_CALLS: dict[str, Callable[[Subject, Any], None]] = {
    "roop_processors": _process,
    "roop_screeners": _screen,
    "roop_analysers": _analyse,
    "roop_uploaders": _send,
    "roop_sources": _read,
    "writer": _write,
    "sidecar": _piece,
    "finisher": _finish,
}
