"""Frames that are kept, and marks that are read back: a file that is not whole or does not say what it is gets no name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clips import make_clip
from kit import (
    FAST,
    Quiet,
    Raw,
    Times,
    Tint,
    breaks,
    exporter,
    job,
    left,
    plugins,
    processor,
    refused,
    run,
    screener,
    wait_for_segments,
)
from PIL import Image

from roop_host import ExecutionOptions, Job, MediaOptions, Stage, Window
from roop_host.media.marks import Marks
from roop_host.plugins.found import Plugins

TINT = plugins(processor(Tint, "tint", warmup=2))
RESUMABLE = ExecutionOptions(resumable=True)


def asking(**media: Any) -> MediaOptions:
    return replace(FAST, **media)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


def torn(clip: Path, tmp_path: Path, kind: str = "png") -> tuple[Job, Path]:
    """A job that broke off after two segments, and the folder of its frames."""
    media = asking(keep_frames=str(tmp_path / "kept"), frame_format=kind)
    what = job(clip, tmp_path / "o.mp4", "tint", media=media, execution=RESUMABLE)
    refused(plugins(processor(breaks(Tint, 20), "tint", warmup=2)), what)
    return what, tmp_path / ".o.mp4.roop" / "segment-frames"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def unmark(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"digitalsourcetype", b"digitalsourcetypo"))


def unlist(path: Path) -> None:
    (path.parent.parent / "segment-000001.frames").unlink()


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b""), cut, unmark, unlist])
def test_a_segment_whose_frames_are_not_whole_is_made_again(
    damage: Callable[[Path], Any], clip: Path, tmp_path: Path
) -> None:
    what, frames = torn(clip, tmp_path)
    damage(frames / "000011.png")
    assert run(TINT, what).resumed_frames == 8
    run(TINT, replace(what, output=str(tmp_path / "w.mp4"), media=replace(what.media, keep_frames=str(tmp_path / "w"))))
    assert left(tmp_path / "kept") == [f"{number:06d}.png" for number in range(1, 31)]
    for name in left(tmp_path / "kept"):
        assert (tmp_path / "kept" / name).read_bytes() == (tmp_path / "w" / name).read_bytes()
    assert (tmp_path / "o.mp4").read_bytes() == (tmp_path / "w.mp4").read_bytes()
    assert left(tmp_path) == ["kept", "o.mp4", "w", "w.mp4"]


def test_frames_that_all_are_gone_are_made_again(clip: Path, tmp_path: Path) -> None:
    what, frames = torn(clip, tmp_path)
    for path in frames.iterdir():
        path.unlink()
    frames.rmdir()
    assert run(TINT, what).resumed_frames == 0
    assert len(left(tmp_path / "kept")) == 30


def test_what_does_not_belong_among_the_frames_is_not_published(clip: Path, tmp_path: Path) -> None:
    what, frames = torn(clip, tmp_path)
    (frames / "000031.png").write_bytes(b"of no frame")
    (frames / "x.part").write_bytes(b"half")
    assert run(TINT, what).resumed_frames == 16
    assert left(tmp_path / "kept") == [f"{number:06d}.png" for number in range(1, 31)]


@pytest.mark.parametrize("damage", [Path.unlink, cut])
def test_a_frame_that_is_lost_while_the_job_runs_ends_it(damage: Callable[[Path], Any], clip: Path, tmp_path: Path) -> None:
    class Loses(Tint):
        def process(self, window: Window) -> None:
            if window.current[0].index == 28:
                wait_for_segments(tmp_path / "o.mp4", 3)
                damage(tmp_path / ".o.mp4.roop" / "segment-frames" / "000003.png")
            super().process(window)

    what = job(clip, tmp_path / "o.mp4", "tint", media=asking(keep_frames=str(tmp_path / "kept")))
    error = refused(plugins(processor(Loses, "tint")), what)
    assert (error.exit_code, "000003.png" in str(error)) == (9, True)
    assert left(tmp_path) == []


def test_a_writer_keeps_frames_too(clip: Path, tmp_path: Path) -> None:
    found = plugins(processor(Tint, "tint"), exporter(Raw, "raw", "writer", ".raw"))
    report = run(found, job(clip, tmp_path / "o.raw", "tint", media=asking(keep_frames=str(tmp_path / "kept"))))
    assert left(tmp_path / "kept") == [f"{number:06d}.png" for number in range(1, 31)]
    assert left(tmp_path) == ["kept", "o.raw", "o.raw.xmp"]
    assert str(tmp_path / "kept") in report.beside


# -- frames of an earlier run


def test_frames_of_an_earlier_longer_run_are_removed(clip: Path, tmp_path: Path) -> None:
    media = asking(keep_frames=str(tmp_path / "kept"))
    run(TINT, job(clip, tmp_path / "o.mp4", "tint", media=media))
    mine = {
        "000040.png": Image.new("RGB", (8, 8)),  # called as a frame is, but nothing that roop made
        "000041.txt": None,
        "41.png": None,
        "000042 copy.png": None,
    }
    made = (tmp_path / "kept" / "000030.png").read_bytes()
    for name, image in mine.items():
        image.save(tmp_path / "kept" / name) if image else (tmp_path / "kept" / name).write_bytes(made)
    media = replace(media, overwrite=True, trim_end="5f", frame_format="jpg")
    report = run(TINT, job(clip, tmp_path / "o.mp4", "tint", media=media))
    assert left(tmp_path / "kept") == sorted([*mine, *(f"{number:06d}.jpg" for number in range(1, 6))])
    assert f"30 frames of an earlier run were removed from {tmp_path / 'kept'}" in report.notices


def test_a_run_that_fails_removes_no_frames_of_an_earlier_one(clip: Path, tmp_path: Path) -> None:
    media = asking(keep_frames=str(tmp_path / "kept"))
    run(TINT, job(clip, tmp_path / "o.mp4", "tint", media=media))
    media = replace(media, overwrite=True, trim_end="25f")
    refused(plugins(processor(breaks(Tint, 20), "tint")), job(clip, tmp_path / "o.mp4", "tint", media=media))
    assert len(left(tmp_path / "kept")) == 30


# -- marks


@pytest.fixture
def unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written does not say the term that is looked for afterwards."""
    packet = Marks.xmp
    monkeypatch.setattr(Marks, "xmp", lambda marks: packet(replace(marks, source_type="none")))


@pytest.fixture
def inputs(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    pictures = [Image.new("RGB", (48, 40), (60 * number, 90, 40)) for number in range(3)]
    (folder / "in").mkdir()
    for number, picture in enumerate(pictures):
        picture.copy().save(folder / "in" / f"{number}.png")
    pictures[0].copy().save(folder / "in.gif", save_all=True, append_images=pictures[1:], duration=100)
    pictures[0].save(folder / "in.tif", save_all=True, append_images=pictures[1:])
    return {
        "clip": clip,
        "picture": folder / "in" / "1.png",
        "folder": folder / "in",
        "animation": folder / "in.gif",
        "pages": folder / "in.tif",
    }


@pytest.mark.parametrize(
    ("target", "output"),
    [
        ("clip", "o.mp4"), ("clip", "o.gif"), ("animation", "o.webp"), ("animation", "o.png"), ("picture", "o.png"),
        ("picture", "o.jpg"), ("picture", "o.webp"), ("picture", "o.tif"), ("picture", "o.avif"), ("picture", "o.gif"),
        ("pages", "o.tif"), ("folder", "out"),
    ],
)  # fmt: skip
def test_an_output_that_does_not_say_what_it_is_gets_no_name(
    target: str, output: str, inputs: dict[str, Path], unmarked: None, tmp_path: Path
) -> None:
    error = refused(TINT, job(inputs[target], tmp_path / output, "tint", media=asking(folder="pictures")))
    assert (error.exit_code, "does not say that it is synthetic" in str(error)) == (9, True)
    assert left(tmp_path) == []


def test_every_page_is_to_say_what_it_is(inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packet, seen = Marks.xmp, []

    def all_but_the_second(marks: Marks) -> bytes:
        seen.append(marks)
        return packet(replace(marks, source_type="none") if len(seen) == 2 else marks)

    monkeypatch.setattr(Marks, "xmp", all_but_the_second)
    assert refused(TINT, job(inputs["pages"], tmp_path / "o.tif", "tint")).exit_code == 9


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif"])
def test_a_kept_frame_that_does_not_say_what_it_is_ends_the_job(
    kind: str, clip: Path, unmarked: None, tmp_path: Path
) -> None:
    media = asking(keep_frames=str(tmp_path / "kept"), frame_format=kind)
    error = refused(TINT, job(clip, tmp_path / "o.mp4", "tint", media=media))
    assert (error.exit_code, "000001" in str(error)) == (9, True)
    assert left(tmp_path) == []


# -- what is blocked leaves nothing


def blocking(stage: Stage) -> Plugins:
    class Blocks(Quiet):
        def screen(self, frames: Sequence[Any], at: Stage) -> Sequence[float]:
            return [0.99 if at is stage and frame.index == 2 else 0.0 for frame in frames]

    return plugins(processor(Tint, "tint"), screener(Blocks), exporter(Times, "times", "sidecar", ".csv"))


@pytest.mark.parametrize("stage", [Stage.TARGET, Stage.OUTPUT])
@pytest.mark.parametrize(
    ("target", "output", "kept"),
    [
        ("clip", "o.mp4", True), ("animation", "o.gif", True), ("folder", "o.mkv", True), ("folder", "out", False),
        ("pages", "o.tif", False),
    ],
)  # fmt: skip
def test_what_is_blocked_leaves_nothing(
    target: str, output: str, kept: bool, stage: Stage, inputs: dict[str, Path], tmp_path: Path
) -> None:
    media = asking(
        folder="pictures" if output == "out" else "frames",
        keep_frames=str(tmp_path / "kept") if kept else "",
        segment_frames=1,
        salvage=True,
    )
    what = job(inputs[target], tmp_path / output, "tint", media=media, exports=("times",), execution=RESUMABLE)
    error = refused(blocking(stage), what)
    assert error.exit_code == 5
    assert error.report is not None
    assert (error.report.status, error.report.output, error.report.beside) == ("blocked", None, ())
    assert left(tmp_path) == []


# -- the resume key


@pytest.mark.parametrize("name", ["tifffile", "pillow-heif", "pillow", "av"])
def test_another_version_of_what_makes_pictures_begins_anew(
    name: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from roop_host.runner import stream

    what, _ = torn(clip, tmp_path)
    real = stream.version
    monkeypatch.setattr(stream, "version", lambda asked: "0.0" if asked == name else real(asked))
    assert run(TINT, what).resumed_frames == 0
