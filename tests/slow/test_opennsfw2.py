"""The real packages of the extras of roop-nsfw, in an environment of their own: they can be had, and see what ours do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from extended import BIN, call, extend

ROOT = Path(__file__).parents[2]
MEDIA = ROOT / "examples" / "media"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # TensorFlow is more than a gigabyte


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This environment, to which the extras are added in another folder, with the commands that people are told."""
    folder = tmp_path_factory.mktemp("opennsfw2") / "venv"
    extend(folder, [["roop-nsfw[opennsfw2]"], ["--no-deps", "nudenet==3.4.2"]])
    yield folder
    shutil.rmtree(folder)  # more than two gigabytes


def test_the_packages_score_as_onnx_runtime_does_and_nothing_is_fetched(home: Path, tmp_path: Path) -> None:
    how = (
        "-q",
        "-n",
        "0",
        "-rP",
        "-m",
        "",
        "-p",
        "no:cacheprovider",
        "-c",
        ROOT / "pyproject.toml",
        f"--basetemp={tmp_path / 'made'}",
    )
    done = call(home / BIN / "python", "-m", "pytest", Path(__file__).parent / "opennsfw2_inside.py", *how, cwd=tmp_path)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_is_looked_at_by_both_screeners(home: Path, tmp_path: Path) -> None:
    python, said = home / BIN / "python", ("-t", MEDIA / "hopper.jpg", "-s", MEDIA / "collins.jpg", "--json")
    done = call(python, "-m", "roop_host", "run", *said, "-o", tmp_path / "out.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [one["screener"] for one in json.loads(done.stdout)["screening"]] == ["nsfw", "nudity"]
    strict = ("--nsfw-nudity-threshold", "0.001")
    done = call(python, "-m", "roop_host", "run", *said, *strict, "-o", tmp_path / "two.png", cwd=tmp_path)
    assert done.returncode == 5, done.stderr
    assert json.loads(done.stdout)["refusal"]["screener"] == "nudity"
    assert not (tmp_path / "two.png").exists()


def test_without_its_weights_nothing_is_produced(home: Path, tmp_path: Path) -> None:
    said = ("-t", MEDIA / "hopper.jpg", "-s", MEDIA / "collins.jpg", "-o", tmp_path / "out.png", "--offline")
    chosen = ("--nsfw-backend", "opennsfw2")
    none = str(tmp_path / "none")
    done = call(home / BIN / "python", "-m", "roop_host", "run", *said, *chosen, cwd=tmp_path, ROOP_MODELS=none)
    assert done.returncode == 6, done.stderr
    assert "open_nsfw_weights is missing" in done.stderr
    assert not (tmp_path / "out.png").exists()
