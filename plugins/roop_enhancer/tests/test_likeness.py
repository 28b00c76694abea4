"""Whether the person stays the same: told of real faces by dlib, around engines that do known things to them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_enhancer import likeness
from roop_enhancer.engine import Asked, Engine
from roop_enhancer.options import EnhancerOptions
from roop_enhancer.plugin import roop_processors
from roop_enhancer.processor import Enhancer
from roop_host import Box, Context, Face, Frame, Job, JobContext, ModelError, Segment, SourceFace, Step, Window
from roop_host.testing import context_of, frame_of
from roop_vision import models as vision_models
from roop_vision.faces import FaceAnalyser
from roop_vision.models import ARCFACE, DLIB, DLIB_RESNET
from roop_vision.options import VisionOptions

Picture = NDArray[np.uint8]
Change = Callable[[Picture], Picture]
MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
FIRST = Segment(0, 0, 250)
KEPT, BEFORE, AFTER = (f"similarity_{name}:{DLIB}" for name in ("kept", "before", "after"))


def box_of(face: Face) -> Box:
    x0, y0, x1, y1 = (round(number) for number in face.box_xyxy)
    return Box(x0, y0, x1, y1)


class Changes:
    """An engine that changes the face's box."""

    memory = 0

    def __init__(self, change: Change) -> None:
        self._change = change

    def start(self) -> None:
        """Nothing is kept."""

    def learn(self, asked: Sequence[Asked]) -> None:
        """Nothing is learnt."""

    def process(self, asked: Sequence[Asked]) -> None:
        for one in asked:
            box = box_of(one.face)
            one.frame.put(box, self._change(one.frame.bgr(box)), face_id=one.face.id)


def same(bgr: Picture) -> Picture:
    return bgr


def blurred(bgr: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(bgr, (0, 0), bgr.shape[1] / 25), np.uint8)


class Known:
    """A portrait, its face, and how to run the enhancer over frames that show it."""

    def __init__(self, name: str) -> None:
        self.bgr = np.asarray(cv2.imread(str(MEDIA / name)), np.uint8)
        analyser = FaceAnalyser()
        analyser.setup(context_of(VisionOptions(backend="dlib")))
        (self.face,) = analyser.analyse_picture(frame_of(self.bgr))
        self.plain = replace(self.face, embedding=None, recogniser=None)

    def source(self, *others: SourceFace, face: Face | None = None) -> SourceFace:
        return SourceFace("s.jpg", self.bgr, face or self.face, others)

    def frame(self, index: int = 0, **more: Any) -> Frame:
        return frame_of(self.bgr, index, faces=(replace(self.plain, chosen=True, **more),))

    def face_in(self, other: Known) -> Picture:
        """This one's face, warped by five points to where the other one's is."""
        matrix, _ = cv2.estimateAffinePartial2D(self.face.landmarks_5, other.face.landmarks_5)
        size = (other.bgr.shape[1], other.bgr.shape[0])
        return np.asarray(cv2.warpAffine(self.bgr, matrix, size), np.uint8)


@pytest.fixture(scope="module")
def hopper() -> Known:
    return Known("hopper.jpg")


@pytest.fixture(scope="module")
def collins() -> Known:
    return Known("collins.jpg")


class Enhanced:
    """A run of the processor with an engine of one's own."""

    def __init__(self, change: Change, *sources: SourceFace, after: str = "", **options: Any) -> None:
        class Mine(Enhancer):
            def _made(self, ctx: Context, options: EnhancerOptions) -> Engine:
                return Changes(change)

        self.processor = Mine()
        self.processor.setup(context_of(EnhancerOptions(**options)))
        steps = tuple(map(Step, [*after.split(), "enhancer"]))
        self.processor.begin(JobContext(Job((), "t.mp4", "o.mp4", steps), sources, 512, 600))

    def run(self, *frames: Frame, segment: Segment = FIRST, warming: bool = False) -> dict[str, list[float]]:
        self.processor.start(segment)
        self.processor.process(Window((), frames, (), warming))
        told: dict[str, list[float]] = {}
        for frame in frames:
            for _, name, value in frame.measures:
                told.setdefault(name, []).append(value)
        return {name: values for name, values in told.items() if name.startswith("similarity")}


def test_who_is_not_changed_stays_the_same(hopper: Known) -> None:
    assert Enhanced(same).run(hopper.frame()) == {KEPT: [pytest.approx(1, abs=1e-4)]}


def test_who_is_blurred_or_replaced_does_not(hopper: Known, collins: Known) -> None:
    (blur,) = Enhanced(blurred).run(hopper.frame())[KEPT]
    box = box_of(hopper.face)
    other = collins.face_in(hopper)[box.y0 : box.y1, box.x0 : box.x1]
    (replaced,) = Enhanced(lambda bgr: other).run(hopper.frame())[KEPT]
    assert replaced < 0.4 < blur < 0.8


def test_who_was_put_there_is_compared_with_the_source(hopper: Known, collins: Known) -> None:
    """A step before puts Collins in, and this one blurs what it put."""
    frame = hopper.frame(source=0)
    frame.enter(frame.scratch, "swapper")
    frame.put(frame.box, collins.face_in(hopper), face_id=frame.faces[0].id)
    frame.enter(frame.scratch, "enhancer")
    told = Enhanced(blurred, collins.source(), after="swapper").run(frame)
    assert set(told) == {KEPT, BEFORE, AFTER}
    assert told[BEFORE][0] > 0.8
    assert told[AFTER][0] < told[BEFORE][0] - 0.2
    assert told[KEPT][0] < 0.8


def test_a_source_that_nobody_has_put_there_is_nobody_to_compare_with(hopper: Known, collins: Known) -> None:
    told = Enhanced(same, collins.source(), faces="all").run(hopper.frame(source=0))
    assert set(told) == {KEPT}


def test_a_source_known_by_another_recogniser_is_looked_at_anew(hopper: Known, collins: Known) -> None:
    """All of its pictures: here one of somebody else too, who draws the mean away."""
    arcface = replace(collins.face, embedding=np.ones(512, np.float32), recogniser=ARCFACE)

    def before(source: SourceFace, identity: str) -> float:
        frame = hopper.frame(source=0)
        frame.enter(frame.scratch, "swapper")
        frame.put(frame.box, collins.face_in(hopper), face_id=frame.faces[0].id)
        return Enhanced(same, source, after="swapper", identity=identity).run(frame)[BEFORE][0]

    known = before(collins.source(), "auto")
    assert before(collins.source(face=arcface), "dlib") == pytest.approx(known, abs=1e-3)
    assert before(collins.source(hopper.source(), face=arcface), "dlib") < known - 0.1


@pytest.mark.parametrize(
    ("segment", "shown", "looked_at"),
    [
        (Segment(0, 0, 250), (3, 4, 32, 33, 62, 63, 249), [3, 33, 63, 249]),
        (Segment(1, 250, 500), (252, 281, 282, 311, 400, 499), [252, 282, 400]),
        (Segment(2, 500, 750), (510, 511, 749), [510]),
    ],
)
def test_the_first_face_of_a_segment_is_looked_at_and_early_ones_more_often(
    segment: Segment, shown: tuple[int, ...], looked_at: list[int], hopper: Known
) -> None:
    frames = [hopper.frame(index) for index in shown]
    Enhanced(same).run(*frames, segment=segment)
    assert [frame.index for frame in frames if any(name == KEPT for _, name, _ in frame.measures)] == looked_at


def test_a_picture_that_stands_alone_is_always_looked_at(hopper: Known) -> None:
    assert KEPT in Enhanced(same).run(hopper.frame(7), segment=Segment(7, 7, 8))


def test_frames_around_a_segment_are_not_looked_at(hopper: Known) -> None:
    enhanced = Enhanced(same)
    assert enhanced.run(hopper.frame(240), segment=Segment(1, 250, 500), warming=True) == {}
    assert enhanced.run(hopper.frame(510), segment=Segment(1, 250, 500)) == {}


def test_several_frames_and_faces_at_once_are_each_told(hopper: Known) -> None:
    frames = [hopper.frame(index) for index in (0, 30)]
    for frame in frames:
        aside = replace(frame.faces[0], id=7, landmarks_5=frame.faces[0].landmarks_5 + 90, mesh_468=None)
        frame.faces = (*frame.faces, aside)  # without a mesh dlib says nothing
    assert Enhanced(same).run(*frames) == {KEPT: [pytest.approx(1, abs=1e-4)] * 2}


def test_nobody_is_measured_where_nobody_asks(hopper: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "recogniser_named", lambda *_: pytest.fail("it was loaded"))
    assert Enhanced(blurred, identity="none").run(hopper.frame()) == {}
    monkeypatch.setattr(vision_models, "find_spec", lambda name: None)
    assert Enhanced(blurred).run(hopper.frame()) == {}


def test_auto_goes_by_what_is_carried_anyway(hopper: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Constant:
        def __init__(self, name: str) -> None:
            self.name = name
            asked.append(name)

        def vectors(self, frame: Frame, faces: Sequence[Face]) -> list[NDArray[np.float32]]:
            return [np.ones(4, np.float32) for _ in faces]

    monkeypatch.setattr(likeness, "recogniser_named", lambda name, ctx: Constant(name))
    known = replace(hopper.face, embedding=np.ones(512, np.float32), recogniser=ARCFACE)
    Enhanced(same, hopper.source(face=known))
    assert asked == [ARCFACE]  # before the first frame
    told = Enhanced(same).run(hopper.frame(embedding=known.embedding, recogniser=ARCFACE))
    assert set(told) == {f"similarity_kept:{ARCFACE}"}
    Enhanced(same).run(hopper.frame(embedding=known.embedding, recogniser="eigenfaces"))
    assert asked == [ARCFACE, ARCFACE, DLIB]


def test_with_auto_a_failure_stops_nothing(
    hopper: Known, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    arcface = replace(hopper.face, embedding=np.ones(512, np.float32), recogniser=ARCFACE)
    frame = hopper.frame()
    assert Enhanced(blurred, hopper.source(face=arcface)).run(frame) == {}  # its file is not here
    assert frame.changed_by()
    assert "w600k_r50" in caplog.text

    class Broken:
        name = DLIB

        def vectors(self, *_: object) -> object:
            raise RuntimeError("no more memory")

    monkeypatch.setattr(likeness, "recogniser_named", lambda *_: Broken())
    assert Enhanced(blurred).run(hopper.frame()) == {}
    assert "no more memory" in caplog.text
    with pytest.raises(RuntimeError, match="no more memory"):
        Enhanced(blurred, identity="dlib").run(hopper.frame())


def test_a_named_recogniser_that_is_not_here_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="w600k_r50"):
        Enhanced(same, identity="arcface")
    monkeypatch.setattr(vision_models, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"--enhancer-identity dlib .*pip install 'roop-vision\[dlib\]'"):
        EnhancerOptions(identity="dlib")
    (spec,) = roop_processors()
    assert [choice.value for choice in spec.choices if choice.option == "identity"] == ["arcface"]


def test_the_models_are_declared_and_make_nothing() -> None:
    (spec,) = roop_processors()
    made = [choice for choice in spec.choices if choice.made_by(EnhancerOptions(identity="dlib", model="embedded"))]
    assert [choice.models for choice in made if choice.option == "identity"] == [(DLIB_RESNET,)]
    assert {choice.source_type for choice in made} == {"algorithmicallyEnhanced"}


@pytest.mark.parametrize(("change", "told"), [(same, False), (None, True)])
def test_it_is_said_where_the_person_is_another(
    change: Change | None, told: bool, hopper: Known, collins: Known, caplog: pytest.LogCaptureFixture
) -> None:
    box = box_of(hopper.face)
    other = collins.face_in(hopper)[box.y0 : box.y1, box.x0 : box.x1]
    enhanced = Enhanced(change or (lambda bgr: other))
    with caplog.at_level(logging.WARNING):
        enhanced.run(hopper.frame())
        enhanced.processor.end()
    assert ("changed who is seen" in caplog.text) is told
    assert ("--enhancer-blend" in caplog.text) is told
