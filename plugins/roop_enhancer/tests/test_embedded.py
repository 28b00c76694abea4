"""The level without a download: what it promises, on a real face."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_enhancer.blocks import blocks_of
from roop_enhancer.embedded import EmbeddedEngine
from roop_enhancer.engine import Asked
from roop_enhancer.options import EnhancerOptions
from roop_host import Box, Face, Scratch
from roop_host.testing import context_of, frame_of
from roop_vision.align import aligned_crop, crop_matrix, template_points
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.masking import Masker
from roop_vision.options import VisionOptions
from roop_vision.paste import placed_alpha

MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"
Picture = NDArray[np.uint8]


class Scene:
    """A picture, its face, and how much of it is shown as the face."""

    def __init__(self, bgr: Picture, face: Face) -> None:
        self.bgr, self.face = bgr, face
        frame, matrix = frame_of(bgr, faces=(face,)), crop_matrix(face.landmarks_5, template_points("arcface_128") * 256)
        assert matrix is not None
        crop = aligned_crop(frame, matrix, 256)
        assert crop is not None
        masker = Masker(EnhancerOptions(model="embedded"), context_of().sessions)
        placed = placed_alpha(masker.alpha(frame, face, matrix, crop), matrix, frame)
        assert placed is not None
        box, share = placed
        self.share = np.zeros(bgr.shape[:2], np.float32)
        self.share[box.y0 : box.y1, box.x0 : box.x1] = share

    def with_face(self, other: NDArray[Any]) -> Picture:
        """The picture with the face out of another."""
        mixed = self.bgr + (other.astype(np.float32) - self.bgr) * self.share[..., None]
        return np.rint(mixed).astype(np.uint8)

    def blurred(self, sigma: float) -> Picture:
        return self.with_face(cv2.GaussianBlur(self.bgr, (0, 0), sigma))

    def error(self, bgr: NDArray[Any]) -> float:
        """Mean square of the difference in luma, where the face is shown."""
        return float(np.average((luma(bgr) - luma(self.bgr)) ** 2, weights=self.share))


def scene_of(name: str) -> Scene:
    return found(np.asarray(cv2.imread(str(MEDIA / name)), np.uint8))[0]


def found(bgr: Picture) -> list[Scene]:
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    return [Scene(bgr, replace(face, id=1)) for face in analyser.analyse_picture(frame_of(bgr))]


@pytest.fixture(scope="module")
def hopper() -> Scene:
    return scene_of("hopper.jpg")


@pytest.fixture(scope="module")
def collins() -> Scene:
    return scene_of("collins.jpg")


def luma(bgr: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(bgr.astype(np.float32), cv2.COLOR_BGR2GRAY), np.float32)


def noisy(bgr: Picture, sigma: float, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0, sigma, bgr.shape)
    return np.clip(np.rint(bgr + noise), 0, 255).astype(np.uint8)


def engine(**options: Any) -> EmbeddedEngine:
    made = EmbeddedEngine(
        EnhancerOptions(model="embedded", **{"blend": 100, "grain": 1.0, **options}), context_of().sessions
    )
    made.start()
    return made


def asked(bgr: Picture, face: Face, index: int = 0) -> Asked:
    return Asked(frame_of(bgr, index, faces=(face,)), face)


def enhanced(bgr: Picture, face: Face, **options: Any) -> Picture:
    one = asked(bgr, face)
    engine(**options).process([one])
    return np.array(one.frame.bgr())


def swapped(one: Asked) -> Asked:
    """The same, and a step before has changed the face."""
    one.frame.enter(Scratch(), "swapper")
    corner = Box(0, 0, 2, 2)
    one.frame.put(corner, one.frame.bgr(corner), face_id=one.face.id)
    one.frame.enter(Scratch(), "enhancer")
    return one


@pytest.mark.parametrize(("sigma", "better"), [(1.5, 0.85), (2.0, 0.85), (3.0, 0.85)])
def test_a_blurred_face_comes_nearer_to_the_sharp_one(hopper: Scene, collins: Scene, sigma: float, better: float) -> None:
    for scene in (hopper, collins):
        soft = scene.blurred(sigma)
        assert scene.error(enhanced(soft, scene.face)) < better * scene.error(soft)


@pytest.mark.parametrize(("sigma", "better"), [(1.0, 0.95), (1.5, 0.85), (2.0, 0.85), (3.0, 0.85)])
def test_so_does_one_that_was_swapped_and_earlier(hopper: Scene, collins: Scene, sigma: float, better: float) -> None:
    """As little as a pixel of blur may be the face's own where it is as it was taken."""
    for scene in (hopper, collins):
        one = swapped(asked(scene.blurred(sigma), scene.face))
        engine(grain=0.0).process([one])
        assert scene.error(one.frame.bgr()) < better * scene.error(scene.blurred(sigma))


def test_untouched_faces_that_are_softer_than_hair_are_left_alone() -> None:
    """Six people in one photograph, three of whom were sharpened when the sharpest edges around set the measure."""
    group = cv2.imread(str(files("insightface") / "data" / "images" / "t1.jpg"))
    changes = []
    for scene in found(np.asarray(group, np.uint8)):
        change = np.abs(luma(enhanced(scene.bgr, scene.face)) - luma(scene.bgr))
        changes.append(np.average(change, weights=scene.share))
    assert len(changes) == 6
    assert max(changes) < 0.6
    assert np.mean(changes) < 0.15


def jpeg(bgr: Picture, quality: int) -> Picture:
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("quality", [10, 15, 25, 40, 60, 75, 90])
def test_what_a_codec_did_is_not_made_worse(hopper: Scene, collins: Scene, quality: int) -> None:
    for scene in (hopper, collins):
        mask = (scene.share > 0.5).astype(np.uint8)
        for sigma in (1.0, 2.0):
            for face_only in (False, True):
                soft = jpeg(scene.blurred(sigma), quality)
                if face_only:
                    soft = scene.with_face(jpeg(np.asarray(cv2.GaussianBlur(scene.bgr, (0, 0), sigma), np.uint8), quality))
                one = swapped(asked(soft, scene.face))
                engine(grain=0.0).process([one])
                assert scene.error(one.frame.bgr()) <= scene.error(soft)
                before, after = (
                    blocks_of(np.rint(luma(bgr)).astype(np.uint8), mask, (0, 0)) for bgr in (soft, one.frame.bgr())
                )
                # Blocks that are hardly seen may be a little clearer, as all is.
                assert after.step <= max(1.1 * before.step, 1.5)


def test_nor_are_blocks_that_were_shifted_or_enlarged(hopper: Scene, collins: Scene) -> None:
    for scene in (hopper, collins):
        for quality in (10, 20):
            soft = jpeg(np.ascontiguousarray(np.pad(scene.blurred(2), ((3, 0), (5, 0), (0, 0)), "edge")), quality)[3:, 5:]
            assert scene.error(enhanced(np.ascontiguousarray(soft), scene.face)) <= scene.error(soft)
            small = cv2.resize(scene.blurred(2), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
            large = cv2.resize(jpeg(np.asarray(small, np.uint8), quality), scene.bgr.shape[1::-1])
            soft = scene.with_face(large)
            assert scene.error(enhanced(soft, scene.face)) <= scene.error(soft)


def test_a_single_pixel_is_not_made_stronger(hopper: Scene) -> None:
    """A speck on the edge of a lid or a nostril counts as an edge by its place."""
    soft = hopper.blurred(2)
    steep = cv2.Laplacian(cv2.GaussianBlur(luma(soft), (0, 0), 2), cv2.CV_32F)
    steep[cv2.erode((hopper.share == 1).astype(np.uint8), np.ones((25, 25), np.uint8)) == 0] = 0
    y, x = np.unravel_index(int(steep.argmin()), steep.shape)
    speck = soft.copy()
    speck[y, x] = np.clip(speck[y, x].astype(int) + 25, 0, 255)
    added = luma(enhanced(speck, hopper.face)) - luma(speck)
    around = np.delete(added[y - 1 : y + 2, x - 1 : x + 2].ravel(), 4)
    assert around.min() - 1 <= added[y, x] <= around.max() + 1


def test_blend_scales_it(hopper: Scene) -> None:
    soft = hopper.blurred(2)
    moved = [np.abs(luma(enhanced(soft, hopper.face, blend=blend)) - luma(soft)).mean() for blend in (0, 50, 100)]
    assert moved[0] == 0
    assert moved[1] == pytest.approx(moved[2] / 2, rel=0.1)


def test_a_clear_face_is_left_alone(hopper: Scene, collins: Scene) -> None:
    for scene in (hopper, collins):
        change = np.abs(luma(enhanced(scene.bgr, scene.face, grain=0.0)) - luma(scene.bgr))
        assert np.average(change, weights=scene.share) < 1


def test_a_swapped_face_as_soft_as_its_frame_is_left_alone_and_one_that_is_to_be_cleared_is_not(hopper: Scene) -> None:
    soft = np.asarray(cv2.GaussianBlur(hopper.bgr, (0, 0), 2), np.uint8)
    one = swapped(asked(soft, hopper.face))
    engine(grain=0.0).process([one])
    cleared = enhanced(soft, hopper.face, grain=0.0)
    fitted, changed = (
        np.average(np.abs(luma(made) - luma(soft)), weights=hopper.share) for made in (one.frame.bgr(), cleared)
    )
    assert fitted < 1 < changed
    assert hopper.error(cleared) < 0.95 * hopper.error(soft)


def test_outside_the_mask_every_bit_stays(hopper: Scene) -> None:
    soft = hopper.blurred(2)
    made = enhanced(soft, hopper.face)
    outside = hopper.share == 0
    assert (made[outside] == soft[outside]).all()
    assert (made != soft).any()


def test_colour_and_brightness_stay(hopper: Scene) -> None:
    soft = hopper.blurred(2)
    made = enhanced(soft, hopper.face).astype(np.float64)
    for channel in range(3):
        before, after = (np.average(bgr[..., channel], weights=hopper.share) for bgr in (soft, made))
        assert after == pytest.approx(before, abs=1)
    inside = (hopper.share == 1) & (soft.min(2) > 30) & (soft.max(2) < 225)
    moved = (made - soft)[inside]
    assert np.ptp(moved, axis=1).max() <= 1  # all three channels alike: luma alone
    assert np.abs(moved).max() > 3


def test_nothing_goes_far_beyond_what_is_beside_it(hopper: Scene) -> None:
    soft = hopper.blurred(2)
    made, before = luma(enhanced(soft, hopper.face, grain=0.0)), luma(soft)
    kernel = np.ones((7, 7), np.uint8)
    low, high = cv2.erode(before, kernel), cv2.dilate(before, kernel)
    margin = 0.2 * (high - low) + 3
    assert (made <= high + margin).all()
    assert (made >= low - margin).all()


def smooth_face(hopper: Scene) -> tuple[Picture, NDArray[np.bool_]]:
    """Hopper with blurred face, and a patch of it, in the middle of the face, that is quite flat."""
    bgr = hopper.blurred(2)
    x, y = (round(float(v)) for v in hopper.face.landmarks_5.mean(0))
    flat = np.zeros(bgr.shape[:2], bool)
    flat[y - 12 : y + 12, x - 12 : x + 12] = True
    bgr[flat] = bgr[y, x]
    return bgr, cv2.erode(flat.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0


@pytest.mark.parametrize("sigma", [1.0, 2.0, 5.0, 10.0])
def test_noise_of_flat_skin_is_not_made_stronger(hopper: Scene, sigma: float) -> None:
    bgr, flat = smooth_face(hopper)
    grainy = noisy(bgr, sigma, 1)
    made = enhanced(grainy, hopper.face)
    assert luma(made)[flat].std() < 1.1 * luma(grainy)[flat].std()


def test_a_face_noisier_than_its_frame_loses_noise(hopper: Scene) -> None:
    bgr, flat = smooth_face(hopper)
    grainy = hopper.with_face(noisy(bgr, 12, 1))
    grainy[hopper.share == 0] = hopper.bgr[hopper.share == 0]
    assert luma(enhanced(grainy, hopper.face))[flat].std() < 0.6 * luma(grainy)[flat].std()


def stills(scene: Scene, sigma: float, count: int) -> list[Picture]:
    """A portrait whose face is blurred, with fresh noise in every frame."""
    soft = scene.blurred(1.5)
    return [noisy(soft, sigma, seed) for seed in range(count)]


@pytest.mark.parametrize("sigma", [0.25, 0.5, 2])
@pytest.mark.parametrize("shake", [0.0, 0.3])
def test_a_still_face_does_not_flicker(hopper: Scene, collins: Scene, sigma: float, shake: float) -> None:
    for scene in (hopper, collins):
        rng, step = np.random.default_rng(5), engine()
        before, after = stills(scene, sigma, 8), []
        for index, bgr in enumerate(before):
            points = scene.face.landmarks_5 + rng.normal(0, shake, (5, 2)).astype(np.float32)
            one = asked(bgr, replace(scene.face, landmarks_5=points, mesh_468=None) if shake else scene.face, index)
            step.process([one])
            after.append(np.array(one.frame.bgr()))
        inside = scene.share > 0.5

        def flicker(clip: list[Picture], inside: NDArray[np.bool_] = inside) -> float:
            return float(np.mean([cv2.absdiff(a, b)[inside].mean() for a, b in pairwise(clip)]))

        own = flicker(before[2:])
        assert flicker(after[2:]) <= (1.2 * own if own >= 0.5 else own + 0.25)


def test_batches_give_what_single_frames_give(hopper: Scene) -> None:
    clip, outs = stills(hopper, 1, 6), []
    for size in (1, 3):
        step, all_asked = engine(), [asked(bgr, hopper.face, index) for index, bgr in enumerate(clip)]
        for first in range(0, 6, size):
            step.process(all_asked[first : first + size])
        outs.append(np.stack([one.frame.bgr() for one in all_asked]))
    assert (outs[0] == outs[1]).all()


@pytest.mark.parametrize("begin", [11, 12])
def test_a_segment_with_its_warm_up_gives_what_a_run_through_gives(hopper: Scene, begin: int) -> None:
    """The frames before differ in sharpness, so that what was remembered of them would be seen."""
    count = begin + 3
    clip = [noisy(hopper.blurred(3.0 if index < 4 else 1.2 + 0.1 * index), 1, index) for index in range(count)]
    # The mask has a memory of its own, of the skin's colour.
    options = {"mask_types": ("box", "outline")}

    def processed(step: EmbeddedEngine, index: int) -> Picture:
        one = asked(clip[index], hopper.face, index)
        step.process([one])
        return np.array(one.frame.bgr())

    through, restarted = engine(**options), engine(**options)
    whole = [processed(through, index) for index in range(count)]
    restarted.learn([asked(clip[index], hopper.face, index) for index in range(begin - 8, begin - restarted.memory)])
    for index in range(begin - restarted.memory, begin):
        processed(restarted, index)
    for index in range(begin, count):
        assert (processed(restarted, index) == whole[index]).all()


def test_deep_frames_are_worked_on_in_full_depth(hopper: Scene) -> None:
    soft, inside = hopper.blurred(2), hopper.share == 1
    frame = frame_of(soft.astype(np.uint16) * 257, faces=(hopper.face,))
    assert frame.depth == 16
    engine().process([Asked(frame, hopper.face)])
    levels = (frame.bgr(dtype=np.float32) * 255)[inside]
    assert np.abs(levels - enhanced(soft, hopper.face)[inside]).mean() < 0.6  # what rounding leaves
    assert (np.abs(levels - np.rint(levels)) > 0.05).mean() > 0.5  # between the levels of 8 bits


def scaled(scene: Scene, factor: float) -> tuple[Picture, Face]:
    bgr = np.asarray(cv2.resize(scene.blurred(1.5), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    x0, y0, x1, y1 = (v * factor for v in scene.face.box_xyxy)
    return bgr, replace(scene.face, box_xyxy=(x0, y0, x1, y1), landmarks_5=scene.face.landmarks_5 * factor, mesh_468=None)


@pytest.mark.parametrize("factor", [0.02, 0.13, 5.0])
def test_faces_of_all_sizes(hopper: Scene, factor: float) -> None:
    bgr, face = scaled(hopper, np.float32(factor).item())
    made = enhanced(bgr, face)
    assert made.shape == bgr.shape
    assert np.abs(made.astype(int) - bgr).mean() < 5


def test_a_face_cut_by_the_edge_and_one_that_is_beside_it(hopper: Scene) -> None:
    soft = hopper.blurred(2)
    middle = round(float(hopper.face.landmarks_5[2, 0]))
    for left in (middle, soft.shape[1] - 4):
        cut = np.ascontiguousarray(soft[:, left:])
        face = replace(hopper.face, landmarks_5=hopper.face.landmarks_5 - np.float32([left, 0]), mesh_468=None)
        made = enhanced(cut, face)
        assert (made != cut).any() == (left == middle)


def test_a_face_without_anything_around_it_is_made_sharper_too(hopper: Scene) -> None:
    soft = hopper.blurred(2.5)
    bare = np.full_like(soft, 128)
    inside = hopper.share > 0
    bare[inside] = soft[inside]
    x0, y0, x1, y1 = cv2.boundingRect(inside.astype(np.uint8))
    close = Box(x0 + 8, y0 + 8, x0 + x1 - 8, y0 + y1 - 8)
    bare = np.ascontiguousarray(bare[close.y0 : close.y1, close.x0 : close.x1])
    shift = np.float32([close.x0, close.y0])
    face = replace(hopper.face, landmarks_5=hopper.face.landmarks_5 - shift, mesh_468=None)
    sharp = hopper.bgr[close.y0 : close.y1, close.x0 : close.x1]
    share = hopper.share[close.y0 : close.y1, close.x0 : close.x1] == 1
    before, after = (float(np.square(luma(bgr) - luma(sharp))[share].mean()) for bgr in (bare, enhanced(bare, face)))
    assert after < before


def test_alpha_stays_and_grey_stays_grey(hopper: Scene) -> None:
    soft = hopper.blurred(2)
    grey = np.repeat(luma(soft)[..., None], 3, axis=2).astype(np.uint8)
    alpha = np.full(grey.shape[:2], 77, np.uint8)
    frame = frame_of(grey, alpha=alpha, faces=(hopper.face,))
    engine().process([Asked(frame, hopper.face)])
    made, shown = np.array(frame.bgr()), frame.alpha()
    assert (np.ptp(made, axis=2) == 0).all()
    assert (made != grey).any()
    assert shown is not None
    assert (np.rint(shown * 255) == 77).all()


def test_it_is_noted_whose_face_was_changed(hopper: Scene) -> None:
    one = asked(hopper.blurred(2), hopper.face)
    engine().process([one])
    assert one.frame.edited == {1}
