"""The ledger: what a run has made and screened is known by its content, and a ledger that can't be used stops no run."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from kit import Bucket, Raw, Tint, exporter, job, plugins, processor, refused, run, uploader
from PIL import Image

from roop_host import InputError, MediaOptions, Report
from roop_host.runner.ledger import Entry, enter, find, ledger_path


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: folder / "roop")
    return folder / "roop"


@pytest.fixture
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("in") / "in.png"
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(path)
    return path


TINT = plugins(processor(Tint, "tint"), uploader(Bucket))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def known(path: Path) -> Entry:
    entry = find(digest(path))
    assert entry is not None
    return entry


def about_ledger(report: Report) -> list[str]:
    return [notice for notice in report.notices if "ledger" in notice]


def test_a_finished_picture_is_known_by_its_content(picture: Path, tmp_path: Path, state: Path) -> None:
    output = tmp_path / "o.png"
    assert about_ledger(run(TINT, job(picture, output, "tint"))) == []
    entry = known(output)
    assert entry == Entry(
        digest(output), output.stat().st_size, "image/png", entry.made_at, ("tint",), None, ("quiet",), marked=True
    )
    assert abs(datetime.now(UTC) - entry.made_at) < timedelta(minutes=5)
    assert find(digest(picture)) is None
    assert stat.S_IMODE(ledger_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_it_holds_neither_names_nor_paths(picture: Path, tmp_path: Path) -> None:
    output = tmp_path / "somebody-by-name.png"
    run(TINT, job(picture, output, "tint"))
    content = ledger_path().read_bytes()
    for word in ("somebody", tmp_path.name, picture.parent.name, "in.png"):
        assert word.encode() not in content


@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "o.webm"])
def test_a_clip_is_known_with_its_length(name: str, tmp_path: Path) -> None:
    clip = tmp_path / "in.mp4"
    make_clip(clip, frames=20)
    output = tmp_path / name
    bucket = Bucket()
    found = plugins(processor(Tint, "tint"), uploader(lambda: bucket))
    media = MediaOptions(segment_frames=8, preset="ultrafast") if name != "o.webm" else MediaOptions(segment_frames=8)
    run(found, replace(job(clip, output, "tint", media=media), uploads=("bucket",)))
    entry = known(output)
    assert entry.seconds == pytest.approx(20 / 25, abs=0.002)
    (given,) = bucket.given
    assert (given.seconds, given.made_at) == (entry.seconds, entry.made_at)


def test_an_animation_is_known_with_its_length(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((48, 64, 3), 20 * number, np.uint8)) for number in range(5)]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:], duration=100)
    run(TINT, job(tmp_path / "in.gif", tmp_path / "o.gif", "tint"))
    assert known(tmp_path / "o.gif").seconds == pytest.approx(0.5)


def test_each_picture_of_a_folder_is_known_and_what_stands_beside_it_is_not(picture: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.jpg", "c.bmp")):
        Image.fromarray(np.full((48, 64, 3), 40 * number, np.uint8)).save(folder / name)
    run(TINT, job(folder, output, "tint"))
    assert {path.name for path in output.iterdir()} == {"a.png", "b.jpg", "c.bmp", "c.bmp.xmp"}
    assert (known(output / "a.png").media_type, known(output / "a.png").marked) == ("image/png", True)
    assert known(output / "b.jpg").media_type == "image/jpeg"
    assert not known(output / "c.bmp").marked
    assert find(digest(output / "c.bmp.xmp")) is None


def test_what_a_plugin_writes_is_known_as_without_marks(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", frames=4)
    found = plugins(processor(Tint, "tint"), exporter(Raw, "raw", "writer", ".raw"))
    run(found, job(tmp_path / "in.mp4", tmp_path / "o.raw", "tint"))
    entry = known(tmp_path / "o.raw")
    assert (entry.media_type, entry.marked, entry.seconds) == ("application/octet-stream", False, None)


def test_what_failed_is_not_entered(picture: Path, tmp_path: Path) -> None:
    class Breaks(Tint):
        def process(self, window: Any) -> None:
            raise RuntimeError("a fault")

    refused(plugins(processor(Breaks, "tint")), job(picture, tmp_path / "o.png", "tint"))
    assert not ledger_path().exists()


def test_an_output_whose_upload_failed_is_known(picture: Path, tmp_path: Path) -> None:
    class Refuses(Bucket):
        def upload(self, artifact: Any) -> Any:
            raise ConnectionError("reset")

    found = plugins(processor(Tint, "tint"), uploader(Refuses))
    refused(found, replace(job(picture, tmp_path / "o.png", "tint"), uploads=("bucket",)))
    assert known(tmp_path / "o.png").marked


def entry(number: int = 0) -> Entry:
    return Entry(hashlib.sha256(str(number).encode()).hexdigest(), number, "image/png", datetime.now(UTC))


def test_the_same_content_again_is_one_row_of_the_last_time() -> None:
    first = entry()
    again = replace(first, made_at=first.made_at + timedelta(days=1), seconds=1.5, steps=("a", "b"))
    assert enter([first]) == enter([again]) == ""
    assert find(first.sha256) == again
    with sqlite3.connect(ledger_path()) as ledger:
        assert ledger.execute("SELECT count(*) FROM outputs").fetchone() == (1,)


def damaged(path: Path) -> None:
    enter([entry(number) for number in range(200)])
    content = bytearray(path.read_bytes())
    content[100 : len(content)] = bytes(len(content) - 100)
    path.write_bytes(content)


def another_database(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")


def newer(path: Path) -> None:
    enter([entry()])
    with sqlite3.connect(path) as ledger:
        ledger.execute("PRAGMA user_version = 2")


def without_its_table(path: Path) -> None:
    enter([entry()])
    with sqlite3.connect(path) as ledger:
        ledger.execute("DROP TABLE outputs")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (damaged, "is damaged; move it away"),
    "no database": (
        lambda path: path.write_text("a note of mine"),
        "is no ledger of roop's; move it away",
    ),
    "another database": (another_database, "is no ledger of roop's; move it away"),
    "newer": (newer, "was written by a newer version of roop; update roop"),
    "without its table": (without_its_table, "is damaged; move it away"),
    "folder": (lambda path: path.mkdir(), "is no plain file"),
    "pipe": (os.mkfifo, "is no plain file"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_ledger_that_cant_be_used_costs_a_notice_and_stays_as_it_is(
    wrong: str, picture: Path, tmp_path: Path, state: Path
) -> None:
    state.mkdir()
    make, said = WRONG[wrong]
    make(ledger_path())
    before = ledger_path().read_bytes() if ledger_path().is_file() else None
    report = run(TINT, job(picture, tmp_path / "o.png", "tint"))
    assert report.status == "done"
    (notice,) = about_ledger(report)
    assert f"roop upload will not know this output, as the ledger {ledger_path()} {said}" in notice
    if before is not None:
        assert ledger_path().read_bytes() == before
    with pytest.raises(InputError, match="nothing was sent, as the ledger") as caught:
        find("0" * 64)
    assert said in str(caught.value)


def test_a_row_that_was_changed_by_hand_is_told() -> None:
    one = entry()
    enter([one])
    with sqlite3.connect(ledger_path()) as ledger:
        ledger.execute("UPDATE outputs SET made_at = 'yesterday'")
    with pytest.raises(InputError, match="is damaged"):
        find(one.sha256)


def test_a_ledger_that_is_locked_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    from roop_host.runner import ledger as module

    monkeypatch.setattr(module, "_PATIENCE_S", 0.1)
    enter([entry()])
    with sqlite3.connect(ledger_path(), isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        assert "is held by another process; to send it, run again with --upload" in enter([entry(1)])
        with pytest.raises(InputError, match="is held by another process; try again in a moment"):
            find(entry().sha256)
        assert time.monotonic() - begun < 5
    assert enter([entry(1)]) == ""


def test_a_ledger_that_cant_be_made_costs_a_notice(state: Path) -> None:
    state.write_text("a file where the folder would be")
    assert "can't be written (File exists); check its folder and permissions" in enter([entry()])


def _enter_many(state: Path, begin: int) -> None:
    import platformdirs

    platformdirs.user_state_path = lambda *_, **__: state  # type: ignore[assignment]
    for number in range(begin, begin + 25):
        told = enter([entry(number)])
        assert not told, told


def test_several_processes_write_at_once(state: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_enter_many, args=(state, 25 * number)) for number in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert all(find(entry(number).sha256) for number in range(50))


def test_who_comes_while_another_writes_waits_for_it(state: Path) -> None:
    enter([entry()])
    with closing(sqlite3.connect(ledger_path(), isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE outputs SET size = 7")
        timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        timer.start()
        told = enter([entry(1)])
        timer.join()
        assert told == ""
    first, second = find(entry().sha256), find(entry(1).sha256)
    assert first is not None
    assert (first.size, second is not None) == (7, True)


def test_a_state_folder_on_a_share_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "as_uri", lambda path: f"file://server{path}")
    assert enter([entry()]) == ""
    assert find(entry().sha256) is not None


def test_without_a_ledger_nothing_is_known_and_none_is_made(state: Path) -> None:
    assert find("0" * 64) is None
    assert not state.exists()
    state.mkdir()
    ledger_path().touch()
    assert find("0" * 64) is None


def test_rows_are_plain() -> None:
    one = replace(entry(), steps=("a",), screeners=("b", "c"))
    enter([one])
    with sqlite3.connect(ledger_path()) as ledger:
        row = ledger.execute("SELECT steps, screeners, marked, made_at FROM outputs").fetchone()
    assert (json.loads(row[0]), json.loads(row[1]), row[2]) == (["a"], ["b", "c"], 1)
    assert datetime.fromisoformat(row[3]) == one.made_at
