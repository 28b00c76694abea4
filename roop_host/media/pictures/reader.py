"""What the readers of pictures that follow one another share: nothing stays open between two of them."""

from __future__ import annotations

from fractions import Fraction
from types import TracebackType
from typing import Self

from roop_host.media.info import MediaInfo


class PictureReader:
    """``origin`` is the moment of the source that is 0 in the output, known after the first frame; ``steady`` is as in
    ``SegmentPackets``; ``end_s`` is where the last used frame ends in the source, known at the end.
    """

    def __init__(self, info: MediaInfo) -> None:
        self._info = info
        self.origin = Fraction(0)
        self.end_s = Fraction(0)
        self.steady = True
        self.notices: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing stays open."""
