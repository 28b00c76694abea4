"""Environments as users have them: what makes them, and what asks them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEDIA = ROOT / "examples" / "media"
BIN = "Scripts" if os.name == "nt" else "bin"


def program(home: Path, name: str) -> Path:
    """Of an environment; Windows adds no suffix to what is called by its path."""
    return home / BIN / (f"{name}.exe" if os.name == "nt" else name)


def uv() -> str:
    """The running uv tells its children where it is; otherwise it must be on the path."""
    found = os.environ.get("UV") or shutil.which("uv")
    assert found, "these tests make environments with uv: pip install uv"
    return found


def call(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return subprocess.run(
        list(map(str, arguments)),
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def install(home: Path, *what: object) -> subprocess.CompletedProcess[str]:
    return call(uv(), "pip", "install", "--python", program(home, "python"), *what)


def remove(home: Path, *names: str) -> None:
    assert call(uv(), "pip", "uninstall", "--python", program(home, "python"), *names).returncode == 0


def states(home: Path) -> dict[str, str]:
    listed = json.loads(call(program(home, "roop"), "plugins", "--json").stdout)
    return {f"{status['name']} of {status['distribution']}": status["state"] for status in listed}
