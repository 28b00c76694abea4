"""Who is put in whose place, read from the job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit import OneFace, Tint, analyser, plugins, processor

from roop_host import FaceSelection, Job, Step
from roop_host.runner.casting import Role, cast_of, files_of, settle_faces
from roop_host.runner.resolve import resolve_names


def job(*sources: str, references: tuple[str, ...] = (), pairs: tuple[tuple[str, str], ...] = ()) -> Job:
    return Job(sources, "t.mp4", "o.mp4", (), references=references, pairs=pairs)


def test_sources_are_one_person_and_references_another() -> None:
    assert cast_of(job()).sources == ()
    assert cast_of(job("a", "b")).sources == (("a", "b"),)
    assert cast_of(job("a", references=("r", "s"))).roles == (Role(("r", "s"), 0),)
    assert cast_of(job(references=("r",))).roles == (Role(("r",), None),)


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


@pytest.mark.parametrize(
    ("sources", "said", "mode"),
    [
        (("a",), {}, "one"),
        ((), {}, "many"),
        ((), {"position": 1}, "one"),
        ((), {"position": 0}, "one"),
        ((), {"order": "large-small"}, "many"),
        (("a",), {"mode": "many", "position": 0}, "many"),
        ((), {"order": "left-right"}, "one"),
        ((), {"gender": "female"}, "many"),
        ((), {"mode": "one"}, "one"),
        (("a",), {"mode": "many"}, "many"),
        (("a",), {"reference_position": 0}, "reference"),
        ((), {"reference_position": 0}, "reference"),
    ],
)
def test_auto_is_all_where_nobody_is_put_there_and_nobody_is_pointed_at(
    sources: tuple[str, ...], said: dict[str, Any], mode: str
) -> None:
    found = plugins(processor(Tint, "tint", needs_faces=True), analyser(OneFace))
    what = replace(job(*sources), steps=(Step("tint"),), faces=FaceSelection(**said))
    settled = settle_faces(what, resolve_names(what, found))
    assert settled.faces == replace(what.faces, mode=mode)
    assert settle_faces(settled, resolve_names(settled, found)) == settled


def test_pairs_are_looked_for() -> None:
    found = plugins(processor(Tint, "tint", needs_faces=True), analyser(OneFace))
    what = replace(job(pairs=(("a", "r"),)), steps=(Step("tint"),))
    assert settle_faces(what, resolve_names(what, found)).faces.mode == "reference"
