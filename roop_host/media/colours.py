"""H.273's code points that come along: others would show a picture as something else than was looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from roop_host.media.info import Colour

#: All but CIE XYZ (10) and what is not assigned.
PRIMARIES = frozenset((1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 22))
#: All but linear light (8), logarithms (9, 10), DCI's of CIE XYZ (17) and what is not assigned.
TRANSFERS = frozenset((1, 2, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 18))
_UNSAID = 2
#: Of ProPhoto's red in that of sRGB it is 2.03.
_MOST_OF_PRIMARY = 3.0


def seen_as(colour: Colour) -> tuple[Colour, tuple[str, ...]]:
    """``colour`` without the primaries and the transfer by which frames would not look as here, and what these are."""
    kept = replace(
        colour,
        primaries=colour.primaries if colour.primaries in PRIMARIES else _UNSAID,
        transfer=colour.transfer if colour.transfer in TRANSFERS else _UNSAID,
    )
    tags = ("primaries", "transfer")
    gone = [f"{tag} {getattr(colour, tag)}" for tag in tags if getattr(kept, tag) != getattr(colour, tag)]
    return kept, (f"colour tags that show other than what is looked at ({', '.join(gone)} of H.273)",) if gone else ()


def primaries_of(points: NDArray[np.float64], white: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE XYZ of red, green and blue, a column each, whose sum is ``white``; ``points`` are their x and y, a row each.

    Raises ``np.linalg.LinAlgError`` for points on one line.
    """
    columns = np.vstack([points.T, 1 - points.sum(1)])
    return columns * np.linalg.solve(columns, white)


def are_calm(primaries: NDArray[np.float64], srgb: NDArray[np.float64]) -> bool:
    """Whether a difference between the channels stays about as large as sRGB shows it.

    Of points that are near sRGB's, but nearly on one line, greys look the same and a single level of colour like a hundred.
    """
    return bool(np.abs(np.linalg.solve(srgb, primaries)).max() <= _MOST_OF_PRIMARY)
