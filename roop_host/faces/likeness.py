"""How much two faces look like one person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from roop_host.errors import UsageError
from roop_host.types.faces import Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The cosine at which two pictures are as likely of one person as not, of a recogniser that does not say its own. Between
#: that of ArcFace (about 0.3) and that of recognisers with narrower spaces.
USUAL_LIMIT = 0.4


def unit(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """``embedding`` of length 1, float32; one of length 0 stays as it is."""
    import numpy as np

    flat = np.asarray(embedding, np.float32).reshape(-1)
    length = float(np.linalg.norm(flat))
    return flat / np.float32(length) if length else flat


def of_cosine(cosine: float, limit: float = USUAL_LIMIT) -> float:
    """A cosine of two embeddings as similarity 0..1: 1 at 1, 0.5 at ``limit``, and linear from there to both ends.

    It is 0 where two people's embeddings have nothing in common, a cosine of 0; of a recogniser whose space is narrow, as
    far below the limit as 1 is above.
    """
    if cosine >= limit:
        return min(1.0, 0.5 + 0.5 * (cosine - limit) / (1 - limit))
    nothing = max(0.0, 2 * limit - 1)
    return max(0.0, 0.5 * (cosine - nothing) / (limit - nothing))


def of_cosines(cosines: NDArray[np.float64], limit: float = USUAL_LIMIT) -> NDArray[np.float64]:
    """The same of many, float64 of their shape."""
    import numpy as np

    return np.interp(cosines, (max(0.0, 2 * limit - 1), limit, 1.0), (0.0, 0.5, 1.0))


def similarity(one: Face, other: Face, limits: Mapping[str, float]) -> float | None:
    """How much two faces look like one person, 0..1: 0.5 where it is as likely as not. None where one has no embedding.

    ``limits`` are ``AnalyserSpec.recognisers``. Raises ``UsageError`` for embeddings of two recognisers: they can't be
    compared.
    """
    if one.embedding is None or other.embedding is None:
        return None
    check_comparable(one, other)
    cosine = float(unit(one.embedding) @ unit(other.embedding))
    return of_cosine(cosine, limit_of(one.recogniser, limits))


def limit_of(recogniser: str | None, limits: Mapping[str, float]) -> float:
    """The recogniser's own limit, or the usual one where it says none."""
    return USUAL_LIMIT if recogniser is None else limits.get(recogniser, USUAL_LIMIT)


def check_comparable(one: Face, other: Face) -> None:
    """Raise ``UsageError`` unless both embeddings are of one recogniser."""
    assert one.embedding is not None
    assert other.embedding is not None
    if one.recogniser != other.recogniser or one.embedding.size != other.embedding.size:
        raise UsageError(
            f"a face known by {_told(one)} can't be compared with one known by {_told(other)}; take pictures of both, or "
            "faces saved with the same recogniser"
        )


def _told(face: Face) -> str:
    assert face.embedding is not None
    return f"{face.recogniser or 'a recogniser without a name'} ({face.embedding.size} numbers)"
