"""Finished files and folders get their names, or everything stays as it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roop_host.errors import OutputError, UsageError
from roop_host.media.publish import publish


@pytest.fixture
def made(tmp_path: Path) -> list[tuple[Path, Path]]:
    """A folder of three frames and an output, finished in a work folder."""
    (frames := tmp_path / "work" / "frames").mkdir(parents=True)
    for number in range(1, 4):
        (frames / f"{number}.png").write_bytes(b"new")
    (output := tmp_path / "work" / "output").write_bytes(b"new")
    return [(frames, tmp_path / "kept"), (output, tmp_path / "o.mp4")]


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


NEW = {"kept/1.png": b"new", "kept/2.png": b"new", "kept/3.png": b"new", "o.mp4": b"new"}


@pytest.fixture(params=["one disk", "two disks", "no hard links"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where ``kept`` lies: elsewhere, so that nothing can be renamed or linked into it from outside."""
    kept = str(tmp_path / "kept")

    def guarded(real: Callable[..., Any], *, links: bool) -> Callable[..., Any]:
        def call(source: Any, target: Any, **more: Any) -> Any:
            if links and request.param == "no hard links":
                raise PermissionError(errno.EPERM, "no hard links")
            within = [os.fspath(path).startswith(kept) for path in (source, target)]
            at_its_root = Path(source).parent.name.startswith(".roop-")
            if request.param == "two disks" and within[0] != within[1] and not at_its_root:
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            return real(source, target, **more)

        return call

    for name in ("rename", "replace", "link"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name), links=name == "link"))
    return str(request.param)


@pytest.mark.parametrize("kept", ["nothing", "empty", "link"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_gets_its_name(kept: str, overwrite: bool, disk: str, made: Any, tmp_path: Path) -> None:
    if kept == "empty":
        (tmp_path / "kept").mkdir()
    elif kept == "link":
        (tmp_path / "kept-really").mkdir()
        (tmp_path / "kept").symlink_to(tmp_path / "kept-really")
    publish(made, overwrite)
    assert {name: (tmp_path / name).read_bytes() for name in NEW} == NEW
    assert not list(tmp_path.rglob(".roop-*"))
    assert (tmp_path / "kept").is_symlink() == (kept == "link")


def test_a_full_folder_is_filled_only_with_overwrite(disk: str, made: Any, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "2.png").write_bytes(b"old")
    (tmp_path / "kept" / "mine.txt").write_bytes(b"mine")
    with pytest.raises(UsageError, match="appeared meanwhile"):
        publish(made, False)
    assert tree(tmp_path / "kept") == {"2.png": b"old", "mine.txt": b"mine"}
    publish(made, True)
    assert tree(tmp_path / "kept") == {"1.png": b"new", "2.png": b"new", "3.png": b"new", "mine.txt": b"mine"}


@pytest.mark.parametrize("kept", ["nothing", "empty"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_fails_at_the_output_takes_all_back(kept: str, overwrite: bool, disk: str, made: Any, tmp_path: Path) -> None:
    if kept == "empty":
        (tmp_path / "kept").mkdir()
    (tmp_path / "o.mp4").mkdir()
    before = tree(tmp_path / "work")
    with pytest.raises((UsageError, OutputError)):
        publish(made, overwrite)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "kept") == ["o.mp4", "work"]
    assert (tmp_path / "kept").exists() == (kept == "empty")
    assert tree(tmp_path / "kept") == {}
    if disk != "two disks":  # there the next run has it all again
        assert tree(tmp_path / "work") == before


def test_what_fails_within_a_folder_takes_back_what_was_new_in_it(disk: str, made: Any, tmp_path: Path) -> None:
    (tmp_path / "kept" / "3.png").mkdir(parents=True)
    (tmp_path / "kept" / "2.png").write_bytes(b"old")
    with pytest.raises(OutputError):
        publish(made, True)
    assert tree(tmp_path / "kept") == {"2.png": b"new"}
    assert not (tmp_path / "o.mp4").exists()


def test_the_unfinished_work_of_a_neighbour_is_left_alone(disk: str, made: Any, tmp_path: Path) -> None:
    (work := tmp_path / ".kept.roop").mkdir()
    (work / "segment-000000").write_bytes(b"of another run")
    publish(made, False)
    assert tree(work) == {"segment-000000": b"of another run"}
