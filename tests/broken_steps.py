"""Steps that each break one promise, and one that keeps all: what the kit's checks of processors are tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from roop_host import Box, Face, Frame, FrameView, InputError, JobContext, Processor, Segment, Window


def box_of(face: Face) -> Box:
    return Box(*map(round, face.box_xyxy))


class Healthy(Processor):
    """Darkens faces by the source, and by how bright the frames of the segment are so far and the next one is."""

    def __init__(self) -> None:
        self.tint: float | None = None
        self.level: float | None = None

    def begin(self, job: JobContext) -> None:
        self.tint = float(job.sources[0].bgr.mean()) if job.sources else 100.0

    def start(self, segment: Segment) -> None:
        self.level = None

    def end(self) -> None:
        self.tint = None

    def process(self, window: Window) -> None:
        seen = (*window.current, *window.future)
        for frame, ahead in zip(window.current, (*seen[1:], seen[-1]), strict=False):
            mean = float(frame.bgr().mean() + ahead.bgr().mean()) / 2
            self.level = mean if self.level is None else (self.level + mean) / 2
            self.work(frame, self.level)

    def work(self, frame: Frame, level: float) -> None:
        for face in frame.faces:
            self.change(frame, face, box_of(face).clip(frame.width, frame.height), level)
        if frame.faces:
            frame.measure("level", level)

    def change(self, frame: Frame, face: Face, box: Box, level: float) -> None:
        if not box.empty:
            frame.put(box, self.colour(frame, box, level), 0.5, face_id=face.id)

    def colour(self, frame: Frame, box: Box, level: float) -> NDArray[np.uint8]:
        return np.full((box.height, box.width, 3), (self.tint or 0) * 0.5 + 0.4 * level, np.uint8)


class StumblesOverNobody(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        assert frame.faces[0] is not None
        super().work(frame, level)


class Renumbers(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        frame.pts += 1


class GivesBack(Healthy):
    def process(self, window: Window) -> Any:
        super().process(window)
        return window.current


class ClearsAlpha(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        if frame._pixels.layout.alpha:
            frame._pixels.planes[-1][...] = 255


class WritesPlanes(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        frame._own()
        frame._pixels.planes[0][-1, -1] ^= 3


class WritesBgr(Healthy):
    """Goes behind what makes the array read-only."""

    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        base: Any = frame.bgr().base
        base.obj[:4] = 200


class ChangesNeighbours(Healthy):
    def process(self, window: Window) -> None:
        for view in window.past:
            view._pixels.planes[0][:2] = 7
        super().process(window)


class WritesNeighboursBgr(Healthy):
    def process(self, window: Window) -> None:
        for view in window.future:
            base: Any = view.bgr().base
            base.obj[:4] = 200
        super().process(window)


class KeepsFrame(Healthy):
    kept: FrameView

    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        self.kept = frame


class KeepsPlane(Healthy):
    kept: Any

    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        self.kept = frame.pixels.planes[0][:1]


class KeepsBgr(Healthy):
    kept: Any

    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        self.kept = frame.bgr()[:1]


class KeepsCopies(Healthy):
    def start(self, segment: Segment) -> None:
        super().start(segment)
        self.copies: list[NDArray[np.uint8]] = []

    def work(self, frame: Frame, level: float) -> None:
        self.copies.append(frame.bgr().copy())
        super().work(frame, level)


class ForgetsTheRest(Healthy):
    """Of several frames only the first is worked on."""

    def process(self, window: Window) -> None:
        for frame in window.current[:1]:
            self.work(frame, float(frame.bgr().mean()))


class GoesByTheBatch(Healthy):
    """Each face by how bright the frames are that happen to come together."""

    def process(self, window: Window) -> None:
        mean = float(np.mean([frame.bgr().mean() for frame in window.current]))
        for frame in window.current:
            self.work(frame, mean)

    def colour(self, frame: Frame, box: Box, level: float) -> NDArray[np.uint8]:
        return np.clip(frame.bgr(box) * (level / 128), 0, 255).astype(np.uint8)


class Trails(Healthy):
    """Much of each face is what it made of the frame before, so that what was there fades slowly."""

    share = 0.9

    def process(self, window: Window) -> None:
        before = window.past[-1] if window.past else None
        for frame in window.current:
            for face in frame.faces:
                box = box_of(face).clip(frame.width, frame.height)
                if not box.empty:
                    frame.put(box, (before or frame).bgr(box), self.share, face_id=face.id)
            before = frame


class Brightens(Healthy):
    """Paints faces grey, every other time lighter, and lighter still from the tenth frame of a segment that it sees on."""

    more, flicker = 2, 0

    def start(self, segment: Segment) -> None:
        self.seen = 0

    def process(self, window: Window) -> None:
        for frame in window.current:
            self.seen += 1
            self.work(frame, 100 + self.more * (self.seen >= 10) + self.flicker * (frame.index % 2))

    def colour(self, frame: Frame, box: Box, level: float) -> NDArray[np.uint8]:
        return np.full((box.height, box.width, 3), level, np.uint8)

    def change(self, frame: Frame, face: Face, box: Box, level: float) -> None:
        if not box.empty:
            frame.put(box, self.colour(frame, box, level), face_id=face.id)


class NeverForgets(Healthy):
    def start(self, segment: Segment) -> None:
        pass

    def end(self) -> None:
        self.tint = self.level = None


class DrawsLots(Healthy):
    def colour(self, frame: Frame, box: Box, level: float) -> NDArray[np.uint8]:
        return np.random.default_rng().integers(0, 255, (box.height, box.width, 3)).astype(np.uint8)


class MeasuresChance(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        frame.measure("chance", float(np.random.default_rng().random()))


class CountsOn(Healthy):
    """Counts frames of the job, not of the segment, and tells it by a measure alone."""

    count = 0

    def begin(self, job: JobContext) -> None:
        super().begin(job)
        self.count = 0

    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        self.count += 1
        frame.measure("count", self.count)


class NamesByTurns(Healthy):
    """Another measure in the second job."""

    jobs = 0

    def begin(self, job: JobContext) -> None:
        super().begin(job)
        self.jobs += 1

    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        frame.measure(f"job {self.jobs}", 1)


class SharesState(Healthy):
    """The level belongs to all objects, and is reset where a segment starts: alone it is right."""

    shared: ClassVar[dict[str, float]] = {}

    def start(self, segment: Segment) -> None:
        self.shared.clear()

    def process(self, window: Window) -> None:
        for frame in window.current:
            mean = float(frame.bgr().mean())
            self.shared["level"] = (self.shared.get("level", mean) + mean) / 2
            self.work(frame, self.shared["level"])


class KeepsItsFirstJob(Healthy):
    def begin(self, job: JobContext) -> None:
        if self.tint is None:
            super().begin(job)

    def end(self) -> None:
        pass


class EndsWhatNeverBegan(Healthy):
    def begin(self, job: JobContext) -> None:
        super().begin(job)
        self.begun: list[int] | None = [1]

    def end(self) -> None:
        self.begun = self.begun and self.begun[:0]


class TripsOverEdges(Healthy):
    def change(self, frame: Frame, face: Face, box: Box, level: float) -> None:
        box = box_of(face)
        if frame.bgr(box).shape[:2] != (box.height, box.width):
            raise IndexError("a face that is cut off")
        super().change(frame, face, box, level)


class WantsEvenSizes(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        if frame.width % 2 and frame.depth == 8 and not frame._pixels.layout.alpha:
            raise InputError("the width is odd; take another picture")
        super().work(frame, level)


class WantsEvenJobs(Healthy):
    def begin(self, job: JobContext) -> None:
        if job.width % 2:
            raise InputError("the width is odd; take another picture")
        super().begin(job)


class DoesNothing(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        pass


class MeasuresNothing(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        frame.measures += (("broken", "faces", float("nan")),)


class MeasuresWithoutName(Healthy):
    def work(self, frame: Frame, level: float) -> None:
        super().work(frame, level)
        frame.measure("", 1)


class NamesNobody(Healthy):
    def change(self, frame: Frame, face: Face, box: Box, level: float) -> None:
        if not box.empty:
            frame.put(box, self.colour(frame, box, level), 0.5)


class NamesStrangers(Healthy):
    def change(self, frame: Frame, face: Face, box: Box, level: float) -> None:
        if not box.empty:
            frame.put(box, self.colour(frame, box, level), 0.5, face_id=face.id + 100)


class ReadsTheMesh(Healthy):
    def change(self, frame: Frame, face: Face, box: Box, level: float) -> None:
        mesh: Any = face.mesh_468
        super().change(frame, face, box, level + 0 * float(mesh.mean()))


class WantsASource(Healthy):
    def begin(self, job: JobContext) -> None:
        self.tint = float(job.sources[0].bgr.mean())


@dataclass(frozen=True)
class Case:
    """A step that breaks a check: what is told of it, and which other checks see it too."""

    make: Callable[[], Processor]
    told: str
    too: tuple[str, ...] = ()


BROKEN: dict[str, tuple[Case, ...]] = {
    "no_faces_is_no_error": (Case(StumblesOverNobody, "IndexError", ("odd_frames_are_no_error", "measures_are_numbers")),),
    "frames_stay_as_they_are": (
        Case(Renumbers, "of an 8 bit RGB picture it changed the time"),
        Case(GivesBack, "its process returned a tuple"),
        Case(ClearsAlpha, "of a picture with alpha it changed the alpha", ("planes_outside_the_box_kept",)),
    ),
    "planes_outside_the_box_kept": (
        Case(WritesPlanes, "it changed 1 samples outside of what it put"),
        Case(WritesBgr, "it wrote into the array that bgr() gave it of an 8 bit RGB picture"),
    ),
    "neighbours_are_read_only": (
        Case(
            ChangesNeighbours,
            "it changed the pixels of frame 0 when that stood before",
            ("batch_equals_single",),
        ),
        Case(WritesNeighboursBgr, "it wrote into the array that bgr() gave it of a frame behind"),
    ),
    "no_frame_kept": (
        Case(KeepsFrame, "it still had Frame and Pixels"),
        Case(KeepsPlane, "it still had ndarray of frames"),
        Case(KeepsBgr, "when another segment had started it still had what bgr() gave it"),
        Case(KeepsCopies, "KiB more than after 6: as much as a frame with each frame"),
    ),
    "batch_equals_single": (
        Case(ForgetsTheRest, "where it came alone and not among 3", ("reset_at_a_segments_start",)),
        Case(GoesByTheBatch, "where it came alone and not among 3"),
    ),
    "reset_at_a_segments_start": (
        Case(NeverForgets, "after other frames were seen before it"),
        Case(CountsOn, "frames behind a segment's start have the measure count"),
        Case(Trails, "from a run that came there, with a warmup of 2 frames"),
    ),
    "same_frames_give_the_same_bytes": (
        Case(
            DrawsLots,
            "became something else in a second run",
            (
                "batch_equals_single",
                "reset_at_a_segments_start",
                "two_objects_do_not_disturb_each_other",
                "jobs_one_after_the_other",
            ),
        ),
        Case(
            MeasuresChance,
            "became something else in a second run: they have the measure chance",
            ("reset_at_a_segments_start", "two_objects_do_not_disturb_each_other", "jobs_one_after_the_other"),
        ),
    ),
    "two_objects_do_not_disturb_each_other": (Case(SharesState, "while another object was at work"),),
    "jobs_one_after_the_other": (
        Case(KeepsItsFirstJob, "something else than the job alone"),
        Case(NamesByTurns, "its frames have the measure job 1 of broken only once"),
    ),
    "end_after_a_failed_begin": (Case(EndsWhatNeverBegan, "its end raised AttributeError"),),
    "odd_frames_are_no_error": (
        Case(TripsOverEdges, "faces that reach over the edge made it raise IndexError"),
        Case(WantsEvenSizes, "it refuses a picture of 1 x 1 pixels: InputError: the width is odd"),
        Case(WantsEvenJobs, "it refuses a picture of 1 x 1 pixels: InputError: the width is odd"),
    ),
    "it_does_something": (Case(DoesNothing, "changed nothing in a clip of two people"),),
    "measures_are_numbers": (
        Case(MeasuresNothing, "it measured faces as nan"),
        Case(MeasuresWithoutName, "a measure is called ''"),
    ),
    "faces_changed_are_named": (
        Case(NamesNobody, "of the middle of a face, and named no face_id"),
        Case(NamesStrangers, "it named face_id 101"),
    ),
    "needs_are_declared": (Case(ReadsTheMesh, "needs nothing of a face"),),
    "a_source_is_asked_for": (Case(WantsASource, "without one it raised IndexError"),),
}
