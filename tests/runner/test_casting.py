"""Who is put in whose place, read from the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from roop_host import Job
from roop_host.runner.casting import Role, cast_of, files_of


def job(*sources: str, references: tuple[str, ...] = (), pairs: tuple[tuple[str, str], ...] = ()) -> Job:
    return Job(sources, "t.mp4", "o.mp4", (), references=references, pairs=pairs)


def test_sources_are_one_person_and_references_another() -> None:
    assert cast_of(job()).sources == ()
    assert cast_of(job("a", "b")).sources == (("a", "b"),)
    assert cast_of(job("a", references=("r", "s"))).roles == (Role(("r", "s"), 0),)


def test_each_reference_of_pairs_is_a_person() -> None:
    made = cast_of(job(pairs=(("a", "r"), ("b", "s"), ("c", "r"), ("a", "r"), ("b", "q"))))
    assert made.sources == (("a", "c"), ("b",))
    assert made.roles == (Role(("r",), 0), Role(("s",), 1), Role(("q",), 1))
    assert made.references == ("r", "s", "q")


def test_every_file_that_shows_a_person_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOP_FACES", "/faces")
    made = files_of(job("a", "face:x", references=("r",), pairs=(("b", "face:y"), ("a", "r"))))
    names = ["a", "/faces/x.safetensors", "r", "b", "/faces/y.safetensors"]
    assert made == tuple(map(Path, names))
