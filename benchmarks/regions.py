"""A region of 400x400 is looked at, changed and put back, against the same by way of the whole frame in B, G, R.

*Regions*: ``frame.bgr(box)``, a change, ``frame.put(box, ...)``. *Whole frames*: ``to_ndarray("bgr24")``, the same change,
``VideoFrame.from_ndarray`` and back to the clip's format, all by PyAV. Once for a frame alone, then in a pipeline from
decoder to encoder, where the host runs the one and a loop in PyAV the other; a loop that changes nothing is measured too.

    uv run python benchmarks/regions.py [--sizes 720p,1080p,4k] [--rounds N] [--preset NAME]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
from common import SIZES, THREADS, bench_host, face_clip, setting, spread
from numpy.typing import NDArray

from roop_host import Box, ExecutionOptions, Host, Job, MediaOptions, Processor, ProcessorSpec, Step, Window, hookimpl
from roop_host.types.frame import Frame, Scratch
from roop_host.types.planes import PixelLayout, Pixels

PORTRAIT = Path(__file__).parents[1] / "examples" / "media" / "hopper.jpg"
SIDE = 400
#: Calls that make one measurement of a frame alone.
CALLS = 10
#: 8 bit, 4:2:0, limited range, as the clips are.
LAYOUT = PixelLayout("yuv", 8, 1, 1)


def changed(bgr: NDArray[Any]) -> NDArray[np.uint8]:
    """What costs next to nothing and reaches every sample: the negative."""
    return np.asarray(cv2.bitwise_not(bgr), np.uint8)


def middle(width: int, height: int) -> Box:
    """The region: an odd place, so that its chroma is shared with what is outside."""
    x, y = (width - SIDE) // 2 | 1, (height - SIDE) // 2 | 1
    return Box(x, y, x + SIDE, y + SIDE)


def by_whole_frame(picture: av.VideoFrame) -> av.VideoFrame:
    """The same change by way of B, G, R."""
    bgr = picture.to_ndarray(format="bgr24")
    box = middle(picture.width, picture.height)
    region = (slice(box.y0, box.y1), slice(box.x0, box.x1))
    bgr[region] = changed(bgr[region])
    made = av.VideoFrame.from_ndarray(bgr, format="bgr24").reformat(format=picture.format.name)
    made.pts, made.time_base = picture.pts, picture.time_base
    return made


class Regions(Processor):
    """The change by regions."""

    def process(self, window: Window) -> None:
        for frame in window.current:
            by_region(frame)


def by_region(frame: Frame) -> None:
    """The change on a frame of the host's."""
    box = middle(frame.width, frame.height)
    frame.put(box, changed(frame.bgr(box)))


@hookimpl
def _processors() -> list[ProcessorSpec]:
    return [ProcessorSpec(name="regions", summary="benchmark", load=lambda: Regions, needs_faces=False)]


def frame_alone(clip: Path, rounds: int) -> None:
    """Milliseconds for a frame, whose first call, in which buffers are made, does not count."""
    with av.open(str(clip)) as source:
        picture = next(source.decode(video=0))
    planes = [np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width] for plane in _buffers(picture)]
    scratch = Scratch()

    def one() -> None:
        frame = Frame(pixels)
        frame.enter(scratch)
        by_region(frame)

    pixels = Pixels(LAYOUT, (planes[0].copy(), planes[1].copy(), planes[2].copy()))
    ways: dict[str, Callable[[], object]] = {"whole frame": lambda: by_whole_frame(picture), "region": one}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            for _ in range(CALLS):
                way()
            taken[name].append((time.perf_counter() - begun) / CALLS * 1000)
    for name, values in taken.items():
        print(f"a frame alone, {name:12} {statistics.median(values):7.2f} ms")
    ratios = [whole / region for whole, region in zip(taken["whole frame"], taken["region"], strict=True)]
    print(f"a frame alone, whole frame / region   {spread(ratios)}", flush=True)


def _buffers(picture: av.VideoFrame) -> list[Any]:
    return list(picture.planes)


def by_pyav(clip: Path, output: Path, preset: str, change: Callable[[av.VideoFrame], av.VideoFrame]) -> None:
    """One loop from decoder to encoder."""
    with av.open(str(clip)) as source, av.open(str(output), "w") as sink:
        video = source.streams.video[0]
        video.codec_context.thread_count = THREADS
        out = sink.add_stream("libx264", rate=video.average_rate or 30, options={"crf": "18", "preset": preset})
        out.width, out.height, out.pix_fmt = video.width, video.height, "yuv420p"
        out.codec_context.thread_count = THREADS
        out.codec_context.time_base = video.time_base or Fraction(1, 90000)
        for picture in source.decode(video):
            made = change(picture)
            made.pict_type = 0
            sink.mux(out.encode(made))
        sink.mux(out.encode(None))


def pipeline(host: Host, clip: Path, folder: Path, rounds: int, preset: str) -> None:
    """From decoder to encoder."""

    def by_roop() -> None:
        media = MediaOptions(preset=preset, overwrite=True)
        execution = ExecutionOptions(device="cpu", threads=THREADS)
        output = str(folder / "roop.mp4")
        host.run(Job((), str(clip), output, (Step("regions"),), media=media, execution=execution))

    ways: dict[str, Callable[[], object]] = {
        "PyAV, nothing changed": lambda: by_pyav(clip, folder / "plain.mp4", preset, lambda picture: picture),
        "PyAV, whole frames": lambda: by_pyav(clip, folder / "whole.mp4", preset, by_whole_frame),
        "roop, regions": by_roop,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begun)
    for name, values in seconds.items():
        print(f"in a pipeline, {name:22} {statistics.median(values):6.2f} s")
    for name in ("PyAV, whole frames", "PyAV, nothing changed"):
        ratios = [theirs / ours for theirs, ours in zip(seconds[name], seconds["roop, regions"], strict=True)]
        print(f"in a pipeline, {name} / roop, regions   {spread(ratios)}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(SIZES), help=f"of {', '.join(SIZES)}; fewer frames of the larger")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--preset", default="ultrafast", help="a fast encoder leaves the rest to be seen")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    step = SimpleNamespace(ROOP_API=1, roop_processors=_processors)
    with tempfile.TemporaryDirectory() as name, bench_host(step=step) as host:
        folder = Path(name)
        for size in options.sizes.split(","):
            clip = face_clip(folder / f"{size}.mp4", *SIZES[size], PORTRAIT)
            print(setting(clip, options.preset))
            frame_alone(clip, options.rounds)
            pipeline(host, clip, folder, options.rounds, options.preset)


if __name__ == "__main__":
    main()
