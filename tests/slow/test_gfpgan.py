"""The real gfpgan package, in an environment of its own: the extra can be had, and draws as ONNX Runtime does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from extended import BIN, call, extend

ROOT = Path(__file__).parents[2]
HOPPER = ROOT / "examples" / "media" / "hopper.jpg"
#: Where a build of it for the CPU alone can be had (``2.13.0+cpu``), pip prefers that.
TORCH = "torch==2.13.0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # torch from a registry is gigabytes
    pytest.mark.skipif(sys.version_info >= (3, 13), reason="basicsr can't be built with Python 3.13"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This environment, to which the extra is added in another folder, with the command that people are told."""
    folder = tmp_path_factory.mktemp("gfpgan") / "venv"
    # basicsr's build asks for torch, which it does not use, so it is not given an environment of its own.
    extend(folder, [["setuptools", "wheel", TORCH], ["--no-build-isolation", TORCH, "roop-enhancer[gfpgan]"]])
    yield folder
    shutil.rmtree(folder)  # more than a gigabyte


@pytest.fixture(scope="module")
def inside(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.CompletedProcess[str], Path]]:
    """The tests that ran there, in an empty folder, and the weights that they made."""
    folder = tmp_path_factory.mktemp("inside")
    empty = folder / "empty"
    empty.mkdir()
    tests = (Path(__file__).parent / "gfpgan_inside.py", "-m", "", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml")
    basetemp = f"--basetemp={folder / 'made'}"
    yield call(home / BIN / "python", "-m", "pytest", "-q", "-n", "0", *tests, basetemp, cwd=empty), folder / "net.pth"
    shutil.rmtree(folder)


def test_the_package_draws_as_onnx_runtime_does_and_nothing_is_fetched_or_run(
    inside: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = inside
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_with_it_names_the_file_in_the_report(
    home: Path, inside: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path
) -> None:
    output, weights = tmp_path / "out.png", inside[1]
    said = ("--enhancer-backend", "gfpgan", "--enhancer-model", "gfpgan_1.4", "--enhancer-model-file", weights, "--json")
    done = call(
        home / BIN / "python",
        *("-m", "roop_host", "run", "-t", HOPPER, "-o", output, "--processors", "enhancer", *said),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert output.exists()
    (told,) = [model for model in json.loads(done.stdout)["models"] if model["name"] == "net"]
    assert told["provider"] == ""
