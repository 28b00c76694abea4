"""What it costs to enhance a face, against its network's cost alone, in the same run.

uv run python benchmarks/enhance.py [--rounds N] [--threads N]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import THREADS, cpu_name, spread, video_frame
from make_models import MODELS
from numpy.typing import NDArray

from roop_enhancer.embedded import EmbeddedEngine
from roop_enhancer.engine import Asked, Engine
from roop_enhancer.options import EnhancerOptions
from roop_enhancer.restoring import RestoringEngine
from roop_host import Face, ModelSpec, Session
from roop_host.testing import context_of, frame_of
from roop_vision.align import Template
from roop_vision.analyser import EmbeddedAnalyser
from roop_vision.options import VisionOptions

EXAMPLES = Path(__file__).parents[1] / "examples" / "media"
#: Of the network's own cost, in per cent.
BAR = 10
#: Of faces in the frame, in pixels.
WIDTHS = (100, 190, 400)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=THREADS, help="of the network; OpenCV has one, as in a run")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    ctx = context_of(EnhancerOptions(), threads=options.threads)
    with tempfile.TemporaryDirectory() as folder:
        network = _seconds(_alone(ctx.sessions.open(_network(Path(folder)))), options.rounds)
    print(f"a face of a frame in yuv420p with noise, {options.rounds} rounds, processor time, {cpu_name()}")
    print(f"baseline: a graph with GFPGAN's layers and random weights, {options.threads} threads, CPU provider")
    print(f"it takes {_told(network)}")
    for width in WIDTHS:
        bgr, face = _portrait(width)
        engines: dict[str, Engine] = {
            "all but the network": RestoringEngine(_Costless(), EnhancerOptions(), ctx),
            "model embedded": EmbeddedEngine(EnhancerOptions(), ctx.sessions),
        }
        for name, engine in engines.items():
            ours = _seconds(_enhancing(engine, bgr, face), 5 * options.rounds)
            share = 100 * float(np.median(ours)) / float(np.median(network))
            bar = f", {share:.1f} % of the network's cost; bar: <= {BAR} %" if name != "model embedded" else ""
            print(f"a face {width} pixels wide, {name}: {_told(ours)}{bar}")


class _Costless:
    """Gives the crop back."""

    name, size = "costless", 512
    template: Template = "ffhq_512"

    def restore(self, crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        return crops_bgr[..., ::-1] * np.float32(1 / 255)


def _portrait(width: int) -> tuple[NDArray[np.uint8], Face]:
    """A picture whose face is so wide."""
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    bgr = np.asarray(cv2.imread(str(EXAMPLES / "hopper.jpg")), np.uint8)
    face = analyser.analyse_picture(frame_of(bgr))[0]
    factor = width / (face.box_xyxy[2] - face.box_xyxy[0])
    size = (2 * round(bgr.shape[1] * factor / 2), 2 * round(bgr.shape[0] * factor / 2))
    large = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return large, analyser.analyse_picture(frame_of(large))[0]


def _network(folder: Path) -> ModelSpec:
    data = MODELS["gfpgan_clean"](1.0).model.SerializeToString()
    path = folder / "gfpgan.onnx"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return ModelSpec(name="gfpgan", sha256=digest, size=len(data), licence="none", path=lambda: path)


def _alone(session: Session) -> Callable[[], Any]:
    crop = np.random.default_rng(1).uniform(-1, 1, (1, 3, 512, 512)).astype(np.float32)
    name = session.input_names[0]
    return lambda: session.run({name: crop})


def _enhancing(engine: Engine, bgr: NDArray[np.uint8], face: Face) -> Callable[[], Any]:
    """Each call is the next frame of a face that stands still, with noise of its own; frames are made beforehand."""
    random = np.random.default_rng(2)
    noisy = [np.clip(bgr + random.normal(0, 3, bgr.shape), 0, 255).astype(np.uint8) for _ in range(4)]
    frames = [video_frame(noisy[index % 4], index, (face,)) for index in range(60)]
    engine.start()

    def do() -> None:
        engine.process([Asked(frames.pop(0), face)])

    return do


def _seconds(way: Callable[[], Any], rounds: int) -> list[float]:
    """Of the processor, not of the clock: what else the machine does is left out. The first rounds are for the caches."""
    seconds = []
    for _ in range(rounds + 2):
        begun = time.process_time()
        way()
        seconds.append(time.process_time() - begun)
    return seconds[2:]


def _told(seconds: Sequence[float]) -> str:
    return f"{spread([1000 * took for took in seconds])} ms"


if __name__ == "__main__":
    main()
