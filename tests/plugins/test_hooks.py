"""Each hook in a small plugin, as its author writes it, and what the host makes of it. No hook is without a test here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kit
import numpy as np
import pytest
from PIL import Image
from terminal import roop
from wheels import plugin_wheel, unpack

from roop_host import Box, ContentBlocked, Job
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import plugins_of

HEAD = """
import numpy as np
from roop_host import *

ROOP_API = 1
"""

PAINTER = """
class Painter(Processor):
    def process(self, window):
        for frame in window.current:
            frame.put(Box(0, 0, 8, 8), np.full((8, 8, 3), 200, np.uint8))

@hookimpl
def roop_processors():
    yield ProcessorSpec(name="painter", summary="a test", load=lambda: Painter, needs_faces=False)
"""


def module(text: str) -> Any:
    """A plugin's module with this text."""
    made = SimpleNamespace()
    exec(compile(HEAD + text, "plugin.py", "exec"), vars(made))
    return made


def found(*texts: str, screened: bool = True) -> Plugins:
    """Plugins with these texts, with a screener that allows everything unless told otherwise."""
    plugins: dict[str, Any] = {f"t{number}": module(text) for number, text in enumerate(texts)}
    if screened:
        plugins["quiet"] = kit.screener(kit.Quiet, "quiet")
    return plugins_of(plugins)


@pytest.fixture
def what(tmp_path: Path) -> Job:
    """A grey picture, which the painter paints in."""
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(tmp_path / "in.png")
    return kit.job(tmp_path / "in.png", tmp_path / "o.png", "painter")


def picture(path: Path) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(path).convert("RGB"))


def test_hook_roop_processors(what: Job, tmp_path: Path) -> None:
    kit.run(found(PAINTER), what)
    made = picture(tmp_path / "o.png")
    assert (made[:8, :8] == 200).all()
    assert (made[8:] == 90).all()


def test_hook_roop_screeners(what: Job, tmp_path: Path) -> None:
    text = """
class Bright(Screener):
    def screen(self, frames, stage):
        return [0.9 if (frame.bgr() > 150).any() else 0.0 for frame in frames]

@hookimpl
def roop_screeners():
    yield ScreenerSpec(name="bright", summary="a test", load=lambda: Bright, covers=frozenset({"nudity"}))
"""
    error = kit.refused(found(PAINTER, text, screened=False), what)
    assert isinstance(error, ContentBlocked)
    assert "bright" in str(error)
    assert kit.left(tmp_path) == ["in.png"]


def test_hook_roop_analysers(what: Job, tmp_path: Path) -> None:
    finder = """
class Finder(Analyser):
    def analyse(self, frame):
        five = np.array([[24, 20], [40, 20], [32, 26], [26, 32], [38, 32]], np.float32)
        return (Face(7, (16.0, 8.0, 48.0, 40.0), 0.9, five),)

    analyse_picture = analyse

@hookimpl
def roop_analysers():
    yield AnalyserSpec(name="finder", summary="a test", load=lambda: Finder)
"""
    step = PAINTER.replace("Box(0, 0, 8, 8), ", "Box(*map(int, frame.faces[0].box_xyxy)), ")
    step = step.replace("(8, 8, 3), 200, np.uint8)", "(32, 32, 3), 200, np.uint8), face_id=frame.faces[0].id")
    step = step.replace(", needs_faces=False", "")
    report = kit.run(found(step, finder), what)
    made = picture(tmp_path / "o.png")
    box = Box(16, 8, 48, 40)
    assert (made[box.y0 : box.y1, box.x0 : box.x1] == 200).all()
    assert (made == 200).all(axis=2).sum() == box.width * box.height
    assert report.faces_changed == 1


def test_hook_roop_exporters(what: Job, tmp_path: Path) -> None:
    text = """
class Sizes(Sidecar):
    def piece(self, frame):
        return f"{frame.index} {frame.width}x{frame.height} {frame.bgr()[0, 0].tolist()}\\n".encode()

@hookimpl
def roop_exporters():
    yield ExporterSpec(name="sizes", summary="a test", role="sidecar", suffixes=(".txt",), load=lambda: Sizes)
"""
    kit.run(found(PAINTER, text), kit.job(tmp_path / "in.png", tmp_path / "o.png", "painter", exports=("sizes",)))
    (beside,) = [path for path in tmp_path.iterdir() if path.suffix == ".txt"]
    assert beside.name.startswith("o")
    assert beside.read_text() == "0 64x48 [200, 200, 200]\n"


def test_hook_roop_uploaders(what: Job, tmp_path: Path) -> None:
    text = """
from pathlib import Path

class Copy(Uploader):
    def upload(self, artifact):
        Path(artifact.path).with_name("sent.png").write_bytes(Path(artifact.path).read_bytes())
        return Receipt("https://example.test/" + artifact.sha256)

@hookimpl
def roop_uploaders():
    yield UploaderSpec(name="copy", summary="a test", load=lambda: Copy)
"""
    report = kit.run(found(PAINTER, text), kit.job(tmp_path / "in.png", tmp_path / "o.png", "painter", uploads=("copy",)))
    assert (tmp_path / "sent.png").read_bytes() == (tmp_path / "o.png").read_bytes()
    (sent,) = report.uploads
    assert sent.url.startswith("https://example.test/")


def test_hook_roop_sources(what: Job, tmp_path: Path) -> None:
    text = """
from fractions import Fraction

class Clock(Source):
    def open(self, address):
        assert address == "clock:here", address
        return StreamInfo(64, 48, Fraction(1, 25), Fraction(25), 3)

    def frames(self):
        for number in range(3):
            yield SourceFrame(np.full((48, 64, 3), 50 * number, np.uint8), number)

@hookimpl
def roop_sources():
    yield SourceSpec(name="clock", summary="a test", load=lambda: Clock, schemes=("clock",))
"""
    report = kit.run(found(PAINTER, text), kit.job(Path("clock:here"), tmp_path / "o.gif", "painter"))
    assert report.frames == 3
    with Image.open(tmp_path / "o.gif") as made:
        assert made.n_frames == 3


def test_hook_roop_commands(tmp_path: Path) -> None:
    text = """
def greet(words):
    print("hello", *words)
    return 3

@hookimpl
def roop_commands():
    yield CommandSpec(name="greet", summary="Says hello", load=lambda: greet)
"""
    unpack(plugin_wheel(tmp_path / "wheels", "xgreet", HEAD.replace("import numpy as np\n", "") + text), tmp_path / "site")
    done = roop("greet", "you", site=tmp_path / "site")
    assert (done.returncode, done.stdout) == (3, "hello you\n")


def test_hook_roop_job_finished(what: Job, tmp_path: Path) -> None:
    text = """
HEARD = []

@hookimpl
def roop_job_finished(job, report):
    HEARD.append((job, report))
"""
    observer = module(text)
    plugins = plugins_of({"t": module(PAINTER), "o": observer, "quiet": kit.screener(kit.Quiet, "quiet")})
    report = kit.run(plugins, what)
    ((job, heard),) = observer.HEARD
    assert (heard.status, heard.output) == ("done", report.output)
    assert job.target == what.target
