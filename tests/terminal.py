"""The command as people run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def roop(
    *arguments: object, site: Path | None = None, cwd: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """``roop`` in a process of its own; ``site`` is a folder with more plugins, ``more`` are variables."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **more}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    command = [sys.executable, "-m", "roop_host", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=240, check=False, cwd=cwd, stdin=subprocess.DEVNULL
    )
