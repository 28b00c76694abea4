"""Running a job from a terminal: signals, progress, the report, exit codes."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from roop_host.cli.codes import tell_code
from roop_host.cli.log import log_to_stderr
from roop_host.cli.reminder import remind
from roop_host.cli.signals import Signals
from roop_host.cli.streams import flush, printing
from roop_host.cli.telling import tell_beside, tell_error, tell_failures, tell_people, tell_uploads
from roop_host.errors import Interrupted, RoopError, UploadError, told

if TYPE_CHECKING:
    from roop_host.host import Control, Host, OnProgress, Progress
    from roop_host.plugins.found import Plugins
    from roop_host.types.job import Job
    from roop_host.types.models import ModelSpec
    from roop_host.types.report import Report

_Done = TypeVar("_Done")


def execute(
    make_job: Callable[[], Job],
    plugins: Plugins,
    show: Mapping[str, Any],
    may_fetch: Callable[[Sequence[ModelSpec]], None] = lambda models: None,
) -> int:
    """Run the job and tell how it went; the exit code. ``show`` holds json, quiet, debug; ``may_fetch`` is for ``Host``."""

    def work(host: Host, control: Control, on_progress: OnProgress) -> Report:
        job = make_job()
        remind(show)
        return host.run(job, control=control, on_progress=on_progress)

    return carry_out(work, _tell_done, plugins, show, may_fetch)


def carry_out(
    work: Callable[[Host, Control, OnProgress], _Done],
    tell: Callable[[_Done, Mapping[str, Any]], None],
    plugins: Plugins,
    show: Mapping[str, Any],
    may_fetch: Callable[[Sequence[ModelSpec]], None] = lambda models: None,
) -> int:
    """Let a host do ``work``, stoppable and with its progress shown, and ``tell`` what came of it; the exit code."""
    from roop_host.cli.asking import asking
    from roop_host.host import Control, Host

    log = log_to_stderr(debug=show["debug"])
    control = Control()
    signals = Signals(control.cancel, _at_once)
    # Whoever reads a pipe, or wants no words, is not there to answer.
    talks = all(map(_is_terminal, (sys.stdin, sys.stderr))) and not (show["quiet"] or show["json"])
    host = Host(plugins, may_fetch=may_fetch)
    if talks:
        host.ask = asking(signals.confirm)
    code = _carry_out(work, tell, host, control, signals, {**show, "told": log.told})
    if host.unfit:
        # A plugin's thread still hangs, and a normal exit would wait for it.
        os._exit(flush(code))
    return code


def _carry_out(
    work: Callable[[Host, Control, OnProgress], _Done],
    tell: Callable[[_Done, Mapping[str, Any]], None],
    host: Host,
    control: Control,
    signals: Signals,
    show: Mapping[str, Any],
) -> int:
    with signals:  # until all is told: a signal in between must not deny what was done
        try:
            # The bar is made before stdout is turned away: what plugins print goes to stderr, since stdout is the
            # report's. The host is closed first, so that this holds for its end too.
            with _progress(show) as on_progress, redirect_stdout(sys.stderr), host:
                done = work(host, control, on_progress)
            if control.made is not None:  # the last word of a plugin is said by now
                control.made.require()
        except RoopError as error:
            return _failed(error, show)
        except ImportError as error:
            return _failed(RoopError(f"a package can't be imported ({told(error)}); roop doctor says what to repair"), show)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the last place that can say a sentence)
            return _failed(RoopError(f"an unexpected {told(error)}; run again with --debug"), show)
        return printing(0, lambda: tell(done, show))


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def _failed(error: RoopError, show: Mapping[str, Any]) -> int:
    return printing(error.exit_code, lambda: _tell_failed(error, show))


def _tell_failed(error: RoopError, show: Mapping[str, Any]) -> None:
    if show["debug"]:
        traceback.print_exception(error)
    report = error.report
    if report is not None and _stands(report):
        tell_notices(report, show)
    if report is not None and not show["json"]:
        tell_uploads(report, show)
        if not show["quiet"]:
            tell_beside(report)
    tell_error(error, as_json=show["json"])
    if report is not None and not show["json"]:
        # The error's own words are those of the first.
        tell_failures(report.failed_uploads[isinstance(error, UploadError) :])


def _stands(report: Report) -> bool:
    """Whether there is something that its notices are about: an output, or those that ``roop upload`` was to send."""
    sends = bool(report.job.get("uploads")) and report.job.get("output", "") is None
    return report.output is not None or sends


def tell_notices(report: Report, show: Mapping[str, Any]) -> None:
    """All but those that were told when it happened."""
    for notice in report.notices:
        if notice not in show["told"]:
            typer.echo(f"roop: {notice}", err=True)


def tell_report(report: Report, show: Mapping[str, Any], tell_more: Callable[[Report], None] = lambda report: None) -> None:
    """What was done: the report as JSON, or in words, of which ``tell_more`` says what is not about uploads."""
    tell_notices(report, show)
    if show["json"]:
        typer.echo(json.dumps(report.to_json(), indent=2))
        return
    tell_uploads(report, show)
    if not show["quiet"]:
        tell_more(report)
        tell_beside(report)
        tell_code(report)


def _tell_done(report: Report, show: Mapping[str, Any]) -> None:
    tell_report(report, show, _tell_work)


def _tell_work(report: Report) -> None:
    typer.echo(
        f"{report.output}: {_amount(report)}, {_faces(report)}, {_looks(report)}, "
        f"{report.seconds:.1f} s; {'; '.join(('marked as synthetic', *report.finished))}",
        err=True,
    )
    tell_people(report)


def _faces(report: Report) -> str:
    return f"{report.faces_changed} face{'' if report.faces_changed == 1 else 's'} changed"


def _looks(report: Report) -> str:
    """ "480 looks by screeners and 20 verdicts without one (20 reused)": the latter come on top, for other pictures."""
    looks, reused, inherited = (
        sum(getattr(verdicts, what) for verdicts in report.screening) for what in ("looks", "reused", "inherited")
    )
    looked = f"{looks} look{'' if looks == 1 else 's'} by screeners"
    told = ", ".join(f"{count} {what}" for what, count in (("reused", reused), ("inherited", inherited)) if count)
    spared = reused + inherited
    return f"{looked} and {spared} verdict{'' if spared == 1 else 's'} without one ({told})" if told else looked


def _amount(report: Report) -> str:
    """ "250 frames" of a clip, "3 pictures" of a folder or of a TIFF's pages."""
    from roop_host.media.kinds import suffix_of

    output = Path(report.output or "")
    suffix = suffix_of(output)
    still = output.is_dir() or (suffix is not None and suffix.still and (suffix.pages or report.frames == 1))
    amount = f"{report.frames} {'picture' if still else 'frame'}{'' if report.frames == 1 else 's'}"
    unmatched = {"held": report.frames_held, "left out": report.frames_dropped}
    told = ", ".join(f"{count} {what}" for what, count in unmatched.items() if count)
    return f"{amount} ({told})" if told else amount


def _at_once() -> None:
    with suppress(OSError):
        os.write(2, b"roop: stopped at once; what was begun lies beside the output, and the next run clears it\n")
    os._exit(Interrupted.exit_code)


@contextmanager
def _progress(show: Mapping[str, Any]) -> Iterator[Callable[[Progress], None]]:
    """A bar with frames a second, time left and faces; nothing where nobody looks."""
    if show["quiet"] or show["json"] or not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
    )
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("starting", total=None, count="")

    def on_progress(now: Progress) -> None:
        bar.start()  # not before there is something to show: a question may come first
        if bar.tasks[0].description != now.phase or now.done < bar.tasks[0].completed:
            bar.reset(task)  # or the time left would be guessed from another kind of work, or another upload
        bar.update(task, description=now.phase, completed=now.done, total=now.total, count=_count(now))

    try:
        yield on_progress
    finally:
        if bar.live.is_started:
            bar.stop()


def _count(now: Progress) -> str:
    of = "?" if now.total is None else now.total
    if now.unit == "bytes":
        return f"{now.done / 1e6:.1f}/{(now.total or 0) / 1e6:.1f} MB"
    return f"{now.done}/{of}  {now.fps:.1f} fps  {now.faces} faces"
