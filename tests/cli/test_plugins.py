"""Plugins as people have them: installed as distributions, or given as a file, and a command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clips import make_clip
from terminal import roop
from wheels import plugin_wheel, unpack

FILTER = """
import {imports}
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from roop_host import Box, Processor, ProcessorSpec, hookimpl, option

ROOP_API = 1


@dataclass(frozen=True)
class ROOP_OPTIONS:
    grey: int = option(7, "How bright.", least=0, most=255)
    log: Path | None = option(None, "Where to write.")


class Filter(Processor):
    def setup(self, ctx):
        self.options = ctx.options_as(ROOP_OPTIONS)
        {setup}

    def process(self, window):
        {process}
        for frame in window.current:
            frame.put(Box(0, 0, 16, 16), np.full((16, 16, 3), self.options.grey, np.uint8))


def load():
    {load}
    return Filter


@hookimpl
def roop_processors():
    yield ProcessorSpec(name="{name}", summary="a test", load=load, needs_faces=False)
"""


def code(name: str = "xfilter", **parts: str) -> str:
    return FILTER.format(**{"imports": "os", "setup": "", "process": "", "load": "", "name": name, **parts})


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.fixture
def install(tmp_path: Path, site: Path) -> Callable[..., None]:
    def do(name: str, text: str, **more: Any) -> None:
        unpack(plugin_wheel(tmp_path / "wheels", name, text, **more), site)

    return do


@pytest.fixture
def files(tmp_path: Path) -> list[object]:
    clip = make_clip(tmp_path / "clip.mp4")
    return ["-t", clip, "-o", tmp_path / "out.mp4", "--preset", "ultrafast", "--json"]


def report_of(done: Any) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_the_list(install: Callable[..., None], site: Path) -> None:
    install("xgood", code(), version="3.2")
    install("xbad", "import no_such_module_here")
    install("xold", "ROOP_API = 0")
    done = roop("-p", "no:vision", "plugins", site=site)
    lines = {line.split()[0]: line for line in done.stdout.split("\n\n")[0].splitlines()}
    assert lines["xgood"].split()[1:6] == ["roop-xgood", "3.2", "ok", "processor", "xfilter"]
    assert str(site) in lines["xgood"]
    assert lines["vision"].split()[3] == "off"
    assert "xbad (roop-xbad 1.0) is broken: ModuleNotFoundError: No module named 'no_such_module_here'" in done.stdout
    assert "pip install --upgrade roop-xbad\n" in done.stdout
    assert "  run without: roop -p no:xold run ...\n" in done.stdout
    assert done.returncode == 0
    listed = {item["name"]: item for item in json.loads(roop("plugins", "--json", site=site).stdout)}
    assert listed["xold"]["state"] == "incompatible"
    assert listed["xgood"]["declares"] == ["processor xfilter"]
    lines = roop("plugins", "--requirements", site=site).stdout.splitlines()
    assert {"roop-xgood==3.2", "roop-xbad==1.0"} < set(lines)
    assert any("roop-host" in line or line.startswith("-e file:") for line in lines)


@pytest.mark.slow
def test_a_run_refuses_while_one_is_broken(install: Callable[..., None], site: Path, files: list[object]) -> None:
    install("xbad", "import no_such_module_here")
    done = roop("run", *files, "--processors", "swapper", site=site)
    assert done.returncode == 7
    assert "repair it" in done.stderr
    assert "pip install --upgrade roop-xbad" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    install("xgood", code())
    assert roop("-p", "no:xbad", "run", *files, "--processors", "xfilter", site=site).returncode == 0


@pytest.mark.slow
def test_every_layer_reaches_the_job(install: Callable[..., None], site: Path, files: list[object], tmp_path: Path) -> None:
    install("xfilter", code())
    (tmp_path / "roop.toml").write_text(
        "[run]\nprocessors = ['xfilter']\nquality = 11\n[plugin.elsewhere]\na = 1\n"
        "[plugin.xfilter]\ngrey = 1\nlog = 'x.log'\n"
    )
    here: dict[str, Any] = {"site": site, "cwd": tmp_path}
    config = {"ROOP_CONFIG": str(tmp_path / "roop.toml")}
    done = roop("run", *files, **here, **config)
    job = report_of(done)["job"]
    assert job["steps"] == [{"name": "xfilter", "options": {"grey": 1, "log": str(tmp_path / "x.log")}}]
    assert job["media"]["quality"] == 11
    assert "elsewhere, which is not installed" in done.stderr
    variables = {**config, "ROOP_XFILTER_GREY": "2", "ROOP_QUALTY": "3"}
    done = roop("run", *files, "--overwrite", **here, **variables)
    assert report_of(done)["job"]["steps"][0]["options"]["grey"] == 2
    assert "the variable ROOP_QUALTY sets nothing; did you mean ROOP_QUALITY?" in done.stderr
    done = roop("run", *files, "--overwrite", "--xfilter-grey", "3", **here, **variables)
    assert report_of(done)["job"]["steps"][0]["options"]["grey"] == 3
    shown = roop("config", "show", **here, **variables).stdout
    assert next(line for line in shown.splitlines() if line.startswith("grey = 2")).endswith("  # ROOP_XFILTER_GREY")
    assert f"# {tmp_path / 'roop.toml'}" in next(line for line in shown.splitlines() if line.startswith("quality = 11"))


@pytest.mark.slow
def test_a_plugin_twice_with_other_options_by_a_job_file(
    install: Callable[..., None], site: Path, files: list[object], tmp_path: Path
) -> None:
    import av

    square = "b = Box(0, 0, 16, 16) if self.options.grey < 100 else Box(16, 0, 32, 16)"
    install("xfilter", code(process=square).replace("frame.put(Box(0, 0, 16, 16),", "frame.put(b,"))
    report = report_of(roop("run", *files, "--processors", "xfilter", site=site))
    report["job"]["steps"] = [{"name": "xfilter", "options": {"grey": 20}}, {"name": "xfilter", "options": {"grey": 220}}]
    report["job"]["output"] = str(tmp_path / "two.mp4")
    (tmp_path / "job.json").write_text(json.dumps(report["job"]))
    # a job file says everything: neither variable nor file changes it
    again = report_of(roop("run", "--job", tmp_path / "job.json", "--json", site=site, ROOP_XFILTER_GREY="99"))
    assert again["job"] == report["job"]
    with av.open(str(tmp_path / "two.mp4")) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    assert abs(int(picture[8, 8]) - 20) < 12
    assert abs(int(picture[8, 24]) - 220) < 12
    other = roop(
        "run", "--job", tmp_path / "job.json", "-o", tmp_path / "three.mp4", "--xfilter-grey", "5", "--json", site=site
    )
    assert [step["options"]["grey"] for step in report_of(other)["job"]["steps"]] == [5, 5]


def test_a_required_plugin_that_an_upgrade_dropped(files: list[object], tmp_path: Path) -> None:
    config = tmp_path / "roop.toml"
    config.write_text('required_plugins = ["roop-nsfw>=0.1", "roop-watermark>=2"]')
    done = roop("--config", config, "run", *files)
    assert done.returncode == 7
    assert "requires the plugin roop-watermark>=2, which is not installed; an upgrade may have dropped it" in done.stderr
    assert "pip install --upgrade 'roop-watermark>=2'" in done.stderr


@pytest.mark.slow
def test_a_single_file_runs_and_has_flags(files: list[object], tmp_path: Path) -> None:
    path = tmp_path / "my_filter.py"
    path.write_text(code("my_filter"))
    shown = roop("run", "--plugin", path, "--help").stdout
    assert "Plugin my_filter:" in shown
    assert "--my-filter-grey" in shown
    report = report_of(roop("run", f"--plugin={path}", *files, "--processors", "my_filter", "--my-filter-grey", "9"))
    assert report["steps"] == ["my_filter"]
    assert report["plugins"][0].startswith("my_filter.py ")
    assert report["job"]["steps"][0]["options"] == {"grey": 9}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["clip.mp4", "my_filter.py", "out.mp4"]


def test_a_broken_single_file_names_the_line(files: list[object], tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("ROOP_API = 1\nx = 1 / 0\n")
    done = roop("run", "--plugin", path, *files)
    assert done.returncode == 7
    assert "ZeroDivisionError: division by zero (line 2)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_can_not_be_the_screener_that_is_needed(files: list[object], tmp_path: Path) -> None:
    path = tmp_path / "yes.py"
    path.write_text("""
from roop_host import Screener, ScreenerSpec, hookimpl
ROOP_API = 1
class Yes(Screener):
    def screen(self, frames, stage):
        return [0.0] * len(frames)
@hookimpl
def roop_screeners():
    yield ScreenerSpec(name="yes", summary="a test", load=lambda: Yes, covers=frozenset({"nudity"}))
""")
    done = roop("-p", "no:nsfw", "run", "--plugin", path, "-s", "x.jpg", *files)
    assert done.returncode == 5
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("load", "the processor xfilter (roop-xfilter 1.0) could not be loaded (SystemExit: 0)"),
        ("setup", "the processor xfilter (roop-xfilter 1.0) could not be loaded (SystemExit: 0)"),
        ("process", "the processor xfilter (roop-xfilter 1.0) failed at frame 0 (SystemExit: 0)"),
    ],
)
def test_a_plugin_that_calls_exit_does_not_end_well(
    where: str, says: str, install: Callable[..., None], site: Path, files: list[object], tmp_path: Path
) -> None:
    install("xfilter", code(**{where: "raise SystemExit(0)"}))
    done = roop("run", *files, "--processors", "xfilter", "--debug", site=site)
    assert done.returncode == 7
    assert says in done.stderr
    assert "Traceback" in done.stderr  # --debug was asked for
    assert json.loads(done.stdout)["error"].startswith(says)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.slow
def test_a_plugin_that_prints_or_leaves_a_thread_is_borne(
    install: Callable[..., None], site: Path, files: list[object]
) -> None:
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nprint('noise')\n"
    ends = "\n    def teardown(self):\n        print('last noise')\n\n\ndef load():"
    text = code(process="print('more noise')").replace("\n\ndef load():", ends)
    install("xfilter", thread + text)
    begun = time.monotonic()
    assert json.loads(roop("plugins", "--json", site=site).stdout)
    report = report_of(roop("run", *files, "--processors", "xfilter", site=site))
    assert report["status"] == "done"
    assert time.monotonic() - begun < 60  # and not 600 seconds


COMMAND = """
import sys
from roop_host import CommandSpec, ContentBlocked, InputError, Report, hookimpl
ROOP_API = 1
def hello(words):
    print("hello", *words)
    if words[:1] == ["fail"]:
        raise ValueError("odd")
    if words[:1] == ["refuse"]:
        raise InputError("there is nothing to greet; name one")
    if words[:1] == ["exit"]:
        sys.exit(4)
    if words[:1] == ["bye"]:
        sys.exit("that was all")
    if words[:1] == ["block"]:  # what a job that was run here would raise
        error = ContentBlocked("stopped by a screener")
        error.report = Report(exit_code=5)
        raise error
    if words[:1] == ["text"]:
        return "abc"
    return 3 if words else None
@hookimpl
def roop_commands():
    yield CommandSpec(name="hello", summary="a test", load=lambda: hello)
"""


NO_CODE = "the command hello (roop-xhello 1.0) gave 'abc' and not an exit code; report it to its authors"
FAILED = "the command hello (roop-xhello 1.0) failed (ValueError: odd); report it to its authors"


@pytest.mark.parametrize(
    ("words", "code", "out", "error"),
    [
        ([], 0, "hello\n", ""),
        (["--loud", "-x", "--help"], 3, "hello --loud -x --help\n", ""),
        (
            ["fail"],
            7,
            "hello fail\n",
            "roop: the command hello (roop-xhello 1.0) failed (ValueError: odd); report it to its authors\n",
        ),
        (
            ["refuse"],
            3,
            "hello refuse\n",
            "roop: the command hello (roop-xhello 1.0): there is nothing to greet; name one\n",
        ),
        (["exit"], 4, "hello exit\n", ""),
        (["bye"], 1, "hello bye\n", "roop: that was all\n"),
        (["block"], 5, "hello block\n", "roop: stopped by a screener\n"),
        (["text"], 7, "hello text\n", f"roop: {NO_CODE}\n"),
    ],
)
def test_a_command_of_a_plugin(
    words: list[str], code: int, out: str, error: str, install: Callable[..., None], site: Path
) -> None:
    install("xhello", COMMAND)
    done = roop("hello", *words, site=site)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, error)


OUTWARD = """
from roop_host import ExporterSpec, Receipt, Sidecar, UploadError, Uploader, UploaderSpec, hookimpl
ROOP_API = 1
class Times(Sidecar):
    def head(self):
        return b"frame,seconds\\n"
    def piece(self, frame):
        return f"{frame.index},{float(frame.time):.3f}\\n".encode()
class Folder(Uploader):
    def upload(self, artifact):
        return Receipt(f"https://example.org/{artifact.sha256[:8]}", {"size": str(artifact.size)})
class Gone(Uploader):
    def upload(self, artifact):
        raise UploadError("the bucket is gone; make it again")
@hookimpl
def roop_exporters():
    yield ExporterSpec(name="times", summary="", role="sidecar", suffixes=(".csv",), load=lambda: Times)
@hookimpl
def roop_uploaders():
    yield UploaderSpec(name="folder", summary="", load=lambda: Folder)
    yield UploaderSpec(name="gone", summary="", load=lambda: Gone)
"""


@pytest.mark.slow
def test_a_sidecar_and_uploads(install: Callable[..., None], site: Path, files: list[object], tmp_path: Path) -> None:
    install("xout", OUTWARD)
    install("xfilter", code())
    listed = next(item for item in json.loads(roop("plugins", "--json", site=site).stdout) if item["name"] == "xout")
    assert listed["network"] is True
    assert listed["declares"] == ["exporter times", "uploader folder", "uploader gone"]
    wanted = ["--processors", "xfilter", "--export", "times", "--upload", "folder"]
    done = roop("run", *[word for word in files if word != "--json"], *wanted, site=site)
    assert done.returncode == 0, done.stderr
    assert "roop: folder: https://example.org/" in done.stderr
    assert f"{tmp_path / 'out.csv'}: beside it" in done.stderr
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert rows[:2] == ["frame,seconds", "0,0.000"]
    failed = roop("run", *files, "--overwrite", *wanted[:-1], "folder,gone", site=site)
    assert failed.returncode == 8
    report = json.loads(failed.stdout)
    assert [sent["uploader"] for sent in report["uploads"]] == ["folder"]
    assert report["output"] == str(tmp_path / "out.mp4")
    assert "the bucket is gone" in failed.stderr
    assert (tmp_path / "out.mp4").exists()
    unknown = roop("run", *files, "--overwrite", *wanted[:-1], "cloud", site=site)
    assert unknown.returncode == 2
    assert "no uploader is called 'cloud'" in unknown.stderr


def test_an_unknown_command_names_what_there_is(install: Callable[..., None], site: Path) -> None:
    install("xhello", COMMAND)
    install("xbad", "import no_such_module_here")
    done = roop("helo", site=site)
    assert done.returncode == 2
    assert "did you mean 'hello'?" in done.stderr
    assert "plugins that cannot be used: xbad" in done.stderr
    off = roop("-p", "no:xhello", "hello", site=site)
    assert (off.returncode, "switched off: xhello" in off.stderr) == (2, True)
    off = roop("-p", "no:provenance", "verify", "x.jpg", site=site)
    assert off.returncode == 2
    assert "it comes from the plugin provenance, which is switched off; leave -p no:provenance out" in off.stderr


@pytest.mark.parametrize(
    ("command", "flag", "owner"),
    [
        ("run", "--provenance-label", "provenance"),
        ("run", "--no-provenance-label", "provenance"),
        ("preview", "--xfilter-grey=3", "xfilter"),
        ("run", "--provenanc-label", ""),
    ],
)
def test_a_flag_of_a_plugin_that_is_off_names_the_plugin(
    command: str, flag: str, owner: str, install: Callable[..., None], site: Path
) -> None:
    install("xfilter", code())
    off = roop("-p", "no:provenance", "-p", "no:xfilter", command, "-t", "x.jpg", flag, site=site)
    told = f"no such option: {flag.partition('=')[0]}; it comes from the plugin {owner}, which is switched off; leave -p no:"
    assert (off.returncode, told in off.stderr) == (2, bool(owner))
    assert ("it comes from" in off.stderr) == bool(owner)


@pytest.mark.skipif(os.name != "posix", reason="/dev/full is a POSIX device")
@pytest.mark.parametrize(
    ("words", "code"), [(["plugins", "--json"], 9), (["run", "-t", "gone.mp4", "-o", "o.mp4", "-s", "x.jpg", "--json"], 3)]
)
def test_a_full_stdout_is_told_and_hides_no_failure(words: list[str], code: int) -> None:
    command = [sys.executable, "-m", "roop_host", *words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == code
    said = "roop: what was to be told can't be written (No space left on device); send it elsewhere\n"
    assert done.stderr.endswith(said)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "2>/dev/full", "| true"])
@pytest.mark.parametrize(("words", "code"), [("--version", 0), ("plugins --json", 0), ("bogus", 2)])
def test_streams_that_nobody_reads_change_no_exit_code(closed: str, words: str, code: int) -> None:
    shell = f"set -o pipefail; {sys.executable} -m roop_host {words} {closed}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe as a POSIX shell does")
def test_a_failure_keeps_its_code_where_nobody_reads_it() -> None:
    shell = f"set -o pipefail; ROOP_PROCESSORS=nonesuch {sys.executable} -m roop_host doctor | true"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="/dev/full is a POSIX device")
def test_a_notice_that_nobody_hears_does_not_keep_the_job_from_its_work(
    install: Callable[..., None], site: Path, files: list[object], tmp_path: Path
) -> None:
    install("xfilter", code())
    command = [sys.executable, "-m", "roop_host", "run", *map(str, files), "--processors", "xfilter"]
    environment = {**os.environ, "PYTHONPATH": str(site), "ROOP_QUALTY": "3"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True, env=environment, check=False)
    assert json.loads(done.stdout)["status"] == "done"
    assert (tmp_path / "out.mp4").exists()


def test_run_with_nothing_after_it_says_what_is_missing() -> None:
    done = roop("run")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--target is missing" in done.stderr


def test_debug_shows_why_a_plugin_could_not_be_imported(install: Callable[..., None], site: Path, tmp_path: Path) -> None:
    install("xbad", "def deep():\n    raise RuntimeError('of the plugin')\ndeep()\n")
    for words in (["--debug", "plugins"], ["run", "-t", "x", "-o", "y.mp4", "--debug"]):
        shown = roop(*words, site=site).stderr
        assert "in deep" in shown
        assert "RuntimeError: of the plugin" in shown
    assert "in deep" not in roop("plugins", site=site).stderr


def test_an_interrupt_at_a_plugins_import_names_it(install: Callable[..., None], site: Path) -> None:
    install("xkbi", "raise KeyboardInterrupt")
    done = roop("plugins", site=site)
    assert done.returncode == 130
    assert done.stderr == "roop: stopped while the plugin xkbi (roop-xkbi 1.0) was imported\n"


@pytest.mark.parametrize("name", ["3d", "my.filter", "Foo"])
def test_a_plugins_name_that_is_no_word_is_told(name: str, install: Callable[..., None], site: Path) -> None:
    install(name, code(), distribution="roop-xodd")
    listed = next(item for item in json.loads(roop("plugins", "--json", site=site).stdout) if item["name"] == name)
    assert listed["state"] == "broken"
    assert f"the name {name!r} is not one lower-case word" in listed["reason"]
    assert roop("run", "--help", site=site).returncode == 0


def test_a_files_failure_is_not_to_be_switched_off(files: list[object], tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(code("mine", setup="raise OSError('no such\\nthing \\x1b[31m\\u202e')"))
    done = roop("run", "--plugin", path, *files, "--processors", "mine")
    assert done.returncode == 7
    assert "(OSError: no such thing [31m); update or uninstall it, or run without it (leave --plugin out)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_deleted_working_folder_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    shell = f"cd {gone} && rmdir {gone} && env -u ROOP_CONFIG {sys.executable} -m roop_host config path"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ""}
    )
    assert done.returncode == 2
    assert "the working folder can't be found" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_a_signal_at_the_very_end_does_not_deny_the_output(
    install: Callable[..., None], site: Path, files: list[object], tmp_path: Path
) -> None:
    ends = "\n    def teardown(self):\n        import time\n        time.sleep(2)\n\n\ndef load():"
    install("xfilter", code().replace("\n\ndef load():", ends))
    command = [sys.executable, "-m", "roop_host", "run", *map(str, files), "--processors", "xfilter"]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    while not (tmp_path / "out.mp4").exists() and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    process.terminate()
    out, error = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["status"]) == (0, "done"), error
