"""The entry module is light."""

from __future__ import annotations

import subprocess
import sys


def test_declaring_imports_nothing_heavy() -> None:
    code = (
        "import sys, roop_swapper.plugin as s, roop_vision.plugin as v;"
        "next(iter(s.roop_processors())), next(iter(v.roop_analysers()));"
        "print([m for m in ('numpy', 'cv2', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
