"""The target's light on the source's skin: a smooth gain over the face, learnt from skin inside both masks only."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_REACH = 0.2  # of the face's width: the light over a face, and not the relief that tells whose face it is
_TRUST = 0.08  # weight of the mean gain where little skin is seen
_LOWEST, _HIGHEST = 0.6, 1.65  # of the mean gain: what differs more is no light
#: Blur, as a share of the face's width, that tells detail from shape.
DETAIL = 0.018
_RICHER = 1.3  # a face a little richer in detail than the target still sits in the picture, and is more itself


def gain_field(
    target_bgr: NDArray[np.float32], source_bgr: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Float32 ``(c, c, 3)``: factor per cell and channel from the source's to the target's colour.

    Both pictures are B, G, R 0..255 ``(c, c, 3)`` in texture space, ``weight`` ``(c, c)`` is skin seen in both.
    """
    wide = cv2.merge([weight] * 3)
    size = (weight.shape[1], weight.shape[0])
    total = float(weight.sum()) + 1e-6
    sigma = weight.shape[0] * _REACH
    # Two means over the same neighbourhood: what is common to both (which cells count) cancels out.
    means, softs = [], []
    for bgr in (target_bgr, source_bgr):
        counted = cv2.multiply(bgr, wide)
        means.append(np.array(cv2.sumElems(counted)[:3], np.float32) / total + 1)
        quarter = cv2.resize(counted, (size[0] // 4, size[1] // 4), interpolation=cv2.INTER_AREA)
        softs.append(np.asarray(cv2.GaussianBlur(quarter, (0, 0), sigma / 4), np.float32))
    ratio = (softs[0] + _TRUST * means[0]) / (softs[1] + _TRUST * means[1])
    mean = means[0] / means[1]
    gain = (np.clip(ratio / mean, _LOWEST, _HIGHEST) * np.clip(mean, 0.2, 4)).astype(np.float32)
    return np.asarray(cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR), np.float32)


def detail_ratios(
    target_bgr: NDArray[np.uint8],
    source_bgr: NDArray[np.float32],
    gain: NDArray[np.float32],
    parts: Sequence[tuple[NDArray[np.float32], tuple[float, float]]],
) -> NDArray[np.float32]:
    """How much of the source's detail to keep in each part, so that it stands out no more than the target's.

    A part is its weight ``(c, c)`` and the bounds of its answer.
    """
    sigma = source_bgr.shape[0] * DETAIL
    greens = (target_bgr[..., 1].astype(np.float32), source_bgr[..., 1] * gain[..., 1])
    details = [np.abs(green - cv2.GaussianBlur(green, (0, 0), sigma)) for green in greens]
    ratios = []
    for weight, bounds in parts:
        strong = (weight > 0.5).astype(np.float32)
        own, other = (float((detail * strong).sum() / (strong.sum() + 1e-6)) for detail in details)
        ratios.append(np.clip(_RICHER * (own + 0.5) / (other + 0.5), *bounds))
    return np.array(ratios, np.float32)
