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
    waived = {"bold.no_frame_kept": "it is only a test"}

class TestMissing(TestBold):
    def plugins(self):
        return plugins_of({})
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


def test_a_standard_test_is_not_replaced() -> None:
    with pytest.raises(TypeError, match=r"test_no_frame_kept stands for .*'my_filter\.no_frame_kept': 'why'"):

        class TestMine(ProcessorConformance):
            name = "my_filter"

            def test_no_frame_kept(self) -> None:
                pass


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
