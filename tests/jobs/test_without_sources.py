"""Jobs without a source: a step works on the faces that are chosen, all of them unless one is pointed at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import FAST, analyser, plugins, processor, refused, run
from people import BLUE, GREEN, GREY, RED, WHITE, Colour, Colours, picture, seen

from roop_host import Box, FaceSelection, Host, Job, Look, Plugins, Processor, Step, Window, Wish


class Whiten(Processor):
    """Paints everybody white who was asked for."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            for one in frame.faces:
                if one.chosen:
                    x0, y0, x1, y1 = (round(number) for number in one.box_xyxy)
                    white = np.full((y1 - y0, x1 - x0, 3), WHITE, np.uint8)
                    frame.put(Box(x0, y0, x1, y1), white, face_id=one.id)


def found() -> Plugins:
    return plugins(processor(Whiten, "whiten", needs_faces=True), analyser(Colours))


def job(folder: Path, *colours: Colour, on_no_face: Any = "keep", **faces: Any) -> Job:
    target = picture(folder / "in.png", *colours)
    selection = FaceSelection(**faces)
    steps = (Step("whiten"),)
    return Job((), target, str(folder / "out.png"), steps, faces=selection, media=FAST, on_no_face=on_no_face)


@pytest.mark.parametrize(
    ("faces", "colours"),
    [
        ({}, [WHITE, WHITE, WHITE]),
        ({"mode": "one"}, [WHITE, GREEN, BLUE]),
        ({"order": "right-left"}, [RED, GREEN, WHITE]),
        ({"position": 1}, [RED, WHITE, BLUE]),
        ({"position": 0}, [WHITE, GREEN, BLUE]),
        ({"mode": "one", "order": "right-left", "position": 2}, [WHITE, GREEN, BLUE]),
    ],
)
def test_all_are_worked_on_unless_one_is_pointed_at(faces: dict[str, Any], colours: list[Colour], tmp_path: Path) -> None:
    report = run(found(), job(tmp_path, RED, GREEN, BLUE, **faces))
    assert seen(tmp_path / "out.png") == colours
    assert (report.frames_with_face, report.frames_matched) == (1, 1)
    assert report.faces_changed == colours.count(WHITE)
    assert report.people == ()  # nobody was put there


def test_nobody_at_the_position_is_told(tmp_path: Path) -> None:
    error = refused(found(), job(tmp_path, RED, GREEN, mode="one", position=3))
    assert error.exit_code == 4
    assert "shows more than 2 faces, counted from 0, so nobody is at --face-position 3" in str(error)
    assert error.report is not None
    assert (error.report.frames_with_face, error.report.frames_matched) == (1, 0)
    assert not (tmp_path / "out.png").exists()


def frames(folder: Path, *rows: tuple[Colour, ...], on_no_face: Any) -> Job:
    target = folder / "frames"
    target.mkdir()
    for number, row in enumerate(rows):
        picture(target / f"{number}.png", *row)
    faces = FaceSelection(position=1)
    steps = (Step("whiten"),)
    return Job((), str(target), str(folder / "o.mkv"), steps, faces=faces, media=FAST, on_no_face=on_no_face)


@pytest.mark.parametrize(("way", "counts"), [("keep", (4, 0, 0)), ("hold", (4, 2, 0)), ("drop", (2, 0, 2))])
def test_frames_without_who_is_pointed_at_are_no_match(way: str, counts: tuple[int, int, int], tmp_path: Path) -> None:
    rows = ((RED, GREEN), (RED, GREY), (GREY, GREY), (RED, GREEN))
    report = run(found(), frames(tmp_path, *rows, on_no_face=way))
    assert (report.frames, report.frames_held, report.frames_dropped) == counts
    assert (report.frames_with_face, report.frames_matched) == (3, 2)


def test_a_preview_shows_who_is_changed(tmp_path: Path) -> None:
    with Host(found()) as host:
        preview = host.preview(job(tmp_path, RED, GREEN, BLUE, position=1), Wish())
        told = [(one["position"], one["changed"]) for one in preview.to_json()["faces"]]
        assert told == [(0, False), (1, True), (2, False)]
        assert preview.edited == {one.id for one in preview.faces if one.chosen}
        assert preview.report.notices == ()
        nobody = host.preview(job(tmp_path, RED, GREEN, position=3, on_no_face="drop"), Wish())
    assert (nobody.before_bgr == nobody.after_bgr).all()
    assert "leaves frame 0 out" in "".join(nobody.report.notices)


def test_a_look_finds_all_whoever_is_chosen(tmp_path: Path) -> None:
    with Host(found()) as host:
        looked = [host.look(job(tmp_path, RED, GREEN, **faces), Look()).people for faces in ({}, {"position": 1})]
    assert [len(people) for people in looked] == [2, 2]
    assert looked[0] == looked[1]
