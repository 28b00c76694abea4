"""The runtime reports nothing, and leaves no id in anybody's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOADS = """
import {first}
import onnxruntime
from pathlib import Path
model = Path(onnxruntime.__file__).parent / "datasets" / "mul_1.onnx"
onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
"""


@pytest.mark.parametrize("first", ["roop_host", "roop_host.models.sessions", "roop_nsfw.screener", "roop_vision.plugin"])
def test_nothing_is_written_into_the_home_folder(first: str, tmp_path: Path) -> None:
    unset = {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    homes = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    subprocess.run([sys.executable, "-c", LOADS.format(first=first)], env=environment | homes, check=True, timeout=120)
    assert not list(tmp_path.rglob("*"))


def test_who_sets_it_himself_is_obeyed() -> None:
    shows = "import os, roop_host; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    said = os.environ | {"ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run([sys.executable, "-c", shows], env=said, check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "0"
