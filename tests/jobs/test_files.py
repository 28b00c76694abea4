"""What a job writes: never over an input, never two under one name, and told before the work where it can't be."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from kit import (
    FAST,
    Bucket,
    Camera,
    OneFace,
    Raw,
    Tint,
    analyser,
    exporter,
    job,
    left,
    plugins,
    processor,
    refused,
    run,
    source,
    uploader,
)
from PIL import Image

from roop_host import MediaOptions, Processor


class Never(Processor):
    """Its set-up is the beginning of work."""

    def setup(self, ctx: Any) -> None:
        raise AssertionError("work was begun")


NEVER = plugins(processor(Never, "step"))
TINT = plugins(processor(Tint, "step"))


def asking(**media: Any) -> MediaOptions:
    return replace(FAST, **media)


def still(path: Path, shade: int = 90, kind: str | None = None) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((48, 64, 3), shade, np.uint8)).save(path, kind)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=5)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ``in`` of three pictures, in the folder that names are relative to."""
    for number in range(3):
        still(tmp_path / "in" / f"i{number}.png", 40 * number)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder: Path) -> dict[str, bytes | None]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


PICTURES = asking(folder="pictures", overwrite=True)


# -- inputs


def test_a_picture_of_a_folder_is_not_written_over_a_source(here: Path) -> None:
    still(here / "src" / "i1.png", 77)
    before = tree(here)
    found = plugins(processor(Never, "step", needs_source=True, needs_faces=True), analyser(OneFace))
    what = replace(job(Path("in"), Path("src"), "step", media=PICTURES), sources=("src/i1.png",))
    error = refused(found, what)
    assert (error.exit_code, "the picture src/i1.png is also an input" in str(error)) == (2, True)
    assert tree(here) == before


def test_a_name_that_only_leads_to_an_input_is_one(here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "i2.png").hardlink_to(here / "in" / "i0.png")
    assert "also an input" in str(refused(NEVER, job(Path("in"), Path("out"), "step", media=PICTURES)))


@pytest.mark.parametrize("output", ["in/i1.gif", "in/i1.raw"])
def test_a_picture_of_a_target_is_not_written_over(output: str, here: Path) -> None:
    still(here / output, 200, "GIF")
    found = plugins(processor(Never, "step"), exporter(Raw, "raw", "writer", ".raw"))
    error = refused(found, job(Path("in"), Path(output), "step", media=asking(folder="frames", overwrite=True)))
    assert (error.exit_code, f"{output} is also an input" in str(error)) == (2, True)


def test_a_kept_frame_is_not_written_over_an_input(clip: Path, here: Path) -> None:
    still(here / "kept" / "000003.png")
    found = plugins(processor(Never, "step", needs_source=True, needs_faces=True), analyser(OneFace))
    media = asking(keep_frames="kept", overwrite=True)
    what = replace(job(clip, Path("o.mp4"), "step", media=media), sources=("kept/000003.png",))
    error = refused(found, what)
    assert (error.exit_code, "the frame kept/000003.png is also an input" in str(error)) == (2, True)


# -- two of one name


@pytest.mark.parametrize("names", [("photo", "photo.png"), ("a.heic", "a.heic.png"), ("Photo.png", "photo.PNG")])
def test_two_pictures_do_not_become_one(names: tuple[str, str], here: Path) -> None:
    for number, name in enumerate(names):
        still(here / "two" / name, 40 + 90 * number, "PNG")
    error = refused(NEVER, job(Path("two"), Path("out"), "step", media=asking(folder="pictures")))
    assert error.exit_code == 2
    assert all(f"two/{name} " in str(error) for name in names)
    assert left(here) == ["in", "two"]


# -- places


Make = dict[str, str]


@pytest.mark.parametrize(
    ("exit_code", "target", "output", "media", "says", "make"),
    [
        (2, "in", "plain", {"folder": "pictures", "overwrite": True}, "plain is no folder", {"plain": "file"}),
        (2, "in", "d.mp4", {"folder": "frames"}, "d.mp4 is a folder", {"d.mp4": "folder"}),
        (2, "in", "d.raw", {"folder": "frames"}, "d.raw is a folder", {"d.raw": "folder"}),
        (2, "in", "out", {"folder": "pictures", "overwrite": True}, "out/i1.png", {"out": "folder", "out/i1.png": "folder"}),
        (2, "clip", "k/o.mp4", {"keep_frames": "k"}, "the folder of the output itself", {"k": "folder"}),
        (2, "clip", "o.mp4", {"keep_frames": ".", "overwrite": True}, "the folder of the output itself", {}),
        (2, "clip", "o.mp4", {"keep_frames": ".o.mp4.roop/kept"}, "where unfinished work does", {}),
        (2, "clip", "o.mp4", {"keep_frames": "k", "overwrite": True}, "2.png, w", {"k": "folder", "k/000002.png": "folder"}),
        (2, "clip", "o.mp4", {"keep_frames": "k"}, "k is a file", {"k": "link to nothing"}),
        (9, "clip", "o.mp4", {"keep_frames": "nope/kept"}, "no folder nope", {}),
        (9, "clip", "o.mp4", {"keep_frames": "k"}, "k can't be written", {"k": "closed"}),
        (9, "clip", "o.mp4", {"keep_frames": "c/k"}, "c can't be written", {"c": "closed"}),
        (9, "in", "out", {"folder": "pictures"}, "out can't be written", {"out": "closed"}),
    ],
)  # fmt: skip
def test_a_place_that_does_not_do_is_told_before_the_work(
    exit_code: int,
    target: str,
    output: str,
    media: dict[str, Any],
    says: str,
    make: Make,
    clip: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = [name for name, kind in make.items() if kind == "closed"]
    make_in = tempfile.mkdtemp

    def guarded(prefix: str, dir: Path) -> str:  # noqa: A002
        if str(dir) in closed:  # to root, who may run this, nothing is
            raise PermissionError(errno.EACCES, "Permission denied")
        return make_in(prefix=prefix, dir=dir)

    monkeypatch.setattr(tempfile, "mkdtemp", guarded)
    for name, kind in make.items():
        if kind == "file":
            (here / name).write_text("mine")
        elif kind == "link to nothing":
            (here / name).symlink_to("nowhere")
        else:
            (here / name).mkdir()
    found = plugins(processor(Never, "step"), exporter(Raw, "raw", "writer", ".raw"))
    before = tree(here)
    error = refused(found, job(clip if target == "clip" else Path(target), Path(output), "step", media=asking(**media)))
    assert (error.exit_code, says in str(error)) == (exit_code, True), str(error)
    assert tree(here) == before


def test_the_places_of_a_stream_are_checked_too(here: Path) -> None:
    found = plugins(processor(Never, "step"), source(Camera, "cam", "camera"))
    error = refused(found, job(Path("camera:0"), here / "o.mp4", "step", media=asking(keep_frames="nope/kept")))
    assert error.exit_code == 9


@pytest.mark.skipif(os.name != "posix", reason="links to folders need rights elsewhere")
@pytest.mark.parametrize("link", ["kept", "out"])
def test_a_link_to_an_empty_folder_is_filled_and_stays(link: str, clip: Path, here: Path) -> None:
    (here / "real").mkdir()
    (here / link).symlink_to("real")
    if link == "kept":
        run(TINT, job(clip, Path("o.mp4"), "step", media=asking(keep_frames="kept")))
        assert left(here / "real") == [f"{number:06d}.png" for number in range(1, 6)]
    else:
        run(TINT, job(Path("in"), Path("out"), "step", media=asking(folder="pictures")))
        assert left(here / "real") == ["i0.png", "i1.png", "i2.png"]
    assert (here / link).is_symlink()


# -- uploads


@pytest.mark.parametrize(
    ("target", "output", "media", "says"),
    [
        ("in", "out", {"folder": "pictures"}, "a folder of pictures is not uploaded"),
        ("in/i1.png", "o.bmp", {}, ".bmp cannot hold the mark"),
    ],
)
def test_what_cannot_be_uploaded_is_told_before_the_work(
    target: str, output: str, media: dict[str, Any], says: str, here: Path
) -> None:
    found = plugins(processor(Never, "step"), uploader(Bucket))
    what = replace(job(Path(target), Path(output), "step", media=asking(**media)), uploads=("bucket",))
    error = refused(found, what)
    assert (error.exit_code, says in str(error)) == (2, True)
    assert left(here) == ["in"]
