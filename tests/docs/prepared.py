"""The folder in which the documentation's commands run: what a reader is thought to have, small."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from environments import BIN
from numpy.typing import NDArray
from PIL import Image
from terminal import warm

MEDIA = Path(__file__).parents[2] / "examples" / "media"
#: Few frames that last long, so that any time a page may name lies in the clip.
FRAMES, RATE = 6, Fraction(2)
#: ``roop`` that needs no start: it hands its call to ``warm.py``.
_WARM = """#!{python} -IS
import json, os, socket, sys

ends, ended = os.pipe()
call = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "cwd": os.getcwd()}}
socket.send_fds(socket.socket(fileno=int(os.environ["WARM_HANDLE"])), [json.dumps(call).encode()], [1, 2, ended])
os.close(ended)
sys.exit(int(os.read(ends, 9) or 1))
"""
Picture = NDArray[np.uint8]


def prepare(folder: Path) -> None:
    """Two women, Hopper larger than Collins; those who are put in their place; clips, an animation and folders of them."""
    hopper, collins = _read("hopper.jpg"), _read("collins.jpg")
    both = np.hstack([_narrow(hopper, 240)[:240], np.pad(_narrow(collins, 160), ((40, 40), (0, 0), (0, 0)))])
    pictures = {
        "face.jpg": _narrow(collins, 400),
        "photo.png": _narrow(hopper, 240),
        "group.jpg": both,
        **dict.fromkeys(("me.jpg", "bob.jpg"), _narrow(collins, 400)),
        **dict.fromkeys(("you.jpg", "anna.jpg", "alice.jpg", "a.jpg"), _narrow(hopper, 400)),
        "old.jpg": np.asarray(cv2.GaussianBlur(_narrow(hopper, 400), (0, 0), 2), dtype=np.uint8),
        "b.jpg": _narrow(hopper, 320),
        "holiday/beach.jpg": _narrow(hopper, 240),
        "holiday/hotel.jpg": both,
        **{f"frames/{number:03}.png": _moved(both, number) for number in range(4)},
    }
    for name, picture in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), picture)
    for name in ("clip.mp4", "street.mp4"):
        _write_clip(folder / name, both)
    (folder / "clips").mkdir()
    for name in ("monday.mp4", "tuesday.mp4"):
        _write_clip(folder / "clips" / name, _narrow(hopper, 240)[:240], frames=2)
    first, *rest = (Image.fromarray(_moved(_narrow(hopper, 200), number)[..., ::-1]) for number in range(4))
    first.save(folder / "cat.gif", save_all=True, append_images=rest, duration=100, loop=0)


def surroundings(home: Path, environment: Path = Path(sys.prefix)) -> dict[str, str]:
    """The variables of somebody who has just installed roop in ``environment``, with ``roop`` on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROOP_")}
    (home / "state" / "roop").mkdir(parents=True)
    (home / "state" / "roop" / "reminded").touch()
    folders = {f"XDG_{name.upper()}_HOME": str(home / name) for name in ("state", "data", "config", "cache")}
    path = os.pathsep.join([str(environment / BIN), os.environ["PATH"]])
    return {
        **kept,
        **folders,
        **{"HOME": str(home), "PATH": path, "ROOP_MODELS": str(home / "models"), "NO_COLOR": "1", "COLUMNS": "120"},
        "VIRTUAL_ENV": str(environment),
    }


def warmed(given: Mapping[str, str], home: Path) -> dict[str, str]:
    """The same with a ``roop`` of this process's environment that starts at once, where there can be one."""
    if sys.platform != "linux":
        return dict(given)
    (home / "bin").mkdir()
    (home / "bin" / "roop").write_text(_WARM.format(python=sys.executable), encoding="utf-8")
    (home / "bin" / "roop").chmod(0o755)
    path = os.pathsep.join([str(home / "bin"), given["PATH"]])
    return {**given, "PATH": path, "WARM_HANDLE": str(warm().fileno())}


def copy_of(folder: Path, place: Path) -> Path:
    """A copy for one page."""
    shutil.copytree(folder, place)
    return place


def _read(name: str) -> Picture:
    return np.asarray(cv2.imread(str(MEDIA / name)), dtype=np.uint8)


def _narrow(picture: Picture, width: int) -> Picture:
    height = round(picture.shape[0] * width / picture.shape[1] / 2) * 2
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _moved(picture: Picture, number: int) -> Picture:
    return np.roll(picture, number, axis=1)


def _write_clip(path: Path, picture: Picture, frames: int = FRAMES) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        video.height, video.width = picture.shape[:2]
        video.pix_fmt = "yuv420p"
        tone: Any = container.add_stream("aac", rate=48000)
        tone.layout = "mono"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(_moved(picture, number), format="bgr24")
            container.mux(video.encode(frame.reformat(format="yuv420p")))
        container.mux(video.encode(None))
        wave = np.sin(np.arange(int(48000 * frames / RATE)) * 440 * 2 * np.pi / 48000).astype(np.float32) * 0.2
        samples = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        samples.sample_rate, samples.pts, samples.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(tone.encode(samples))
        container.mux(tone.encode(None))
