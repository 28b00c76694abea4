"""What a call of each made network takes in a session of the host, against ONNX Runtime alone with as many threads.

uv run python benchmarks/sessions.py FOLDER [NAME...] [--device DEVICE] [--threads N] [--rounds N]

FOLDER is what make_models.py made.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from common import THREADS, cpu_name, spread

from roop_host import ModelSpec
from roop_host.models.ort_session import OrtSession
from roop_host.models.sessions import OrtSessions

#: What free sizes are: one face, or a picture of 640x640.
_BATCH, _SIDE = 1, 640


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    names = options.names or sorted(path.stem for path in options.folder.glob("*.onnx"))
    print(f"{options.device}, {options.threads} threads, {cpu_name()}, ONNX Runtime {onnxruntime.__version__}")
    for name in names:
        measure(options.folder / f"{name}.onnx", options.device, options.threads, options.rounds)


def measure(path: Path, device: str, threads: int, rounds: int) -> None:
    """Alternate the two, after a call of each that does not count."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    model = ModelSpec(name=path.stem, sha256=digest, size=len(data), licence="none", path=lambda: path)
    sessions = OrtSessions(device, threads)
    began = time.perf_counter()
    session = sessions.open(model)
    opened = time.perf_counter() - began
    alone = _alone(data, threads)
    del data
    inputs = _inputs(session)
    ways: dict[str, Callable[[], object]] = {"host": lambda: session.run(inputs), "alone": lambda: alone.run(None, inputs)}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, call in ways.items():
            began = time.perf_counter()
            call()
            if number:
                taken[way].append(1000 * (time.perf_counter() - began))
    ratios = [ours / theirs for ours, theirs in zip(taken["host"], taken["alone"], strict=True)]
    host, bare = spread(taken["host"]), spread(taken["alone"])
    print(f"{path.stem}: host {host} ms, ONNX Runtime alone {bare} ms, ratio {spread(ratios)}")
    print(f"  verified, loaded and tried out in {opened:.1f} s; {sessions.loaded[0]['provider']}")


def _alone(data: bytes, threads: int) -> Any:
    """As its own documentation does it, but for the threads: as many, and asleep between calls of the other one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _inputs(session: OrtSession) -> dict[str, np.ndarray[Any, Any]]:
    noise = np.random.default_rng(0)
    free = [_BATCH, 0, _SIDE, _SIDE]
    return {
        item.name: noise.random([free[axis] if size is None else size for axis, size in enumerate(item.shape)]).astype(
            item.dtype
        )
        for item in session.inputs
    }


if __name__ == "__main__":
    main()
