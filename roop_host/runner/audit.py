"""The audit log: one line of JSON for each job, for who has to show later what was made of what. Off unless asked for.

It holds hashes and verdicts, and neither pictures nor paths, names of files or of saved faces.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from roop_host.errors import Interrupted, OutputError, RoopError, UsageError, told
from roop_host.faces.saved import file_of
from roop_host.media.output import unwritable
from roop_host.plugins.taking_part import scheme_of
from roop_host.runner.files import identity, names_taken
from roop_host.runner.made import read_content
from roop_host.runner.state import Run
from roop_host.types.packages import own_version
from roop_host.types.report import Refusal, Report, Verdicts
from roop_host.types.specs import models_of

SCHEMA = 1
_MODE = 0o600
# A pipe that nobody reads must not be waited for, and no link be followed to what somebody else chose.
_FLAGS = os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)
# Of a line the first two keys, since a crash may have left the rest of it away.
_BEGINNING, _HEAD = re.compile(rb'\{\s*"schema"\s*:\s*\d+\s*,\s*"time"\s*:\s*"'), 256
_POLL_S = 0.1
# A line is written in milliseconds: who holds the lock for longer hangs. A job that was stopped still says so, but soon.
_PATIENCE_S, _PATIENCE_OF_STOPPED_S = 60.0, 2.0


class Audit:
    """The line of one job: that it can be written is checked before any work, and it is when the job has ended."""

    def __init__(self, run: Run) -> None:
        """Raises ``OutputError`` where nothing could be written, ``UsageError`` for a file of the job itself."""
        said = run.job.execution.audit_log
        self._run = run
        self._path = Path(said).expanduser().absolute() if said else None
        self._hashes: dict[Path, dict[str, Any] | None] = {}
        self._inputs: dict[str, Any] = {"sources": [], "references": [], "target": None}
        if self._path is not None:
            _refuse_own(run, self._path)
            with _opened(self._path) as file:
                _check_content(self._path, file)
            _try_lock(self._path)

    def read_inputs(self) -> None:
        """Hash what the job is about to read, before it does. Raises ``Interrupted``."""
        if self._path is not None:
            self._inputs = _inputs(self._run, self._hashes)

    def note(self, report: Report) -> None:
        """Write the line. Raises ``OutputError``, ``Interrupted``; whether or not, a second call does nothing."""
        path, self._path = self._path, None
        if path is None:
            return
        line = json.dumps(self._line(report), ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
        try:
            with _locked(path, self._run.control.cancelled), _opened(path) as file:
                _append(file, line)
        except (OSError, OutputError, Interrupted) as error:
            stands = f"the output {report.output} stands" if report.output else "there is no output"
            why = error.strerror if isinstance(error, OSError) else error
            kind = Interrupted if isinstance(error, Interrupted) else OutputError
            raise kind(f"the audit log {path} has no line of this job ({why}); {stands}") from error

    def note_failed(self, run: Run, report: Report) -> None:
        """The same for a job that has failed: that stays the error, and this one is only logged."""
        try:
            self.note(report)
        except RoopError as error:
            logging.getLogger("roop").warning("%s", error)
        except Exception as error:  # noqa: BLE001  (the job's own error and its report must get through)
            logging.getLogger("roop").warning("the audit log has no line of this job (%s)", told(error))

    def _line(self, report: Report) -> dict[str, Any]:
        run = self._run
        known = {
            model.sha256: model.name
            for table in run.host.plugins.declared.values()
            for one in table.values()
            for model in models_of(one.spec)
        }
        steps = [name for name in report.steps if name in run.host.plugins.processors]
        refusal = None if report.refusal is None else self._verdict(report.refusal)
        if refusal is not None:
            del refusal["picture"]  # a source's name
            # As it was hashed before it was read: a job that is stopped meanwhile hashes nothing any more.
            picture = run.refused or (None if refusal["stage"] == "source" else Path(run.job.target))
            refusal["sha256"] = None if picture is None else (self._hashes.get(picture) or {}).get("sha256")
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
            "plugins": list(map(self._unnamed, report.plugins)),
            "screening": list(map(self._verdict, report.screening)),
            "refusal": refusal,
        }

    def _verdict(self, said: Verdicts | Refusal) -> dict[str, Any]:
        return {**asdict(said), "distribution": self._unnamed(said.distribution)}

    def _unnamed(self, text: str) -> str:
        """A plugin that is a single file is called as that file is."""
        for one in self._run.host.plugins.statuses:
            if not one.installed:
                text = text.replace(one.describe(), f"a single file {one.version}")
        return text


def _kind(report: Report) -> str | None:
    """The class of the error: its text would name files."""
    if not report.exit_code:
        return None
    if report.status == "blocked":
        return "ContentBlocked" if report.refusal is not None else "ScreenerFailed"
    kinds = {kind.exit_code: kind.__name__ for kind in RoopError.__subclasses__()}
    return kinds.get(report.exit_code, RoopError.__name__)


def _refuse_own(run: Run, path: Path) -> None:
    """Neither the log nor its lock may be what the job reads or makes, nor lie in a folder of that."""
    job = run.job
    made = list(map(_folded, names_taken(job, run.host.plugins)))
    people = (*job.sources, *job.references, *(text for pair in job.pairs for text in pair))
    named = [job.target, *map(str, filter(None, map(_file_or_none, filter(None, people))))]
    read = {identity(one) for one in named} - {None}
    for place in (path.resolve(), _lock_path(path).resolve()):
        if any(_folded(place).is_relative_to(one) for one in made):
            raise UsageError(f"the audit log {path} lies where the job writes its output; name another place")
        if not read.isdisjoint(map(identity, (place, *place.parents))):
            raise UsageError(f"the audit log {path} is or lies in an input; inputs are never changed, so name another file")


def _folded(path: Path) -> PurePath:
    """As disks compare names that know no case, where links lead."""
    return PurePath(path.absolute().resolve().as_posix().casefold())


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
    """Nothing is added to a file that is something else: a mistyped name may be that of a picture, or of a job."""
    if os.fstat(file).st_size and not _BEGINNING.match(os.read(file, _HEAD)):
        raise OutputError(f"the audit log {path} exists and is no such log; name another file")


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _try_lock(path: Path) -> None:
    """That the lock can be had at all, whoever has it now. Raises ``OutputError``."""
    try:
        with _Lock(path) as lock:
            lock.take()
    except OSError as error:
        raise unwritable(_lock_path(path), error) from error


@contextmanager
def _locked(path: Path, cancel: threading.Event) -> Iterator[None]:
    """Alone with the log among all processes and threads: of a job that was stopped it is not waited for long.

    Raises ``OSError``, ``OutputError``, and ``Interrupted`` on a cancel.
    """
    stopped = cancel.is_set()
    until = time.monotonic() + (_PATIENCE_OF_STOPPED_S if stopped else _PATIENCE_S)
    with _Lock(path) as lock:
        while not lock.take():
            if time.monotonic() >= until:
                raise OutputError(f"another process holds {_lock_path(path)}")
            if stopped:
                time.sleep(_POLL_S)
            elif cancel.wait(_POLL_S):
                raise Interrupted("stopped while another process was at it")
        yield


class _Lock:
    """The file beside the log that only one holds, until the context ends."""

    def __init__(self, path: Path) -> None:
        from filelock import FileLock

        self._path = _lock_path(path)
        self._lock = FileLock(self._path, mode=_MODE)

    def __enter__(self) -> _Lock:
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def take(self) -> bool:
        """Whether it could be had. Raises ``OSError``, ``OutputError``."""
        from filelock import Timeout

        if os.path.lexists(self._path) and not stat.S_ISREG(self._path.lstat().st_mode):
            raise OutputError(f"{self._path}, the lock of the audit log, is no plain file; move it away or name another log")
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except NotImplementedError as error:
            raise OutputError(f"the file system of {self._path} has no locks; name a file on another one") from error
        return True


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


def _inputs(run: Run, hashes: dict[Path, dict[str, Any] | None]) -> dict[str, Any]:
    """What the line says of the inputs. ``hashes`` gets the same by path."""

    def hashed(path: Path | None) -> dict[str, Any] | None:
        found = _hashed(run, path)
        if path is not None:
            hashes[path] = found
        return found

    job = run.job
    sources = (*job.sources, *(source for source, _ in job.pairs))
    references = (*job.references, *(reference for _, reference in job.pairs))
    return {
        "sources": [hashed(_file_or_none(text)) for text in sources],
        "references": [hashed(_file_or_none(text)) for text in references],
        "target": _target(job.target, hashed),
    }


def _target(text: str, hashed: Callable[[Path], dict[str, Any] | None]) -> Any:
    """Of a folder a list without names, of a stream nothing."""
    if scheme_of(text) is not None:
        return None
    target = Path(text)
    return [hashed(path) for path in _files_in(target)] if target.is_dir() else hashed(target)


def _outputs(run: Run, report: Report) -> list[Any]:
    """What the job has made and compared at its end, and nothing else that lies in its folders."""
    paths = [Path(text) for text in (report.output, *report.beside) if text]
    made = [one for path in paths for one in (run.made.under(path).values() if run.made is not None else ())]
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
    try:
        content = read_content(path, run.check_cancel)
    except OSError:
        return None
    return {"sha256": content.sha256, "size": content.size}
