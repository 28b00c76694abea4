"""What ``roop doctor`` finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from roop_host.models.devices import first_line
from roop_host.types.packages import pip, pip_remove_all

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``says`` is one line, ``repair`` a command to paste.

    ``exit_code`` is the one that a run would end with because of a problem; without one it is 0.
    """

    area: str
    name: str
    state: State
    says: str
    repair: str = ""
    exit_code: int = 0

    def __post_init__(self) -> None:
        if (self.state == "problem") != (self.exit_code > 0):
            raise ValueError(f"{self.area} {self.name}: a problem, and nothing else, has an exit code")
        object.__setattr__(self, "says", " ".join(self.says.split()))


@dataclass(frozen=True, slots=True)
class Examination:
    """All checks, in the order in which problems are best repaired."""

    checks: tuple[Check, ...]

    @property
    def problems(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.state == "problem")

    @property
    def exit_code(self) -> int:
        """That of the first problem: a run would meet it first too."""
        return self.problems[0].exit_code if self.problems else 0


def ok(area: str, name: str, says: str) -> Check:
    return Check(area, name, "ok", says)


def note(area: str, name: str, says: str, repair: str = "") -> Check:
    """Nothing that stops a run, but worth knowing."""
    return Check(area, name, "note", says, repair)


def problem(area: str, name: str, says: str, repair: str = "", exit_code: int = 1) -> Check:
    return Check(area, name, "problem", says, repair, exit_code)


def reason(error: BaseException) -> str:
    """What is behind an error, in one line: packages wrap a failed import in pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    kind, text = type(error).__name__, first_line(error)
    return kind if text == kind else f"{kind}: {text}"


def install_anew(present: Sequence[str], wanted: str) -> str:
    """Packages that share files can't be repaired one by one: all of them go, then one comes."""
    install = pip("install", wanted)
    return f"{pip_remove_all(*present)} && {install}" if present else install
