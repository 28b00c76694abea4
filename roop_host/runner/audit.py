"""The audit log: one line of JSON for each job, for who has to show later what was made of what. Off unless asked for.

It holds hashes and verdicts, and neither pictures nor paths, names of files or of saved faces.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roop_host.errors import OutputError, RoopError, UsageError
from roop_host.faces.saved import file_of
from roop_host.media.output import unwritable
from roop_host.plugins.taking_part import scheme_of
from roop_host.runner.state import Run
from roop_host.types.packages import own_version
from roop_host.types.report import Report
from roop_host.types.specs import models_of

SCHEMA = 1
_MODE = 0o600
_CHUNK = 1 << 20
# A pipe that nobody reads must not be waited for, and no link be followed to what somebody else chose.
_FLAGS = os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class Audit:
    """The line of one job: that it can be written is checked before any work, and it is when the job has ended."""

    def __init__(self, run: Run) -> None:
        """Raises ``OutputError`` where nothing could be written, ``UsageError`` for a file of the job itself."""
        said = run.job.execution.audit_log
        self._run = run
        self._path = Path(said).expanduser().absolute() if said else None
        self._inputs: dict[str, Any] = {"sources": [], "references": [], "target": None}
        if self._path is not None:
            _refuse_own(run, self._path)
            with _opened(self._path) as file:
                _check_content(self._path, file)

    def read_inputs(self) -> None:
        """Hash what the job is about to read, before it does. Raises ``Interrupted``."""
        if self._path is not None:
            self._inputs = _inputs(self._run)

    def note(self, report: Report) -> None:
        """Write the line. Raises ``OutputError``; whether or not, a second call does nothing."""
        path, self._path = self._path, None
        if path is None:
            return
        line = json.dumps(self._line(report), ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
        try:
            with _locked(path), _opened(path) as file:
                _append(file, line)
        except (OSError, OutputError) as error:
            stands = f"the output {report.output} stands" if report.output else "there is no output"
            why = error.strerror if isinstance(error, OSError) else error
            raise OutputError(f"the audit log {path} has no line of this job ({why}); {stands}") from error

    def note_failed(self, run: Run, report: Report) -> None:
        """The same for a job that has failed: that stays the error, and this one is only logged."""
        try:
            self.note(report)
        except OutputError as error:
            logging.getLogger("roop").warning("%s", error)

    def _line(self, report: Report) -> dict[str, Any]:
        run = self._run
        known = {
            model.sha256: model.name
            for table in run.host.plugins.declared.values()
            for one in table.values()
            for model in models_of(one.spec)
        }
        steps = [name for name in report.steps if name in run.host.plugins.processors]
        refusal = None if report.refusal is None else asdict(report.refusal)
        if refusal is not None:
            del refusal["picture"]  # a source's name
        return {
            "schema": SCHEMA,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "roop": own_version(),
            "status": report.status,
            "exit_code": report.exit_code,
            "error": _kind(report),
            **self._inputs,
            "outputs": _outputs(run, report),
            "frames": report.frames,
            "steps": steps,
            "source_type": report.source_type,
            # The name of a person's own model is that of its file.
            "models": [{"name": known.get(one["sha256"]), "sha256": one["sha256"]} for one in report.models],
            "plugins": list(report.plugins),
            "screening": [asdict(verdicts) for verdicts in report.screening],
            "refusal": refusal,
        }


def _kind(report: Report) -> str | None:
    """The class of the error: its text would name files."""
    if not report.exit_code:
        return None
    if report.status == "blocked":
        return "ContentBlocked" if report.refusal is not None else "ScreenerFailed"
    kinds = {kind.exit_code: kind.__name__ for kind in RoopError.__subclasses__()}
    return kinds.get(report.exit_code, RoopError.__name__)


def _refuse_own(run: Run, path: Path) -> None:
    job, real = run.job, path.resolve()
    made = [Path(text).absolute().resolve() for text in (job.output, job.media.keep_frames) if text]
    if any(real == one or one in real.parents for one in made):
        raise UsageError(f"the audit log {path} lies where the job writes its output; name another place")
    people = (*job.sources, *job.references, *(text for pair in job.pairs for text in pair))
    read = [*filter(None, map(_file_or_none, people)), Path(job.target)]
    if any(real == one.absolute().resolve() for one in read):
        raise UsageError(f"the audit log {path} is also an input; inputs are never changed, so name another file")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The log, made where it is not there. Raises ``OutputError`` for all but a plain file that may be written."""
    try:
        file = _open(path)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK) or path.is_symlink():
            raise _no_file(path, "a link") from error
        if path.is_dir():
            raise _no_file(path, "a folder") from error
        raise unwritable(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise _no_file(path, "no plain file")
        if path.is_symlink():  # where the system can't refuse it by itself
            raise _no_file(path, "a link")
        yield file
    finally:
        os.close(file)


def _open(path: Path) -> int:
    try:
        return os.open(path, _FLAGS | _BINARY | os.O_CREAT | os.O_EXCL, _MODE)
    except FileExistsError:
        return os.open(path, _FLAGS | _BINARY)


def _no_file(path: Path, what: str) -> OutputError:
    return OutputError(f"the audit log {path} is {what}, and lines are added to a plain file only; name another file")


def _check_content(path: Path, file: int) -> None:
    """Nothing is added to a file that is something else: a mistyped name may be that of a picture."""
    if os.fstat(file).st_size and os.read(file, 1) != b"{":
        raise OutputError(f"the audit log {path} exists and is no such log; name another file")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock

    with FileLock(path.with_name(f".{path.name}.lock"), mode=_MODE):
        yield


def _append(file: int, line: bytes) -> None:
    """In one write, and on the disk. A line that a crash left open is ended first."""
    size = os.lseek(file, 0, os.SEEK_END)
    if size:
        os.lseek(file, size - 1, os.SEEK_SET)
        if os.read(file, 1) != b"\n":
            line = b"\n" + line
    written = os.write(file, line)
    if written != len(line):
        os.ftruncate(file, size)  # half a line is no line
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file)


def _inputs(run: Run) -> dict[str, Any]:
    job = run.job
    sources = (*job.sources, *(source for source, _ in job.pairs))
    references = (*job.references, *(reference for _, reference in job.pairs))
    return {
        "sources": [_hashed(run, _file_or_none(text)) for text in sources],
        "references": [_hashed(run, _file_or_none(text)) for text in references],
        "target": _target(run),
    }


def _target(run: Run) -> Any:
    """Of a folder a list without names, of a stream nothing."""
    if scheme_of(run.job.target) is not None:
        return None
    target = Path(run.job.target)
    return [_hashed(run, path) for path in _files_in(target)] if target.is_dir() else _hashed(run, target)


def _outputs(run: Run, report: Report) -> list[Any]:
    """What the job has made and compared at its end, and nothing else that lies in its folders."""
    paths = [Path(text) for text in (report.output, *report.beside) if text]
    made = [one for path in paths for one in (run.made.under(path) if run.made is not None else ())]
    return [{"sha256": one.sha256, "size": one.size} for one in made]


def _files_in(folder: Path) -> Sequence[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return ()


def _file_or_none(text: str) -> Path | None:
    try:
        return file_of(text)
    except UsageError:  # the job itself tells what is wrong with it
        return None


def _hashed(run: Run, path: Path | None) -> dict[str, Any] | None:
    """Hash and size of a plain file; None of what is none or can't be read. A cancel of ``run`` is heard."""
    if path is None or not path.is_file():
        return None
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                run.check_cancel()
    except OSError:
        return None
    return {"sha256": digest.hexdigest(), "size": size}
