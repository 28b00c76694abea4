"""Each check of a processor fails for a step that breaks its promise, and for no other reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from broken_steps import BROKEN, Case, Healthy
from kit import processor

from roop_host import Processor
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, run_check
from roop_host.testing.checks.processor import CHECKS

CASES = [pytest.param(name, case, id=f"{name}-{case.make.__name__}") for name, cases in BROKEN.items() for case in cases]


def subject_of(make: Callable[[], Processor], **spec: Any) -> Subject:
    said = {"needs_faces": True, "batch_size": 3, "lookbehind": 1, "lookahead": 1, "warmup": 2, **spec}
    plugins = plugins_of({"broken": processor(make, "broken", **said)})
    return Subject(plugins, "roop_processors", plugins.named("roop_processors", "broken"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_step_that_keeps_its_promises_passes(check: Any) -> None:
    result = run_check(check, subject_of(Healthy))
    assert (result.state, result.told) == ("passed", "")


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_broken_step_fails_its_check_and_no_other(name: str, case: Case) -> None:
    results = {check.id: run_check(check, subject_of(case.make)) for check in CHECKS}
    assert results[name].state == "failed"
    assert case.told in results[name].told
    assert {one for one, result in results.items() if result.state != "passed"} == {name, *case.too}


def test_every_check_has_a_step_that_breaks_it() -> None:
    assert set(BROKEN) == {check.id for check in CHECKS}


@pytest.mark.parametrize(
    ("name", "spec", "told"),
    [
        ("neighbours_are_read_only", {"lookbehind": 0, "lookahead": 0}, "no neighbours"),
        ("batch_equals_single", {"batch_size": 1}, "one frame at a time"),
        ("faces_changed_are_named", {"needs_faces": False}, "does not work on faces"),
        ("a_source_is_asked_for", {"needs_source": True}, "needs a source"),
    ],
)
def test_a_check_without_an_object_does_not_apply(name: str, spec: dict[str, Any], told: str) -> None:
    (check,) = (check for check in CHECKS if check.id == name)
    result = run_check(check, subject_of(Healthy, **spec))
    assert result.state == "does not apply"
    assert told in result.told
