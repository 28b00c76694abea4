"""Finished files and folders get their final names: all synced first, and never over somebody's file by accident."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from roop_host.errors import UsageError
from roop_host.media.output import unwritable

_Undo = Callable[[], object]


def publish(files: Sequence[tuple[Path, Path]], overwrite: bool) -> None:
    """Give each finished file or folder its final name, in this order, and never over another without ``overwrite``.

    The output comes last, so where it stands, what belongs beside it stands too. If that fails, what is new is taken back;
    a file that ``overwrite`` has already put in another's place stays.
    """
    undo: list[_Undo] = []
    final = files[-1][1]
    try:
        for temporary, _ in files:
            for path in _files_in(temporary):
                _sync_file(path)
        for temporary, final in files:
            undo += (
                _name_folder(temporary, final, overwrite) if temporary.is_dir() else _name_file(temporary, final, overwrite)
            )
        _sync_folder(final.parent)
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


def _name_file(temporary: Path, final: Path, overwrite: bool) -> list[_Undo]:
    if overwrite:
        new = not os.path.lexists(final)
        temporary.replace(final)
        return [partial(final.unlink, missing_ok=True)] if new else []
    try:
        os.link(temporary, final)
    except OSError as error:  # a file system without hard links, if not a file of that name
        if isinstance(error, FileExistsError) or final.exists():
            raise FileExistsError(errno.EEXIST, "exists", str(final)) from None
        temporary.rename(final)
    return [partial(final.unlink, missing_ok=True)]


def _name_folder(temporary: Path, final: Path, overwrite: bool) -> list[_Undo]:
    if final.is_dir() and any(final.iterdir()):
        if not overwrite:
            raise FileExistsError(errno.EEXIST, "exists", str(final))
        return [undo for path in sorted(_files_in(temporary)) for undo in _name_file(path, final / path.name, overwrite)]
    with suppress(FileNotFoundError):
        final.rmdir()
    try:
        temporary.rename(final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _carry_over(temporary, final)
    return [partial(shutil.rmtree, final, ignore_errors=True)]


def _carry_over(temporary: Path, final: Path) -> None:
    """To another file system, where a folder can't simply get another name."""
    near = final.with_name(f".{final.name}.roop-copy")
    near.mkdir()  # outside of what is removed below: one that is there already is not ours
    try:
        shutil.copytree(temporary, near, dirs_exist_ok=True)
        for path in _files_in(near):
            _sync_file(path)
        near.rename(final)
    except BaseException:
        shutil.rmtree(near, ignore_errors=True)
        raise


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
