"""The one tree of errors a user can meet: each carries its exit code and a sentence that says what to do next."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from roop_host.types.report import Report


class RoopError(Exception):
    """Base of every error a user can meet. ``report`` is set by the host when a job had begun."""

    exit_code: ClassVar[int] = 1
    report: Report | None = None


class UsageError(RoopError):
    """A wrong option, an unknown name, an unavailable device or encoder."""

    exit_code = 2


class InputError(RoopError):
    """A source or target that is missing, empty, broken or of a kind that cannot be read."""

    exit_code = 3


class NoFaceError(RoopError):
    """No usable face where one is needed."""

    exit_code = 4


class ScreeningError(RoopError):
    """Base of everything that makes the gate refuse."""

    exit_code = 5


class ContentBlocked(ScreeningError):
    """A working screener refused a picture."""


class ScreenerFailed(ScreeningError):
    """No screener is installed, or one gave no valid answer. The gate fails closed."""


class ModelError(RoopError):
    """A model is missing, failed verification, or does not compute."""

    exit_code = 6


class PluginError(RoopError):
    """A plugin failed or cannot be used."""

    exit_code = 7


class UploadError(RoopError):
    """An upload failed; the output is kept."""

    exit_code = 8


class OutputError(RoopError):
    """The output could not be written."""

    exit_code = 9


class Interrupted(RoopError):
    """The job was cancelled (Ctrl-C or SIGTERM on the command line)."""

    exit_code = 130


def from_outside(error: BaseException) -> bool:
    """Whether this is a real Ctrl-C: Python raises that in the main thread only, so elsewhere it is a plugin's doing."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()
