"""Sending a finished output where the user asked for; it is kept whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from roop_host.errors import Interrupted, PluginError, RoopError, UploadError, one_line, told, visible
from roop_host.host import Progress
from roop_host.pipeline.calls import LONG, Unfit
from roop_host.runner import codes
from roop_host.runner.again import command_to_send
from roop_host.runner.ledger import Entry
from roop_host.runner.state import Part, Run
from roop_host.types.report import Uploaded
from roop_host.types.uploads import Artifact, QrCode, Receipt, Uploader

#: What is told of an upload, and the code to draw of it.
_Sent = tuple[Uploaded, QrCode | None]


def upload_all(run: Run, outputs: Mapping[Path, Entry], *, known: bool) -> None:
    """Send each finished output to every uploader of the job. One that fails does not keep the others from it.

    ``known`` says that the ledger knows them: then the error says how to send them again. Raises ``UploadError`` for the
    first that failed, ``PluginError`` for one that changed an output, ``Interrupted``, or ``Unfit`` when one hangs.
    """
    if not run.uploaders:
        return
    try:
        _upload_each(run, outputs)
    except (UploadError, Interrupted) as error:
        _add_remedy(run, error, outputs, known=known)
        raise
    except Unfit as unfit:
        _add_remedy(run, unfit.error, outputs, known=known)
        raise


def _upload_each(run: Run, outputs: Mapping[Path, Entry]) -> None:
    failures: list[UploadError] = []
    for output, entry in outputs.items():
        artifact = _artifact(run, output, entry)
        for part in run.uploaders:
            _check_cancel(run, artifact.path)
            artifact.sent(0)
            code = None
            try:
                sent, code = _upload(run, part, artifact)
                run.uploads.append(sent)
            except UploadError as error:
                failures.append(error)
            _require_same(run, part, output)
            if code is not None and code.files:
                _draw(run, part, code, artifact)
        _check_cancel(run, artifact.path)
    if failures:
        raise failures[0]


def _artifact(run: Run, output: Path, entry: Entry) -> Artifact:
    def sent(done: int) -> None:
        done = min(max(done, 0), entry.size)
        run.on_progress(Progress("uploading", done, entry.size, 0.0, run.counts.faces_changed, "bytes"))

    return Artifact(
        path=output.absolute(),
        media_type=entry.media_type,
        sha256=entry.sha256,
        size=entry.size,
        made_at=entry.made_at,
        steps=entry.steps,
        seconds=entry.seconds,
        sent=sent,
        note=lambda text: run.notices.append(one_line(text)),
    )


def _add_remedy(run: Run, error: RoopError, outputs: Iterable[Path], *, known: bool) -> None:
    """Say how what was not sent can be sent later."""
    done = {(sent.file, sent.uploader) for sent in run.uploads}
    each = ((path.absolute(), part) for path in outputs for part in run.uploaders)
    unsent = [(path, part) for path, part in each if (str(path), part.name) not in done]
    if not unsent:
        return
    if not known:
        error.args = (f"{error}, so it can be sent by other means",)
        return
    files, parts = dict.fromkeys(path for path, _ in unsent), dict.fromkeys(part for _, part in unsent)
    error.args = (f"{error}; to send it again: {command_to_send(run, tuple(files), tuple(parts))}",)


def _require_same(run: Run, part: Part[Uploader], output: Path) -> None:
    """Raise ``PluginError`` where an uploader changed or removed the output: nobody has screened what the next sends."""
    assert run.made is not None
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
        raise Unfit(_interrupted(artifact.path) if isinstance(unfit.error, Interrupted) else unfit.error) from unfit
    except Interrupted as error:
        if run.control.cancelled.is_set():
            raise _interrupted(artifact.path) from error
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
    return UploadError(f"the {part.label} failed ({why}); the output {kept} is kept")


def _interrupted(kept: Path) -> Interrupted:
    return Interrupted(f"stopped on request before all uploads were done; the output {kept} is kept")


def _check_cancel(run: Run, kept: Path) -> None:
    if run.control.cancelled.is_set():
        raise _interrupted(kept)
