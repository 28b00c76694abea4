"""How a processor is run by its checks: in a job, over pictures of the kit, with faces that carry what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host.testing.handling import in_job
from roop_host.testing.making import coded_frame_of, frame_of, run_step
from roop_host.testing.people import HEIGHT, WIDTH, Picture, clip, gathering, moved, portrait
from roop_host.testing.subject import Subject
from roop_host.types.faces import Face
from roop_host.types.frame import Frame
from roop_host.types.objects import Processor, SourceFace

#: Sigma of what is out of focus, in pixels.
_BLUR = 2.0
#: Measures of equal frames may differ by so much of themselves: floats are added up in another order.
_MEASURED = 1e-4
#: Fields of a face that an analyser may leave None.
OPTIONAL = (
    "mesh_468 embedding recogniser yaw_degrees landmarks_68 landmarks_106 pose_degrees gender age".split()  # noqa: SIM905
)


def needs_of(subject: Subject) -> frozenset[str]:
    """The fields of faces that it says it needs, with these options."""
    options = subject.options()
    choices = getattr(subject.spec, "choices", ())
    needs: frozenset[str] = subject.spec.needs
    return needs.union(*(choice.needs for choice in choices if choice.made_by(options)))


def carrying(face: Face, needs: frozenset[str], *, only: bool = False) -> Face:
    """``face`` with all that is needed; with ``only``, nothing else that an analyser may leave out."""
    recogniser = next((need.partition(":")[2] for need in needs if need.startswith("embedding:")), face.recogniser)
    full = replace(face, recogniser=recogniser)
    if "landmarks_106" in needs and face.landmarks_106 is None and face.mesh_468 is not None:
        full = replace(full, landmarks_106=np.ascontiguousarray(face.mesh_468[:106, :2]))
    if not only:
        return full
    given = {need.partition(":")[0] for need in needs}
    given |= {"recogniser"} if "embedding" in given else set()
    given |= {"yaw_degrees"} if given & {"mesh_468", "pose_degrees"} else set()
    left_out: dict[str, Any] = {name: None for name in OPTIONAL if name not in given}
    return replace(full, **left_out)


def source(subject: Subject, person: Any = "collins", *, only: bool = False) -> SourceFace:
    """A person to put in, with all that the step needs of a face."""
    shown = portrait(person)
    return SourceFace(f"{person}.jpg", shown.bgr, carrying(shown.face, needs_of(subject), only=only))


@contextmanager
def working(
    subject: Subject,
    *people: SourceFace,
    width: int = WIDTH,
    height: int = HEIGHT,
    step: Processor | None = None,
    alone: bool = False,
) -> Iterator[Any]:
    """A step in a job with these sources: with one where none is said, unless it is ``alone``.

    ``step`` is one that is set up already. Raises ``NotRun`` where something is missing here.
    """
    if step is None:
        with subject.made() as made, working(subject, *people, width=width, height=height, step=made, alone=alone):
            yield made
        return
    sources = () if alone else people or (source(subject),)
    with in_job(subject, step, *sources, width=width, height=height, media_type="image/png"):
        yield step


def pictures(subject: Subject, count: int) -> tuple[Picture, ...]:
    """The kit's clip, in which faces carry what the step needs; who is chosen is a little out of focus.

    So there is something to do for steps that make faces clear, too.
    """
    needs = needs_of(subject)
    return tuple(Picture(_out_of_focus(one), tuple(carrying(face, needs) for face in one.faces)) for one in clip(count))


def _out_of_focus(picture: Picture) -> NDArray[np.uint8]:
    bgr = picture.bgr.copy()
    for face in (face for face in picture.faces if face.chosen):
        x0, y0, x1, y1 = map(round, face.box_xyxy)
        bgr[y0:y1, x0:x1] = cv2.GaussianBlur(bgr[y0:y1, x0:x1], (0, 0), _BLUR)
    return bgr


def frames(given: Sequence[Picture], first: int = 0) -> list[Frame]:
    """Fresh frames of them, numbered from ``first`` on."""
    return [one.frame(number) for number, one in enumerate(given, first)]


def made_of(given: Sequence[Picture], subject: Subject) -> list[Frame]:
    """What a fresh object makes of a clip in a job of its own."""
    with working(subject) as step:
        return run_step(step, subject.spec, frames(given))


def apart(expected: Sequence[Frame], made: Sequence[Frame]) -> int:
    """The most by which what they show differs, of 255."""
    pairs = zip(expected, made, strict=True)
    return max(int(np.abs(one.bgr().astype(np.int16) - other.bgr()).max()) for one, other in pairs)


def difference(expected: Sequence[Frame], made: Sequence[Frame]) -> str:
    """How the pictures or measures of frames differ, as the rest of a sentence; empty where they don't."""
    most = apart(expected, made)
    if most:
        return f"differ by {most} of 255"
    for one, other in zip(expected, made, strict=True):
        told, again = ({(step, name): value for step, name, value in frame.measures} for frame in (one, other))
        for step, name in sorted(told.keys() ^ again.keys()):
            return f"have the measure {name} of {step} only once"
        for key, value in told.items():
            if not np.isclose(value, again[key], rtol=_MEASURED, atol=_MEASURED, equal_nan=True):
                return f"have the measure {key[1]} {again[key]:g} and not {value:g}"
    return ""


def coded(subject: Subject) -> dict[str, Frame]:
    """The kit's picture in the forms in which decoders give pictures, by what people call them."""
    shown = pictures(subject, 1)[0]
    alpha = np.full(shown.bgr.shape[:2], 200, np.uint8)
    alpha[:, ::7] = 40
    return {
        "an 8 bit RGB picture": shown.frame(),
        "a picture with alpha": frame_of(shown.bgr, alpha=alpha, faces=shown.faces),
        "an 8 bit 4:2:0 clip": coded_frame_of(shown.bgr, faces=shown.faces),
        "a 10 bit 4:2:0 clip": coded_frame_of(shown.bgr, depth=10, faces=shown.faces),
    }


def scaled(face: Face, factor: float, dx: float = 0, dy: float = 0) -> Face:
    """``face`` of a picture that was made smaller, then moved."""
    points: dict[str, Any] = {
        name: np.asarray(getattr(face, name) * np.float32(factor), np.float32)
        for name in ("landmarks_5", "mesh_468", "landmarks_68", "landmarks_106")
        if getattr(face, name) is not None
    }
    x0, y0, x1, y1 = (factor * edge for edge in face.box_xyxy)
    return moved(replace(face, box_xyxy=(x0, y0, x1, y1), **points), dx, dy)


def resized(bgr: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture of that size, whatever its shape."""
    return np.asarray(cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _one(subject: Subject, width: int, height: int) -> Picture:
    """Hopper's head, chosen, as large as a picture of that size can hold."""
    size = min(width, height)
    shown = portrait("hopper")
    bgr = np.full((height, width, 3), 90, np.uint8)
    bgr[:size, :size] = resized(shown.bgr, size, size)
    face = carrying(replace(shown.face, source=0, chosen=True), needs_of(subject))
    return Picture(bgr, (scaled(face, size / 224),))


def odd_frames(subject: Subject) -> dict[str, Frame]:
    """Frames that clips and folders have now and then, by what people call them."""
    odd, wide = _one(subject, 97, 131), _one(subject, 321, 180)
    needs = needs_of(subject)
    shown = gathering()
    hopper, collins = (carrying(face, needs) for face in shown.faces)
    small = resized(shown.bgr, WIDTH // 16, HEIGHT // 16)
    low = replace(moved(collins, -60, 120), id=3, chosen=True, source=0)
    made = {
        "a picture of 1 x 1 pixels": frame_of(np.full((1, 1, 3), 90, np.uint8)),
        "a picture of 3 x 3 pixels": frame_of(np.full((3, 3, 3), 90, np.uint8)),
        "a picture of 97 x 131 pixels": odd.frame(),
        "a grey picture": coded_frame_of(odd.bgr, chroma="grey", faces=odd.faces),
        "a picture with alpha": frame_of(odd.bgr, alpha=np.full(odd.bgr.shape[:2], 90, np.uint8), faces=odd.faces),
        "a 10 bit clip of odd size": coded_frame_of(odd.bgr, depth=10, faces=odd.faces),
        "a 4:2:2 clip of odd size": coded_frame_of(wide.bgr, chroma="422", faces=wide.faces),
        "a 12 bit 4:4:4 clip": coded_frame_of(wide.bgr, depth=12, chroma="444", faces=wide.faces),
        "faces that reach over the edge": frame_of(
            shown.bgr, faces=(moved(hopper, -90, 30), moved(collins, 110, -100), low)
        ),
        "faces of a few pixels": frame_of(small, faces=tuple(scaled(face, 1 / 16) for face in (hopper, collins))),
        "a face that was found twice": frame_of(shown.bgr, faces=(hopper, replace(hopper, id=9))),
    }
    for rotation in (90, 180, 270):
        turned = np.ascontiguousarray(np.rot90(odd.bgr, -rotation // 90))
        what = f"a clip that is shown turned by {rotation} degrees"
        made[what] = coded_frame_of(turned, rotation=rotation, faces=odd.faces)
    return made
