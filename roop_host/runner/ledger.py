"""The ledger of finished outputs: which files this user's roop has made and screened, so that no other is uploaded later.

It knows them by their content and holds neither names nor paths. It is no lock: who may write to it may enter anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roop_host.errors import InputError
from roop_host.media.kinds import holds_marks, media_type, suffix_of

if TYPE_CHECKING:
    import sqlite3

    from roop_host.runner.state import Run

#: Who wrote the file, as SQLite keeps it ("roop"), and the form of what stands in it.
_APPLICATION, _SCHEMA = 0x726F6F70, 1
_TABLE = """CREATE TABLE outputs (
    sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, media_type TEXT NOT NULL, made_at TEXT NOT NULL, steps TEXT NOT NULL,
    seconds REAL, screeners TEXT NOT NULL, marked INTEGER NOT NULL) WITHOUT ROWID"""
_MODE, _FOLDER_MODE = 0o600, 0o700
# A row is written in milliseconds. Twenty that end at once still get their turn; who holds the ledger for longer hangs.
_PATIENCE_S = 10.0
_MOVE = "move it away: outputs that are made from then on are known"
_HELD = "is held by another process"
#: What is wrong by the beginning of SQLite's name for it, and what to do; None of all else.
_REASONS = {
    "SQLITE_BUSY": (_HELD, "try again in a moment"),
    "SQLITE_NOTADB": ("is no ledger of roop's", _MOVE),
    "SQLITE_CORRUPT": ("is damaged", _MOVE),
    "SQLITE_ERROR": ("is damaged", _MOVE),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished, screened file. ``marked`` says that it can hold the mark by which it says that it is synthetic.

    ``seconds`` is how long it shows, None of a still and of what a plugin writes.
    """

    sha256: str
    size: int
    media_type: str
    made_at: datetime
    steps: tuple[str, ...] = ()
    seconds: float | None = None
    screeners: tuple[str, ...] = ()
    marked: bool = True


class _Unusable(Exception):
    """What is wrong with the ledger, as the rest of a sentence about it, and what to do."""

    def __init__(self, why: str, repair: str) -> None:
        super().__init__(why, repair)
        self.why, self.repair = why, repair


def ledger_path() -> Path:
    """Where it lies; there need not be one."""
    from platformdirs import user_state_path

    return user_state_path("roop", appauthor=False).absolute() / "ledger.sqlite3"


def entries_of(run: Run) -> dict[Path, Entry]:
    """Of the published output, or of each picture in its folder, by its name."""
    assert run.made is not None
    output, made_at = Path(run.job.output), datetime.now(UTC)
    return {
        path: Entry(
            sha256=content.sha256,
            size=content.size,
            media_type=media_type(path),
            made_at=made_at,
            steps=tuple(step.name for step in run.job.steps),
            seconds=run.shown_s,
            screeners=tuple(watcher.name for watcher in run.before),
            marked=run.writer is None and holds_marks(path.suffix),
        )
        for path, content in run.made.under(output).items()
        if path == output or suffix_of(path) is not None  # in a folder stands beside them what speaks for them
    }


def enter(entries: Collection[Entry]) -> str:
    """Write them down. Why that can't be done, as a notice; empty when all went well."""
    path = ledger_path()
    rows = [
        (
            *(one.sha256, one.size, one.media_type, one.made_at.isoformat(), json.dumps(one.steps), one.seconds),
            *(json.dumps(one.screeners), one.marked),
        )
        for one in entries
    ]
    try:
        _make(path)
        with _opened(path) as ledger:
            ledger.execute("PRAGMA synchronous = NORMAL")
            ledger.execute("BEGIN IMMEDIATE")
            if _is_new(ledger):
                ledger.execute(_TABLE)
                ledger.execute(f"PRAGMA application_id = {_APPLICATION}")
                ledger.execute(f"PRAGMA user_version = {_SCHEMA}")
            ledger.executemany("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            ledger.execute("COMMIT")
    except _Unusable as error:
        # A moment later nobody enters it.
        repair = "to send it, run again with --upload" if error.why == _HELD else error.repair
        return f"roop upload will not know this output, as the ledger {path} {error.why}; {repair}"
    return ""


def find(sha256: str) -> Entry | None:
    """What is known of a file with that content. Raises ``InputError`` where the ledger can't be used."""
    path = ledger_path()
    try:
        path.lstat()
    except FileNotFoundError:
        return None
    except OSError:  # told below
        pass
    try:
        with _opened(path) as ledger:
            if _is_new(ledger):
                return None
            row = ledger.execute("SELECT * FROM outputs WHERE sha256 = ?", (sha256,)).fetchone()
            return None if row is None else _entry(row)
    except _Unusable as error:
        raise InputError(
            f"nothing was sent, as the ledger {path} of what roop has made {error.why}; {error.repair}"
        ) from error


def _make(path: Path) -> None:
    """An empty file for it that only its user may read, where there is none. Raises ``_Unusable``."""
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))
    except OSError as error:
        raise _Unusable(f"can't be written ({error.strerror})", "check its folder and permissions") from error


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Raises ``_Unusable`` for whatever goes wrong while it is open."""
    if not os.path.isfile(path):  # noqa: PTH113  (it never raises, and a pipe would be waited for)
        raise _Unusable("is no plain file or can't be reached", "move it away, or check the permissions of its folder")
    try:
        import sqlite3
    except ImportError as error:  # Python can be built without it
        raise _Unusable(f"can't be opened ({error})", "take a Python that has sqlite3") from error
    try:
        # By its name and no address: that of a Windows share is none to SQLite.
        with closing(sqlite3.connect(path, _PATIENCE_S, isolation_level=None)) as ledger:
            yield ledger
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        known = (reason for start, reason in _REASONS.items() if name.startswith(start))
        raise _Unusable(
            *next(known, (f"can't be used ({error})", "check its permissions and the room on its disk"))
        ) from error


def _is_new(ledger: sqlite3.Connection) -> bool:
    """Whether nothing was ever written to it. Raises ``_Unusable`` for what is none, or is written otherwise."""
    application, schema = (ledger.execute(f"PRAGMA {what}").fetchone()[0] for what in ("application_id", "user_version"))
    if not application and ledger.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        return True
    if application != _APPLICATION:
        raise _Unusable("is no ledger of roop's", _MOVE)
    if schema != _SCHEMA:
        raise _Unusable("was written by a newer version of roop", "update roop")
    return False


def _entry(row: Any) -> Entry:
    try:
        sha256, size, kind, made_at, steps, seconds, screeners, marked = row
        made = datetime.fromisoformat(made_at)
        names = tuple(map(str, json.loads(steps))), tuple(map(str, json.loads(screeners)))
        shown_s = None if seconds is None else float(seconds)
    except (TypeError, ValueError, RecursionError) as error:
        raise _Unusable("is damaged", _MOVE) from error
    return Entry(sha256, size, kind, made, names[0], shown_s, names[1], bool(marked))
