"""Each check of a screener fails on one that is broken just so, and on no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from kit import screener
from numpy.typing import NDArray

from roop_host import Context, Frame, FrameView, JobContext, PreparedScreener, Screener, Stage
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, run_check
from roop_host.testing.checks.screener import CHECKS

Views = Sequence[Frame | FrameView]


class Bright(Screener):
    """A healthy one: how bright a picture is."""

    def screen(self, frames: Views, stage: Stage) -> Sequence[Any]:
        return [self.score(frame) for frame in frames]

    def score(self, frame: FrameView) -> float:
        return float(frame.bgr().mean()) / 255


class Small(PreparedScreener):
    """A healthy one that the host asks less often."""

    by_stage = False

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        return [frame.shrunk(8, 8)]

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return [float(one.mean()) / 255 for one in inputs]

    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return min(1.0, score + float(np.abs(before.astype(float) - now).mean()) / 255)


class Percent(Bright):
    def score(self, frame: FrameView) -> float:
        return 100 * super().score(frame)


class OnlyTargets(Bright):
    def screen(self, frames: Views, stage: Stage) -> Sequence[Any]:
        return super().screen(frames, {Stage.TARGET: stage}[stage])


class Contrast(Bright):
    def score(self, frame: FrameView) -> float:
        bgr = frame.bgr()
        return float("nan") if bgr.shape[0] == 48 and bgr.std() == 0 else super().score(frame)


class EightBits(Bright):
    def score(self, frame: FrameView) -> float:
        if frame.depth > 8:
            raise ValueError("only 8 bits")
        return super().score(frame)


class Frames(Bright):
    def score(self, frame: FrameView) -> float:
        return 0.0 if isinstance(frame, Frame) else super().score(frame)


class Backwards(Bright):
    def screen(self, frames: Views, stage: Stage) -> Sequence[Any]:
        return super().screen(frames, stage)[::-1]


class Grudge(Bright):
    """Looks harder at what comes after a blue picture."""

    blue = False

    def screen(self, frames: Views, stage: Stage) -> Sequence[Any]:
        after, self.blue = self.blue, frames[0].width == 96
        return [score + 0.1 * (after and not self.blue and len(frames) == 1) for score in super().screen(frames, stage)]


class Counting(Bright):
    jobs = 0

    def begin(self, job: JobContext) -> None:
        self.jobs += 1

    def score(self, frame: FrameView) -> float:
        return super().score(frame) / max(1, self.jobs)


class Renumbers(Bright):
    def score(self, frame: FrameView) -> float:
        frame.index = 99
        return super().score(frame)


class Paints(Bright):
    def score(self, frame: FrameView) -> float:
        score = super().score(frame)
        frame._pixels.planes[0][:] = 0
        return score


class Keeps(Bright):
    def score(self, frame: FrameView) -> float:
        self.last = frame
        return super().score(frame)


class Bound(Bright):
    """Bound to the thread of its setup."""

    def setup(self, ctx: Context) -> None:
        self.local = threading.local()
        self.local.scale = 255

    def score(self, frame: FrameView) -> float:
        return float(frame.bgr().mean()) / int(self.local.scale)


class Noisy(Small):
    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        return [frame.shrunk(8, 8) * (1 - self.rng.random() / 10_000)]


class Endless(Small):
    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        return [*super().prepare(frame), np.array([np.inf], np.float32)]

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return [0.0 if one.size == 1 else float(one.mean()) / 255 for one in inputs]

    bound = PreparedScreener.bound


class Remembers(Small):
    last = 0.0

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        prepared = super().prepare(frame)
        self.last = float(prepared[0].mean()) / 255
        return prepared

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return [self.last for _ in inputs]

    bound = PreparedScreener.bound


class Swallowed(Small):
    """Takes a batch with a black picture in it for black."""

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return [0.0] * len(inputs) if any(one.max() == 0 for one in inputs) else super().judge(inputs, stage)


class Beside(Bright):
    """The same, of frames."""

    def screen(self, frames: Views, stage: Stage) -> Sequence[Any]:
        return [0.0] * len(frames) if any(frame.bgr().max() == 0 for frame in frames) else super().screen(frames, stage)


class Staged(Small):
    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return [score * (0.5 if stage is Stage.OUTPUT else 1) for score in super().judge(inputs, stage)]


class Hopeful(Small):
    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return score / 2


class Falling(Small):
    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return 1 - float(np.abs(before.astype(float) - now).mean()) / 255


class Flat(Small):
    """Takes what follows for no worse than what was: of a clip that gets darker, where dark is worse."""

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return [1 - score for score in super().judge(inputs, stage)]

    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return score


class Forms(Small):
    """Of what is bright it looks at less."""

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        (small,) = super().prepare(frame)
        return [small[:4] if float(small.mean()) > 105 else small]

    bound = PreparedScreener.bound


class Other(Small):
    def screen(self, frames: Views, stage: Stage) -> Sequence[float]:
        return [float(frame.bgr()[..., 0].mean()) / 255 for frame in frames]


def plugin(make: Callable[[], Screener], **spec: Any) -> SimpleNamespace:
    return screener(make, **{"batch_size": 4, **spec})


BROKEN = {
    "covers_are_said": plugin(Bright, covers=frozenset()),
    "scores_are_numbers": plugin(Percent),
    "every_stage_is_answered": plugin(OnlyTargets),
    "plain_pictures_are_judged": plugin(Contrast),
    "odd_frames_are_judged": plugin(EightBits),
    "frames_and_views_are_judged_alike": plugin(Frames),
    "batch_equals_single": plugin(Backwards),
    "same_picture_same_score": plugin(Grudge),
    "jobs_leave_nothing_behind": plugin(Counting),
    "frames_stay_as_they_are": plugin(Renumbers),
    "no_frame_is_kept": plugin(Keeps),
    "another_thread_may_ask": plugin(Bound),
    "equal_pictures_are_prepared_equally": plugin(Noisy),
    "judge_knows_its_inputs_alone": plugin(Remembers),
    "by_stage_is_true_where_it_matters": plugin(Staged),
    "bound_holds": plugin(Hopeful),
    "screen_agrees_with_judge": plugin(Other),
}
#: What fails in a further way: the check, the plugin, and what is told.
FURTHER = [
    ("covers_are_said", plugin(Bright, threshold=0.9), "its threshold is 0.9, which is not above 0 and at most 0.85"),
    ("covers_are_said", plugin(Bright, threshold=0), "its threshold is 0, which"),
    ("scores_are_numbers", plugin(Percent), "it failed on a portrait: ValueError: the score 40.5"),
    ("scores_are_numbers", plugin(type("Yes", (Bright,), {"score": lambda self, frame: True})), "the score True is not"),
    ("scores_are_numbers", plugin(type("No", (Bright,), {"screen": lambda *_: []})), "it returned 0 scores for 1 pictures"),
    ("frames_stay_as_they_are", plugin(Paints), "it changed the pixels of frame 0"),
    ("equal_pictures_are_prepared_equally", plugin(Endless), "it prepares values that are not finite"),
    ("judge_knows_its_inputs_alone", plugin(Swallowed), "an input scores 0.4"),
    ("judge_knows_its_inputs_alone", plugin(Swallowed), "and 0.0000 in a batch of 4"),
    ("batch_equals_single", plugin(Beside), "a portrait gets 0.4052 alone and 0.0000 beside others"),
    ("bound_holds", plugin(Falling), "its bound falls from 1.0000 to 0.9"),
    ("bound_holds", plugin(Hopeful), "though nothing changed"),
    ("bound_holds", plugin(Flat), "it bounds a frame by 0."),
    (
        "equal_pictures_are_prepared_equally",
        plugin(Forms),
        "two pictures of one size are prepared as uint8 (8, 8, 3)",
    ),
    ("odd_frames_are_judged", plugin(EightBits), "it failed on a frame of 10 bits: ValueError: only 8 bits"),
]


def failures(module: SimpleNamespace) -> dict[str, str]:
    """What each check says that fails."""
    plugins = plugins_of({"watch": module})
    subject = Subject(plugins, "roop_screeners", plugins.named("roop_screeners", "watch"))
    results = [run_check(check, subject) for check in CHECKS]
    return {result.check.id: result.told for result in results if not result.good}


def test_every_check_has_a_broken_plugin() -> None:
    assert set(BROKEN) == {check.id for check in CHECKS}


@pytest.mark.parametrize("make", [Bright, Small])
def test_a_healthy_screener_passes(make: type[Screener]) -> None:
    assert failures(plugin(make)) == {}
    assert failures(plugin(make, batch_size=1)) == {}


@pytest.mark.parametrize("check", sorted(set(BROKEN) - {"scores_are_numbers"}))
def test_what_is_broken_fails_that_check_alone(check: str) -> None:
    assert list(failures(BROKEN[check])) == [check]


@pytest.mark.parametrize(("check", "module", "told"), FURTHER, ids=[f"{number}" for number in range(len(FURTHER))])
def test_what_happened_is_told(check: str, module: SimpleNamespace, told: str) -> None:
    assert told in failures(module)[check]
