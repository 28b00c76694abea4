"""The gate fails closed: whatever is no valid low score from every screener stops the job."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from roop_host import gate
from roop_host.errors import ContentBlocked, Interrupted, ModelError, ScreenerFailed, ScreeningError
from roop_host.types.frame import Frame, FrameView
from roop_host.types.objects import Screener, Stage
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
