"""What must hold for a screener's object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roop_host.gate import HIGHEST_LIMIT, is_prepared
from roop_host.gate.answers import checked_inputs, checked_scores
from roop_host.testing.checking import DoesNotApply, Failed, checks
from roop_host.testing.checks import prepared
from roop_host.testing.handling import asked_of, from_another_thread, in_job, made_in_job, require_let_go, require_untouched
from roop_host.testing.making import frame_of
from roop_host.testing.odd import odd_frames
from roop_host.testing.people import portrait
from roop_host.testing.subject import Subject
from roop_host.types.frame import Frame, FrameView
from roop_host.types.objects import Screener, Stage

#: Of two scores of one picture: what a network's rounding makes of it in another batch.
_ALIKE = 1e-3


def scores_are_numbers(subject: Subject) -> None:
    """Every picture gets one score, a finite number from 0 to 1, higher is worse.

    Return a list with one plain ``float`` for each frame that was given; no array of arrays, no bool and no percentage. The
    host stops every job at anything else.
    """
    with made_in_job(subject) as screener:
        for name, frame in _pictures().items():
            _score(subject, screener, frame, name)


def covers_are_said(subject: Subject) -> None:
    """The declaration says what the screener covers, and a threshold that is a limit.

    Name in ``covers`` what it looks for, such as ``frozenset({"nudity"})``; ``threshold`` is above 0, where all would be
    refused, and at most 0.85, as the host refuses everything above that itself.
    """
    if not subject.spec.covers:
        raise Failed("it covers nothing: covers is empty")
    if not 0 < subject.spec.threshold <= HIGHEST_LIMIT:
        raise Failed(f"its threshold is {subject.spec.threshold:g}, which is not above 0 and at most {HIGHEST_LIMIT:g}")


def every_stage_is_answered(subject: Subject) -> None:
    """Sources, frames of the target and frames of the output are all judged.

    Give scores for every ``stage``; one that is nothing to the screener is judged like the others. Sources are shown before
    ``begin``, so that they can be refused before any work.
    """
    picture = _pictures()["a portrait"]
    with subject.made() as screener:
        _score(subject, screener, picture, "a source, which is shown before begin", Stage.SOURCE)
        with in_job(subject, screener):
            for stage in (Stage.TARGET, Stage.OUTPUT):
                _score(subject, screener, picture, f"a picture of the stage {stage.value}", stage)


def plain_pictures_are_judged(subject: Subject) -> None:
    """A black, a white and a grey picture are judged as any other.

    Clips begin and end in black. Look out for a division by a contrast, a sum or a size that is 0, which gives NaN.
    """
    with made_in_job(subject) as screener:
        for name, frame in _plain(48, 64).items():
            _score(subject, screener, frame, name)


def odd_frames_are_judged(subject: Subject) -> None:
    """Tiny, turned, deep, grey and transparent pictures are judged, not refused.

    Take the picture by ``frame.bgr()`` or ``frame.shrunk(width, height)``, which give uint8 B, G, R upright of any frame,
    and do not rely on a least size.
    """
    with subject.made() as screener:
        for name, frame in odd_frames().items():
            with in_job(subject, screener, width=frame.width, height=frame.height):
                _score(subject, screener, frame, name)


def frames_and_views_are_judged_alike(subject: Subject) -> None:
    """A frame and a view of it get the same score.

    The host shows views, which have no ``put``, and a program that embeds roop may show frames: use what both have.
    """
    with made_in_job(subject) as screener:
        for name, frame in _pictures().items():
            _require_alike(
                _score(subject, screener, frame, f"a view of {name}"),
                _answer(screener, [frame], name)[0],
                f"{name} gets {{0:.4f}} as a view and {{1:.4f}} as a frame",
            )


def batch_equals_single(subject: Subject) -> None:
    """Pictures in one call get the scores, in order, that each of them gets alone.

    Return the scores in the order of the frames, and let no picture of a call count for another: a black one among them
    changes nothing of the rest.
    """
    frames = {**_plain(224, 224), **_pictures()}
    size = min(subject.spec.batch_size, len(frames))
    if size == 1:
        raise DoesNotApply("it is given one picture at a time: its batch_size is 1")
    mixed = ("a portrait", "a black picture", "blue", "a white picture", "another portrait", "noise", "a grey picture")
    with made_in_job(subject) as screener:
        alone = {name: _score(subject, screener, frame, name) for name, frame in frames.items()}
        for names in (mixed[:size], mixed[::-1][:size], tuple(_pictures())[:size]):
            together = _scores(subject, screener, [frames[name] for name in names], "several pictures in one call")
            for name, score in zip(names, together, strict=True):
                _require_alike(alone[name], score, f"{name} gets {{0:.4f}} alone and {{1:.4f}} beside others")


def same_picture_same_score(subject: Subject) -> None:
    """A picture's score does not hang on what was looked at before.

    Keep nothing of the pictures: two objects look in one job, at what comes in and at what goes out, and a run that is
    continued has seen other pictures before.
    """
    frames = _pictures()
    with made_in_job(subject) as screener, made_in_job(subject) as other:
        first = {name: _score(subject, screener, frame, name) for name, frame in frames.items()}
        for name, frame in reversed(frames.items()):
            again = _score(subject, screener, frame, name)
            _require_alike(first[name], again, f"{name} gets {{0:.4f}} at first and {{1:.4f}} after other pictures")
            fresh = _score(subject, other, frame, name)
            _require_alike(first[name], fresh, f"{name} gets {{0:.4f}} from one object and {{1:.4f}} from another")


def jobs_leave_nothing_behind(subject: Subject) -> None:
    """After a job a picture gets the score that it got in the first one.

    ``end`` drops what ``begin`` made; what ``setup`` made stays as it is for all jobs.
    """
    scores = []
    with subject.made() as screener:
        for source in (portrait("hopper"), portrait("collins"), portrait("hopper")):
            with in_job(subject, screener, source.as_source(), width=224, height=224, media_type="image/png"):
                scores.append(_score(subject, screener, _pictures()["a portrait"], "a picture of a job"))
    _require_alike(scores[0], scores[2], "a portrait gets {0:.4f} in the first job and {1:.4f} in an equal one later")


def frames_stay_as_they_are(subject: Subject) -> None:
    """What is looked at is not changed.

    A screener judges. Copy an array before you write into it, and set no attribute of a frame.
    """
    with made_in_job(subject) as screener:
        for name, frame in _pictures().items():
            require_untouched([frame], lambda views, name=name: _answer(screener, views, name))  # type: ignore[misc]


def no_frame_is_kept(subject: Subject) -> None:
    """No frame outlives the call that it was given in.

    Keep numbers or small copies, never a frame or a view: the host uses their memory again for the next picture.
    """
    with made_in_job(subject) as screener:
        require_let_go(lambda: [_pictures()["a portrait"]], lambda views: _answer(screener, views, "a portrait"))


def another_thread_may_ask(subject: Subject) -> None:
    """It works in another thread than the one that set it up.

    ``setup`` is called from the host's thread and frames come from the stage's own: make what is bound to a thread, such as
    an event loop, in the first call.
    """
    with made_in_job(subject) as screener:
        from_another_thread(lambda: _score(subject, screener, _pictures()["a portrait"], "a picture from another thread"))


def _plain(height: int, width: int) -> dict[str, Frame]:
    levels = {"a black picture": 0, "a white picture": 255, "a grey picture": 128}
    return {name: frame_of(np.full((height, width, 3), level, np.uint8)) for name, level in levels.items()}


def _pictures() -> dict[str, Frame]:
    noise = np.random.default_rng(5).integers(0, 256, (90, 160, 3)).astype(np.uint8)
    blue = np.zeros((72, 96, 3), np.uint8)
    blue[20:] = (200, 90, 20)
    one = {"a portrait": portrait("hopper").bgr, "another portrait": portrait("collins").bgr, "noise": noise, "blue": blue}
    return {name: frame_of(bgr, number) for number, (name, bgr) in enumerate(one.items())}


def _score(subject: Subject, screener: Screener, frame: Frame, what: str, stage: Stage = Stage.TARGET) -> float:
    return _scores(subject, screener, [frame], what, stage)[0]


def _scores(
    subject: Subject, screener: Screener, frames: Sequence[Frame], what: str, stage: Stage = Stage.TARGET
) -> list[float]:
    """As the gate asks, of views."""
    if not is_prepared(screener):
        return _answer(screener, [frame.view() for frame in frames], what, stage)
    scores = []
    for frame in frames:
        with asked_of(what):
            given = checked_inputs(screener.prepare(frame.view()))
            size = subject.spec.batch_size
            parts = [given[first : first + size] for first in range(0, len(given), size)]
            scores.append(max(max(checked_scores(screener.judge(tuple(part), stage), len(part))) for part in parts))
    return scores


def _answer(screener: Screener, frames: Sequence[Frame | FrameView], what: str, stage: Stage = Stage.TARGET) -> list[float]:
    with asked_of(what):
        return checked_scores(screener.screen(tuple(frames), stage), len(frames))


def _require_alike(one: float, other: float, told: str) -> None:
    """``told`` has places for both scores."""
    if abs(one - other) > _ALIKE:
        raise Failed(told.format(one, other))


CHECKS = checks(
    covers_are_said,
    scores_are_numbers,
    every_stage_is_answered,
    plain_pictures_are_judged,
    odd_frames_are_judged,
    frames_and_views_are_judged_alike,
    batch_equals_single,
    same_picture_same_score,
    jobs_leave_nothing_behind,
    frames_stay_as_they_are,
    no_frame_is_kept,
    another_thread_may_ask,
    *prepared.FUNCTIONS,
)
