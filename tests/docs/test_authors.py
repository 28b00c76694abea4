"""What docs/plugin-authors.md says of its examples holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from snippets import blocks_of
from terminal import roop

from roop_host.plugins.loader import load_plugins

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugin-authors.md"


def _written(name: str, folder: Path) -> Path:
    (block,) = (block for block in blocks_of(PAGE.name, PAGE.read_text(encoding="utf-8")) if block.file == name)
    (folder / name).write_text(block.text, encoding="utf-8")
    return folder / name


@pytest.mark.slow
def test_a_step_leaves_alone_whom_one_before_has_changed(tmp_path: Path) -> None:
    plugin = _written("my_crowd.py", tmp_path)
    target = ROOT / "examples" / "media" / "hopper.jpg"
    words = ("run", "--plugin", plugin, "--processors", "my_crowd,my_crowd", "-t", target, "-o", "o.jpg", "--json")
    done = roop(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (width,) = report["measures"]
    assert (width["step"], width["name"], width["count"], report["faces_changed"]) == ("my_crowd", "width", 1, 1)


def test_the_one_with_a_model_has_a_choice_without(tmp_path: Path) -> None:
    spec = load_plugins(files=[_written("my_style.py", tmp_path)]).processor("my_style").spec
    assert [(choice.value, [model.name for model in choice.models]) for choice in spec.choices] == [
        ("network", ["my_style"]),
        ("plain", []),
    ]
