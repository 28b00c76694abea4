"""`roop faces` and `roop preview` as people run them, with the analyser that is part of the package."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from terminal import roop

from roop_host import Face, SourceFace
from roop_host.faces.saved import save

MEDIA = Path(__file__).parents[2] / "examples" / "media"
CLIP, COLLINS, HOPPER = MEDIA / "clip.mp4", MEDIA / "collins.jpg", MEDIA / "hopper.jpg"


def test_a_portrait_is_told_and_drawn(tmp_path: Path) -> None:
    done = roop("faces", HOPPER, "-o", tmp_path / "p.png")
    assert done.returncode == 0, done.stderr
    head, row = (line.split() for line in done.stdout.splitlines()[2:4])
    assert dict(zip(head, row, strict=True))["POSITION"] == "0"
    with Image.open(tmp_path / "p.png") as drawn, Image.open(HOPPER) as image:
        assert drawn.size == image.size


def test_the_flags_that_are_printed_are_those_of_a_run() -> None:
    done = roop("faces", CLIP, "--max-frames", 2, "--every", 3, "--trim-start", "10f", "--vision-backend", "embedded")
    assert done.returncode == 0, done.stderr
    assert "--vision-backend dlib" in done.stderr
    flags = shlex.split(done.stdout.splitlines()[-1].split(":")[1])
    assert flags == ["--reference-face-position", "0", "--reference-frame-number", "10"]


def test_json_holds_all_facts(tmp_path: Path) -> None:
    told = json.loads(roop("faces", COLLINS, "--json").stdout)
    (person,) = told["people"]
    assert person["best"]["score"] > 0.5
    assert abs(person["best"]["yaw"]) < 45


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["faces"], 2, "INPUT"),
        (["faces", "missing.jpg"], 3, "missing.jpg"),
        (["faces", HOPPER, "--like", COLLINS, "--vision-backend", "embedded"], 2, "--vision-backend dlib"),
        (["faces", HOPPER, "-o", "people.mp4"], 2, "people.mp4"),
        (["faces", HOPPER, "--order", "up"], 2, "--order"),
        (["faces", HOPPER, "--every", "0"], 2, "--every takes a whole number (1 or more), not 0"),
        (["faces", HOPPER, "--max-frames", "-1"], 2, "--max-frames takes a whole number (0 or more), not -1"),
        (["faces", HOPPER, "--vision-backend", "dlip"], 2, "did you mean 'dlib'?"),
        (["faces", "save", "list", HOPPER], 2, "a word of roop faces"),
        (["preview", "-s", COLLINS, "-t", HOPPER, "-o", "p.mp4"], 2, "ends in one of .jpg, .jpeg, .png,"),
        (["preview", "-s", COLLINS, "-t", CLIP, "-o", "p.png", "--at", "abc"], 2, "--at takes seconds or 1:02.5, and"),
        (["preview", "-s", COLLINS, "-t", CLIP, "-o", "p.png", "--at", "250f"], 2, "--at takes seconds or 1:02.5, and"),
        (["preview", "-s", "face:", "-t", HOPPER, "-o", "p.png"], 2, "face: names nobody"),
        (["faces", HOPPER, "--quality", "3"], 2, "--quality"),
        (["faces", HOPPER, "--swapper-engine", "mesh"], 2, "--swapper-engine"),
        (["faces", "rm", "nobody"], 2, "nobody"),
        (["preview", "-s", COLLINS, "-t", HOPPER], 2, "--output"),
        (["preview", "-s", COLLINS, "-t", HOPPER, "-o", "p.png", "--encoder", "libx264"], 2, "--encoder"),
        (["preview", "-s", COLLINS, "-t", HOPPER, "-o", "p.png", "--frame", "1", "--at", "1"], 2, "--at"),
        (["-p", "no:nsfw", "preview", "-s", COLLINS, "-t", HOPPER, "-o", "p.png"], 5, "roop-nsfw"),
        (["-p", "no:nsfw", "faces", HOPPER], 5, "roop-nsfw"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(words: list[object], code: int, says: str, tmp_path: Path) -> None:
    done = roop(*words, cwd=tmp_path, ROOP_FACES=str(tmp_path / "faces"))
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_face_is_saved_listed_used_and_removed(tmp_path: Path) -> None:
    faces = {"ROOP_FACES": str(tmp_path / "faces")}
    assert "no face is saved" in roop("faces", "list", **faces).stdout
    done = roop("faces", "save", "eileen", COLLINS, **faces)
    assert done.returncode == 0, done.stderr
    assert "face:eileen" in done.stderr
    assert roop("faces", "save", "eileen", COLLINS, **faces).returncode == 2
    (row,) = json.loads(roop("faces", "list", "--json", **faces).stdout)
    assert (row["name"], row["pictures"]) == ("eileen", 1)
    out = tmp_path / "p.png"
    done = roop("preview", "-s", "face:eileen", "-t", HOPPER, "-o", out, "--json", **faces)
    assert done.returncode == 0, done.stderr
    assert [face["changed"] for face in json.loads(done.stdout)["faces"]] == [True]
    assert roop("faces", "rm", "eileen", **faces).returncode == 0
    assert roop("faces", "list", "--json", **faces).stdout.strip() == "[]"


def test_a_damaged_face_hides_no_other_and_says_nothing_to_the_terminal(tmp_path: Path) -> None:
    faces = {"ROOP_FACES": str(tmp_path)}
    face = SourceFace("a.jpg", np.zeros((90, 90, 3), np.uint8), Face(0, (9, 9, 80, 80), 0.9, np.zeros((5, 2), np.float32)))
    for name in ("anna", "berta", "clara"):
        path = save(name, [face], tmp_path)
        with safe_open(path, framework="numpy") as file:
            texts = dict(file.metadata())
        if name == "anna":
            texts["faces"] = texts["faces"].replace('"score": 0.9', '"score": 1' + 400 * "0")
        if name == "berta":
            texts["created"] = "\x1b]0;owned\x07"
        save_file(load_file(path), path, texts)
    done = roop("faces", "list", **faces)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    anna, berta, clara = done.stdout.splitlines()
    assert "is damaged" in anna
    assert "is damaged" in berta
    assert clara.startswith("face:clara  1 picture")


@pytest.mark.slow
def test_a_preview_of_a_clip_is_marked_and_told(tmp_path: Path) -> None:
    out = tmp_path / "p.png"
    done = roop("preview", "-s", COLLINS, "-t", CLIP, "--at", "1.5", "-o", out, "--swapper-engine", "mesh")
    assert done.returncode == 0, done.stderr
    assert re.search(r"frame 44 at 1\.47 s, 1 of 1 face changed, made in \d+\.\d s after \d+\.\d s of loading;", done.stderr)
    assert b"digitalsourcetype/compositeSynthetic" in out.read_bytes()
    with Image.open(out) as image:
        assert image.width > 3 * 960
    done = roop("preview", "-s", COLLINS, "-t", CLIP, "--frame", 120, "-o", tmp_path / "q.png")
    assert done.returncode == 2
    assert "the number 119;" in done.stderr
