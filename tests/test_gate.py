"""The gate fails closed: whatever is no valid low score from every screener stops the job."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import gate
from roop_host.errors import ContentBlocked, Interrupted, ModelError, ScreenerFailed, ScreeningError
from roop_host.gate.known import Known, key_of
from roop_host.types.frame import Frame, FrameView
from roop_host.types.objects import PreparedScreener, Screener, Stage
from roop_host.types.planes import rgb_pixels
from roop_host.types.specs import ScreenerSpec

NEVER = threading.Event()


class Says(Screener):
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.seen: list[FrameView] = []

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        self.seen += frames
        if isinstance(self.answer, BaseException):
            raise self.answer
        if callable(self.answer):
            return self.answer(frames)  # type: ignore[no-any-return]
        return self.answer  # type: ignore[no-any-return]


def watcher(answer: Any, limit: float = 0.85, name: str = "test") -> gate.Watcher:
    return gate.Watcher(name, f"{name} 1.0", Says(answer), limit)


def frame(alpha: bool = False) -> Frame:
    rgb = np.full((4, 4, 3), 10, np.uint8)
    return Frame(rgb_pixels(rgb, np.zeros((4, 4), np.uint8) if alpha else None))


@pytest.mark.parametrize("score", [0, 0.0, 0.5, 0.8499, np.float32(0.1), np.float64(0.2)])
def test_valid_low_scores_pass(score: Any) -> None:
    gate.Gate([watcher([score])], NEVER).look(frame(), Stage.TARGET, "it")


@pytest.mark.parametrize("score", [0.85, 0.9, 1, 1.0])
def test_high_scores_block(score: float) -> None:
    with pytest.raises(ContentBlocked) as caught:
        gate.Gate([watcher([score])], NEVER).look(frame(), Stage.TARGET, "target frame 7")
    assert caught.value.exit_code == 5
    assert "target frame 7" in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        None, True, [True], [None], [float("nan")], [float("inf")], [-0.1], [1.1], [], [0.1, 0.1], 0.1, "0", ["0.1"],
        [np.bool_(False)], [0.1j], {}, RuntimeError("x"), ValueError("y"), SystemError("z"), [[0.1]], b"\x00",
    ],
    ids=repr,
)  # fmt: skip
def test_anything_else_stops_the_job(answer: Any) -> None:
    with pytest.raises(ScreenerFailed) as caught:
        gate.Gate([watcher(answer)], NEVER).look(frame(), Stage.OUTPUT, "it")
    assert caught.value.exit_code == 5


def test_an_always_allow_screener_beside_a_refusing_one_does_not_help() -> None:
    for order in ([0.0, 0.99], [0.99, 0.0]):
        with pytest.raises(ContentBlocked):
            gate.Gate([watcher([score], name=str(score)) for score in order], NEVER).look(frame(), Stage.TARGET, "it")


def test_nobody_watching_blocks() -> None:
    with pytest.raises(ScreeningError):
        gate.Gate([], NEVER)
    with pytest.raises(ScreeningError):
        gate.require_cover([])
    with pytest.raises(ScreeningError):
        gate.require_cover([frozenset({"violence"})])
    gate.require_cover([frozenset({"violence"}), frozenset({"nudity"})])


def test_limits_only_tighten() -> None:
    assert gate.effective_limit(1.0) == 0.85
    assert gate.effective_limit(0.3, 0.85) == 0.3
    assert gate.effective_limit(0.99, 0.5, 0.2) == 0.2


def test_a_picture_with_alpha_is_seen_both_ways() -> None:
    screener = watcher(lambda frames: [0.1] * len(frames))
    gate.Gate([screener], NEVER).look(frame(alpha=True), Stage.TARGET, "it")
    assert screener.looks == 4

    def hidden(frames: Sequence[FrameView]) -> list[float]:
        return [0.99 if int(view.bgr()[0, 0, 0]) == 10 else 0.0 for view in frames]

    with pytest.raises(ContentBlocked):
        gate.Gate([watcher(hidden)], NEVER).look(frame(alpha=True), Stage.TARGET, "it")

    def shown(frames: Sequence[FrameView]) -> list[float]:
        return [0.99 if int(view.bgr()[0, 0, 0]) == 128 else 0.0 for view in frames]

    with pytest.raises(ContentBlocked):
        gate.Gate([watcher(shown)], NEVER).look(frame(alpha=True), Stage.TARGET, "it")


def test_backdrops_are_made_one_by_one_so_that_a_large_picture_is_held_once(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    make = gate.over

    def noted(*given: Any) -> Any:
        order.append("made")
        return make(*given)

    def look(frames: Sequence[FrameView]) -> list[float]:
        order.append("looked")
        return [0.1]

    monkeypatch.setattr(gate, "over", noted)
    gate.Gate([watcher(look)], NEVER).look(frame(alpha=True), Stage.TARGET, "it")
    assert order == ["looked", *["made", "looked"] * 3]


@pytest.mark.parametrize("screener", ["screen", "judge"])
@pytest.mark.parametrize("rest", [0, 1])
def test_no_screener_takes_pictures_off_its_list(screener: str, rest: int) -> None:
    def fewer(frames: Any) -> list[float]:
        del frames[rest:]
        return [0.0] * len(frames)

    class Fewer(Prepared):
        def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
            return [np.full(1, value, np.uint8) for value in (10, 250)]

        def judge(self, inputs: Any, stage: Stage) -> Sequence[float]:
            return fewer(inputs)

    one = watcher(fewer) if screener == "screen" else prepared(Fewer())
    one.batch_size = 4
    with pytest.raises(ScreenerFailed):
        gate.Gate([one], NEVER).look(frame(alpha=True), Stage.TARGET, "it")


def test_screeners_cannot_change_the_picture() -> None:
    seen = watcher([0.0])
    gate.Gate([seen], NEVER).look(frame(), Stage.TARGET, "it")
    assert all(not hasattr(view, "put") for view in seen.screener.seen)  # type: ignore[attr-defined]


def test_verdicts_add_up_over_the_places() -> None:
    first, second = watcher([0.2]), watcher([0.4])
    gate.Gate([first], NEVER).look(frame(), Stage.TARGET, "it")
    gate.Gate([second], NEVER).look(frame(), Stage.OUTPUT, "it")
    (verdict,) = gate.verdicts([first, second])
    assert verdict.looks == 2
    assert verdict.highest == {"target": 0.2, "output": 0.4}


@pytest.mark.parametrize("error", [SystemExit(0), Interrupted("no"), ModelError("no"), GeneratorExit()], ids=repr)
def test_whatever_a_screener_raises_is_a_failure(error: BaseException) -> None:
    with pytest.raises(ScreenerFailed):
        gate.Gate([watcher(error)], NEVER).look(frame(), Stage.TARGET, "it")


def test_a_cancelled_job_may_end_inside_a_screener() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Interrupted):
        gate.Gate([watcher(Interrupted("stopped"))], cancelled).look(frame(), Stage.TARGET, "it")


@pytest.mark.parametrize("size", [0, -1])
def test_no_batch_size_turns_a_screener_off(size: int) -> None:
    refusing = watcher([0.99])
    refusing.batch_size = size
    with pytest.raises(ScreenerFailed, match="batches"):
        gate.Gate([refusing], NEVER)
    with pytest.raises(ValueError, match="batch_size"):
        ScreenerSpec(name="w", summary="", load=lambda: lambda: Says([0.99]), covers=frozenset(), batch_size=size)


def test_what_was_seen_before_is_told_again() -> None:
    first = watcher([0.4])
    gate.Gate([first], NEVER).look(frame(), Stage.TARGET, "it")
    later = watcher([0.1])
    gate.recall([later], gate.snapshot([first]))
    gate.Gate([later], NEVER).look(frame(), Stage.TARGET, "it")
    (verdict,) = gate.verdicts([later])
    assert (verdict.looks, dict(verdict.highest)) == (2, {"target": 0.4})


def test_what_was_counted_before_is_looked_at_and_not_counted_again() -> None:
    one = watcher([0.4])
    door = gate.Gate([one], NEVER)
    door.look(frame(), Stage.TARGET, "it")
    stood = one.standing()
    door.look(frame(), Stage.TARGET, "it", again=True)
    assert one.counted == (1, 0, 0)
    door.look(frame(), Stage.TARGET, "it")
    assert (stood.counted, one.counted) == ((1, 0, 0), (2, 0, 0))
    with pytest.raises(ContentBlocked):
        gate.Gate([watcher([0.99])], NEVER).look(frame(), Stage.TARGET, "it", again=True)


class Prepared(PreparedScreener):
    """Sees the mean of a picture, or what ``given`` makes of it, and counts what it judges."""

    def __init__(self, given: Any = None, most: float = 1.0) -> None:
        self.given, self.most, self.judged = given, most, 0

    def prepare(self, frame: FrameView) -> Sequence[NDArray[Any]]:
        return [self.given(frame)] if self.given else [frame.bgr().mean((0, 1)).astype(np.uint8)]

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        self.judged += len(inputs)
        return [float(one.flat[0]) / 255 for one in inputs]

    def bound(self, score: float, before: NDArray[Any], now: NDArray[Any]) -> float:
        return self.most


class OfPictures(Prepared):
    """The stage is nothing to it."""

    by_stage = False


def prepared(screener: PreparedScreener, **more: Any) -> gate.Watcher:
    return gate.Watcher("test", "test 1.0", screener, 0.85, **more)


def grey(value: int, *, pts: int = 0, time_base: Fraction = Fraction(1, 10), duration: int = 0) -> Frame:
    pixels = rgb_pixels(np.full((4, 4, 3), value, np.uint8))
    return Frame(pixels, pts=pts, time_base=time_base, duration=duration)


def counts(one: gate.Watcher) -> tuple[int, int, int]:
    return one.looks, one.reused, one.inherited


def test_the_very_same_input_is_judged_once_and_another_never() -> None:
    one = prepared(Prepared())
    door = gate.Gate([one], NEVER)
    for value in (10, 10, 11, 10):
        door.look(grey(value), Stage.TARGET, "it")
    assert counts(one) == (2, 2, 0)


@pytest.mark.parametrize(
    "other",
    [np.zeros((2, 2), np.int8), np.zeros((4,), np.uint8), np.zeros((2, 2), np.uint16), np.zeros((1, 4), np.uint8)],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_equal_bytes_of_another_form_are_another_input(other: NDArray[Any]) -> None:
    turns = iter([np.zeros((2, 2), np.uint8), other])
    one = prepared(Prepared(lambda frame: next(turns)), adaptive=True)
    door = gate.Gate([one], NEVER)
    for _ in range(2):
        door.look(grey(1), Stage.TARGET, "it")
    assert counts(one) == (2, 0, 0)


def test_what_is_known_is_bounded() -> None:
    known = Known()
    for number in range(5000):
        known.note(key_of(np.array([number])), 0.1)
        known.score(key_of(np.array([0])))
    assert known.score(key_of(np.array([0]))) == 0.1
    assert known.score(key_of(np.array([1]))) is None
    assert known.score(key_of(np.array([4999]))) == 0.1


def test_places_of_one_job_share_what_they_know() -> None:
    known = Known()
    first, second = (prepared(OfPictures(), known=known) for _ in range(2))
    gate.Gate([first], NEVER).look(grey(10), Stage.TARGET, "it")
    gate.Gate([second], NEVER).look(grey(10), Stage.OUTPUT, "it")
    assert (counts(first), counts(second)) == ((1, 0, 0), (0, 1, 0))


def test_a_screener_that_may_judge_by_the_stage_is_asked_at_each() -> None:
    class Strict(Prepared):
        def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
            return [0.99 if stage is Stage.OUTPUT else 0.1 for _ in inputs]

    known = Known()
    first, second = (prepared(Strict(), known=known) for _ in range(2))
    gate.Gate([first], NEVER).look(grey(10), Stage.TARGET, "it")
    with pytest.raises(ContentBlocked):
        gate.Gate([second], NEVER).look(grey(10), Stage.OUTPUT, "it")
    gate.Gate([first], NEVER).look(grey(10), Stage.TARGET, "it")
    assert (counts(first), counts(second)) == ((1, 1, 0), (1, 0, 0))


def test_a_look_is_inherited_only_when_asked_young_and_in_one_segment() -> None:
    for adaptive, expected in ((False, (4, 0, 0)), (True, (2, 0, 2))):
        one = prepared(Prepared(most=0.5), adaptive=adaptive)
        door = gate.Gate([one], NEVER)
        for pts in (0, 2, 4, 5):  # tenths of a second: the last is half a second after the look
            door.look(grey(10 + pts, pts=pts), Stage.TARGET, "it")
        assert counts(one) == expected
    door.forget()
    door.look(grey(50, pts=6), Stage.TARGET, "it")
    door.look(grey(51, pts=3), Stage.TARGET, "it")  # time that goes backwards
    assert counts(one) == (4, 0, 2)
    assert gate.told_adaptive(gate.verdicts([one])) == (
        "--screen adaptive: for test 2 of 6 pictures were not looked at, since they were near to one that was",
    )


@pytest.mark.parametrize(("animation", "lasts", "looks"), [(False, 1, 1), (True, 1, 4), (True, 2, 1)])
def test_what_players_show_for_longer_than_it_says_ages_as_it_is_shown(animation: bool, lasts: int, looks: int) -> None:
    one = prepared(Prepared(most=0.5), adaptive=True)
    door = gate.Gate([one], NEVER, animation=animation)
    for number in range(16):  # of hundredths of a second each: players show these for a tenth
        door.look(grey(10 + number, pts=number * lasts, time_base=Fraction(1, 100), duration=lasts), Stage.TARGET, "it")
    assert counts(one) == (looks, 0, 16 - looks)


def test_pictures_of_one_and_the_same_time_inherit_nothing() -> None:
    one = prepared(Prepared(most=0.5), adaptive=True)
    door = gate.Gate([one], NEVER)
    for value in (10, 11):  # sources, and pages, all stand at 0
        door.look(grey(value), Stage.SOURCE, "it")
    assert counts(one) == (2, 0, 0)


def test_what_is_made_of_a_picture_with_alpha_ages_too() -> None:
    one = prepared(Prepared(most=0.5), adaptive=True)
    door = gate.Gate([one], NEVER)
    for pts in (0, 50):
        rgb = np.full((4, 4, 3), 10 + pts, np.uint8)
        pixels = rgb_pixels(rgb, np.full((4, 4), 128, np.uint8))
        door.look(Frame(pixels, pts=pts, time_base=Fraction(1, 10)), Stage.TARGET, "it")
    assert counts(one) == (8, 0, 0)


@pytest.mark.parametrize("most", [0.85, 1.0, float("nan"), None, True])
def test_a_bound_that_allows_nothing_or_is_none_inherits_nothing(most: Any) -> None:
    one = prepared(Prepared(most=most), adaptive=True)
    door = gate.Gate([one], NEVER)
    door.look(grey(10), Stage.TARGET, "it")
    if most in (0.85, 1.0) and most is not True:
        door.look(grey(11, pts=1), Stage.TARGET, "it")
        assert counts(one) == (2, 0, 0)
    else:
        with pytest.raises(ScreenerFailed):
            door.look(grey(11, pts=1), Stage.TARGET, "it")


def test_a_screener_that_says_itself_how_it_screens_is_asked_so() -> None:
    class Stricter(Prepared):
        def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
            return [0.99] * len(frames)

    with pytest.raises(ContentBlocked):
        gate.Gate([prepared(Stricter())], NEVER).look(grey(10), Stage.TARGET, "it")


def test_a_refusal_tells_where() -> None:
    picture = Frame(rgb_pixels(np.full((4, 4, 3), 250, np.uint8)), index=7, pts=3, time_base=Fraction(1, 10))
    for stage, place in ((Stage.OUTPUT, (7, 0.3)), (Stage.SOURCE, (None, None))):
        with pytest.raises(ContentBlocked) as caught:
            gate.Gate([prepared(Prepared())], NEVER).look(picture, stage, "it")
        refusal = caught.value.refusal
        assert refusal is not None
        assert (refusal.frame, refusal.seconds) == place
        assert (refusal.screener, refusal.stage, refusal.score, refusal.limit) == ("test", stage.value, 0.9804, 0.85)


def test_a_limit_of_its_own_kind_is_a_plain_number() -> None:
    class Lax(float):
        def __le__(self, other: object) -> bool:
            return False

        __lt__ = __gt__ = __ge__ = __le__

    assert type(gate.effective_limit(Lax(0.5))) is float
