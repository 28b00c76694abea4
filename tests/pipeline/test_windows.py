"""Neighbours, batches and segments: each segment sees the same whether it runs alone or in a row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from roop_host.pipeline.segmenting import Message, Reach, SegmentEnd, SegmentStart, Splitter
from roop_host.pipeline.windows import Windows, WindowSpec
from roop_host.types.frame import Frame
from roop_host.types.planes import rgb_pixels
from roop_host.types.window import Segment, Window


def frames(first: int, stop: int) -> Iterator[Frame]:
    for index in range(first, stop):
        yield Frame(rgb_pixels(np.full((2, 2, 3), index, np.uint8)), index=index, pts=index)


class Watch:
    """Notes what it was given; adds 1 to every pixel it edits."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, tuple[int, ...], tuple[int, ...], tuple[int, ...], bool]] = []
        self.values: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.segment = -1

    def start(self, segment: Segment) -> None:
        self.segment = segment.index

    def process(self, window: Window) -> None:
        def at(group: tuple[object, ...]) -> tuple[int, ...]:
            return tuple(view.index for view in group)  # type: ignore[attr-defined]

        self.calls.append((self.segment, at(window.past), at(window.current), at(window.future), window.warming))
        self.values.append(
            (tuple(int(v.bgr()[0, 0, 0]) for v in window.past), tuple(int(v.bgr()[0, 0, 0]) for v in window.future))
        )
        for frame in window.current:
            frame.put(frame.box, frame.bgr() + np.uint8(100))


def run(specs: list[WindowSpec], total: int, length: int, first: int = 0) -> tuple[list[Watch], list[Frame]]:
    """A chain of Watches over frames, from segment ``first`` on."""
    reach = sum((spec.reach for spec in specs), Reach())
    splitter = Splitter(length, reach, first)
    watches, stages, later = [], [], reach
    for spec in specs:
        later = Reach(later.before - spec.reach.before, later.after - spec.reach.after)
        watch = Watch()
        watches.append(watch)
        stages.append(Windows(spec, later, watch.start, watch.process))

    def push(message: Message, position: int, out: list[Frame]) -> None:
        if position == len(stages):
            if isinstance(message, Frame):
                out.append(message)
            return
        for item in stages[position].feed(message):
            push(item, position + 1, out)

    out: list[Frame] = []
    for frame in frames(splitter.first_frame, total):
        for message in splitter.feed(frame):
            push(message, 0, out)
    for message in splitter.finish():
        push(message, 0, out)
    return watches, out


SPECS = [
    [WindowSpec()],
    [WindowSpec(batch_size=4)],
    [WindowSpec(lookahead=2)],
    [WindowSpec(lookbehind=2)],
    [WindowSpec(warmup=3)],
    [WindowSpec(lookbehind=1, lookahead=2, batch_size=3), WindowSpec(lookahead=1, warmup=2), WindowSpec(lookbehind=2)],
    [WindowSpec(warmup=9, lookahead=9), WindowSpec(batch_size=2)],
]


@pytest.mark.parametrize("specs", SPECS, ids=str)
@pytest.mark.parametrize(("total", "length"), [(1, 4), (4, 4), (11, 4), (12, 4), (7, 100), (23, 5)])
def test_every_frame_comes_out_once_in_order_and_changed_once_per_stage(
    specs: list[WindowSpec], total: int, length: int
) -> None:
    _, out = run(specs, total, length)
    assert [frame.index for frame in out] == list(range(total))
    wanted = [(index + 100 * len(specs)) % 256 for index in range(total)]
    assert [int(frame.bgr()[0, 0, 0]) for frame in out] == wanted


@pytest.mark.parametrize("specs", SPECS, ids=str)
@pytest.mark.parametrize(("total", "length"), [(11, 4), (12, 4), (23, 5)])
def test_a_segment_sees_the_same_alone_as_in_a_row(specs: list[WindowSpec], total: int, length: int) -> None:
    whole, _ = run(specs, total, length)
    for first in range(1, -(-total // length)):
        alone, out = run(specs, total, length, first)
        assert [frame.index for frame in out] == list(range(first * length, total))
        for one, all_ in zip(alone, whole, strict=True):
            later = [pair for pair in zip(all_.calls, all_.values, strict=True) if pair[0][0] >= first]
            assert list(zip(one.calls, one.values, strict=True)) == later


def test_neighbours_at_start_end_and_across_a_cut_between_segments() -> None:
    (watch,), _ = run([WindowSpec(lookbehind=2, lookahead=2)], 7, 4)
    real = {calls[2][0]: calls for calls in watch.calls if not calls[4]}
    assert real[0][1:4] == ((), (0,), (1, 2))
    assert real[1][1:4] == ((0,), (1,), (2, 3))
    assert real[3][1:4] == ((1, 2), (3,), (4, 5))
    assert real[4][1:4] == ((2, 3), (4,), (5, 6))
    assert real[6][1:4] == ((4, 5), (6,), ())


def test_past_is_as_this_stage_left_it_and_future_as_the_stage_before_did() -> None:
    (watch,), _ = run([WindowSpec(lookbehind=1, lookahead=1)], 3, 10)
    assert watch.values[1] == ((100,), (2,))


def test_warm_up_results_are_dropped_and_said_to_be() -> None:
    (watch,), out = run([WindowSpec(warmup=2)], 8, 4)
    assert [calls[2] for calls in watch.calls if calls[4]] == [(2,), (3,)]
    assert [frame.index for frame in out] == list(range(8))


def test_batches_are_cut_at_fixed_indices() -> None:
    (watch,), _ = run([WindowSpec(batch_size=3)], 10, 5)
    assert [calls[2] for calls in watch.calls] == [(0, 1, 2), (3, 4), (5, 6, 7), (8, 9)]


def test_segments_are_marked() -> None:
    splitter = Splitter(3, Reach(1, 1))
    messages = [m for frame in frames(0, 5) for m in splitter.feed(frame)] + list(splitter.finish())
    shown = [
        f"<{m.segment.index}"
        if isinstance(m, SegmentStart)
        else f"{m.segment.index}>"
        if isinstance(m, SegmentEnd)
        else m.index
        for m in messages
    ]
    assert shown == ["<0", 0, 1, 2, 3, "0>", "<1", 2, 3, 4, "1>"]


@pytest.mark.parametrize("count", [6, 9, 30])
def test_only_one_segment_is_given_with_what_it_needs(count: int) -> None:
    splitter = Splitter(1, Reach(2, 1), 5, only=True)
    told: list[object] = [message for frame in frames(3, count) for message in splitter.feed(frame)]
    told += splitter.finish()
    assert [one.index for one in told if isinstance(one, Frame)] == [3, 4, 5, *([6] if count > 6 else [])]
    assert [one.segment.index for one in told if isinstance(one, SegmentStart)] == [5]
    assert [one.segment.index for one in told if isinstance(one, SegmentEnd)] == [5]


def test_what_a_step_does_is_noted_under_its_name() -> None:
    """Of neighbours too: the past as this step left it, the future as the step before did."""
    seen: list[tuple[set[str], ...]] = []

    def edit(window: Window) -> None:
        around = [sorted(view.changed_by(1)) for view in (*window.past, *window.current, *window.future)]
        seen.append(tuple(map(set, around)))
        for frame in window.current:
            frame.put(frame.box, frame.bgr(), face_id=1)
            frame.measure("seen", frame.index)

    first = Windows(WindowSpec(), Reach(1, 1), lambda segment: None, edit, "first")
    second = Windows(WindowSpec(lookbehind=1, lookahead=1), Reach(), lambda segment: None, edit, "second")
    splitter = Splitter(10, Reach(1, 1))
    messages = [m for frame in frames(0, 3) for m in splitter.feed(frame)] + list(splitter.finish())
    out = [one for message in messages for passed in first.feed(message) for one in second.feed(passed)]
    made = [one for one in out if isinstance(one, Frame)]
    assert [sorted(frame.changed_by(1)) for frame in made] == [["first", "second"]] * 3
    assert made[2].measures == (("first", "seen", 2.0), ("second", "seen", 2.0))
    assert ({"first", "second"}, {"first"}, {"first"}) in seen
