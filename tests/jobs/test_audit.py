"""The audit log: one line a job, whatever its end, with hashes and verdicts and nothing that names a file or a person."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clips import make_clip
from filelock import FileLock, Timeout
from kit import (
    FAST,
    Bucket,
    Camera,
    OneFace,
    Quiet,
    Seal,
    Times,
    Tint,
    analyser,
    exporter,
    job,
    plugins,
    processor,
    refused,
    run,
    screener,
    source,
    uploader,
)
from wheels import PROCESSOR

from roop_host import Control, ExecutionOptions, Frame, FrameView, Job, Processor, Stage, Window
from roop_host.plugins.loader import load_plugins

LINE = '{"schema":1,"time":"2026-01-01T00:00:00+00:00","roop":"1"}'
FOUND = plugins(processor(Tint, "tint"), exporter(Times, "times", "sidecar", ".csv"), source(Camera), analyser(OneFace))


class Blocks(Quiet):
    """Blocks outputs."""

    def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
        return [0.97 if stage is Stage.OUTPUT else 0.0] * len(frames)


class Fails(Processor):
    """Says a path."""

    def process(self, window: Window) -> None:
        raise RuntimeError("/secret/place/anna.jpg")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("anna") / "anna.mp4", frames=5)


def logged(clip: Path, tmp_path: Path, *steps: str, log: Path | None = None, **more: Any) -> Job:
    execution = ExecutionOptions(audit_log=str(log or tmp_path / "audit.jsonl"))
    return job(clip, tmp_path / "berta.mp4", *steps, execution=execution, **more)


def lines(tmp_path: Path) -> list[dict[str, Any]]:
    text = (tmp_path / "audit.jsonl").read_text(encoding="ascii")
    assert not any(word in text for word in ("anna", "berta", "secret", str(tmp_path)))
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def hashed(path: Path) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}


def test_a_job_that_is_done(clip: Path, tmp_path: Path) -> None:
    before = hashed(clip)
    run(FOUND, logged(clip, tmp_path, "tint", exports=("times",)))
    (line,) = lines(tmp_path)
    assert line["schema"] == 1
    assert line["time"].endswith("+00:00")
    assert (line["status"], line["exit_code"], line["error"], line["refusal"]) == ("done", 0, None, None)
    assert (line["sources"], line["references"], line["target"]) == ([], [], before)
    assert line["outputs"] == [hashed(tmp_path / "berta.mp4"), hashed(tmp_path / "berta.csv")]
    assert (line["frames"], line["steps"], line["models"]) == (5, ["tint"], [])
    assert line["plugins"] == ["roop-t0 0", "roop-t1 0"]
    assert line["screening"][0]["highest"] == {"target": 0.0, "output": 0.0}
    if os.name == "posix":
        assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_job_that_is_blocked(clip: Path, tmp_path: Path) -> None:
    found = plugins(processor(Tint, "tint"), screener(Blocks), quiet=False)
    refused(found, logged(clip, tmp_path, "tint"))
    (line,) = lines(tmp_path)
    assert (line["status"], line["exit_code"], line["error"], line["outputs"]) == ("blocked", 5, "ContentBlocked", [])
    assert (line["refusal"]["stage"], line["refusal"]["frame"], line["refusal"]["score"]) == ("output", 0, 0.97)


def test_a_job_that_fails_says_no_text(clip: Path, tmp_path: Path) -> None:
    refused(plugins(processor(Fails, "tint")), logged(clip, tmp_path, "tint"))
    (line,) = lines(tmp_path)
    assert (line["status"], line["exit_code"], line["error"]) == ("failed", 7, "PluginError")
    assert line["target"] == hashed(clip)


def test_a_name_that_is_none_is_not_told(clip: Path, tmp_path: Path) -> None:
    refused(FOUND, replace(logged(clip, tmp_path, "secret"), sources=("face:anna", "face:..", "anna.png")))
    (line,) = lines(tmp_path)
    assert (line["error"], line["steps"], line["sources"]) == ("UsageError", [], [None, None, None])


def test_a_job_that_is_stopped(clip: Path, tmp_path: Path) -> None:
    control = Control()
    control.cancel()
    refused(FOUND, logged(clip, tmp_path, "tint"), control)
    (line,) = lines(tmp_path)
    assert (line["status"], line["exit_code"], line["error"]) == ("interrupted", 130, "Interrupted")


def test_a_folder_is_a_list_and_a_stream_is_nothing(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "anna"
    folder.mkdir()
    for number in range(2):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(folder / f"{number}.png")
    what = logged(folder, tmp_path, "tint", media=replace(FAST, folder="pictures"))
    run(FOUND, replace(what, output=str(tmp_path / "berta")))
    run(FOUND, replace(what, target="camera:0"))
    pictures, stream = lines(tmp_path)
    assert pictures["target"] == [hashed(folder / "0.png"), hashed(folder / "1.png")]
    assert pictures["outputs"] == [hashed(tmp_path / "berta" / "0.png"), hashed(tmp_path / "berta" / "1.png")]
    assert stream["target"] is None
    assert len(stream["outputs"]) == 1


def test_lines_are_added_and_a_torn_one_is_ended(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").write_text(LINE[:-5], encoding="ascii")
    run(FOUND, logged(clip, tmp_path, "tint"))
    text = (tmp_path / "audit.jsonl").read_text(encoding="ascii").splitlines()
    assert text[0] == LINE[:-5]
    assert json.loads(text[1])["status"] == "done"


OTHERS = {
    "picture": b"\x89PNG",
    "settings": b'{"name": "anna", "time": 3}\n',
    "job": b'{"schema": 1, "target": "clip.mp4", "output": "out.mp4"}\n',
    "list": b'[{"schema": 1, "time": "2026-01-01T00:00:00+00:00"}]\n',
}


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_name_of_a_code_is_refused_where_one_may_come(kind: str, clip: Path, tmp_path: Path) -> None:
    log = tmp_path / f"berta.mp4.bucket.qr.{kind}"
    found = plugins(processor(Tint, "tint"), uploader(Bucket))
    error = refused(found, logged(clip, tmp_path, "tint", log=log, uploads=("bucket",)))
    assert (error.exit_code, "lies where the job writes its output" in str(error)) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["folder", "no folder", *OTHERS, *(["link", "pipe"] if os.name == "posix" else [])])
def test_what_is_no_log_is_refused_before_any_work(what: str, clip: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    if what == "folder":
        log.mkdir()
    elif what == "link":
        log.symlink_to(tmp_path / "elsewhere")
    elif what == "pipe":
        os.mkfifo(log)
    elif what in OTHERS:
        log.write_bytes(OTHERS[what])
    else:
        log = tmp_path / "none" / "log"
    error = refused(FOUND, logged(clip, tmp_path, "tint", log=log))
    assert error.exit_code == 9
    assert str(log) in str(error)
    assert sorted(path.name for path in tmp_path.iterdir()) in ([], ["log"])
    if what in OTHERS:
        assert log.read_bytes() == OTHERS[what]


MADE = ("berta.csv", "Berta.CSV", "berta.mp4.xmp", "berta.mp4.c2pa", "berta.mp4.seal", ".berta.mp4.roop/a", "kept/a")


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("there", [True, False])
def test_what_the_job_makes_beside_the_output_is_no_log(name: str, there: bool, clip: Path, tmp_path: Path) -> None:
    log = tmp_path / name
    log.parent.mkdir(exist_ok=True)
    if there:
        log.write_text('{"old":"line"}\n')
    found = plugins(
        processor(Tint, "tint"), exporter(Times, "times", "sidecar", ".csv"), exporter(Seal, "seal", "finisher", ".seal")
    )
    media = replace(FAST, overwrite=True, keep_frames=str(tmp_path / "kept"))
    error = refused(found, logged(clip, tmp_path, "tint", log=log, exports=("times",), media=media))
    assert (error.exit_code, f"the audit log {log} lies where the job writes" in str(error)) == (2, True)
    assert log.exists() == there
    assert not there or log.read_text() == '{"old":"line"}\n'
    assert not (tmp_path / "berta.mp4").exists()


def test_nor_is_the_place_of_its_lock(clip: Path, tmp_path: Path) -> None:
    what = replace(logged(clip, tmp_path, "tint"), output=str(tmp_path / ".audit.jsonl.lock"))
    assert refused(plugins(processor(Tint, "tint"), exporter(Times, "raw", "writer", ".lock")), what).exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("whose", ["target", "output"])
def test_a_log_within_a_folder_of_the_job_is_refused(whose: str, tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "anna"
    folder.mkdir()
    for number in range(2):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(folder / f"{number}.png")
    log = {"target": folder / "audit.jsonl", "output": tmp_path / "berta" / "0.png.c2pa"}[whose]
    what = logged(folder, tmp_path, "tint", log=log, media=replace(FAST, folder="pictures"))
    assert refused(FOUND, replace(what, output=str(tmp_path / "berta"))).exit_code == 2
    assert sorted(path.name for path in folder.iterdir()) == ["0.png", "1.png"]
    assert not (tmp_path / "berta").exists()


@pytest.mark.parametrize("whose", ["target", "output", "source"])
def test_a_file_of_the_job_itself_is_refused(whose: str, clip: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.mp4"
    mine.write_bytes(clip.read_bytes())
    what = logged(mine, tmp_path, "tint", media=replace(FAST, overwrite=True))
    log = {"target": mine, "output": tmp_path / "berta.mp4", "source": mine}[whose]
    if whose == "source":
        what = replace(what, target=str(clip), sources=(str(mine),))
    error = refused(FOUND, replace(what, execution=ExecutionOptions(audit_log=str(log))))
    assert error.exit_code == 2
    assert mine.read_bytes() == clip.read_bytes()


def test_a_line_that_cannot_be_written_fails_the_job_and_the_output_stands(clip: Path, tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"

    class Spoils(Seal):
        def finish(self, path: Path, about: Any) -> None:
            log.unlink()
            log.mkdir()

    found = plugins(processor(Tint, "tint"), exporter(Spoils, "spoils", "finisher"))
    error = refused(found, logged(clip, tmp_path, "tint"))
    assert error.exit_code == 9
    assert f"the output {tmp_path / 'berta.mp4'} stands" in str(error)
    assert error.report is not None
    assert error.report.output == str(tmp_path / "berta.mp4")
    assert (tmp_path / "berta.mp4").is_file()


def test_of_a_failed_job_its_own_error_stays(clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "audit.jsonl"

    class Spoils(Fails):
        def process(self, window: Window) -> None:
            log.unlink()
            log.mkdir()
            raise RuntimeError

    assert refused(plugins(processor(Spoils, "tint")), logged(clip, tmp_path, "tint")).exit_code == 7
    assert "has no line of this job" in caplog.text


def test_half_a_line_is_taken_back(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(FOUND, logged(clip, tmp_path, "tint"))
    whole, real = (tmp_path / "audit.jsonl").read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:10]))
    what = replace(logged(clip, tmp_path, "tint"), output=str(tmp_path / "other.mp4"))
    assert refused(FOUND, what).exit_code == 9
    assert (tmp_path / "audit.jsonl").read_bytes() == whole


@pytest.mark.parametrize("what", ["folder", "no locks", *(["link"] if os.name == "posix" else [])])
def test_a_lock_that_cannot_be_had_is_told_before_any_work(
    what: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, victim = tmp_path / ".audit.jsonl.lock", tmp_path / "precious"
    victim.write_text("text")
    if what == "folder":
        lock.mkdir()
    elif what == "link":
        lock.symlink_to(victim)
    else:
        monkeypatch.setattr("filelock.FileLock.acquire", raising(NotImplementedError("no flock here")))

    class Seen(Quiet):
        def screen(self, frames: Sequence[Frame | FrameView], stage: Stage) -> Sequence[float]:
            raise AssertionError("work has begun")

    error = refused(plugins(processor(Tint, "tint"), screener(Seen), quiet=False), logged(clip, tmp_path, "tint"))
    assert (error.exit_code, str(lock) in str(error)) == (9, True)
    assert victim.read_text() == "text"


def raising(error: Exception) -> Any:
    def acquire(*args: object, **more: object) -> None:
        raise error

    return acquire


@pytest.mark.parametrize("error", [NotImplementedError("no flock here"), ValueError("odd"), OSError(errno.EIO, "odd")])
def test_a_lock_that_fails_at_the_end_takes_no_error_and_no_report(
    error: Exception, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Spoils(Fails):
        def process(self, window: Window) -> None:
            monkeypatch.setattr("filelock.FileLock.acquire", raising(error))
            raise RuntimeError

    assert refused(plugins(processor(Spoils, "tint")), logged(clip, tmp_path, "tint")).exit_code == 7
    assert "has no line of this job" in caplog.text


class Busy:
    """Stands in for the lock: another process has it at all calls but ``free``; at call ``stops`` the job is stopped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: Sequence[int] = (), stops: int = -1) -> None:
        self.control, self.calls, real = Control(), 0, FileLock.acquire
        monkeypatch.setattr("roop_host.runner.audit._PATIENCE_S", 0.5)
        monkeypatch.setattr("roop_host.runner.audit._PATIENCE_OF_STOPPED_S", 0.5)

        def acquire(lock: FileLock, **how: Any) -> Any:
            self.calls += 1
            if self.calls == stops:
                self.control.cancel()
            if self.calls in free:
                return real(lock, **how)
            raise Timeout(lock.lock_file)

        monkeypatch.setattr(FileLock, "acquire", acquire)


def test_who_waits_for_the_lock_can_be_stopped(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Busy(monkeypatch, stops=2)
    error = refused(FOUND, logged(clip, tmp_path, "tint"), busy.control)
    assert (error.exit_code, busy.calls) == (130, 2)
    assert f"the output {tmp_path / 'berta.mp4'} stands" in str(error)
    assert error.report is not None
    assert error.report.output == str(tmp_path / "berta.mp4")


def test_the_lock_is_waited_for_but_not_for_ever(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(FOUND, logged(clip, tmp_path, "tint"), Busy(monkeypatch).control)
    assert (error.exit_code, "another process holds" in str(error)) == (9, True)


def test_a_lock_that_becomes_free_is_taken(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Busy(monkeypatch, free=[3])
    run(FOUND, logged(clip, tmp_path, "tint"))
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize("free", [[], [4]])
def test_a_job_that_was_stopped_waits_too_but_not_long(
    free: Sequence[int], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    busy = Busy(monkeypatch, free, stops=1)
    assert refused(FOUND, logged(clip, tmp_path, "tint"), busy.control).exit_code == 130
    assert ("has no line of this job" in caplog.text) == (not free)
    assert (tmp_path / "audit.jsonl").read_text().count("Interrupted") == len(free)


def test_a_plugin_that_is_a_file_is_not_called_as_that_file_is(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "anna_filter.py"
    path.write_text(f"ROOP_API = 1\n{PROCESSOR.format(name='xstep')}\n{WATCHES}")
    found = load_plugins(files=[path])
    run(found, logged(clip, tmp_path, "xstep"))
    (line,) = lines(tmp_path)
    version = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert f"a single file {version}" in line["plugins"]
    assert (
        f"a single file {version}" in next(one for one in line["screening"] if one["screener"] == "xwatch")["distribution"]
    )


WATCHES = """
from roop_host import Screener, ScreenerSpec


class Watch(Screener):
    def screen(self, frames, stage):
        return [0.0] * len(frames)


@hookimpl
def roop_screeners():
    yield ScreenerSpec(name="xwatch", summary="a test", load=lambda: Watch, covers=frozenset({"nudity"}))
"""
_MANY = """
import sys
from pathlib import Path
from threading import Event
from roop_host.runner.audit import _append, _locked, _opened
path = Path(sys.argv[1])
for number in range(40):
    with _locked(path, Event()), _opened(path) as file:
        _append(file, b'{' + sys.argv[2].encode() * 20000 + b'}\\n')
"""


def test_two_processes_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda who: subprocess.run([sys.executable, "-c", _MANY, str(path), who], check=False), "ab"):
            assert done.returncode == 0
    found = path.read_text(encoding="ascii").splitlines()
    assert sorted(found) == sorted(["{" + "a" * 20000 + "}"] * 40 + ["{" + "b" * 20000 + "}"] * 40)


def test_a_run_without_a_log_leaves_none(clip: Path, tmp_path: Path) -> None:
    run(FOUND, job(clip, tmp_path / "o.mp4", "tint"))
    assert [path.name for path in tmp_path.iterdir()] == ["o.mp4"]
