"""The step on frames: whom it covers and what it leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pieces import covered, face, frames_of, noise, pointing, step_of
from roop_host import FaceSelection, Job, Step, Window
from roop_host.testing import frame_of

ONE, TWO = face((8, 10, 40, 50), 1, chosen=True), face((70, 20, 104, 62), 2)
MIDDLE = np.s_[30:50, 78:98], np.s_[20:40, 14:34]


def is_mosaic(picture: Any) -> bool:
    """20 x 20 pixels of noise are 400 colours; of cells there are a few."""
    return len(np.unique(picture.reshape(-1, 3), axis=0)) < 30


@pytest.mark.parametrize(
    ("faces", "expected"), [("unchosen", [True, False]), ("chosen", [False, True]), ("all", [True, True])]
)
def test_it_covers_whom_it_was_asked_to(faces: str, expected: list[bool]) -> None:
    before = noise(96, 128)
    frame = frame_of(before, faces=(ONE, TWO))
    after = covered(frame, faces=faces)
    assert [is_mosaic(after[where]) for where in MIDDLE] == expected
    assert [(after[where] != before[where]).any() for where in MIDDLE] == expected
    assert frame.edited == {one.id for one, is_covered in zip((TWO, ONE), expected, strict=True) if is_covered}


def test_where_nobody_is_pointed_at_all_are_covered() -> None:
    frame = frame_of(noise(96, 128), faces=(face(ONE.box_xyxy, 1, chosen=True), face(TWO.box_xyxy, 2, chosen=True)))
    step = step_of(Job((), "in.png", "out.png", (Step("pixelate"),), faces=FaceSelection(mode="many")))
    step.process(Window((), (frame,), ()))
    assert frame.edited == {1, 2}


@pytest.mark.parametrize("more", [{"gender": "female"}, {"age_end": 30}, {"mode": "reference"}])
def test_a_filter_points_at_somebody(more: dict[str, Any]) -> None:
    frame = frame_of(noise(96, 128), faces=(ONE, TWO))
    step_of(pointing(**{"mode": "many", **more})).process(Window((), (frame,), ()))
    assert frame.edited == {2}


def test_the_rest_of_the_picture_keeps_its_bits() -> None:
    before = noise(96, 128)
    after = covered(frame_of(before, faces=(TWO,)))
    changed = (after != before).any(2)
    ys, xs = np.nonzero(changed)
    assert (ys.min(), xs.min()) >= (0, 50)
    assert (ys.max(), xs.max()) <= (83, 123)


@pytest.mark.parametrize("style", ["mosaic", "blur", "fill"])
@pytest.mark.parametrize("shape", ["ellipse", "box"])
@pytest.mark.parametrize("size", [(96, 128), (97, 131), (53, 55)])
def test_faces_over_the_edge_and_odd_sizes(size: tuple[int, int], shape: str, style: str) -> None:
    height, width = size
    before = noise(*size)
    around = face((width - 20, height - 22, width + 14, height + 20))
    after = covered(frame_of(before, faces=(around,)), shape=shape, style=style)
    assert len(np.unique(after[-12:, -12:].reshape(-1, 3), axis=0)) < (145 if style == "blur" else 20)
    assert (after[-12:, -12:] != before[-12:, -12:]).any()
    assert (after[:4, :4] == before[:4, :4]).all()


def test_a_picture_smaller_than_a_cell_is_one_colour() -> None:
    after = covered(frame_of(noise(7, 5), faces=(face((-200, -200, 200, 200)),)))
    assert len(np.unique(after.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_picture_is_covered_where_its_face_is_seen(rotation: int) -> None:
    upright = noise(96, 128)
    coded = np.ascontiguousarray(np.rot90(upright, -rotation // 90))
    turned = frame_of(coded, rotation=rotation, faces=(TWO,))
    assert (turned.bgr() == upright).all()
    assert (covered(turned) == covered(frame_of(upright, faces=(TWO,)))).all()


def test_transparency_stays_as_it_is() -> None:
    alpha = np.linspace(0, 255, 96 * 128).reshape(96, 128).astype(np.uint8)
    frame = frame_of(noise(96, 128), alpha=alpha, faces=(TWO,))
    before = frame.alpha()
    covered(frame)
    assert before is not None
    assert (frame.alpha() == before).all()


def test_no_faces_is_no_error_and_no_change() -> None:
    before = noise(96, 128)
    frame = frame_of(before)
    assert (covered(frame) == before).all()
    assert frame.measures == (("", "covered", 0.0), ("", "held", 0.0))


def test_privacy_goes_before_a_chosen_face_unless_it_is_said() -> None:
    before = noise(96, 128)
    near = face((40, 10, 72, 50), 1, chosen=True)
    hidden, kept = (covered(frame_of(before, faces=(near, TWO)), keep_chosen=keep) for keep in (False, True))
    overlap = np.s_[22:38, 60:70]
    assert (hidden[overlap] != before[overlap]).any()
    assert (kept[overlap] == before[overlap]).all()
    assert is_mosaic(kept[MIDDLE[0]])


def test_what_is_held_is_covered_and_told() -> None:
    past, gone, future = frames_of([TWO], [], [TWO])
    before = gone.bgr().copy()
    step_of().process(Window((past,), (gone,), (future,)))
    assert is_mosaic(gone.bgr()[MIDDLE[0]])
    assert gone.measures == (("", "covered", 1.0), ("", "held", 1.0))
    assert gone.edited == frozenset()  # nobody knows that it was there
    (alone,) = frames_of([])
    step_of(hold=0).process(Window((past,), (alone,), (future,)))
    assert (alone.bgr() == before).all()


def test_many_frames_at_once_are_as_one_after_the_other() -> None:
    rows = [[TWO], [], [ONE, TWO], [], [TWO]]
    together = frames_of(*rows)
    step_of().process(Window((), tuple(together), ()))
    alone = frames_of(*rows)
    for number, frame in enumerate(alone):
        before, after = frames_of(*rows)[:number], frames_of(*rows)[number + 1 :]
        step_of().process(Window(tuple(before), (frame,), tuple(after)))
    assert all((one.bgr() == other.bgr()).all() for one, other in zip(together, alone, strict=True))
