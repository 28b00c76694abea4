"""Printing where stdout or stderr may be full or gone: the work is not undone by it, and a failure keeps its exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import TypeGuard

from roop_host.errors import OutputError

#: How a stream says that it takes nothing more.
_LOST = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF)


def is_lost(error: object) -> TypeGuard[OSError]:
    """Whether this says that a stream takes nothing more; errors of files name the file."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _LOST


def printing(code: int, tell: Callable[[], None]) -> int:
    """Tell how it went; the exit code, which is ``code`` unless that is 0 and what belongs on stdout is lost."""
    try:
        tell()
    except OSError as error:
        return _lost(code, error)
    return code


def flush(code: int) -> int:
    """Write out what is left; the exit code. Without it the interpreter would try at its end, and fail with another one."""
    return printing(printing(code, sys.stdout.flush), sys.stderr.flush)


def _lost(code: int, error: OSError) -> int:
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115,PTH123  (for the whole process)
    if isinstance(error, BrokenPipeError):  # who reads has had enough
        return code
    try:
        print(f"roop: what was to be told can't be written ({error.strerror}); send it elsewhere", file=sys.stderr)
        sys.stderr.flush()
    except OSError:  # so it was stderr, and only words for people went
        return code
    return code or OutputError.exit_code
