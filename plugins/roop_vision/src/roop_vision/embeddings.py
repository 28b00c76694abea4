"""What a recogniser said of a face that is followed, over several frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Embeddings of a track, each of one search, after which their mean hardly moves.
ENOUGH = 5


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The mean of a track's embeddings so far, read-only, and of how many."""

    mean: NDArray[np.float32]
    count: int


def grown(known: Known | None, vector: NDArray[np.float32] | None, *, least: float) -> Known | None:
    """The mean with one more vector.

    One whose cosine to it is below ``least`` begins a new one: who is there is somebody else, or was half hidden or turned
    away when it was seen first.
    """
    if vector is None:
        return known
    if known is not None and cosine(vector, known.mean) < least:
        known = None
    count = 1 if known is None else known.count + 1
    mean = vector.copy() if known is None else (known.mean + (vector - known.mean) / np.float32(count)).astype(np.float32)
    mean.flags.writeable = False  # the same array goes to many frames
    return Known(mean, count)


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """-1..1; of one person's embeddings near 1."""
    return float(a @ b) / max(1e-12, float(np.linalg.norm(a) * np.linalg.norm(b)))
