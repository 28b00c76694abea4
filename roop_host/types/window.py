"""What a stage sees of the stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roop_host.types.frame import Frame, FrameView


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames ``start <= index < end`` of a run, counted from the trim start. A stage is reset at its beginning.

    ``end`` of the last one may lie beyond the last frame: a stream does not know its length.
    """

    index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Window:
    """``current`` is edited in place; ``past`` (as this stage left them) and ``future`` are handles without ``put``.

    ``past`` ends with the frame just before ``current[0]``; ``future`` begins with the one just after ``current[-1]``.
    Both are shorter at the start and end of the clip. At a segment's start ``past`` is what the warm-up made of it, so what
    mixes it into a frame needs a ``warmup``. ``warming`` says that the results of this call are dropped.
    """

    past: tuple[FrameView, ...]
    current: tuple[Frame, ...]
    future: tuple[FrameView, ...]
    warming: bool = False
