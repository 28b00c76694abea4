"""The target's colour for a face that a network made."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_vision.mask_options import MatchColour

_COARSE = 64  # side at which colours are compared
_REACH = 0.11  # of the side: wide enough for light, too wide for features
_LEAST, _MOST = 0.7, 1.4  # of the ratio of spreads, and of a local gain beside the mean one
_TRUST = 0.05  # weight of the mean gain where little of the face is seen
_FEW = 4.0  # cells; of fewer nothing can be said


def matched(made_bgr: NDArray[Any], crop_bgr: NDArray[Any], alpha: NDArray[np.float32], kind: MatchColour) -> NDArray[Any]:
    """``made_bgr`` with the colour of ``crop_bgr`` where ``alpha`` shows it, in the type it came.

    Both are B, G, R ``(s, s, 3)``, uint8 or float32 in 0..1, ``alpha`` float32 ``(s, s)`` in 0..1; floats are not
    rounded. ``mean`` gives it the target's mean and spread of L, a and b; ``local`` a smooth gain, which follows light
    that falls from one side.
    """
    if kind == "none":
        return made_bgr
    size = (min(_COARSE, alpha.shape[1]), min(_COARSE, alpha.shape[0]))
    small = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (_unit(made_bgr), _unit(crop_bgr), alpha)]
    made, crop, weight = (np.asarray(plane, np.float32) for plane in small)
    if float(weight.sum()) < _FEW:
        return made_bgr
    out = _by_mean(_unit(made_bgr), made, crop, weight) if kind == "mean" else _by_gain(_unit(made_bgr), made, crop, weight)
    np.clip(out, 0, 1, out=out)
    return np.rint(out * 255).astype(np.uint8) if made_bgr.dtype == np.uint8 else out


def _unit(bgr: NDArray[Any]) -> NDArray[np.float32]:
    return bgr.astype(np.float32) / np.float32(255) if bgr.dtype == np.uint8 else np.asarray(bgr, np.float32)


def _by_mean(
    whole: NDArray[np.float32], made: NDArray[np.float32], crop: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    (mean_made, spread_made), (mean_crop, spread_crop) = (
        _moments(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2Lab), np.float32), weight) for bgr in (made, crop)
    )
    ratio = np.clip((spread_crop + 0.5) / (spread_made + 0.5), _LEAST, _MOST)
    lab = cv2.cvtColor(whole, cv2.COLOR_BGR2Lab)
    moved = np.asarray((lab - mean_made) * ratio + mean_crop, np.float32)
    return np.asarray(cv2.cvtColor(moved, cv2.COLOR_Lab2BGR), np.float32)


def _moments(lab: NDArray[np.float32], weight: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    total = weight.sum()
    mean = (lab * weight[..., None]).sum((0, 1)) / total
    spread = np.sqrt((np.square(lab - mean) * weight[..., None]).sum((0, 1)) / total)
    return mean.astype(np.float32), spread.astype(np.float32)


def _by_gain(
    whole: NDArray[np.float32], made: NDArray[np.float32], crop: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    w = weight[..., None]
    mean_made, mean_crop = ((bgr * w).sum((0, 1)) / weight.sum() + np.float32(0.01) for bgr in (made, crop))
    # Two means over the same neighbourhood: what is common to both, which is what alpha shows of it, cancels out.
    soft = cv2.GaussianBlur(np.concatenate([crop * w, made * w], axis=2), (0, 0), _REACH * weight.shape[0])
    ratio = (soft[..., :3] + _TRUST * mean_crop) / (soft[..., 3:] + _TRUST * mean_made)
    mean = mean_crop / mean_made
    gain = (np.clip(ratio / mean, _LEAST, _MOST) * np.clip(mean, 0.2, 4)).astype(np.float32)
    size = (whole.shape[1], whole.shape[0])
    return np.asarray(whole * cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR), np.float32)
