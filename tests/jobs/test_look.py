"""Who is seen in a target: people over a whole clip, the frame that shows each best, and nothing that was not screened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import Camera, Quiet, left, plugins, screener, source
from people import BLUE, GREEN, GREY, RED, SIDE, Colour, Colours, installed, picture, seen
from PIL import Image

from roop_host import (
    Face,
    FaceSelection,
    Frame,
    FrameView,
    Host,
    Job,
    Look,
    Looked,
    MediaOptions,
    NoFaceError,
    Plugins,
    RoopError,
    Segment,
    Stage,
    Step,
    UsageError,
)
from roop_host.faces.saved import load

#: Red comes back after a cut; green is seen with it.
FRAMES: tuple[tuple[Colour, ...], ...] = (
    (RED, GREY, GREY),
    (RED, GREEN, GREY),
    (GREY, RED, GREEN),
    (GREY, GREY, GREY),
    (BLUE, GREY, GREY),
    (GREY, GREY, RED),
)


class Cut(Colours):
    """As after a cut, nobody is known again in the frame after one that shows nobody: every track is new."""

    def start(self, segment: Segment) -> None:
        self.shift = 0

    def analyse(self, frame: FrameView) -> Sequence[Face]:
        found = self.analyse_picture(frame)
        self.shift += 0 if found else 10
        return [
            Face(**{name: getattr(face, name) for name in Face.__slots__ if name != "id"}, id=face.id + self.shift)
            for face in found
        ]


class Unknown(Cut):
    """Knows nobody by the face."""

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        return [Face(face.id, face.box_xyxy, face.score, face.landmarks_5) for face in super().analyse_picture(frame)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("clip") / "frames"
    folder.mkdir()
    for number, colours in enumerate(FRAMES):
        picture(folder / f"{number:03}.png", *colours)
    return str(folder)


WHOLE = Look()


def looked(found: Plugins, target: str, look: Look = WHOLE, likes: tuple[str, ...] = (), **media: Any) -> Looked:
    with Host(found) as host:
        return host.look(Job((), target, "unused", (), likes, media=MediaOptions(**media)), look)


def refused(found: Plugins, target: str, look: Look = WHOLE, **more: Any) -> RoopError:
    with pytest.raises(RoopError) as caught:
        looked(found, target, look, **more)
    assert caught.value.report is not None
    return caught.value


def test_people_are_put_together_over_a_cut(clip: str) -> None:
    told = looked(installed(see=Cut), clip, folder="frames")
    assert (told.frames, told.frames_with_face, told.recogniser) == (6, 5, "colours")
    red, green, blue = told.people
    assert [(one.frames, one.tracks) for one in told.people] == [(4, 2), (2, 1), (1, 1)]
    assert (red.first_frame, red.last_frame, green.first_frame, blue.first_frame) == (0, 5, 1, 4)
    assert red.last_s == pytest.approx(5 / 25)
    assert told.alike[0][0] == 1
    assert told.alike[0][1] < 0.5
    assert "told apart" not in "".join(told.report.notices)


def test_without_a_recogniser_each_track_is_somebody_and_it_is_said(clip: str) -> None:
    told = looked(installed(see=Unknown, gives=frozenset({"yaw_degrees"}), recognisers={}), clip, folder="frames")
    assert [one.frames for one in told.people] == [3, 2, 1, 1]
    assert (told.alike, told.recogniser) == ((), None)
    assert "not told apart" in "".join(told.report.notices)


@pytest.mark.parametrize("media", [{}, {"trim_start": "2f"}, {"trim_start": "0.04"}, {"trim_start": "1f", "trim_end": "4f"}])
def test_the_printed_reference_makes_a_run_change_that_person(media: dict[str, str], clip: str, tmp_path: Path) -> None:
    told = looked(installed(see=Cut), clip, folder="frames", **media)
    source_picture = picture(tmp_path / "s.png", BLUE)
    for person in told.people[:2]:
        faces = FaceSelection(reference_position=person.best.position, reference_frame=person.best.frame)
        with Host(installed(see=Cut)) as host:
            job = Job((source_picture,), clip, str(tmp_path / f"o{person.number}.mp4"), (Step("paint"),), faces=faces)
            kept = tmp_path / f"k{person.number}"
            host.run(replace(job, media=MediaOptions(folder="frames", keep_frames=str(kept), preset="ultrafast")))
        after = seen(sorted(kept.iterdir())[1])
        assert after == ([BLUE, GREEN, GREY] if person.number == 1 else [RED, BLUE, GREY])


def test_positions_count_in_the_order_that_is_asked_for(clip: str) -> None:
    target = str(Path(clip) / "001.png")
    assert [one.best.position for one in looked(installed(), target).people] == [0, 1]
    told = looked(installed(), target, Look(order="right-left"))
    assert [one.best.box_xyxy[0] for one in told.people] == [SIDE, 0]


def test_pictures_of_a_folder_stand_alone_and_are_named(clip: str) -> None:
    told = looked(installed(see=Cut), clip, folder="pictures")
    assert [one.frames for one in told.people] == [4, 2, 1]
    assert told.people[0].best.file == "000.png"


def test_people_are_compared_with_pictures_and_saved_faces(
    clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOP_FACES", str(tmp_path / "faces"))
    green, blue = picture(tmp_path / "g.png", GREEN), picture(tmp_path / "b.png", GREY, BLUE)
    with Host(installed()) as host:
        report = host.save_face(Job((blue, blue), "unused", "unused", ()), "blue")
    assert report.output == str(tmp_path / "faces" / "blue.safetensors")
    assert len(load("blue").pictures) == 2
    told = looked(installed(see=Cut), clip, likes=(green, "face:blue"), folder="frames")
    nearest = [max(one.likeness, key=lambda name: one.likeness[name] or 0) for one in told.people[1:]]
    assert nearest == [green, "face:blue"]
    assert told.people[1].likeness[green] == pytest.approx(1, abs=0.01)


def test_comparing_needs_a_recogniser(clip: str, tmp_path: Path) -> None:
    found = installed(see=Unknown, gives=frozenset({"yaw_degrees"}), recognisers={})
    error = refused(found, clip, likes=(picture(tmp_path / "g.png", GREEN),))
    assert (error.exit_code, "--like" in str(error)) == (2, True)


@pytest.mark.parametrize(("look", "frames"), [(Look(every=2), 3), (Look(every=2, most=2), 2), (Look(most=4), 4)])
def test_only_some_frames_are_looked_at_and_keep_their_numbers(look: Look, frames: int, clip: str) -> None:
    told = looked(installed(see=Cut), clip, look, folder="frames")
    assert told.frames == frames
    assert all(one.best.frame % look.every == 0 for one in told.people)
    assert told.report.screening[0].looks == frames


@pytest.mark.parametrize(("target", "size"), [("001.png", (2 * SIDE + SIDE, SIDE)), ("", None)])
def test_the_drawing_is_screened_and_says_nothing_false(target: str, size: Any, clip: str, tmp_path: Path) -> None:
    class Noting(Quiet):
        def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
            looks.append((stage, frames[0].width))
            return [0.0] * len(frames)

    looks: list[tuple[Stage, int]] = []
    out = tmp_path / "out" / "p.png"
    out.parent.mkdir()
    told = looked(installed(screener(Noting), see=Cut), str(Path(clip) / target), Look(drawn=str(out)), folder="frames")
    with Image.open(out) as image:
        assert size in (None, image.size)
        assert looks[-1] == (Stage.OUTPUT, image.width)
    assert sum(stage is Stage.TARGET for stage, _ in looks) == told.frames
    assert b"digitalsourcetype" not in out.read_bytes()
    assert left(out.parent) == ["p.png"]
    assert "--overwrite" in str(refused(installed(), clip, Look(drawn=str(out))))
    assert looked(installed(see=Cut), clip, Look(drawn=str(out), overwrite=True)).drawn == str(out)
    inside = str(Path(clip) / "000.png")
    assert refused(installed(), inside, Look(drawn=inside, overwrite=True)).exit_code == 2


@pytest.mark.parametrize("stage", Stage)
def test_what_is_blocked_is_not_shown(stage: Stage, clip: str, tmp_path: Path) -> None:
    class Stern(Quiet):
        def screen(self, frames: Sequence[Frame | FrameView], where: Stage) -> Sequence[float]:
            return [0.9 if where is stage else 0.0] * len(frames)

    out = tmp_path / "out" / "p.png"
    out.parent.mkdir()
    found = installed(screener(Stern), see=Cut)
    for target in (clip, str(Path(clip) / "000.png")):
        error = refused(found, target, Look(drawn=str(out)), likes=(picture(tmp_path / "g.png", GREEN),), folder="frames")
        assert error.exit_code == 5
    assert left(out.parent) == []


def test_saving_screens_and_needs_a_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stern(Quiet):
        def screen(self, frames: Sequence[Frame | FrameView], where: Stage) -> Sequence[float]:
            return [0.9] * len(frames)

    monkeypatch.setenv("ROOP_FACES", str(tmp_path / "faces"))
    red, nobody = picture(tmp_path / "r.png", RED), picture(tmp_path / "n.png", GREY)
    for found, texts, code in (
        (installed(screener(Stern)), (red,), 5),
        (installed(), (red, nobody), 4),
        (installed(), (), 2),
        (installed(), ("face:red",), 2),
    ):
        with Host(found) as host, pytest.raises(RoopError) as caught:
            host.save_face(Job(texts, "unused", "unused", ()), "red")
        assert caught.value.exit_code == code
    assert not (tmp_path / "faces").exists()


def test_pictures_of_two_people_under_one_name_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOP_FACES", str(tmp_path / "faces"))
    red, also_red, green = (picture(tmp_path / f"{n}.png", colour) for n, colour in enumerate((RED, RED, GREEN)))
    with Host(installed()) as host:
        one = host.save_face(Job((red, also_red), "unused", "unused", ()), "one")
        two = host.save_face(Job((red, green), "unused", "unused", ()), "two")
    assert not [notice for notice in one.notices if "somebody else" in notice]
    assert any(f"{green} looks like somebody else than {red}" in notice for notice in two.notices)
    assert (one.source_type, one.job["output"]) == (None, None)


def test_a_look_claims_nothing_synthetic_and_no_output(clip: str, tmp_path: Path) -> None:
    target = str(Path(clip) / "000.png")
    report = looked(installed(), target).report
    assert (report.source_type, report.output, report.job["output"]) == (None, None, None)
    assert 0 < report.loading_seconds <= report.seconds
    drawn = str(tmp_path / "d.png")
    assert looked(installed(), target, Look(drawn=drawn)).report.job["output"] == drawn
    error = refused(installed(), picture(tmp_path / "n.png", GREY))
    assert error.report is not None
    assert (error.report.source_type, error.report.job["output"]) == (None, None)


@pytest.mark.parametrize(
    "look",
    [Look(every=0), Look(every=True), Look(most=-1), Look(most=1.5), Look(order="up")],  # type: ignore[arg-type]
)
def test_a_look_that_can_not_be_is_refused(look: Look, clip: str) -> None:
    with Host(installed()) as host, pytest.raises(UsageError, match=r"^--(every|max-frames|order) takes"):
        host.look(Job((), clip, "unused", ()), look)


def test_a_face_that_a_frame_does_not_show_again_is_not_looked_for_in_every_frame(tmp_path: Path) -> None:
    """What follows a face may see one that a search in its frame alone does not."""
    asked: list[int] = []

    class Blind(Colours):
        def analyse(self, frame: FrameView) -> Sequence[Face]:
            return Colours.analyse_picture(self, frame)

        def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
            asked.append(1)
            return []

    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(40):
        picture(folder / f"{number:03}.png", RED)
    told = looked(installed(see=Blind), str(folder), folder="frames")
    assert (told.people[0].frames, told.people[0].best.position) == (40, 0)
    assert 2 <= len(asked) <= 6


def test_who_has_nobody_is_told_in_fitting_words(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        picture(folder / f"{number}.png", GREY)
    said = str(refused(installed(), str(folder), folder="pictures"))
    assert f"in the 2 pictures of {folder} that were looked at" in said
    said = str(refused(installed(), str(folder), Look(most=1), folder="pictures"))
    assert f"in the only picture of {folder} that was looked at" in said
    said = str(refused(installed(), str(folder / "0.png")))
    assert f"no face was found in {folder / '0.png'};" in said


def test_nobody_is_exit_4_and_a_stream_or_no_analyser_exit_2(tmp_path: Path) -> None:
    with pytest.raises(NoFaceError):
        looked(installed(), picture(tmp_path / "n.png", GREY))
    assert refused(installed(source(Camera)), "camera:0").exit_code == 2
    assert refused(plugins(), picture(tmp_path / "r.png", RED)).exit_code == 2
    assert refused(plugins(quiet=False), picture(tmp_path / "r.png", RED)).exit_code == 5


def test_all_that_is_known_is_plain_json(clip: str) -> None:
    data = json.loads(json.dumps(looked(installed(see=Cut), clip, folder="frames").to_json()))
    assert data["people"][0]["best"]["position"] == 0
    assert data["report"]["exit_code"] == 0
    assert np.shape(data["alike"]) == (3, 3)
