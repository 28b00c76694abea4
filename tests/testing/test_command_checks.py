"""Each check of commands lets honest ones pass, and fails for one that does what it must not."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from roop_host import CommandSpec, InputError, UsageError, hookimpl
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Result, Subject, run_check
from roop_host.testing.checks import command as module

IDS = [check.id for check in module.CHECKS]
_CALLS = count()


def _parser(prog: str = "roop tell") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Tells of files.")
    parser.add_argument("files", nargs="*")
    return parser


def by_argparse(words: Sequence[str]) -> int | None:
    _parser().parse_args(list(words))
    return None


def by_typer(words: Sequence[str]) -> None:
    app = typer.Typer()
    app.command()(lambda file: None)
    app(list(words), prog_name="roop tell")


def by_hand(words: Sequence[str]) -> int:
    if list(words) == ["--help"]:
        print("roop tell FILE: tells of files")
        return 0
    raise UsageError(f"roop tell takes files and no {words[0]}; see roop tell --help")


def fails_at_help(words: Sequence[str]) -> int:
    if "--help" in words:
        print("roop tell FILE")
        return 1
    return by_hand(words)


def help_as_error(words: Sequence[str]) -> int:
    if "--help" in words:
        print("roop tell FILE", file=sys.stderr)
        return 0
    return by_hand(words)


def text_for_code(words: Sequence[str]) -> Any:
    return "done" if "--help" in words else by_hand(words)


def takes_the_program(words: Sequence[str]) -> None:
    _parser(prog="pytest").parse_args(list(words))


def takes_anything(words: Sequence[str]) -> int:
    return by_hand(words) if "--help" in words else 0


def drops_what_it_does_not_know(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="roop tell", description="Tells of files.")
    parser.add_argument("files", nargs="+")
    told, _ = parser.parse_known_args(list(words))
    raise InputError(f"{told.files[0]} is no file; check the path")


def has_commands(words: Sequence[str]) -> int | None:
    """The word is no command, which is said before the option is looked at."""
    parser = _parser()
    parser.add_subparsers(required=True).add_parser("all")
    parser.parse_args(list(words))
    return None


def is_silent(words: Sequence[str]) -> int:
    return by_hand(words) if "--help" in words else 2


def shows_a_traceback(words: Sequence[str]) -> int:
    try:
        return by_hand(words)
    except UsageError:
        traceback.print_exc()
        return 2


def lets_an_error_out(words: Sequence[str]) -> int:
    return by_hand(words) if "--help" in words else int(words[0])


def takes_words_out(words: Any) -> int:
    first = words.pop(0)
    return by_hand([first])


def counts(words: Sequence[str]) -> int:
    print("call", next(_CALLS))
    return by_hand(words)


def sets_the_environment(words: Sequence[str]) -> int:
    os.environ["TELL_MODE"] = "quiet"
    return by_hand(words)


def begins_at_once(words: Sequence[str]) -> int:
    Path("tell.log").write_text("begun")
    return by_hand(words)


def looks_for_a_newer_one(words: Sequence[str]) -> int:
    with suppress(OSError):
        socket.create_connection(("updates.example.test", 443), 1).close()
    return by_hand(words)


BROKEN: list[tuple[str, Callable[[Sequence[str]], int | None], str]] = [
    ("help_is_shown", fails_at_help, "exit code 1"),
    ("help_says_how_to_call_it", takes_the_program, "'roop tell' does not stand"),
    ("unknown_option_is_refused", takes_anything, "gave the exit code 0"),
    (
        "unknown_option_is_refused",
        drops_what_it_does_not_know,
        "no-such-option it raised InputError: roop-check-no-such-file",
    ),
    ("unknown_option_is_refused", is_silent, "said nothing"),
    ("unknown_option_is_refused", shows_a_traceback, "a traceback (roop_host.errors.UsageError: roop tell takes"),
    ("words_stay_as_they_are", takes_words_out, "it left [] of ['--help']"),
    ("it_can_be_called_again", counts, "not the same text twice"),
    ("process_stays_as_it_is", sets_the_environment, "the environment"),
    ("help_writes_no_file", begins_at_once, "with --help it left tell.log in the working folder"),
    ("help_asks_no_network", looks_for_a_newer_one, "updates.example.test"),
]


def results(call: Callable[[Sequence[str]], int | None]) -> dict[str, Result]:
    @hookimpl
    def roop_commands() -> list[CommandSpec]:
        return [CommandSpec(name="tell", summary="a test", load=lambda: call)]

    plugins = plugins_of({"tell": SimpleNamespace(ROOP_API=1, roop_commands=roop_commands)})
    subject = Subject(plugins, "roop_commands", plugins.named("roop_commands", "tell"))
    return {check.id: run_check(check, subject) for check in module.CHECKS}


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("honest", [by_argparse, by_typer, by_hand, has_commands])
def test_an_honest_command_passes(honest: Callable[[Sequence[str]], int | None]) -> None:
    assert [(name, result.told) for name, result in results(honest).items() if not result.good] == []


@pytest.mark.parametrize(("wrong", "call", "said"), BROKEN)
def test_what_is_wrong_fails_its_check_alone(wrong: str, call: Callable[[Sequence[str]], int | None], said: str) -> None:
    found = results(call)
    assert [name for name, result in found.items() if result.state == "failed"] == [wrong]
    assert said in found[wrong].told


def test_help_on_standard_error_is_no_help() -> None:
    assert "nothing on standard output" in results(help_as_error)["help_is_shown"].told


@pytest.mark.parametrize(
    ("call", "wrong", "said"),
    [
        (text_for_code, "help_is_shown", "'done', which is no exit code"),
        (lets_an_error_out, "unknown_option_is_refused", "raised ValueError: invalid literal"),
    ],
)
def test_what_is_no_answer_at_all_is_told(call: Callable[[Sequence[str]], int | None], wrong: str, said: str) -> None:
    assert said in results(call)[wrong].told


def test_every_check_is_seen_failing() -> None:
    assert {wrong for wrong, _, _ in BROKEN} == set(IDS)
