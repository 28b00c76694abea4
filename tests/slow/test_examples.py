"""The packages in ``examples``, as a stranger has them: built, installed, tested and used."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from environments import MEDIA, ROOT, call, install, program, states, uv
from numpy.typing import NDArray
from pages import BLOCKS, run_blocks
from PIL import Image
from prepared import prepare, surroundings

EXAMPLES = {"pixelate": ROOT / "examples" / "roop-pixelate", "frames-csv": ROOT / "examples" / "roop-frames-csv"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """What each package would publish: a folder with its source archive, and the wheel that was built from that."""
    made = {}
    for name, project in EXAMPLES.items():
        made[name] = tmp_path_factory.mktemp(name)
        built = call(uv(), "build", project, "--out-dir", made[name], cwd=made[name])
        assert built.returncode == 0, built.stderr
    return made


@pytest.fixture(scope="module")
def furnished(home: Path, packages: Mapping[str, Path]) -> Path:
    """An environment with roop, both packages and what their tests need."""
    wheels = [wheel for folder in packages.values() for wheel in folder.glob("*.whl")]
    wanted = [f"{wheel.name.split('-')[0].replace('_', '-')}[test] @ {wheel.as_uri()}" for wheel in wheels]
    assert len(wanted) == len(EXAMPLES)
    installed = install(home, *wanted)
    assert installed.returncode == 0, installed.stderr
    return home


def roop(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    done = call(program(home, "roop"), *words)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_its_own_tests_pass_where_it_is_installed(
    name: str, furnished: Path, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    (archive,) = packages[name].glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "tests"} <= {path.name for path in folder.iterdir()}
    tested = call(program(furnished, "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert tested.returncode == 0, tested.stdout
    module = f"roop_{name.replace('-', '_')}"
    where = call(program(furnished, "python"), "-c", f"import {module}; print({module}.__file__)", cwd=folder).stdout
    assert Path(where.strip()).is_relative_to(furnished)
    assert Path(where.strip()).with_name("py.typed").exists()


@pytest.mark.slow
def test_both_are_installed_and_healthy_and_tell_their_options(furnished: Path) -> None:
    found = states(furnished)
    assert {name: found[f"{name} of roop-{name}"] for name in EXAMPLES} == dict.fromkeys(EXAMPLES, "ok")
    assert "nothing to repair" in roop(furnished, "plugins", "check", "frames-csv").stdout
    flags = roop(furnished, "run", "--help").stdout
    assert all(flag in flags for flag in ("--pixelate-cells", "--pixelate-hold", "--frames-csv-rows"))


@pytest.mark.slow
def test_who_is_not_chosen_is_a_mosaic_and_who_is_chosen_is_swapped(furnished: Path, tmp_path: Path) -> None:
    before = side_by_side(tmp_path / "two.png", MEDIA / "hopper.jpg", MEDIA / "collins.jpg")
    choose = ("--face-selector-order", "right-left", "--face-position", "0")
    words = ("--processors", "swapper,pixelate", "--export", "frames-csv", "--json")
    source, target, output = MEDIA / "hopper.jpg", tmp_path / "two.png", tmp_path / "out.png"
    report = json.loads(roop(furnished, "run", "-s", source, "-t", target, "-o", output, *choose, *words).stdout)
    after = picture(output)
    left, right = sorted(rows_of(tmp_path / "out.frames.csv"), key=lambda row: float(row["x0"]))
    assert (left["chosen"], left["changed_by"]) == ("0", "pixelate")
    assert (right["chosen"], right["changed_by"]) == ("1", "swapper")
    assert colours(inside(after, left)) <= 7 * 7 < 1000 < colours(inside(before, left))
    assert colours(inside(after, right)) > 1000
    assert np.abs(inside(after, right).astype(int) - inside(before, right)).mean() > 4
    measures = {measure["name"]: measure["mean"] for measure in report["measures"] if measure["step"] == "pixelate"}
    assert measures == {"covered": 1, "held": 0}
    assert report["source_type"] == "compositeSynthetic"  # of the swap, which says more than the mosaic


@pytest.mark.slow
def test_a_clip_has_a_table_of_its_faces_and_times(furnished: Path, tmp_path: Path) -> None:
    files = ("-s", MEDIA / "collins.jpg", "-t", MEDIA / "clip.mp4", "-o", tmp_path / "out.mp4", "--trim-end", "12f")
    roop(furnished, "run", *files, "--processors", "swapper,pixelate", "--export", "frames-csv")
    rows = rows_of(tmp_path / "out.frames.csv")
    assert [int(row["frame"]) for row in rows] == list(range(12))
    for number, row in enumerate(rows):
        assert abs(Fraction(row["time"]) - number * Fraction(1001, 30000)) < Fraction(1, 10**9)
        assert (row["faces"], row["chosen"], row["changed_by"]) == ("1", "1", "swapper")  # nobody is left to be covered


@pytest.mark.slow
def test_the_rows_that_its_readme_shows_are_those_of_this_clip(furnished: Path, tmp_path: Path) -> None:
    shown = next(block for block in fenced(EXAMPLES["frames-csv"]) if block.startswith("frame,"))
    files = ("-s", MEDIA / "collins.jpg", "-t", MEDIA / "clip.mp4", "-o", tmp_path / "out.mp4", "--trim-end", "12f")
    roop(furnished, "run", *files, "--export", "frames-csv")
    expected, made = list(csv.DictReader(shown.splitlines())), rows_of(tmp_path / "out.frames.csv")
    assert len(expected) >= 2
    for old, new in zip(expected, made, strict=False):
        assert list(old) == list(new)
        near = {name for name, text in old.items() if "." in text and name != "time"}  # processors differ a little
        assert {name: new[name] for name in old if name not in near} == {name: old[name] for name in old if name not in near}
        assert {name: float(new[name]) for name in near} == pytest.approx({name: float(old[name]) for name in near}, abs=0.3)


@pytest.mark.slow
def test_without_a_source_everybody_is_covered(furnished: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    roop(furnished, "run", "-t", MEDIA / "hopper.jpg", "-o", output, "--processors", "pixelate", "--export", "frames-csv")
    (row,) = rows_of(tmp_path / "out.frames.csv")
    assert colours(inside(picture(output), row)) <= 7 * 7


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="its commands are for a POSIX shell")
@pytest.mark.parametrize("page", ["examples/roop-pixelate/README.md", "examples/roop-frames-csv/README.md"])
def test_its_readme_does_what_it_shows(page: str, furnished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    prepare(folder)
    run_blocks(BLOCKS[page], folder, surroundings(tmp_path / "home", furnished))


def fenced(project: Path) -> list[str]:
    """The blocks of a package's README."""
    return re.findall(r"^```\w*\n(.*?)^```$", (project / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def side_by_side(path: Path, *pictures: Path) -> NDArray[np.uint8]:
    """A picture of both people, the first at the left."""
    opened = [Image.open(one).convert("RGB") for one in pictures]
    both = Image.new("RGB", (sum(one.width for one in opened), max(one.height for one in opened)))
    for number, one in enumerate(opened):
        both.paste(one, (sum(before.width for before in opened[:number]), 0))
    both.save(path)
    return picture(path)


def picture(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def inside(bgr: NDArray[np.uint8], row: Mapping[str, str]) -> NDArray[np.uint8]:
    """The face of that row."""
    x0, y0, x1, y1 = (round(float(row[side])) for side in ("x0", "y0", "x1", "y1"))
    return bgr[y0:y1, x0:x1]


def colours(part: NDArray[np.uint8]) -> int:
    return len(np.unique(part.reshape(-1, 3), axis=0))
