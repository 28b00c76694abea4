"""What must hold for a ``PreparedScreener``: the host asks it less often, and relies on what it promises."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host.gate import is_prepared
from roop_host.gate.answers import checked_inputs, checked_scores
from roop_host.testing.checking import DoesNotApply, Failed
from roop_host.testing.handling import asked_of, made_in_job
from roop_host.testing.making import frame_of
from roop_host.testing.people import clip, portrait
from roop_host.testing.subject import Subject
from roop_host.types.frame import Frame
from roop_host.types.objects import PreparedScreener, Stage

_ALIKE = 1e-3
#: On the way from one picture to another: a bound must not fall along it.
_STEPS = (0.1, 0.3, 0.6, 1.0)


def equal_pictures_are_prepared_equally(subject: Subject) -> None:
    """``prepare`` gives a list of finite arrays of numbers, the same bits for the same picture.

    What is bit by bit known is not judged again; with noise, a clock or what was seen before in it nothing ever is. Give
    plain NumPy arrays of integers or floats, all of one form for pictures of one size.
    """
    with made_in_job(subject) as screener:
        prepared = _prepared_one(screener)
        first, other, again = (_inputs(prepared, picture) for picture in (*_portraits(), _portraits()[0]))
        if not all(np.isfinite(one).all() for one in (*first, *other)):
            raise Failed("it prepares values that are not finite")
        if len(first) == len(other) and [(a.shape, a.dtype) for a in first] != [(b.shape, b.dtype) for b in other]:
            raise Failed(f"two pictures of one size are prepared as {_forms(first)} and as {_forms(other)}")
        if len(first) != len(again) or not all(map(np.array_equal, first, again)):
            raise Failed("the same picture is prepared in another way the second time")


def judge_knows_its_inputs_alone(subject: Subject) -> None:
    """A score depends on the input, not on the frame prepared last, nor on the inputs beside it or before it.

    The host may prepare many frames before it has one of them judged, in batches of up to ``batch_size``, and leaves out
    what it knows. All that ``judge`` needs must stand in its inputs; it must not write into them.
    """
    with made_in_job(subject) as screener, made_in_job(subject) as other:
        prepared, stranger = _prepared_one(screener), _prepared_one(other)
        hopper, collins = _portraits()
        mixed = (hopper, _plain(0), collins, _plain(255))
        given = [one for picture in mixed for one in _inputs(prepared, picture)]
        alone = [_judged(prepared, [one])[0] for one in given]
        backwards = [_judged(prepared, [one])[0] for one in given[::-1]][::-1]
        elsewhere = [_judged(stranger, [one])[0] for one in given]
        size = min(subject.spec.batch_size, len(given))
        first, last = _judged(prepared, given[:size]), _judged(prepared, given[-size:])
    for told, before, after in (
        ("in another order", alone, backwards),
        ("by an object that did not prepare it", alone, elsewhere),
        (f"in a batch of {size}", alone[:size] + alone[-size:], first + last),
    ):
        for one, two in zip(before, after, strict=True):
            if abs(one - two) > _ALIKE:
                raise Failed(f"an input scores {one:.4f} at first, and {two:.4f} {told}")


def by_stage_is_true_where_it_matters(subject: Subject) -> None:
    """Who says ``by_stage = False`` scores alike at every stage.

    Then an output that is equal to its target is not looked at again. Leave ``by_stage`` True where stages are judged
    differently.
    """
    with made_in_job(subject) as screener:
        prepared = _prepared_one(screener)
        if prepared.by_stage:
            raise DoesNotApply("its by_stage says that stages may differ")
        for one in _inputs(prepared, _portraits()[0]):
            scores = {stage.value: _judged(prepared, [one], stage)[0] for stage in Stage}
            if max(scores.values()) - min(scores.values()) > _ALIKE:
                raise Failed(f"it says by_stage = False, and an input scores {scores}")


def bound_holds(subject: Subject) -> None:
    """``bound`` is never under the score that it stands for, and grows with the distance.

    ``--screen adaptive`` lets pass unseen what is bounded under the limit. Measure on clips how far a score moves with the
    distance of two inputs and take more; where you have not measured, leave ``bound`` away: then every picture is judged.
    """
    with made_in_job(subject) as screener:
        prepared = _prepared_one(screener)
        if type(prepared).bound is PreparedScreener.bound:
            raise DoesNotApply("it states no bound: every picture is judged")
        seen = [_inputs(prepared, picture.frame()) for picture in clip(4)]
        for before, now in pairwise(seen):
            for one, two in zip(before, now, strict=False):  # of one there may be more
                _require_bounded(prepared, one, two)
        for one, two in zip(*(_inputs(prepared, picture) for picture in _portraits()), strict=False):
            _require_growing(prepared, one, two)


def screen_agrees_with_judge(subject: Subject) -> None:
    """``screen`` gives the highest score of what ``prepare`` gives to ``judge``.

    Leave ``screen`` as the base class has it. Who overrides it is asked by it alone, and nothing is saved.
    """
    with made_in_job(subject) as screener:
        prepared = _prepared_one(screener, overrides=True)
        for picture in _portraits():
            judged = max(_judged(prepared, [one])[0] for one in _inputs(prepared, picture))
            with asked_of("a portrait"):
                (screened,) = checked_scores(prepared.screen((picture.view(),), Stage.TARGET), 1)
            if abs(judged - screened) > _ALIKE:
                raise Failed(f"screen says {screened:.4f} of a picture that judge gives {judged:.4f}")


def _require_bounded(screener: PreparedScreener, before: NDArray[Any], now: NDArray[Any]) -> None:
    """Raise ``Failed`` where a bound of two neighbours of a clip is no bound."""
    if (before.shape, before.dtype) != (now.shape, now.dtype):
        return
    was, (score,) = _judged(screener, [before])[0], _judged(screener, [now])
    same, most = _bound(screener, was, before, before), _bound(screener, was, before, now)
    if same < was:
        raise Failed(f"what scores {was:.4f} is bounded by {same:.4f} though nothing changed")
    if most < score:
        raise Failed(f"it bounds a frame by {most:.4f} that scores {score:.4f}; the frame before it scored {was:.4f}")


def _require_growing(screener: PreparedScreener, before: NDArray[Any], other: NDArray[Any]) -> None:
    """Raise ``Failed`` where a bound falls on the way to another picture."""
    if (before.shape, before.dtype) != (other.shape, other.dtype):
        return
    score = _judged(screener, [before])[0]
    most = _bound(screener, score, before, before)
    for step in _STEPS:
        now = (before + step * (other.astype(np.float64) - before)).astype(before.dtype)
        last, most = most, _bound(screener, score, before, now)
        if most < last:
            raise Failed(f"its bound falls from {last:.4f} to {most:.4f} as a picture moves away from what was judged")


def _bound(screener: PreparedScreener, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
    with asked_of("a bound"):
        return checked_scores([screener.bound(score, before, now)], 1)[0]


def _prepared_one(screener: Any, *, overrides: bool = False) -> PreparedScreener:
    """``screener``, where the host asks it by ``prepare`` and ``judge``, or it could be so but that it ``overrides``."""
    if is_prepared(screener) or (overrides and isinstance(screener, PreparedScreener)):
        return screener
    raise DoesNotApply("it is asked by screen alone")


def _portraits() -> tuple[Frame, Frame]:
    return frame_of(portrait("hopper").bgr), frame_of(portrait("collins").bgr)


def _plain(level: int) -> Frame:
    """Of the size of the portraits, so that inputs are of one form."""
    return frame_of(np.full_like(portrait("hopper").bgr, level))


def _inputs(screener: PreparedScreener, frame: Frame) -> list[NDArray[Any]]:
    with asked_of("a portrait"):
        return checked_inputs(screener.prepare(frame.view()))


def _judged(screener: PreparedScreener, inputs: Sequence[NDArray[Any]], stage: Stage = Stage.TARGET) -> list[float]:
    with asked_of("an input that it prepared"):
        return checked_scores(screener.judge(tuple(inputs), stage), len(inputs))


def _forms(inputs: Sequence[NDArray[Any]]) -> str:
    return ", ".join(f"{one.dtype} {one.shape}" for one in inputs)


FUNCTIONS = (
    equal_pictures_are_prepared_equally,
    judge_knows_its_inputs_alone,
    by_stage_is_true_where_it_matters,
    bound_holds,
    screen_agrees_with_judge,
)
