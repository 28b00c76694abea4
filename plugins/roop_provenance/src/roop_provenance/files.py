"""Files of strangers are opened once, never waited for, and judged by what was really opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


def open_regular(path: Path, *, follow: bool = True) -> IO[bytes]:
    """A regular file; without ``follow`` no link to one. Raises ``OSError``, also for what is none, and ``ValueError``."""
    if not follow and path.is_symlink():  # Windows has no O_NOFOLLOW
        raise OSError(errno.ELOOP, "it is a link")
    number = os.open(path, _FLAGS | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(number, "rb")
    os.close(number)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    raise OSError(errno.EINVAL, "it is no regular file")
