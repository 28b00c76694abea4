"""Finished files and folders get their final names: all synced first, and never over somebody's file by accident."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from roop_host.errors import UsageError
from roop_host.media.output import unwritable

_Undo = Callable[[], object]


def publish(files: Sequence[tuple[Path, Path]], overwrite: bool) -> None:
    """Give each finished file or folder its final name, in this order, and never over another without ``overwrite``.

    The output comes last, so where it stands, what belongs beside it stands too. If that fails, what is new is taken back
    under its temporary name; a file that ``overwrite`` has already put in another's place stays. A folder that is there
    already is filled and stays what it was: a link, the root of a disk, another's. Raises ``UsageError``, ``OutputError``.
    """
    undo: list[_Undo] = []
    final = files[-1][1]
    try:
        for temporary, _ in files:
            for path in _files_in(temporary):
                _sync_file(path)
        for temporary, final in files:
            name = _name_folder if temporary.is_dir() else _name_file
            name(temporary, final, overwrite, undo)
        for folder in dict.fromkeys(final.parent for _, final in files):
            _sync_folder(folder)
    except BaseException as error:
        for take_back in reversed(undo):
            with suppress(OSError):
                take_back()
        if not isinstance(error, OSError):
            raise
        if isinstance(error, FileExistsError):
            raise UsageError(f"{error.filename} has appeared meanwhile; name another output or add --overwrite") from error
        raise unwritable(final, error) from error


def _files_in(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (item for item in path.iterdir() if item.is_file())
    else:
        yield path


def _name_file(temporary: Path, final: Path, overwrite: bool, undo: list[_Undo]) -> None:
    if overwrite:
        new = not os.path.lexists(final)
        temporary.replace(final)
        if new:
            undo.append(partial(_take_back, final, temporary))
        return
    try:
        os.link(temporary, final)
    except OSError as error:  # a file system without hard links, if not a file of that name
        if isinstance(error, FileExistsError) or os.path.lexists(final):
            raise _exists(final) from None
        temporary.rename(final)
        undo.append(partial(_take_back, final, temporary))
    else:
        undo.append(final.unlink)


def _name_folder(temporary: Path, final: Path, overwrite: bool, undo: list[_Undo]) -> None:
    if os.path.lexists(final) and not (final.is_dir() and (overwrite or not any(final.iterdir()))):
        raise _exists(final)
    try:
        _place(temporary, final, overwrite, undo)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Across file systems nothing can simply get another name.
        with _copied(temporary, final if final.is_dir() else final.parent) as near:
            _place(near, final, overwrite, undo)


def _place(temporary: Path, final: Path, overwrite: bool, undo: list[_Undo]) -> None:
    if not final.is_dir():
        temporary.rename(final)
        undo.append(partial(_take_back, final, temporary))
        return
    for path in sorted(_files_in(temporary)):
        _name_file(path, final / path.name, overwrite, undo)
    _sync_folder(final)


def _take_back(final: Path, temporary: Path) -> None:
    try:
        final.rename(temporary)
    except OSError:  # it came from a copy that is gone by now
        shutil.rmtree(final) if final.is_dir() else final.unlink()


def _exists(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "exists", str(path))


@contextmanager
def _copied(temporary: Path, folder: Path) -> Iterator[Path]:
    """A synced copy somewhere within ``folder``, gone afterwards."""
    made = tempfile.mkdtemp(prefix=".roop-", dir=folder)
    try:
        near = Path(made, temporary.name)
        shutil.copytree(temporary, near)
        for path in _files_in(near):
            _sync_file(path)
        yield near
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
