"""Fixtures of pytest for plugins. In ``tests/conftest.py``::

pytest_plugins = ["roop_host.testing.fixtures"]
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from fractions import Fraction
from itertools import count
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from platformdirs import user_state_path

from roop_host.testing.given import Pictures, Places, Ran

_FOLDERS = ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
#: What platformdirs reads in their place on Windows.
_WINDOWS_FOLDERS = ("WIN_PD_OVERRIDE_LOCAL_APPDATA", "WIN_PD_OVERRIDE_APPDATA")


@pytest.fixture
def isolated_roop(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """State, options and a model store of the test's own; no ``ROOP_`` variable of this machine counts.

    The store is empty: a test that needs this machine's models doesn't use this fixture, nor ``roop_cli``.
    """
    for name in [name for name in os.environ if name.startswith("ROOP_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("roop")
    places = Places(home, home / "roop.toml", home / "models")
    for name in _FOLDERS:
        monkeypatch.setenv(name, str(home / name.split("_")[1].lower()))
    for name in _WINDOWS_FOLDERS:
        monkeypatch.setenv(name, str(home / "local"))
    places.config.touch()
    places.models.mkdir()
    reminded = user_state_path("roop", appauthor=False) / "reminded"  # else each first run says a line more
    reminded.parent.mkdir(parents=True, exist_ok=True)
    reminded.touch()
    monkeypatch.setenv("ROOP_CONFIG", str(places.config))
    monkeypatch.setenv("ROOP_MODELS", str(places.models))
    with _same_log():
        yield places


@contextmanager
def _same_log() -> Iterator[None]:
    """A command that is called in this process sends the log to a stream of its own."""
    log = logging.getLogger("roop")
    before = list(log.handlers), log.propagate, log.level
    try:
        yield
    finally:
        log.handlers, log.propagate = before[:2]
        log.setLevel(before[2])


class _Ended(BaseException):
    """In place of the end of the process, which would be that of the tests."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@pytest.fixture
def roop_cli(isolated_roop: Places, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Call a command line in this process: ``roop_cli("run", "-s", picture, ...)`` gives a ``Ran``.

    It stands in ``isolated_roop``. Lines are 200 columns wide and have no colours; nobody is there to answer.
    """
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> Ran:
        from roop_host.cli.app import call

        out, err = _stream(), _stream()
        with redirect_stdout(out), redirect_stderr(err), _ends_are_told(), _same_log():
            try:
                code = call([str(word) for word in words])
            except _Ended as ended:
                code = ended.code
        return Ran(code, _text(out), _text(err))

    return run


@contextmanager
def _ends_are_told() -> Iterator[None]:
    end, process = os._exit, os.getpid()

    def tell(code: int) -> None:
        if os.getpid() != process:  # a child that was forked meanwhile
            end(code)
        raise _Ended(code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "_exit", tell)
        yield


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@pytest.fixture
def fake_plugin(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """Install a plugin for this test: ``fake_plugin("my-filter", code)``, with ``version`` and ``distribution`` if you like.

    ``code`` is the text of its module, or an object with hook implementations, such as a module of yours. It has an entry
    point as any other, so that ``roop plugins`` and ``load_plugins`` find it. Gives the folder that it lies in: as
    ``PYTHONPATH`` another process finds it too, if it was given as text.
    """
    numbers, made = count(), []

    def install(name: str, code: object, *, version: str = "1.0", distribution: str = "") -> Path:
        package = distribution or f"roop-{name}"
        module = f"{package}_of_a_test_{next(numbers)}".replace("-", "_").replace(".", "_")
        site = tmp_path_factory.mktemp("site")
        point = module
        if isinstance(code, str):
            (site / f"{module}.py").write_text(dedent(code), encoding="utf-8")
        else:
            holder = ModuleType(module)
            vars(holder)["plugin"] = code
            sys.modules[module] = holder
            point = f"{module}:plugin"
        made.append(module)
        info = site / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[roop]\n{name} = {point}\n", encoding="utf-8")
        (info / "RECORD").write_text(f"{module}.py,,\n" if isinstance(code, str) else "", encoding="utf-8")
        monkeypatch.syspath_prepend(site)
        return site

    yield install
    for module in made:
        sys.modules.pop(module, None)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """Small pictures of the kit's people, as PNG: ``pictures.hopper``, ``.collins``, ``.both`` and ``.nobody``."""
    import cv2
    import numpy as np

    from roop_host.testing.people import gathering, portrait

    folder = tmp_path_factory.mktemp("pictures")
    both = gathering()
    every = {
        "collins": portrait("collins").bgr,
        "hopper": portrait("hopper").bgr,
        "both": both.bgr,
        "nobody": np.full_like(both.bgr, 96),
    }
    for name, bgr in every.items():
        cv2.imwrite(str(folder / f"{name}.png"), bgr)
    return Pictures(**{name: folder / f"{name}.png" for name in every})


#: When each frame of ``video`` is shown, in milliseconds: at no constant rate.
_SHOWN_MS = (0, 40, 80, 140, 180, 220, 300, 340, 380, 420, 480, 520)
_SOUND_HZ = 48000


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short MP4 of both people, twelve frames at a rate that varies, with sound."""
    import av

    from roop_host.testing.people import HEIGHT, WIDTH, clip

    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        shown = container.add_stream("libx264", rate=25, options={"crf": "18", "preset": "veryfast"})
        shown.width, shown.height, shown.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        shown.codec_context.time_base = Fraction(1, 1000)
        heard: Any = container.add_stream("aac", rate=_SOUND_HZ)
        heard.layout = "mono"
        for picture, pts in zip(clip(len(_SHOWN_MS)), _SHOWN_MS, strict=True):
            frame = av.VideoFrame.from_ndarray(picture.bgr, format="bgr24")
            frame.pts, frame.time_base = pts, Fraction(1, 1000)
            container.mux(shown.encode(frame))
        container.mux(shown.encode(None))
        for samples in _tone(_SHOWN_MS):
            container.mux(heard.encode(samples))
        container.mux(heard.encode(None))
    return path


def _tone(shown_ms: Sequence[int]) -> Iterator[Any]:
    import av
    import numpy as np

    total = _SOUND_HZ * (shown_ms[-1] + 40) // 1000
    wave = (np.sin(np.arange(total) * 440 * 2 * np.pi / _SOUND_HZ) * 0.2).astype(np.float32)
    for start in range(0, total, 1024):
        samples = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
        samples.sample_rate, samples.pts, samples.time_base = _SOUND_HZ, start, Fraction(1, _SOUND_HZ)
        yield samples
