"""The checks as test classes: how pytest shows them, and that none is left out quietly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from roop_host.testing import ProcessorConformance, checks_of

CODE = """
from kit import processor
from roop_host import Processor
from roop_host.plugins.loader import plugins_of
from roop_host.testing import ProcessorConformance

class Bold(Processor):
    def process(self, window):
        for frame in window.current:
            frame.put(frame.box, 255 - frame.bgr())

class Keeping(Bold):
    def process(self, window):
        super().process(window)
        self.last = window.current[0]

class TestBold(ProcessorConformance):
    name = "bold"
    make, waived = Bold, {}

    def plugins(self):
        module = processor(self.make, "bold")
        module.ROOP_WAIVED = self.waived
        return plugins_of({"bold": module})

class TestKeeping(TestBold):
    make = Keeping

class TestWaived(TestKeeping):
    waived = {"processor.bold.no_frame_kept": "it is only a test"}

class TestMissing(TestBold):
    def plugins(self):
        return plugins_of({})

class TestNameless(TestBold):
    name = ""
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints of such classes."""
    folder = tmp_path_factory.mktemp("author")
    (folder / "test_bold.py").write_text(CODE)
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {Path(__file__).parents[1]}\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-vv",
        "-rxf",
        "-n0",
        "-k",
        "kept or no_faces or TestBold",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def line_of(shown: str, test: str) -> str:
    return next(line for line in shown.splitlines() if test in line)


def test_every_check_is_a_test(shown: str) -> None:
    passed = [line for line in shown.splitlines() if "::TestBold::" in line and "PASSED" in line]
    assert len(passed) == len(checks_of("roop_processors"))


def test_a_failure_says_what_must_hold_what_happened_and_what_to_do(shown: str) -> None:
    assert "FAILED" in line_of(shown, "TestKeeping::test_no_frame_kept")
    told = next(line for line in shown.splitlines() if "when its process was over it still had Frame" in line)
    assert "No frame is kept when process is over." in told
    assert "Keep what you learnt" in told


def test_what_is_waived_is_an_expected_failure_with_its_reason(shown: str) -> None:
    assert "XFAIL" in line_of(shown, "TestWaived::test_no_frame_kept")
    assert "it is only a test" in shown


def test_a_name_that_nobody_declares_fails_with_a_sentence(shown: str) -> None:
    assert "FAILED" in line_of(shown, "TestMissing::test_no_faces_is_no_error")
    assert "no processor is called 'bold'" in shown


def test_a_name_that_is_not_said_is_asked_for(shown: str) -> None:
    assert "FAILED" in line_of(shown, "TestNameless::test_no_faces_is_no_error")
    assert "TestNameless does not say what to check; set name to what the plugin declares" in shown


def test_a_standard_test_is_not_replaced() -> None:
    with pytest.raises(TypeError, match=r"test_no_frame_kept stands for .*'processor\.my_filter\.no_frame_kept': 'why'"):

        class TestMine(ProcessorConformance):
            name = "my_filter"

            def test_no_frame_kept(self) -> None:
                pass


def test_what_stands_for_a_check_of_the_plugin_or_one_that_is_not_waived_is_told_so() -> None:
    with pytest.raises(TypeError, match=r"'plugin\.PLUGIN\.package_is_honest': 'why'"):
        type("TestMine", (ProcessorConformance,), {"test_package_is_honest": None})
    with pytest.raises(TypeError, match=r"test_no_network_unless_declared .* it can't be waived$"):
        type("TestMine", (ProcessorConformance,), {"test_no_network_unless_declared": None})


def test_the_kind_is_not_said_again() -> None:
    with pytest.raises(TypeError, match=r"TestMine\.hook is said by the class that it comes from; take it out"):
        type("TestMine", (ProcessorConformance,), {"hook": "roop_uploaders"})


HANGS = """
import socket, sys, threading
from functools import partial
import roop_host.testing.conformance as conformance
from roop_host import Processor
from roop_host.testing import ProcessorConformance, plugins_of, run_check
from kit import processor

conformance.run_check = partial(run_check, limit_s=0.5)

class Sleeps(Processor):
    def process(self, window):
        threading.Event().wait(600)

class TestSleeps(ProcessorConformance):
    name = "sleeps"

    def plugins(self):
        return plugins_of({"sleeps": processor(Sleeps, "sleeps")})

def test_others_have_a_network_and_a_stdout():
    assert "connect" not in vars(socket.socket)
    print("still told")
    assert False
"""


def test_after_a_call_that_hangs_no_other_check_is_begun(tmp_path: Path) -> None:
    (tmp_path / "test_sleeps.py").write_text(HANGS)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {Path(__file__).parents[1]}\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n0", "--capture=sys", "-vv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    lines = [line for line in done.stdout.splitlines() if "::test_" in line and "FAILED" in line]
    first = next(line for line in lines if "TestSleeps" in line).partition("::test_")[2].split()[0]
    after = [line for line in done.stdout.splitlines() if line.startswith("E ") and "it is not begun: a call of the" in line]
    assert f"a call of the check processor.sleeps.{first} did not come back" in after[0]
    assert len(after) == sum("TestSleeps" in line for line in lines if " FAILED " in line) - 1
    assert "still told" in done.stdout


def test_a_standard_test_is_not_taken_out() -> None:
    with pytest.raises(TypeError, match="stands for a standard check"):

        class TestMine(ProcessorConformance):
            name = "my_filter"
            test_no_frame_kept = None


def test_a_class_between_cannot_replace_one_either() -> None:
    class Mixin:
        def test_no_frame_kept(self) -> None:
            pass

    with pytest.raises(TypeError, match="stands for a standard check"):

        class TestMine(Mixin, ProcessorConformance):
            name = "my_filter"


def test_an_author_adds_tests_of_his_own() -> None:
    class TestMine(ProcessorConformance):
        name = "my_filter"

        def test_it_is_mine(self) -> None:
            pass

    assert TestMine.test_it_is_mine is not None
