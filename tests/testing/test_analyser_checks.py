"""Each check of an analyser fails on one that is broken just so, and on no other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from honest import Knows
from kit import analyser

from roop_host import Analyser, Context, Face, FrameView, JobContext, Segment
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, moved, run_check
from roop_host.testing.checks.analyser import CHECKS


class BesidePictures(Knows):
    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return [moved(face, 80, 0) for face in super().analyse_picture(frame)]


class Blind(Knows):
    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return ()


class Doubles(Knows):
    def found(self, frame: FrameView) -> dict[str, Face]:
        return {
            name: replace(face, landmarks_5=face.landmarks_5.astype(float)) for name, face in super().found(frame).items()
        }


class NoMesh(Knows):
    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return [replace(face, mesh_468=None) for face in super().analyse_picture(frame)]


class Numbers(Knows):
    """Everybody is new in every frame."""

    def start(self, segment: Segment) -> None:
        self.last = 0

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        faces = [replace(face, id=self.last + number) for number, face in enumerate(self.found(frame).values())]
        self.last += 10
        return faces


class Same(Knows):
    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return [replace(face, id=1) for face in super().analyse(frame)]


class OneMemory(Knows):
    """Tracks by what it saw last, also in a picture."""

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        self.ids = {"collins": 7}
        return super().analyse_picture(frame)


class Blank(Knows):
    def found(self, frame: FrameView) -> dict[str, Face]:
        if frame.width > 100 and frame.bgr().std() == 0:
            raise ZeroDivisionError("no contrast")
        return super().found(frame)


class EightBits(Knows):
    def found(self, frame: FrameView) -> dict[str, Face]:
        if frame.depth > 8:
            raise ValueError("only 8 bits")
        return super().found(frame)


class Learns(Knows):
    """Forgets at the first segment alone."""

    def start(self, segment: Segment) -> None:
        super().start(segment)
        self.score = 0.9 if segment.index == 0 else self.score

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        self.score -= 0.1
        return super().analyse(frame)


class Guesses(Knows):
    rng = np.random.default_rng(1)

    def found(self, frame: FrameView) -> dict[str, Face]:
        self.score = 0.9 + self.rng.random() / 1000
        return super().found(frame)


class Counts(Knows):
    def begin(self, job: JobContext) -> None:
        self.score /= 2


class OneBuffer(Knows):
    buffer = np.zeros((468, 3), np.float32)

    def __init__(self) -> None:
        super().__init__()
        self.buffer = self.buffer.copy()

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        faces = []
        for face in super().analyse(frame):
            self.buffer[:] = face.mesh_468
            faces.append(replace(face, mesh_468=self.buffer))
        return faces


class Notes(Knows):
    def analyse(self, frame: FrameView) -> Sequence[Face]:
        frame.faces = tuple(super().analyse(frame))
        return frame.faces


class Keeps(Knows):
    def analyse(self, frame: FrameView) -> Sequence[Face]:
        self.last = frame
        return super().analyse(frame)


class Bound(Knows):
    def setup(self, ctx: Context) -> None:
        self.local = threading.local()
        self.local.ready = True

    def found(self, frame: FrameView) -> dict[str, Face]:
        return super().found(frame) if self.local.ready else {}


BROKEN: dict[str, type[Analyser]] = {
    "faces_of_portraits_are_found": BesidePictures,
    "faces_of_clips_are_found": Blind,
    "faces_are_as_described": Doubles,
    "what_it_gives_is_filled": NoMesh,
    "ids_are_tracks": Numbers,
    "pictures_leave_tracks_alone": OneMemory,
    "nobody_is_no_error": Blank,
    "odd_frames_are_no_error": EightBits,
    "start_forgets": Learns,
    "same_frames_same_faces": Guesses,
    "jobs_leave_nothing_behind": Counts,
    "results_stay_as_they_are": OneBuffer,
    "frames_stay_as_they_are": Notes,
    "no_frame_is_kept": Keeps,
    "another_thread_may_ask": Bound,
}
#: A change of every face, and what is told of it.
WRONG: dict[str, dict[str, Any]] = {
    "has the id 1.0, which is no int": {"id": 1.0},
    "which is not a tuple of four finite numbers": {"box_xyxy": (1.0, 2.0, float("nan"), 4.0)},
    "which is not left, top, right, bottom": {"box_xyxy": (40.0, 40.0, 20.0, 20.0)},
    "which lies outside of the picture of 224 x 224": {"box_xyxy": (-40.0, -40.0, -20.0, -20.0)},
    "has the score nan, which is no finite number": {"score": float("nan")},
    "has landmarks_5 of float32 (5, 3), not float32 (5, 2)": {"landmarks_5": np.zeros((5, 3), np.float32)},
    "has mesh_468 that are not finite": {"mesh_468": np.full((468, 3), np.nan, np.float32)},
    "has an embedding and the recogniser None": {"recogniser": None},
    "has an embedding of float32 (1, 512), not one row": {"embedding": np.ones((1, 512), np.float32)},
    "has an embedding that is not finite or all 0": {"embedding": np.zeros(512, np.float32)},
    "has the recogniser 'other', which is not among the declared ones: kit": {"recogniser": "other"},
    "has yaw_degrees inf": {"yaw_degrees": float("inf")},
    "has pose_degrees (1.0, 2.0)": {"pose_degrees": (1.0, 2.0)},
    "has the gender 'f'": {"gender": "f"},
}


def failures(make: type[Analyser], *ids: str) -> dict[str, str]:
    """What each check says that fails, of all or of ``ids`` alone."""
    gives = frozenset({"mesh_468", "embedding", "embedding:kit"})
    plugins = plugins_of({"eyes": analyser(make, gives=gives, recognisers={"kit": 0.5})})
    subject = Subject(plugins, "roop_analysers", plugins.named("roop_analysers", "eyes"))
    results = [run_check(check, subject) for check in CHECKS if not ids or check.id in ids]
    return {result.check.id: result.told for result in results if not result.good}


def told_by(make: type[Analyser], check: str) -> str:
    return failures(make, check)[check]


def test_every_check_has_a_broken_plugin() -> None:
    assert set(BROKEN) == {check.id for check in CHECKS}


def test_a_healthy_analyser_passes() -> None:
    assert failures(Knows) == {}


@pytest.mark.parametrize("check", BROKEN)
def test_what_is_broken_fails_that_check_alone(check: str) -> None:
    also = {"faces_are_as_described": ["odd_frames_are_no_error"]}  # a face is held against what Face says in both
    assert list(failures(BROKEN[check])) == [check, *also.get(check, ())]


@pytest.mark.parametrize("told", WRONG)
def test_what_is_wrong_with_a_face_is_told(told: str) -> None:
    class Wrong(Knows):
        def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
            return [replace(face, **WRONG[told]) for face in super().analyse_picture(frame)]

    assert told in told_by(Wrong, "faces_are_as_described")


def test_what_happened_is_told() -> None:
    assert "it finds 0 faces at (" in told_by(BesidePictures, "faces_of_portraits_are_found")
    assert told_by(Blind, "faces_of_clips_are_found").startswith("it finds 0 faces in the third frame of a clip")
    assert told_by(NoMesh, "what_it_gives_is_filled") == (
        "it gives mesh_468, as it declares, and a face of a portrait has none"
    )
    assert told_by(Numbers, "ids_are_tracks") == "the face 0 of frame 0 is 10 in the next one, which is equal to it"
    assert told_by(Same, "ids_are_tracks") == "in frame 0 two faces have the same id: [1, 1]"
    assert told_by(OneMemory, "pictures_leave_tracks_alone").endswith("frame 1 has another id of a face")
    assert told_by(OneBuffer, "results_stay_as_they_are").endswith("frame 0 has another mesh_468 of a face")
    assert told_by(Notes, "frames_stay_as_they_are") == "it changed the faces of frame 0"
