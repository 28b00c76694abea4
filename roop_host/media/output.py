"""Files under their final name: only whole, checked, and never over somebody's file by accident."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from roop_host.errors import OutputError, UsageError, visible

_SEGMENT = "segment-"
_LOCK, _MANIFEST = "lock", "manifest.json"
# All that a run puts there: what else lies in a folder of that name is somebody's own.
_OURS = re.compile(rf"{_LOCK}|{re.escape(_MANIFEST)}|marks|output.*|sidecar-\d+|{_SEGMENT}.*|.*\.part", re.DOTALL)
# A link in place of the lock is not followed.
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def unwritable(path: Path, error: OSError) -> OutputError:
    """The sentence for an ``OSError`` while writing."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"there is no space left for {path}; free some and run again")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError(f"the name of {path} is too long for this file system; choose a shorter one")
    return OutputError(f"{path} can't be written ({error.strerror or error}); check the folder and its permissions")


def save_atomically(path: Path, parts: Iterable[bytes], *, mode: int = 0o666) -> None:
    """Write ``path`` whole or not at all. ``mode`` is of a new file, less what the umask takes."""
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error


def work_path(output: Path) -> Path:
    """The folder beside an output where it is made."""
    return output.absolute().with_name(f".{output.name}.roop")


class WorkFolder:
    """``.<output name>.roop/`` beside the output: locked, and continued only by the very same job.

    ``key`` names job, inputs and software; segments kept by a run with another key are removed. Raises ``UsageError`` for
    a link, somebody else's folder, or one with files that no run has made, and leaves those alone; ``OutputError``.
    """

    def __init__(self, output: Path, key: str) -> None:
        self.path = work_path(output)
        try:
            self._lock: IO[Any] | None = self._locked()
        except OSError as error:
            raise unwritable(output, error) from error
        if self._lock is None:
            raise UsageError(f"another roop is working on {output}; wait for it or name another output")
        try:
            self._check_content()
            self._begin(key)
        except OSError as error:
            self.close()
            raise unwritable(output, error) from error
        except BaseException:
            self.close()
            raise

    def _locked(self) -> IO[Any] | None:
        """The lock file, or None where another run holds it."""
        while True:
            with suppress(FileExistsError):
                self.path.mkdir(mode=0o700)
            self._check_owner()
            name = self.path / _LOCK
            try:
                if not os.path.lexists(name):
                    self._check_content()
                file = os.fdopen(os.open(name, _LOCK_FLAGS, 0o600), "a+b")
            except FileNotFoundError:
                continue  # its owner has just removed the folder
            if not _lock(file):
                file.close()
                return None
            try:
                if os.path.samestat(os.fstat(file.fileno()), name.stat()):
                    return file
            except FileNotFoundError:
                pass
            file.close()  # a lock on a file that is gone protects nothing

    def _check_owner(self) -> None:
        """Raise ``UsageError`` unless the path is a folder, and nobody's who could not change the output anyway."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(found.st_mode):
            raise UsageError(f"{self.path} is in the way of the folder for unfinished work; move it, or name another output")
        # Some network and foreign file systems give all files one owner, whoever made them.
        if os.name == "posix" and found.st_uid not in (os.geteuid(), self.path.parent.stat().st_uid):
            raise UsageError(f"{self.path} is a folder of another user; have it removed, or name another output")

    def _check_content(self) -> None:
        foreign = sorted(item.name for item in self.path.iterdir() if not _OURS.fullmatch(item.name))
        if foreign:
            raise UsageError(
                f"{self.path} holds {visible(foreign[0])}, which is not of roop's making; move it elsewhere, "
                "or name another output"
            )

    def _begin(self, key: str) -> None:
        manifest = self.path / _MANIFEST
        try:
            same = json.loads(manifest.read_text())["key"] == key
        except (OSError, ValueError, KeyError, TypeError):
            same = False
        self._sweep(_LOCK, segments=same)
        manifest.write_text(json.dumps({"key": key}))

    def _sweep(self, *stay: str, segments: bool) -> None:
        """Remove all but these names, and whole segments where they are to stay too."""
        for item in self.path.iterdir():
            whole = segments and item.suffix != ".part" and item.name.startswith(_SEGMENT) and not item.is_symlink()
            if item.name not in stay and not whole:
                shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()

    def finished_segments(self) -> list[str]:
        """Names of the whole segments from the first on, without a gap."""
        names: list[str] = []
        while (self.path / f"{_SEGMENT}{len(names):06d}").exists():
            names.append(f"{_SEGMENT}{len(names):06d}")
        return names

    def forget(self, first: int) -> None:
        """Remove the finished segments from number ``first`` on: they are to be made again."""
        try:
            for name in reversed(self.finished_segments()[first:]):
                (self.path / name).unlink()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def leave(self) -> None:
        """Unlock; whole segments stay for the next run, and no file that a plugin may have worked on."""
        with suppress(OSError):
            self._sweep(_LOCK, _MANIFEST, segments=True)
        self.close()

    def close(self) -> None:
        """Unlock; what is inside stays."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def remove(self) -> None:
        """Delete the folder and all in it: everything was made by this run or one before, or ``__init__`` had raised."""
        if os.name != "posix":
            self.close()
        shutil.rmtree(self.path, ignore_errors=True)  # follows no link, should one have taken the folder's place
        self.close()


def _lock(file: IO[Any]) -> bool:
    """Whether the lock was free; the system gives it back when the process ends, however it ends."""
    take: Callable[[], object]
    if os.name == "posix":
        import fcntl

        def take() -> None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        def take() -> None:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

    try:
        take()
    except OSError:
        return False
    return True
