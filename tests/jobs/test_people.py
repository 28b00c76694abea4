"""Who is swapped, from the pictures that a job names to the report: by looks, by pairs, by a frame of the target."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from kit import FAST, Quiet, Tint, analyser, breaks, plugins, processor, refused, run, screener, source
from people import (
    BLUE,
    GREEN,
    GREY,
    RED,
    SIDE,
    WHITE,
    Colour,
    Colours,
    Paint,
    embedding_of,
    face,
    installed,
    nearest,
    picture,
    seen,
)

from roop_host import (
    Box,
    Choice,
    ExecutionOptions,
    Face,
    FaceSelection,
    Frame,
    FrameView,
    Job,
    JobContext,
    MediaOptions,
    Processor,
    SourceFace,
    Stage,
    Step,
    Window,
)
from roop_host.faces.saved import save
from roop_host.media.reading.probe import probe
from roop_host.media.reading.reader import VideoReader
from roop_host.types.report import Person


@pytest.fixture(autouse=True)
def own_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROOP_FACES", str(tmp_path / "faces"))
    return tmp_path / "faces"


@dataclass
class Scene:
    """Pictures by name, and a job on one of them."""

    folder: Path

    def picture(self, name: str, *colours: Colour) -> str:
        return picture(self.folder / f"{name}.png", *colours)

    def frames(self, *rows: Sequence[Colour]) -> str:
        target = self.folder / "frames"
        target.mkdir()
        for number, row in enumerate(rows):
            picture(target / f"{number:03d}.png", *row)
        return str(target)

    def job(self, target: str, *sources: str, **more: Any) -> Job:
        output = more.pop("output", "out.png")
        faces = FaceSelection(**more.pop("faces", {}))
        media = more.pop("media", FAST)
        return Job(sources, target, str(self.folder / output), (Step("paint"),), faces=faces, media=media, **more)

    @property
    def colours(self) -> list[Colour]:
        return seen(self.folder / "out.png")

    @property
    def rows(self) -> list[list[Colour]]:
        with VideoReader(probe(self.folder / "out.mkv"), threads=1) as reader:
            frames = [frame.bgr() for frame in reader.frames()]
        return [[nearest(bgr[SIDE // 2, x + SIDE // 2]) for x in range(0, bgr.shape[1], SIDE)] for bgr in frames]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def mode_of(report: Any) -> str:
    return str(report.job["faces"]["mode"])


def test_with_nothing_said_the_largest_is_swapped(scene: Scene) -> None:
    report = run(installed(), scene.job(scene.picture("t", RED, GREEN), scene.picture("s", WHITE)))
    assert (mode_of(report), scene.colours) == ("one", [WHITE, GREEN])
    assert report.people == (Person(str(scene.folder / "s.png"), (), 1),)


def test_who_looks_like_the_reference_is_swapped(scene: Scene) -> None:
    what = scene.job(
        scene.picture("t", RED, GREY, GREEN, BLUE), scene.picture("s", WHITE), references=(scene.picture("r", BLUE),)
    )
    report = run(installed(), what)
    assert (mode_of(report), scene.colours) == ("reference", [RED, GREY, GREEN, WHITE])
    (one,) = report.people
    assert (one.references, one.frames, one.mean_similarity, one.best_similarity) == (what.references, 1, 1.0, 1.0)


def test_a_reference_of_several_people_means_the_largest_and_says_so(scene: Scene) -> None:
    reference = scene.picture("r", GREEN, RED)
    report = run(installed(), scene.job(scene.picture("t", RED, GREEN), scene.picture("s", WHITE), references=(reference,)))
    assert scene.colours == [RED, WHITE]
    assert f"the reference {reference} shows 2 faces; the largest is looked for" in report.notices


def test_people_get_faces_of_their_own_wherever_they_go(scene: Scene) -> None:
    target = scene.frames((RED, GREEN, BLUE), (GREEN, BLUE, RED), (BLUE, GREY, RED), (GREY, GREY, BLUE))
    white, dark = scene.picture("white", WHITE), scene.picture("green", GREEN)
    red, blue = scene.picture("red", RED), scene.picture("blue", BLUE)
    what = scene.job(target, pairs=((white, red), (dark, blue)), output="out.mkv")
    report = run(installed(), what)
    assert scene.rows == [
        [WHITE, GREEN, GREEN],
        [GREEN, GREEN, WHITE],
        [GREEN, GREY, WHITE],
        [GREY, GREY, GREEN],
    ]
    assert [(one.name, one.references, one.frames) for one in report.people] == [(white, (red,), 3), (dark, (blue,), 4)]
    assert all(one.best_similarity == 1.0 for one in report.people)


def test_one_source_may_be_put_in_place_of_two_people(scene: Scene) -> None:
    white, red, blue = scene.picture("white", WHITE), scene.picture("red", RED), scene.picture("blue", BLUE)
    run(installed(), scene.job(scene.picture("t", RED, GREEN, BLUE), pairs=((white, red), (white, blue))))
    assert scene.colours == [WHITE, GREEN, WHITE]


class Notes(Paint):
    noted: tuple[SourceFace, ...] = ()

    def begin(self, job: JobContext) -> None:
        super().begin(job)
        type(self).noted = job.sources


def noting(see: Any = Colours) -> Any:
    return plugins(processor(Notes, "paint", needs_faces=True, needs_source=True), analyser(see))


def test_sources_are_pictures_of_one_person(scene: Scene) -> None:
    white, green, red = scene.picture("white", WHITE), scene.picture("green", GREEN), scene.picture("red", RED)
    run(noting(), scene.job(scene.picture("t", BLUE), white, green))
    (one,) = Notes.noted
    assert (one.name, [other.name for other in one.others]) == (white, [green])
    both = [embedding_of(np.full((1, 1, 3), colour, np.uint8)) for colour in (WHITE, GREEN)]
    units = sum(vector / np.linalg.norm(vector) for vector in both)
    assert one.face.embedding is not None
    assert float(one.face.embedding @ units) / float(
        np.linalg.norm(units) * np.linalg.norm(one.face.embedding)
    ) == pytest.approx(1)
    what = scene.job(scene.picture("t", RED, BLUE), pairs=((white, red), (green, red)), media=replace(FAST, overwrite=True))
    run(noting(), what)
    assert [(one.name, len(one.others)) for one in Notes.noted] == [(white, 1)]
    assert scene.colours == [WHITE, BLUE]


def test_a_face_of_the_target_is_the_reference(scene: Scene) -> None:
    target = scene.frames((RED, GREEN), (GREY, BLUE), (BLUE, RED))
    faces = {"reference_position": 1, "reference_frame": 2, "order": "right-left"}
    report = run(installed(), scene.job(target, scene.picture("s", WHITE), faces=faces, output="out.mkv"))
    assert (mode_of(report), scene.rows) == ("reference", [[RED, GREEN], [GREY, WHITE], [WHITE, RED]])
    assert report.people[0].references == (f"face 1 in frame 2 of {target}",)


def test_the_frame_is_one_of_the_target_itself(scene: Scene) -> None:
    target = scene.frames((RED, GREEN), (GREEN, RED), (BLUE, GREEN), (RED, GREEN))
    media = replace(FAST, trim_start="2f", fps="50")
    faces = {"reference_position": 0, "order": "left-right"}
    run(installed(), scene.job(target, scene.picture("s", WHITE), faces=faces, output="out.mkv", media=media))
    assert all(row[1] == GREEN for row in scene.rows)
    assert scene.rows[-1] == [WHITE, GREEN]


def test_a_clip_shows_the_reference(scene: Scene) -> None:
    what = scene.job(scene.frames((RED, GREEN), (GREY, BLUE), (GREEN, RED)), scene.picture("s", WHITE), output="out.mkv")
    blue = scene.picture("b", BLUE)
    run(installed(), replace(what, sources=(), pairs=((blue, blue),)))  # changes nothing
    clip = str((scene.folder / "out.mkv").rename(scene.folder / "clip.mkv"))
    faces = {"reference_position": 0, "reference_frame": 1}
    run(installed(), replace(what, target=clip, faces=FaceSelection(**faces)))
    assert scene.rows == [[RED, GREEN], [GREY, WHITE], [GREEN, RED]]
    (scene.folder / "out.mkv").unlink()
    error = refused(installed(), replace(what, target=clip, faces=FaceSelection(**{**faces, "reference_frame": 3})))
    assert (error.exit_code, f"{clip} has no frame 3" in str(error)) == (2, True)


def test_of_a_folder_of_pictures_it_is_one_of_these(scene: Scene) -> None:
    target = scene.frames((RED, GREEN), (GREEN, BLUE))
    faces = {"reference_position": 1, "reference_frame": 1, "order": "left-right"}
    media = MediaOptions(folder="pictures")
    run(installed(), scene.job(target, scene.picture("s", WHITE), faces=faces, output="out", media=media))
    assert seen(scene.folder / "out" / "000.png") == [RED, GREEN]
    assert seen(scene.folder / "out" / "001.png") == [GREEN, WHITE]


@pytest.mark.parametrize(
    ("faces", "code", "words"),
    [
        ({"reference_position": 2}, 2, "frame 0 of {target} shows 2 faces, counted from 0, so there is no face 2"),
        ({"reference_position": 1, "reference_frame": 1}, 2, "shows 1 face, counted from 0, so there is no face 1"),
        ({"reference_position": 0, "reference_frame": 2}, 4, "frame 2 of {target} shows no face"),
        ({"reference_position": 0, "reference_frame": 3}, 2, "{target} has no frame 3 (it has 3, counted from 0)"),
    ],
)
def test_a_reference_that_is_not_there_says_what_is(faces: dict[str, int], code: int, words: str, scene: Scene) -> None:
    target = scene.frames((RED, GREEN), (GREY, BLUE), (GREY, GREY))
    for number, output in enumerate(("out.mkv", "out")):
        media = FAST if number == 0 else MediaOptions(folder="pictures")
        error = refused(installed(), scene.job(target, scene.picture("s", WHITE), faces=faces, output=output, media=media))
        assert error.exit_code == code
        assert words.format(target=target) in str(error)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"faces": {"mode": "reference"}}, "looks for somebody; say for whom"),
        ({"faces": {"mode": "one"}, "references": ("r",)}, "mode one looks for nobody, and --reference-face"),
        ({"faces": {"mode": "many"}, "sources": (), "pairs": (("s", "r"),)}, "mode many looks for nobody, and --map"),
        ({"faces": {"mode": "many", "reference_position": 0}}, "looks for nobody, and --reference-face-position"),
        ({"pairs": (("s", "r"),)}, "--map names its own sources"),
        ({"sources": (), "pairs": (("s", "r"),), "references": ("r",)}, "--map and --reference-face both say"),
        ({"references": ("r",), "faces": {"reference_position": 0}}, "--reference-face-position both say"),
        ({"sources": (), "references": ("r",)}, "no source says into whom"),
        ({"faces": {"reference_frame": 3}}, "add --reference-face-position"),
        ({"faces": {"mode": "many", "position": 1}}, "--face-position says which one"),
        ({"references": ("r",), "faces": {"position": 1}}, "--face-position says which one"),
        ({"faces": {"age_start": 30, "age_end": 20}}, "nobody is 30 or older and 20 or younger"),
        ({"sources": (), "faces": {"gender": "source"}}, "asks for the gender of a source"),
    ],
)
def test_what_contradicts_itself_is_told_before_any_work(said: dict[str, Any], words: str, scene: Scene) -> None:
    sources = said.pop("sources", ("s",)) if "sources" in said else ("s",)
    more = {name: value for name, value in said.items() if name != "sources"}
    error = refused(installed(), scene.job(scene.picture("t", RED), *sources, **more))
    assert error.exit_code == 2
    assert words in str(error)


@pytest.mark.parametrize("said", ["picture", "place"])
def test_where_no_step_needs_a_source_who_is_looked_for_is_chosen_all_the_same(said: str, scene: Scene) -> None:
    class Hide(Processor):
        """Paints over who is not chosen."""

        def process(self, window: Window) -> None:
            for frame in window.current:
                for one in frame.faces:
                    if not one.chosen:
                        box = Box(*map(round, one.box_xyxy))
                        frame.put(box, np.full((box.height, box.width, 3), WHITE, np.uint8), face_id=one.id)

    more: dict[str, Any] = {"references": (scene.picture("r", BLUE),)}
    if said == "place":
        more = {"faces": {"reference_position": 2, "order": "left-right"}}
    what = replace(scene.job(scene.picture("t", RED, GREEN, BLUE), **more), steps=(Step("hide"),))
    report = run(installed(processor(Hide, "hide", needs_faces=True)), what)
    assert (mode_of(report), scene.colours, report.people) == ("reference", [WHITE, WHITE, BLUE], ())
    both = replace(what, steps=(Step("hide"), Step("paint")), output=str(scene.folder / "other.png"))
    error = refused(installed(processor(Hide, "hide", needs_faces=True)), both)
    assert "no source says into whom" in str(error)


def test_a_stream_has_no_frame_to_show_first(scene: Scene) -> None:
    what = scene.job("camera:0", scene.picture("s", WHITE), faces={"reference_position": 0}, output="out.mkv")
    error = refused(installed(source(lambda: pytest.fail("opened"))), what)
    assert (error.exit_code, "come only once" in str(error)) == (2, True)


def test_a_job_without_faces_has_nobody_to_choose(scene: Scene) -> None:
    what = replace(scene.job(scene.picture("t", RED), scene.picture("s", WHITE), references=("r",)), steps=(Step("tint"),))
    error = refused(plugins(processor(Tint, "tint")), what)
    assert (error.exit_code, "no step of this job looks at faces, so --reference-face has" in str(error)) == (2, True)
    error = refused(plugins(processor(Tint, "tint")), replace(what, sources=(), references=(), pairs=(("s", "r"),)))
    assert "no step of this job looks at faces, so --map has" in str(error)


@pytest.mark.parametrize("kind", ["reference", "map", "source"])
def test_every_picture_must_show_a_face(kind: str, scene: Scene) -> None:
    good, empty = scene.picture("good", WHITE), scene.picture("empty", GREY)
    sources = (good, empty) if kind == "source" else () if kind == "map" else (good,)
    more: dict[str, Any] = {"references": (empty,)} if kind == "reference" else {}
    more |= {"pairs": ((good, empty),)} if kind == "map" else {}
    error = refused(installed(), scene.job(scene.picture("t", RED), *sources, **more))
    what = "source" if kind == "source" else "reference"
    assert error.exit_code == 4
    assert f"no face was found in the {what} {empty}" in str(error)


class Blocks(Quiet):
    """Refuses red at one stage, and notes what was looked at there."""

    stage = Stage.SOURCE

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        red = [bool(np.abs(frame.bgr()[SIDE // 2, SIDE // 2].astype(int) - RED).max() < 9) for frame in frames]
        return [0.9 if stage is self.stage and is_red else 0.0 for is_red in red]


class Careful(Colours):
    """Fails where it is shown a picture that should have been refused."""

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        assert np.abs(frame.bgr()[SIDE // 2, SIDE // 2].astype(int) - RED).max() > 9
        return super().analyse_picture(frame)


@pytest.mark.parametrize("kind", ["reference", "map", "source", "saved"])
def test_every_picture_is_screened_before_a_face_is_looked_for(kind: str, scene: Scene) -> None:
    white, red = scene.picture("white", WHITE), scene.picture("red", RED)
    more: dict[str, Any] = {
        "reference": {"references": (red,)},
        "map": {"pairs": ((white, red),)},
        "source": {},
        "saved": {"references": ("face:red",)},
    }[kind]
    save("red", [SourceFace("r", np.full((SIDE, SIDE, 3), RED, np.uint8), face(embedding=(-1, -1, 1)))])
    sources = {"map": (), "source": (white, red)}.get(kind, (white,))
    found = installed(screener(Blocks), see=Careful)
    error = refused(found, scene.job(scene.picture("t", GREEN), *sources, **more))
    assert error.exit_code == 5
    named = {"source": "the source", "saved": "the saved face red"}.get(kind, "the reference")
    assert named in str(error)


class Repaints(Colours):
    """Paints over the pictures that it is shown, where it can."""

    def analyse_picture(self, frame: FrameView) -> Sequence[Face]:
        found = super().analyse_picture(frame)
        with suppress(AttributeError):
            frame.put(frame.box, np.full((frame.height, frame.width, 3), RED, np.uint8))  # type: ignore[attr-defined]
        return found


def test_an_analyser_changes_no_picture_that_was_screened(scene: Scene) -> None:
    run(installed(see=Repaints), scene.job(scene.picture("t", GREEN), scene.picture("s", WHITE)))
    assert scene.colours == [WHITE]


def test_the_frame_that_shows_the_reference_is_screened_as_a_target(scene: Scene) -> None:
    found = installed(screener(type("Targets", (Blocks,), {"stage": Stage.TARGET})), see=Careful)
    target = scene.frames((GREEN,), (RED,))
    what = scene.job(
        target, scene.picture("s", WHITE), faces={"reference_position": 0, "reference_frame": 1}, output="out.mkv"
    )
    error = refused(found, what)
    assert (error.exit_code, f"frame 1 of {target} scores" in str(error)) == (5, True)


def colour_face(colour: Colour, **more: Any) -> SourceFace:
    vector = [number - 128.0 for number in colour]
    found = face(embedding=vector, box=(16, 16, 32, 32), **more)
    return SourceFace("somebody.jpg", np.full((SIDE, SIDE, 3), colour, np.uint8), found)


def test_a_saved_face_is_a_source_and_a_reference(scene: Scene) -> None:
    save("anna", [colour_face(WHITE)])
    save("bob", [colour_face(GREEN)])
    target = scene.picture("t", RED, GREEN)
    report = run(installed(), scene.job(target, "face:anna", references=("face:bob",)))
    assert scene.colours == [RED, WHITE]
    assert (report.people[0].name, report.people[0].references) == ("face:anna", ("face:bob",))
    run(installed(), scene.job(target, pairs=(("face:bob", scene.picture("r", RED)),), media=replace(FAST, overwrite=True)))
    assert scene.colours == [GREEN, GREEN]


def test_pictures_of_a_saved_face_are_merged_with_others(scene: Scene) -> None:
    save("anna", [colour_face(WHITE, yaw_degrees=20.0), colour_face(GREEN, yaw_degrees=2.0)])
    run(noting(), scene.job(scene.picture("t", BLUE), scene.picture("red", RED), "face:anna"))
    (one,) = Notes.noted
    assert [one.face.yaw_degrees, *(other.face.yaw_degrees for other in one.others)] == [2.0, 20.0, None]


@pytest.mark.parametrize("place", ["source", "reference"])
def test_a_face_of_another_recogniser_is_an_error_that_says_what_to_do(place: str, scene: Scene) -> None:
    other = colour_face(WHITE)
    save("anna", [replace(other, face=replace(other.face, recogniser="another"))])
    sources = ("face:anna",) if place == "source" else (scene.picture("s", WHITE),)
    references = ("face:anna",) if place == "reference" else ()
    found = plugins(
        processor(Paint, "paint", needs_faces=True, needs_source=True, needs=frozenset({"embedding:colours", "embedding"})),
        analyser(Colours, gives=frozenset({"embedding", "embedding:colours"})),
    )
    error = refused(found, scene.job(scene.picture("t", RED), *sources, references=references))
    assert error.exit_code == 2
    assert "the saved face anna is known by another, and this job's recogniser is colours; save it again: " in str(error)
    assert "roop faces save anna" in str(error)


def test_a_saved_face_lacks_what_a_step_needs(scene: Scene) -> None:
    save("anna", [colour_face(WHITE)])
    step = processor(Paint, "paint", needs_faces=True, needs_source=True, needs=frozenset({"mesh_468"}))
    error = refused(plugins(step, analyser(Colours)), scene.job(scene.picture("t", RED), "face:anna"))
    assert (error.exit_code, "lacks what a step needs (mesh_468)" in str(error)) == (2, True)


@pytest.mark.parametrize("place", ["sources", "references"])
def test_a_face_that_was_not_saved(place: str, scene: Scene) -> None:
    sources = ("face:none",) if place == "sources" else (scene.picture("s", WHITE),)
    error = refused(
        installed(),
        scene.job(scene.picture("t", RED), *sources, references=("face:none",) if place == "references" else ()),
    )
    assert (error.exit_code, "no face is saved as none" in str(error)) == (2, True)
    error = refused(installed(), scene.job(scene.picture("t", RED), "face:../x"))
    assert (error.exit_code, "is no name of a face" in str(error)) == (2, True)


def test_an_output_is_never_a_reference(scene: Scene) -> None:
    reference = scene.picture("out", RED)
    what = scene.job(
        scene.picture("t", RED), scene.picture("s", WHITE), references=(reference,), media=replace(FAST, overwrite=True)
    )
    assert "is also an input" in str(refused(installed(), what))


def test_where_nobody_looks_like_it_nothing_is_written(scene: Scene) -> None:
    what = scene.job(scene.picture("t", RED, GREEN), scene.picture("s", WHITE), references=(scene.picture("r", BLUE),))
    error = refused(installed(), what)
    assert (error.exit_code, "is the one that was asked for" in str(error)) == (4, True)
    assert error.report is not None
    assert (error.report.people[0].frames, error.report.people[0].mean_similarity) == (0, None)
    assert not Path(what.output).exists()


def test_gender_may_be_that_of_the_source(scene: Scene) -> None:
    genders = {str(_track(WHITE)): {"gender": "male"}, str(_track(RED)): {"gender": "female"}}
    see = type("Guesses", (Colours,), {"details": {**genders, str(_track(BLUE)): {"gender": "male"}}})
    given = frozenset({"gender", "embedding", "embedding:colours"})
    target = scene.picture("t", RED, BLUE)
    run(installed(see=see, gives=given), scene.job(target, scene.picture("s", WHITE), faces={"gender": "source"}))
    assert scene.colours == [RED, WHITE]
    error = refused(
        installed(see=see, gives=given),
        scene.job(target, scene.picture("g", GREEN), faces={"gender": "source"}, output="other.png"),
    )
    assert (error.exit_code, "the gender of the source" in str(error)) == (2, True)


def _track(colour: Colour) -> int:
    return sum((number > 128) << place for place, number in enumerate(colour))


@dataclass(frozen=True, slots=True, kw_only=True)
class See:
    backend: Literal["auto", "small", "large"] = "auto"
    details: tuple[Literal["age"], ...] = ()


def choosing() -> Any:
    small = Choice(option="backend", value="small", gives=frozenset({"mesh_468"}))
    large = Choice(option="backend", value="large", gives=frozenset({"mesh_468", "embedding", "embedding:net_50"}))
    age = Choice(option="details", value="age", needs=frozenset({"embedding"}), gives=frozenset({"age"}))
    eyes = analyser(Colours, choices=(small, large, age))
    eyes.ROOP_OPTIONS = See
    step = processor(Paint, "paint", needs_faces=True, needs_source=True, needs=frozenset({"mesh_468"}))
    return plugins(step, eyes)


def test_the_backend_is_one_that_knows_people(scene: Scene) -> None:
    target, white = scene.picture("t", RED, GREEN), scene.picture("s", WHITE)
    what = scene.job(target, white)
    assert run(choosing(), what).job["plugin_options"]["t1"]["backend"] == "small"
    again = replace(FAST, overwrite=True)
    report = run(choosing(), replace(what, references=(scene.picture("r", GREEN),), media=again))
    assert report.job["plugin_options"]["t1"]["backend"] == "large"


@pytest.mark.parametrize(
    ("faces", "options", "words"),
    [
        (
            {"reference_position": 0},
            {"backend": "small"},
            "--face-selector-mode reference needs faces with embedding, which --t1-backend small does not give; "
            "say --t1-backend large, or auto",
        ),
        (
            {"age_start": 18},
            {},
            "--face-selector-age-start or --face-selector-age-end needs faces with age, which come with "
            "--t1-details age; say that",
        ),
        (
            {"gender": "male"},
            {},
            "--face-selector-gender male needs faces with gender, which the analyser eyes (roop-t1 0) does not give",
        ),
    ],
)
def test_what_the_analyser_does_not_give_names_the_option(
    faces: dict[str, Any], options: dict[str, Any], words: str, scene: Scene
) -> None:
    what = scene.job(scene.picture("t", RED), scene.picture("s", WHITE), faces=faces, plugin_options={"t1": options})
    error = refused(choosing(), what)
    assert (error.exit_code, words in str(error)) == (2, True)


def test_the_embedding_of_a_recogniser_is_told_in_words(scene: Scene) -> None:
    step = processor(Paint, "paint", needs_faces=True, needs=frozenset({"embedding:net_50"}))
    error = refused(plugins(step, analyser(Colours, gives=frozenset({"embedding"}))), scene.job(scene.picture("t", RED)))
    assert "the step paint needs faces with the embedding of net_50, which" in str(error)


def test_a_continued_run_counts_all_and_another_reference_begins_anew(scene: Scene) -> None:
    target = scene.frames(*[(RED, GREEN)] * 16)
    white, red, green = scene.picture("s", WHITE), scene.picture("r", RED), scene.picture("g", GREEN)
    media = replace(FAST, segment_frames=2)
    what = scene.job(
        target, white, references=(red,), output="out.mkv", media=media, execution=ExecutionOptions(resumable=True)
    )
    broken = plugins(
        processor(breaks(Paint, 15), "paint", needs_faces=True, needs_source=True),
        analyser(Colours, recognisers={"colours": 0.6}),
    )
    whole = plugins(
        processor(Paint, "paint", needs_faces=True, needs_source=True), analyser(Colours, recognisers={"colours": 0.6})
    )
    refused(broken, what)
    report = run(whole, what)
    assert report.resumed_frames > 0
    assert (report.people[0].frames, report.people[0].mean_similarity) == (16, 1.0)
    (scene.folder / "out.mkv").unlink()
    refused(broken, what)
    assert run(whole, replace(what, references=(green,))).resumed_frames == 0
    (scene.folder / "out.mkv").unlink()
    refused(broken, what)
    picture(Path(red), RED, GREY)  # another file under the same name
    assert run(whole, what).resumed_frames == 0
