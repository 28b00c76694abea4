"""What it costs to enhance a face, against its network's cost alone, in the same run.

uv run python benchmarks/enhance.py [--rounds N] [--threads N] [--picture FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import THREADS, cpu_name, spread
from make_models import MODELS
from numpy.typing import NDArray

from roop_enhancer.embedded import EmbeddedEngine
from roop_enhancer.engine import Asked, Engine
from roop_enhancer.networks import NetworkSpec, network_named
from roop_enhancer.onnx_backend import OnnxRestorer
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=THREADS, help="of the network; OpenCV has one, as in a run")
    parser.add_argument("--picture", type=Path, default=EXAMPLES / "hopper.jpg")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    bgr = np.asarray(cv2.imread(str(options.picture)), np.uint8)
    face = _face(bgr)
    x0, y0, x1, y1 = face.box_xyxy
    print(f"a face of {x1 - x0:.0f} x {y1 - y0:.0f} pixels, {options.rounds} rounds, processor time, {cpu_name()}")
    with tempfile.TemporaryDirectory() as folder:
        ctx = context_of(EnhancerOptions(), threads=options.threads)
        spec, model = _network(Path(folder))
        restorer = OnnxRestorer(ctx, spec, None, EnhancerOptions().weight)
        print(
            f"baseline 'network': a graph with GFPGAN's layers and random weights, {options.threads} threads, CPU provider"
        )
        alone = _alone(ctx.sessions.open(model))
        engine = RestoringEngine(restorer, EnhancerOptions(), ctx)
        seconds = _measured({"network": alone, "enhancer": _enhancing(engine, bgr, face)}, options.rounds)
    shares = [100 * (ours / theirs - 1) for ours, theirs in zip(seconds["enhancer"], seconds["network"], strict=True)]
    told = {name: f"{1000 * float(np.median(took)):.0f} ms" for name, took in seconds.items()}
    print(f"network {told['network']}, enhancer {told['enhancer']}: {spread(shares)} % more; bar: <= {BAR} %")
    own = _enhancing(RestoringEngine(_Costless(), EnhancerOptions(), ctx), bgr, face)
    ours = _measured({"without": own, "embedded": _embedded(bgr, face)}, 5 * options.rounds)
    print(f"the same with a network that costs nothing: {spread([1000 * s for s in ours['without']])} ms a face")
    print(f"model embedded: {spread([1000 * s for s in ours['embedded']])} ms a face")


class _Costless:
    """Gives the crop back."""

    name, size = "costless", 512
    template: Template = "ffhq_512"

    def restore(self, crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        return crops_bgr[..., ::-1] * np.float32(1 / 255)


def _face(bgr: NDArray[np.uint8]) -> Face:
    analyser = EmbeddedAnalyser()
    analyser.setup(context_of(VisionOptions()))
    return analyser.analyse_picture(frame_of(bgr))[0]


def _network(folder: Path) -> tuple[NetworkSpec, ModelSpec]:
    """The default network, with random weights in its file."""
    data = MODELS["gfpgan_clean"](1.0).model.SerializeToString()
    path = folder / "gfpgan.onnx"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    model = ModelSpec(name="gfpgan", sha256=digest, size=len(data), licence="none", path=lambda: path)
    spec = network_named("gfpgan_1.4")
    assert spec is not None
    return replace(spec, model=model), model


def _alone(session: Session) -> Callable[[], Any]:
    crop = np.random.default_rng(1).uniform(-1, 1, (1, 3, 512, 512)).astype(np.float32)
    name = session.input_names[0]
    return lambda: session.run({name: crop})


def _enhancing(engine: Engine, bgr: NDArray[np.uint8], face: Face) -> Callable[[], Any]:
    """Each call is a new frame of the same face; all but the change of the frame's pixels is ready."""
    frames = [frame_of(bgr, index, faces=(face,)) for index in range(2)]
    engine.start()

    def do() -> None:
        frames.append(frame_of(bgr, len(frames), faces=(face,)))
        frame = frames.pop(0)
        engine.process([Asked(frame, face)])

    return do


def _embedded(bgr: NDArray[np.uint8], face: Face) -> Callable[[], Any]:
    return _enhancing(EmbeddedEngine(EnhancerOptions(), context_of().sessions), bgr, face)


def _measured(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, in turn. The first round is for the caches."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            begun = time.process_time()
            way()
            if turn:
                seconds[name].append(time.process_time() - begun)
    return seconds


if __name__ == "__main__":
    main()
