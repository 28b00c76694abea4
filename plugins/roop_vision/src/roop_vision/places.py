"""Where on a coarse grid a face has its skin, its features, and a beard if it has one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roop_vision.parts import Parts, filled

#: Side of the grid on which it is decided what stands before a face, a crop aligned to it. Lengths are in its pixels.
GRID = 96
_EYES, _BROWS, _NOSE = 3.8, 2.7, 3.0  # how far parts of the face reach beyond their landmarks


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """uint8 ``(GRID, GRID)``, 255 where: inside the outline; skin there; a part of the face; cheeks and nose.

    ``eyes`` are both eyes, ``lower`` lips and nostrils, ``below`` where a beard is, ``jaws`` its sides and the chin,
    ``mouth`` the lips alone, no wider than they are.
    """

    outline: NDArray[np.uint8]
    skin: NDArray[np.uint8]
    part: NDArray[np.uint8]
    cheeks: NDArray[np.uint8]
    eyes: tuple[NDArray[np.uint8], ...]
    lower: NDArray[np.uint8]
    jaws: tuple[NDArray[np.uint8], ...]
    below: NDArray[np.uint8]
    mouth: NDArray[np.uint8]


def places_of(parts: Parts) -> Places:
    """Of a face whose ``parts`` lie on the grid."""
    size = (GRID, GRID)
    outline, lips = filled(size, parts.outline), filled(size, parts.lips, grow=_EYES)
    eyes = tuple(filled(size, eye, grow=_EYES) for eye in parts.eyes)
    lower = lips | filled(size, parts.nostrils, grow=_NOSE)
    part = lower | eyes[0] | eyes[1] | filled(size, *parts.brows, grow=_BROWS)
    skin = outline & ~part
    below = outline & ~lips
    below[: max(0, round(float(parts.nostrils[:, 1].max())))] = 0
    middle, wide = float(parts.lips[:, 0].mean()), float(np.ptp(parts.lips[:, 0])) / 2
    left, right = below.copy(), below.copy()
    left[:, max(0, round(middle - wide)) :] = 0
    right[:, : max(0, round(middle + wide))] = 0
    chin = below & ~left & ~right
    chin[: max(0, round(float(parts.lips[:, 1].max())))] = 0
    return Places(
        outline=outline,
        skin=skin,
        part=part,
        cheeks=filled(size, *parts.skin) & skin,
        eyes=eyes,
        lower=lower,
        jaws=(left, right, chin),
        below=below,
        mouth=filled(size, parts.lips),
    )
