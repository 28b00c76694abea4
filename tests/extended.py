"""This environment with an extra on top, in another folder: as people install it, without a second copy of the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

BIN = "Scripts" if os.name == "nt" else "bin"


def call(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, arguments)),
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def extend(folder: Path, commands: Sequence[Sequence[str]]) -> None:
    """Make the environment ``folder``, that sees the packages of this one, by ``pip install`` with each of these words."""
    made = call(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    assert made.returncode == 0, made.stderr
    site = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    below = sysconfig.get_path("purelib")
    (Path(site) / "below.pth").write_text(f"import site; site.addsitedir({below!r})\n", encoding="utf-8")
    pip = (folder / BIN / "python", "-m", "pip", "install", "--quiet", "--no-compile")
    for command in commands:
        installed = call(*pip, *command, cwd=folder.parent)
        assert installed.returncode == 0, installed.stderr
