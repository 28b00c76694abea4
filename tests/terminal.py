"""The command as people run it."""

from __future__ import annotations

import functools
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

WARM = Path(__file__).with_name("warm.py")


def roop(
    *arguments: object, site: Path | None = None, cwd: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """``roop`` in a process of its own; ``site`` is a folder with more plugins, ``more`` are variables."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **more}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    words = [str(argument) for argument in arguments]
    if sys.platform == "linux" and not any(name.startswith(("PYTHON", "LC_", "LANG")) for name in more):
        return _forked(words, environment, cwd or Path.cwd())
    command = [sys.executable, "-m", "roop_host", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=240, check=False, cwd=cwd, stdin=subprocess.DEVNULL
    )


@functools.cache
def warm() -> socket.socket:
    """The way to ``warm.py``, which goes when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handle = theirs.fileno()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.Popen([sys.executable, str(WARM), str(handle)], pass_fds=[handle], stdin=subprocess.DEVNULL, env=environment)
    theirs.close()
    return ours


def _forked(words: list[str], environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """A process that has paid for the imports of others: half of what a call costs."""
    message = json.dumps({"arguments": words, "environment": environment, "cwd": str(cwd)})
    ends, ended = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error, os.fdopen(ends, "rb") as told:
        socket.send_fds(warm(), [message.encode()], [out.fileno(), error.fileno(), ended])
        os.close(ended)
        if not select.select([told], [], [], 240)[0]:
            raise subprocess.TimeoutExpired(words, 240)
        code = int(told.read())
        for file in (out, error):
            file.seek(0)
        return subprocess.CompletedProcess(words, code, out.read().decode(), error.read().decode())
