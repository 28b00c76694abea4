"""One error of a plugin makes many checks fail: what it is and where it stands, to be told once."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import roop_host
from roop_host.errors import told
from roop_host.testing.checking import Result

_HOST = Path(roop_host.__file__).parent
_STANDARD = Path(sysconfig.get_path("stdlib"))
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_READ_ONLY = (
    "What a frame gives is read-only: change a copy of it, and write that with frame.put, which is how the host knows what "
    "was changed."
)


@dataclass(frozen=True, slots=True)
class Cause:
    """An error that a plugin raised: what it says, and where in the plugin's files, "my_filter.py, line 15"."""

    told: str
    place: str

    def __str__(self) -> str:
        return f"{self.told} ({self.place})"

    @property
    def advice(self) -> str:
        """What to do about it, whichever check met it."""
        if "read-only" in self.told and self.told.startswith("ValueError"):
            return _READ_ONLY
        return "Look at that line first, and check again: what these checks ask for was not reached."


def cause_of(result: Result) -> Cause | None:
    """The plugin's own error that made a check fail; None where the check found something else."""
    error = result.cause
    if result.state != "failed" or error is None or told(error) not in result.told:
        return None
    place = place_of(error)
    return Cause(told(error), place) if place else None


def groups_of(results: Sequence[Result]) -> list[tuple[Cause | None, list[Result]]]:
    """Those that failed, in order: together where one error made several fail."""
    groups: dict[object, tuple[Cause | None, list[Result]]] = {}
    for result in results:
        if result.state == "failed":
            cause = cause_of(result)
            groups.setdefault(cause or result.check.id, (cause, []))[1].append(result)
    return list(groups.values())


def told_with_place(result: Result) -> str:
    """What happened, and where in the plugin's files if it is known."""
    cause = cause_of(result)
    return f"{result.told} ({cause.place})" if cause is not None else result.told


def advice_of(result: Result) -> str:
    """What to do: the check's advice, unless the plugin's error has one that fits better."""
    cause = cause_of(result)
    return _READ_ONLY if cause is not None and cause.advice == _READ_ONLY else result.check.advice


def place_of(error: BaseException) -> str:
    """The innermost line of a plugin's files that an error went through; empty where it never was in one."""
    seen: BaseException | None = error
    while seen is not None:
        places = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(seen.__traceback__)]
        places = [(file, line) for file, line in places if not _is_others(file)]
        if places:
            first = places[0][0]
            own = first if first.parent.name in _INSTALLED else first.parent
            file, line = [place for place in places if place[0].is_relative_to(own)][-1]
            return f"{file.name}, line {line}"
        seen = seen.__cause__
    return ""


def _is_others(file: Path) -> bool:
    """Whether it is a file of the host or of Python, or none at all."""
    standard = file.is_relative_to(_STANDARD) and not _INSTALLED & set(file.parts)
    return standard or file.is_relative_to(_HOST) or str(file).startswith("<")
