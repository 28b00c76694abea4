"""Whom to change, as people say it on a command line, and what they are told of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminal import roop

from roop_host.cli.telling import tell_people
from roop_host.types.report import Person, Report

FILES = ("-t", "x.mp4", "-o", "y.mp4", "--json")


def test_pairs_and_references_reach_the_job(tmp_path: Path) -> None:
    said = roop("run", "--map", "a b.jpg", "r", "--map", "c", "face:s", *FILES, cwd=tmp_path)
    job = json.loads(said.stdout)["job"]
    assert job["pairs"] == [["a b.jpg", "r"], ["c", "face:s"]]
    said = roop("run", "-s", "a", "-s", "b", "--reference-face", "r", "--reference-face", "q", *FILES, cwd=tmp_path)
    job = json.loads(said.stdout)["job"]
    assert (job["sources"], job["references"], job["pairs"]) == (["a", "b"], ["r", "q"], [])


def test_a_map_takes_two_words(tmp_path: Path) -> None:
    said = roop("run", *FILES, "--map", "a", cwd=tmp_path)
    assert (said.returncode, "2 arguments" in said.stderr) == (2, True)


def test_the_variable_of_saved_faces_is_no_idle_one(tmp_path: Path) -> None:
    assert "ROOP_FACES" not in roop("run", *FILES, cwd=tmp_path, ROOP_FACES=str(tmp_path)).stderr


def test_it_is_told_who_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    people = (
        Person("a.jpg", (), 9),
        Person("b.jpg", ("r.jpg",), 1, 0.8, 0.9),
        Person("c.jpg", ("s.jpg", "t.jpg"), 12, 0.7, 0.75),
        Person("d.jpg", ("u.jpg",), 0),
    )
    tell_people(Report(people=people))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "b.jpg: in 1 frame in place of r.jpg, similarity 0.80 on average, 0.90 at best",
        "c.jpg: in 12 frames in place of s.jpg or t.jpg, similarity 0.70 on average, 0.75 at best",
    ]
    assert lines[2].startswith("d.jpg: in no frame, as nobody was found to look like u.jpg; lower --reference-similarity")
    assert len(lines) == 3
