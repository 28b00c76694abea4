"""Each check of a processor fails for a step that breaks its promise, and for no other reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from broken_steps import BROKEN, Brightens, Case, GoesByTheBatch, Healthy, Trails
from kit import processor

from roop_host import Processor
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, run_check
from roop_host.testing.checks.processor import CHECKS

BY_ID = {check.id: check for check in CHECKS}
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


@pytest.mark.parametrize(
    ("share", "warmup", "state"),
    [(0.9, 0, "failed"), (0.9, 8, "failed"), (0.9, 30, "passed"), (0.5, 0, "failed"), (0.5, 6, "passed")],
)
def test_what_mixes_the_past_into_a_frame_must_warm_up_until_no_seam_is_seen(share: float, warmup: int, state: str) -> None:
    step = type("Trails", (Trails,), {"share": share})
    result = run_check(BY_ID["reset_at_a_segments_start"], subject_of(step, batch_size=1, lookahead=0, warmup=warmup))
    assert result.state == state


@pytest.mark.parametrize(
    ("more", "flicker", "state"), [(1, 0, "passed"), (2, 0, "failed"), (2, 50, "passed"), (3, 50, "failed")]
)
def test_a_small_jump_is_seen_where_little_else_changes(more: int, flicker: int, state: str) -> None:
    step = type("Brightens", (Brightens,), {"more": more, "flicker": flicker})
    assert run_check(BY_ID["reset_at_a_segments_start"], subject_of(step)).state == state


@pytest.mark.parametrize("size", [2, 4, 32])
def test_a_mean_over_the_batch_is_seen_in_batches_of_any_size(size: int) -> None:
    assert run_check(BY_ID["batch_equals_single"], subject_of(GoesByTheBatch, batch_size=size)).state == "failed"
