"""Exposed parts of the body, found by the detector that the package nudenet brings; none of its code is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host import Context, FrameView, PreparedScreener, Session, Stage
from roop_nsfw.plugin import NUDENET_320N

_SIDE = 320
# Rows of the output: centre, width and height of a box, then one confidence for each class.
_BOX = 4
# Classes by their number in the file's own list of names (metadata "names").
_EXPOSED = {
    "buttocks": 2,
    "female breast": 3,
    "female genitalia": 4,
    "anus": 6,
    "male genitalia": 14,
}
_ROWS = [_BOX + number for number in _EXPOSED.values()]


def prepared(frame: FrameView) -> NDArray[np.uint8]:
    """The whole picture, its longer side 320 and its shape kept, in a black square, at its top left; B, G, R."""
    scale = _SIDE / max(frame.width, frame.height)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    square = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    square[:height, :width] = frame.shrunk(width, height)
    return square


def highest(found: NDArray[np.float32]) -> list[float]:
    """The highest confidence of an exposed part in each picture, of ``(n, 22, boxes)``.

    Boxes that lie over each other need no sorting out: the best of them all is the best of those that would be left.
    """
    return [float(score) for score in found[:, _ROWS].max(axis=(1, 2))]


class NudityScreener(PreparedScreener):
    """One score per picture: how sure the detector is of what it is surest of."""

    by_stage = False
    _session: Session

    def setup(self, ctx: Context) -> None:
        self._session = ctx.sessions.open(NUDENET_320N, threads=1)  # two threads on one look are slower than one

    def prepare(self, frame: FrameView) -> Sequence[NDArray[np.uint8]]:
        return [prepared(frame)]

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        rgb = np.stack(inputs)[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255
        (found,) = self._session.run({self._session.input_names[0]: np.ascontiguousarray(rgb)})
        return highest(found)
