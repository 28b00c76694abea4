"""Checks of plugins: plain functions, each with what must hold and what its author does when it doesn't."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from roop_host.errors import InputError, ModelError, PluginError, RoopError, UsageError, one_line, told
from roop_host.pipeline.calls import CallThread, Unfit

if TYPE_CHECKING:
    from roop_host.testing.subject import Subject

State = Literal["passed", "failed", "waived", "not run", "does not apply"]
#: What a check may take; loading a large network on a slow disk stands for it.
LIMIT_S = 120.0
#: What a person or the host goes by, whatever a plugin says of itself: the first two are told to users, the rest the host
#: refuses in a job.
_NEVER_WAIVED = frozenset(
    {
        "waivers_name_checks",
        "no_network_unless_declared",
        "declarations_are_valid",
        "scores_are_numbers",
        "measures_are_numbers",
        "frames_are_as_described",
        "sidecar_gives_bytes",
        "finisher_gives_declared_files",
    }
)
#: So many words make a reason.
_LEAST_WORDS = 3
_HANGS = "roop-hangs: "


class Failed(AssertionError):
    """What a check promises does not hold; the text says what happened."""


class DoesNotApply(Exception):
    """There is nothing to be checked, as the declaration says; the text says why."""


class NotRun(Exception):
    """The object can't be had here and now, such as for want of a model; ``error`` says what is missing and what to do."""

    def __init__(self, error: RoopError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Check:
    """``id`` is the function's name, ``says`` what must hold, ``advice`` what to do about it.

    One that is not ``waivable`` must hold whatever ``ROOP_WAIVED`` says.
    """

    id: str
    says: str
    advice: str
    run: Callable[[Subject], None]
    waivable: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check. ``told`` says what happened, or why it does not apply, was not run or is waived.

    ``hangs`` is that the call did not come back: nothing more is to be called in this process. ``error`` says so then, or
    what is missing of what was not run; ``cause`` is what the plugin raised.
    """

    check: Check
    state: State
    told: str = ""
    error: RoopError | None = None
    hangs: bool = False
    cause: BaseException | None = None

    @property
    def good(self) -> bool:
        """Nothing is to be done about it."""
        return self.state in ("passed", "waived", "does not apply")


def check_of(function: Callable[[Subject], None]) -> Check:
    """A check from a function: its docstring's first line is what must hold, the rest is the advice."""
    says, _, advice = inspect.cleandoc(function.__doc__ or "").replace("``", "").partition("\n\n")
    name = function.__name__
    return Check(name, one_line(says), one_line(advice), function, name not in _NEVER_WAIVED)


def checks(*functions: Callable[[Subject], None]) -> tuple[Check, ...]:
    """All of them, in this order."""
    return tuple(map(check_of, functions))


def checks_of(hook: str) -> tuple[Check, ...]:
    """Every check of what ``hook`` declares: those of any plugin come first.

    ``roop_plugins`` stands for those of a plugin as a whole, whatever it declares.
    """
    from roop_host.testing.checks import BY_HOOK

    return BY_HOOK[hook]


def run_check(check: Check, subject: Subject, *, limit_s: float = LIMIT_S) -> Result:
    """Run one. What a plugin raises, and that it hangs, is a failure; a waiver without need is one too.

    The process is left as it was found, also by a call that hangs.
    """
    from roop_host.testing.checks.process import unchanged

    with unchanged():
        result = _run(check, subject, limit_s)
    reason = subject.waiver(check)
    if reason is None or result.hangs or result.state == "not run":
        return result
    if result.state == "does not apply" and not subject.packaged:  # it may apply to the package
        return result
    return _waived(result, subject.waiver_key(check), reason)


def _waived(result: Result, key: str, reason: str) -> Result:
    """What comes of a check that was tried, and that ``ROOP_WAIVED`` names."""
    check, out = result.check, f"take {key!r} out of ROOP_WAIVED"
    if not check.waivable:
        before = f"{result.told}, and " if result.state == "failed" else ""
        return replace(result, state="failed", told=f"{before}it can't be waived: {out}")
    if not is_reason(reason):
        told = f"it is waived without a reason: ROOP_WAIVED[{key!r}] is {reason!r}; say why in three words or more"
        return Result(check, "failed", told)
    if result.state == "passed":
        return Result(check, "failed", f"it holds, so its waiver is not needed: {out}")
    if result.state == "does not apply":
        return Result(check, "failed", f"it does not apply ({result.told}), so its waiver is not needed: {out}")
    return Result(check, "waived", reason)


def is_reason(text: str) -> bool:
    """Whether a waiver says why: in words, at least three."""
    return len(re.findall(r"[^\W\d_]+", text)) >= _LEAST_WORDS


def hanging() -> str | None:
    """The check, as ``KIND.NAME.CHECK``, whose call still hangs in a thread of this process."""
    names = (thread.name for thread in threading.enumerate() if thread.name.startswith(_HANGS))
    return next((name.removeprefix(_HANGS) for name in names), None)


def _run(check: Check, subject: Subject, limit_s: float) -> Result:
    thread = CallThread()
    threads: list[threading.Thread] = []
    hangs = False
    try:
        thread.call(partial(_in_thread, check, subject, threads), limit_s=limit_s, late=_late, cancel=subject.cancel)
    except Unfit as error:
        hangs = True
        for one in threads:  # what hangs is known by its thread, as long as that lives
            one.name = f"{_HANGS}{subject.waiver_key(check)}"
        return Result(check, "failed", str(error), error=error.error, hangs=True)
    except DoesNotApply as error:
        return Result(check, "does not apply", str(error))
    except NotRun as error:
        return Result(check, "not run", str(error), error=error.error)
    except Failed as error:
        return Result(check, "failed", str(error), cause=error.__cause__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (whatever a plugin raises is told as what came of the check)
        return Result(check, "failed", told(error), cause=error)
    finally:
        thread.close(wait=not hangs)
    return Result(check, "passed")


def _in_thread(check: Check, subject: Subject, threads: list[threading.Thread]) -> None:
    """A Ctrl-C is raised in the main thread: one that comes up here is the plugin's own."""
    threads.append(threading.current_thread())
    try:
        check.run(subject)
    except KeyboardInterrupt as error:
        raise Failed("it raised KeyboardInterrupt, which only a person's Ctrl-C may") from error


def _late(seconds: float) -> RoopError:
    return PluginError(f"a call did not come back within {seconds:g} s")


#: What ``setup`` raises where something is missing that a person can bring.
MISSING = (UsageError, ModelError, InputError)


def run_checks(subject: Subject, *, limit_s: float = LIMIT_S) -> Iterator[Result]:
    """All checks of a declaration, one after the other, to the first call that hangs."""
    for check in checks_of(subject.hook):
        result = run_check(check, subject, limit_s=limit_s)
        yield result
        if result.hangs:
            return
