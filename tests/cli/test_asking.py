"""The question whether a model may be pulled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from roop_host import ModelSpec, Pack
from roop_host.cli.asking import asking
from roop_host.host import Question

PACK = Pack(name="pack", urls=("https://example.org/pack.zip",), sha256="c" * 64, size=200_000_000)
NET = ModelSpec(
    name="net", sha256="a" * 64, size=50_000_000, licence="for research", commercial=False, urls=("https://example.org/n",)
)
MEMBERS = tuple(
    ModelSpec(name=name, sha256=letter * 64, size=90_000_000, licence="for all", pack=PACK)
    for name, letter in (("one", "b"), ("two", "d"))
)
QUESTION = Question("swapper", "engine", "net", (NET, *MEMBERS))


class Person:
    """Answers, and keeps what was asked."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, text: str) -> bool:
        self.asked.append(text)
        return self.answer


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: tmp_path / "state")
    return tmp_path / "state" / "answers.json"


def test_size_and_licence_are_shown_and_a_pack_is_counted_once() -> None:
    person = Person(True)
    assert asking(person)(QUESTION)
    (text,) = person.asked
    for words in (
        "250 MB",
        "for research; for all",
        "net, one, two",
        "does not allow commercial use",
        "swapper: engine net",
    ):
        assert words in text


@pytest.mark.parametrize("answer", [True, False])
def test_the_answer_is_remembered(answer: bool, state: Path) -> None:
    assert asking(Person(answer))(QUESTION) is answer
    later = Person(not answer)
    assert asking(later)(QUESTION) is answer
    assert later.asked == []
    assert list(json.loads(state.read_text()).values()) == [answer]


def test_other_files_or_terms_are_another_question() -> None:
    asking(Person(False))(QUESTION)
    person = Person(False)
    asking(person)(Question("swapper", "engine", "net", (NET,)))
    asking(person)(Question("swapper", "engine", "net", (NET, MEMBERS[0])))
    asking(person)(Question("other", "engine", "net", (NET,)))
    assert len(person.asked) == 3


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"a": "yes"}'])
def test_damaged_answers_are_asked_for_again(damage: str, state: Path) -> None:
    state.parent.mkdir()
    state.write_text(damage)
    person = Person(True)
    asking(person)(QUESTION)
    assert len(person.asked) == 1
    assert list(json.loads(state.read_text()).values()) == [True]


def test_an_answer_that_cannot_be_kept_still_counts(tmp_path: Path, state: Path, caplog: pytest.LogCaptureFixture) -> None:
    state.parent.write_text("a file in place of the folder")
    assert asking(Person(True))(QUESTION)
    assert "can't be remembered" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state"]
