"""What is told of the pictures that name somebody, and how carefully a picture is looked at that stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit import refused, run
from people import BLUE, GREEN, GREY, RED, WHITE, Colours, installed, picture, seen

from roop_host import Control, Face, FaceSelection, FrameView, Host, Job, Look, MediaOptions, Step


def job(folder: Path, target: str, *sources: str, **more: Any) -> Job:
    media = more.pop("media", MediaOptions(overwrite=True))
    return Job(sources, target, str(folder / more.pop("output", "out.png")), (Step("paint"),), media=media, **more)


@pytest.fixture
def white(tmp_path: Path) -> str:
    return picture(tmp_path / "white.png", WHITE)


class Careful(Colours):
    """In a stream the one on the left is overlooked; the numbers of a careful look mean nothing."""

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        return super().analyse_picture(frame)[1:]

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return [replace(face, id=0) for face in super().analyse_picture(frame)]


def test_a_picture_that_stands_alone_is_looked_at_as_before_the_run(white: str, tmp_path: Path) -> None:
    target = picture(tmp_path / "t.png", RED, GREEN)
    what = job(tmp_path, target, white, faces=FaceSelection(order="left-right", position=1))
    with Host(installed(see=Careful)) as host:
        looked = host.look(replace(what, sources=(), steps=()), Look(order="left-right"))
    assert [person.best.position for person in looked.people] == [0, 1]
    run(installed(see=Careful), what)
    assert seen(tmp_path / "out.png") == [RED, WHITE]
    run(installed(see=Careful), replace(what, faces=FaceSelection("many")))
    assert seen(tmp_path / "out.png") == [WHITE, WHITE]


def test_a_folder_of_pictures_too(white: str, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(2):
        picture(folder / f"{number}.png", RED, GREY)
    what = job(tmp_path, str(folder), white, output="out", media=MediaOptions(folder="pictures"))
    run(installed(see=Careful), what)
    assert [seen(tmp_path / "out" / f"{number}.png") for number in range(2)] == [[WHITE, GREY]] * 2


def test_a_source_of_several_people_means_the_largest_and_says_so(tmp_path: Path) -> None:
    source, target = picture(tmp_path / "s.png", WHITE, GREEN, BLUE), picture(tmp_path / "t.png", RED)
    report = run(installed(), job(tmp_path, target, source))
    assert report.notices == (f"the source {source} shows 3 faces; the largest is taken",)


def test_what_is_told_of_a_picture_does_not_depend_on_who_asks_first(tmp_path: Path) -> None:
    both, target = picture(tmp_path / "s.png", WHITE, GREEN), picture(tmp_path / "t.png", WHITE, RED)
    report = run(installed(), job(tmp_path, target, both, references=(both,)))
    assert list(report.notices) == [
        f"the source {both} shows 2 faces; the largest is taken",
        f"the reference {both} shows 2 faces; the largest is looked for",
    ]


def test_a_picture_of_somebody_else_is_told(white: str, tmp_path: Path) -> None:
    same = [picture(tmp_path / f"same{number}.png", WHITE) for number in range(2)]
    other, target = picture(tmp_path / "other.png", BLUE), picture(tmp_path / "t.png", RED)
    report = run(installed(), job(tmp_path, target, other, white, *same))
    (told,) = report.notices
    assert told.startswith(f"{other} looks like somebody else than {white}, and both are taken as pictures of one person;")
    assert run(installed(), job(tmp_path, target, white, *same)).notices == ()
    report = run(installed(), job(tmp_path, target, white, references=(picture(tmp_path / "r.png", RED), target, other)))
    assert [f"{other} looks like somebody else" in told for told in report.notices] == [True]


def test_a_face_that_is_saved_from_pictures_of_two_is_told(
    white: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOP_FACES", str(tmp_path / "faces"))
    other = picture(tmp_path / "other.png", BLUE, GREEN)
    with Host(installed()) as host:
        report = host.save_face(job(tmp_path, white, white, other), "anna", control=Control())
    told = "\n".join(report.notices)
    assert f"the source {other} shows 2 faces; the largest is taken" in told
    assert f"{other} looks like somebody else than {white}" in told


def test_a_position_beyond_is_told_with_how_many_there_are(white: str, tmp_path: Path) -> None:
    what = job(tmp_path, picture(tmp_path / "t.png", RED, GREEN), white, faces=FaceSelection(position=5))
    error = refused(installed(), what)
    assert error.exit_code == 4
    assert "shows more than 2 faces, counted from 0, so nobody is at --face-position 5" in str(error)
