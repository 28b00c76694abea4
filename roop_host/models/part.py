"""A file that is not whole yet, and where it comes from: what is kept when a download stops."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from roop_host.errors import ModelError
from roop_host.models.checking import digest
from roop_host.models.places import write_whole, writing
from roop_host.types.models import megabytes

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
#: What may go into a header of a request.
_VALIDATOR = re.compile(r"[\x20-\x7e]{1,200}")


class Part:
    """An open part file, alone in its folder by the store's lock. ``total`` is its size in bytes when it is whole."""

    def __init__(self, path: Path, total: int) -> None:
        self.path, self._total = path, total
        with writing(path.parent):
            self._file = _open(path)
            self.size = self._file.seek(0, os.SEEK_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        if kind is not None and not self.size:  # there is nothing to go on with
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
                self._origin.unlink(missing_ok=True)

    def add(self, data: bytes) -> None:
        """Append. Raises ``ModelError`` where the disk is full; what was written stays."""
        left = memoryview(data)
        try:
            while left:
                written = os.write(self._file.fileno(), left)
                self.size += written
                left = left[written:]
        except OSError as error:
            if error.errno not in _FULL:
                with writing(self.path.parent):
                    raise
            raise ModelError(
                f"the disk of {self.path.parent} is full: {megabytes(self._total - self.size)} are missing; make room, "
                "then do the same again"
            ) from error

    def clear(self) -> None:
        """Begin anew."""
        with writing(self.path.parent):
            self._file.truncate(0)
            self._file.seek(0)
            self._origin.unlink(missing_ok=True)
        self.size = 0

    def sha256(self, cancel: threading.Event) -> str:
        """The hash of what is there."""
        found = digest(self._file, cancel)
        self._file.seek(0, os.SEEK_END)
        return found

    @property
    def file(self) -> BinaryIO:
        """For reading; appending goes on at its end."""
        return self._file

    def settle(self) -> None:
        """Have all of it on the disk."""
        with writing(self.path.parent):
            os.fsync(self._file.fileno())

    def note_origin(self, url: str, validator: str) -> None:
        """Keep what the server calls this version of the file, so that a later request can ask for more of the same."""
        with writing(self.path.parent):
            write_whole(self._origin, json.dumps({"url_sha256": _hashed(url), "validator": validator}) + "\n")

    def validator(self, url: str) -> str:
        """What ``url`` called the version of which this is a part; empty where it said nothing, or another one began it."""
        try:
            said = json.loads(self._origin.read_text(encoding="utf-8"))
            url_then, found = said["url_sha256"], said["validator"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return ""
        return found if url_then == _hashed(url) and isinstance(found, str) and _VALIDATOR.fullmatch(found) else ""

    @property
    def _origin(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")


def _hashed(url: str) -> str:
    """The address of a mirror may hold a password, which does not belong on a disk."""
    return hashlib.sha256(url.encode(errors="surrogatepass")).hexdigest()


def _open(path: Path) -> BinaryIO:
    """Never through a link, soft or hard: what it leads to is not roop's."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            path.unlink()
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
