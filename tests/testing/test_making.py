"""The kit runs a step over pictures with the windows of a run."""

from __future__ import annotations

import numpy as np

from roop_host import Processor, ProcessorSpec, Segment, Window
from roop_host.testing import clip, run_step


class Notes(Processor):
    """Notes what it is given, and makes every frame as bright as its number."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[int], list[int], list[int], bool]] = []
        self.started: list[Segment] = []

    def start(self, segment: Segment) -> None:
        self.started.append(segment)

    def process(self, window: Window) -> None:
        past, current, future = ([view.index for view in part] for part in (window.past, window.current, window.future))
        self.calls.append((past, current, future, window.warming))
        for frame in window.current:
            frame.put(frame.box, np.full((frame.height, frame.width, 3), frame.index, np.uint8))
            frame.measure("level", frame.index)


def spec(**more: int) -> ProcessorSpec:
    return ProcessorSpec(name="notes", summary="a test", load=lambda: Notes, **more)


def test_all_frames_are_one_segment() -> None:
    step = Notes()
    made = run_step(step, spec(batch_size=2), [one.frame(number) for number, one in enumerate(clip(3))])
    assert step.started == [Segment(0, 0, 3)]
    assert step.calls == [([], [0, 1], [], False), ([], [2], [], False)]
    assert [(frame.index, int(frame.bgr()[0, 0, 0])) for frame in made] == [(0, 0), (1, 1), (2, 2)]
    assert made[2].measures == (("notes", "level", 2.0),)
    assert made[0].changed_by() == {"notes"}


def test_a_segment_is_warmed_up_and_sees_its_neighbours() -> None:
    step = Notes()
    given = [one.frame(number) for number, one in enumerate(clip(8))]
    made = run_step(step, spec(lookbehind=1, lookahead=1, warmup=2), given, segment=Segment(1, 4, 6))
    assert [frame.index for frame in made] == [4, 5]
    assert step.calls == [
        ([], [2], [3], True),
        ([2], [3], [4], True),
        ([3], [4], [5], False),
        ([4], [5], [6], False),
    ]
