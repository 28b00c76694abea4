"""A backend is the one that was named, or none."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from kit import Tint, processor

from roop_host import ExecutionOptions, Job, ModelError, Step, UsageError
from roop_host.testing import context_of, host_of
from roop_nsfw import backends, keras_backend, options, packages, plugin

HOPPER = Path(__file__).parents[3] / "examples" / "media" / "hopper.jpg"


def job(output: Path) -> Job:
    return Job((), str(HOPPER), str(output), (Step("tint"),), plugin_options={"nsfw": {"backend": "opennsfw2"}})


def test_without_its_packages_the_backend_is_refused(tmp_path: Path) -> None:
    needed = r"--nsfw-backend opennsfw2 needs packages [^\n]*: pip install 'roop-nsfw\[opennsfw2\]'$"
    with host_of(nsfw=plugin, tint=processor(Tint, "tint")) as host, pytest.raises(UsageError, match=needed):
        host.run(job(tmp_path / "out.png"))
    assert not (tmp_path / "out.png").exists()
    with pytest.raises(UsageError, match=needed):
        keras_backend.KerasNetwork(context_of(options.Options(), models=tmp_path))


def test_its_weights_are_wanted_when_it_is_chosen_and_only_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "opennsfw2_installed", lambda: True)
    monkeypatch.setattr(keras_backend, "opennsfw2_installed", lambda: True)
    (spec,) = plugin.roop_screeners()
    made = {
        backend: [model.name for choice in spec.choices if choice.made_by(chosen) for model in choice.models]
        for backend, chosen in (("onnx", options.Options()), ("opennsfw2", options.Options(backend="opennsfw2")))
    }
    assert made == {"onnx": ["open-nsfw"], "opennsfw2": ["open_nsfw_weights"]}
    screener = backends.ChosenOpenNsfw()
    with pytest.raises(ModelError, match="open_nsfw_weights is missing"):
        screener.setup(context_of(options.Options(backend="opennsfw2"), models=tmp_path))


def test_a_job_asks_for_them_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "opennsfw2_installed", lambda: True)
    monkeypatch.setenv("ROOP_MODELS", str(tmp_path / "none"))
    asked = replace(job(tmp_path / "out.png"), execution=ExecutionOptions(offline=True))
    with (
        host_of(nsfw=plugin, tint=processor(Tint, "tint")) as host,
        pytest.raises(ModelError, match="open_nsfw_weights is missing"),
    ):
        host.run(asked)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("package", ["opennsfw2", "nudenet"])
def test_a_stand_in_for_a_package_is_not_the_package(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("opennsfw2", "keras", "tensorflow", "nudenet"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))  # without a spec
    asked = {"opennsfw2": packages.opennsfw2_installed, "nudenet": packages.nudenet_installed}
    assert not asked[package]()
    with pytest.raises(FileNotFoundError, match="is not installed"):
        packages.inside(package, package, "file")


def test_one_thread_at_a_time_changes_what_is_the_process_s() -> None:
    log, within, entered = logging.getLogger("roop"), threading.Event(), threading.Event()
    environment, stderr = dict(os.environ), os.fstat(2)

    def second() -> None:
        within.wait()
        with keras_backend._as_it_wants(log):
            entered.set()
            leave.wait()

    leave, thread = threading.Event(), threading.Thread(target=second)
    thread.start()
    with keras_backend._as_it_wants(log):
        assert os.environ["KERAS_BACKEND"] == "tensorflow"
        within.set()
        early = entered.wait(0.3)
    entered.wait()
    leave.set()
    thread.join()
    assert not early
    assert dict(os.environ) == environment
    assert os.path.samestat(os.fstat(2), stderr)


_CLOSED = """
import logging, os, sys, tempfile
from roop_nsfw.keras_backend import _as_it_wants

os.close(2)
with _as_it_wants(logging.getLogger("roop")), tempfile.TemporaryFile() as others:
    os.write(2, b"a line of the C++ part")
    assert others.fileno() != 2 and os.fstat(others.fileno()).st_size == 0
try:
    os.fstat(2)
except OSError:
    print("closed as before")
"""


def test_a_program_whose_stderr_is_closed_can_use_it() -> None:
    done = subprocess.run([sys.executable, "-c", _CLOSED], capture_output=True, text=True, check=False)
    assert done.stdout == "closed as before\n"
