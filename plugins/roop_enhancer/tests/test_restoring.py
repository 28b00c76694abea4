"""How a network's crop is taken and put back: what it does not change is not lost, whatever the face's size."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_enhancer.engine import Asked
from roop_enhancer.options import EnhancerOptions
from roop_enhancer.restoring import RestoringEngine
from roop_host import Face
from roop_host.testing import context_of, frame_of
from roop_vision.align import Template, template_points

SIDE, CROP = 360, 256


class GivesBack:
    """A network that changes nothing but adds ``more``, and notes how many crops it was shown at once."""

    name, size = "gives back", CROP
    template: Template = "ffhq_512"

    def __init__(self, more: float = 0.0) -> None:
        self._more = np.float32(more)
        self.shown: list[int] = []

    def restore(self, crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.shown.append(len(crops_bgr))
        return np.clip(crops_bgr[..., ::-1] * np.float32(1 / 255) + self._more, 0, 1)


def face(scale: float, number: int = 1) -> Face:
    """Of which the crop has ``scale`` pixels for one of the picture, in its middle, tilted a little."""
    turn = np.radians(4)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = ((template_points("ffhq_512") - 0.5) * CROP / scale) @ axes.T + SIDE / 2 + 0.3
    low, high = points.min(0), points.max(0)
    return Face(number, (*map(float, low), *map(float, high)), 0.9, points.astype(np.float32))


def fine(seed: int, kind: type[Any] = np.uint8) -> NDArray[Any]:
    """A picture with detail down to two pixels, without grain of a pixel."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 0.9)
    levels = np.clip(128 + 25 * soft / soft.std(), 0, 255)
    return np.asarray(np.rint(levels * (257 if kind is np.uint16 else 1)), kind)


def restored(bgr: NDArray[Any], scale: float, network: GivesBack, **options: Any) -> NDArray[np.float32]:
    """What the picture shows then, in levels, where the face is shown in full."""
    one = face(scale)
    frame = frame_of(bgr, faces=(one,))
    engine = RestoringEngine(network, EnhancerOptions(blend=100, grain=0, mask_types=("box",), **options), context_of())
    engine.start()
    engine.process([Asked(frame, one)])
    return inner(np.asarray(frame.bgr(dtype=np.float32), np.float32) * 255, scale)


def inner(levels: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    reach = min(SIDE // 2, int(0.2 * CROP / scale))
    middle = slice(SIDE // 2 - reach, SIDE // 2 + reach)
    return levels[middle, middle]


@pytest.mark.parametrize(("scale", "most"), [(0.5, 0.1), (0.79, 0.1), (1.0, 1.0), (1.3, 1.5), (1.9, 1.0), (3.0, 2.5)])
def test_what_the_network_leaves_as_it_is_stays_so(scale: float, most: float) -> None:
    bgr = fine(1)
    off = np.abs(restored(bgr, scale, GivesBack()) - inner(bgr.astype(np.float32), scale))
    assert off.mean() <= most


def test_no_step_is_seen_where_a_face_grows_beyond_its_crop() -> None:
    bgr = fine(2)
    kept = []
    for scale in np.arange(0.7, 1.4, 0.05):
        shown, was = restored(bgr, scale, GivesBack()), inner(bgr.astype(np.float32), scale)
        kept.append(cv2.Laplacian(shown, cv2.CV_32F).std() / cv2.Laplacian(was, cv2.CV_32F).std())
    assert np.abs(np.diff(kept)).max() < 0.08
    assert min(kept) > 0.7


@pytest.mark.parametrize("scale", [0.5, 0.9])
def test_a_large_face_of_a_deep_frame_keeps_its_depth(scale: float) -> None:
    """A smooth slope of less than a level a pixel, which eight bits would show as steps."""
    slope = np.linspace(20000, 26000, SIDE, dtype=np.float32)[None, :, None].repeat(SIDE, 0).repeat(3, 2)
    bgr = np.rint(slope).astype(np.uint16)
    off = restored(bgr, scale, GivesBack()) - inner(bgr / np.float32(257), scale)
    assert np.abs(off).max() < 0.35


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_what_the_network_adds_is_shown(scale: float) -> None:
    bgr = fine(3)
    more = restored(bgr, scale, GivesBack(0.1)) - inner(bgr.astype(np.float32), scale)
    assert more.mean() == pytest.approx(25.5, abs=0.6)


def test_only_so_many_crops_are_shown_at_once() -> None:
    network, faces = GivesBack(), tuple(face(2.0, number) for number in range(20))
    frame = frame_of(fine(4), faces=faces)
    engine = RestoringEngine(network, EnhancerOptions(), context_of())
    engine.start()
    engine.process([Asked(frame, one) for one in faces])
    assert network.shown == [16, 4]
