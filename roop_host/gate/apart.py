"""Pictures for one onlooker, in memory of its own: whatever it does to them shows nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host.types.frame import Frame, FrameView, Scratch
from roop_host.types.planes import Pixels


class Copies:
    """Handles on copies, each valid until the next one of its place: memory is used again, since fresh costs page faults."""

    def __init__(self) -> None:
        self._memory: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._scratch = Scratch()

    def view(self, picture: Frame, place: int = 0) -> FrameView:
        """A handle with nothing in it that was converted before; ``place`` is that among those that are shown together."""
        planes = tuple(self._copy(plane, place, number) for number, plane in enumerate(picture.pixels.planes))
        return picture.on(Pixels(picture.pixels.layout, planes), self._scratch)

    def _copy(self, plane: NDArray[Any], place: int, number: int) -> NDArray[Any]:
        memory = self._memory.get((place, number))
        if memory is None or memory.size < plane.nbytes:
            memory = self._memory[place, number] = np.empty(plane.nbytes, np.uint8)
        mine = memory[: plane.nbytes].view(plane.dtype).reshape(plane.shape)
        np.copyto(mine, plane)
        return mine
