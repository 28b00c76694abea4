"""Consent and labelling are said once to each user, on stderr, and never stand in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from roop_host import Host
from roop_host.cli.app import call
from roop_host.cli.reminder import remind

EXAMPLES = Path(__file__).parents[2] / "examples" / "media"
TALKS = {"quiet": False, "json": False}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of somebody who has never run roop."""
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: tmp_path / "state")
    return tmp_path / "state"


def test_it_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    remind(TALKS)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "consent" in said.err
    assert "synthetic" in said.err
    remind(TALKS)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("quiet", ["quiet", "json"])
def test_where_no_words_are_wanted_the_next_run_says_it(quiet: str, capsys: pytest.CaptureFixture[str]) -> None:
    remind({**TALKS, quiet: True})
    assert capsys.readouterr().err == ""
    remind(TALKS)
    assert "consent" in capsys.readouterr().err


def test_that_it_cannot_be_remembered_is_silent(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state.write_text("a file in the folder's place")
    for _ in range(2):
        remind(TALKS)
        assert capsys.readouterr().err.count("\n") == 1


def test_a_run_says_it_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "-t", str(EXAMPLES / "hopper.jpg"), "--processors", "label", "-o"]
    assert call([*words, str(tmp_path / "a.png"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["status"] == "done"
    assert "consent" not in said.err
    for name, times in (("b.png", 1), ("c.png", 0)):
        assert call([*words, str(tmp_path / name)]) == 0
        assert capsys.readouterr().err.count("consent") == times


def test_a_program_that_uses_roop_is_told_nothing(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Host():
        pass
    assert capsys.readouterr().err == ""
    assert not state.exists()
