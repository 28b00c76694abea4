"""What was looked at before: very same inputs get the very same scores, and no others do."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host.types.frame import FrameView

# Far more than frames are on their way between the two places, and than most loops of an animation have; 100 bytes each.
_KEPT = 4096
#: An inherited verdict is younger than this, in seconds (trust.md: measured with this bound).
OLDEST_S = Fraction(1, 2)
# Players show pictures of an animation that say less than the one for as long as the other.
_HASTY_S, _SLOW_S = Fraction(1, 50), Fraction(1, 10)


class Known:
    """Scores of inputs that one screener has judged in this job, at whichever place of the stream. Bounded."""

    def __init__(self) -> None:
        self._scores: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def score(self, key: bytes) -> float | None:
        """The score of a very same input, None where there was none or it is long ago."""
        with self._lock:
            score = self._scores.get(key)
            if score is not None:
                self._scores.move_to_end(key)
            return score

    def note(self, key: bytes, score: float) -> None:
        with self._lock:
            self._scores[key] = score
            self._scores.move_to_end(key)
            while len(self._scores) > _KEPT:
                self._scores.popitem(last=False)


class ShownTime:
    """When pictures of one stream are shown, in seconds: of an ``animation`` later than they say, where they are hasty."""

    def __init__(self, *, animation: bool) -> None:
        self._animation, self._late = animation, Fraction(0)

    def of(self, frame: FrameView) -> Fraction:
        """Asked once for each frame, in order."""
        time, lasts = frame.time + self._late, frame.duration * frame.time_base
        if self._animation and lasts < _HASTY_S:
            self._late += _SLOW_S - lasts
        return time


def key_of(given: NDArray[Any], stage: str = "") -> bytes:
    """The same for two inputs only when form, type and every bit are the same (SHA-256), and the ``stage`` too."""
    digest = hashlib.sha256(f"{stage}{given.dtype.str}{given.shape}".encode())
    digest.update(np.ascontiguousarray(given).data)
    return digest.digest()


@dataclass(frozen=True, slots=True, eq=False)
class LastLook:
    """The input that was really looked at last at one place of the stream, when, and its score."""

    given: NDArray[Any]
    score: float
    time: Fraction
