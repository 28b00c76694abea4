"""Masks on real portraits with things painted before them: what is kept, what is not cut, and how steady it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import insight_graphs
import mask_graphs
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_host import Box, Face, Frame, ModelError, ModelSpec
from roop_host.testing import context_of, frame_of
from roop_vision import masking
from roop_vision.align import aligned_crop, arcface_template, crop_matrix
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.mask_models import MASK_CHOICES, OCCLUDERS, PARSERS
from roop_vision.masking import Masker, MaskOptions
from roop_vision.parts import filled, parts_of

Picture = NDArray[np.uint8]
Painter = Callable[[Picture, Face], Picture]
_SIZE = 128
_FACE = MaskOptions(mask_types=("box", "outline"))
_BLUE, _GREEN, _BLACK = (200, 60, 20), (60, 160, 40), (30, 30, 32)


@pytest.fixture
def face_of(analyser: EmbeddedAnalyser) -> Callable[[Picture], Face]:
    return lambda bgr: analyser.analyse_picture(frame_of(bgr))[0]


def masker(options: MaskOptions | None = None, models: Path | None = None) -> Masker:
    return Masker(options or MaskOptions(), context_of(models=models).sessions)


def taken(bgr: Picture, face: Face, size: int = _SIZE, index: int = 0) -> tuple[Frame, NDArray[np.float64], Picture]:
    frame = frame_of(bgr, index, faces=(face,))
    matrix = crop_matrix(face.landmarks_5, arcface_template(size))
    assert matrix is not None
    crop = aligned_crop(frame, matrix, size, outside=cv2.BORDER_REPLICATE)
    assert crop is not None
    return frame, matrix, crop


def alpha_of(mask: Masker, bgr: Picture, face: Face, size: int = _SIZE, index: int = 0) -> NDArray[np.float32]:
    frame, matrix, crop = taken(bgr, face, size, index)
    return mask.alpha(frame, face, matrix, crop)


def in_crop(where: NDArray[np.bool_], face: Face) -> NDArray[np.bool_]:
    """A part of the picture on the crop, less its edges."""
    matrix = crop_matrix(face.landmarks_5, arcface_template(_SIZE))
    assert matrix is not None
    part = cv2.warpAffine(where.astype(np.uint8) * np.uint8(255), matrix, (_SIZE, _SIZE))
    return np.asarray(cv2.erode(part, np.ones((5, 5), np.uint8)) > 200)


def bar(bgr: Picture, face: Face) -> Picture:
    y0, y1 = face.box_xyxy[1::2]
    middle, width = int(0.35 * y0 + 0.65 * y1), int(0.14 * (y1 - y0))
    return np.asarray(cv2.line(bgr.copy(), (0, middle + 20), (bgr.shape[1], middle - 20), _BLUE, width), np.uint8)


def microphone(bgr: Picture, face: Face) -> Picture:
    x0, x1 = face.box_xyxy[::2]
    mouth = face.landmarks_5[3:].mean(0).astype(int)
    foot = (int(mouth[0] - 0.2 * (x1 - x0)), bgr.shape[0])
    out = cv2.line(bgr.copy(), foot, (int(mouth[0]), int(mouth[1])), _BLACK, int(0.2 * (x1 - x0)))
    return np.asarray(out, np.uint8)


def fringe(bgr: Picture, face: Face) -> Picture:
    """Dark hair over the forehead, with strands."""
    parts = parts_of(face)
    assert parts is not None
    height = int(min(brow[:, 1].min() for brow in parts.brows))
    hair = filled(bgr.shape[:2], parts.outline)
    hair[height:] = 0
    tone = np.random.default_rng(2).normal(0, 9, (1, bgr.shape[1], 1))
    return np.where(hair[..., None] > 0, np.clip(np.array([28, 34, 45]) + tone, 0, 255), bgr).astype(np.uint8)


def beard(bgr: Picture, face: Face) -> Picture:
    parts = parts_of(face)
    assert parts is not None
    hair = filled(bgr.shape[:2], parts.outline) & ~filled(bgr.shape[:2], parts.lips, grow=2)
    hair[: int(parts.nostrils[:, 1].max()) + 3] = 0
    tone = np.random.default_rng(3).normal(0, 8, (*bgr.shape[:2], 1))
    return np.where(hair[..., None] > 0, np.clip(np.array([35, 40, 50]) + tone, 0, 255), bgr).astype(np.uint8)


def scarf(bgr: Picture, face: Face) -> Picture:
    """Dark cloth from under the nose down, over mouth and jaw and what is beside them."""
    parts = parts_of(face)
    assert parts is not None
    out = bgr.copy()
    out[int(parts.nostrils[:, 1].max()) + 3 : int(face.box_xyxy[3]) + 40] = (38, 34, 36)
    return out


def shadow(bgr: Picture, face: Face) -> Picture:
    """Half of the face in the shade, with a soft border."""
    across = (np.arange(bgr.shape[1]) - face.landmarks_5[2, 0]) / (face.box_xyxy[2] - face.box_xyxy[0])
    light = np.clip(0.5 - 4 * across, 0, 1) * 0.55 + 0.45
    return np.asarray(bgr * light[None, :, None], np.uint8)


def blush(bgr: Picture, face: Face) -> Picture:
    parts = parts_of(face)
    assert parts is not None
    red = np.zeros(bgr.shape[:2], np.float32)
    for cheek in parts.skin[:2]:
        x, y = cheek.mean(0)
        cv2.circle(red, (int(x), int(y)), int(0.12 * (face.box_xyxy[2] - face.box_xyxy[0])), 1.0, -1)
    soft = cv2.GaussianBlur(red, (0, 0), 4)[..., None]
    return np.asarray(bgr * (1 - soft * np.array([0.15, 0.15, 0.0])), np.uint8)


@pytest.mark.parametrize("paint", [bar, microphone, fringe, scarf])
@pytest.mark.parametrize("who", ["collins", "hopper"])
def test_what_stands_before_a_face_is_kept(
    paint: Painter, who: str, request: pytest.FixtureRequest, face_of: Callable[[Picture], Face]
) -> None:
    bgr = request.getfixturevalue(who)
    face = face_of(bgr)
    painted = paint(bgr, face)
    there = in_crop((painted != bgr).any(2), face)
    shown, bare = alpha_of(masker(), painted, face), alpha_of(masker(_FACE), painted, face)
    assert bare[there].sum() > 100
    assert shown[there].sum() / bare[there].sum() < 0.2


@pytest.mark.parametrize("paint", [lambda bgr, face: bgr, shadow, blush, beard])
def test_a_face_that_nothing_covers_is_not_cut(paint: Painter, hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face = face_of(hopper)
    painted = paint(hopper, face)
    assert alpha_of(masker(), painted, face).sum() / alpha_of(masker(_FACE), painted, face).sum() >= 0.97


def test_hair_in_the_forehead_is_kept_and_the_rest_is_not(collins: Picture, face_of: Callable[[Picture], Face]) -> None:
    """Her own fringe: nothing is painted here."""
    face = face_of(collins)
    shown, bare = alpha_of(masker(), collins, face), alpha_of(masker(_FACE), collins, face)
    brows = int(crop_rows(face)[0])
    assert shown[brows:].sum() / bare[brows:].sum() >= 0.95
    assert shown[:brows].sum() / bare[:brows].sum() < 0.8


def crop_rows(face: Face) -> NDArray[np.float32]:
    matrix, parts = crop_matrix(face.landmarks_5, arcface_template(_SIZE)), parts_of(face)
    assert matrix is not None
    assert parts is not None
    return np.sort(np.concatenate(parts.moved(matrix).brows)[:, 1])


def test_the_mask_is_steady_on_a_face_that_moves(hopper: Picture, analyser: EmbeddedAnalyser) -> None:
    mask, bare = masker(), masker(_FACE)
    changes: list[float] = []
    last: NDArray[np.float32] | None = None
    for index in range(12):
        turn = cv2.getRotationMatrix2D((256, 300), 3 * np.sin(index / 3), 1 + 0.02 * np.sin(index / 2))
        turn[:, 2] += (2.3 * index, 1.1 * index)
        bgr = np.asarray(cv2.warpAffine(hopper, turn, hopper.shape[1::-1], borderMode=cv2.BORDER_REFLECT), np.uint8)
        face = analyser.analyse(frame_of(bgr, index))[0]
        cut = alpha_of(bare, bgr, face, index=index) - alpha_of(mask, bgr, face, index=index)
        changes += [] if last is None else [float(np.abs(cut - last).mean())]
        last = cut
    assert max(changes) < 0.003


def test_what_moves_across_a_face_is_followed(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face, mask, bare = face_of(hopper), masker(), masker(_FACE)
    y0, y1 = face.box_xyxy[1::2]
    width = int(0.12 * (y1 - y0))
    beside = []
    for index in range(24):
        y = int(y0 + (index - 4) / 20 * (y1 - y0))
        bgr = hopper.copy()
        bgr[max(0, y) : max(0, y + width)] = _GREEN
        alpha = alpha_of(mask, bgr, face, index=index)
        there = in_crop((bgr != hopper).any(2), face)
        if there.sum() > 100:
            assert alpha[there].mean() < 0.2, index
            away = ~(cv2.dilate(there.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
            beside.append((alpha_of(bare, bgr, face, index=index) - alpha)[away].sum() / _SIZE)
    assert np.mean(beside) < 1.3  # rows: where it has gone, the face is there again at once
    for index in range(24, 34):
        alpha = alpha_of(mask, hopper, face, index=index)
    assert alpha.sum() / alpha_of(masker(), hopper, face).sum() > 0.98


def test_a_segment_and_a_track_begin_anew(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face = face_of(hopper)
    fresh = alpha_of(masker(), hopper, face)
    mask = masker()
    alpha_of(mask, bar(hopper, face), face)
    mask.start()
    assert np.array_equal(alpha_of(mask, hopper, face), fresh)
    alpha_of(mask, bar(hopper, face), face, index=1)
    other = replace(face, id=face.id + 1)
    alpha_of(mask, hopper, other, index=2)  # the first is gone here, and what stood before it with it
    alpha_of(mask, hopper, other, index=78)  # and nobody knows it any more
    assert np.array_equal(alpha_of(mask, hopper, face, index=79), fresh)


def test_who_comes_back_is_known(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    """A face all in red light has red skin for who sees it first, and is covered for who knows it."""
    face, mask = face_of(hopper), masker()
    red = np.asarray(np.clip(hopper * np.array([0.3, 0.3, 1.0]), 0, 255), np.uint8)
    for index in range(12):
        alpha_of(mask, hopper, face, index=index)
    other = replace(face, id=face.id + 1)
    for index in range(12, 40):
        alpha_of(mask, hopper, other, index=index)
    known, first = alpha_of(mask, red, face, index=40), alpha_of(masker(), red, face)
    assert known.sum() < 0.5 * first.sum()


def test_a_scarf_that_comes_with_the_first_frames_is_no_beard(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face, mask = face_of(hopper), masker()
    covered = scarf(hopper, face)
    there = in_crop((covered != hopper).any(2), face)
    for index in range(12):
        alpha = alpha_of(mask, hopper if index < 4 else covered, face, index=index)
    assert alpha[there].sum() / alpha_of(masker(_FACE), covered, face)[there].sum() < 0.2


def test_a_frame_that_is_asked_about_twice_is_learnt_from_once(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face, mask = face_of(hopper), masker()
    painted = bar(hopper, face)
    alpha_of(mask, hopper, face, index=0)
    first = alpha_of(mask, painted, face, index=1)
    assert np.array_equal(alpha_of(mask, painted, face, index=1), first)


@pytest.mark.parametrize("size", [256, 512])
def test_everything_scales_with_the_crop(size: int, collins: Picture, face_of: Callable[[Picture], Face]) -> None:
    face = face_of(collins)
    painted = bar(collins, face)
    options = MaskOptions(mask_padding=(0.2, 0, 0.1, 0), mask_keep=("mouth", "brows"))
    large = alpha_of(masker(options), painted, face, size)
    # ArcFace's crops of multiples of 128 are one picture at several sizes, pixels counted from their corners there.
    small = cv2.resize(large, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    assert np.abs(small - alpha_of(masker(options), painted, face)).mean() < 0.02


def test_padding_leaves_out_at_least_that_much(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    padded = alpha_of(masker(MaskOptions(mask_types=("box",), mask_padding=(0.25, 0.3, 0.2, 0.1))), hopper, face_of(hopper))
    rows, columns = (np.flatnonzero((padded > 0).any(axis)) for axis in (1, 0))
    assert (rows[0] / _SIZE, 1 - (rows[-1] + 1) / _SIZE) == pytest.approx((0.25, 0.2), abs=0.02)
    assert (columns[0] / _SIZE, 1 - (columns[-1] + 1) / _SIZE) == pytest.approx((0.1, 0.3), abs=0.025)


def test_a_face_without_dense_landmarks_has_its_outline_from_68(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face = face_of(hopper)
    sparse = replace(face, mesh_468=None, landmarks_68=landmarks_68(face))
    dense = alpha_of(masker(_FACE), hopper, face)
    outline = alpha_of(masker(_FACE), hopper, sparse)
    assert np.minimum(outline, dense).sum() / np.maximum(outline, dense).sum() > 0.85
    assert alpha_of(masker(), bar(hopper, face), sparse).sum() < 0.93 * outline.sum()
    nothing = replace(face, mesh_468=None)
    assert np.array_equal(
        alpha_of(masker(), hopper, nothing), alpha_of(masker(MaskOptions(mask_types=("box",))), hopper, face)
    )


def landmarks_68(face: Face) -> NDArray[np.float32]:
    """iBUG's points from those of the dense mesh that lie there."""
    assert face.mesh_468 is not None
    jaw = (127, 234, 93, 132, 58, 172, 136, 150, 152, 379, 365, 397, 288, 361, 323, 454, 356)
    brows = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
    nose = (168, 197, 5, 4, 75, 97, 2, 326, 305)
    eyes = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
    lips = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
    return face.mesh_468[[*jaw, *brows, *nose, *eyes, *lips]].copy()


def test_an_open_mouth_is_kept_and_a_closed_one_is_not(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face, mask = face_of(hopper), masker(MaskOptions(mask_types=("box",), mask_keep=("mouth",)))
    assert face.mesh_468 is not None
    full = alpha_of(masker(MaskOptions(mask_types=("box",))), hopper, face)
    shown = []
    for gap in (0.0, 0.05, 0.4):  # of the mouth's width
        mesh = face.mesh_468.copy()
        width = float(np.hypot(*(mesh[291] - mesh[61])[:2]))
        for upper, lower in ((82, 87), (13, 14), (312, 317), (81, 178), (311, 402)):
            middle, half = (mesh[upper, :2] + mesh[lower, :2]) / 2, np.array([0, gap * width / 2])
            mesh[upper, :2], mesh[lower, :2] = middle - half, middle + half
        for corner in (80, 191, 78, 95, 88, 310, 415, 308, 324, 318):
            mesh[corner, 1] = mesh[[78, 308], 1].mean()
        shown.append(alpha_of(mask, hopper, replace(face, mesh_468=mesh)))
    assert np.array_equal(shown[0], full)
    assert np.array_equal(shown[1], full)
    assert shown[2].min() < full[_SIZE * 3 // 5 : _SIZE * 4 // 5, _SIZE // 2].min() - 0.9
    assert 0.9 < shown[2].sum() / full.sum() < 0.995


@pytest.mark.parametrize("keep", ["eyes", "brows"])
def test_what_is_kept_lies_where_it_is(keep: str, hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face = face_of(hopper)
    kept = masker(MaskOptions(mask_types=("box",), mask_keep=(keep,))).kept(frame_of(hopper), face, Box(0, 0, 512, 600))  # type: ignore[arg-type]
    parts = parts_of(face)
    assert kept is not None
    assert parts is not None
    for place in parts.eyes if keep == "eyes" else parts.brows:
        x, y = place.mean(0).astype(int)
        assert kept[y, x] > 0.9
    x, y = parts.skin[0].mean(0).astype(int)
    assert kept[y, x] == 0


def test_areas_are_parts_of_the_face(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face = face_of(hopper)
    full = alpha_of(masker(MaskOptions(mask_types=("box",))), hopper, face)
    shares = {}
    for area in ("upper-face", "lower-face", "mouth"):
        options = MaskOptions(mask_types=("box", "area"), mask_areas=(area,))  # type: ignore[arg-type]
        alpha = alpha_of(masker(options), hopper, face)
        shares[area] = alpha.sum() / full.sum()
        eye, mouth = face.landmarks_5[0], face.landmarks_5[3:].mean(0)
        at = [tuple((taken(hopper, face)[1] @ (*point, 1)).astype(int)) for point in (eye, mouth)]
        seen = [bool(alpha[y, x] > 0.5) for x, y in at]
        assert seen == [area == "upper-face", area != "upper-face"]
    assert shares["mouth"] < shares["lower-face"] < 0.7


def test_kept_is_on_the_box_what_alpha_is_on_the_crop(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    face = face_of(hopper)
    box = Box(150, 120, 420, 460)
    painted = bar(hopper, face)
    kept = masker().kept(frame_of(painted, faces=(face,)), face, box)
    assert kept is not None
    assert kept.shape == (340, 270)
    assert kept.dtype == np.float32
    inside = filled((600, 512), face.mesh_468[:, :2])[120:460, 150:420] > 0 if face.mesh_468 is not None else None
    there = (painted != hopper).any(2)[120:460, 150:420] & inside
    assert kept[cv2.erode(there.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0].mean() > 0.85
    assert kept[cv2.dilate(there.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0].mean() < 0.02
    assert masker(_FACE).kept(frame_of(hopper), face, box) is None
    assert masker().kept(frame_of(np.full_like(hopper, 90)), face, box) is None


def shrunk(face: Face, x: float, y: float) -> Face:
    """The face at half its size, its corner there."""
    assert face.mesh_468 is not None
    corner, to = np.array(face.box_xyxy[:2]), np.array([x, y])
    mesh = face.mesh_468 / 2
    mesh[:, :2] += to - corner / 2
    five = ((face.landmarks_5 - corner) / 2 + to).astype(np.float32)
    wide, high = (np.array(face.box_xyxy[2:]) - corner) / 2
    return replace(face, id=face.id + 1, mesh_468=mesh, landmarks_5=five, box_xyxy=(x, y, x + wide, y + high))


def test_a_larger_face_stands_before_a_smaller_one(hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    large = face_of(hopper)
    small = shrunk(large, large.box_xyxy[2] - 40, large.box_xyxy[1] + 60)
    (x0, y0), (x1, y1) = np.array(small.box_xyxy).reshape(2, 2).astype(int)
    bgr = np.full((600, 900, 3), 90, np.uint8)
    box, mask = Box(x0 - 10, y0 - 10, x1 + 10, y1 + 10), masker(_FACE)
    kept = mask.kept(frame_of(bgr, faces=(small, large)), small, box)
    assert kept is not None
    inside = filled((600, 900), parts_of(large).outline)[box.y0 : box.y1, box.x0 : box.x1] > 0  # type: ignore[union-attr]
    assert inside.sum() > 500
    assert kept[inside].min() > 0.5
    assert np.median(kept[inside]) == 1
    assert 0.4 < (kept == 0).mean() < 0.95
    assert np.abs(np.diff(kept, axis=1)).max() < 0.4  # no hard edge
    matrix = crop_matrix(small.landmarks_5, arcface_template(_SIZE))
    assert matrix is not None
    crop = np.full((_SIZE, _SIZE, 3), 90, np.uint8)
    shown = mask.alpha(frame_of(bgr, faces=(small, large)), small, matrix, crop)
    alone = mask.alpha(frame_of(bgr, faces=(small,)), small, matrix, crop)
    nearer = cv2.warpAffine(filled((600, 900), parts_of(large).outline), matrix, (_SIZE, _SIZE)) > 250  # type: ignore[union-attr]
    assert alone[nearer].max() > 0.9
    assert shown[nearer].max() < 0.5
    assert mask.kept(frame_of(bgr, faces=(small, large)), large, box) is None
    without = replace(large, mesh_468=None)
    kept = mask.kept(frame_of(bgr, faces=(small, without)), small, box)
    assert kept is not None
    assert kept[inside].mean() > 0.9


@pytest.mark.parametrize("types", [("outline",), ("area",), ("occlusion",), ("outline", "occlusion")])
def test_where_nothing_says_where_a_face_is_the_box_does(
    types: tuple[str, ...], hopper: Picture, face_of: Callable[[Picture], Face]
) -> None:
    face = face_of(hopper)
    nothing = replace(face, mesh_468=None)
    boxed = alpha_of(masker(MaskOptions(mask_types=("box",))), hopper, face)
    assert np.array_equal(alpha_of(masker(MaskOptions(mask_types=types)), hopper, nothing), boxed)  # type: ignore[arg-type]
    rim = alpha_of(masker(MaskOptions(mask_types=types)), hopper, face)  # type: ignore[arg-type]
    assert max(rim[0].max(), rim[-1].max(), rim[:, 0].max(), rim[:, -1].max()) == 0
    assert np.abs(np.diff(rim, axis=0))[:12].max() < 0.3
    assert rim.max() == 1


@pytest.mark.parametrize("share", [0.3, 0.4, 0.45])
def test_a_box_that_leaves_little_shows_it(share: float, hopper: Picture, face_of: Callable[[Picture], Face]) -> None:
    options = MaskOptions(mask_types=("box",), mask_padding=(share,) * 4)
    alpha = alpha_of(masker(options), hopper, face_of(hopper))
    assert alpha[62:66, 62:66].max() > 0.9
    assert (alpha > 0).sum() == pytest.approx(np.pi / 4 * ((1 - 2 * share) * _SIZE) ** 2, rel=0.35)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], None]:
    """Puts a small graph in a network's place."""

    def put(name: str, graph: bytes) -> None:
        place = "OCCLUDERS" if name in OCCLUDERS else "PARSERS"
        known: dict[str, ModelSpec] = dict(getattr(masking, place))
        known[name] = insight_graphs.stored(replace(known[name], urls=(), path=lambda: tmp_path), graph, tmp_path)
        monkeypatch.setattr(masking, place, known)

    return put


def halves(first: tuple[int, int, int], second: tuple[int, int, int], size: int) -> Picture:
    """B, G, R, one colour left and another right."""
    out = np.empty((size, size, 3), np.uint8)
    out[:, : size // 2], out[:, size // 2 :] = first, second
    return out


@pytest.mark.parametrize("size", [128, 256, 512])
def test_xseg_is_given_blue_green_red_with_the_colours_last(
    size: int, network: Callable[[str, bytes], None], hopper: Picture, face_of: Callable[[Picture], Face]
) -> None:
    network("xseg_3", mask_graphs.xseg(0))
    face = face_of(hopper)
    crop = halves((255, 0, 0), (0, 0, 255), size)
    options = MaskOptions(mask_types=("box", "occlusion"), mask_occluder=("xseg_3",), mask_blur=0, mask_padding=(0, 0, 0, 0))
    mask = masker(options)
    assert not mask.learns
    alpha = mask.alpha(frame_of(hopper), face, taken(hopper, face, size)[1], crop)
    row = alpha[size // 2]
    assert row[size // 4] == 1
    assert row[size * 5 // 8] == 0
    # The fade lies inside the face, and is as wide on every crop: twice 5 pixels of 256, about.
    fade = np.flatnonzero((row > 0.02) & (row < 0.98) & (np.arange(size) > size // 4))
    assert fade.max() / size <= 0.51
    assert 0.015 < len(fade) / size < 0.06


def test_of_several_occluders_each_may_hide(
    network: Callable[[str, bytes], None], hopper: Picture, face_of: Callable[[Picture], Face]
) -> None:
    network("xseg_1", mask_graphs.xseg(0))
    network("xseg_2", mask_graphs.xseg(1))
    face = face_of(hopper)
    options = MaskOptions(mask_types=("occlusion",), mask_occluder=("xseg_1", "xseg_2"))
    crop = halves((255, 0, 0), (255, 255, 0), _SIZE)
    alpha = masker(options).alpha(frame_of(hopper), face, taken(hopper, face)[1], crop)
    assert alpha[:, :56].max() == 0
    assert alpha[12:-12, 80:-12].min() == 1


def test_the_parser_is_given_red_green_blue_with_imagenets_mean(
    network: Callable[[str, bytes], None], hopper: Picture, face_of: Callable[[Picture], Face]
) -> None:
    network("bisenet_resnet_34", mask_graphs.parser((1, 17, 6)))  # red is skin, green hair, blue glasses
    face = face_of(hopper)
    matrix = taken(hopper, face)[1]
    region = MaskOptions(mask_types=("region",), mask_parser="bisenet_resnet_34", mask_regions=("skin",))
    crop = halves((0, 0, 255), (0, 255, 0), _SIZE)
    alpha = masker(region).alpha(frame_of(hopper), face, matrix, crop)
    assert alpha[12:-12, 12:56].min() > 0.99
    assert alpha[:, 72:].max() == 0
    # Of this colour red is the highest, but after the means are taken off and the deviations divided out it is green.
    grey = np.full((_SIZE, _SIZE, 3), (60, 120, 121), np.uint8)
    assert masker(region).alpha(frame_of(hopper), face, matrix, grey).max() == 0
    keep = MaskOptions(mask_types=("box",), mask_parser="bisenet_resnet_34", mask_keep=("glasses",))
    glasses = halves((255, 0, 0), (0, 0, 255), _SIZE)
    alpha = masker(keep).alpha(frame_of(hopper), face, matrix, glasses)
    assert alpha[64, 40] == 0
    assert alpha[64, 80] == 1


@pytest.mark.parametrize(
    ("options", "name", "graph"),
    [
        (MaskOptions(mask_occluder=("xseg_3",)), "xseg_3", mask_graphs.xseg(0, size=128)),
        (
            MaskOptions(mask_types=("region",), mask_parser="bisenet_resnet_34"),
            "bisenet_resnet_34",
            mask_graphs.xseg(0),
        ),
    ],
)
def test_another_network_is_refused(
    options: MaskOptions, name: str, graph: bytes, network: Callable[[str, bytes], None]
) -> None:
    network(name, graph)
    with pytest.raises(ModelError, match=f"{name} is no network for a mask: it takes .* get it again"):
        masker(options)


def test_choices_name_the_networks_of_the_options() -> None:
    options = MaskOptions(mask_occluder=("skin", "xseg_3"))
    made = [choice.models[0].name for choice in MASK_CHOICES if choice.made_by(options)]
    assert made == ["xseg_3"]
    named = {(choice.option, choice.value) for choice in MASK_CHOICES}
    assert named == {("mask_occluder", name) for name in OCCLUDERS} | {("mask_parser", name) for name in PARSERS}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mask_types": ()}, "names no mask"),
        ({"mask_types": ("region",)}, "needs; add mask-parser bisenet_resnet_34"),
        ({"mask_keep": ("glasses",)}, "needs; add mask-parser bisenet_resnet_34"),
        ({"mask_parser": "bisenet_resnet_34"}, "has nothing to do"),
        ({"mask_occluder": ()}, "names nothing"),
        ({"mask_types": ("box",), "mask_occluder": ("xseg_1",)}, "is for the mask type occlusion"),
        ({"mask_areas": ("mouth",)}, "mask-areas is for the mask type area; add"),
        ({"mask_regions": ("skin",)}, "mask-regions is for the mask type region; add"),
        ({"mask_types": ("area",), "mask_areas": ()}, "mask-areas names nothing"),
        (
            {"mask_types": ("region",), "mask_regions": (), "mask_parser": "bisenet_resnet_34"},
            "mask-regions names nothing",
        ),
        ({"mask_types": ("outline",), "mask_padding": (0.1, 0, 0, 0)}, "mask-padding is for the mask type box"),
        ({"mask_types": ("occlusion",), "mask_blur": 0.1}, "mask-blur is for the mask types box and outline"),
    ],
)
def test_options_that_say_nothing_together_are_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        MaskOptions(**options)  # type: ignore[arg-type]
