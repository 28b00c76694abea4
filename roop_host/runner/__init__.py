"""One job from its first check to its report: prepare, stream, publish."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from roop_host import gate
from roop_host.errors import ContentBlocked, Interrupted, PluginError, RoopError, ScreeningError, UsageError, told
from roop_host.host import Control, Host, Progress
from roop_host.media.kinds import media_type
from roop_host.media.publish import publish
from roop_host.pipeline.calls import CallThread, Unfit, too_late
from roop_host.runner.added import with_added
from roop_host.runner.audit import Audit
from roop_host.runner.casting import settle_faces
from roop_host.runner.choosing import needed_models, settle, uses_models
from roop_host.runner.codes import left_codes
from roop_host.runner.files import Files, check_files, job_files, left_beside
from roop_host.runner.forms import form_of
from roop_host.runner.idle import hard_on_faces, idle_options
from roop_host.runner.inherited import inherited
from roop_host.runner.inputs import note_inputs
from roop_host.runner.kept import remove_stale
from roop_host.runner.ledger import enter, entries_of
from roop_host.runner.load import load
from roop_host.runner.made import Made
from roop_host.runner.places import check_places
from roop_host.runner.pulling import pull_missing
from roop_host.runner.references import frame_of_target, read_people, told_people
from roop_host.runner.resolve import Names, resolve_names
from roop_host.runner.source_faces import Album, look_at_pictures, read_sources
from roop_host.runner.state import OnProgress, Run
from roop_host.runner.strangers import Strangers
from roop_host.runner.targets import look_at_target
from roop_host.runner.uploads import upload_all
from roop_host.types.job import Job, check
from roop_host.types.job_context import JobContext
from roop_host.types.report import Report

#: What is called when a job has ended, and whose it is.
Ends = list[tuple[Callable[[], None], str]]


def run_job(host: Host, job: Job, control: Control, on_progress: OnProgress) -> Report:
    """The report of a finished job; an error leaves with its report attached."""
    try:
        check(job)
    except UsageError as error:  # of such a job nothing more can be told
        error.report = Report(exit_code=error.exit_code, error=str(error))
        raise
    run = Run(job, host, control, on_progress)
    with failing(run, _tell_observers):
        audit = Audit(run)

    def tell_failed(run: Run, report: Report) -> None:
        audit.note_failed(run, report)
        _tell_observers(run, report)

    with failing(run, tell_failed):
        audit.read_inputs()
        _run(run)
        report = report_of(run, status="done", exit_code=0)
        audit.note(report)
    _tell_observers(run, report)
    return report


@contextmanager
def failing(run: Run, tell: Callable[[Run, Report], None] = lambda run, report: None) -> Iterator[None]:
    """Whatever fails leaves as a ``RoopError`` with its report, which is told before."""
    try:
        yield
    except Unfit as unfit:
        raise _failed(run, unfit.error, tell) from unfit
    except RoopError as error:
        raise _failed(run, error, tell)  # noqa: B904  (the very error, with its report attached)
    except BaseException as error:
        if not isinstance(error, Exception):
            raise
        raise _failed(run, RoopError(f"an unexpected {told(error)}; run again with --debug"), tell) from error


def _run(run: Run) -> None:
    with ready(run, _names, _settle_output):
        assert run.strangers is not None
        strangers = run.strangers
        with _produce(run) as files:
            run.check_cancel()
            strangers.settle(files)
            left = left_beside(files)
            run.made = Made.read(files, run.check_cancel)
            publish(files, run.job.media.overwrite)
            run.beside, run.published = tuple(final for _, final in files[:-1]), True
            remove_stale(run)
            entries = entries_of(run)
            unknown = enter(entries.values())
            run.notices += filter(None, [left, unknown])
        upload_all(run, entries, known=not unknown)
    _look_again(run)


def _look_again(run: Run) -> None:
    """What stands there now that plugins have ended: success is said of nothing but what the host has made."""
    if run.strangers is not None:
        run.notices += filter(None, [run.strangers.told_beside()])
    run.require_made()
    if run.published and run.made is not None:
        run.notices += filter(None, [left_codes(run.made.under(Path(run.job.output)), run.beside)])


def _names(run: Run) -> Names:
    run.job = with_added(run.job, run.host.plugins)
    names = resolve_names(run.job, run.host.plugins)
    run.job = settle_faces(run.job, names)
    check_files(run.job, names)
    run.strangers = Strangers(path for _, path in job_files(run.job, names))
    return names


@contextmanager
def ready(run: Run, names_of: Callable[[Run], Names], settle_output: Callable[[Run, Names], None]) -> Iterator[None]:
    """All that takes part is set up, the sources are read, everybody knows that the job begins; afterwards it has ended."""
    host = run.host
    with ending(run) as ends:
        host.plugins.require_healthy()
        names = names_of(run)
        job = run.job
        if names.source is None:  # bad input is told before models are pulled for it, maybe for minutes
            run.media = look_at_target(run)
            run.inherited = inherited(run.media)
        settle_output(run, names)
        note_inputs(run)
        pictures = look_at_pictures(job, names)
        shown = frame_of_target(run) if run.media is not None else None
        if uses_models(run, names):
            host.sessions(job.execution).require()  # before anybody is asked for a download that could not be used
        names = settle(run, names)
        job = run.job
        pull_missing(run, needed_models(run, names))
        load(run, names)
        if run.source is not None:
            ends.append((run.source.item.close, run.source.label))
            run.media = look_at_target(run)
        run.on_progress(Progress("sources", 0, None, 0.0, 0))
        album = Album(run, pictures)
        run.sources = read_sources(run, album)
        run.people = read_people(run, album, shown)
        begin(run, JobContext(job, run.sources, *run.size, run.pictures, media_type(Path(job.output))), ends)
        yield


@contextmanager
def ending(run: Run) -> Iterator[Ends]:
    """A list of what is called at the end, the last first; not where a call hangs."""
    ends: Ends = []
    try:
        yield ends
    except Unfit:
        run.host.give_up()
        raise
    finally:
        for call, label in reversed(ends):
            run.host.at_end(call, label, run.job.execution.timeout_s)


def begin(run: Run, context: JobContext, ends: Ends) -> None:
    """Tell everybody that the job begins; ``ends`` is told that it has ended."""
    for part in run.parts:
        run.check_cancel()
        ends.append((part.item.end, part.label))
        run.call(part, part.item.begin, context)
    run.set_up = time.monotonic()


def _settle_output(run: Run, names: Names) -> None:
    """What form the output takes, and that it can be written where it is to be."""
    job, target = run.job, run.media
    written = names.writer is not None
    run.form = form_of(job, target, written=written)
    check_places(job, names, run.form, target.items if target is not None and target.kind == "folder" else ())
    run.notices += idle_options(job, run.form, target, written=written)
    if target is not None and names.analyser is not None:
        run.notices += hard_on_faces(target)


def _produce(run: Run) -> AbstractContextManager[Files]:
    """The finished files under temporary names, which are gone afterwards."""
    from roop_host.runner.stills import run_stills
    from roop_host.runner.stream import run_stream
    from roop_host.runner.written import run_writer

    if run.writer is not None:
        return run_writer(run, run.writer)
    return run_stream(run) if run.form in ("video", "animation") else run_stills(run)


def _failed(run: Run, error: RoopError, tell: Callable[[Run, Report], None]) -> RoopError:
    status = "failed"
    if isinstance(error, ScreeningError):
        status = "blocked"
    elif isinstance(error, Interrupted):
        status = "interrupted"
    if run.strangers is not None and not run.published and (strange := run.strangers.told()):
        error.args = (f"{error}; {strange}",)
    if run.published or run.existing:
        try:
            _look_again(run)
        except PluginError as also:
            error.args = (f"{error}; {also}",)
    refusal = error.refusal if isinstance(error, ContentBlocked) else None
    error.report = report_of(run, status=status, exit_code=error.exit_code, error=str(error), refusal=refusal)
    tell(run, error.report)
    return error


def _tell_observers(run: Run, report: Report) -> None:
    """From a thread of their own: the one for calls may hang by now."""
    plugins = run.host.plugins
    if not plugins.observers:
        return
    calls, tell = CallThread(), partial(plugins.notify_finished, run.job, report)
    late = partial(too_late, "observers of finished jobs", PluginError)
    try:
        calls.call(tell, limit_s=run.job.execution.timeout_s, late=late, cancel=run.control.cancelled)
    except Unfit:
        run.host.give_up()
        names = ", ".join(plugins.observers)
        logging.getLogger("roop").warning("an observer of finished jobs hangs (plugins: %s); the job itself is over", names)
    finally:
        calls.close(wait=False)


def report_of(run: Run, **outcome: Any) -> Report:
    """What the run did so far, with ``outcome`` as it is said."""
    seconds = time.monotonic() - run.begun
    screening = gate.verdicts([*run.before, *run.after])
    streamed = max((stage.seconds for stage in run.stages), default=0.0)
    report = Report(
        output=run.job.output if run.published else None,
        beside=tuple(map(str, run.beside)),
        uploads=tuple(run.uploads),
        failed_uploads=tuple(run.failed_uploads),
        frames=run.counts.frames,
        frames_held=run.counts.held,
        frames_dropped=run.counts.dropped,
        frames_with_face=run.counts.with_face,
        frames_matched=run.counts.matched,
        faces_changed=run.counts.faces_changed,
        resumed_frames=run.counts.resumed,
        people=told_people(run),
        measures=run.counts.measures,
        seconds=round(seconds, 3),
        loading_seconds=round(seconds if run.set_up is None else run.set_up - run.begun, 3),
        fps=round((run.counts.frames - run.counts.resumed) / seconds, 2) if streamed else 0.0,
        encoder=run.encoder,
        steps=tuple(step.name for step in run.job.steps),
        plugins=run.plugins,
        models=run.models,
        screening=screening,
        source_type=None if run.only_looks else run.source_type,
        finished=tuple(run.finished),
        notices=tuple(dict.fromkeys((*run.notices, *run.about_models, *gate.told_adaptive(screening)))),
        stages=run.stages,
        job={**run.job.to_json(), **({"output": None} if run.only_looks and not run.published else {})},
    )
    return replace(report, **outcome)
