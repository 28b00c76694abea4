"""What was begun, kept across processes: where the server takes the rest of a file, and a lock so that one process sends it.

The address of an upload is private: it stands in a file that only its owner may read, and in no sentence.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

#: The platform forgets an upload after a day.
_LONGEST_S = 24 * 3600.0
_MOST_BYTES = 64 * 1024
_POLL_S = 0.5
_MODE = 0o600
#: What this writes, but for the locks: the folder may hold what is somebody else's.
_OWN = re.compile(r"[0-9a-f]{64}\.json|\.transfer-[a-z0-9_]{8}")


@dataclass(frozen=True, slots=True)
class Transfer:
    """An upload that was begun. No byte after the first ``sent`` ever left, and ``digest`` is the SHA-256 of those.

    ``begun_at`` is in seconds since 1970.
    """

    url: str
    begun_at: float
    sent: int
    digest: str


def state_folder() -> Path:
    """Where transfers of this user are kept; it need not be there."""
    from platformdirs import user_state_path

    return user_state_path("roop", appauthor=False) / "supabase"


class Transfers:
    """Transfers by fingerprint, in ``folder``. What can't be read there was never begun.

    Nothing is kept in a folder that is a link: what lies behind it is not roop's to close or to remove.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self._folder

    def begun(self, fingerprint: str) -> Transfer | None:
        """What another call or process left; None of what is damaged or too old."""
        try:
            self._require_no_link()
            with self._path(fingerprint).open("rb") as file:
                told = json.loads(file.read(_MOST_BYTES))
            transfer = Transfer(str(told["url"]), float(told["begun_at"]), int(told["sent"]), str(told["digest"]))
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        return transfer if 0 <= time.time() - transfer.begun_at < _LONGEST_S else None

    def note(self, fingerprint: str, transfer: Transfer) -> bool:
        """Keep it, in place of what was known. False where that can't be written."""
        try:
            self._make_folder()
            _save(self._path(fingerprint), json.dumps(asdict(transfer)).encode())
        except OSError:
            return False
        return True

    def forget(self, fingerprint: str) -> None:
        """It has come to its end, or the server knows it no more."""
        with suppress(OSError):
            self._require_no_link()
            self._path(fingerprint).unlink(missing_ok=True)

    @contextmanager
    def alone(
        self, fingerprint: str, check_cancel: Callable[[], None], tell: Callable[[str], None] = lambda text: None
    ) -> Iterator[None]:
        """Wait until no other process sends it; where no lock can be had, the server has to tell them apart.

        ``tell`` hears once that it is waited for.
        """
        from filelock import FileLock, Timeout

        # Lock files can't be removed while others may wait for them, so there is a bounded number of them.
        lock = FileLock(self._folder / f"{fingerprint[:3]}.lock", mode=_MODE)
        told = False
        while True:
            check_cancel()
            try:
                self._make_folder()
                lock.acquire(timeout=_POLL_S)
                break
            except Timeout:
                if not told:
                    tell("another process on this machine is sending this file; this one waits until that is done")
                told = True
            except (OSError, NotImplementedError):
                break
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    def _path(self, fingerprint: str) -> Path:
        return self._folder / f"{fingerprint}.json"

    def _make_folder(self) -> None:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._require_no_link()
        if os.name == "posix":
            self._folder.chmod(0o700)

    def _require_no_link(self) -> None:
        if self._folder.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def _sweep(self) -> None:
        """What nobody went on with leads nowhere any more."""
        with suppress(OSError):
            self._require_no_link()
            for path in self._folder.iterdir():
                found = path.lstat()
                old = time.time() - found.st_mtime > _LONGEST_S
                if old and _OWN.fullmatch(path.name) and stat.S_ISREG(found.st_mode):
                    path.unlink(missing_ok=True)


def _save(path: Path, content: bytes) -> None:
    """Whole or not at all, and at no time readable by others."""
    number, name = tempfile.mkstemp(prefix=".transfer-", dir=path.parent)  # of mode 0600
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
