"""The question whether a model may be pulled."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from roop_host import ModelSpec, Pack
from roop_host.cli.asking import asking
from roop_host.host import Question

EXAMPLES = Path(__file__).parents[2] / "examples" / "media"
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

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, text: str) -> bool | None:
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
        "250.0 MB",
        "for research; not for commercial use; for all",
        "net, one, two",
        "swapper: engine net",
    ):
        assert words in text


def test_a_no_is_remembered(state: Path) -> None:
    assert not asking(Person(False))(QUESTION)
    later = Person(True)
    assert not asking(later)(QUESTION)
    assert later.asked == []
    assert len(json.loads(state.read_text())["no"]) == 1


@pytest.mark.parametrize("answer", [True, None])
def test_a_yes_and_no_answer_are_not(answer: bool | None, state: Path) -> None:
    """A yes brings the models; where that fails, or they are removed, it is a question again."""
    assert asking(Person(answer))(QUESTION) is bool(answer)
    assert not state.exists()


def test_other_files_or_terms_are_another_question() -> None:
    asking(Person(False))(QUESTION)
    person = Person(False)
    asking(person)(Question("swapper", "engine", "net", (NET,)))
    asking(person)(Question("swapper", "engine", "net", (NET, MEMBERS[0])))
    asking(person)(Question("other", "engine", "net", (NET,)))
    assert len(person.asked) == 3


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"no": "all"}', '{"no": [1]}'])
def test_damaged_answers_are_asked_for_again(damage: str, state: Path) -> None:
    state.parent.mkdir()
    state.write_text(damage)
    person = Person(False)
    asking(person)(QUESTION)
    assert len(person.asked) == 1
    assert len(json.loads(state.read_text())["no"]) == 1


def test_an_answer_that_cannot_be_kept_still_counts(tmp_path: Path, state: Path, caplog: pytest.LogCaptureFixture) -> None:
    state.parent.write_text("a file in place of the folder")
    assert not asking(Person(False))(QUESTION)
    assert "can't be remembered" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("keys", [b"n\n", b"\x04", b"\x03"], ids=["no", "end of input", "ctrl-c"])
def test_in_a_terminal(keys: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A no, or no answer, goes on with what is there; Ctrl-C ends the run at once. After a no nobody asks again."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROOP_MODELS", str(tmp_path / "models"))
    words = ["run", "-s", str(EXAMPLES / "collins.jpg"), "-t", str(EXAMPLES / "hopper.jpg"), "-o", str(tmp_path / "o.png")]
    said, code = in_terminal(words, "Download them now", keys)
    assert "non-commercial" in said
    assert code == (130 if keys == b"\x03" else 0)
    assert (tmp_path / "o.png").exists() is (keys != b"\x03")
    said, code = in_terminal([*words, "--overwrite"], "Download them now", b"n\n")
    assert ("Download" in said) is (keys != b"n\n")
    assert code == 0


def in_terminal(words: list[str], wait_for: str | None, keys: bytes) -> tuple[str, int]:
    """What ``roop`` says in a terminal where ``keys`` are pressed when ``wait_for`` is read, and its exit code."""
    import pty

    child, master = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "roop_host", *words])
    said = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        said += piece
        if wait_for is not None and wait_for.encode() in said:
            time.sleep(0.2)  # until it waits for an answer
            os.write(master, keys)
            wait_for = None
    os.close(master)
    return said.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
