"""What must hold for a processor's dealings with faces."""

from __future__ import annotations

from dataclasses import replace

from roop_host.errors import told
from roop_host.testing.checking import DoesNotApply, Failed
from roop_host.testing.checks.steps import carrying, frames, needs_of, pictures, source, working
from roop_host.testing.making import run_step
from roop_host.testing.people import clip
from roop_host.testing.subject import Subject
from roop_host.types.faces import Face
from roop_host.types.geometry import Box

#: Of a face's middle: whoever changes so much of it has changed the face.
_MOST = 0.5


def faces_changed_are_named(subject: Subject) -> None:
    """Whose face it changes is told.

    ``frame.put(box, bgr, alpha, face_id=face.id)`` notes whose face a change belongs to: the report counts faces by it, and
    steps behind ask ``frame.changed_by(face.id)``.
    """
    if not subject.spec.needs_faces:
        raise DoesNotApply("it does not work on faces")
    given = pictures(subject, 2)
    with working(subject) as step:
        made = run_step(step, subject.spec, frames(given))
    for frame, picture in zip(made, given, strict=True):
        strange = frame.edited - {face.id for face in picture.faces}
        if strange:
            raise Failed(f"it named face_id {min(strange)}, and no face of the frame has that")
        differs = (frame.bgr() != picture.bgr).any(axis=2)
        for face in picture.faces:
            middle = _middle(face)
            share = float(differs[middle.y0 : middle.y1, middle.x0 : middle.x1].mean())
            if share > _MOST and face.id not in frame.edited:
                raise Failed(f"it changed {100 * share:.0f} % of the middle of a face, and named no face_id")


def _middle(face: Face) -> Box:
    """Half of its width and height."""
    x0, y0, x1, y1 = face.box_xyxy
    wide, high = (x1 - x0) / 4, (y1 - y0) / 4
    return Box(round(x0 + wide), round(y0 + high), round(x1 - wide), round(y1 - high))


def needs_are_declared(subject: Subject) -> None:
    """It reads nothing of a face that it did not ask for.

    Box, score and ``landmarks_5`` are always there. All else may be None, unless ``needs`` of the spec, or of the choice
    that is made, names it: name what the step can't do without, and look whether the rest is there.
    """
    needs = needs_of(subject)
    given = [replace(one, faces=tuple(carrying(face, needs, only=True) for face in one.faces)) for one in clip(2)]
    asked = ", ".join(sorted(needs)) or "nothing"
    with subject.made() as made:
        try:
            with working(subject, source(subject, only=True), step=made) as step:
                run_step(step, subject.spec, frames(given))
        except Exception as error:
            raise Failed(f"it says that it needs {asked} of a face, and with no more it raised {told(error)}") from error


def a_source_is_asked_for(subject: Subject) -> None:
    """Without a source it works, unless it says that it needs one.

    ``needs_source=True`` in the spec refuses a job without a source face. Otherwise ``job.sources`` may be empty, and
    ``face.source`` is None then.
    """
    if subject.spec.needs_source:
        raise DoesNotApply("it says that it needs a source")
    given = [replace(one, faces=tuple(replace(face, source=None) for face in one.faces)) for one in pictures(subject, 2)]
    with subject.made() as made:
        try:
            with working(subject, step=made, alone=True) as step:
                run_step(step, subject.spec, frames(given))
        except Exception as error:
            raise Failed(f"it does not say that it needs a source, and without one it raised {told(error)}") from error
