"""Faces kept under a name: what goes in comes out, and nothing else is read."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from people import RECOGNISER, face, person
from safetensors.numpy import load_file, save_file

from roop_host import Face, InputError, OutputError, SourceFace, UsageError
from roop_host.faces import face_file
from roop_host.faces.saved import faces_folder, file_of, is_saved, load, name_in, names, remove, save


def known_face(**more: Any) -> Face:
    random = np.random.default_rng(1)
    mesh = random.uniform(100, 140, (468, 3)).astype(np.float32)
    found = face(3, (1, 2, 3), (100, 110, 140, 150), yaw_degrees=-4.0, gender="female", age=31.5, source=1, similarity=0.5)
    five = mesh[:5, :2].copy()
    return replace(found, mesh_468=mesh, landmarks_5=five, pose_degrees=(1.0, 2.0, 3.0), **more)


def source(**more: Any) -> SourceFace:
    bgr = np.random.default_rng(2).integers(0, 255, (300, 400, 3), np.uint8)
    return SourceFace("/some/where/anna.jpg", bgr, known_face(**more))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    first, second = source(), person("b.png", face(embedding=(4, 5, 6), box=(5, 5, 15, 15)))
    path = save("anna", [first, second], tmp_path / "new")
    assert path == tmp_path / "new" / "anna.safetensors"
    assert list(path.parent.iterdir()) == [path]
    saved = load("anna", tmp_path / "new")
    assert (saved.name, saved.recognisers, len(saved.pictures)) == ("anna", (RECOGNISER,), 2)
    assert saved.created.endswith("+00:00")
    one, other = saved.pictures
    assert (one.name, other.name) == ("face:anna", "face:anna")
    # The head: three quarters of the box on each side.
    x0, y0 = 70, 80
    assert np.array_equal(one.bgr, first.bgr[y0:181, x0:171])
    assert not one.bgr.flags.writeable
    got, was = one.face, first.face
    assert got.box_xyxy == (30.0, 30.0, 70.0, 70.0)
    assert got.mesh_468 is not None
    assert was.mesh_468 is not None
    assert np.allclose(got.mesh_468, was.mesh_468 - np.float32([x0, y0, 0]))
    assert np.allclose(got.landmarks_5, was.landmarks_5 - np.float32([x0, y0]))
    assert (got.score, got.yaw_degrees, got.pose_degrees, got.gender, got.age) == (
        0.9,
        -4.0,
        (1.0, 2.0, 3.0),
        "female",
        31.5,
    )
    assert (got.id, got.source, got.similarity, got.recogniser) == (0, None, None, RECOGNISER)
    assert got.embedding is not None
    assert tuple(got.embedding) == (1, 2, 3)
    assert other.face.mesh_468 is None


def test_nothing_of_the_path_is_kept(tmp_path: Path) -> None:
    content = save("anna", [source()], tmp_path).read_bytes()
    assert b"anna.jpg" in content
    assert b"where" not in content


def test_a_huge_head_is_made_smaller(tmp_path: Path) -> None:
    big = SourceFace("big", np.full((3100, 3200, 3), 9, np.uint8), face(box=(500, 500, 2500, 2500), embedding=(1, 0, 0)))
    save("big", [big], tmp_path)
    one = load("big", tmp_path).pictures[0]
    assert one.bgr.shape == (1488, 1536, 3)
    assert one.face.box_xyxy == (240.0, 240.0, 1200.0, 1200.0)


def test_a_name_is_not_taken_twice(tmp_path: Path) -> None:
    path = save("anna", [source()], tmp_path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="saved as anna already"):
        save("anna", [source(age=1.0)], tmp_path)
    assert path.read_bytes() == before
    save("anna", [source(age=1.0)], tmp_path, overwrite=True)
    assert load("anna", tmp_path).pictures[0].face.age == 1.0
    assert list(tmp_path.iterdir()) == [path]


def test_names_are_listed_and_removed(tmp_path: Path) -> None:
    assert names(tmp_path / "none") == []
    for name in ("bob", "Änne.2", "x-1"):
        save(name, [source()], tmp_path)
    (tmp_path / "other.txt").touch()
    assert names(tmp_path) == ["bob", "x-1", "Änne.2"]
    remove("bob", tmp_path)
    assert names(tmp_path) == ["x-1", "Änne.2"]
    for gone in (lambda: remove("bob", tmp_path), lambda: load("bob", tmp_path)):
        with pytest.raises(UsageError, match=r"no face is saved as bob \(saved: x-1, Änne.2\)"):
            gone()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 65, "a\0", "-x", "a\\b", "c:d"])
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    for call in (lambda: save(name, [source()], tmp_path), lambda: load(name, tmp_path), lambda: remove(name, tmp_path)):
        with pytest.raises(UsageError, match="is no name of a face"):
            call()
    with pytest.raises(UsageError):
        file_of(f"face:{name}")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("a b", "holds ' '"),
        ("-x", "begins with '-'"),
        ("x" * 65, "longer than 64"),
        ("\N{GRINNING FACE}", "holds"),
        ("\U00020000" * 64, "128 bytes"),
        ("save", "a word of roop faces"),
        ("RM", "a word of roop faces"),
        ("nul", "a device on Windows"),
        ("Com1.x", "a device on Windows"),
    ],
)
def test_it_is_said_why_a_name_is_refused(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=why):
        save(name, [source()], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_name_may_be_as_long_as_files_can_be_called(tmp_path: Path) -> None:
    for name in ("\N{CYRILLIC SMALL LETTER A}" * 64, "\U00020000" * 32):
        save(name, [source()], tmp_path, overwrite=True)
        assert load(name, tmp_path).name == name


def test_nobody_names_nobody() -> None:
    with pytest.raises(UsageError, match=r"face: names nobody; say face:NAME"):
        name_in("face:")


@pytest.mark.skipif(os.name != "posix", reason="another system's rights")
def test_a_saved_face_is_nobody_elses_to_read(tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    for overwrite in (False, True):
        path = save("anna", [source()], folder, overwrite=overwrite)
        assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_is_no_file_is_told_as_damage_and_not_as_saved(tmp_path: Path) -> None:
    save("anna", [source()], tmp_path)
    (tmp_path / "berta.safetensors").symlink_to(tmp_path / "nowhere")
    (tmp_path / "clara.safetensors").mkdir()
    for name, says in (("berta", "it is a link that leads nowhere"), ("clara", "it is no file")):
        with pytest.raises(InputError, match=says):
            load(name, tmp_path)
    with pytest.raises(UsageError, match=r"\(saved: anna\)"):
        load("dora", tmp_path)
    assert names(tmp_path) == ["anna", "berta", "clara"]


def test_the_folder_is_the_one_of_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOP_FACES", str(tmp_path / "mine"))
    assert faces_folder() == tmp_path / "mine"
    assert file_of("face:anna") == tmp_path / "mine" / "anna.safetensors"
    assert file_of("./face:anna") == Path("face:anna")
    assert (is_saved("face:x"), is_saved("./face:x"), is_saved("x.jpg")) == (True, False, False)
    monkeypatch.delenv("ROOP_FACES")
    assert faces_folder().parts[-2:] == ("roop", "faces")


def test_another_recognisers_embedding_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    save("anna", [source()], tmp_path)
    saved = load("anna", tmp_path, recogniser="another")
    assert saved.recognisers == (RECOGNISER,)
    assert (saved.pictures[0].face.embedding, saved.pictures[0].face.recogniser) == (None, None)


def test_an_embedding_of_nobody_knows_what_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say which recogniser"):
        save("anna", [source(recogniser=None)], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        save("anna", [source()], tmp_path / "file" / "faces")


def changed(path: Path, texts: dict[str, str] | None = None, told: dict[str, Any] | None = None, **tensors: Any) -> None:
    """The file with other tensors, texts, or words about its face; None leaves one out."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        was = dict(file.metadata())
    if told is not None:
        was["faces"] = json.dumps([{**json.loads(was["faces"])[0], **told}])
    arrays = {**load_file(path), **{f"0.{name}": value for name, value in tensors.items()}}
    save_file({name: value for name, value in arrays.items() if value is not None}, path, {**was, **(texts or {})})


NAN = float("nan")


@pytest.mark.parametrize(
    "damage",
    [
        {"texts": {"schema": "2"}},
        {"texts": {"more": "x"}},
        {"texts": {"faces": "[]"}},
        {"texts": {"faces": "{"}},
        {"texts": {"faces": "[" * 100_000}},
        {"told": {"score": NAN}},
        {"told": {"score": True}},
        {"told": {"score": 10**400}},
        {"texts": {"created": "\x1b[2J"}},
        {"texts": {"created": "yesterday"}},
        {"texts": {"roop": "\x1b]0;x\x07"}},
        {"texts": {"name": "berta"}},
        {"embedding.\x1b[31m": np.zeros(3, np.float32)},
        {"told": {"box_xyxy": [0, 0, 1]}},
        {"told": {"box_xyxy": [5, 0, 1, 9]}},
        {"told": {"box_xyxy": [0, 0, 1e9, 1e9]}},
        {"told": {"gender": "x"}},
        {"told": {"gender": ["female"]}},
        {"told": {"age": "old"}},
        {"told": {"pose_degrees": [1, 2]}},
        {"told": {"picture": 3}},
        {"told": {"more": 3}},
        {"bgr": None},
        {"bgr": np.zeros((9, 9, 3), np.float32)},
        {"bgr": np.zeros((9, 9, 4), np.uint8)},
        {"bgr": np.zeros((face_file.MOST_SIDE + 1, 9, 3), np.uint8)},
        {"bgr": np.zeros((0, 9, 3), np.uint8)},
        {"landmarks_5": None},
        {"landmarks_5": np.full((5, 2), np.nan, np.float32)},
        {"landmarks_5": np.full((5, 2), 1e9, np.float32)},
        {"mesh_468": np.zeros((467, 3), np.float32)},
        {f"embedding.{RECOGNISER}": np.full(3, np.inf, np.float32)},
        {f"embedding.{RECOGNISER}": np.zeros(5000, np.float32)},
        {"unknown": np.zeros(3, np.float32)},
    ],
    ids=lambda damage: str(damage)[:60],
)
def test_a_damaged_file_is_one_sentence(damage: dict[str, Any], tmp_path: Path) -> None:
    path = save("anna", [source()], tmp_path)
    changed(path)
    load("anna", tmp_path)
    changed(path, **damage)
    with pytest.raises(InputError, match=r"the saved face anna .* is damaged: .*roop faces save anna") as caught:
        load("anna", tmp_path)
    assert len(str(caught.value)) < 900


@pytest.mark.parametrize("keep", [0, 7, 100, 20_000])
def test_a_file_that_breaks_off_is_one_sentence(keep: int, tmp_path: Path) -> None:
    path = save("anna", [source()], tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="damaged"):
        load("anna", tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = save("anna", [source()], tmp_path)
    with path.open("r+b") as file:
        file.truncate(face_file.MOST_BYTES + 1)  # a hole: no bytes of the disk
    with pytest.raises(InputError, match=r"bytes, and such a file has"):
        load("anna", tmp_path)
