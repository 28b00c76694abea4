"""What the host and plugins log, in a terminal."""

from __future__ import annotations

import logging
import sys
from typing import TextIO


class Log(logging.StreamHandler[TextIO]):
    """On stderr; ``told`` is what it said."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self.told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.told.add(record.getMessage())
        super().emit(record)


def log_to_stderr(*, debug: bool) -> Log:
    """What the host and plugins log: warnings always, all of it for --debug."""
    log, handler = logging.getLogger("roop"), Log()
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.DEBUG if debug else logging.WARNING)
    return handler
