"""Sending a finished output where the user asked for; it is kept whatever happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from roop_host.errors import Interrupted, PluginError, RoopError, UploadError, one_line, told, visible
from roop_host.host import Progress
from roop_host.pipeline.calls import LONG, Unfit
from roop_host.runner import codes
from roop_host.runner.again import command_to_send
from roop_host.runner.ledger import Entry
from roop_host.runner.state import Part, Run
from roop_host.types.report import FailedUpload, Uploaded
from roop_host.types.uploads import Artifact, QrCode, Receipt, Uploader

#: What is told of an upload, and the code to draw of it.
_Sent = tuple[Uploaded, QrCode | None]

#: An uploader that failed for so many files in a row is given up: a server that is down is not asked for each of hundreds.
_GIVEN_UP = 3
#: A command names so many files.
_NAMED = 5


def upload_all(run: Run, outputs: Mapping[Path, Entry], *, known: bool) -> None:
    """Send each finished output to every uploader of the job. One that fails does not keep the others from it.

    ``known`` says that the ledger knows them: then the error says how to send them again. Raises ``UploadError`` for the
    first that failed, ``PluginError`` for an output that was changed, ``Interrupted``, ``Unfit`` when one hangs, or what the
    caller's ``on_progress`` raised.
    """
    sending = _Sending(run)
    try:
        for output, entry in outputs.items():
            sending.send(output, entry)
        if sending.first is not None:
            raise sending.first
    except (UploadError, Interrupted) as error:
        if error is sending.callers:
            raise
        raise sending.whole(error, outputs, known=known)  # noqa: B904  (mostly the very error)
    except Unfit as unfit:
        raise Unfit(sending.whole(unfit.error, outputs, known=known)) from unfit
    finally:
        run.notices += sending.notices()


class _Sending:
    """``first`` is what failed first, ``callers`` what the caller's own display raised: no uploader is to blame for that."""

    def __init__(self, run: Run) -> None:
        self._notes: dict[tuple[Part[Uploader] | None, str], list[Path]] = {}
        self._tried: Counter[Part[Uploader] | None] = Counter()
        self._at: Part[Uploader] | None = None
        self.first: UploadError | None = None
        self.callers: BaseException | None = None
        self._run = run
        self._in_a_row: Counter[Part[Uploader]] = Counter()
        self._not_tried: Counter[Part[Uploader]] = Counter()

    def send(self, output: Path, entry: Entry) -> None:
        """One output, by all uploaders that are not given up."""
        run = self._run
        artifact = self._artifact(output, entry)
        for part in run.uploaders:
            if self._in_a_row[part] == _GIVEN_UP:
                self._not_tried[part] += 1
                continue
            _check_cancel(run, artifact.path)
            _require_unchanged(run, output)
            artifact.sent(0)
            self._tried[part] += 1
            self._at = part
            code = self._try(part, artifact)
            _require_same(run, part, output)
            if code is not None and code.files:
                _draw(run, part, code, artifact)

    def _try(self, part: Part[Uploader], artifact: Artifact) -> QrCode | None:
        """The code to draw, if it went well and there is one."""
        code = None
        try:
            sent, code = _upload(self._run, part, artifact)
            self._run.uploads.append(sent)
            self._in_a_row[part] = 0
        except (UploadError, Interrupted) as error:
            if self.callers is None:
                if isinstance(error, Interrupted):
                    raise
                self._note(part, error, artifact)
                if self.first is None:
                    raise _interrupted(artifact.path) from error
        except Unfit as unfit:
            if isinstance(unfit.error, UploadError):
                self._note(part, unfit.error, artifact)
            raise
        if self.callers is not None:
            raise self.callers
        return code

    def _note(self, part: Part[Uploader], error: UploadError, artifact: Artifact) -> None:
        """A failure; ``error`` says no more than why. It is not the first where a cancel came before it."""
        self._in_a_row[part] += 1
        self._run.failed_uploads.append(FailedUpload(part.name, str(artifact.path), str(error)))
        error.args = (f"the {part.label} failed ({error}); the output {artifact.path} is kept",)
        if self.first is None and not self._run.control.cancelled.is_set():
            self.first = error

    def _artifact(self, output: Path, entry: Entry) -> Artifact:
        run = self._run

        def sent(done: int) -> None:
            if self.callers is not None:  # an uploader that caught it goes no further
                raise self.callers
            done = min(max(done, 0), entry.size)
            try:
                run.on_progress(Progress("uploading", done, entry.size, 0.0, run.counts.faces_changed, "bytes"))
            except BaseException as error:
                self.callers = error
                raise

        return Artifact(
            path=output.absolute(),
            media_type=entry.media_type,
            sha256=entry.sha256,
            size=entry.size,
            made_at=entry.made_at,
            steps=entry.steps,
            seconds=entry.seconds,
            sent=sent,
            note=lambda text: self._notes.setdefault((self._at, one_line(text)), []).append(output),
        )

    def notices(self) -> Iterator[str]:
        """What uploaders noted, each once; with the files where it was not said of all that one tried."""
        for (part, text), files in self._notes.items():
            names = [str(path) for path in dict.fromkeys(files)]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield text if len(names) == self._tried[part] else f"{', '.join(names[:_NAMED])}{more}: {text}"

    def whole(self, error: RoopError, outputs: Mapping[Path, Entry], *, known: bool) -> RoopError:
        """The first error, which wins, with how much more was not sent and how that can be sent later."""
        first = self.first or error
        more = len(self._run.failed_uploads) - 1
        said = [f"{first}, and {more} more failed" if more > 0 else str(first)]
        said += [
            f"the uploader {part.name} was given up after {_GIVEN_UP} files in a row, so {count} more "
            f"{'was' if count == 1 else 'were'} not tried"
            for part, count in self._not_tried.items()
        ]
        if first is not error and isinstance(error, Interrupted):
            said.append("the rest was stopped on request")
        wait = "when that is mended, " if isinstance(first, UploadError) else ""
        first.args = (_with_remedy(self._run, "; ".join(said), wait, outputs, known=known),)
        return first


def _with_remedy(run: Run, text: str, wait: str, outputs: Mapping[Path, Entry], *, known: bool) -> str:
    """How what was not sent can be sent later; ``wait`` says when."""
    done = {(sent.file, sent.uploader) for sent in run.uploads}
    each = ((path.absolute(), part) for path in outputs for part in run.uploaders)
    unsent = [(path, part) for path, part in each if (str(path), part.name) not in done]
    files, parts = tuple(dict.fromkeys(path for path, _ in unsent)), tuple(dict.fromkeys(part for _, part in unsent))
    if not known:
        return f"{text}, so {'it' if len(files) == 1 else 'they'} can be sent by other means"
    others = len(files) - _NAMED
    more = f", here for {_NAMED} files and the same for the other {others}" if others > 0 else ""
    return f"{text}; {wait}to send it again{more}: {command_to_send(run, files[:_NAMED], parts)}"


def _require_unchanged(run: Run, output: Path) -> None:
    """Raise ``PluginError`` where an output is no more what was screened, before an uploader could be blamed for it."""
    assert run.made is not None
    try:
        run.made.require(output)
    except PluginError:
        run.published = run.existing = False
        raise


def _require_same(run: Run, part: Part[Uploader], output: Path) -> None:
    """Raise ``PluginError`` where an uploader changed or removed the output: nobody has screened what the next sends."""
    assert run.made is not None
    if not run.made.same(output):
        run.published = run.existing = False  # what stands there, if anything, is not what the host has made
        raise PluginError(
            f"the {part.label} changed or removed the output {output.absolute()} after it was screened; don't use what "
            "stands there, but run again without that upload"
        )


def _draw(run: Run, part: Part[Uploader], code: QrCode, artifact: Artifact) -> None:
    drawn, notices = codes.draw(code, artifact.path, part.name)
    run.beside += drawn
    run.notices += notices


def _upload(run: Run, part: Part[Uploader], artifact: Artifact) -> _Sent:
    """Raises ``UploadError`` that says why, ``Interrupted`` after a cancel, or ``Unfit`` with one of them."""
    try:
        return run.host.call(
            _alone(part, partial(part.item.upload, artifact), artifact),
            limit_s=LONG * run.job.execution.timeout_s,
            late=_late,
            pulses=run.host.pulses_of((part.item,)),
        )
    except Unfit as unfit:
        raise Unfit(_interrupted(artifact.path) if isinstance(unfit.error, Interrupted) else unfit.error) from unfit
    except Interrupted as error:
        if run.control.cancelled.is_set():
            raise _interrupted(artifact.path) from error
        raise UploadError(one_line(str(error))) from error


def _alone(part: Part[Uploader], call: Callable[[], object], artifact: Artifact) -> Callable[[], _Sent]:
    """The upload and the reading of what it gave, which may run code of the plugin's too."""

    def alone() -> _Sent:
        try:
            return _read(part, call(), artifact)
        except Interrupted:
            raise
        except RoopError as error:
            raise UploadError(one_line(str(error))) from error
        except BaseException as error:
            raise UploadError(told(error)) from error

    return alone


def _read(part: Part[Uploader], receipt: object, artifact: Artifact) -> _Sent:
    if not isinstance(receipt, Receipt) or not isinstance(receipt.details, Mapping):
        raise UploadError(f"it gave a {type(receipt).__name__} that is no whole Receipt")
    details = {visible(str(key)): visible(str(value)) for key, value in receipt.details.items()}
    url = None if receipt.url is None else visible(str(receipt.url))
    code = _code(part, receipt.code, url, artifact)
    rows = code.rows if code is not None and code.shown else ()
    return Uploaded(part.name, str(artifact.path), url, details, rows), code


def _code(part: Part[Uploader], given: object, url: str | None, artifact: Artifact) -> QrCode | None:
    """The code of a receipt, whole and leading to ``url``; else there is a notice, as the upload itself went well."""
    if given is None:
        return None
    try:
        code = _whole_code(given, url)
    except BaseException as error:  # noqa: BLE001  (it is the plugin's, so anything may be in it)
        why = str(error) if isinstance(error, UploadError) else told(error)
        remedy = "" if url is None else "; use the address"
        artifact.note(f"the QR code that the {part.label} gave can't be drawn ({why}){remedy}")
        return None
    if url is not None and codes.leads_to(code, url):
        return code
    artifact.note(
        f"the QR code that the {part.label} gave does not lead to its address, so it is not drawn; use the address"
    )
    return None


def _whole_code(given: object, url: str | None) -> QrCode:
    if not isinstance(given, QrCode):
        raise UploadError(f"it is a {type(given).__name__} and no QrCode")
    if url is None:
        raise UploadError("there is no address that it could lead to")
    return QrCode(tuple(map(str, given.rows)), given.scale, bool(given.files), bool(given.shown))  # checked once more


def _late(seconds: float) -> UploadError:
    return UploadError(f"it did not come back within {seconds:g} s; a larger --timeout gives it more")


def _interrupted(kept: Path) -> Interrupted:
    return Interrupted(f"stopped on request before all uploads were done; the output {kept} is kept")


def _check_cancel(run: Run, kept: Path) -> None:
    if run.control.cancelled.is_set():
        raise _interrupted(kept)
