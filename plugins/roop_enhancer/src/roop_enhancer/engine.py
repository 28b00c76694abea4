"""What makes faces clear: the part that all engines share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from roop_host import Face, Frame
from roop_vision.align import Template


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A face that is to be enhanced, and its frame."""

    frame: Frame
    face: Face


class Engine(Protocol):
    """Loaded once, used for many jobs. ``memory`` is how many frames before a segment it must process to be settled."""

    memory: int

    def start(self) -> None:
        """Forget everything learnt from earlier frames."""
        ...

    def learn(self, asked: Sequence[Asked]) -> None:
        """Take in faces long before those that are processed; what becomes of them is dropped."""
        ...

    def process(self, asked: Sequence[Asked]) -> None:
        """Enhance faces of neighbouring frames, given frame by frame, and in each the smaller first."""
        ...


class Restorer(Protocol):
    """A network that draws a face anew, behind the package that runs it. ``size`` is the side of its crops in pixels."""

    name: str
    size: int
    template: Template

    def restore(self, crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 R, G, B ``(n, size, size, 3)`` in 0..1 of uint8 B, G, R crops of that shape, each made by itself.

        Equal crops give equal results, whatever else is in the batch and however often. Raises ``ModelError`` for what is
        no picture.
        """
        ...
