"""The one tree of errors a user can meet: each carries its exit code and a sentence that says what to do next."""

from __future__ import annotations

import threading
import unicodedata
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from roop_host.types.report import Refusal, Report


#: More of a plugin's text than this helps nobody.
_LONGEST = 600


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
    """A working screener refused a picture: ``refusal`` says which one, where it stands and what it scored."""

    def __init__(self, text: str, refusal: Refusal | None = None) -> None:
        super().__init__(text)
        self.refusal = refusal


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

    def __init__(self, text: str = "stopped on request; nothing was left behind under the output's name") -> None:
        super().__init__(text)


def from_outside(error: BaseException) -> bool:
    """Whether this is a real Ctrl-C: Python raises that in the main thread only, so elsewhere it is a plugin's doing."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def told(error: BaseException) -> str:
    """An error nobody foresaw, in one line: its type and what it says, whatever that holds."""
    kind = type(error).__name__
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  (a plugin's own ``__str__`` may do anything)
        return kind
    return f"{kind}: {one_line(text)}" if text.strip() else kind


def one_line(text: str) -> str:
    """What can be shown of a text that somebody else wrote, of bearable length."""
    line = " ".join(visible(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def visible(text: str) -> str:
    """All of a text but line breaks, control and direction characters, which would deceive who reads it."""
    return "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text).strip()


# Others decide about the exit code of things that are the host's: a block, a cancel, an output.
_A_PLUGIN_MAY_SAY = (InputError, ModelError, NoFaceError, PluginError, UsageError)
_A_SCREENER_MAY_SAY = (ModelError, ScreenerFailed, UsageError)


def named(error: RoopError, who: str, failure: type[RoopError]) -> RoopError:
    """An error that a plugin chose to raise, with its name; of a kind that is the host's to say it becomes ``failure``."""
    may = _A_SCREENER_MAY_SAY if failure is ScreenerFailed else _A_PLUGIN_MAY_SAY
    kind = type(error) if type(error) in may else failure
    text = one_line(str(error))
    return kind(text if who in text else f"{who}: {text}")
