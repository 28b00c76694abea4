"""How much a score may have moved since the last look, for ``--screen adaptive``; docs/safety.md has its misses."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

# Envelope of the change of Open-NSFW's logit over pairs of frames of talking clips, against the RMS of the change of its
# inputs in levels of 0..255 (trust.md section 6, 3,267 made pairs): 0.30 + 0.462 * RMS.
_STEP, _SLOPE = 0.30, 0.462
# Twice the envelope covered every crossing of the limit that was found in clips; an adversarial search needed 3.04.
_SAFETY = 2.0
# Talking clips score no lower, so the envelope says nothing of pictures that do: they count as these.
_LOWEST = 1e-3


def bound(score: float, before: NDArray[np.uint8], now: NDArray[np.uint8]) -> float:
    """The most that ``now`` may score where ``before`` scores ``score``; both uint8 ``(224, 224, 3)``, B, G, R.

    The very same input gets the very same score. Raises ``cv2.error`` for inputs of different form.
    """
    distance = cv2.norm(before, now, cv2.NORM_L2)
    if distance == 0 or score >= 1:
        return score
    rms = distance / math.sqrt(before.size)
    least = max(score, _LOWEST)
    logit = math.log(least / (1 - least)) + _SAFETY * (_STEP + _SLOPE * rms)
    return 1 / (1 + math.exp(-logit))
