"""What ``roop doctor`` prints."""

from __future__ import annotations

import json

import pytest

from roop_host.cli.doctor import tell
from roop_host.doctor.check import Examination, note, ok, problem

FOUND = Examination(
    (
        ok("Python", "Python", "3.11"),
        note("Devices", "cuda", "is not\nthere"),
        problem("Devices", "cpu", "is gone", "pip install 'x[y]'", 2),
        problem("Plugins", "a", "is broken", exit_code=7),
    )
)


def test_the_text_names_each_state_and_keeps_repairs_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(FOUND, as_json=False) == 2
    assert capsys.readouterr().out == (
        "Python\n"
        "  ok       Python  3.11\n"
        "\n"
        "Devices\n"
        "  note     cuda    is not there\n"
        "  PROBLEM  cpu     is gone\n"
        "           pip install 'x[y]'\n"
        "\n"
        "Plugins\n"
        "  PROBLEM  a       is broken\n"
        "\n"
        "2 problems; repair the first and run roop doctor again\n"
    )
    assert tell(Examination(FOUND.checks[3:]), as_json=False) == 7
    assert capsys.readouterr().out.endswith("\n1 problem; repair it and run roop doctor again\n")
    assert tell(Examination(FOUND.checks[:2]), as_json=False) == 0
    assert capsys.readouterr().out.endswith("\nall is well\n")


def test_the_json_is_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(FOUND, as_json=True) == 2
    checks = json.loads(capsys.readouterr().out)
    assert [check["state"] for check in checks] == ["ok", "note", "problem", "problem"]
    assert checks[2] == {
        "area": "Devices",
        "name": "cpu",
        "state": "problem",
        "says": "is gone",
        "repair": "pip install 'x[y]'",
        "exit_code": 2,
    }
