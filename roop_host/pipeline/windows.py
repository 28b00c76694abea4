"""One stage object and its windows: the right neighbours, fixed batches, a reset at every segment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from roop_host.pipeline.segmenting import Message, Reach, SegmentEnd, SegmentStart
from roop_host.types.frame import Frame, FrameView, Scratch, let_go
from roop_host.types.window import Segment, Window


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """What the host must know to cut windows: of ``ProcessorSpec`` and ``AnalyserSpec``."""

    batch_size: int = 1
    lookbehind: int = 0
    lookahead: int = 0
    warmup: int = 0

    @property
    def reach(self) -> Reach:
        return Reach(max(self.warmup, self.lookbehind), self.lookahead)


class Windows:
    """Feeds the object called ``name``. ``later`` is how far the stages after it reach: so far around a segment it emits."""

    def __init__(
        self,
        spec: WindowSpec,
        later: Reach,
        start: Callable[[Segment], None],
        process: Callable[[Window], None],
        name: str = "",
    ) -> None:
        self._spec, self._later, self._name = spec, later, name
        self._start_object, self._process_object = start, process
        self._scratch = Scratch()
        self._pending: deque[Frame] = deque()
        self._past: deque[FrameView] = deque()
        self._segment = Segment(0, 0, 0)

    def feed(self, message: Message) -> Iterator[Message]:
        """What goes on to the next stage because of ``message``."""
        if isinstance(message, SegmentStart):
            self._segment = message.segment
            self._clear()
            self._start_object(message.segment)
            yield message
        elif isinstance(message, SegmentEnd):
            yield from self._run(ended=True)
            self._clear()
            yield message
        elif isinstance(message, Frame):
            self._pending.append(message)
            yield from self._run(ended=False)

    def _clear(self) -> None:
        let_go(tuple(self._past))
        self._past.clear()
        self._pending.clear()

    def _run(self, *, ended: bool) -> Iterator[Frame]:
        while self._pending:
            first = self._pending[0].index
            if first >= self._segment.end + self._later.after:
                return
            stop = self._batch_end(first)
            have = self._pending[-1].index + 1
            if not ended and have < stop + self._spec.lookahead:
                return
            batch = [self._pending.popleft() for _ in range(min(stop, have) - first)]
            yield from self._process(batch)

    def _batch_end(self, first: int) -> int:
        """Batches never straddle the start of what is emitted, of the segment, or of what follows it."""
        emit_from = self._segment.start - self._later.before
        fences = (emit_from, self._segment.start, self._segment.end, self._segment.end + self._later.after)
        fence = next(fence for fence in fences if fence > first)
        return min(first + self._spec.batch_size, fence)

    def _process(self, batch: list[Frame]) -> Iterator[Frame]:
        for frame in batch:
            frame.enter(self._scratch, self._name)
        warming = batch[0].index < self._segment.start - self._later.before
        ahead = [self._pending[i] for i in range(min(self._spec.lookahead, len(self._pending)))]
        future = tuple(frame.view() for frame in ahead)
        try:
            self._process_object(Window(tuple(self._past), tuple(batch), future, warming))
        finally:
            let_go(future)
        if self._spec.lookbehind:
            self._past.extend(frame.view() for frame in batch)
            while len(self._past) > self._spec.lookbehind:
                let_go((self._past.popleft(),))
        passed = [frame.hand_on() for frame in batch]
        if not warming:
            yield from passed
