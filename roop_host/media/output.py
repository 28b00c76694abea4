"""Files under their final name: only whole, checked, and never over somebody's file by accident."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from PIL import Image

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


def check_picture(path: Path) -> None:
    """A finished picture must be whole. Raises ``OutputError``."""
    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError) as error:
        raise OutputError(f"the finished file could not be read back ({error}); nothing was kept, run again") from error


def publish(files: Sequence[tuple[Path, Path]], overwrite: bool) -> None:
    """Give finished files their final names in this order: all synced first, and never over another without ``overwrite``.

    The output comes last, so where it stands, what belongs beside it stands too. If that fails, new files are taken back;
    one that ``overwrite`` has already put in another's place stays.
    """
    named: list[Path] = []
    try:
        for temporary, _ in files:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        for temporary, final in files:
            if overwrite:
                temporary.replace(final)
            else:
                _rename_new(temporary, final)
                named.append(final)
        _sync_folder(files[-1][1].parent)
    except BaseException as error:
        for path in named:
            path.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        if isinstance(error, FileExistsError):
            raise UsageError(f"{error.filename} has appeared meanwhile; name another output or add --overwrite") from error
        raise unwritable(files[-1][1], error) from error


def _rename_new(temporary: Path, final: Path) -> None:
    try:
        os.link(temporary, final)
    except OSError as error:  # a file system without hard links, if not a file of that name
        if isinstance(error, FileExistsError) or final.exists():
            raise FileExistsError(errno.EEXIST, "exists", str(final)) from None
        temporary.rename(final)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class WorkFolder:
    """``.<output name>.roop/`` beside the output: locked, and continued only by the very same job.

    ``key`` names job, inputs and software; segments kept by a run with another key are removed.
    """

    def __init__(self, output: Path, key: str) -> None:
        self.path = output.absolute().with_name(f".{output.name}.roop")
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
