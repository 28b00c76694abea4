"""Steadiness: what a network draws anew in each frame is held on where the face stands still, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_enhancer.embedded import EmbeddedEngine
from roop_enhancer.engine import Asked
from roop_enhancer.options import EnhancerOptions
from roop_enhancer.plugin import roop_processors
from roop_enhancer.restoring import RestoringEngine
from roop_enhancer.steady import MEMORY, Steady
from roop_host import Face
from roop_host.testing import context_of, frame_of
from roop_vision.align import Template, crop_matrix, picture_crop, template_points

Picture = NDArray[np.uint8]
Drawing = NDArray[np.float32]
Network = Callable[[Picture], Drawing]
MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
#: Eyes, nose tip and mouth corners of collins.jpg.
POINTS = np.array([(206, 106), (244, 105), (226, 128), (210, 148), (242, 147)], np.float32)
HOPPER = np.array([(219.3, 194), (306.5, 188.2), (267.1, 243.7), (230.7, 277.3), (306.1, 272.5)], np.float32)
SIZE = 256
DEFAULT = EnhancerOptions().steady
#: Where the face is in the picture, and in its crop.
FACE = (slice(85, 165), slice(195, 257))
IN_CROP = (slice(80, 220), slice(64, 192))


@dataclass(frozen=True)
class Clip:
    """A face that stands still: each frame with noise of its own, and cropped by landmarks that tremble."""

    frames: list[Picture]
    crops: list[Picture]
    matrices: list[NDArray[np.float64]]

    def flicker(self, drawings: Sequence[Drawing]) -> float:
        """Mean difference of neighbouring frames where the face is, put back into the picture, by that of the clip."""
        back = [
            cv2.warpAffine(one, matrix, (512, 512), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)[FACE] * 255
            for one, matrix in zip(drawings, self.matrices, strict=True)
        ]
        return apart(back) / apart([frame[FACE].astype(np.float32) for frame in self.frames])


@pytest.fixture(scope="module")
def collins() -> Picture:
    """B, G, R, 512 x 512."""
    return np.asarray(cv2.imread(str(MEDIA / "collins.jpg")), np.uint8)


def still(picture: Picture, count: int, *, sigma: float = 3, jitter: float = 0.3, size: int = SIZE) -> Clip:
    rng = np.random.default_rng(0)
    clip = Clip([], [], [])
    for _ in range(count):
        frame = np.clip(np.rint(picture + rng.normal(0, sigma, picture.shape)), 0, 255).astype(np.uint8)
        matrix = crop_matrix(POINTS + rng.normal(0, jitter, (5, 2)), template_points("ffhq_512") * np.float32(size))
        assert matrix is not None
        crop = picture_crop(frame, matrix, size, outside=cv2.BORDER_REPLICATE)
        assert crop is not None
        clip.frames.append(frame)
        clip.crops.append(crop)
        clip.matrices.append(matrix)
    return clip


def apart(frames: Sequence[Drawing]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(frames)]))


def sharpened(crop: Picture) -> Drawing:
    bgr = crop.astype(np.float32) / 255
    return np.clip(bgr + 4 * (bgr - cv2.GaussianBlur(bgr, (0, 0), 3)), 0, 1)


def patterned(crop: Picture) -> Drawing:
    """A fine pattern that the smallest change of a pixel makes another one."""
    return np.clip((crop + 10 * np.sin(1.3 * crop.astype(np.float32))) / 255, 0, 1).astype(np.float32)


def dreamt(crop: Picture) -> Drawing:
    """Without the crop's noise, and with detail that hangs on it."""
    smooth, dream = cv2.GaussianBlur(crop, (0, 0), 2).astype(np.float32), np.sin(1.5 * crop.astype(np.float32))
    return np.clip((smooth + 40 * cv2.GaussianBlur(dream, (0, 0), 1.5)) / 255, 0, 1).astype(np.float32)


def plain(crop: Picture) -> Drawing:
    return crop.astype(np.float32) / np.float32(255)


def steadied(crops: Sequence[Picture], network: Network, amount: float = DEFAULT, first: int = 0) -> list[Drawing]:
    steady = Steady(amount)
    return [steady.step(1, first + number, crop, network(crop)) for number, crop in enumerate(crops)]


@pytest.mark.parametrize("network", [sharpened, patterned, dreamt])
@pytest.mark.parametrize("jitter", [0.0, 0.4])
def test_a_still_face_flickers_no_more_than_it_did(collins: Picture, network: Network, jitter: float) -> None:
    clip = still(collins, 7, sigma=2, jitter=jitter)
    assert clip.flicker([network(crop) for crop in clip.crops]) > 1.3
    assert clip.flicker(steadied(clip.crops, network)) < 1.2


@dataclass(frozen=True)
class Drawer:
    """A network of the engine's."""

    network: Network
    name: str = "drawer"
    size: int = SIZE
    template: Template = "ffhq_512"

    def restore(self, crops_bgr: Picture) -> Drawing:
        return np.stack([self.network(crop) for crop in crops_bgr])[..., ::-1]


def flickers(made: RestoringEngine | EmbeddedEngine, clip: Sequence[Picture], faces: Sequence[Face], part: Any) -> bool:
    """Whether faces that another step drew show more than 1.2 times their clip's flicker, of the frames that are settled.

    Of a clip that hardly has any, what whole numbers can hold: a quarter of a grey level more.
    """
    shown = [run(made, frame, face, index) for index, (frame, face) in enumerate(zip(clip, faces, strict=True))]
    before, after = (apart([one[part].astype(np.float32) for one in of[made.memory :]]) for of in (clip, shown))
    return after > max(1.2 * before, before + 0.25)


def run(made: RestoringEngine | EmbeddedEngine, frame: Picture, face: Face, index: int) -> Picture:
    """The frame after the engine, of a face that another step has drawn."""
    one = asked(frame, face, index)
    made.process([one])
    return np.array(one.frame.bgr())


def face_of(points: NDArray[np.float32], jitter: float, seed: int) -> Face:
    trembling = points + np.random.default_rng(seed).normal(0, jitter, (5, 2)).astype(np.float32)
    return Face(1, (176, 70, 274, 172), 0.9, trembling)


def networked(network: Network, size: int) -> RestoringEngine:
    made = RestoringEngine(Drawer(network, size=size), EnhancerOptions(model="gfpgan_1.4"), context_of())
    made.start()
    return made


def without_network() -> EmbeddedEngine:
    made = EmbeddedEngine(EnhancerOptions(model="embedded"), context_of().sessions)
    made.start()
    return made


@pytest.mark.parametrize("jitter", [0.0, 0.3])
@pytest.mark.parametrize("sigma", [0.5, 2])
def test_a_network_makes_no_flicker_of_little_noise(collins: Picture, sigma: float, jitter: float) -> None:
    clip = still(collins, 16, sigma=sigma).frames
    faces = [face_of(POINTS, jitter, number) for number in range(len(clip))]
    for network, size in ((sharpened, 512), (plain, 512), (sharpened, 256)):
        assert not flickers(networked(network, size), clip, faces, FACE)


@pytest.mark.parametrize("blur", [1.5, 3])
@pytest.mark.parametrize("sigma", [0.5, 2])
def test_nor_does_the_level_without_one(sigma: float, blur: float) -> None:
    """Of a picture with texture around a soft face."""
    soft, face = np.asarray(cv2.imread(str(MEDIA / "hopper.jpg")), np.uint8), (slice(150, 315), slice(185, 335))
    soft[face] = cv2.GaussianBlur(soft, (0, 0), blur)[face]
    clip = still(soft, 10, sigma=sigma).frames
    faces = [replace(face_of(HOPPER, 0.3, number), box_xyxy=(168, 130, 356, 335)) for number in range(len(clip))]
    assert not flickers(without_network(), clip, faces, face)


@pytest.mark.parametrize("first", [13, 14])
@pytest.mark.parametrize("kind", ["network", "embedded"])
def test_a_segment_begins_as_if_nothing_had_been_cut(collins: Picture, kind: str, first: int) -> None:
    """All of a step's frames before it are learnt, and its engine's own made as well."""
    soft = collins.copy()
    soft[FACE] = cv2.GaussianBlur(collins, (0, 0), 2)[FACE]
    clip = still(soft, first + 2, sigma=2).frames
    faces = [face_of(POINTS, 0.3, number) for number in range(len(clip))]
    (spec,) = roop_processors()
    results = []
    for start in (0, first - spec.warmup):
        made = networked(smoothed, SIZE) if kind == "network" else without_network()
        for index in range(start, first - made.memory):
            if start:
                made.learn([asked(clip[index], faces[index], index)])
            else:
                run(made, clip[index], faces[index], index)
        results.append([run(made, clip[index], faces[index], index) for index in range(first - made.memory, first + 2)])
    for whole, cut in zip(*(shown[-2:] for shown in results), strict=True):
        np.testing.assert_array_equal(cut, whole)
    assert not np.array_equal(whole, clip[-1])


def asked(frame: Picture, face: Face, index: int) -> Asked:
    shown = frame_of(frame, index, faces=(face,))
    shown.enter(shown.scratch, "swapper")
    shown.put(shown.box, frame, face_id=face.id)
    shown.enter(shown.scratch, "enhancer")
    return Asked(shown, face)


def smoothed(crop: Picture) -> Drawing:
    return cv2.GaussianBlur(crop.astype(np.float32) / 255, (0, 0), 2)


@pytest.mark.parametrize("network", [sharpened, dreamt])
def test_with_all_that_follows_it_a_face_flickers_no_more_than_the_clip(collins: Picture, network: Network) -> None:
    """With blend, mask and grain, in the frame's own pixels."""
    engine = RestoringEngine(Drawer(network), EnhancerOptions(model="gfpgan_1.4", steady=DEFAULT), context_of())
    engine.start()
    rng = np.random.default_rng(0)
    before, after = [], []
    for index, frame in enumerate(still(collins, 7).frames):
        face = Face(1, (176, 70, 274, 172), 0.9, POINTS + rng.normal(0, 0.3, (5, 2)).astype(np.float32))
        shown = frame_of(frame, index)
        engine.process([Asked(shown, face)])
        before.append(frame[FACE].astype(np.float32))
        after.append(shown.bgr()[FACE].astype(np.float32))
    assert apart(after) < 1.2 * apart(before)


def test_crops_of_other_sizes_are_steadied_as_well(collins: Picture) -> None:
    clip = still(collins, 5, size=512)
    assert clip.flicker(steadied(clip.crops, sharpened)) < 0.6 * clip.flicker([sharpened(crop) for crop in clip.crops])


def test_trembling_landmarks_do_not_blur_what_is_held_on(collins: Picture) -> None:
    clip = still(collins, 5, sigma=0, jitter=0.5)
    assert np.abs(steadied(clip.crops, plain)[-1] - plain(clip.crops[-1]))[IN_CROP].mean() * 255 < 1


def test_what_changes_in_the_crop_is_shown_at_once(collins: Picture) -> None:
    """An eye that shuts: what the network draws there is shown, and all around is held on."""
    clip = still(collins, 5, jitter=0)
    shut, eye = clip.crops[-1].copy(), (slice(112, 128), slice(82, 112))
    shut[eye] = cv2.GaussianBlur(shut, (0, 0), 12)[eye]
    drawn = sharpened(shut)
    shown = steadied([*clip.crops[:-1], shut], sharpened)[-1]
    inner = (slice(115, 125), slice(86, 108))
    moved = np.abs(shut.astype(np.float32) - clip.crops[-1])[inner].mean()
    assert moved > 12
    assert np.abs(shown - drawn)[inner].mean() * 255 < 0.05 * moved
    assert np.abs(shown - drawn)[160:200, 100:160].mean() * 255 > 1


def test_nothing_of_the_picture_before_a_cut_is_left(collins: Picture) -> None:
    crops = [*still(collins, 4).crops, np.ascontiguousarray(still(collins, 1).crops[0][::-1])]
    np.testing.assert_allclose(steadied(crops, plain)[-1], plain(crops[-1]), atol=1e-4)


@pytest.mark.parametrize("pixels", [2, 6])
def test_a_face_that_moves_in_its_crop_leaves_no_ghost(collins: Picture, pixels: int) -> None:
    """A head that turns: half of the face moves against the other. Compared are the edges, where a ghost would show."""
    crop = still(collins, 1, sigma=0, jitter=0).crops[0]
    noise = np.random.default_rng(2)
    crops = []
    for number in range(5):
        turned = crop.copy()
        turned[:, 128:] = np.roll(crop, number * pixels, axis=1)[:, 128:]
        crops.append(np.clip(np.rint(turned + noise.normal(0, 1.5, crop.shape)), 0, 255).astype(np.uint8))
    strange = np.abs(steadied(crops, plain)[-1] - plain(crops[-1]))[IN_CROP][:, 64:].mean(2) * 255
    lag = np.abs(crops[-1].astype(np.float32) - crops[-2])[IN_CROP][:, 64:].mean(2)
    edges = lag > np.quantile(lag, 0.9)
    assert strange[edges].mean() < 0.15 * lag[edges].mean()


def test_what_was_before_its_memory_has_no_part_in_a_frame(collins: Picture) -> None:
    crops = still(collins, MEMORY + 5).crops
    whole = steadied(crops, sharpened)
    late = steadied(crops[4:], sharpened, first=4)
    np.testing.assert_array_equal(late[MEMORY:], whole[4 + MEMORY :])
    assert not np.array_equal(late[MEMORY - 1], whole[4 + MEMORY - 1])


def test_equal_crops_give_equal_pictures(collins: Picture) -> None:
    crops = still(collins, 4).crops
    np.testing.assert_array_equal(steadied(crops, patterned), steadied(crops, patterned))


@pytest.mark.parametrize("indices", [(0, 1, 3), (5, 6, 2)])
def test_a_gap_starts_anew(collins: Picture, indices: tuple[int, ...]) -> None:
    crops = still(collins, 3).crops
    steady = Steady(DEFAULT)
    shown = [steady.step(1, index, crop, sharpened(crop)) for index, crop in zip(indices, crops, strict=True)]
    np.testing.assert_array_equal(shown[2], sharpened(crops[2]))
    assert not np.array_equal(shown[1], sharpened(crops[1]))


def test_a_new_segment_starts_anew(collins: Picture) -> None:
    first, second = still(collins, 2).crops
    steady = Steady(DEFAULT)
    steady.step(1, 0, first, sharpened(first))
    steady.start()
    np.testing.assert_array_equal(steady.step(1, 1, second, sharpened(second)), sharpened(second))


def test_faces_of_one_frame_know_nothing_of_each_other(collins: Picture) -> None:
    crops = still(collins, 4).crops
    other = np.ascontiguousarray(crops[0][:, ::-1])
    steady = Steady(DEFAULT)
    both = []
    for index, crop in enumerate(crops):
        both.append(steady.step(1, index, crop, sharpened(crop)))
        steady.step(2, index, other, sharpened(other))
    np.testing.assert_array_equal(both, steadied(crops, sharpened))


def test_where_nothing_is_shown_nothing_is_done(collins: Picture) -> None:
    """Of the rest it is what it would be anyway."""
    crops = still(collins, 3).crops
    shown = np.zeros((SIZE, SIZE), np.float32)
    shown[60:200, 50:210] = 0.5
    steady = Steady(DEFAULT)
    part = [steady.step(1, index, crop, sharpened(crop), shown) for index, crop in enumerate(crops)][-1]
    whole = steadied(crops, sharpened)[-1]
    np.testing.assert_allclose(part[60:200, 50:210], whole[60:200, 50:210], atol=1e-3)
    np.testing.assert_array_equal(part[:50], sharpened(crops[-1])[:50])


def test_a_face_that_was_not_shown_starts_anew(collins: Picture) -> None:
    """What nobody sees is not kept."""
    first, second = still(collins, 2).crops
    steady = Steady(DEFAULT)
    hidden = steady.step(1, 0, first, sharpened(first), np.zeros((SIZE, SIZE), np.float32))
    hidden = steady.step(1, 1, second, sharpened(second), np.zeros((SIZE, SIZE), np.float32))
    np.testing.assert_array_equal(hidden, sharpened(second))
    shown = steady.step(1, 2, first, sharpened(first))
    np.testing.assert_array_equal(shown, sharpened(first))


def test_without_an_amount_a_picture_is_as_it_was_made(collins: Picture) -> None:
    crops = still(collins, 3).crops
    for shown, crop in zip(steadied(crops, sharpened, amount=0), crops, strict=True):
        np.testing.assert_array_equal(shown, sharpened(crop))


def test_more_is_held_on_by_a_larger_amount(collins: Picture) -> None:
    clip = still(collins, 4, jitter=0)
    ratios = [clip.flicker(steadied(clip.crops, sharpened, amount=amount)) for amount in (0.0, 0.2, 0.5, 0.8)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] < 0.5 * ratios[0]


def test_blank_crops_are_no_trouble() -> None:
    blank = np.zeros((SIZE, SIZE, 3), np.uint8)
    assert not any(shown.any() for shown in steadied([blank] * 3, plain))
