"""One job from its first check to its report: prepare, stream, publish."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from roop_host import gate
from roop_host.errors import (
    Interrupted,
    NoFaceError,
    PluginError,
    RoopError,
    ScreenerFailed,
    ScreeningError,
    UsageError,
)
from roop_host.host import Control, Host, Progress, quietly
from roop_host.media.output import publish, suffix_kind, unwritable
from roop_host.media.probe import probe
from roop_host.media.reader import read_picture
from roop_host.pipeline.run import Unfit
from roop_host.runner.chain import attributed
from roop_host.runner.load import load
from roop_host.runner.state import OnProgress, Run
from roop_host.types.job import Job
from roop_host.types.objects import JobContext, SourceFace, Stage, StageObject
from roop_host.types.report import Report


def run_job(host: Host, job: Job, control: Control, on_progress: OnProgress) -> Report:
    """The report of a finished job; an error leaves with its report attached."""
    run = Run(job, host, control, on_progress)
    try:
        _run(run)
    except Unfit as unfit:
        control.unfit = True
        raise _failed(run, unfit.error) from unfit
    except RoopError as error:
        raise _failed(run, error)  # noqa: B904  (the very error, with its report attached)
    except BaseException as error:
        if not isinstance(error, Exception):
            raise
        raise _failed(run, RoopError(f"an unexpected {type(error).__name__}: {error}; run again with --debug")) from error
    report = _report(run, status="done", exit_code=0, output=job.output)
    host.plugins.notify_finished(job, report)
    return report


def _run(run: Run) -> None:
    job = run.job
    kind = _check_paths(job)
    run.host.plugins.require_healthy()
    load(run)
    run.media = probe(Path(job.target))
    if run.target.kind != kind:
        raise UsageError(
            f"the target {job.target} is a {run.target.kind}, but {job.output} is the name of a {kind}; "
            f"give the output the suffix of a {run.target.kind}"
        )
    run.on_progress(Progress("sources", 0, None, 0.0, 0))
    run.sources = _read_sources(run)
    turned = bool(run.target.rotation % 180)
    width, height = (run.target.height, run.target.width) if turned else (run.target.width, run.target.height)
    context = JobContext(job, run.sources, width, height)
    begun: list[tuple[str, StageObject]] = []
    try:
        for label, item, failure in _objects(run):
            begun.append((label, item))
            attributed(label, item.begin, failure=failure)(context)
        if kind == "picture":
            from roop_host.runner.stills import run_picture

            finished = run_picture(run)
        else:
            from roop_host.runner.stream import run_video

            finished = run_video(run)
        with finished as temporary:
            _check_faces(run)
            run.check_cancel()
            publish(temporary, Path(job.output), job.media.overwrite)
    finally:
        if not run.control.unfit:
            for label, item in reversed(begun):
                quietly(item.end, label)


def _objects(run: Run) -> Iterator[tuple[str, StageObject, type[RoopError]]]:
    """What takes part, with its name for people and the error that a failure of it is."""
    for step in run.steps:
        yield f"processor {step.declared.label}", step.processor, PluginError
    for watcher in (*run.before, *run.after):
        yield f"screener {watcher.label}", watcher.screener, ScreenerFailed
    if run.analyser:
        yield f"analyser {run.analyser[0].label}", run.analyser[1], PluginError


def _check_paths(job: Job) -> Literal["video", "picture"]:
    output, target = Path(job.output), Path(job.target)
    kind = suffix_kind(output)
    if not job.steps:
        raise UsageError("no processor was named; name at least one, for example --processors swapper")
    if _exists(output):
        if any(path.exists() and output.samefile(path) for path in (target, *map(Path, job.sources))):
            raise UsageError(f"the output {output} is also an input; inputs are never changed, so name another output")
        if not job.media.overwrite:
            raise UsageError(f"the output {output} exists already; name another one or add --overwrite")
    return kind


def _exists(output: Path) -> bool:
    try:
        return output.exists()
    except OSError as error:
        raise unwritable(output, error) from error


def _read_sources(run: Run) -> tuple[SourceFace, ...]:
    """Every source picture is screened before anything looks for a face in it; its largest face is taken."""
    needed = any(step.declared.spec.needs_source for step in run.steps)
    if needed and not run.job.sources:
        raise UsageError("a step needs a source face; name a picture of it with --source")
    door = gate.Gate(run.before, run.control.cancelled)
    faces: list[SourceFace] = []
    for name in run.job.sources:
        run.check_cancel()
        info = probe(Path(name))
        if info.kind != "picture":
            raise UsageError(f"the source {name} is a {info.kind}; a source is a picture of a face")
        frame = read_picture(info)
        door.look(frame, Stage.SOURCE, f"the source {name}")
        if run.analyser is None:
            continue
        declared, analyser = run.analyser
        found = attributed(f"analyser {declared.label}", analyser.analyse_picture)(frame)
        if not found:
            raise NoFaceError(f"no face was found in the source {name}; take a picture that shows a face from the front")
        faces.append(SourceFace(name, frame.bgr(), max(found, key=lambda face: face.area)))
    return tuple(faces)


def _check_faces(run: Run) -> None:
    needed = any(step.declared.spec.needs_faces for step in run.steps)
    if needed and run.counts.with_face == 0:
        raise NoFaceError(
            f"no face was found in the target {run.job.target}, so there is nothing to change; nothing was written"
        )


def _failed(run: Run, error: RoopError) -> RoopError:
    status = "failed"
    if isinstance(error, ScreeningError):
        status = "blocked"
    elif isinstance(error, Interrupted):
        status = "interrupted"
    error.report = _report(run, status=status, exit_code=error.exit_code, error=str(error))
    run.host.plugins.notify_finished(run.job, error.report)
    return error


def _report(run: Run, **outcome: Any) -> Report:
    seconds = time.monotonic() - run.begun
    streamed = max((stage.seconds for stage in run.stages), default=0.0)
    used = [step.declared for step in run.steps] + ([run.analyser[0]] if run.analyser else [])
    report = Report(
        frames=run.counts.frames,
        frames_with_face=run.counts.with_face,
        faces_changed=run.counts.faces_changed,
        resumed_frames=run.counts.resumed,
        seconds=round(seconds, 3),
        fps=round((run.counts.frames - run.counts.resumed) / seconds, 2) if streamed else 0.0,
        encoder=run.encoder,
        steps=tuple(step.name for step in run.job.steps),
        plugins=tuple(dict.fromkeys(declared.plugin.describe() for declared in used)),
        models=tuple(run.host.sessions(run.job.execution).loaded) if run.steps else (),
        screening=gate.verdicts([*run.before, *run.after]),
        source_type=run.source_type,
        notices=tuple(run.notices),
        stages=run.stages,
        job=run.job.to_json(),
    )
    return replace(report, **outcome)
