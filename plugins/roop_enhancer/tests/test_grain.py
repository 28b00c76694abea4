"""Grain: a restored face is given the frame's, as strong, as coarse and as lively as it is there, and no more."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_enhancer.grain import MEMORY, Grain
from roop_enhancer.noise import Noise, measured, noise_of, places_of, squares
from roop_enhancer.pattern import Pattern
from roop_host import Box, Face, Frame
from roop_host.testing import frame_of

Picture = NDArray[np.uint8]
MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
SIDE = 240
BOX = Box(60, 60, 180, 180)
FACE = Face(1, (60, 60, 180, 180), 0.9, np.zeros((5, 2), np.float32))
#: Where the face is shown wholly.
INNER = (slice(30, 90), slice(30, 90))


def scene() -> NDArray[np.float32]:
    """A smooth picture, B, G, R."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
    return np.stack([100 + 30 * x, 120 + 20 * y, 150 + 20 * x * y], axis=2)


def share_of(box: Box, most: float = 1.0) -> NDArray[np.float32]:
    y, x = np.mgrid[: box.height, : box.width].astype(np.float32)
    away = np.hypot((x + 0.5) / box.width * 2 - 1, (y + 0.5) / box.height * 2 - 1)
    return (np.clip(4 * (1 - away), 0, 1) * most).astype(np.float32)


def noise(seed: int, sigma: float, coarse: float = 0.0, colour: float = 0.0) -> NDArray[np.float32]:
    """Of luma, and of colour beside it; ``coarse`` is the deviation in pixels of a blur."""
    rng = np.random.default_rng(seed)
    fields = [rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32) for _ in range(3)]
    if coarse:
        fields = [cv2.GaussianBlur(field, (0, 0), coarse) for field in fields]
    luma, blue, red = (field / field.std() for field in fields)
    return np.stack([sigma * luma + colour * blue, sigma * luma, sigma * luma + colour * red], axis=2)


def levels(picture: NDArray[np.float32]) -> Picture:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def grained(grain: Grain, frame: Frame, bgr: NDArray[Any], box: Box = BOX, most: float = 1.0) -> NDArray[Any]:
    """What the face shows then."""
    share = share_of(box, most)
    frame.put(box, grain.grained(frame, FACE, box, bgr, share), share, face_id=FACE.id)
    return frame.bgr(box, bgr.dtype.type)


def restored(box: Box = BOX) -> Picture:
    """Too smooth."""
    return levels(scene())[box.y0 : box.y1, box.x0 : box.x1]


def of(bgr: NDArray[Any]) -> Noise:
    ycc = np.asarray(cv2.cvtColor(np.asarray(bgr, np.float32), cv2.COLOR_BGR2YCrCb), np.float32)
    found = measured(squares(ycc, places_of(np.ones(ycc.shape[:2], bool))))
    assert found is not None
    return found


@pytest.mark.parametrize(("sigma", "coarse", "colour"), [(2, 0, 0), (5, 0, 0), (5, 0.8, 0), (8, 1.0, 0), (4, 0.6, 4)])
def test_a_smooth_face_gets_the_frames_grain(sigma: float, coarse: float, colour: float) -> None:
    grain = Grain(1)
    for index in range(3):
        picture = levels(scene() + noise(index, sigma, coarse, colour))
        shown = grained(grain, frame_of(picture, index), restored())
    was, now = of(picture[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1][INNER]), of(shown[INNER])
    strong = was.sigmas > 0.5
    np.testing.assert_allclose(now.sigmas[strong], was.sigmas[strong], rtol=0.2)
    assert (now.sigmas[~strong] < 0.5).all()
    assert abs(now.likeness[0] - was.likeness[0]) < 0.15


def test_half_the_amount_is_half_the_grain() -> None:
    picture = levels(scene() + noise(1, 6))
    strengths = [of(grained(Grain(amount), frame_of(picture), restored())[INNER]).sigmas[0] for amount in (0.5, 1.0)]
    assert strengths[0] == pytest.approx(strengths[1] / 2, rel=0.2)


def test_a_face_that_is_shown_in_part_shows_no_more_grain() -> None:
    """What shines through has its own."""
    picture = levels(scene() + noise(1, 6))
    shown = grained(Grain(1), frame_of(picture), restored(), most=0.7)
    assert of(shown[INNER]).sigmas[0] == pytest.approx(6, rel=0.2)


def test_a_face_that_has_its_grain_gets_no_more() -> None:
    picture = levels(scene() + noise(1, 6))
    own = levels(scene() + noise(7, 6))[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1]
    assert of(Grain(1).grained(frame_of(picture), FACE, BOX, own, share_of(BOX))[INNER]).sigmas[0] < 1.15 * 6


def test_of_a_face_that_was_drawn_before_the_ring_tells_the_grain() -> None:
    frame = frame_of(levels(scene() + noise(1, 6)))
    frame.enter(frame.scratch, "swapper")
    frame.put(BOX, restored(), share_of(BOX), face_id=FACE.id)
    assert of(grained(Grain(1), frame, restored())[INNER]).sigmas[0] == pytest.approx(6, rel=0.2)


def test_a_face_that_was_drawn_and_fills_the_picture_keeps_what_it_has() -> None:
    frame = frame_of(levels(scene()))
    frame.enter(frame.scratch, "swapper")
    frame.put(frame.box, levels(scene() + noise(1, 4)), face_id=FACE.id)
    shown = grained(Grain(1), frame, restored(frame.box), frame.box)
    assert of(shown[60:180, 60:180]).sigmas[0] == pytest.approx(4, rel=0.2)


def test_another_face_that_was_drawn_is_no_grain_of_the_frame() -> None:
    """A rough one stands in most of the ring."""
    frame = frame_of(levels(scene() + noise(1, 2)))
    other = Face(2, (0, 0, 240, 58), 0.9, np.zeros((5, 2), np.float32))
    frame.faces = (FACE, other)
    frame.enter(frame.scratch, "swapper")
    rough = levels(scene() + noise(5, 30))
    frame.put(Box(0, 0, 240, 58), rough[:58], face_id=2)
    frame.put(BOX, restored(), share_of(BOX), face_id=FACE.id)
    assert of(grained(Grain(1), frame, restored())[INNER]).sigmas[0] == pytest.approx(2, rel=0.25)


def banded() -> Picture:
    return levels(scene())


def drawn() -> Picture:
    """Flat colours and hard lines."""
    picture = np.full((SIDE, SIDE, 3), 200, np.uint8)
    for edge in range(0, SIDE, 30):
        cv2.rectangle(picture, (edge, edge // 2), (edge + 22, edge // 2 + 90), (40 + edge // 2, 90, 180), -1)
        cv2.line(picture, (0, edge), (SIDE, SIDE - edge), (0, 0, 0), 2)
    return picture


def squeezed() -> Picture:
    """Blocks of a strong compression."""
    done, data = cv2.imencode(".jpg", levels(scene()), [cv2.IMWRITE_JPEG_QUALITY, 20])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("clean", [banded, drawn, squeezed])
def test_a_clean_frame_gets_none(clean: Callable[[], Picture]) -> None:
    bgr = restored()
    np.testing.assert_array_equal(Grain(1).grained(frame_of(clean()), FACE, BOX, bgr, share_of(BOX)), bgr)


def test_hair_around_a_face_is_no_grain() -> None:
    """Above there are strands, below is a smooth wall with grain."""
    strands = scene()
    strands[:58] += 60 * np.sin(np.arange(SIDE) * 1.9)[None, :, None]
    frame = frame_of(levels(strands + noise(1, 2)))
    frame.enter(frame.scratch, "swapper")
    frame.put(BOX, restored(), share_of(BOX), face_id=FACE.id)
    assert of(grained(Grain(1), frame, restored())[INNER]).sigmas[0] == pytest.approx(2, rel=0.3)


def test_grain_follows_the_brightness() -> None:
    """The frame's is strong in the shadows and weak in the light."""
    ramp = np.repeat(np.tile(np.linspace(60, 200, SIDE, dtype=np.float32), (SIDE, 1))[..., None], 3, axis=2)
    picture = levels(ramp + noise(1, 1) * (9 - 7 * (ramp - 60) / 140))
    shown = grained(Grain(1), frame_of(picture), levels(ramp)[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1])
    dark, light = (
        float((shown.astype(np.float32) - ramp[60:180, 60:180])[30:90, part].std())
        for part in (slice(20, 45), slice(75, 100))
    )
    assert dark > 1.2 * light  # the frame's own: 1.34


def test_each_frame_has_grain_of_its_own_and_flickers_no_more_than_the_clip() -> None:
    grain = Grain(1)
    before, after = [], []
    for index in range(6):
        picture = levels(scene() + noise(index, 4, 0.6))
        before.append(picture[60:180, 60:180][INNER].astype(np.float32))
        after.append(grained(grain, frame_of(picture, index), restored())[INNER].astype(np.float32))
    ratio = flicker(after[1:]) / flicker(before[1:])
    assert 0.8 < ratio < 1.2


def test_where_the_clips_grain_stands_still_so_does_the_added() -> None:
    grain, picture = Grain(1), levels(scene() + noise(0, 5))
    shown = [grained(grain, frame_of(picture, index), restored()).astype(np.float32) for index in range(4)]
    assert of(shown[-1][INNER]).sigmas[0] == pytest.approx(5, rel=0.2)
    assert flicker(shown) < 0.05


def test_grain_that_moves_a_little_is_added_as_lively() -> None:
    """A codec repeats most of it."""
    grain, still = Grain(1), noise(50, 5)
    before, after = [], []
    for index in range(6):
        picture = levels(scene() + still + noise(index, 2))
        before.append(picture[60:180, 60:180][INNER].astype(np.float32))
        after.append(grained(grain, frame_of(picture, index), restored())[INNER].astype(np.float32))
    assert 0.7 < flicker(after[1:]) / flicker(before[1:]) < 1.2


def test_what_a_face_shows_anew_already_is_not_added() -> None:
    """The clip's grain stands still but for some noise, which the face shows as well."""
    grain, still = Grain(1), noise(50, 5)
    before, after = [], []
    for index in range(6):
        picture = levels(scene() + still + noise(index, 1))
        before.append(picture[60:180, 60:180][INNER].astype(np.float32))
        smooth = levels(scene() + noise(index, 1))[60:180, 60:180]
        after.append(grained(grain, frame_of(picture, index), smooth)[INNER].astype(np.float32))
    assert of(after[-1]).sigmas[0] == pytest.approx(5, rel=0.2)
    assert flicker(after[1:]) < 1.15 * flicker(before[1:])


def test_a_face_that_is_suddenly_rough_gets_none_at_once() -> None:
    """As one that grows, and from now on keeps the detail of the frame."""
    grain, rough = Grain(1), levels(scene() + noise(9, 7))[60:180, 60:180]
    for index in range(4):
        shown = grained(grain, frame_of(levels(scene() + noise(index, 6)), index), restored() if index < 3 else rough)
    np.testing.assert_array_equal(shown[INNER], rough[INNER])


def flicker(frames: list[NDArray[np.float32]]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(frames)]))


def test_equal_frames_and_indices_give_equal_grain() -> None:
    picture = levels(scene() + noise(1, 5))
    one, other, later = (
        Grain(1).grained(frame_of(picture, index), FACE, BOX, restored(), share_of(BOX)) for index in (3, 3, 3)
    )
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one, later)


def test_what_was_before_its_memory_has_no_part_in_a_frame() -> None:
    pictures = [levels(scene() + noise(index, 3 + index % 3)) for index in range(MEMORY + 4)]
    whole, late = Grain(1), Grain(1)
    late.grained(frame_of(pictures[0]), FACE, BOX, restored(), share_of(BOX))
    late.start()
    for index, picture in enumerate(pictures):
        shown = [whole.grained(frame_of(picture, index), FACE, BOX, restored(), share_of(BOX))]
        if index >= 3:
            shown.append(late.grained(frame_of(picture, index), FACE, BOX, restored(), share_of(BOX)))
    np.testing.assert_array_equal(*shown)


def test_a_deep_frame_is_given_floats() -> None:
    picture = levels(scene() + noise(1, 5))
    bgr = restored().astype(np.float32) / 255
    shown = Grain(1).grained(frame_of(picture), FACE, BOX, bgr, share_of(BOX))
    assert shown.dtype == np.float32
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert of(shown[INNER] * 255).sigmas[0] == pytest.approx(5, rel=0.2)


def test_a_grey_picture_stays_grey() -> None:
    grey = np.repeat(levels(scene() + noise(1, 5))[..., 1:2], 3, axis=2)
    bgr = np.repeat(restored()[..., 1:2], 3, axis=2)
    shown = Grain(1).grained(frame_of(grey), FACE, BOX, bgr, share_of(BOX))
    assert not np.array_equal(shown, bgr)
    assert np.ptp(shown.astype(int), axis=2).max() == 0


@pytest.mark.parametrize("box", [Box(0, 0, 4, 4), Box(100, 100, 102, 130), Box(0, 0, SIDE, SIDE), Box(200, 200, 240, 240)])
def test_faces_of_any_size_and_place(box: Box) -> None:
    picture = levels(scene() + noise(1, 5))
    shown = grained(Grain(1), frame_of(picture), restored(box), box)
    assert shown.shape == (box.height, box.width, 3)
    if box.width == SIDE:  # without a ring the face itself tells
        assert of(shown[60:180, 60:180]).sigmas[0] == pytest.approx(5, rel=0.2)


@pytest.mark.parametrize(("amount", "most"), [(0.0, 1.0), (1.0, 0.0)])
def test_nothing_asked_or_nothing_shown_is_nothing_done(amount: float, most: float) -> None:
    bgr = restored()
    picture = levels(scene() + noise(1, 5))
    assert Grain(amount).grained(frame_of(picture), FACE, BOX, bgr, share_of(BOX, most)) is bgr


def test_grain_of_a_portrait_is_found_beside_its_texture() -> None:
    hopper = cv2.imread(str(MEDIA / "hopper.jpg"), cv2.IMREAD_GRAYSCALE).astype(np.float32)
    own = noise_of(hopper)
    for sigma in (4, 8):
        noisy = hopper + np.random.default_rng(sigma).normal(0, sigma, hopper.shape).astype(np.float32)
        assert np.sqrt(noise_of(noisy) ** 2 - own**2) == pytest.approx(sigma, rel=0.15)


def test_noise_is_looked_for_where_the_mask_says() -> None:
    plane = np.full((96, 96), 90, np.float32)
    plane[:, 48:] += np.random.default_rng(0).normal(0, 6, (96, 48)).astype(np.float32)
    mask = np.zeros((96, 96), np.uint8)
    assert noise_of(plane, mask) == 0
    mask[:, 48:] = 1
    assert noise_of(plane, mask) == pytest.approx(6, rel=0.15)
    assert noise_of(plane, 1 - mask) < 0.01


def test_a_pattern_goes_on_where_it_ends() -> None:
    pattern = Pattern(0)
    large = pattern.of(0.3, (1200, 700), (500, 1000))
    np.testing.assert_array_equal(large[:512, :512], large[512:1024, :512])
    assert large.std() > 0.9
    np.testing.assert_array_equal(pattern.of(0.3, (40, 40), (512 + 7, 9)), pattern.of(0.3, (40, 40), (7, 9)))
