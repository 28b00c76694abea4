"""The command as people run it: exit codes, what is printed where, and a cheap start."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import typer
from clips import make_clip
from terminal import roop

from roop_host import Control, Job, PluginError, Report


def test_version_and_help() -> None:
    assert roop("--version").stdout.startswith("roop 0.")
    assert roop("-p", "no:nsfw", "--version").stdout == roop("--version").stdout
    text = roop("--help").stdout
    assert "run" in text
    assert "plugins" in text
    text = roop("run", "--help").stdout
    assert "--processors" in text
    assert "Plugin nsfw" in text
    assert "--nsfw-threshold" in text


def test_plugins_lists_what_is_installed() -> None:
    listed = {item["name"]: item for item in json.loads(roop("plugins", "--json").stdout)}
    assert listed["nsfw"]["state"] == "ok"
    assert listed["nsfw"]["declares"] == ["screener nsfw"]
    assert listed["swapper"]["declares"] == ["processor swapper"]
    text = roop("-p", "no:swapper", "plugins").stdout
    assert "off" in next(line for line in text.splitlines() if line.startswith("swapper"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "-t", "x.mp4"], "output"),
        (["run", "-t", "x.mp4", "-o", "y.mp4", "--quality", "101"], "quality"),
        (["run", "-t", "x.mp4", "-o", "y.mp4", "--threads", "1025"], "0 to 1024"),
        (["run", "-t", "x.mp4", "-o", "y.mp4", "--processors", "swaper"], "did you mean 'swapper'"),
        (["run", "-t", "x.mp4", "-o", "y.txt"], ".txt"),
        (["run", "-t", "x.mp4", "-o", "y.mp4", "--nsfw-threshold", "3"], "0 to 1"),
        (["-p", "no:nothing", "run"], "nothing"),
        (["-p", "nsfw", "plugins"], "no:NAME"),
        (["run", "-t", "x.mp4", "-o", "y.mp4", "--no-such-flag"], "no-such-flag"),
        (["run", "-p", "no:swapper"], "-p stands before the sub-command: roop -p no:NAME run; see roop --help"),
        (["models", "list", "-p", "no:x"], "-p stands before the sub-command: roop -p no:NAME models list;"),
        (["run", "--config", "x"], "--config stands before the sub-command: roop --config FILE run;"),
        (["rum"], "rum"),
    ],
)
def test_bad_usage_is_exit_2(arguments: list[str], words: str) -> None:
    done = roop(*arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert done.stderr.startswith("roop: ")
    assert len(done.stderr.splitlines()) == 1


def test_without_the_screener_nothing_runs(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    done = roop("-p", "no:nsfw", "run", "-s", clip, "-t", clip, "-o", tmp_path / "o.mp4")
    assert done.returncode == 5
    assert "roop-nsfw" in done.stderr
    assert not (tmp_path / "o.mp4").exists()


def test_json_is_one_document_on_failure_too(tmp_path: Path) -> None:
    done = roop("run", "-t", tmp_path / "missing.mp4", "-o", tmp_path / "o.mp4", "-s", "x.jpg", "--json")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert report["exit_code"] == 3
    assert report["job"]["steps"][0]["name"] == "swapper"
    assert done.stderr.startswith("roop: ")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_stopped_in_the_middle(number: signal.Signals, code: int, tmp_path: Path) -> None:
    media = Path(__file__).parents[2] / "examples" / "media"
    clip, out = make_long(media / "clip.mp4", tmp_path), tmp_path / "out"
    out.mkdir()
    arguments = ["run", "-s", media / "collins.jpg", "-t", clip, "-o", out / "o.mp4", "-q", "--preset", "ultrafast"]
    process = subprocess.Popen([sys.executable, "-m", "roop_host", *map(str, arguments)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(out.glob(".o.mp4.roop/segment-000000")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == code, error
    assert not (out / "o.mp4").exists()
    if number is signal.SIGKILL:
        done = roop(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["resumed_frames"] >= 250
        assert [path.name for path in out.iterdir()] == ["o.mp4"]
    else:
        assert "Traceback" not in error
        assert list(out.iterdir()) == []


def make_long(clip: Path, folder: Path) -> Path:
    """The example clip, three times in a row and small: more than one segment of 250 frames."""
    import av

    path = folder / "long.mp4"
    with av.open(str(path), "w") as sink:
        out = sink.add_stream("libx264", rate=30, options={"preset": "ultrafast", "crf": "23"})
        out.width, out.height, out.pix_fmt = 480, 270, "yuv420p"
        number = 0
        for _ in range(3):
            with av.open(str(clip)) as source:
                for frame in source.decode(video=0):
                    small = frame.reformat(480, 270, "yuv420p")
                    small.pts, small.time_base, small.pict_type = number, Fraction(1, 30), 0
                    sink.mux(out.encode(small))
                    number += 1
        sink.mux(out.encode(None))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--json", "-t", "x.mp4"],
        ["run", "--json", "-t", "x.mp4", "-o", "y.mp4", "--no-such-flag"],
        ["run", "--json", "-t", "x.mp4", "-o", "y.mp4", "--quality", "101"],
        ["-p", "no:nothing", "run", "--json"],
        ["run", "-t", "x.mp4", "-o", "y.mp4", "--processors", "swaper", "--json"],
    ],
)
def test_bad_usage_is_a_report_too(arguments: list[str]) -> None:
    done = roop(*arguments)
    report = json.loads(done.stdout)
    assert (done.returncode, report["exit_code"], report["status"]) == (2, 2, "failed")
    assert report["error"]
    assert done.stderr


@pytest.mark.parametrize("unreadable", ["-s", "-t"])
def test_an_unreadable_file_is_bad_input_not_bad_usage(
    unreadable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from roop_host.cli.app import call

    good, bad, open_ = Path(__file__).parents[2] / "examples" / "media" / "collins.jpg", tmp_path / "bad.jpg", Path.open
    bad.touch()

    def refuses(path: Path, *arguments: Any, **more: Any) -> Any:  # root may read all, so permissions are no test
        if path == bad:
            raise PermissionError(13, "Permission denied")
        return open_(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuses)
    monkeypatch.setattr(os, "access", lambda path, mode, **more: False)
    files = {"-s": good, "-t": good} | {unreadable: bad}
    arguments = [str(word) for pair in files.items() for word in pair]
    assert call(["run", *arguments, "-o", str(tmp_path / "o.jpg")]) == 3
    assert capsys.readouterr().err == f"roop: {bad} cannot be read (Permission denied); check its permissions\n"


def test_the_names_of_the_host_are_those_no_plugin_may_take() -> None:
    from roop_host.cli.app import app
    from roop_host.cli.faces import look_flags
    from roop_host.cli.preview import preview_flags
    from roop_host.cli.run import display_flags, file_flags
    from roop_host.cli.upload import upload_flags
    from roop_host.config.fields import host_fields
    from roop_host.plugins.names import HOST_COMMANDS, HOST_NAMES

    flags = {name for option in host_fields() for name in option.taken_names[: 1 if option.per_run else None]}
    flags |= set(file_flags()) | set(display_flags()) | set(preview_flags()) | set(look_flags())
    flags |= set(upload_flags()) - {"files"}
    assert flags | {"help", "config", "disable_plugins"} == HOST_NAMES
    assert set(typer.main.get_command(app).commands) == HOST_COMMANDS


class StubHost:
    """Stands for the host: does what ``act`` says."""

    def __init__(self, act: Callable[[Control], Report]) -> None:
        self.act, self.unfit = act, False

    def __enter__(self) -> StubHost:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, job: object, *, control: Control, on_progress: object) -> Report:
        print("a plugin's noise")
        try:
            return self.act(control)
        finally:
            self.unfit = control.unfit


@pytest.fixture
def execute(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def do(act: Callable[[Control], Report]) -> int:
        import roop_host.host
        from roop_host.cli.execute import execute
        from roop_host.plugins.found import Plugins

        monkeypatch.setattr(roop_host.host, "Host", lambda plugins, may_fetch: StubHost(act))
        job = Job(sources=(), target="t", output="o", steps=())
        return execute(lambda: job, Plugins(), {"json": True, "quiet": False, "debug": False})

    return do


def test_stdout_is_one_document_whatever_a_plugin_prints(
    execute: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(control: Control) -> Report:
        raise ValueError("odd")

    for act, code in ((lambda control: Report(status="done", exit_code=0), 0), (fail, 1)):
        assert execute(act) == code
        printed = capsys.readouterr()
        assert json.loads(printed.out)["exit_code"] == code
        assert "a plugin's noise" in printed.err
    assert "ValueError: odd; run again with --debug" in printed.err


@pytest.mark.parametrize("error", [PluginError("a call hangs; switch the plugin off"), ValueError("odd")])
def test_a_hung_thread_does_not_keep_the_process(
    error: Exception, execute: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)

    def hang(control: Control) -> Report:
        control.unfit = True
        raise error

    code = execute(hang)
    assert ended == [code] == [getattr(error, "exit_code", 1)]


def test_a_notice_that_was_logged_is_not_told_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import roop_host.host
    from roop_host.cli.execute import execute
    from roop_host.plugins.found import Plugins

    def act(control: Control) -> Report:
        logging.getLogger("roop").warning("%s runs elsewhere", "net")
        return Report(status="done", exit_code=0, notices=("net runs elsewhere", "the cover was left out"))

    monkeypatch.setattr(roop_host.host, "Host", lambda plugins, may_fetch: StubHost(act))
    job = Job(sources=(), target="t", output="o", steps=())
    assert execute(lambda: job, Plugins(), {"json": False, "quiet": True, "debug": False}) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[1:] == ["roop: net runs elsewhere", "roop: the cover was left out"]


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_signals_close_together_are_one_wish(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    from roop_host.cli import execute, signals

    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    control = Control()
    with signals.Signals(control.cancel, execute._at_once):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # a terminal sends one, and `uv run` passes it on
        assert control.cancelled.is_set()
        assert ended == []
        monkeypatch.setattr(signals, "SAME_S", 0.0)
        os.kill(os.getpid(), signal.SIGINT)
    assert ended == [130]
    assert capfd.readouterr().err.startswith("roop: stopped at once")


@pytest.mark.parametrize("missing", ["numpy", "cv2", "av"])
def test_a_missing_package_sends_to_the_doctor(missing: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from roop_host.cli.app import call\n"
        "sys.exit(call(['run', '-s', 'x.jpg', '-t', 'y.jpg', '-o', 'z.png']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("roop: a package can't be imported (ModuleNotFoundError: ")
    assert done.stderr.endswith("; roop doctor says what to repair\n")


def test_the_command_line_says_what_it_rests_on() -> None:
    code = (
        "import sys; sys.modules['pluggy'] = None; sys.argv = ['roop', 'plugins']\nfrom roop_host.cli import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("roop: pluggy can't be imported")
    assert done.stderr.endswith("install roop-host again, it brings what it needs\n")
