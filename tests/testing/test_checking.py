"""What the kit makes of a check: its states, what is told, and what a waiver does."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from kit import processor

from roop_host import InputError, ModelError, Processor, Window
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Check, Result, Subject, checks_of, run_check, run_checks
from roop_host.testing.checking import DoesNotApply, Failed, NotRun, check_of


class Plain(Processor):
    def process(self, window: Window) -> None:
        pass


def subject_of(waived: Mapping[str, str] | None = None, make: type[Processor] = Plain) -> Subject:
    module = SimpleNamespace(**vars(processor(make, "plain")), ROOP_WAIVED=waived or {})
    plugins = plugins_of({"plain": module})
    return Subject(plugins, "roop_processors", plugins.named("roop_processors", "plain"))


def holds(subject: Subject) -> None:
    """It holds.

    Leave ``it`` as
    it is.
    """


def breaks(subject: Subject) -> None:
    """It breaks."""
    raise Failed("it broke: 3 of 4")


def skips(subject: Subject) -> None:
    """It has nothing to look at."""
    raise DoesNotApply("it looks at no neighbours")


def lacks(subject: Subject) -> None:
    """It lacks a model."""
    raise NotRun(ModelError("the model paint is missing; pull it"))


def raises(subject: Subject) -> None:
    """It raises."""
    raise ZeroDivisionError("by zero")


def leaves(subject: Subject) -> None:
    """It leaves."""
    raise SystemExit(3)


def hangs(subject: Subject) -> None:
    """It hangs, until the test lets it go."""
    while not subject.cancel.is_set():
        time.sleep(0.01)


def result_of(check: object, waived: Mapping[str, str] | None = None) -> Result:
    assert callable(check)
    return run_check(check_of(check), subject_of(waived))


def test_a_check_is_what_its_function_says() -> None:
    check = check_of(holds)
    assert (check.id, check.says, check.advice) == ("holds", "It holds.", "Leave it as it is.")


@pytest.mark.parametrize(
    ("check", "state", "told", "good"),
    [
        (holds, "passed", "", True),
        (breaks, "failed", "it broke: 3 of 4", False),
        (skips, "does not apply", "it looks at no neighbours", True),
        (lacks, "not run", "the model paint is missing; pull it", False),
        (raises, "failed", "ZeroDivisionError: by zero", False),
        (leaves, "failed", "SystemExit: 3", False),
    ],
)
def test_states(check: object, state: str, told: str, good: bool) -> None:
    result = result_of(check)
    assert (result.state, result.told, result.good) == (state, told, good)
    assert not result.hangs


def test_what_is_missing_is_told_as_it_was_raised() -> None:
    assert isinstance(result_of(lacks).error, ModelError)


def test_a_call_that_hangs_fails_its_check_and_ends_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of()
    monkeypatch.setattr("roop_host.testing.checking.checks_of", lambda hook: tuple(map(check_of, (holds, hangs, breaks))))
    results = list(run_checks(subject, limit_s=0.1))
    assert [(one.check.id, one.state, one.hangs) for one in results] == [
        ("holds", "passed", False),
        ("hangs", "failed", True),
    ]
    assert results[-1].told == "a call did not come back within 0.1 s"
    subject.cancel.set()


def test_a_call_that_hangs_is_not_waived() -> None:
    subject = subject_of({"plain.hangs": "it takes its time"})
    result = run_check(check_of(hangs), subject, limit_s=0.1)
    assert (result.state, result.hangs) == ("failed", True)
    subject.cancel.set()


def test_a_waived_check_is_run_and_its_reason_told() -> None:
    result = result_of(breaks, {"plain.breaks": "the library can't do better"})
    assert (result.state, result.told, result.good) == ("waived", "the library can't do better", True)


@pytest.mark.parametrize("check", [holds, breaks])
def test_a_waiver_needs_a_reason(check: object) -> None:
    result = result_of(check, {f"plain.{check.__name__}": " "})  # type: ignore[attr-defined]
    assert result.state == "failed"
    assert "it is waived without a reason: ROOP_WAIVED['plain." in result.told


def test_a_waiver_that_is_not_needed_fails() -> None:
    result = result_of(holds, {"plain.holds": "once it did not"})
    assert result.state == "failed"
    assert result.told == "it holds, so its waiver is not needed: take 'plain.holds' out of ROOP_WAIVED"


@pytest.mark.parametrize("check", [skips, lacks])
def test_a_waiver_changes_nothing_of_what_was_not_tried(check: object) -> None:
    result = result_of(check, {f"plain.{check.__name__}": "why"})  # type: ignore[attr-defined]
    assert (result.state, result.told) == (result_of(check).state, result_of(check).told)


def test_a_waiver_is_of_one_declaration() -> None:
    assert result_of(breaks, {"other.breaks": "why"}).state == "failed"


def test_a_waiver_of_a_check_that_is_none_fails_a_check() -> None:
    (check,) = (check for check in checks_of("roop_processors") if check.id == "waivers_name_checks")
    assert run_check(check, subject_of({"plain.breaks": "why"})).state == "failed"
    assert run_check(check, subject_of({"plain.no_frame_kept": "why"})).state == "passed"


@pytest.mark.parametrize("hook", ["processors", "screeners", "analysers", "exporters", "uploaders", "sources", "commands"])
def test_every_check_says_what_must_hold_and_what_to_do(hook: str) -> None:
    found = checks_of(f"roop_{hook}")
    assert len({check.id for check in found}) == len(found)
    for check in found:
        assert check.says.endswith(".")
        assert check.advice, f"{check.id} gives no advice"


class LacksAModel(Plain):
    torn = 0

    def setup(self, ctx: object) -> None:
        raise InputError("the camera is missing; plug it in")

    def teardown(self) -> None:
        type(self).torn += 1


def test_an_object_that_lacks_something_is_not_run_and_torn_down() -> None:
    def sets_up(subject: Subject) -> None:
        """It can be set up."""
        with subject.made():
            pass

    result = run_check(check_of(sets_up), subject_of(make=LacksAModel))
    assert (result.state, result.told) == ("not run", "the camera is missing; plug it in")
    assert LacksAModel.torn == 1


def test_checks_are_run_where_the_host_would_call() -> None:
    threads: list[str] = []

    def looks(subject: Subject) -> None:
        """It looks where it is."""
        threads.append(threading.current_thread().name)

    assert run_check(Check("looks", "", "", looks), subject_of()).state == "passed"
    assert threads == ["roop-calls"]
