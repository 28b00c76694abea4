"""Files under their final name: only whole, checked, and never over somebody's file by accident."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from roop_host.errors import OutputError, UsageError

_SEGMENT = "segment-"


def unwritable(path: Path, error: OSError) -> OutputError:
    """The sentence for an ``OSError`` while writing."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"there is no space left for {path}; free some and run again")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError(f"the name of {path} is too long for this file system; choose a shorter one")
    return OutputError(f"{path} can't be written ({error.strerror or error}); check the folder and its permissions")


def save_atomically(path: Path, parts: Iterable[bytes]) -> None:
    """Write ``path`` whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as file:
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

    ``key`` names job, inputs and software; segments kept by a run with another key are removed.
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
            self._begin(key)
        except OSError as error:
            self.remove()
            raise unwritable(output, error) from error

    def _locked(self) -> IO[Any] | None:
        """The lock file, or None where another run holds it."""
        while True:
            self.path.mkdir(mode=0o700, exist_ok=True)
            name = self.path / "lock"
            try:
                file = name.open("a+b")
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

    def _begin(self, key: str) -> None:
        manifest = self.path / "manifest.json"
        try:
            same = json.loads(manifest.read_text())["key"] == key
        except (OSError, ValueError, KeyError, TypeError):
            same = False
        for item in self.path.iterdir():
            whole = same and item.suffix != ".part" and item.name.startswith(_SEGMENT)
            if item.name != "lock" and not whole:
                shutil.rmtree(item) if item.is_dir() else item.unlink()
        manifest.write_text(json.dumps({"key": key}))

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

    def close(self) -> None:
        """Unlock; what is inside stays for the next run."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def remove(self) -> None:
        """Delete the folder and all in it."""
        if os.name != "posix":
            self.close()
        shutil.rmtree(self.path, ignore_errors=True)
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
