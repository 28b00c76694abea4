"""A preview is the frame that a run makes, with where it was changed; marked, screened, and quick the second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from kit import FAST, OneFace, Quiet, Tint, acting, analyser, job, left, plugins, processor, run, screener
from people import GREEN, GREY, RED, WHITE, installed, picture
from PIL import Image

from roop_host import (
    Box,
    FaceSelection,
    Host,
    Job,
    MediaOptions,
    NoFaceError,
    Plugins,
    Preview,
    Processor,
    RoopError,
    Stage,
    Step,
    Window,
    Wish,
)

SYNTHETIC = b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


def previewed(found: Plugins, what: Job, **wish: object) -> Preview:
    with Host(found) as host:
        return host.preview(what, Wish(**wish))  # type: ignore[arg-type]


def refused(found: Plugins, what: Job, **wish: object) -> RoopError:
    with pytest.raises(RoopError) as caught:
        previewed(found, what, **wish)
    assert caught.value.report is not None
    return caught.value


@pytest.mark.parametrize(
    ("part", "frames", "number"),
    [
        *(({}, 30, number) for number in (0, 13)),
        *(pytest.param({}, 30, number, marks=pytest.mark.slow) for number in (1, 29)),
        *(({"trim_start": "0.2"}, 25, number) for number in (1, 24)),
        *(pytest.param({"trim_start": "0.2"}, 25, number, marks=pytest.mark.slow) for number in (0, 13)),
    ],
)
def test_it_is_the_frame_that_a_run_makes(
    part: dict[str, str], frames: int, number: int, clip: Path, tmp_path: Path
) -> None:
    found = plugins(processor(Tint, "tint", warmup=4, lookahead=2, lookbehind=1))
    media = MediaOptions(preset="ultrafast", segment_frames=1, keep_frames=str(tmp_path / "kept"), **part)
    run(found, job(clip, tmp_path / "o.mp4", "tint", media=media))
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == frames
    preview = previewed(found, job(clip, tmp_path / "never.mp4", "tint", media=media), frame=number)
    with Image.open(kept[number]) as image:
        assert (np.asarray(image)[..., ::-1] == preview.after_bgr).all()
    assert preview.frame == number
    assert not (preview.before_bgr == preview.after_bgr).all()
    assert not (tmp_path / "never.mp4").exists()


class Half(Processor):
    """Two changes that overlap: half of a red square, then half of what lies to its right."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.put(Box(10, 10, 30, 30), np.full((20, 20, 3), 200, np.uint8), np.full((20, 20), 0.5, np.float32))
            frame.put(Box(20, 10, 40, 30), np.full((20, 20, 3), 90, np.uint8), 0.5)
            frame.put(Box(-8, -8, 4, 4), np.full((12, 12, 3), 90, np.uint8))


def test_the_mask_says_how_much_of_each_pixel_was_replaced(clip: Path, tmp_path: Path) -> None:
    preview = previewed(plugins(processor(Half, "half", lookbehind=2)), job(clip, tmp_path / "o.mp4", "half"), frame=9)
    wanted = np.zeros((96, 128), np.float32)
    wanted[10:30, 10:20] = wanted[10:30, 30:40] = 0.5
    wanted[10:30, 20:30] = 0.75
    wanted[:4, :4] = 1
    assert np.allclose(preview.mask, wanted)


def test_only_what_is_needed_is_decoded_and_fed(clip: Path, tmp_path: Path) -> None:
    found = plugins(processor(Tint, "tint", warmup=3, lookahead=1), analyser(OneFace, warmup=2))
    preview = previewed(found, job(clip, tmp_path / "o.mp4", "tint"), frame=20)
    fed = {stage.name: stage.frames for stage in preview.report.stages}
    assert fed["decode"] == 3 + 1 + 1
    assert fed["screen output"] == 1


def test_the_picture_shows_before_and_after_and_says_that_it_is_synthetic(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    found = plugins(processor(Tint, "tint"))
    what, path = job(clip, tmp_path / "o.mp4", "tint"), folder / "p.png"
    preview = previewed(found, what, frame=3, picture=str(path))
    assert left(folder) == ["p.png"]
    assert SYNTHETIC in path.read_bytes()
    with Image.open(path) as image:
        bgr = np.asarray(image.convert("RGB"))[..., ::-1]
    assert (bgr[-96:, :128] == preview.before_bgr).all()
    assert any((bgr[-96:, x : x + 128] == preview.after_bgr).all() for x in range(128, 140))
    assert bgr.shape[1] >= 3 * 128
    assert "--overwrite" in str(refused(found, what, frame=3, picture=str(path)))
    assert refused(found, what, frame=3, picture=str(tmp_path / "p.mp4")).exit_code == 2


@pytest.mark.parametrize(("name", "says"), [("p.jpg", True), ("p.bmp", False)])
def test_a_format_without_room_for_the_mark_has_it_beside(name: str, says: bool, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    previewed(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"), picture=str(folder / name))
    assert left(folder) == ([name] if says else [name, f"{name}.xmp"])
    marked = folder / (name if says else f"{name}.xmp")
    assert SYNTHETIC in marked.read_bytes()


def test_a_picture_and_a_folder_have_numbers_too(tmp_path: Path) -> None:
    source = picture(tmp_path / "s.png", WHITE)
    folder = tmp_path / "many"
    folder.mkdir()
    picture(folder / "1.png", GREY)
    target = picture(folder / "2.png", GREY, RED)
    preview = previewed(installed(), Job((source,), target, "o.png", (Step("paint"),)))
    assert [face.id in preview.edited for face in preview.faces] == [True]
    preview = previewed(installed(), Job((source,), str(folder), "o", (Step("paint"),)), frame=1)
    assert preview.mask.any()
    error = refused(installed(), Job((source,), str(folder), "o", (Step("paint"),)), frame=2)
    assert (error.exit_code, "number 1" in str(error)) == (2, True)
    nobody = previewed(installed(), Job((source,), str(folder), "o", (Step("paint"),)), frame=0)
    assert "no face was found in frame 0" in "".join(nobody.report.notices)
    picture(tmp_path / "none.png", GREY)
    with pytest.raises(NoFaceError):
        previewed(installed(), Job((str(tmp_path / "none.png"),), target, "o.png", (Step("paint"),)))


@pytest.mark.parametrize("media", [{}, {"trim_start": "0.3"}, {"trim_end": "11f"}, {"fps": "12.5"}])
def test_a_frame_beyond_the_end_is_told_with_the_last_one(media: dict[str, str], clip: Path, tmp_path: Path) -> None:
    found, options = plugins(processor(Tint, "tint", warmup=3)), MediaOptions(preset="ultrafast", **media)
    report = run(found, job(clip, tmp_path / "o.mp4", "tint", media=options))
    error = refused(found, job(clip, tmp_path / "p.mp4", "tint", media=options), frame=400)
    assert error.exit_code == 2
    assert f"the number {report.frames - 1};" in str(error)


@pytest.mark.parametrize(
    ("at", "media", "number"), [("0.5", {}, 12), ("0.5", {"trim_start": "0.4"}, 2), ("0.5", {"fps": "12.5"}, 6)]
)
def test_a_time_names_the_frame_shown_then(at: str, media: dict[str, str], number: int, clip: Path, tmp_path: Path) -> None:
    found, options = plugins(processor(Tint, "tint")), MediaOptions(preset="ultrafast", **media)
    assert previewed(found, job(clip, tmp_path / "o.mp4", "tint", media=options), at=at).frame == number
    assert refused(found, job(clip, tmp_path / "o.mp4", "tint", media=options), at="70").exit_code == 2


@pytest.mark.parametrize("wish", [{"frame": -1}, {"at": "soon"}, {"at": "12f"}])
def test_what_can_not_be_meant_is_refused(wish: dict[str, object], clip: Path, tmp_path: Path) -> None:
    assert refused(plugins(processor(Tint, "tint")), job(clip, tmp_path / "o.mp4", "tint"), **wish).exit_code == 2


@pytest.mark.parametrize("stage", [Stage.TARGET, Stage.OUTPUT])
def test_what_a_run_would_not_make_is_not_shown(stage: Stage, clip: Path, tmp_path: Path) -> None:
    class Stern(Quiet):
        def screen(self, frames: object, where: Stage) -> list[float]:
            return [0.9 if where is stage else 0.0 for _ in frames]  # type: ignore[attr-defined]

    folder = tmp_path / "out"
    folder.mkdir()
    found = plugins(processor(Tint, "tint"), screener(Stern))
    error = refused(found, job(clip, tmp_path / "o.mp4", "tint"), frame=5, picture=str(folder / "p.png"))
    assert error.exit_code == 5
    assert left(folder) == []


def test_the_second_preview_loads_nothing(clip: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    found = plugins(
        processor(acting("processor", Tint, seen.append), "tint", needs_faces=True),
        analyser(acting("analyser", OneFace, seen.append)),
        screener(acting("screener", Quiet, seen.append)),
        quiet=False,
    )
    with Host(found) as host:
        host.preview(job(clip, tmp_path / "o.mp4", "tint"), Wish(3))
        first = seen.count("analyser.setup"), sum(name.endswith(".setup") for name in seen)
        host.preview(job(clip, tmp_path / "o.mp4", "tint"), Wish(4))
        host.run(job(clip, tmp_path / "o.mp4", "tint"))
    assert first[0] == 1
    assert sum(name.endswith(".setup") for name in seen) == first[1]


def test_a_stream_is_refused(tmp_path: Path) -> None:
    from kit import Camera, source

    found = plugins(processor(Tint, "tint"), source(Camera))
    assert refused(found, Job((), "camera:0", "o.mp4", (Step("tint"),), media=FAST)).exit_code == 2


def eyes(blind: Callable[[int], bool], **spec: Any) -> Plugins:
    """A step that looks around, and somebody who sees nobody in some frames."""
    return plugins(
        processor(Tint, "tint", needs_faces=True, warmup=3, lookahead=2), analyser(lambda: OneFace(blind), **spec)
    )


@pytest.mark.parametrize(
    ("way", "words"), [("hold", "stands in place of frame 5"), ("drop", "leaves frame 5 out"), ("keep", "")]
)
def test_a_frame_that_is_held_or_dropped_in_a_run_is_shown_as_it_is(
    way: Any, words: str, clip: Path, tmp_path: Path
) -> None:
    what = replace(job(clip, tmp_path / "o.mp4", "tint"), on_no_face=way)
    preview = previewed(eyes(lambda index: index == 5), what, frame=5)
    told = "".join(preview.report.notices)
    assert "no face was found in frame 5" in told
    assert words in told
    assert ("--on-no-face" in told) == bool(words)
    assert "--on-no-face" not in "".join(previewed(eyes(lambda index: index == 5), what, frame=6).report.notices)


def test_a_picture_without_the_face_is_shown_too(tmp_path: Path) -> None:
    source, target = picture(tmp_path / "s.png", WHITE), picture(tmp_path / "t.png", GREY)
    what = Job((source,), target, "o.png", (Step("paint"),), on_no_face="drop")
    assert "leaves frame 0 out" in "".join(previewed(installed(), what).report.notices)


def test_only_the_frame_that_is_asked_for_must_show_the_face(clip: Path, tmp_path: Path) -> None:
    what = replace(job(clip, tmp_path / "o.mp4", "tint"), on_no_face="fail")
    assert previewed(eyes(lambda index: index != 5), what, frame=5).frame == 5
    error = refused(eyes(lambda index: index == 5), what, frame=5)
    assert (error.exit_code, "frame 5 at" in str(error)) == (4, True)


def test_positions_count_in_the_order_of_the_job(tmp_path: Path) -> None:
    source, target = picture(tmp_path / "s.png", WHITE), picture(tmp_path / "t.png", RED, GREEN, GREY)
    faces = FaceSelection(order="right-left", position=1)
    preview = previewed(installed(), Job((source,), target, "o.png", (Step("paint"),), faces=faces))
    told = [(face["position"], face["box_xyxy"][0], face["changed"]) for face in preview.to_json()["faces"]]
    assert told == [(0, 48.0, False), (1, 0.0, True)]
