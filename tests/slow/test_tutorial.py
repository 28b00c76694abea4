"""The tutorial of plugin authors, docs/tutorial.md, done as its reader does it: in order, in a fresh environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from environments import BIN, MEDIA, ROOT, install, uv

PAGE = ROOT / "docs" / "tutorial.md"
FENCE = re.compile(r"^(?P<mark><!-- not run: .+ -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (?P<name>[\w./]+\.py)\n")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def environment_of(home: Path, folder: Path) -> dict[str, str]:
    """What the shell of a reader has whose environment is ``home``; nothing of this person's is read or changed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROOP_", "PYTEST_"))}
    places = {f"XDG_{name.upper()}_HOME": str(folder / name) for name in ("state", "data", "config")}
    path = os.pathsep.join([str(home / BIN), str(Path(uv()).parent), os.environ["PATH"]])
    more = {"VIRTUAL_ENV": str(home), "ROOP_MODELS": str(folder / "models"), "PATH": path, "NO_COLOR": "1"}
    return {**kept, **places, **more}


@pytest.mark.skipif(os.name != "posix", reason="its commands are for a POSIX shell")
def test_each_step_of_the_page(home: Path, tmp_path: Path) -> None:
    assert install(home, "pip").returncode == 0
    folder, where = tmp_path / "evening", tmp_path / "where"
    folder.mkdir()
    shutil.copy(MEDIA / "hopper.jpg", folder / "photo.jpg")
    shutil.copy(MEDIA / "clip.mp4", folder / "clip.mp4")
    environment = environment_of(home, tmp_path)
    place, told = folder, ""
    for block in FENCE.finditer(PAGE.read_text(encoding="utf-8")):
        if block["kind"] == "python":
            named = FILE.match(block["text"])
            assert named, f"a block of Python is a file, and says which: {block['text']}"
            (place / named["name"]).write_text(block["text"].removeprefix(named[0]), encoding="utf-8")
        elif not block["mark"]:
            assert block["kind"] == "sh", block["kind"]
            script = f"{block['text']}\npwd > {where}\n"
            words = ["bash", "-euo", "pipefail", "-c", script]
            done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{block['text']}\n{done.stdout}\n{done.stderr}"
            place, told = Path(where.read_text().strip()), told + done.stdout + done.stderr
    assert {path.name for path in folder.iterdir()} >= {"plain.png", "print.jpg", "paint.png", "print.mp4", "roop-vintage"}
    assert len(list((folder / "roop-vintage" / "dist").glob("roop_vintage-0.1.0*"))) == 2
    assert "engine plain, as the models of network are not here" in told
    assert "1 waived" in told
