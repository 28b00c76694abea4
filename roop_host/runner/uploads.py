"""Sending a finished output where the user asked for; it is kept whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from roop_host.errors import Interrupted, PluginError, RoopError, UploadError, one_line, told, visible
from roop_host.host import Progress
from roop_host.media.kinds import media_type
from roop_host.pipeline.calls import LONG, Unfit
from roop_host.runner import codes
from roop_host.runner.state import Part, Run
from roop_host.types.report import Uploaded
from roop_host.types.uploads import Artifact, QrCode, Receipt, Uploader

#: What is told of an upload, and the code to draw of it.
_Sent = tuple[Uploaded, QrCode | None]


def upload_all(run: Run) -> None:
    """Send the published output to every uploader of the job. One that fails does not keep the others from it.

    Raises ``UploadError`` for the first that failed, ``PluginError`` for one that changed the output, ``Interrupted``, or
    ``Unfit`` when one hangs.
    """
    if not run.uploaders:
        return
    failures: list[RoopError] = []
    artifact = _artifact(run)
    for part in run.uploaders:
        _check_cancel(run)
        artifact.sent(0)
        code = None
        try:
            sent, code = _upload(run, part, artifact)
            run.uploads.append(sent)
        except UploadError as error:
            failures.append(error)
        _require_same(run, part)
        if code is not None and code.files:
            _draw(run, part, code, artifact)
    _check_cancel(run)
    if failures:
        raise failures[0]


def _artifact(run: Run) -> Artifact:
    assert run.made is not None
    output = Path(run.job.output)
    content, path = run.made.content(output), output.absolute()

    def sent(done: int) -> None:
        done = min(max(done, 0), content.size)
        run.on_progress(Progress("uploading", done, content.size, 0.0, run.counts.faces_changed, "bytes"))

    return Artifact(
        path=path,
        media_type=media_type(path),
        sha256=content.sha256,
        size=content.size,
        made_at=datetime.now(UTC),
        steps=tuple(step.name for step in run.job.steps),
        sent=sent,
        note=lambda text: run.notices.append(one_line(text)),
    )


def _require_same(run: Run, part: Part[Uploader]) -> None:
    """Raise ``PluginError`` where an uploader changed or removed the output: nobody has screened what the next sends."""
    assert run.made is not None
    output = Path(run.job.output)
    if not run.made.same(output):
        run.published = False  # what stands there, if anything, is not what the host has made
        raise PluginError(
            f"the {part.label} changed or removed the output {output.absolute()} after it was screened; don't use what "
            "stands there, but run again without that upload"
        )


def _draw(run: Run, part: Part[Uploader], code: QrCode, artifact: Artifact) -> None:
    drawn, notices = codes.draw(code, artifact.path, part.name)
    run.beside += drawn
    run.notices += notices


def _upload(run: Run, part: Part[Uploader], artifact: Artifact) -> _Sent:
    try:
        return run.host.call(
            _named(part, partial(part.item.upload, artifact), artifact),
            limit_s=LONG * run.job.execution.timeout_s,
            late=partial(_late, part, artifact.path),
            pulses=run.host.pulses_of((part.item,)),
        )
    except Unfit as unfit:
        raise Unfit(_interrupted(run) if isinstance(unfit.error, Interrupted) else unfit.error) from unfit
    except Interrupted as error:
        if run.control.cancelled.is_set():
            raise _interrupted(run) from error
        raise _failed(part, one_line(str(error)), artifact.path) from error


def _named(part: Part[Uploader], call: Callable[[], object], artifact: Artifact) -> Callable[[], _Sent]:
    """The upload and the reading of what it gave, which may run code of the plugin's too."""

    def named() -> _Sent:
        try:
            return _read(part, call(), artifact)
        except Interrupted:
            raise
        except RoopError as error:
            raise _failed(part, one_line(str(error)), artifact.path) from error
        except BaseException as error:
            raise _failed(part, told(error), artifact.path) from error

    return named


def _read(part: Part[Uploader], receipt: object, artifact: Artifact) -> _Sent:
    if not isinstance(receipt, Receipt) or not isinstance(receipt.details, Mapping):
        raise UploadError(f"it gave a {type(receipt).__name__} that is no whole Receipt")
    details = {visible(str(key)): visible(str(value)) for key, value in receipt.details.items()}
    url = None if receipt.url is None else visible(str(receipt.url))
    code = _code(part, receipt.code, url, artifact)
    rows = code.rows if code is not None and code.shown else ()
    return Uploaded(part.name, str(artifact.path), url, details, rows), code


def _code(part: Part[Uploader], given: object, url: str | None, artifact: Artifact) -> QrCode | None:
    """The code of a receipt, whole and leading to ``url``, or None."""
    if given is None:
        return None
    if not isinstance(given, QrCode) or url is None:
        what = "a code without an address" if isinstance(given, QrCode) else f"a {type(given).__name__} that is no QrCode"
        raise UploadError(f"it gave a Receipt with {what}")
    code = QrCode(tuple(map(str, given.rows)), given.scale, bool(given.files), bool(given.shown))  # checked once more
    if codes.leads_to(code, url):
        return code
    artifact.note(
        f"the QR code that the {part.label} gave does not lead to its address, so it is not drawn; use the address"
    )
    return None


def _late(part: Part[Uploader], kept: Path, seconds: float) -> UploadError:
    return _failed(part, f"it did not come back within {seconds:g} s; a larger --timeout gives it more", kept)


def _failed(part: Part[Uploader], why: str, kept: Path) -> UploadError:
    return UploadError(f"the {part.label} failed ({why}); the output {kept} is kept, so it can be sent by other means")


def _interrupted(run: Run) -> Interrupted:
    return Interrupted(f"stopped on request before all uploads were done; the output {run.job.output} is kept")


def _check_cancel(run: Run) -> None:
    if run.control.cancelled.is_set():
        raise _interrupted(run)
