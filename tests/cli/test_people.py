"""Whom to change, as people say it on a command line, and what they are told of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from terminal import roop

from roop_host import Looked, SeenPerson, Sighting
from roop_host.cli.people import lines
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


@pytest.mark.parametrize("command", ["run", "preview"])
def test_a_map_takes_no_flag_for_a_word(command: str, tmp_path: Path) -> None:
    for words, missing in (
        (("--map", "a.jpg", "-t", "x.mp4"), "REFERENCE is missing before -t "),
        (("--map", "-t", "x.mp4"), "SOURCE is missing before -t "),
    ):
        said = roop(command, *words, "-o", "y.png", cwd=tmp_path)
        assert (said.returncode, len(said.stderr.splitlines())) == (2, 1)
        assert f"--map takes SOURCE and REFERENCE, and {missing}" in said.stderr
    assert roop("run", "--map", "a", "./-b", *FILES, cwd=tmp_path).returncode == 3


def test_the_table_of_likeness_of_many_is_no_wider_than_a_terminal() -> None:
    best = Sighting(0, 0.0, 0, (0, 0, 9, 9), 0.9)
    people = tuple(SeenPerson(n, 1, 1, 0, 0, 0.0, 0.0, 0.9, best) for n in range(1, 41))
    alike = tuple(tuple(0.25 for _ in people) for _ in people)
    looked = Looked("x.mp4", "video", 100, 100, 9, 9, people, "large-small", "r", alike)
    told = list(lines(looked))
    assert "how much the first 15 of 40 look alike (0.5 is as likely one person as not):" in told
    assert max(line.count("0.25") for line in told) == sum("0.25" in line for line in told) == 15
    assert sum("--reference-face-position" in line for line in told) == 40


def test_pictures_of_a_folder_are_told_as_pictures() -> None:
    best = Sighting(2, 0.0, 0, (0, 0, 9, 9), 0.9, file="c.png")
    person = SeenPerson(1, 2, 1, 0, 2, 0.0, 0.0, 0.9, best)
    looked = Looked("album", "folder", 100, 100, 3, 2, (person,), "large-small")
    told = list(lines(looked))
    assert told[0] == "album: folder, 100x100, 2 of 3 pictures show a face"
    assert told[2].split()[:4] == ["PERSON", "SEEN", "PICTURES", "BEST"]
    assert "picture 0 to 2" in told[3]
    told = list(lines(replace(looked, kind="pages")))
    assert "page 0 to 2" in told[3]


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
