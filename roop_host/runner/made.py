"""What a job has made, known by its bytes: success is said of that, and of nothing that took its place."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from roop_host.errors import PluginError
from roop_host.media.output import unwritable
from roop_host.runner.files import Files, stamp_of

#: So many bytes are read at once.
PIECE = 1 << 20
# A clock of a file system may stand still for some milliseconds: what is younger may be changed and look as it did.
_YOUNG_NS = 100_000_000
_Identity = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file, and how the file stood just before that was read; None where that tells nothing."""

    sha256: str
    size: int
    identity: _Identity | None


class Made:
    """The finished files of a job, read before they get their names and compared afterwards."""

    def __init__(self, contents: Mapping[Path, Content]) -> None:
        """``contents`` are by final name."""
        self._contents = dict(contents)

    @classmethod
    def read(cls, files: Files, check_cancel: Callable[[], None]) -> Made:
        """Raises what ``check_cancel`` does, and ``OutputError`` for a file that is gone again."""
        try:
            return cls({final: read_content(path, check_cancel) for path, final in _each(files)})
        except OSError as error:
            raise unwritable(files[-1][1], error) from error

    def under(self, path: Path) -> dict[Path, Content]:
        """The file that has this name, or those in the folder that has it."""
        return {final: content for final, content in self._contents.items() if path in (final, final.parent)}

    def same(self, path: Path) -> bool:
        """Whether there still stands what was made. It is read again only where nothing else tells."""
        known = self._contents[path]
        try:
            if path.is_symlink():
                return False
            if known.identity is not None and known.identity == _identity(path):
                return True
            now = read_content(path)
        except OSError:
            return False
        if (now.sha256, now.size) != (known.sha256, known.size):
            return False
        self._contents[path] = now
        return True

    def require(self, *paths: Path) -> None:
        """Raise ``PluginError`` for one of ``paths``, or of all files, that is no more what was made and screened."""
        for path in paths or tuple(self._contents):
            if not self.same(path):
                raise PluginError(
                    f"a plugin, or another program, changed or removed {path} after it was screened; don't use what "
                    "stands there, but find out which one did and run again without it"
                )


def _each(files: Files) -> Iterator[tuple[Path, Path]]:
    """Every file, also those of folders, with its final name."""
    for path, final in files:
        if path.is_dir():
            yield from ((one, final / one.name) for one in sorted(path.iterdir()) if one.is_file())
        else:
            yield path, final


def read_content(path: Path, check_cancel: Callable[[], None] = lambda: None) -> Content:
    """Of a file that is read once, in pieces. Raises ``OSError``, and what ``check_cancel`` does."""
    digest, identity = hashlib.sha256(), _identity(path)
    with path.open("rb") as file:
        while chunk := file.read(PIECE):
            check_cancel()
            digest.update(chunk)
        return Content(digest.hexdigest(), file.tell(), identity)


def _identity(path: Path) -> _Identity | None:
    """None where a change could leave it as it is: only POSIX has a time that nobody can set."""
    status = path.lstat()
    if os.name != "posix" or time.time_ns() - status.st_ctime_ns < _YOUNG_NS:
        return None
    return *stamp_of(status), status.st_ctime_ns
