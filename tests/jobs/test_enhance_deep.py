"""The level without a download on frames of ten bits, in grey, and with alpha."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_enhancer.options import EnhancerOptions
from roop_enhancer.processor import Enhancer
from roop_host import Face, Frame, Job, JobContext, Segment, Step, Window
from roop_host.testing import context_of, frame_of
from roop_host.types.planes import PixelLayout, Pixels
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.options import VisionOptions

HOPPER = Path(__file__).parents[2] / "examples" / "media" / "hopper.jpg"
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def soft() -> tuple[Picture, Face]:
    """Hopper with a blurred face, and that face."""
    bgr = np.asarray(cv2.imread(str(HOPPER)), np.uint8)
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    face = replace(analyser.analyse_picture(frame_of(bgr))[0], id=1, chosen=True)
    x0, y0, x1, y1 = (round(value) for value in face.box_xyxy)
    bgr[y0:y1, x0:x1] = cv2.GaussianBlur(bgr, (0, 0), 2)[y0:y1, x0:x1]
    return bgr, face


def enhanced(layout: PixelLayout, planes: tuple[NDArray[np.uint8 | np.uint16], ...], face: Face) -> Frame:
    enhancer = Enhancer()
    enhancer.setup(context_of(EnhancerOptions(model="embedded", blend=100)))
    frame = Frame(Pixels(layout, planes), faces=(face,))
    enhancer.begin(JobContext(Job((), "t.jpg", "o.jpg", (Step("enhancer"),)), (), frame.width, frame.height))
    enhancer.start(Segment(0, 0, 250))
    enhancer.process(Window((), (frame,), ()))
    enhancer.end()
    assert frame.edited == {1}
    return frame


def test_ten_bits_are_used(soft: tuple[Picture, Face]) -> None:
    bgr, face = soft
    luma = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    # Only every fourth code at the input, as a picture of eight bits has them.
    codes = np.rint(64 + 876 * (luma / 255.0)).astype(np.uint16) // 4 * 4
    planes = (codes.copy(), *(np.full((300, 256), 512, np.uint16) for _ in range(2)))
    made = enhanced(PixelLayout("yuv", 10, 1, 1), planes, face).pixels.planes
    changed = made[0] != codes
    assert changed.mean() > 0.02
    assert np.unique(made[0][changed] % 4).size == 4
    assert np.abs(made[0].astype(int) - codes).max() > 20
    assert max(int(np.abs(plane.astype(int) - 512).max()) for plane in made[1:]) <= 1


def test_grey_stays_one_plane(soft: tuple[Picture, Face]) -> None:
    bgr, face = soft
    luma = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    for alpha in (False, True):
        planes = (luma.copy(), *([np.full_like(luma, 77)] if alpha else []))
        made = enhanced(PixelLayout("grey", 8, alpha=alpha, full_range=True), planes, face).pixels.planes
        assert len(made) == 1 + alpha
        assert np.abs(made[0].astype(int) - luma).max() > 8
        assert not alpha or (made[1] == 77).all()
