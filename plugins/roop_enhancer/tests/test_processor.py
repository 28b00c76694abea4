"""Whose face is enhanced, when, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from roop_enhancer.engine import Asked, Engine
from roop_enhancer.options import EnhancerOptions
from roop_enhancer.processor import Enhancer
from roop_host import Box, Context, Face, Frame, Job, JobContext, Scratch, Segment, Step, UsageError, Window
from roop_host.testing import context_of, frame_of

SIDE = 200
GREY = np.full((SIDE, SIDE, 3), 90, np.uint8)


class Notes:
    """An engine that notes who came, and changes the face's middle."""

    memory = 3

    def __init__(self) -> None:
        self.learnt: list[tuple[int, int]] = []
        self.processed: list[tuple[int, int]] = []
        self.starts = 0

    def start(self) -> None:
        self.starts += 1

    def learn(self, asked: Sequence[Asked]) -> None:
        self.learnt += [(one.frame.index, one.face.id) for one in asked]

    def process(self, asked: Sequence[Asked]) -> None:
        for one in asked:
            self.processed.append((one.frame.index, one.face.id))
            touch(one.frame, one.face.id)


class Noting(Enhancer):
    """The processor with that engine."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = Notes()

    def _made(self, ctx: Context, options: EnhancerOptions) -> Engine:
        return self.notes


def face(number: int, width: float = 60, *, x: float = 20, chosen: bool = False) -> Face:
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32) * width + (x, 20)
    box = (x, 20.0, x + width, 20 + width * 1.2)
    return Face(number, box, 0.9, points.astype(np.float32)).with_source(None, chosen=chosen)


def touch(frame: Frame, face_id: int, step: str = "enhancer") -> None:
    """As a step of this name would."""
    frame.enter(Scratch(), step)
    box = Box(90, 90, 100, 100)
    frame.put(box, frame.bgr(box) + np.uint8(1), face_id=face_id)


def begun(steps: tuple[str, ...] = ("enhancer",), start: int = 0, **options: Any) -> Noting:
    made = Noting()
    made.setup(context_of(EnhancerOptions(model="embedded", **options)))
    made.begin(JobContext(Job((), "t.mp4", "o.mp4", tuple(map(Step, steps))), (), SIDE, SIDE))
    made.start(Segment(0, start, start + 250))
    return made


def shown(*faces: Face, index: int = 0, changed: Sequence[int] = (), by: str = "swapper") -> Frame:
    frame = frame_of(GREY, index, faces=faces)
    for number in changed:
        touch(frame, number, by)
    frame.enter(Scratch(), "enhancer")
    return frame


def window(*frames: Frame, warming: bool = False) -> Window:
    return Window((), frames, (), warming)


def enhanced(made: Noting, *frames: Frame) -> list[int]:
    made.process(window(*frames))
    return [number for _, number in made.notes.processed]


def test_alone_those_are_enhanced_that_the_face_options_choose() -> None:
    faces = face(1, chosen=True), face(2, 50, x=100), face(3, 40, x=150, chosen=True)
    assert enhanced(begun(), shown(*faces)) == [3, 1]


def test_after_another_step_those_that_it_changed() -> None:
    faces = face(1, chosen=True), face(2, 50, x=100), face(3, 40, x=150, chosen=True)
    assert enhanced(begun(("swapper", "enhancer")), shown(*faces, changed=[1])) == [1]
    assert enhanced(begun(("swapper", "enhancer")), shown(*faces)) == []


def test_swapped_asks_for_a_change_whoever_stands_before() -> None:
    refused = Noting()
    refused.setup(context_of(EnhancerOptions(model="embedded", faces="swapped")))
    with pytest.raises(UsageError, match="the enhancer stands first"):
        refused.begin(JobContext(Job((), "t.mp4", "o.mp4", (Step("enhancer"),)), (), SIDE, SIDE))
    refused.end()  # as the host calls it all the same
    assert enhanced(begun(("pixelate", "enhancer"), faces="swapped"), shown(face(1), changed=[1], by="pixelate")) == [1]


def test_all_takes_every_face_that_is_found() -> None:
    faces = face(1), face(2, 50, x=100, chosen=True)
    assert enhanced(begun(("swapper", "enhancer"), faces="all"), shown(*faces, changed=[2])) == [2, 1]


def test_small_faces_are_left_alone() -> None:
    faces = face(1, 23.9, chosen=True), face(2, 24, x=100, chosen=True)
    assert enhanced(begun(), shown(*faces)) == [2]
    assert enhanced(begun(min_face_size=0), shown(*faces)) == [1, 2]
    assert enhanced(begun(min_face_size=61), shown(face(1, chosen=True))) == []


@pytest.mark.parametrize("options", [{}, {"faces": "all"}, {"faces": "swapped"}])
def test_no_face_is_enhanced_twice_in_a_frame(options: dict[str, Any]) -> None:
    frame = shown(face(1, chosen=True), changed=[1])
    steps = ("swapper", "enhancer", "enhancer")
    first, second = begun(steps, **options), begun(steps, **options)
    assert enhanced(first, frame) == [1]
    assert enhanced(second, frame) == []


def test_one_face_that_was_found_twice_is_one() -> None:
    twice = face(1, 60, chosen=True), face(2, 58, x=22, chosen=True), face(3, 60, x=120, chosen=True)
    assert sorted(enhanced(begun(), shown(*twice))) == [1, 3]


def test_one_that_was_found_twice_is_enhanced_by_one_of_two_steps() -> None:
    steps = ("enhancer", "enhancer")
    frame = shown(face(1, 60, chosen=True), face(2, 58, x=22, chosen=True))
    assert enhanced(begun(steps), frame) == [1]
    assert enhanced(begun(steps, faces="all"), frame) == []


def test_two_faces_that_overlap_are_two() -> None:
    near = face(1, 60, chosen=True), face(2, 50, x=55, chosen=True)
    assert enhanced(begun(), shown(*near)) == [2, 1]


def test_frames_of_the_warm_up_are_learnt_until_the_engine_s_memory_begins() -> None:
    made = begun(start=100)
    early = [shown(face(1, chosen=True), index=index) for index in range(92, 100)]
    made.process(window(*early[:4], warming=True))
    made.process(window(*early[4:], warming=True))
    made.process(window(shown(face(1, chosen=True), index=100)))
    assert [index for index, _ in made.notes.learnt] == [92, 93, 94, 95, 96]
    assert [index for index, _ in made.notes.processed] == [97, 98, 99, 100]
    assert made.notes.starts == 1


def test_what_a_later_step_looks_back_at_is_enhanced_too() -> None:
    made = begun(start=100)
    made.process(window(*[shown(face(1, chosen=True), index=index) for index in range(90, 94)]))
    assert [index for index, _ in made.notes.processed] == [90, 91, 92, 93]


def test_how_many_faces_of_each_frame_is_told() -> None:
    made = begun()
    frames = shown(face(1, chosen=True), face(2, 50, x=100, chosen=True)), shown(face(3), index=1)
    made.process(window(*frames))
    assert [frame.measures for frame in frames] == [(("enhancer", "faces", 2.0),), (("enhancer", "faces", 0.0),)]


@pytest.mark.parametrize("options", [{"min_face_size": 100}, {"blend": 0}])
def test_that_nothing_was_changed_is_told(options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    made = begun(**options)
    frame = shown(face(1, chosen=True))
    made.process(window(frame))
    made.end()
    assert frame.measures == (("enhancer", "faces", 0.0),)
    assert "changed none of the faces" in caplog.text
    assert ("--enhancer-blend 0" in caplog.text) == ("blend" in options)


def test_nothing_is_told_where_a_face_was_changed_or_none_was_there(caplog: pytest.LogCaptureFixture) -> None:
    for frame in (shown(face(1, chosen=True)), shown()):
        made = begun()
        made.process(window(frame))
        made.end()
    late = begun(start=100, min_face_size=100)  # what was done before is not known here
    late.process(window(shown(face(1, chosen=True), index=100)))
    late.end()
    assert not caplog.text


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"model_file": "x.onnx"}, "needs --enhancer-model with the name"),
        ({"model": "embedded", "model_file": "x.onnx"}, "not embedded"),
        ({"weight": 0.7}, "is for the model codeformer"),
        ({"model": "gfpgan_1.3", "weight": 0.7, "model_file": "x.onnx"}, "is for the model codeformer"),
        ({"model": "embedded", "match_colour": "mean"}, "keeps the face's colour"),
        ({"model": "gfpgan_1.2", "backend": "gfpgan"}, "gfpgan_1.2 is not pulled"),
        ({"model": "embedded", "backend": "gfpgan"}, "and not embedded"),
        ({"model": "codeformer", "backend": "gfpgan", "model_file": "x.pth"}, "and not codeformer"),
        ({"mask_types": ()}, "names no mask"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roop_enhancer.gfpgan_package.gfpgan_installed", lambda: True)
    with pytest.raises(ValueError, match=why):
        EnhancerOptions(**options)


def test_the_gfpgan_package_is_asked_for_before_anything_is_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roop_enhancer.gfpgan_package.gfpgan_installed", lambda: False)
    with pytest.raises(ValueError, match=r"roop-enhancer\[gfpgan\]"):
        EnhancerOptions(backend="gfpgan")


def test_what_goes_together_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roop_enhancer.gfpgan_package.gfpgan_installed", lambda: True)
    EnhancerOptions(model="codeformer", model_file="x.onnx", weight=0.9)  # type: ignore[arg-type]
    EnhancerOptions(model="gfpgan_1.2", backend="gfpgan", model_file="x.pth")  # type: ignore[arg-type]
    EnhancerOptions(model="gpen_bfr_2048", model_file="x.onnx", match_colour="local")  # type: ignore[arg-type]
