"""What the kit makes of a check: its states, what is told, and what a waiver does."""

from __future__ import annotations

import io
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from kit import processor

from roop_host import InputError, ModelError, Processor, Window
from roop_host.plugins.loader import plugins_of
from roop_host.testing import (
    Check,
    DoesNotApply,
    Failed,
    NotRun,
    Result,
    Subject,
    check_of,
    checks_of,
    run_check,
    run_checks,
)
from roop_host.testing.checking import _NEVER_WAIVED, hanging
from roop_host.testing.checks import BY_HOOK
from roop_host.testing.checks.process import offline, process_state, stdout_of


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
    assert hanging() == "processor.plain.hangs"
    let_go(subject)
    assert hanging() is None


def test_a_call_that_hangs_is_not_waived() -> None:
    subject = subject_of({"processor.plain.hangs": "it takes its time"})
    result = run_check(check_of(hangs), subject, limit_s=0.1)
    assert (result.state, result.hangs) == ("failed", True)
    let_go(subject)


def meddles(subject: Subject) -> None:
    """It changes what is everybody's, and raises."""
    os.environ["MY_FILTER_KEY"] = "hush"
    os.chdir("/")
    cv2.setNumThreads(cv2.getNumThreads() + 1)
    np.seterr(all="raise")
    sys.stdout = io.StringIO()
    logging.getLogger("roop").handlers.append(logging.NullHandler())
    raise ZeroDivisionError


def meddles_and_hangs(subject: Subject) -> None:
    """It patches what the kit itself patches, and does not come back."""
    with offline(), stdout_of():
        hangs(subject)


@pytest.mark.parametrize("check", [meddles, meddles_and_hangs])
def test_the_process_is_left_as_it_was(check: object, capfd: pytest.CaptureFixture[str]) -> None:
    assert callable(check)
    before, names, lookup = process_state(), dict(vars(socket.socket)), socket.getaddrinfo
    subject = subject_of()
    assert run_check(check_of(check), subject, limit_s=0.1).state == "failed"
    assert process_state() == before
    assert (dict(vars(socket.socket)), socket.getaddrinfo) == (names, lookup)
    os.write(1, b"here\n")
    assert capfd.readouterr().out == "here\n"
    let_go(subject)


def let_go(subject: Subject) -> None:
    """End what hangs, and wait for it."""
    subject.cancel.set()
    until = time.monotonic() + 10
    while hanging() is not None and time.monotonic() < until:
        time.sleep(0.01)


def test_a_waived_check_is_run_and_its_reason_told() -> None:
    result = result_of(breaks, {"processor.plain.breaks": "the library can't do better"})
    assert (result.state, result.told, result.good) == ("waived", "the library can't do better", True)


@pytest.mark.parametrize("check", [holds, breaks])
def test_a_waiver_needs_a_reason(check: object) -> None:
    for reason in (" ", ".", "why not", "1 2 3"):
        result = result_of(check, {f"processor.plain.{check.__name__}": reason})  # type: ignore[attr-defined]
        assert result.state == "failed"
        assert "it is waived without a reason: ROOP_WAIVED['processor.plain." in result.told


def test_a_waiver_that_is_not_needed_fails() -> None:
    result = result_of(holds, {"processor.plain.holds": "once it did not"})
    assert result.state == "failed"
    assert result.told == "it holds, so its waiver is not needed: take 'processor.plain.holds' out of ROOP_WAIVED"


@pytest.mark.parametrize("check", [skips, lacks])
def test_a_waiver_changes_nothing_of_what_was_not_tried(check: object) -> None:
    result = result_of(check, {f"processor.plain.{check.__name__}": "why"})  # type: ignore[attr-defined]
    assert (result.state, result.told) == (result_of(check).state, result_of(check).told)


def packaged(waived: Mapping[str, str]) -> Subject:
    """As of an installed package."""
    subject = subject_of(waived)
    plugin = replace(subject.declared.plugin, where="site-packages")
    return replace(subject, declared=replace(subject.declared, plugin=plugin))


def test_a_waiver_of_what_does_not_apply_to_the_package_fails() -> None:
    result = run_check(check_of(skips), packaged({"processor.plain.skips": "it has no neighbours"}))
    told = "it does not apply (it looks at no neighbours), so its waiver is not needed: take 'processor.plain.skips' out of"
    assert (result.state, result.told) == ("failed", f"{told} ROOP_WAIVED")


@pytest.mark.parametrize("other", ["processor.other.breaks", "exporter.plain.breaks", "plain.breaks", "plugin.plain.breaks"])
def test_a_waiver_is_of_one_declaration(other: str) -> None:
    assert result_of(breaks, {other: "it can't do better"}).state == "failed"


def no_network_unless_declared(subject: Subject) -> None:
    """It is called as one that can't be waived."""
    raise Failed("it asked for example.org")


def scores_are_numbers(subject: Subject) -> None:
    """So is this one, and it holds."""


@pytest.mark.parametrize(
    ("check", "told"),
    [(no_network_unless_declared, "it asked for example.org, and it can't be waived"), (scores_are_numbers, "it can't be")],
)
def test_some_checks_are_not_waived(check: object, told: str) -> None:
    result = result_of(check, {f"processor.plain.{check.__name__}": "nobody needs to know"})  # type: ignore[attr-defined]
    assert result.state == "failed"
    assert result.told.startswith(told)
    assert result.told.endswith(f"take 'processor.plain.{check.__name__}' out of ROOP_WAIVED")  # type: ignore[attr-defined]


def test_what_can_not_be_waived_is_there() -> None:
    found = {check.id for hook in BY_HOOK for check in checks_of(hook) if not check.waivable}
    assert found == _NEVER_WAIVED


def test_what_a_check_is_told_of_itself_is_not_waived() -> None:
    (check,) = (check for check in checks_of("roop_processors") if check.id == "waivers_name_checks")
    waived = {"processor.plain.no_frame_kep": "it is misspelt", "plugin.plain.waivers_name_checks": "it is always right"}
    assert run_check(check, subject_of(waived)).state == "failed"


def test_a_check_of_the_plugin_as_a_whole_is_waived_as_such() -> None:
    (check,) = (check for check in checks_of("roop_processors") if check.id == "options_are_documented")
    assert subject_of().waiver_key(check) == "plugin.plain.options_are_documented"


def test_a_waiver_of_a_check_that_is_none_fails_a_check() -> None:
    (check,) = (check for check in checks_of("roop_processors") if check.id == "waivers_name_checks")
    assert run_check(check, subject_of({"processor.plain.breaks": "why"})).state == "failed"
    assert run_check(check, subject_of({"processor.plain.no_frame_kept": "it needs the last one"})).state == "passed"


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
