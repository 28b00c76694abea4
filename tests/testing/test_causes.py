"""What made a check fail, where it stands, and which checks fail by the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kit
import pytest

from roop_host import PluginError, Processor
from roop_host.plugins.loader import plugins_of
from roop_host.testing import ProcessorConformance, Subject
from roop_host.testing.causes import cause_of, groups_of, place_of
from roop_host.testing.checking import Failed, Result, check_of, run_check

HERE = Path(__file__).name


def reads(text: str) -> object:
    return json.loads(text)  # fails in a file of Python's own


def line_of(function: Callable[..., Any], below: int) -> str:
    return f"{HERE}, line {function.__code__.co_firstlineno + below}"


def first(subject: Subject) -> None:
    """It reads."""
    reads("{")


def second(subject: Subject) -> None:
    """It reads again."""
    try:
        reads("{")
    except ValueError as error:
        raise Failed(f"at the second time it raised JSONDecodeError: {error}") from error


def elsewhere(subject: Subject) -> None:
    """It reads elsewhere."""
    json.loads("{")


def other_words(subject: Subject) -> None:
    """It says why."""
    try:
        reads("{")
    except ValueError as error:
        raise Failed("it did not say why") from error


def result_of(function: Callable[[Subject], None]) -> Result:
    plugins = plugins_of({"tint": kit.processor(kit.Tint, "tint")})
    subject = Subject(plugins, "roop_processors", plugins.processor("tint"))
    return run_check(check_of(function), subject)


def test_one_error_is_one_group_and_what_a_check_found_is_its_own() -> None:
    results = [result_of(function) for function in (first, second, elsewhere, other_words)]
    groups = groups_of([*results, Result(check_of(first), "passed")])
    assert [[result.check.id for result in group] for _, group in groups] == [
        ["first", "second"],
        ["elsewhere"],
        ["other_words"],
    ]
    causes = [cause for cause, _ in groups]
    assert causes[0] is not None
    assert causes[0].place == line_of(reads, 1)
    assert str(causes[0]).startswith("JSONDecodeError: Expecting property name")
    assert causes[1] is not None
    assert causes[1].place == line_of(elsewhere, 2)
    assert causes[2] is None
    assert cause_of(Result(check_of(first), "waived", "JSONDecodeError", cause=results[0].cause)) is None


def raised(function: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        function()
    return caught.value


def test_the_place_is_a_plugins() -> None:
    def wraps() -> None:
        try:
            reads("{")
        except ValueError as error:
            raise PluginError("it can't be read") from error

    error = raised(wraps)
    error.__traceback__ = None  # as of one that the host made of it
    assert place_of(error) == line_of(reads, 1)
    assert place_of(PluginError("it is of the host")) == ""


class Writing(Processor):
    def process(self, window: kit.Window) -> None:
        window.current[0].bgr()[:] = 0


class _Bound(ProcessorConformance):
    name = "writing"

    def plugins(self) -> Any:
        return plugins_of({"writing": kit.processor(Writing, "writing")})


def test_pytest_is_told_the_place_and_what_to_do_about_it() -> None:
    test: Any = getattr(_Bound(), "test_stdout_stays_clean")  # noqa: B009
    with pytest.raises(AssertionError) as caught:
        test()
    place = line_of(Writing.process, 1)
    assert f"ValueError: assignment destination is read-only ({place}). What a frame gives is read-only: " in str(
        caught.value
    )
    assert "frame.put" in str(caught.value)
    assert "keep libraries from printing" not in str(caught.value)
