"""A process that has imported the slow packages of others, and becomes ``roop`` for each call; run by ``terminal.py``.

What is roop's own is imported anew each time, so that nothing of one call is left to the next.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
from pathlib import Path

import av
import numpy
import PIL.Image
import rich.console
import typer._adapters
import typer.rich_utils

PACKAGES = (av, numpy, PIL.Image, rich.console, typer._adapters, typer.rich_utils)


def called() -> None:
    """Comes back in a new process that is to be roop; the one that waits for it tells how it ended."""
    path, door = sys.path[1:], socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        message, handles, _, _ = socket.recv_fds(door, 1 << 20, 3)
        if not message:
            os._exit(0)
        if os.fork():
            for handle in handles:
                os.close(handle)
            continue
        door.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        out, error, ended = handles
        if child := os.fork():
            os.write(ended, str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
            os._exit(0)
        os.dup2(out, 1)
        os.dup2(error, 2)
        for handle in handles:
            os.close(handle)
        call = json.loads(message)
        os.chdir(call["cwd"])
        os.environ.clear()
        os.environ.update(call["environment"])
        places = [place for place in call["environment"].get("PYTHONPATH", "").split(os.pathsep) if place]
        sys.path[:] = [str(Path.cwd()), *places, *path]
        sys.argv[1:] = call["arguments"]
        return


called()
runpy.run_module("roop_host", run_name="__main__", alter_sys=True)
