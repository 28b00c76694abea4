"""What ``roop plugins new`` writes, as its author meets it: installed, listed, checked, tested, used, built, taken away."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from environments import MEDIA, call, install, program, remove, states, uv
from PIL import Image

HOPPER, COLLINS = MEDIA / "hopper.jpg", MEDIA / "collins.jpg"


@pytest.fixture(scope="module")
def furnished(home: Path) -> Path:
    """An environment with roop and what a package's tests need."""
    assert install(home, "pytest", "mypy", "ruff").returncode == 0
    return home


class User:
    """Somebody with that environment and a folder of their own."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder = home, folder

    def roop(self, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = call(program(self.home, "roop"), *words, cwd=self.folder)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def run(self, *words: object) -> dict[str, object]:
        """The report of a job that went well."""
        report: dict[str, object] = json.loads(self.roop("run", *words, "--json").stdout)
        return report

    def tool(self, *words: object, cwd: Path) -> None:
        done = call(program(self.home, "python"), "-m", *words, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr


def pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.asarray(Image.open(path).convert("RGB"), np.int64)


def use_processor(user: User) -> None:
    output = user.folder / "out.png"
    report = user.run("-t", HOPPER, "-o", output, "--processors", "my_thing", "--my-thing-tone", "cyanotype")
    assert (report["steps"], report["faces_changed"]) == (["my_thing"], 1)
    change = np.abs(pixels(output) - pixels(HOPPER)).max(axis=2)
    assert change[200:260, 220:290].mean() > 15  # her face
    assert change[450:, :].max() == 0


def use_screener(user: User) -> None:
    blocked = user.folder / "blocked"
    blocked.mkdir()
    Image.open(COLLINS).resize((300, 300)).save(blocked / "one.png")
    words = ("-s", COLLINS, "-t", HOPPER, "--my-thing-blocked", blocked)
    refused = user.roop("run", *words, "-o", user.folder / "out.png", code=5)
    assert "my_thing" in refused.stderr
    assert not (user.folder / "out.png").exists()
    (blocked / "one.png").unlink()
    user.roop("run", *words, "-o", user.folder / "out.png", code=2)  # an empty list
    Image.open(HOPPER).rotate(90).save(blocked / "two.png")
    user.run(*words, "-o", user.folder / "out.png")


CLIP = ("-s", HOPPER, "-t", MEDIA / "clip.mp4", "--trim-end", "6f", "--preset", "ultrafast")


def use_sidecar(user: User) -> None:
    user.run(*CLIP, "-o", user.folder / "out.mp4", "--export", "my_thing")
    with (user.folder / "out.brightness.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == [str(number) for number in range(6)]
    assert all(0 < float(row["brightness"]) < 1 for row in rows)


def use_writer(user: User) -> None:
    output = user.folder / "out.y4m"
    user.run(*CLIP, "-o", output)
    with av.open(str(output)) as container:
        assert len([*container.decode(video=0)]) == 6


def use_finisher(user: User) -> None:
    user.run("-s", COLLINS, "-t", HOPPER, "-o", user.folder / "out.png", "--my-thing-by", "Ada")
    lines = (user.folder / "out.png.credits.txt").read_text().splitlines()
    assert lines[:3] == ["By Ada", "A synthetic picture.", "Step: swapper, 1 frame"]


def use_uploader(user: User) -> None:
    nas, output = user.folder / "nas", user.folder / "out.png"
    words = ("-s", COLLINS, "-t", HOPPER, "-o", output, "--upload", "my_thing")
    user.roop("run", *words, code=2)  # nobody said where to
    nas.mkdir()
    user.run(*words, "--my-thing-folder", nas)
    assert (nas / "out.png").read_bytes() == output.read_bytes()
    user.roop("upload", output, "--to", "my_thing", "--my-thing-folder", nas)
    assert len([*nas.iterdir()]) == 1


def use_source(user: User) -> None:
    output = user.folder / "out.mp4"
    user.run("-t", "my-thing:128x96@10", "-o", output, "--processors", "label", "--my-thing-seconds", "0.5")
    with av.open(str(output)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 5
    assert frames[0].shape == (96, 128, 3)
    assert np.abs(frames[0].astype(int) - frames[4]).max() > 100  # it moves


def use_analyser(user: User) -> None:
    looked = json.loads(user.roop("-p", "no:vision", "faces", HOPPER, "--json").stdout)
    (person,) = looked["people"]
    assert person


def use_command(user: User) -> None:
    Image.open(HOPPER).resize((64, 75)).save(user.folder / "blurred.png")
    lines = user.roop("my-thing", user.folder / "blurred.png", HOPPER).stdout.splitlines()
    assert [Path(line.split()[-1]).name for line in lines] == ["hopper.jpg", "blurred.png"]
    user.roop("my-thing", user.folder / "gone.png", code=3)


USES: dict[str, Callable[[User], None]] = {
    "processor": use_processor,
    "screener": use_screener,
    "writer": use_writer,
    "sidecar": use_sidecar,
    "finisher": use_finisher,
    "uploader": use_uploader,
    "source": use_source,
    "analyser": use_analyser,
    "command": use_command,
}


@pytest.mark.slow
@pytest.mark.parametrize("part", USES)
def test_a_new_plugin_works_at_once(part: str, furnished: Path, tmp_path: Path) -> None:
    user = User(furnished, tmp_path)
    role = ("--role", part) if part in ("writer", "sidecar", "finisher") else ()
    told = user.roop("plugins", "new", "my-thing", "--kind", "exporter" if role else part, *role).stdout.splitlines()
    folder = tmp_path / "roop-my-thing"
    commands = dict(line.strip().split(":", 1) for line in told[1:])
    done = call(uv(), *shlex.split(commands["install"])[1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    try:
        assert states(furnished)["my-thing of roop-my-thing"] == "ok"
        user.roop(*shlex.split(commands["check"])[1:])
        user.tool("pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
        user.tool("mypy", cwd=folder)
        user.tool("ruff", "check", cwd=folder)
        user.tool("ruff", "format", "--check", cwd=folder)
        USES[part](user)
        built = call(uv(), "build", folder, "--out-dir", tmp_path / "dist", cwd=tmp_path)
        assert built.returncode == 0, built.stderr
        assert len([*(tmp_path / "dist").glob("roop_my_thing-0.1.0*")]) == 2
    finally:
        remove(furnished, "roop-my-thing")
    assert "my-thing of roop-my-thing" not in states(furnished)
