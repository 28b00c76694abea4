"""What screening costs: making the small picture, a look, and its share of whole runs, each against a named baseline.

uv run python benchmarks/screening.py [--clip CLIP] [--rounds N] [--network]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
from common import THREADS, bench_host, bench_processors, cpu_name, face_clip, setting, spread, video_frame
from make_models import MODELS
from numpy.typing import NDArray
from PIL import Image

import roop_nsfw.options
import roop_swapper.plugin
import roop_vision.plugin
from roop_host import ExecutionOptions, Frame, Host, Job, MediaOptions, ModelSpec, Report, Stage, Step
from roop_host.testing import context_of, host_of
from roop_nsfw.screener import OpenNsfw, prepared

EXAMPLES = Path(__file__).parents[1] / "examples" / "media"
_SMALL = 256
_SCREENS = ("screen target", "screen output")
#: Frames a second on two cores; ms for 1080p; what screening may add to a run with a network, in per cent.
BAR_FPS, BAR_MS, BAR_PERCENT = 20, 2.5, 5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="default: 150 frames of 1280x720 made from a portrait")
    parser.add_argument("--source", type=Path, default=EXAMPLES / "collins.jpg")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", action="store_true", help="compare with inswapper_128's layers and random weights too")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    print(f"processor time, {options.rounds} rounds of each in turns, {cpu_name()}")
    _small_pictures(options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        a_frame = _looks(options.rounds)
        if options.network:
            _beside_a_network(Path(folder), a_frame, options.rounds)
        _runs(Path(folder), options.clip, options.source, options.rounds)
        _stills(Path(folder))


def _small_pictures(rounds: int) -> None:
    """From planes, against what the reference does: the whole frame as B, G, R, then Pillow's bilinear filter."""
    frame = _frame(1920, 1080)
    ways = {"whole": lambda: _by_pillow(frame), "planes": lambda: frame.shrunk(_SMALL, _SMALL)}
    through = {"with jpeg": lambda: prepared(frame.shrunk(_SMALL, _SMALL))}
    ms, alone = _in_turns(ways | through, 10 * rounds), _in_turns(through, 20 * rounds)
    ratios = [whole / planes for whole, planes in zip(ms["whole"], ms["planes"], strict=True)]
    print(f"1920x1080 to {_SMALL}x{_SMALL}: whole frame to B, G, R, then Pillow: {spread(ms['whole'])} ms")
    print(f"  from planes: {spread(ms['planes'])} ms, {spread(ratios)} times as fast")
    print(f"  from planes, cropped and through JPEG: {spread(ms['with jpeg'])} ms in turns with what takes 24 MB of memory,")
    print(f"  {spread(alone['with jpeg'])} ms one after the other; {_bar(alone['with jpeg'], 'ms', most=BAR_MS)}")


def _looks(rounds: int) -> float:
    """The median cost of a frame that is looked at as target and as output, in ms; one thread."""
    network, frame = _screener(), _frame(1280, 720)
    (given,) = network.prepare(frame)
    ways = {
        "prepare": lambda: network.prepare(frame),
        "judge": lambda: network.judge([given], Stage.TARGET),
    }
    ms = _in_turns(ways, 10 * rounds)
    shares = [100 * small / look for small, look in zip(ms["prepare"], ms["judge"], strict=True)]
    print(f"a look at 1280x720: the network {spread(ms['judge'])} ms, baseline; its input {spread(shares)} % of that")
    return 2 * float(np.median(ms["prepare"]) + np.median(ms["judge"]))


def _beside_a_network(folder: Path, a_frame_ms: float, rounds: int) -> None:
    """Of the network alone: a run has more beside it, so that the share of a run is lower still."""
    path = folder / "inswapper_128.onnx"
    path.write_bytes(MODELS["inswapper_128"](1.0).model.SerializeToString())
    data = path.read_bytes()
    spec = ModelSpec(
        name="inswapper_128",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        licence="none",
        path=lambda: path,
    )
    session = context_of(threads=THREADS).sessions.open(spec)
    rng = np.random.default_rng(0)
    inputs = {item.name: rng.random([size or 1 for size in item.shape], np.float32) for item in session.inputs}
    session.run(inputs)
    ms = _in_turns({"network": lambda: session.run(inputs)}, rounds)["network"]
    share = 100 * a_frame_ms / float(np.median(ms))
    print(f"a call with inswapper_128's layers, {THREADS} threads, baseline: {spread(ms)} core-ms")
    print(
        f"  both looks at a frame: {a_frame_ms:.1f} core-ms, {share:.1f} % of that; {_bar([share], '%', most=BAR_PERCENT)}"
    )


def _runs(folder: Path, given: Path | None, source: Path, rounds: int) -> None:
    """The swapper without a network, everything looked at, against the same run with screening off the clock."""
    clip = given or face_clip(folder / "clip.mp4", 1280, 720, 150, EXAMPLES / "hopper.jpg")
    print(setting(clip, "veryfast"))
    plugins: dict[str, object] = {"vision": roop_vision.plugin, "swapper": roop_swapper.plugin}
    with bench_host(**plugins) as off, host_of(nsfw=roop_nsfw.plugin, **plugins) as on:
        cost: dict[str, list[float]] = {"off": [], "on": []}
        speeds, shares = [], []
        for _ in range(rounds):
            for name, host in {"off": off, "on": on}.items():
                began = time.process_time()
                report = _run(host, source, clip, folder / "out.mp4", "swapper")
                cost[name].append(1000 * (time.process_time() - began) / report.frames)
            speeds.append(report.fps)
            shares.append(100 * _seconds(report, _SCREENS) / _seconds(report, [stage.name for stage in report.stages]))
            print(f"  {_told(report)}")
    ratios = [on / off for on, off in zip(cost["on"], cost["off"], strict=True)]
    print(f"mesh engine, screening off the clock, baseline: {spread(cost['off'])} core-ms a frame")
    print(f"  everything looked at: {spread(cost['on'])} core-ms a frame, {spread(ratios)} times that")
    told = _bar(speeds, "frames/s on 2 cores", least=BAR_FPS)
    print(f"  screening: {spread(shares)} % of all stages' busy time; {spread(speeds)} frames/s; {told}")


def _stills(folder: Path) -> None:
    """A picture that stays, and a step that changes nothing."""
    clip = folder / "still.mp4"
    with av.open(str(clip), "w") as sink:
        out = sink.add_stream("libx264", rate=25, options={"qp": "0", "preset": "ultrafast"})
        out.width, out.height, out.pix_fmt = 1280, 720, "yuv420p"
        picture = av.VideoFrame.from_ndarray(_portrait(1280, 720), format="bgr24").reformat(format="yuv420p")
        for number in range(50):
            picture.pts = number
            sink.mux(out.encode(picture))
        sink.mux(out.encode(None))
    nothing = SimpleNamespace(ROOP_API=1, roop_processors=bench_processors)
    with host_of(bench=nothing, vision=roop_vision.plugin, nsfw=roop_nsfw.plugin) as host:
        report = _run(host, None, clip, folder / "still_out.mp4", "nothing")
    (seen,) = report.screening
    print(f"50 equal frames, unchanged: {seen.looks} looks, {seen.reused} times known already; baseline: 100 looks")


def _run(host: Host, source: Path | None, clip: Path, out: Path, step: str) -> Report:
    return host.run(
        Job(
            (str(source),) if source else (),
            str(clip),
            str(out),
            (Step(step),),
            media=MediaOptions(preset="veryfast", overwrite=True),
            execution=ExecutionOptions(device="cpu", threads=THREADS),
        )
    )


def _told(report: Report) -> str:
    return f"{report.fps:.1f} frames/s: " + ", ".join(
        f"{stage.name} {1000 * stage.seconds / report.frames:.1f} ms" for stage in report.stages
    )


def _bar(found: Sequence[float], unit: str, *, least: float = 0, most: float = float("inf")) -> str:
    """What the bar is, and whether the median meets it."""
    wanted = f">= {least}" if least else f"<= {most}"
    return f"bar: {wanted} {unit}, {'met' if least <= float(np.median(found)) <= most else 'not met'}"


def _seconds(report: Report, names: Sequence[str]) -> float:
    return sum(stage.seconds for stage in report.stages if stage.name in names)


def _in_turns(ways: dict[str, Callable[[], Any]], times: int) -> dict[str, list[float]]:
    """Processor ms of each call, one after the other."""
    ms: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, call in ways.items():
            began = time.process_time()
            call()
            ms[name].append(1000 * (time.process_time() - began))
    return ms


def _by_pillow(frame: Frame) -> Image.Image:
    frame.enter(frame.scratch)  # nothing is kept of the conversion before
    return Image.fromarray(frame.bgr()).resize((_SMALL, _SMALL), Image.Resampling.BILINEAR)


def _screener() -> OpenNsfw:
    screener = OpenNsfw()
    screener.setup(context_of(roop_nsfw.options.Options()))
    return screener


def _frame(width: int, height: int) -> Frame:
    return video_frame(_portrait(width, height))


def _portrait(width: int, height: int) -> NDArray[np.uint8]:
    """A portrait with some noise, as a camera has."""
    portrait = np.asarray(Image.open(EXAMPLES / "collins.jpg").convert("RGB"))[..., ::-1]
    picture = cv2.resize(np.ascontiguousarray(portrait), (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 2, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


if __name__ == "__main__":
    main()
