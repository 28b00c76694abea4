"""The stages every job runs through: screen, cut, analyse, steps, screen. Video and stills add a source and a sink."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from roop_host import gate
from roop_host.errors import PluginError, RoopError, ScreenerFailed
from roop_host.host import Progress
from roop_host.media.info import MediaInfo
from roop_host.media.pictures.palette import cut_alpha
from roop_host.pipeline.calls import too_late
from roop_host.pipeline.run import PipelineRun, StageSpec
from roop_host.pipeline.segmenting import LeftOut, Message, Reach, SegmentEnd, SegmentStart, Splitter
from roop_host.pipeline.windows import Windows, WindowSpec
from roop_host.runner import unmatched
from roop_host.runner.selection import Selector
from roop_host.runner.state import Part, Run
from roop_host.types.faces import Face
from roop_host.types.frame import Frame, let_go
from roop_host.types.objects import Analyser, Processor, Stage
from roop_host.types.report import StageTime
from roop_host.types.specs import AnalyserSpec, ProcessorSpec
from roop_host.types.window import Segment, Window


@dataclass(frozen=True, slots=True)
class Chain:
    """The middle of a run, built once per job."""

    stages: list[StageSpec]
    splitter: Splitter


def reach_of(run: Run) -> Reach:
    """How far around a segment the whole chain must see."""
    total = Reach()
    for spec in _specs(run):
        total += window_spec(spec).reach
    return total


def selector_of(run: Run, *, again: int | None = None) -> Selector:
    """The job's choice among faces; ``again`` is as there, None as in a stream of segments."""
    again = reach_of(run).before if again is None else again
    return Selector(run.job.faces, 0 if run.sources else None, run.people, again=again)


def window_spec(spec: ProcessorSpec | AnalyserSpec) -> WindowSpec:
    """The part of a declaration that cuts windows."""
    return WindowSpec(spec.batch_size, spec.lookbehind, spec.lookahead, spec.warmup)


def build(
    run: Run, first_segment: int, *, still: MediaInfo | None = None, only: bool = False, output: Path | None = None
) -> Chain:
    """All stages but decoding and the sink. The frame of a ``still`` is a segment without neighbours.

    ``output`` is the file that is made where that is not the job's own.

    ``only`` the first segment may be wanted, ``first_segment`` being the number of a frame then: a segment of its own, which
    stays as it is where it shows nobody who is asked for.
    """
    alone = still is not None
    length = 1 if alone or only else run.job.media.segment_frames
    splitter = Splitter(length, Reach() if alone else reach_of(run), first_segment, only=only)
    stages = [_screen_target(run, splitter, 0 if alone or only else first_segment * length, still)]
    later = reach_of(run)
    if run.analyser is not None:
        eyes = _Eyes(run, run.analyser, first_segment, alone=alone)
        later = _minus(later, window_spec(run.analyser.declared.spec).reach)
        stages.append(_windowed(run, "analyse", run.analyser, later, eyes.start, eyes.process))
    for step in run.steps:
        later = _minus(later, window_spec(step.declared.spec).reach)
        stages.append(_windowed(run, step.name, step, later, step.attributed(step.item.start), _process(step)))
    stages += [*([] if only else unmatched.stages(run)), _screen_output(run, still, output or Path(run.job.output))]
    return Chain(stages, splitter)


def execute(run: Run, source: Callable[[], Iterable[Frame]], stages: Sequence[StageSpec]) -> None:
    """Run it; progress is shown and stage times are kept whatever happens."""
    begun, resumed = time.monotonic(), run.counts.seen
    phase = "pictures" if run.form in ("pictures", "pages") else "frames"

    def tick() -> None:
        done = run.counts.seen
        fps = (done - resumed) / max(1e-6, time.monotonic() - begun)
        run.on_progress(Progress(phase, done, run.target.frames, fps, run.counts.faces_changed))

    execution = run.job.execution
    with run.host.hurrying(run.control) as hurry:
        pipeline = PipelineRun(
            source,
            list(stages),
            cancel=run.control.cancelled,
            timeout_s=execution.timeout_s,
            queue_bytes=execution.queue_bytes,
            tick=tick,
            source_late=run.source.late if run.source is not None else None,
            on_failure=hurry,
        )
        try:
            pipeline.run()
        finally:
            run.stages = _added(run.stages, [clock.report() for clock in pipeline.clocks])
            tick()


def _added(before: Sequence[StageTime], now: Sequence[StageTime]) -> tuple[StageTime, ...]:
    """Stage times of a job whose chain ran several times."""
    if not before:
        return tuple(now)
    return tuple(StageTime(b.name, b.seconds + a.seconds, b.frames + a.frames) for a, b in zip(before, now, strict=True))


def count(run: Run, frame: Frame | LeftOut) -> None:
    """Note a finished frame, or one that is left out."""
    counts = run.counts
    counts.with_face += bool(frame.faces)
    counts.most_faces = max(counts.most_faces, len(frame.faces))
    counts.matched += unmatched.is_match(run, frame)
    if isinstance(frame, LeftOut):
        counts.dropped += 1
        return
    counts.frames += 1
    counts.held += unmatched.is_held(run, frame)
    counts.faces_changed += len(frame.edited)
    for step in frame.changed_by():
        counts.changed[step] = counts.changed.get(step, 0) + 1
    counts.note(frame.faces, frame.edited)
    counts.measure(frame.measures)


class _Eyes:
    """The analyser as a stage: finds faces once per frame and lets the job choose among them.

    The choice goes on from segment to segment by way of what would be stored of it, so a run that is continued with that
    goes on just so. Frames behind a segment are chosen in too, for its last ones, and chosen in again in the next.
    """

    def __init__(self, run: Run, analyser: Part[Analyser], first_segment: int, *, alone: bool) -> None:
        self._run, self._analyser, self._alone = run, analyser, alone
        self._again = 0 if alone else reach_of(run).before
        self._selector = selector_of(run, again=self._again)
        self._before = None if run.selections is None else run.selections.pop(first_segment - 1, None)
        self._segment = Segment(0, 0, 0)

    def start(self, segment: Segment) -> None:
        self._segment = segment
        self._selector.start(self._before)
        self._analyser.attributed(self._analyser.item.start)(segment)

    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.faces = self._selector.choose(frame.index, self._found(frame))
            if self._segment.start <= frame.index < self._segment.end:
                unmatched.require_match(self._run, frame)
            if frame.index == self._segment.end - 1 and self._again:
                self._before = self._selector.snapshot()
                if self._run.selections is not None:
                    self._run.selections[self._segment.index] = self._before

    def _found(self, frame: Frame) -> Sequence[Face]:
        """All faces; of a picture that stands alone as ``roop faces`` finds them, so that positions are the same."""
        eyes = self._analyser.item
        look = eyes.analyse_picture if self._alone else eyes.analyse
        view = frame.view()
        try:
            found = self._analyser.attributed(look, at((frame,)))(view)
        finally:
            let_go((view,))
        return [replace(face, id=place) for place, face in enumerate(found)] if self._alone else found


def _specs(run: Run) -> Iterator[ProcessorSpec | AnalyserSpec]:
    if run.analyser is not None:
        yield run.analyser.declared.spec
    for step in run.steps:
        yield step.declared.spec


def _minus(total: Reach, part: Reach) -> Reach:
    return Reach(total.before - part.before, total.after - part.after)


def _windowed(
    run: Run,
    name: str,
    part: Part[Analyser] | Part[Processor],
    later: Reach,
    start: Callable[[Segment], None],
    process: Callable[[Window], None],
) -> StageSpec:
    spec = window_spec(part.declared.spec)
    windows = Windows(spec, later, start, process, part.name)
    least = spec.lookbehind + spec.batch_size + spec.lookahead + 2
    return StageSpec(name, windows.feed, late=part.late, least=least, pulses=run.host.pulses_of((part.item,)))


def _process(step: Part[Processor]) -> Callable[[Window], None]:
    def process(window: Window) -> None:
        before = [_of_the_host(frame) for frame in window.current]
        step.attributed(step.item.process, at(window.current))(window)
        for frame, was in zip(window.current, before, strict=True):
            if _of_the_host(frame) != was:
                raise PluginError(
                    f"the {step.label} changed number, time or turn of frame {was[0]}, which are the host's; report it to "
                    "its authors or leave it out"
                )
            # A number of somebody's own class may say that it equals another.
            frame.index, frame.pts, frame.time_base, frame.duration, frame.rotation = was

    return process


def _of_the_host(frame: Frame) -> tuple[int, int, Fraction, int, int]:
    """What a step may not change of a frame: screeners and encoders go by it. What planes mean nobody can exchange."""
    return (frame.index, frame.pts, frame.time_base, frame.duration, frame.rotation)


def _screen_target(run: Run, splitter: Splitter, start: int, still: MediaInfo | None) -> StageSpec:
    """Frames before ``start`` were counted by an earlier run, and are there for the steps that look back."""
    door = _door(run, run.before)
    length = run.job.media.segment_frames

    def feed(message: Message) -> Iterator[Message]:
        if isinstance(message, Frame):
            segment, place = divmod(message.index, length)
            if place == 0:
                door.forget()
            what = _place(Stage.TARGET, message, still)
            door.look(message, Stage.TARGET, what, again=message.index < start, placed=is_placed(run))
            if run.looked is not None and place == length - 1 and message.index >= start:
                run.looked[segment] = tuple(watcher.standing() for watcher in run.before)
            yield from splitter.feed(message)

    return watched(run, "screen target", feed, run.before, splitter.finish)


def _door(run: Run, watchers: tuple[gate.Watcher, ...]) -> gate.Gate:
    moving = "animation" in (run.target.kind, run.form)
    return gate.Gate(watchers, run.control.cancelled, fields=run.target.field_order is not None, animation=moving)


def _screen_output(run: Run, still: MediaInfo | None, output: Path) -> StageSpec:
    cut = output.suffix.lower() == ".gif"
    door = _door(run, run.after)

    def feed(message: Message) -> Iterator[Message]:
        if isinstance(message, SegmentStart):
            door.forget()
        elif isinstance(message, Frame):
            message = message.sealed()
            if cut:  # before the look: between a pixel that hides and one that shows may lie one step of alpha
                cut_alpha(message.pixels)
            door.look(message, Stage.OUTPUT, _place(Stage.OUTPUT, message, still), placed=is_placed(run))
        elif isinstance(message, SegmentEnd) and run.looked is not None:
            # Of a short last segment all frames of the target are through by now.
            before = run.looked.get(message.segment.index, run.before)
            run.looked[message.segment.index] = tuple(watcher.standing() for watcher in (*before, *run.after))
        yield message

    return watched(run, "screen output", feed, run.after)


def watched(
    run: Run,
    label: str,
    feed: Callable[[Message], Iterable[Message]],
    watchers: tuple[gate.Watcher, ...],
    close: Callable[[], Iterable[Message]] = tuple,
) -> StageSpec:
    """A stage that asks screeners, all in one call."""
    pulses = run.host.pulses_of(watcher.screener for watcher in watchers)
    return StageSpec(label, feed, close, partial(late_screener, watchers), pulses=pulses)


def still_name(still: MediaInfo) -> str:
    """A picture that stands alone, for people."""
    return f"the picture {still.path}" if still.pages == 1 else f"page {still.page + 1} of {still.path}"


def is_placed(run: Run) -> bool:
    """Whether numbers of frames say which is meant: pictures of a folder have names, and some may be left out."""
    return run.target.kind != "folder" or run.target.streams


def _place(stage: Stage, frame: Frame, still: MediaInfo | None) -> str:
    if still is None:
        return f"{stage.value} frame {frame.index} at {float(frame.time):.2f} s"
    return still_name(still) if stage is Stage.TARGET else f"what was made of {still_name(still)}"


def late_screener(watchers: tuple[gate.Watcher, ...], seconds: float) -> RoopError:
    """The error for a look that takes too long: all screeners look in one call."""
    return too_late(f"screener {', '.join(watcher.label for watcher in watchers)}", ScreenerFailed, seconds)


def at(frames: Sequence[Frame]) -> str:
    """Where a call failed, for people: " at frame 5", " at frames 96-103"."""
    first, last = frames[0].index, frames[-1].index
    return f" at frame {first}" if first == last else f" at frames {first}-{last}"
