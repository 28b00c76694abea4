"""What the documentation shows is run as it stands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from clips import make_clip
from terminal import roop

from roop_host import Job
from roop_host.config.files import check_plugin_tables, parse
from roop_host.plugins.loader import load_plugins

ROOT = Path(__file__).parents[2]


def blocks(page: str, kind: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_plugin_in_one_file(tmp_path: Path) -> None:
    code = next(block for block in blocks("docs/plugins.md", "python") if "my_filter.py" in block)
    (tmp_path / "my_filter.py").write_text(code)
    make_clip(tmp_path / "clip.mp4")
    command = next(block for block in blocks("docs/plugins.md", "sh") if "--plugin" in block)
    done = roop(*shlex.split(command)[1:], "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["job"]["steps"] == [{"name": "my_filter", "options": {"amount": 0.8}}]


@pytest.mark.slow
def test_the_step_that_works_on_faces(tmp_path: Path) -> None:
    code = next(block for block in blocks("docs/plugins.md", "python") if "my_crowd.py" in block)
    (tmp_path / "my_crowd.py").write_text(code)
    target = ROOT / "examples" / "media" / "hopper.jpg"
    done = roop(
        *("run", "--plugin", "./my_crowd.py", "--processors", "my_crowd,my_crowd", "-t", str(target), "-o", "o.jpg"),
        "--json",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (width,) = report["measures"]
    # The second one leaves alone whom the first has changed.
    assert (width["step"], width["name"], width["count"], report["faces_changed"]) == ("my_crowd", "width", 1, 1)


def test_the_processor_of_the_readme(tmp_path: Path) -> None:
    (code,) = (block for block in blocks("README.md", "python") if "class Grey" in block)
    (tmp_path / "grey.py").write_text(code)
    plugins = load_plugins(files=[tmp_path / "grey.py"])
    assert plugins.processor("grey").spec.load().__name__ == "Grey"
    plugins.require_healthy()


def test_the_plugin_with_a_model(tmp_path: Path) -> None:
    (code,) = (block for block in blocks("docs/plugins.md", "python") if "my_style.py" in block)
    (tmp_path / "my_style.py").write_text(code)
    plugins = load_plugins(files=[tmp_path / "my_style.py"])
    plugins.require_healthy()
    spec = plugins.processor("my_style").spec
    assert [(choice.value, [model.name for model in choice.models]) for choice in spec.choices] == [
        ("network", ["my_style"]),
        ("plain", []),
    ]


@pytest.mark.parametrize("text", blocks("docs/configuration.md", "toml"))
def test_the_config_file(text: str) -> None:
    assert check_plugin_tables([parse(Path("roop.toml"), text)], load_plugins()) == []


@pytest.mark.parametrize("text", blocks("docs/configuration.md", "json"))
def test_the_job_file(text: str) -> None:
    job = Job.from_json(json.loads(text))
    assert [step.name for step in job.steps] == ["swapper", "swapper"]
