"""What the mesh engine learns of each track over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roop_swapper import skin
from roop_vision.track import AWAY

_MOST = 64  # tracks; beyond them those longest away are dropped


@dataclass(slots=True, eq=False)
class Average:
    """A mean over time of what is learnt now and then: at every frame ``value`` goes a share of the way to ``fresh``."""

    rate: float
    value: NDArray[np.float32]
    fresh: NDArray[np.float32]

    def step(self) -> None:
        self.value = self.value + np.float32(self.rate) * (self.fresh - self.value)


def refreshed(average: Average | None, fresh: NDArray[np.float32], rate: float) -> Average:
    """The average with what was learnt just now; a first one is taken as it is."""
    return Average(rate, fresh if average is None else average.value, fresh)


@dataclass(slots=True, eq=False)
class FaceState:
    """What is averaged over time for one track, all of it in texture space or in the source's frame."""

    level: int
    #: The number of the frame that showed it last.
    index: int = 0
    shift: Average | None = None
    gain: Average | None = None
    keep: Average | None = None
    colour: skin.SkinColour | None = None
    #: How surely the target wears glasses, one number.
    worn: Average | None = None
    shut: tuple[float, ...] = (0.0, 0.0)
    #: How far the source's irises are moved, in shares of an eye's width.
    turned: Average | None = None
    #: Of the skin's detail and of the features'.
    contrast: Average | None = None
    #: The source's texture in the target's light, B, G, R and a fourth channel.
    lit: NDArray[np.uint8] | None = None

    def step(self) -> None:
        for average in (self.shift, self.gain, self.keep, self.contrast, self.worn, self.turned):
            if average is not None:
                average.step()


class States:
    """The states of the tracks that are followed, by the face's number and the source's."""

    def __init__(self) -> None:
        self._all: dict[tuple[int, int], FaceState] = {}

    def __len__(self) -> int:
        return len(self._all)

    def get(self, key: tuple[int, int]) -> FaceState | None:
        return self._all.get(key)

    def put(self, key: tuple[int, int], state: FaceState, index: int) -> None:
        """``state`` was seen in frame number ``index``."""
        state.index = index
        self._all.pop(key, None)
        self._all[key] = state  # the latest last

    def after(self, index: int) -> None:
        """Frame number ``index`` is done: forget who is long away; of others the large part can be made again."""
        for key, state in list(self._all.items()):
            if state.index == index:
                continue
            state.lit = None
            if index - state.index > AWAY or len(self._all) > _MOST:
                del self._all[key]
