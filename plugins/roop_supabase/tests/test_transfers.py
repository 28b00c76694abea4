"""What is kept of an upload that was begun, and what is taken for none."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from roop_host import Interrupted
from roop_supabase.transfers import Transfer, Transfers, state_folder

_NAME = "ab" * 32


def _transfer(age_s: float = 0.0) -> Transfer:
    return Transfer("https://project.example/storage/v1/upload/resumable/aGk", time.time() - age_s, 7, "cd" * 32)


def _age(path: Path) -> None:
    os.utime(path, (time.time() - 25 * 3600,) * 2)


def test_what_is_kept_is_found_by_another_and_read_by_its_owner_only(state: Path) -> None:
    noted = _transfer()
    assert Transfers(state).note(_NAME, noted)
    assert Transfers(state).begun(_NAME) == noted
    assert Transfers(state).begun("ac" * 32) is None
    (file,) = state.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700
    Transfers(state).forget(_NAME)
    Transfers(state).forget(_NAME)
    assert Transfers(state).begun(_NAME) is None
    assert not list(state.iterdir())


def test_a_folder_that_others_could_read_is_closed(state: Path) -> None:
    state.mkdir(parents=True, mode=0o755)
    assert Transfers(state).note(_NAME, _transfer())
    assert state.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("age_s", [24 * 3600.0 + 1, -60.0, float("nan"), float("inf")])
def test_what_is_too_old_or_of_tomorrow_is_none(state: Path, age_s: float) -> None:
    Transfers(state).note(_NAME, _transfer(age_s))
    assert Transfers(state).begun(_NAME) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"url": "x"}',
        b'{"url": "x", "begun_at": "soon", "sent": 1, "digest": ""}',
        b'{"url": "x", "begun_at": 1e9999, "sent": 1e9999, "digest": ""}',
        b"[" * 60_000,
        b" " * 100_000 + b"{}",
    ],
)
def test_a_damaged_file_is_none(state: Path, content: bytes) -> None:
    Transfers(state).note(_NAME, _transfer())
    (file,) = state.iterdir()
    file.write_bytes(content)
    assert Transfers(state).begun(_NAME) is None


def test_half_a_write_leaves_the_last_whole_one(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = _transfer()
    Transfers(state).note(_NAME, noted)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        assert not Transfers(state).note(_NAME, _transfer(5.0))
    assert Transfers(state).begun(_NAME) == noted
    assert len(list(state.iterdir())) == 1


def test_a_folder_that_cannot_be_made_keeps_nothing_and_hinders_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    transfers = Transfers(tmp_path / "taken" / "supabase")
    assert not transfers.note(_NAME, _transfer())
    with transfers.alone(_NAME, lambda: None):
        assert transfers.begun(_NAME) is None


def test_one_at_a_time_and_a_cancel_is_heard(state: Path) -> None:
    order: list[str] = []
    told: list[str] = []

    def second() -> None:
        with Transfers(state).alone(_NAME, lambda: None, told.append):
            order.append("second")

    def stopped() -> None:
        raise Interrupted("stopped on request")

    waiting = threading.Thread(target=second)
    with Transfers(state).alone(_NAME, lambda: None):
        waiting.start()
        waiting.join(1.3)
        order.append("first")
        with pytest.raises(Interrupted), Transfers(state).alone(_NAME, stopped):
            order.append("never")
    waiting.join()
    assert order == ["first", "second"]
    assert told == ["another process on this machine is sending this file; this one waits until that is done"]
    (lock,) = state.iterdir()
    assert lock.stat().st_mode & 0o777 == 0o600


def test_different_uploads_do_not_wait_for_each_other(state: Path) -> None:
    with Transfers(state).alone(_NAME, lambda: None), Transfers(state).alone("cd" * 32, lambda: None):
        pass


def test_what_nobody_went_on_with_is_swept(state: Path) -> None:
    transfers = Transfers(state)
    for name in (_NAME, "ac" * 32):
        transfers.note(name, _transfer())
    old, half = state / f"{_NAME}.json", state / ".transfer-ab_cd123"
    half.touch()
    for path in (old, half):
        _age(path)
    with transfers.alone("cd" * 32, lambda: None):
        assert transfers.begun("ac" * 32) is not None
        assert not old.exists()
        assert not half.exists()


def test_what_is_not_of_this_is_not_swept(state: Path, tmp_path: Path) -> None:
    transfers = Transfers(state)
    transfers.note(_NAME, _transfer())
    others = [state / name for name in ("notes.txt", "letter.json", f"{_NAME}.json.bak", ".transfer-mine")]
    for path in others:
        path.write_text("a person's")
        _age(path)
    folder, link = state / f"{'ad' * 32}.json", state / f"{'ae' * 32}.json"
    folder.mkdir()
    _age(folder)
    link.symlink_to(tmp_path / "elsewhere")
    os.utime(link, (time.time() - 25 * 3600,) * 2, follow_symlinks=False)
    with transfers.alone("cd" * 32, lambda: None):
        pass
    assert all(path.exists() for path in (*others, folder))
    assert link.is_symlink()


def test_nothing_behind_a_linked_folder_is_touched(state: Path, tmp_path: Path) -> None:
    behind = tmp_path / "a person's"
    Transfers(behind).note(_NAME, _transfer())
    (file,) = behind.iterdir()
    _age(file)
    behind.chmod(0o755)
    state.parent.mkdir(parents=True)
    state.symlink_to(behind, target_is_directory=True)
    transfers = Transfers(state)
    with transfers.alone(_NAME, lambda: None):
        assert transfers.begun(_NAME) is None
        assert not transfers.note("ac" * 32, _transfer())
        transfers.forget(_NAME)
    assert list(behind.iterdir()) == [file]
    assert behind.stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(sys.platform != "linux", reason="the variable is Linux's")
def test_it_lies_beside_roops_other_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "roop" / "supabase"
