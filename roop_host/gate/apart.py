"""Pictures for one onlooker, in memory of its own: whatever it does to them shows nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host.types.frame import Frame, FrameView, Scratch
from roop_host.types.planes import Pixels


class Copies:
    """Handles on copies, each valid until the next call: the memory is used again, since fresh one costs page faults."""

    def __init__(self) -> None:
        self._planes: dict[int, tuple[NDArray[Any], ...]] = {}
        self._scratch = Scratch()

    def views(self, pictures: Sequence[Frame]) -> list[FrameView]:
        """One handle per picture, with nothing in it that was converted before."""
        return [self._view(place, picture) for place, picture in enumerate(pictures)]

    def _view(self, place: int, picture: Frame) -> FrameView:
        given = picture.pixels.planes
        kept = self._planes.get(place, ())
        if _forms(kept) != _forms(given):
            kept = self._planes[place] = tuple(np.empty(plane.shape, plane.dtype) for plane in given)
        for mine, theirs in zip(kept, given, strict=True):
            np.copyto(mine, theirs)
        return picture.on(Pixels(picture.pixels.layout, kept), self._scratch)


def _forms(planes: Sequence[NDArray[Any]]) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
    return [(plane.shape, plane.dtype) for plane in planes]
