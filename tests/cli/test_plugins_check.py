"""``roop plugins check``: what it tells of each state of a check, and of plugins that can't be checked."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kit
import pytest

from roop_host import InputError, ModelError, RoopError, UsageError, option
from roop_host.testing import Places, Ran, Subject
from roop_host.testing.checking import DoesNotApply, Failed, NotRun, checks
from roop_host.testing.checks import BY_HOOK

pytest_plugins = ["roop_host.testing.fixtures"]
Roop = Callable[..., Ran]
Install = Callable[..., Path]


def good(subject: Subject) -> None:
    """It is good.

    Make it good.
    """


def idle(subject: Subject) -> None:
    """There is something."""
    raise DoesNotApply("there is nothing")


def bad(subject: Subject) -> None:
    """A frame keeps its size.

    Write through ``frame.put``, and no other way.
    """
    raise Failed("it made 3 pixels of 4")


def crash(subject: Subject) -> None:
    """It does not crash.

    Look at the line that is named.
    """
    raise ValueError("odd")


@dataclass(frozen=True)
class Options:
    grey: int = option(7, "How bright.", least=0)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these functions be the checks of processors, and none those of plugins as a whole."""
    monkeypatch.setitem(BY_HOOK, "roop_plugins", ())

    def do(*functions: Callable[[Subject], None], hook: str = "roop_processors") -> None:
        monkeypatch.setitem(BY_HOOK, hook, checks(*functions))

    return do


@pytest.fixture
def step(fake_plugin: Install) -> SimpleNamespace:
    """The module of the plugin ``my-step``, which is installed."""
    module = kit.processor(kit.Tint, "my_step")
    module.ROOP_OPTIONS = Options
    fake_plugin("my-step", module)
    return module


def test_all_is_well(step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop) -> None:
    use(good, idle)
    done = roop_cli("plugins", "check", "my-step")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "processor my_step (roop-my-step 1.0)\n  1 passed, 1 does not apply\n\nmy-step: 2 checks, nothing to repair\n"
    )
    for name in ("roop-my-step", "my_step", "roop_my_step"):
        assert roop_cli("plugins", "check", name).out == done.out


def test_what_fails_is_told_with_what_to_do(step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop) -> None:
    use(good, bad, crash)
    done = roop_cli("plugins", "check", "my-step")
    assert done.code == 7
    line = f"{Path(__file__).name}, line {crash.__code__.co_firstlineno + 5}"
    assert done.out == (
        "processor my_step (roop-my-step 1.0)\n"
        "  failed: bad\n"
        "    A frame keeps its size.\n"
        "    What happened: it made 3 pixels of 4.\n"
        "    What to do: Write through frame.put, and no other way.\n"
        "  failed: crash\n"
        "    It does not crash.\n"
        f"    What happened: ValueError: odd ({line}).\n"
        "    What to do: Look at the line that is named.\n"
        "  1 passed\n\n"
    )
    assert done.err == "roop: my-step: 2 of 3 checks failed; what to do stands above, then check again\n"
    use(bad)
    assert "1 of 1 check failed (bad); what to do" in roop_cli("plugins", "check", "my-step", "-q").err


def test_a_waiver_is_told_with_its_reason(step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop) -> None:
    use(good, bad)
    step.ROOP_WAIVED = {"processor.my_step.bad": "it is made of 3 on purpose"}
    done = roop_cli("plugins", "check", "my-step")
    assert (done.code, done.err) == (0, "")
    assert "  waived: bad\n    it is made of 3 on purpose\n  1 passed\n" in done.out
    assert done.out.endswith("my-step: 2 checks, nothing to repair (1 waived)\n")
    step.ROOP_WAIVED = {"processor.my_step.bad": " "}
    done = roop_cli("plugins", "check", "my-step")
    assert (done.code, "it is waived without a reason" in done.out) == (7, True)


@pytest.mark.parametrize(("error", "code"), [(UsageError, 2), (InputError, 3), (ModelError, 6)])
def test_what_is_missing_is_told_once(
    error: type[RoopError], code: int, step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop
) -> None:
    def lacks(subject: Subject) -> None:
        """It works."""
        raise NotRun(error("the thing is missing; bring it"))

    def lacks_too(subject: Subject) -> None:
        """It works too."""
        lacks(subject)

    use(good, lacks, idle, lacks_too)
    done = roop_cli("plugins", "check", "my-step")
    assert done.code == code
    assert "  not run: lacks and 1 more\n    the thing is missing; bring it\n  1 passed, 1 does not apply\n" in done.out
    assert done.err == "roop: my-step: 2 of 4 checks could not be run; bring what is missing, then check again\n"
    use(lacks, bad)
    assert roop_cli("plugins", "check", "my-step").code == 7


def test_json_is_one_object_with_every_result(step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop) -> None:
    def lacks(subject: Subject) -> None:
        """It works."""
        raise NotRun(ModelError("the thing is missing; bring it"))

    use(good, bad, idle, lacks)
    done = roop_cli("plugins", "check", "my-step", "--json")
    made = done.json()
    (declaration,) = made.pop("declarations")
    sentence = "my-step: 1 of 4 checks failed (bad); what to do stands above, then check again"
    about = {"plugin": "my-step", "distribution": "roop-my-step", "version": "1.0"}
    about |= {"state": "ok", "reason": "", "repair": ""}
    assert made == {**about, "exit_code": 7, "error": sentence}
    assert (declaration["kind"], declaration["name"]) == ("processor", "my_step")
    assert {row["id"]: row["state"] for row in declaration["checks"]} == {
        "good": "passed",
        "bad": "failed",
        "idle": "does not apply",
        "lacks": "not run",
    }
    rows = {row["id"]: row for row in declaration["checks"]}
    assert rows["bad"]["advice"] == "Write through frame.put, and no other way."
    assert rows["lacks"]["exit_code"] == 6
    assert done.err == f"roop: {sentence}\n"


def test_every_declaration_has_a_heading(fake_plugin: Install, use: Callable[..., None], roop_cli: Roop) -> None:
    both = kit.processor(kit.Tint, "tint")
    both.roop_uploaders = kit.uploader(kit.Bucket).roop_uploaders
    fake_plugin("both", both)
    use(good)
    use(bad, hook="roop_uploaders")
    done = roop_cli("plugins", "check", "both")
    headings = [line for line in done.out.splitlines() if line and not line.startswith(" ")]
    assert headings == ["processor tint (roop-both 1.0)", "uploader bucket (roop-both 1.0)"]
    assert done.err.startswith("roop: both: 1 of 2 checks failed (bad)")
    quiet = roop_cli("plugins", "check", "both", "--quiet")
    assert (quiet.code, quiet.out.splitlines()[0]) == (7, "uploader bucket (roop-both 1.0)")
    assert "passed" not in quiet.out


def test_a_plugin_that_declares_nothing(fake_plugin: Install, roop_cli: Roop) -> None:
    code = "from roop_host import hookimpl\nROOP_API = 1\n{}\n@hookimpl\ndef roop_job_finished(report):\n    pass\n"
    fake_plugin("empty", code.format("import PIL.Image\nROOP_WAIVED = {'plugin.empty.oddness': 'it is only odd'}"))
    done = roop_cli("plugins", "check", "empty")
    assert done.code == 7
    assert [line for line in done.out.splitlines() if not line.startswith("    ")] == [
        "plugin empty (roop-empty 1.0)",
        "  failed: plugin_module_is_light",
        "  failed: waivers_name_checks",
        "  failed: package_is_honest",
        "  1 passed",
        "",
    ]
    assert "ROOP_WAIVED names 'plugin.empty.oddness', which is no check" in " ".join(done.out.split())


def test_what_is_of_the_plugin_is_checked_once(step: SimpleNamespace, roop_cli: Roop) -> None:
    step.roop_uploaders = kit.uploader(kit.Bucket).roop_uploaders
    listed = roop_cli("plugins", "check", "my-step", "--list").out.splitlines()
    headings = [line for line in listed if line and line[0] != " "]
    assert headings == [f"{what} (roop-my-step 1.0)" for what in ("plugin my-step", "processor my_step", "uploader bucket")]
    assert listed.count("  plugin_module_is_light") == 1
    assert listed.count("  declarations_are_valid") == 2
    chosen = roop_cli("plugins", "check", "my-step", "--only", "options_are_documented")
    assert (chosen.code, chosen.out.splitlines()[0]) == (0, headings[0])


@pytest.fixture
def until() -> Iterator[threading.Event]:
    """Lets what hangs go on at the end."""
    event = threading.Event()
    yield event
    event.set()


def test_a_call_that_hangs_ends_the_process(
    step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop, until: threading.Event
) -> None:
    def hangs(subject: Subject) -> None:
        """It comes back."""
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115,PTH123
        until.wait(60)

    use(good, hangs, good)
    begun = time.monotonic()
    done = roop_cli("plugins", "check", "my-step", "--timeout", "0.2")
    assert time.monotonic() - begun < 30
    assert done.code == 7
    assert "  failed: hangs\n    It comes back.\n    What happened: a call did not come back within 0.2 s.\n" in done.out
    told = "the check hangs did not end (a call did not come back within 0.2 s); 1 check after it was not run"
    assert done.err == f"roop: my-step: {told}\n"


def test_what_a_plugin_does_to_the_process_spoils_nothing(
    step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop
) -> None:
    left: list[Path] = []

    def noisy(subject: Subject) -> None:
        """It is quiet."""
        print("noise")
        left.append(Path(tempfile.mkdtemp()))
        sys.exit(4)

    def stops(subject: Subject) -> None:
        """It does not stop."""
        raise KeyboardInterrupt

    before = tempfile.tempdir
    use(noisy, stops, good)
    done = roop_cli("plugins", "check", "my-step", "--json")
    rows = done.json()["declarations"][0]["checks"]
    assert [row["state"] for row in rows] == ["failed", "failed", "passed"]
    assert [row["told"] for row in rows[:2]] == [
        "SystemExit: 4",
        "it raised KeyboardInterrupt, which only a person's Ctrl-C may",
    ]
    assert done.err.startswith("noise\n")
    assert not left[0].exists()
    assert tempfile.tempdir == before


UNUSABLE = {
    "broken": ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module_here'", "pip install"),
    "incompatible": ("ROOP_API = 99", "it is written for plugin API 99, and this roop has 1", "pip install --upgrade"),
}


@pytest.mark.parametrize("state", UNUSABLE)
def test_a_plugin_that_cannot_be_used(state: str, fake_plugin: Install, roop_cli: Roop) -> None:
    code, reason, repair = UNUSABLE[state]
    fake_plugin("xbad", code)
    done = roop_cli("plugins", "check", "xbad")
    assert (done.code, done.out) == (7, "")
    assert f"the plugin xbad (roop-xbad 1.0) is {state}: {reason}" in done.err
    assert repair in done.err
    assert done.err.endswith("), then check it again\n")
    told = roop_cli("plugins", "check", "xbad", "--json")
    made = told.json()
    assert made.pop("error") == done.err.removeprefix("roop: ").strip()
    assert repair in made.pop("repair")
    about = {"plugin": "xbad", "distribution": "roop-xbad", "version": "1.0"}
    assert made.pop("reason").startswith(reason)
    assert made == {**about, "state": state, "exit_code": 7, "declarations": []}
    assert (told.code, told.err) == (7, done.err)
    assert "in deep" not in roop_cli("--debug", "plugins", "check", "xbad").err
    if state == "broken":
        for words in ((), ("--json",)):
            assert "Traceback" in roop_cli("plugins", "check", "xbad", "--debug", *words).err


def test_one_name_twice(step: SimpleNamespace, fake_plugin: Install, use: Callable[..., None], roop_cli: Roop) -> None:
    fake_plugin("twin", "ROOP_API = 1")
    fake_plugin("twin", "ROOP_API = 1", distribution="roop-other")
    done = roop_cli("plugins", "check", "twin", "--json")
    assert (done.code, done.json()["exit_code"]) == (7, 7)
    assert (done.json()["state"], done.json()["declarations"]) == ("duplicate", [])
    assert "is duplicate: several packages provide the plugin twin" in done.err
    assert "pip uninstall" in done.err
    use(good)
    assert roop_cli("plugins", "check", "my-step").code == 0  # what is wrong with others is theirs


def test_a_name_that_cannot_be_checked(step: SimpleNamespace, roop_cli: Roop, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*words: str) -> str:
        done = roop_cli(*words)
        assert (done.code, done.out) == (2, "")
        return done.err

    off = "roop: the plugin my-step is switched off; leave -p no:my-step out, or take it out of ROOP_DISABLE_PLUGINS\n"
    assert told("-p", "no:my-step", "plugins", "check", "my-step") == off
    assert told("plugins", "check", "my-stap").endswith("; did you mean 'my-step'?\n")
    label = told("plugins", "check", "label")
    assert label.endswith("the processor label comes from the plugin provenance: roop plugins check provenance\n")
    assert told("plugins", "check").startswith("roop: NAME is missing; name the plugin to check, roop plugins lists them")
    monkeypatch.setattr("roop_host.cli.checking.OWN_PLUGINS", {"later"})
    later = told("plugins", "check", "roop-later")
    assert later.startswith("roop: the plugin later is not installed (installed: ")
    assert later.endswith("install roop-later\n")


def test_options_are_those_of_a_run(
    step: SimpleNamespace,
    use: Callable[..., None],
    roop_cli: Roop,
    isolated_roop: Places,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tells(subject: Subject) -> None:
        """It tells."""
        raise Failed(f"it has {subject.options().grey} at {subject.address!r} in {subject.models}")

    def told(*words: str) -> str:
        rows = roop_cli("plugins", "check", "my-step", "--json", *words).json()["declarations"][0]["checks"]
        return str(rows[0]["told"])

    use(tells)
    assert told() == "it has 7 at '' in None"
    isolated_roop.config.write_text("[plugin.my-step]\ngrey = 1\n")
    assert told("--address", "camera:0") == "it has 1 at 'camera:0' in None"
    monkeypatch.setenv("ROOP_MY_STEP_GREY", "2")
    assert told() == "it has 2 at '' in None"
    assert told("--my-step-grey", "3") == "it has 3 at '' in None"
    refused = roop_cli("plugins", "check", "my-step", "--my-step-grey", "-3")
    assert (refused.code, "--my-step-grey" in refused.err) == (2, True)
    other = roop_cli("plugins", "check", "nsfw", "--my-step-grey", "3")
    assert (other.code, "--my-step-grey" in other.err) == (2, True)
    assert "--my-step-grey" in roop_cli("plugins", "check", "my-step", "--help").out
    assert "--my-step-grey" not in roop_cli("plugins", "check", "--help").out


def test_the_time_a_check_may_take(
    step: SimpleNamespace,
    use: Callable[..., None],
    roop_cli: Roop,
    isolated_roop: Places,
    until: threading.Event,
) -> None:
    def hangs(subject: Subject) -> None:
        """It comes back."""
        until.wait(60)

    use(hangs)
    isolated_roop.config.write_text("[run]\ntimeout = 0.3\n")
    assert "within 0.3 s" in roop_cli("plugins", "check", "my-step").err


def test_one_check_and_the_list_of_all(step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop) -> None:
    use(good, bad, idle)
    listed = roop_cli("plugins", "check", "my-step", "--list")
    assert listed.out.splitlines()[:3] == ["processor my_step (roop-my-step 1.0)", "  good", "    It is good."]
    assert (listed.code, "failed" in listed.out) == (0, False)
    (rows,) = roop_cli("plugins", "check", "my-step", "--list", "--json").json()
    assert rows["checks"][0] == {"id": "good", "says": "It is good.", "advice": "Make it good."}
    done = roop_cli("plugins", "check", "my-step", "--only", "good", "--only", "idle")
    assert (done.code, "1 passed, 1 does not apply" in done.out) == (0, True)
    unknown = roop_cli("plugins", "check", "my-step", "--only", "goood")
    assert (unknown.code, unknown.err.endswith("is called so; did you mean 'good'?\n")) == (2, True)


def test_debug_shows_what_was_raised_and_logged(step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop) -> None:
    def logs(subject: Subject) -> None:
        """It is calm."""
        subject.context().log.warning("a word of warning")

    use(crash, logs)
    calm = roop_cli("plugins", "check", "my-step")
    assert "Traceback" not in calm.err
    assert "a word of warning" not in calm.err
    debug = roop_cli("plugins", "check", "my-step", "--debug")
    assert 'raise ValueError("odd")' in debug.err
    assert "a word of warning" in debug.err


def test_a_terminal_sees_which_check_runs(
    step: SimpleNamespace, use: Callable[..., None], roop_cli: Roop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    use(good, bad)
    monkeypatch.setattr("roop_host.testing.fixtures._stream", lambda: Terminal(io.BytesIO(), encoding="utf-8"))
    monkeypatch.setenv("TERM", "xterm")
    assert "my_step: " in roop_cli("plugins", "check", "my-step").err
    assert "my_step: " not in roop_cli("plugins", "check", "my-step", "--quiet").err


FILE = """
import time
from roop_host import Processor, ProcessorSpec, hookimpl

ROOP_API = 1


class Step(Processor):
    def process(self, window):
        {process}


@hookimpl
def roop_processors():
    yield ProcessorSpec(name="mine", summary="A test.", load=lambda: Step, needs_faces=False)
"""


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(process: str) -> Path:
        (tmp_path / "mine.py").write_text(FILE.format(process=process))
        return tmp_path / "mine.py"

    return write


def test_a_single_file(file: Callable[[str], Path], use: Callable[..., None], roop_cli: Roop) -> None:
    use(good)
    path = file("pass")
    done = roop_cli("plugins", "check", "--plugin", path)
    assert (done.code, done.out.splitlines()[0][: len("processor mine (mine.py ")]) == (0, "processor mine (mine.py ")
    assert roop_cli("plugins", "check", "mine", f"--plugin={path}").out == done.out
    assert roop_cli("plugins", "check", "--plugin", "gone.py").code == 2
    path.write_text("1 / 0")
    broken = roop_cli("plugins", "check", "--plugin", path)
    assert (broken.code, "is broken: ZeroDivisionError" in broken.err) == (7, True)
    assert broken.err.endswith("(line 1); repair it, then check it again\n")


def test_one_error_is_told_once_with_its_place(file: Callable[[str], Path], roop_cli: Roop) -> None:
    path = file("window.current[0].bgr()[:] = 0")
    done = roop_cli("plugins", "check", "--plugin", path)
    assert done.code == 7
    page = " ".join(done.out.split())
    line = 1 + path.read_text().splitlines().index("        window.current[0].bgr()[:] = 0")
    assert f"What happened: ValueError: assignment destination is read-only (mine.py, line {line}). What to do: " in page
    (group,) = (line for line in done.out.splitlines() if line.startswith("  failed: "))
    assert group.endswith(" checks, all by one error")
    assert page.count("What to do: ") == 1
    assert "frame.put" in page
    assert "keep libraries from printing" not in page
    rows = roop_cli("plugins", "check", "--plugin", path, "--json").json()["declarations"][-1]["checks"]
    failed = [row for row in rows if row["state"] == "failed"]
    assert len(failed) == int(group.split()[1]) > 10
    assert f"Checks: {', '.join(row['id'] for row in failed)} " in page
    assert {row["place"] for row in failed} == {f"mine.py, line {line}"}
    assert len({row["advice"] for row in failed}) == 1


def process_of(path: Path, temporary: Path, *words: str) -> subprocess.Popen[str]:
    """The real command, which begins with the real checks."""
    temporary.mkdir()
    command = [sys.executable, "-m", "roop_host", "plugins", "check", "--plugin", str(path), *words]
    environment = {**os.environ, "TMPDIR": str(temporary), "NO_COLOR": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_a_process_with_a_call_that_hangs_ends_and_leaves_nothing(file: Callable[[str], Path], tmp_path: Path) -> None:
    path = file("time.sleep(600)")
    process = process_of(path, tmp_path / "tmp", "--only", "no_faces_is_no_error", "--timeout", "1", "--json")
    out, err = process.communicate(timeout=60)
    made: dict[str, Any] = json.loads(out)
    assert (process.returncode, made["exit_code"]) == (7, 7)
    assert "did not end (a call did not come back within 1 s)" in err
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_hangs_while_nothing_may_be_printed_is_told(file: Callable[[str], Path], tmp_path: Path) -> None:
    words = ("--only", "stdout_stays_clean", "--only", "no_network_unless_declared", "--timeout", "1")
    process = process_of(file("time.sleep(600)"), tmp_path / "tmp", *words)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 7
    assert "  failed: stdout_stays_clean\n" in out


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
@pytest.mark.parametrize("wait", ["time.sleep(600)", "time.sleep(2)"])
def test_a_stop_is_a_stop(wait: str, file: Callable[[str], Path], tmp_path: Path) -> None:
    path = file(f"open({str(tmp_path / 'begun')!r}, 'w').close(); {wait}")
    process = process_of(path, tmp_path / "tmp", "--only", "no_faces_is_no_error")
    until = time.monotonic() + 60
    while not (tmp_path / "begun").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.startswith("roop: ")
    assert list((tmp_path / "tmp").iterdir()) == []
