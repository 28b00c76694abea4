"""What must hold for a processor's object."""

from __future__ import annotations

import numpy as np

from roop_host.testing.checking import Failed, checks
from roop_host.testing.making import window_of
from roop_host.testing.people import clip
from roop_host.testing.subject import Subject


def no_faces_is_no_error(subject: Subject) -> None:
    """A frame in which nobody is seen is no error.

    Clips have frames without faces, and what analysers miss: go over ``frame.faces`` in a loop that may be empty.
    """
    picture = clip(1)[0].without_faces()
    with subject.made() as step:
        frame = picture.frame()
        step.process(window_of(frame, step=subject.name))
    if subject.spec.needs_faces and not np.array_equal(frame.bgr(), picture.bgr):
        raise Failed("it changed a frame without faces, though it says that it works on them")


CHECKS = checks(no_faces_is_no_error)
