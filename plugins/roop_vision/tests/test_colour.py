"""The target's colour for what a network made."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from roop_vision.colour import matched

Picture = NDArray[np.uint8]


@pytest.fixture
def crop(collins: Picture) -> Picture:
    return np.asarray(cv2.resize(collins[60:260, 130:330], (256, 256), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture
def alpha() -> NDArray[np.float32]:
    mask = np.zeros((256, 256), np.float32)
    cv2.ellipse(mask, (128, 140), (70, 95), 0, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 5), np.float32)


def pale(bgr: Picture) -> Picture:
    """Another tint, and flatter."""
    return np.asarray(np.clip(bgr * np.array([0.75, 0.7, 0.6]) + 45, 0, 255), np.uint8)


def apart(one: NDArray[np.floating], other: NDArray[np.floating], alpha: NDArray[np.float32]) -> float:
    """Difference of the mean colours inside the mask, in grey levels."""
    weight = alpha[..., None] / alpha.sum()
    return float(np.abs(((one.astype(np.float64) - other) * weight).sum((0, 1))).max())


@pytest.mark.parametrize("kind", ["mean", "local"])
def test_it_gets_the_targets_colour(kind: str, crop: Picture, alpha: NDArray[np.float32]) -> None:
    made = pale(crop)
    out = matched(made, crop, alpha, kind)  # type: ignore[arg-type]
    assert out.dtype == np.uint8
    assert apart(made, crop, alpha) > 8
    assert apart(out, crop, alpha) < 0.35 * apart(made, crop, alpha)
    assert matched(made, crop, alpha, "none") is made


def test_a_local_gain_follows_light_from_one_side(crop: Picture, alpha: NDArray[np.float32]) -> None:
    light = np.linspace(0.5, 1.2, 256)[None, :, None]
    target = np.asarray(np.clip(crop * light, 0, 255), np.uint8)
    left, right = alpha.copy(), alpha.copy()
    left[:, 128:], right[:, :128] = 0, 0
    local, mean = matched(crop, target, alpha, "local"), matched(crop, target, alpha, "mean")
    for side in (left, right):
        assert apart(local, target, side) < 0.4 * apart(mean, target, side)


@pytest.mark.parametrize("kind", ["mean", "local"])
def test_floats_are_not_rounded_to_eight_bits(kind: str, crop: Picture, alpha: NDArray[np.float32]) -> None:
    ramp = np.asarray(pale(crop) / 255 + np.linspace(0, 1, 256)[None, :, None] / 255, np.float32)
    out = matched(ramp, crop, alpha, kind)  # type: ignore[arg-type]
    assert out.dtype == np.float32
    steps = np.abs(out * 255 - np.rint(out * 255))[64:192, 64:192]
    assert steps.mean() > 0.1
    whole = matched(np.asarray(np.rint(ramp * 255), np.uint8), crop, alpha, kind)  # type: ignore[arg-type]
    assert np.abs(out * 255 - whole)[alpha > 0.5].max() < 3


def test_what_is_outside_the_mask_says_nothing(crop: Picture, alpha: NDArray[np.float32]) -> None:
    other = crop.copy()
    other[alpha == 0] = (255, 0, 0)
    for kind in ("mean", "local"):
        pair = [matched(pale(crop), target, alpha, kind) for target in (crop, other)]  # type: ignore[arg-type]
        assert np.abs(pair[0].astype(int) - pair[1])[alpha > 0.5].max() <= 3


def test_an_empty_mask_changes_nothing(crop: Picture) -> None:
    made = pale(crop)
    assert matched(made, crop, np.zeros((256, 256), np.float32), "mean") is made
