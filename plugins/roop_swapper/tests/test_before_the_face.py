"""The mesh engine and what stands before a face, and who comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Face, Job, JobContext, Segment, SourceFace, Step, Window
from roop_host.testing import context_of, frame_of
from roop_swapper.mesh_engine import MeshEngine
from roop_swapper.options import SwapperOptions
from roop_swapper.processor import Swapper
from roop_swapper.state import FaceState, States
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.options import VisionOptions

MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def scene() -> tuple[SourceFace, Face, Picture]:
    """Collins, and Hopper as the target."""
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    collins, hopper = (np.asarray(cv2.imread(str(MEDIA / f"{name}.jpg")), np.uint8) for name in ("collins", "hopper"))
    source, target = (analyser.analyse_picture(frame_of(bgr))[0] for bgr in (collins, hopper))
    return SourceFace("collins.jpg", collins, source), target, hopper


def swapper(source: SourceFace, **options: Any) -> Swapper:
    made = Swapper()
    made.setup(context_of(SwapperOptions(engine="mesh", **options)))
    made.begin(JobContext(Job(("s.jpg",), "t.jpg", "o.jpg", (Step("swapper"),)), (source,), 512, 600))
    made.start(Segment(0, 0, 250))
    return made


def swapped(made: Swapper, bgr: Picture, index: int, *faces: Face) -> Picture:
    frame = frame_of(bgr, index, faces=tuple(face.with_source(0) for face in faces))
    made.process(Window((), (frame,), ()))
    return np.array(frame.bgr())


def state_of(made: Swapper, number: int) -> FaceState:
    assert isinstance(made._engine, MeshEngine)
    state = made._engine._states.get((number, 0))
    assert state is not None
    return state


def with_sign(bgr: Picture, face: Face) -> tuple[Picture, tuple[slice, slice]]:
    """A green sign over an eye, its brow and the cheek; and where no part of a fade lies on it."""
    x0, y0, x1, y1 = (int(v) for v in face.box_xyxy)
    left, right, top, bottom = x0 - 40, (x0 + x1) // 2, y0 + (y1 - y0) // 5, y0 + (y1 - y0) * 3 // 5
    bgr = bgr.copy()
    bgr[top:bottom, left:right] = (40, 140, 30)
    return bgr, (slice(top + 6, bottom - 6), slice(left, right - 6))


def test_nothing_is_painted_on_a_sign_before_the_face(scene: tuple[SourceFace, Face, Picture]) -> None:
    source, target, hopper = scene
    signed, sign = with_sign(hopper, target)
    outs = []
    for options in ({}, {"mask_types": ("box", "outline")}):
        made = swapper(source, **options)
        swapped(made, hopper, 0, target)
        outs.append([swapped(made, signed, k, target) for k in range(1, 5)][-1])
    changes = [np.abs(out[sign].astype(int) - signed[sign]).max(2) for out in outs]
    assert (changes[0] > 8).mean() < 0.01
    assert (changes[1] > 8).mean() > 0.1
    # The other half of the face is swapped all the same.
    x0, y0, x1, y1 = (int(v) for v in target.box_xyxy)
    beside = (slice((y0 + y1) // 2, y1 - (y1 - y0) // 4), slice((x0 + x1) // 2 + 10, x1 - (x1 - x0) // 5))
    assert np.abs(outs[0][beside].astype(int) - signed[beside]).mean() > 5


def test_a_face_with_nothing_before_it_is_shown_whole(scene: tuple[SourceFace, Face, Picture]) -> None:
    source, target, hopper = scene
    x0, y0, x1, y1 = (int(v) for v in target.box_xyxy)
    core = (slice(y0 + (y1 - y0) // 4, y1 - (y1 - y0) // 5), slice(x0 + (x1 - x0) // 4, x1 - (x1 - x0) // 4))
    shown, all_of_it = (
        swapped(swapper(source, mask_types=types), hopper, 0, target)[core].astype(int)
        for types in (("box", "outline", "occlusion"), ("box", "outline"))
    )
    assert (np.abs(shown - all_of_it).max(2) > 8).mean() < 0.02


def test_nothing_is_learnt_from_a_sign(scene: tuple[SourceFace, Face, Picture]) -> None:
    source, target, hopper = scene
    signed, _ = with_sign(hopper, target)
    learnt = []
    for bgr in (hopper, signed):
        made = swapper(source)
        swapped(made, hopper, 0, target)
        for k in range(1, 9):
            swapped(made, bgr, k, target)
        learnt.append(state_of(made, target.id))
    free, hidden = learnt
    for name, most in (("keep", 0.03), ("gain", 0.05), ("contrast", 0.1), ("worn", 0.01), ("turned", 0.01)):
        plain, other = (np.asarray(getattr(state, name).value) for state in learnt)
        assert np.abs(plain - other).mean() < most, name
    assert free.colour is not None
    assert hidden.colour is not None
    assert np.abs(free.colour.mean - hidden.colour.mean).max() < 1.5


def test_a_face_that_is_wholly_hidden_teaches_nothing(scene: tuple[SourceFace, Face, Picture]) -> None:
    source, target, hopper = scene
    made = swapper(source)
    swapped(made, hopper, 0, target)
    state = state_of(made, target.id)
    assert isinstance(made._engine, MeshEngine)
    engine, before = made._engine, state.colour

    class Everywhere:
        def kept(self, frame: object, face: object, box: Any) -> NDArray[np.float32]:
            return np.ones((box.height, box.width), np.float32)

    engine._occluder = Everywhere()  # type: ignore[assignment]
    green = np.full_like(hopper, (40, 140, 30))
    assert np.array_equal(swapped(made, green, 2, target), green)
    assert state.colour is before
    assert state.shut == (0.0, 0.0)


def test_who_is_away_for_a_while_is_still_known(scene: tuple[SourceFace, Face, Picture]) -> None:
    source, target, hopper = scene
    one, other = replace(target, id=1), replace(target, id=2)
    made = swapper(source)
    swapped(made, hopper, 0, one, other)
    known = state_of(made, 1)
    for k in range(1, 75):
        swapped(made, hopper[:64, :64].copy(), k)
    assert known.lit is None
    swapped(made, hopper, 75, one)
    assert state_of(made, 1) is known
    assert known.lit is not None
    swapped(made, hopper, 76, one)
    assert isinstance(made._engine, MeshEngine)
    assert made._engine._states.get((2, 0)) is None


def test_no_more_than_so_many_are_remembered() -> None:
    states = States()
    for k in range(200):
        states.put((k, 0), FaceState(128), 0)
    states.after(0)
    assert len(states) == 200  # all of one frame
    states.put((200, 0), FaceState(128), 1)
    states.after(1)
    assert len(states) == 64
    assert states.get((200, 0)) is not None
    assert states.get((0, 0)) is None
