"""The wheels of this repository, built once for a process, and an environment that has them, for each file of tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from environments import call, install, uv


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of this repository."""
    folder = tmp_path_factory.mktemp("wheels")
    built = call(uv(), "build", "--all-packages", "--wheel", "--out-dir", folder)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def home(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment into which those wheels were installed, as a user has it."""
    folder = tmp_path_factory.mktemp("home") / "venv"
    assert call(uv(), "venv", "--python", sys.executable, folder).returncode == 0
    (host,) = wheels.glob("roop_host-*.whl")
    others = [path for path in wheels.glob("*.whl") if path != host]
    installed = install(folder, f"roop-host[cpu] @ {host.as_uri()}", *others)
    assert installed.returncode == 0, installed.stderr
    return folder
