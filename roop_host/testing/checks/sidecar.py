"""What must hold for a sidecar's object: its pieces are kept with segments, so that a run can be continued."""

from __future__ import annotations

from collections.abc import Sequence

from roop_host.testing.checking import DoesNotApply, Failed
from roop_host.testing.handling import asked_of, in_job, made_in_job, timed
from roop_host.testing.odd import odd_frames
from roop_host.testing.people import clip
from roop_host.testing.subject import Subject
from roop_host.types.frame import Frame
from roop_host.types.objects import Sidecar
from roop_host.types.window import Segment


def sidecar_gives_bytes(subject: Subject) -> None:
    """``head``, ``piece`` and ``tail`` give ``bytes``.

    Encode texts: ``text.encode()``.
    """
    require_sidecar(subject)
    with made_in_job(subject) as sidecar:
        given = {"head": sidecar.head(), "piece": pieces(sidecar, timed(clip(1)))[0], "tail": sidecar.tail()}
    for what, content in given.items():
        if not isinstance(content, bytes):
            raise Failed(f"its {what} is {type(content).__name__}, not bytes")


def sidecar_begins_anew_at_segments(subject: Subject) -> None:
    """A piece depends on no frame before its segment.

    Reset in ``start`` what counts or adds up: in a run that is continued the frames before were never shown to this object.
    ``frame.index`` and ``frame.time`` go on over segments.
    """
    require_sidecar(subject)
    with made_in_job(subject) as sidecar, made_in_job(subject) as other:
        pieces(sidecar, timed(clip(3)))
        if pieces(sidecar, timed(clip(3), first=250)) != pieces(other, timed(clip(3), first=250)):
            raise Failed("pieces of the second segment are other ones where the first segment was not seen")


def sidecar_ends_know_no_frame(subject: Subject) -> None:
    """``head`` and ``tail`` depend on no frame, and are the same each time.

    They are asked for at the end, in a run that is continued of an object that has seen its last segments alone. A sum over
    all frames can't stand there, nor a clock.
    """
    require_sidecar(subject)
    with made_in_job(subject) as sidecar, made_in_job(subject) as other:
        pieces(sidecar, timed(clip(3)))
        for what in ("head", "tail"):
            if getattr(sidecar, what)() != getattr(other, what)():
                raise Failed(f"its {what} is another one after frames than before")
            if getattr(other, what)() != getattr(other, what)():
                raise Failed(f"its {what} is another one the second time it is asked for")


def sidecar_takes_frames_without_faces(subject: Subject) -> None:
    """A frame without faces, and a job without steps that look for any, is no error.

    ``frame.faces`` may be empty in all frames.
    """
    require_sidecar(subject)
    with made_in_job(subject) as sidecar, asked_of("frames without faces"):
        pieces(sidecar, timed([picture.without_faces() for picture in clip(2)]))


def sidecar_takes_odd_frames(subject: Subject) -> None:
    """Tiny, turned, deep, grey and transparent frames have their piece.

    What ``frame.bgr()`` gives is upright uint8 of any frame.
    """
    require_sidecar(subject)
    with subject.made() as sidecar:
        for name, frame in odd_frames().items():
            with in_job(subject, sidecar, width=frame.width, height=frame.height), asked_of(name):
                pieces(sidecar, [frame])


def sidecar_jobs_are_apart(subject: Subject) -> None:
    """A later job gives the bytes that it would give alone.

    ``end`` drops what ``begin`` made; nothing of a job stays in the object.
    """
    require_sidecar(subject)
    made = []
    with subject.made() as sidecar:
        for _ in range(2):
            with in_job(subject, sidecar):
                made.append([*pieces(sidecar, timed(clip(2))), sidecar.head(), sidecar.tail()])
    if made[0] != made[1]:
        raise Failed("an equal second job gives other bytes than the first one")


def require_sidecar(subject: Subject) -> None:
    """Raise ``DoesNotApply`` for the other roles."""
    if subject.spec.role != "sidecar":
        raise DoesNotApply(f"it is a {subject.spec.role}, not a sidecar")


def pieces(sidecar: Sidecar, frames: Sequence[Frame]) -> list[bytes]:
    """The pieces of a segment that is made of these frames."""
    first = frames[0].index
    sidecar.start(Segment(first // 250, first, first + 250))
    return [sidecar.piece(frame.view()) for frame in frames]


FUNCTIONS = (
    sidecar_gives_bytes,
    sidecar_begins_anew_at_segments,
    sidecar_ends_know_no_frame,
    sidecar_takes_frames_without_faces,
    sidecar_takes_odd_frames,
    sidecar_jobs_are_apart,
)
