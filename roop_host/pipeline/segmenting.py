"""Cutting a stream of frames into segments that can be run one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from roop_host.types.faces import Face
from roop_host.types.frame import Frame
from roop_host.types.window import Segment


@dataclass(frozen=True, slots=True)
class Reach:
    """How many frames before and after those it emits a stage, or a chain of them, must see."""

    before: int = 0
    after: int = 0

    def __add__(self, other: Reach) -> Reach:
        return Reach(self.before + other.before, self.after + other.after)


@dataclass(frozen=True, slots=True)
class SegmentStart:
    """The frames that follow belong to ``segment`` or are its neighbours."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class SegmentEnd:
    """No more frames of ``segment`` follow."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class LeftOut:
    """In place of a frame of the segment that is not shown: the one before it stands for its time. No step sees it."""

    index: int
    pts: int
    duration: int
    faces: tuple[Face, ...]


Message = SegmentStart | Frame | LeftOut | SegmentEnd


class Splitter:
    """Gives each segment with the ``reach`` of the chain around it, from segment ``first`` on.

    Neighbouring segments need the same frames, so those are forked: an unbroken run then feeds each segment exactly what a
    run of that segment alone would be fed. The frames must begin with ``first_frame``. ``only`` the first segment may be
    wanted.
    """

    def __init__(self, length: int, reach: Reach, first: int = 0, *, only: bool = False) -> None:
        self._length, self._reach, self._only = length, reach, only
        self._segment = Segment(first, first * length, (first + 1) * length)
        self._next = max(0, self._segment.start - reach.before)
        self._first_frame = self._next
        self._kept: deque[Frame] = deque()
        self._begun = self._over = False
        self._seen = self._next
        self._total: int | None = None

    @property
    def first_frame(self) -> int:
        """Index of the first frame to feed."""
        return self._first_frame

    def feed(self, frame: Frame) -> Iterator[Message]:
        """What the next decoded frame makes ready."""
        self._kept.append(frame)
        self._seen = frame.index + 1
        yield from self._advance()

    def finish(self) -> Iterator[Message]:
        """What is left when no frame follows."""
        self._total = self._seen
        yield from self._advance()

    def _advance(self) -> Iterator[Message]:
        while not self._over:
            stop = self._segment.end + self._reach.after
            if self._total is not None:
                stop = min(stop, self._total)
            if self._next < stop:
                if self._seen <= max(self._next, self._segment.start):
                    return
                if not self._begun:
                    self._begun = True
                    yield SegmentStart(self._segment)
                yield self._take()
                continue
            if self._begun:
                yield SegmentEnd(self._segment)
            self._over = self._only
            if self._over or (self._total is not None and self._segment.end >= self._total):
                return
            self._to_next_segment()

    def _take(self) -> Frame:
        frame = self._kept[self._next - self._kept[0].index]
        self._next += 1
        needed_again = frame.index >= self._segment.end - self._reach.before
        if needed_again:
            return frame.fork()
        while self._kept and self._kept[0].index <= frame.index:
            self._kept.popleft()
        return frame

    def _to_next_segment(self) -> None:
        index = self._segment.index + 1
        self._segment = Segment(index, index * self._length, (index + 1) * self._length)
        self._next = max(0, self._segment.start - self._reach.before)
        self._begun = False
