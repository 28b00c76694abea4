"""What must hold for an analyser's object."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from roop_host.testing.checking import Failed, checks
from roop_host.testing.checks.faces import difference, found_by, seen_by, wrong_with
from roop_host.testing.handling import (
    asked_of,
    from_another_thread,
    in_job,
    made_in_job,
    require_let_go,
    require_untouched,
    timed,
)
from roop_host.testing.making import frame_of
from roop_host.testing.odd import odd_frames
from roop_host.testing.people import Picture, clip, gathering, portrait
from roop_host.testing.subject import Subject
from roop_host.types.faces import Face
from roop_host.types.frame import Frame
from roop_host.types.geometry import overlap
from roop_host.types.objects import Analyser
from roop_host.types.specs import AnalyserSpec
from roop_host.types.window import Segment

#: Of what two boxes cover together, the least part they share when both are of one face.
_SAME = 0.3
#: In pixels and degrees: what an analyser that forgot everything may differ by from one that knows nothing.
_NEAR = 0.01


def faces_of_portraits_are_found(subject: Subject) -> None:
    """In each portrait of the kit one face is found, where it is.

    ``analyse_picture`` looks at sources, before any ``begin``: it may take its time. ``box_xyxy`` is left, top, right,
    bottom in upright pixels, not width and height, and nobody is found twice.
    """
    with subject.made() as analyser:
        for person in (portrait("hopper"), portrait("collins")):
            found = found_by(analyser, frame_of(person.bgr), f"the portrait {person.name}")
            near = [face for face in found if overlap(face.box_xyxy, person.face.box_xyxy) > _SAME]
            if len(near) != 1:
                boxes = [tuple(map(round, face.box_xyxy)) for face in found]
                where = tuple(map(round, person.face.box_xyxy))
                raise Failed(f"it finds {len(near)} faces at {where} of the portrait {person.name}; what it finds: {boxes}")


def faces_of_clips_are_found(subject: Subject) -> None:
    """In a clip of a portrait its face is found, by the third frame at the latest.

    ``analyse`` is asked for every frame, in order, after a ``start``.
    """
    person = portrait("hopper")
    with made_in_job(subject) as analyser:
        last = seen_by(analyser, timed([Picture(person.bgr)] * 3))[-1]
    if not any(overlap(face.box_xyxy, person.face.box_xyxy) > _SAME for face in last):
        raise Failed(f"it finds {len(last)} faces in the third frame of a clip of one portrait, and none where the face is")


def faces_are_as_described(subject: Subject) -> None:
    """Every field of a face is of the type, the shape and the meaning that ``Face`` tells.

    Points are float32 and finite, boxes have their corners in order and touch the picture, an embedding comes with its
    recogniser, which is among the spec's ``recognisers``; what is not known is None.
    """
    known = frozenset(subject.spec.recognisers)
    with made_in_job(subject) as analyser:
        pictures = [portrait("hopper").bgr, portrait("collins").bgr, gathering().bgr]
        looks = [(frame_of(bgr), found_by(analyser, frame_of(bgr), "a picture of the kit")) for bgr in pictures]
        frames = timed(clip(3))
        looks += zip(frames, seen_by(analyser, frames), strict=True)
    for frame, faces in looks:
        for face in faces:
            wrong = wrong_with(face, frame.width, frame.height, known)
            if wrong:
                raise Failed(f"a face {wrong}")


def what_it_gives_is_filled(subject: Subject) -> None:
    """What ``gives`` of the declaration, and of the choices that the options made, promises is filled.

    Steps that need it rely on it. ``embedding:NAME`` promises that ``recogniser`` is that name.
    """
    spec: AnalyserSpec = subject.spec
    with made_in_job(subject) as analyser:
        options = subject.options()
        made = [choice for choice in spec.choices if choice.made_by(options)]
        promised = sorted({*spec.gives, *(name for choice in made for name in choice.gives)})
        person = portrait("hopper")
        looks = {
            "a portrait": found_by(analyser, frame_of(person.bgr), "a portrait"),
            "the third frame of a clip": seen_by(analyser, timed([Picture(person.bgr)] * 3))[-1],
        }
    for where, faces in looks.items():
        for name in promised:
            field, _, recogniser = name.partition(":")
            for face in faces:
                if getattr(face, field) is None:
                    raise Failed(f"it gives {field}, as it declares, and a face of {where} has none")
                if recogniser and face.recogniser != recogniser:
                    raise Failed(f"it declares {name}, and a face of {where} has an embedding of {face.recogniser}")


def ids_are_tracks(subject: Subject) -> None:
    """A face keeps its id from frame to frame, and no two faces of a frame have the same.

    Where the picture does not change at all nobody becomes somebody else.
    """
    with made_in_job(subject) as analyser:
        seen = seen_by(analyser, timed([gathering()] * 5))
    for number, faces in enumerate(seen):
        ids = [face.id for face in faces]
        if len(ids) != len(set(ids)):
            raise Failed(f"in frame {number} two faces have the same id: {sorted(ids)}")
    for number, (before, now) in enumerate(pairwise(seen)):
        for face in now:
            was = [other.id for other in before if overlap(face.box_xyxy, other.box_xyxy) > 0.9]
            if was and face.id not in was:
                raise Failed(f"the face {was[0]} of frame {number} is {face.id} in the next one, which is equal to it")


def pictures_leave_tracks_alone(subject: Subject) -> None:
    """``analyse_picture`` changes nothing in what ``analyse`` finds next.

    Sources and references may be looked at between two frames: let it use nothing that tracking keeps.
    """
    frames = timed(clip(4))
    with made_in_job(subject) as analyser, made_in_job(subject) as other:
        undisturbed = seen_by(other, frames)
        analyser.start(Segment(0, 0, 250))
        seen = []
        for frame in frames:
            seen.append(_analysed(analyser, frame))
            found_by(analyser, frame_of(portrait("collins").bgr), "a portrait")
    _require_alike(undisturbed, seen, "after a picture was looked at between")


def nobody_is_no_error(subject: Subject) -> None:
    """Where nobody is to be seen nobody is found: the answer is empty, and no error.

    Black and plain frames come in every clip, also in the middle of one.
    """
    blank = [Picture(np.full((96, 128, 3), level, np.uint8)) for level in (0, 128, 255)]
    with made_in_job(subject) as analyser:
        for picture in blank:
            if found_by(analyser, picture.frame(), "a plain picture"):
                raise Failed("it finds a face in a plain picture")
        for faces in seen_by(analyser, timed(blank)):
            if faces:
                raise Failed("it finds a face in a plain frame")
        height, width = gathering().bgr.shape[:2]
        black = Picture(np.zeros((height, width, 3), np.uint8))
        seen_by(analyser, timed([gathering(), black, gathering()]))


def odd_frames_are_no_error(subject: Subject) -> None:
    """Tiny, turned, deep, grey and transparent frames are looked at.

    ``frame.bgr()`` gives uint8 B, G, R upright of any frame. Do not rely on a least size, nor on equal sizes of pictures.
    """
    with subject.made() as analyser:
        for name, frame in odd_frames().items():
            faces = [*found_by(analyser, frame, name)]
            with in_job(subject, analyser, width=frame.width, height=frame.height), asked_of(name):
                faces += seen_by(analyser, [frame])[0]
            for face in faces:
                wrong = wrong_with(face, frame.width, frame.height, frozenset(subject.spec.recognisers))
                if wrong:
                    raise Failed(f"a face of {name} {wrong}")


def start_forgets(subject: Subject) -> None:
    """After ``start`` it finds what an object finds that has seen nothing.

    A run that is continued begins at a segment: drop all tracks, and all that was learnt of the frames before. Ids may
    go on.
    """
    frames = timed(clip(3), first=250)
    with made_in_job(subject) as analyser, made_in_job(subject) as other:
        expected = seen_by(other, frames)
        flipped = [Picture(np.ascontiguousarray(picture.bgr[:, ::-1])) for picture in clip(3)]
        seen_by(analyser, timed(flipped))
        seen = seen_by(analyser, frames)
    _require_alike(expected, seen, "after start, behind another segment", ids=False)


def same_frames_same_faces(subject: Subject) -> None:
    """Two objects find bit by bit the same in the same frames.

    So a run that is continued gives the same output. Seed what is random, and take no clock.
    """
    frames = timed(clip(3))
    with made_in_job(subject) as analyser, made_in_job(subject) as other:
        _require_alike(seen_by(analyser, frames), seen_by(other, frames), "the second time", near=0.0)


def jobs_leave_nothing_behind(subject: Subject) -> None:
    """In a later job it finds what it found in the first one.

    ``end`` drops what ``begin`` made; what ``setup`` made stays as it is for all jobs.
    """
    frames = timed(clip(2))
    seen: list[list[Sequence[Face]]] = []
    with subject.made() as analyser:
        for _ in range(2):
            with in_job(subject, analyser, portrait("hopper").as_source()):
                seen.append(seen_by(analyser, frames))
    _require_alike(seen[0], seen[1], "in a second job", ids=False)


def results_stay_as_they_are(subject: Subject) -> None:
    """What was given of a frame does not change when the next one is looked at.

    Give arrays of their own: steps may look back at the faces of earlier frames. Copy what the next frame is written into.
    """
    frames = timed([*clip(2), Picture(np.ascontiguousarray(gathering().bgr[:, ::-1]))])
    with made_in_job(subject) as analyser, made_in_job(subject) as other:
        analyser.start(Segment(0, 0, 250))
        given = list(_analysed(analyser, frames[0]))
        for frame in frames[1:]:
            _analysed(analyser, frame)
        expected = seen_by(other, frames[:1])[0]
    _require_alike([expected], [given], "once later frames were looked at")


def frames_stay_as_they_are(subject: Subject) -> None:
    """What is looked at is not changed: neither pixels nor what is told of a frame.

    Give faces back; the host sets ``frame.faces``. Copy an array before you write into it.
    """
    with made_in_job(subject) as analyser:
        analyser.start(Segment(0, 0, 250))
        require_untouched(timed(clip(2)), lambda views: [list(analyser.analyse(view)) for view in views])
        picture = [gathering().frame()]
        require_untouched(picture, lambda views: [list(analyser.analyse_picture(view)) for view in views])


def no_frame_is_kept(subject: Subject) -> None:
    """No frame outlives the call that it was given in.

    To follow points from the last frame keep a small copy of it, never the frame: the host uses its memory again.
    """
    with made_in_job(subject) as analyser:
        analyser.start(Segment(0, 0, 250))
        require_let_go(lambda: timed(clip(2)), lambda views: [list(analyser.analyse(view)) for view in views])
        pictures = [gathering()]
        require_let_go(lambda: timed(pictures), lambda views: [list(analyser.analyse_picture(view)) for view in views])


def another_thread_may_ask(subject: Subject) -> None:
    """It works in another thread than the one that set it up.

    ``setup`` and pictures of sources come from the host's thread, frames from the stage's own: make what is bound to a
    thread in the first call.
    """
    with subject.made() as analyser:
        found_by(analyser, frame_of(portrait("hopper").bgr), "a portrait")
        with in_job(subject, analyser):
            from_another_thread(lambda: seen_by(analyser, timed(clip(2))))


def _analysed(analyser: Analyser, frame: Frame) -> Sequence[Face]:
    return seen_by(analyser, [frame], begins=False)[0]


def _require_alike(
    expected: Sequence[Sequence[Face]], seen: Sequence[Sequence[Face]], when: str, *, ids: bool = True, near: float = _NEAR
) -> None:
    """Raise ``Failed`` where other faces were seen than expected."""
    for number, (one, other) in enumerate(zip(expected, seen, strict=True)):
        told = difference(one, other, ids=ids, near=near)
        if told:
            raise Failed(f"{when}, frame {number} {told}")


CHECKS = checks(
    faces_of_portraits_are_found,
    faces_of_clips_are_found,
    faces_are_as_described,
    what_it_gives_is_filled,
    ids_are_tracks,
    pictures_leave_tracks_alone,
    nobody_is_no_error,
    odd_frames_are_no_error,
    start_forgets,
    same_frames_same_faces,
    jobs_leave_nothing_behind,
    results_stay_as_they_are,
    frames_stay_as_they_are,
    no_frame_is_kept,
    another_thread_may_ask,
)
