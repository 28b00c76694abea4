"""Faces followed against faces found anew in each frame: processor time and jitter, on made clips of a moving portrait.

*Each frame*: the detector over the whole frame and the mesh from its find, nothing else, as programs without tracking do.
*Followed*: the analyser as it is. Both with the embedded networks, one thread. The clips are made with grain.

    uv run python benchmarks/tracking.py [--frames N] [--rounds N] [--every N]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from common import cpu_name, spread
from numpy.typing import NDArray

from roop_host import FrameView, Segment
from roop_host.testing import context_of, frame_of
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.detector import BlazeFace, Detector, Effort
from roop_vision.landmarker import Landmarker
from roop_vision.models import BLAZEFACE_FULL, BLAZEFACE_SHORT, FACEMESH
from roop_vision.options import VisionOptions
from roop_vision.searching import detect, first_mesh

PORTRAIT = Path(__file__).parents[1] / "examples" / "media" / "collins.jpg"
SIZES = {"360p": (480, 360), "720p": (1280, 720), "1080p": (1920, 1080)}
GRAIN = 5.0  # grey levels
Meshes = list[NDArray[np.float32] | None]


def clip(width: int, height: int, frames: int) -> tuple[list[FrameView], list[NDArray[np.float64]]]:
    """The portrait sways, nods, comes nearer and tilts, by up to a 40th of the picture's height a frame; and how it lies."""
    portrait = cv2.imread(str(PORTRAIT))
    made: list[FrameView] = []
    ways: list[NDArray[np.float64]] = []
    if portrait is None:
        raise SystemExit(f"{PORTRAIT} can't be read")
    rng = np.random.default_rng(0)
    for number in range(frames):
        t = number / 12
        scale = height / 360 * (0.9 + 0.25 * np.sin(0.6 * t))
        matrix = cv2.getRotationMatrix2D((224.0, 120.0), 18 * np.sin(1.1 * t), scale)
        x, y = width / 2 + height * 0.3 * np.sin(t), height / 2 + height * 0.1 * np.sin(1.7 * t)
        matrix[:, 2] += (x - 224, y - 120)
        shown = cv2.warpAffine(portrait, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        noise = rng.normal(0, GRAIN, shown.shape)
        made.append(frame_of(np.clip(shown + noise, 0, 255).astype(np.uint8), number))
        ways.append(np.asarray(matrix, np.float64))
    return made, ways


def jitter(meshes: Meshes, ways: Sequence[NDArray[np.float64]]) -> float:
    """How much the points tremble on the portrait itself, which is still: their mean step, in % of the eyes' distance."""
    points = []
    for mesh, way in zip(meshes, ways, strict=True):
        if mesh is not None:
            back = cv2.invertAffineTransform(way)
            points.append(mesh[:, :2] @ back[:, :2].T + back[:, 2])
    eyes = np.linalg.norm(points[0][263] - points[0][33])
    return float(100 * np.linalg.norm(np.diff(np.array(points), axis=0), axis=2).mean() / eyes)


def each_frame() -> Callable[[FrameView], NDArray[np.float32] | None]:
    """Detector and mesh, from the whole frame."""
    sessions = context_of(VisionOptions()).sessions
    short, full, mesh = (sessions.open(model, threads=1) for model in (BLAZEFACE_SHORT, BLAZEFACE_FULL, FACEMESH))
    detector, landmarker = Detector(BlazeFace.short_range(short), BlazeFace.full_range(full)), Landmarker(mesh)

    def one(frame: FrameView) -> NDArray[np.float32] | None:
        finds = detect(detector, frame.bgr(), Effort.FULL)
        found = first_mesh(landmarker, frame, finds[0]) if finds else None
        return None if found is None else landmarker.refined(frame.bgr, frame.box, found[0])

    return one


def followed(every: int) -> Callable[[FrameView], NDArray[np.float32] | None]:
    """The analyser."""
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions(detect_every=every)))

    def one(frame: FrameView) -> NDArray[np.float32] | None:
        if frame.index == 0:
            analyser.start(Segment(0, 0, 1 << 30))
        faces = analyser.analyse(frame)
        return faces[0].mesh_468 if faces else None

    return one


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=10, help="--vision-detect-every")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    print(f"{options.frames} frames, a search every {options.every}, one thread, CPU, {cpu_name()}, {platform.system()}")
    ways = {"each frame": each_frame(), "followed": followed(options.every)}
    for size, (width, height) in SIZES.items():
        frames, ways_there = clip(width, height, options.frames)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        said: dict[str, Meshes] = {}
        for _ in range(options.rounds):
            for name, way in ways.items():
                begun = time.process_time()
                said[name] = [way(frame) for frame in frames]
                taken[name].append((time.process_time() - begun) / len(frames) * 1000)
        trembling = {name: jitter(meshes, ways_there) for name, meshes in said.items()}
        for name, values in taken.items():
            missed = sum(mesh is None for mesh in said[name])
            print(
                f"{size}, {name:10} {statistics.median(values):6.1f} ms of processor time a frame, "
                f"jitter {trembling[name]:.2f} %, {missed} frames without a face"
            )
        ratios = [each / ours for each, ours in zip(taken["each frame"], taken["followed"], strict=True)]
        steadier = trembling["each frame"] / trembling["followed"]
        print(f"{size}, each frame / followed: time {spread(ratios)}, jitter {steadier:.2f}", flush=True)


if __name__ == "__main__":
    main()
