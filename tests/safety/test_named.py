"""A refusal names the picture that is meant: a file or a page where it stands alone, else the frame and its time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kit import FAST, OneFace, analyser, job, plugins, processor, refused, screener
from PIL import Image
from screened import BAD, CALM, Red, flat, stopped, watching

from roop_host import Host, Look, Processor, RoopError, Window


class Redden(Processor):
    def process(self, window: Window) -> None:
        for frame in window.current:
            frame.put(frame.box, np.full((frame.height, frame.width, 3), BAD[::-1], np.uint8))


def folder_of(path: Path, *colours: tuple[int, ...]) -> Path:
    """Pictures of different sizes, which are no clip."""
    path.mkdir()
    for number, colour in enumerate(colours):
        Image.fromarray(flat(colour, (64 + number, 48))).save(path / f"p{number}.png")
    return path


def test_a_picture_of_a_folder_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", CALM, CALM, CALM, BAD)
    content = (folder / "p1.png").read_bytes()
    (folder / "p1.png").write_bytes(content[: len(content) - 30])
    refusal = stopped(folder, tmp_path / "out", salvage=True)
    assert (refusal.picture, refusal.frame, refusal.seconds) == (f"the picture {folder / 'p3.png'}", None, None)


def test_what_was_made_of_a_picture_of_a_folder_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", CALM, CALM)
    found = plugins(processor(Redden, "redden"), screener(Red, "red"), quiet=False)
    error = refused(found, job(folder, tmp_path / "out", "redden"))
    assert f"what was made of the picture {folder / 'p0.png'} scores 0.99" in str(error)


def test_a_page_and_a_single_picture_are_named(tmp_path: Path) -> None:
    pages = [Image.fromarray(flat(colour)) for colour in (CALM, BAD)]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    pages[1].save(tmp_path / "in.png")
    assert stopped(tmp_path / "in.tif", tmp_path / "out.tif").picture == f"page 2 of {tmp_path / 'in.tif'}"
    assert stopped(tmp_path / "in.png", tmp_path / "out.png").picture == f"the picture {tmp_path / 'in.png'}"


def test_a_frame_of_a_clip_from_a_folder_has_a_number(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, colour in enumerate((CALM, CALM, BAD)):
        Image.fromarray(flat(colour)).save(folder / f"p{number}.png")
    refusal = stopped(folder, tmp_path / "out.mp4", folder="frames")
    assert (refusal.picture, refusal.frame, refusal.seconds) == ("target frame 2 at 0.08 s", 2, 0.08)


def test_looking_for_faces_names_it_likewise(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", CALM, BAD)
    asked = replace(job(folder, tmp_path / "unused"), steps=(), media=FAST)
    with Host(watching(Red, analyser(OneFace))) as host, pytest.raises(RoopError) as caught:
        host.look(asked, Look())
    assert caught.value.report is not None
    refusal = caught.value.report.refusal
    assert refusal is not None
    assert (refusal.picture, refusal.frame, refusal.seconds) == (f"the picture {folder / 'p1.png'}", None, None)
