"""Commands to paste that change the packages of the environment that runs now."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path


def own_version() -> str:
    """The version of roop that runs, "unknown" where it was not installed."""
    try:
        return version("roop-host")
    except PackageNotFoundError:
        return "unknown"


def pip(verb: str, *words: str) -> str:
    """For this very environment, also where another one is active: those that uv made have no pip of their own."""
    if find_spec("pip"):
        found = shutil.which("pip")
        here = found is not None and Path(found).parent == Path(sys.executable).parent
        return shlex.join([*(["pip"] if here else [sys.executable, "-m", "pip"]), verb, *words])
    here = os.environ.get("VIRTUAL_ENV") == sys.prefix
    return shlex.join(["uv", "pip", verb, *([] if here else ["--python", sys.executable]), *words])


def pip_remove_all(*names: str) -> str:
    """Takes packages away without a question, so that a command can follow. uv never asks, and warns of ``-y``."""
    return pip("uninstall", *(["-y"] if find_spec("pip") else []), *names)
