"""Printing where stdout or stderr may be full or gone: the work is not undone by it, and a failure keeps its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from roop_host.errors import OutputError


def printing(code: int, tell: Callable[[], None]) -> int:
    """Tell how it went; the exit code, which is ``code`` unless that is 0 and the telling failed."""
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
        stream = getattr(sys, name)
        try:
            stream.flush()
        except OSError:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115,PTH123  (for the whole process)
    if isinstance(error, BrokenPipeError):  # who reads has had enough
        return code
    try:
        print(
            f"roop: what was to be told can't be written ({error.strerror}); send it elsewhere", file=sys.stderr, flush=True
        )
    except OSError:
        return code or OutputError.exit_code
    return code or OutputError.exit_code
