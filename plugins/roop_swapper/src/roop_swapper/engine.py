"""What swaps faces: the part that all engines share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from roop_host import Face, Frame, SourceFace


class Engine(Protocol):
    """Loaded once, used for many jobs."""

    def begin(self, sources: tuple[SourceFace, ...]) -> None:
        """Prepare what depends on the sources. Raises ``NoFaceError`` for one that it can't use."""
        ...

    def start(self) -> None:
        """Forget everything learnt from earlier frames."""
        ...

    def learn(self, frames: Sequence[Frame]) -> None:
        """Take in frames before those that are processed; what becomes of them is dropped."""
        ...

    def process(self, frames: Sequence[Frame]) -> None:
        """Swap the faces of neighbouring frames."""
        ...

    def end(self) -> None:
        """Drop what ``begin`` made."""
        ...


def in_order(frame: Frame) -> Iterator[tuple[Face, int]]:
    """The faces that get a source, with its index. Small ones first: where two overlap, the larger is nearer as a rule."""
    for face in sorted(frame.faces, key=lambda face: face.area):
        if face.source is not None:
            yield face, face.source
