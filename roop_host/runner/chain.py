"""The stages every job runs through: screen, cut, analyse, steps, screen. Video and stills add a source and a sink."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from roop_host import gate
from roop_host.errors import NoFaceError, PluginError, RoopError, ScreenerFailed, from_outside
from roop_host.host import Progress
from roop_host.pipeline.run import PipelineRun, StageSpec
from roop_host.pipeline.segmenting import Message, Reach, Splitter
from roop_host.pipeline.windows import Windows, WindowSpec
from roop_host.runner.selection import Selector
from roop_host.runner.state import Run
from roop_host.types.frame import Frame, let_go
from roop_host.types.objects import Analyser, Stage
from roop_host.types.specs import AnalyserSpec, ProcessorSpec
from roop_host.types.window import Segment, Window

P = ParamSpec("P")
R = TypeVar("R")


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


def window_spec(spec: ProcessorSpec | AnalyserSpec) -> WindowSpec:
    """The part of a declaration that cuts windows."""
    return WindowSpec(spec.batch_size, spec.lookbehind, spec.lookahead, spec.warmup)


def build(run: Run, first_segment: int) -> Chain:
    """All stages but decoding and the sink."""
    splitter = Splitter(run.job.media.segment_frames, reach_of(run), first_segment)
    stages = [_screen_target(run, splitter)]
    later = reach_of(run)
    if run.analyser is not None:
        declared, analyser = run.analyser
        eyes = _Eyes(run, declared.label, analyser)
        later = _minus(later, window_spec(declared.spec).reach)
        stages.append(_windowed("analyse", declared.label, window_spec(declared.spec), later, eyes.start, eyes.process))
    for step in run.steps:
        spec, label = step.declared.spec, step.declared.label
        later = _minus(later, window_spec(spec).reach)
        start = attributed(f"processor {label}", step.processor.start)
        process = _attributed_window(f"processor {label}", step.processor.process)
        stages.append(_windowed(spec.name, label, window_spec(spec), later, start, process))
    stages.append(_screen_output(run))
    return Chain(stages, splitter)


def execute(run: Run, chain: Chain, source: Callable[[], Iterable[Frame]], sink: StageSpec) -> None:
    """Run it; progress is shown and stage times are kept whatever happens."""
    begun, resumed = time.monotonic(), run.counts.frames

    def tick() -> None:
        done = run.counts.frames
        fps = (done - resumed) / max(1e-6, time.monotonic() - begun)
        run.on_progress(Progress("frames", done, run.target.frames, fps, run.counts.faces_changed))

    execution = run.job.execution
    pipeline = PipelineRun(
        source,
        [*chain.stages, sink],
        cancel=run.control.cancelled,
        timeout_s=execution.timeout_s,
        queue_bytes=execution.queue_bytes,
        tick=tick,
    )
    try:
        pipeline.run()
    finally:
        run.stages = tuple(clock.report() for clock in pipeline.clocks)
        tick()


def count(run: Run, frame: Frame) -> None:
    """Note a finished frame."""
    run.counts.frames += 1
    run.counts.with_face += bool(frame.faces)
    run.counts.faces_changed += len(frame.edited)


class _Eyes:
    """The analyser as a stage: finds faces once per frame and lets the job choose among them."""

    def __init__(self, run: Run, label: str, analyser: Analyser) -> None:
        self._run, self._label, self._analyser = run, label, analyser
        self._selector = Selector(run.job.faces, 0 if run.sources else None)

    def start(self, segment: Segment) -> None:
        self._selector.start()
        attributed(f"analyser {self._label}", self._analyser.start)(segment)

    def process(self, window: Window) -> None:
        for frame in window.current:
            view = frame.view()
            try:
                found = attributed(f"analyser {self._label}", self._analyser.analyse, frame.index)(view)
            finally:
                let_go((view,))
            if not found and self._run.job.on_no_face == "fail" and not window.warming:
                raise NoFaceError(
                    f"frame {frame.index} at {float(frame.time):.2f} s shows no face; "
                    "with --on-no-face keep such frames stay as they are"
                )
            frame.faces = self._selector.choose(found)


def _specs(run: Run) -> Iterator[ProcessorSpec | AnalyserSpec]:
    if run.analyser is not None:
        yield run.analyser[0].spec
    for step in run.steps:
        yield step.declared.spec


def _minus(total: Reach, part: Reach) -> Reach:
    return Reach(total.before - part.before, total.after - part.after)


def _windowed(
    name: str,
    label: str,
    spec: WindowSpec,
    later: Reach,
    start: Callable[[Segment], None],
    process: Callable[[Window], None],
) -> StageSpec:
    windows = Windows(spec, later, start, process)
    least = spec.lookbehind + spec.batch_size + spec.lookahead + 2
    return StageSpec(name, windows.feed, late=partial(_late, f"{name} step ({label})"), least=least)


def _screen_target(run: Run, splitter: Splitter) -> StageSpec:
    door = gate.Gate(run.before, run.control.cancelled)

    def feed(message: Message) -> Iterator[Message]:
        if isinstance(message, Frame):
            door.look(message, Stage.TARGET, _place("target", message))
            yield from splitter.feed(message)

    return StageSpec("screen target", feed, splitter.finish, partial(_late_screener, run.before))


def _screen_output(run: Run) -> StageSpec:
    door = gate.Gate(run.after, run.control.cancelled)

    def feed(message: Message) -> Iterator[Message]:
        if isinstance(message, Frame):
            door.look(message, Stage.OUTPUT, _place("output", message))
        yield message

    return StageSpec("screen output", feed, late=partial(_late_screener, run.after))


def _place(stage: str, frame: Frame) -> str:
    return f"{stage} frame {frame.index} at {float(frame.time):.2f} s"


def _late(what: str, seconds: float) -> RoopError:
    return PluginError(
        f"the {what} did not come back within {seconds:g} s and was given up; try a larger --timeout or leave it out"
    )


def _late_screener(watchers: tuple[gate.Watcher, ...], seconds: float) -> RoopError:
    names = ", ".join(watcher.label for watcher in watchers)
    return ScreenerFailed(f"no answer from the screener ({names}) within {seconds:g} s; nothing is produced without one")


def attributed(
    label: str, call: Callable[P, R], frame: int | None = None, failure: type[RoopError] = PluginError
) -> Callable[P, R]:
    """``call``, whose unforeseen errors are shown as the plugin's."""

    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except RoopError:
            raise
        except BaseException as error:
            if from_outside(error):
                raise
            place = "" if frame is None else f" at frame {frame}"
            raise failure(
                f"the {label} failed{place} ({type(error).__name__}: {error}); report it to its authors or leave it out"
            ) from error

    return wrapped


def _attributed_window(label: str, process: Callable[[Window], None]) -> Callable[[Window], None]:
    def wrapped(window: Window) -> None:
        attributed(label, process, window.current[0].index)(window)

    return wrapped
